//! The media types request bodies come in.

use http::header::{CONTENT_TYPE, HeaderMap};

/// What a `Content-Type` header says, as far as anybody here cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// No header.
    Absent,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
    /// Anything else, including several headers.
    Other,
}

impl MediaType {
    /// Reads the header. The media type is compared exactly, in any case; parameters such as `charset` are ignored,
    /// for bodies are UTF-8 or unreadable.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(CONTENT_TYPE).iter();
        let Some(line) = lines.next() else { return Self::Absent };
        if lines.next().is_some() {
            return Self::Other;
        }
        let essence = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            Self::Form
        } else {
            Self::Other
        }
    }
}
