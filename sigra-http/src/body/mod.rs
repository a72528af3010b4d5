//! Reading request bodies: at most 64 KiB, of the type the route takes, into fields.

mod fields;
mod json;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

pub use fields::{Fields, WrongType};

use crate::media_type::MediaType;
use crate::problem::FaultCode;

/// The largest body taken, in bytes.
pub const MAX_BODY: usize = 64 * 1_024;

/// What a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than [`MAX_BODY`] bytes.
    #[error("the body is too large")]
    TooLarge,
    /// Another media type than the route takes.
    #[error("the content type is not supported")]
    UnsupportedMediaType,
    /// Cut off, not UTF-8, not what the media type says, or ambiguous.
    #[error("the body could not be read")]
    Malformed,
}

impl From<BodyError> for FaultCode {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::PayloadTooLarge,
            BodyError::UnsupportedMediaType => Self::UnsupportedMediaType,
            BodyError::Malformed => Self::Malformed,
        }
    }
}

/// Reads a body whole. What announces itself as too large is refused unread.
///
/// # Errors
///
/// [`BodyError::TooLarge`], or [`BodyError::Malformed`] when the client breaks off.
pub async fn read<B>(headers: &HeaderMap, body: B) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(BodyError::TooLarge);
    }
    let collected = std::pin::pin!(Limited::new(body, MAX_BODY).collect()).await;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Malformed),
    }
}

/// Parses a body into fields. An empty body needs no content type and has no fields.
///
/// # Errors
///
/// [`BodyError::UnsupportedMediaType`] or [`BodyError::Malformed`].
pub fn parse(headers: &HeaderMap, body: &[u8], accepted: Accepted) -> Result<Fields, BodyError> {
    match (MediaType::of(headers), accepted) {
        (MediaType::Absent, _) if body.is_empty() => Ok(Fields::default()),
        (MediaType::Form, Accepted::Form) => Fields::from_form(body),
        (MediaType::Json, Accepted::Json) if body.is_empty() => Ok(Fields::default()),
        (MediaType::Json, Accepted::Json) => Fields::from_json(body),
        _ => Err(BodyError::UnsupportedMediaType),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::header::CONTENT_TYPE;
    use http_body_util::Full;
    use proptest::prelude::*;

    use super::*;

    fn headers(content_type: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = content_type {
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
        }
        headers
    }

    fn read_now(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Bytes, BodyError> {
        read(headers, Full::new(Bytes::from(bytes))).now_or_never().unwrap()
    }

    #[test]
    fn pw_05_more_than_64_kib_is_refused_announced_or_not() {
        assert!(read_now(&HeaderMap::new(), vec![b'a'; MAX_BODY]).is_ok());
        assert_eq!(read_now(&HeaderMap::new(), vec![b'a'; MAX_BODY + 1]), Err(BodyError::TooLarge));
        let mut announced = HeaderMap::new();
        announced.insert(CONTENT_LENGTH, "65537".parse().unwrap());
        assert_eq!(read_now(&announced, Vec::new()), Err(BodyError::TooLarge));
    }

    #[test]
    fn cs_03_each_route_takes_one_media_type() {
        for (content_type, accepted, body, fine) in [
            (Some("application/json"), Accepted::Json, "{}", true),
            (Some("Application/JSON; charset=utf-8"), Accepted::Json, "{}", true),
            (Some("application/json"), Accepted::Form, "{}", false),
            (Some("text/plain"), Accepted::Json, "{}", false),
            (Some("application/x-www-form-urlencoded"), Accepted::Json, "{}", false),
            (Some("application/jsonx"), Accepted::Json, "{}", false),
            (Some("application/x-www-form-urlencoded"), Accepted::Form, "a=1", true),
            (Some("multipart/form-data; boundary=x"), Accepted::Form, "a=1", false),
            (None, Accepted::Form, "a=1", false),
            (None, Accepted::Json, "{}", false),
            (None, Accepted::Form, "", true),
            (None, Accepted::Json, "", true),
        ] {
            let parsed = parse(&headers(content_type), body.as_bytes(), accepted);
            assert_eq!(parsed.is_ok(), fine, "{content_type:?} {accepted:?} {body:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&headers(Some("application/json")), &body, Accepted::Json);
            let _ = parse(&headers(Some("application/x-www-form-urlencoded")), &body, Accepted::Form);
        }

        #[test]
        fn a_form_is_read_as_browsers_write_it(pairs in prop::collection::btree_map(".{0,8}", ".{0,20}", 0..4)) {
            let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let form = headers(Some("application/x-www-form-urlencoded"));
            let fields = parse(&form, written.as_bytes(), Accepted::Form).unwrap();
            for (name, value) in &pairs {
                prop_assert_eq!(fields.text(name), Ok(Some(value.as_str())));
            }
        }

        #[test]
        fn what_is_taken_for_a_form_others_read_the_same(text in "([ab=&+;]|%[0-9a-fA-F]{0,2}|[cé]){0,16}") {
            let form = headers(Some("application/x-www-form-urlencoded"));
            if let Ok(fields) = parse(&form, text.as_bytes(), Accepted::Form) {
                let mut seen = std::collections::BTreeSet::new();
                for (name, value) in form_urlencoded::parse(text.as_bytes()) {
                    prop_assert_eq!(fields.text(&name), Ok(Some(&*value)));
                    prop_assert!(seen.insert(name), "a name came twice");
                }
            }
        }

        #[test]
        fn json_is_taken_exactly_when_it_is_an_object_without_repetition(
            members in prop::collection::vec(("[ab]", "null|true|1|\"x\"|\\[\\]|\\{\\}|\\{\"c\":1,\"c\":2\\}|\\{\"c\":1\\}|01|x"), 0..4),
        ) {
            let text = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>().join(",");
            let names: std::collections::BTreeSet<_> = members.iter().map(|(name, _)| name).collect();
            let fine = names.len() == members.len()
                && members.iter().all(|(_, value)| value.matches("\"c\"").count() < 2 && value != "01" && value != "x");
            let fields = parse(&headers(Some("application/json")), format!("{{{text}}}").as_bytes(), Accepted::Json);
            prop_assert_eq!(fields.is_ok(), fine, "{}", text);
            if let Ok(fields) = fields {
                for (name, value) in &members {
                    prop_assert_eq!(fields.value(name).map(ToString::to_string), Some(value.clone()));
                }
            }
        }

        #[test]
        fn cs_03_a_media_type_is_what_stands_before_the_parameters(
            kind in "(application/json|APPLICATION/json|application/jsonx|text/plain|application|)[ \t]{0,2}",
            parameters in "(;[ a-z=/\"]{0,12})?",
        ) {
            let value = format!("{kind}{parameters}");
            let taken = parse(&headers(Some(&value)), b"{}", Accepted::Json).is_ok();
            prop_assert_eq!(taken, kind.trim().eq_ignore_ascii_case("application/json"), "{}", value);
        }
    }
}
