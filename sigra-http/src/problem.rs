//! Faults for programs: RFC 9457 problem documents.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body_out::ResponseBody;

/// Every code a fault can have. The codes are part of the contract and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the codes speak for themselves; `title` words them")]
pub enum FaultCode {
    AlreadyEnrolled,
    CrossOrigin,
    Internal,
    InvalidCode,
    InvalidCredentials,
    InvalidToken,
    LockedOut,
    Malformed,
    MethodNotAllowed,
    NotEnrolled,
    NotFound,
    Overloaded,
    PasskeyLimit,
    PasskeyRejected,
    PasswordAlreadySet,
    PayloadTooLarge,
    RateLimited,
    ReauthRequired,
    Unauthenticated,
    Unconfirmed,
    UnsupportedMediaType,
    Validation,
}

impl FaultCode {
    /// The code as it stands in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyEnrolled => "already_enrolled",
            Self::CrossOrigin => "cross_origin",
            Self::Internal => "internal",
            Self::InvalidCode => "invalid_code",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidToken => "invalid_token",
            Self::LockedOut => "locked_out",
            Self::Malformed => "malformed",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotEnrolled => "not_enrolled",
            Self::NotFound => "not_found",
            Self::Overloaded => "overloaded",
            Self::PasskeyLimit => "passkey_limit",
            Self::PasskeyRejected => "passkey_rejected",
            Self::PasswordAlreadySet => "password_already_set",
            Self::PayloadTooLarge => "payload_too_large",
            Self::RateLimited => "rate_limited",
            Self::ReauthRequired => "reauth_required",
            Self::Unauthenticated => "unauthenticated",
            Self::Unconfirmed => "unconfirmed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Validation => "validation",
        }
    }

    /// The status the code usually comes with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::CrossOrigin | Self::ReauthRequired | Self::Unconfirmed => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AlreadyEnrolled | Self::NotEnrolled | Self::PasskeyLimit | Self::PasswordAlreadySet => {
                StatusCode::CONFLICT
            }
            Self::InvalidCode | Self::InvalidToken | Self::Malformed | Self::PasskeyRejected => StatusCode::BAD_REQUEST,
            Self::InvalidCredentials | Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LockedOut | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Validation => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// What went wrong, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AlreadyEnrolled => "It is set up already",
            Self::CrossOrigin => "The request came from another site",
            Self::Internal => "Something went wrong on our side",
            Self::InvalidCode => "The code is wrong or no longer valid",
            Self::InvalidCredentials => "The email address or password is wrong",
            Self::InvalidToken => "The link is wrong or no longer valid",
            Self::LockedOut => "Too many wrong codes",
            Self::Malformed => "The request could not be read",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::NotEnrolled => "This way of confirming is not set up",
            Self::NotFound => "There is nothing here",
            Self::Overloaded => "Too busy at the moment",
            Self::PasskeyLimit => "There is no room for another passkey",
            Self::PasskeyRejected => "The passkey was not accepted",
            Self::PasswordAlreadySet => "There is a password already",
            Self::PayloadTooLarge => "The request is too large",
            Self::RateLimited => "Too many requests",
            Self::ReauthRequired => "Authenticate again first",
            Self::Unauthenticated => "Sign in first",
            Self::Unconfirmed => "Confirm the email address first",
            Self::UnsupportedMediaType => "The content type is not supported here",
            Self::Validation => "Some fields are not accepted",
        }
    }
}

/// A fault of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
    /// The fault as a fixed word.
    pub code: &'static str,
    /// The fault as a sentence for people.
    pub message: String,
}

impl FieldError {
    /// A fault of `field`.
    #[must_use]
    pub fn new(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }
}

/// A problem document.
#[derive(Clone, Debug)]
pub struct Problem {
    code: FaultCode,
    status: StatusCode,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// A problem with the code's usual status.
    #[must_use]
    pub const fn new(code: FaultCode) -> Self {
        Self { code, status: code.status(), errors: Vec::new(), retry_after: None, request_id: None }
    }

    /// With another status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With faults of fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// With the time to wait, sent as `Retry-After` in whole seconds, rounded up, at least one.
    #[must_use]
    pub const fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// With the id the request has in the log.
    #[must_use]
    pub fn with_request_id(mut self, id: &str) -> Self {
        self.request_id = Some(id.to_owned());
        self
    }

    /// The document as a response.
    #[must_use]
    pub fn into_response(self) -> Response<ResponseBody> {
        let document = Document {
            r#type: format!("urn:sigra:fault:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status.as_u16(),
            code: self.code.as_str(),
            errors: &self.errors,
            request_id: self.request_id.as_deref(),
        };
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = Response::new(ResponseBody::full(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, whole_seconds(after));
        }
        response
    }
}

/// A span as `Retry-After` has it.
pub(crate) fn whole_seconds(span: Duration) -> HeaderValue {
    let rounded = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
    HeaderValue::from(rounded.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn th_14_retry_after_is_rounded_up() {
        for (millis, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (59_500, "60")] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn a_document_says_what_rfc_9457_wants() {
        let errors = vec![FieldError::new("password", "too_short", "Use at least 15 characters.")];
        let response = Problem::new(FaultCode::Validation).with_errors(errors).into_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
