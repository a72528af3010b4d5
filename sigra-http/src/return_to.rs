//! Where to go after signing in: a path of this application, or nowhere.

use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::escape;

/// A path, with its query, that cannot lead away from this origin.
///
/// Parsed from a `return_to` a stranger may have written. It starts with one slash; its path has no empty and no dot
/// segments; nothing in it is a backslash, a control character or outside ASCII. The same holds after percent-decoding,
/// however often it was encoded, because somebody down the road may decode once more. The query is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The longest path taken, in bytes.
    pub const MAX_BYTES: usize = 2_048;
    const MAX_DECODINGS: usize = 4;

    /// Parses what came. `None` means: ignore it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_BYTES || !text.starts_with('/') {
            return None;
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || !escape::is_whole(text) {
            return None;
        }
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let fine = every_decoding(text.as_bytes(), has_no_trick) && every_decoding(path.as_bytes(), is_plain_path);
        fine.then(|| Self(text.to_owned()))
    }

    /// The path and query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path and query as the value of a `Location` header.
    #[must_use]
    pub fn to_location(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a local path is printable ASCII")
    }

    /// `page?return_to=…`: carries this path along to a page without a query of its own.
    #[must_use]
    pub fn carried_by(&self, page: &str) -> String {
        const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
        format!("{page}?return_to={}", utf8_percent_encode(&self.0, VALUE))
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text and everything it decodes to holds; text that does not settle does not.
fn every_decoding(text: &[u8], holds: fn(&[u8]) -> bool) -> bool {
    let mut current = Cow::Borrowed(text);
    for _ in 0..=ReturnTo::MAX_DECODINGS {
        if !holds(&current) {
            return false;
        }
        let decoded: Vec<u8> = percent_decode(&current).collect();
        if decoded == *current {
            return true;
        }
        current = Cow::Owned(decoded);
    }
    false
}

fn has_no_trick(text: &[u8]) -> bool {
    !text.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control())
}

fn is_plain_path(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else { return false };
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if segment.starts_with(b"..") || segment == b"." || (segment.is_empty() && !is_last) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn cs_08_nothing_in_the_corpus_gets_through() {
        let long = format!("/{}", "a".repeat(ReturnTo::MAX_BYTES));
        let corpus = [
            "",
            " ",
            "/ ",
            " /",
            "me",
            "?x",
            "#x",
            "@evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\nSet-Cookie: a=b",
            "https:evil.example",
            "https://evil.example",
            "HTTPS://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.example.org@evil.example",
            "//app.example.org@evil.example",
            "//xn--e1awd7f.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/%252fevil.example",
            "/%25252fevil.example",
            "/%5cevil.example",
            "/%5Cevil.example",
            "/%255cevil.example",
            "%2f%2fevil.example",
            "/%0d%0aSet-Cookie:a=b",
            "/a%0d%0ab",
            "/a%250ab",
            "/a?b=%0d%0a",
            "/a%00",
            "/a%7f",
            "/%09/evil.example",
            "/a//evil.example",
            "/a/%2f/evil.example",
            "/..",
            "/../etc",
            "/a/../..",
            "/%2e%2e/",
            "/.%2e/",
            "/%252e%252e/",
            "/./a",
            "/..;/admin",
            "/a/%2E%2e%2f%2fevil.example",
            "/%",
            "/%2",
            "/%zz",
            "/a%",
            "/ä",
            "/\u{2215}evil",
            "/\u{ff0f}evil.example",
            "/%2525252525252f",
            "/a\u{0}",
            "/a b",
            long.as_str(),
        ];
        for text in corpus {
            assert_eq!(ReturnTo::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn paths_of_the_application_come_back_whole() {
        for text in [
            "/",
            "/me",
            "/auth/settings/sessions",
            "/a/",
            "/a.b/",
            "/.well-known/x",
            "/search?q=a%20b&r=//x/../y",
            "/oauth?redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb",
            "/a#part",
            "/%C3%A4",
            "/@me",
            "/a:b",
            "/?x",
        ] {
            assert_eq!(ReturnTo::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn it_is_carried_as_one_query_value() {
        let path = ReturnTo::parse("/search?q=a%20b&x=1").unwrap();
        assert_eq!(path.carried_by("/auth/login"), "/auth/login?return_to=/search%3Fq%3Da%2520b%26x%3D1");
        assert_eq!(path.to_location(), "/search?q=a%20b&x=1");
    }

    proptest! {
        #[test]
        fn cs_08_what_parses_stays_on_the_origin(text in prop_oneof!["/?\\PC{0,40}", "/[/\\\\.%0-9a-fA-F@:?#]{0,30}"]) {
            if let Some(path) = ReturnTo::parse(&text) {
                let base = Url::parse("https://app.example.org/auth/login").unwrap();
                let target = base.join(path.as_str()).unwrap();
                prop_assert_eq!(target.origin(), base.origin());
                prop_assert!(!target.path().starts_with("//"));
                let value = path.carried_by("/l");
                let carried = form_urlencoded::parse(value.split_once('?').unwrap().1.as_bytes()).next().unwrap().1.into_owned();
                prop_assert_eq!(carried, path.to_string());
            }
        }
    }
}
