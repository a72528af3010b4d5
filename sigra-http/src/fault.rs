//! What an endpoint answers when it cannot do what was asked.

use std::time::Duration;

use crate::head::Head;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};

use crate::problem::{FaultCode, FieldError};

/// How a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// Pages for people.
    Html,
    /// JSON for programs.
    Json,
}

impl Face {
    /// How a route of the host's should be answered: pages for whoever asks for them, problem documents for the rest.
    pub(crate) fn of_host_route(head: Head<'_>) -> Self {
        let mentions = |name, what: &str| {
            head.headers
                .get_all(name)
                .iter()
                .any(|value| value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains(what)))
        };
        if mentions(ACCEPT, "text/html") && !mentions(CONTENT_TYPE, "application/json") {
            Self::Html
        } else {
            Self::Json
        }
    }
}

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A plain fault.
    Code(FaultCode),
    /// A plain fault that is about permission: 403, whatever the code's usual status.
    Forbidden(FaultCode),
    /// The method is not one of these.
    MethodNotAllowed(Vec<Method>),
    /// Faults beside fields.
    Validation(Vec<FieldError>),
    /// No session.
    Unauthenticated,
    /// The session must authenticate again.
    NotFresh,
    /// No pending sign-in that owes this step first.
    NoPending,
    /// The account must have a second factor for this, and has none.
    FactorMissing,
    /// Too many second factors were wrong. To come back after so long, if time helps at all.
    LockedOut(Option<Duration>),
    /// Too often.
    RateLimited(Duration),
    /// No room for more work.
    Overloaded(Duration),
    /// The answer was wrong once too often: the session is over, and its cookie goes.
    SessionEnded,
    /// Storage has more work than it can take; a moment later the same request may succeed.
    StorageBusy(Box<FlowError>),
    /// Something of ours failed.
    Internal(Box<FlowError>),
}

/// When to come back to a storage that is too busy. It does not say itself.
const STORAGE_RETRY: Duration = Duration::from_secs(1);

impl Fault {
    pub(crate) const fn code(&self) -> FaultCode {
        match self {
            Self::Code(code) | Self::Forbidden(code) => *code,
            Self::MethodNotAllowed(_) => FaultCode::MethodNotAllowed,
            Self::Validation(_) => FaultCode::Validation,
            Self::Unauthenticated | Self::NoPending => FaultCode::Unauthenticated,
            Self::FactorMissing => FaultCode::NotEnrolled,
            Self::LockedOut(_) => FaultCode::LockedOut,
            Self::SessionEnded => FaultCode::InvalidCredentials,
            Self::NotFresh => FaultCode::ReauthRequired,
            Self::RateLimited(_) => FaultCode::RateLimited,
            Self::Overloaded(_) | Self::StorageBusy(_) => FaultCode::Overloaded,
            Self::Internal(_) => FaultCode::Internal,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Forbidden(_) | Self::SessionEnded | Self::FactorMissing => StatusCode::FORBIDDEN,
            other => other.code().status(),
        }
    }

    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(after) | Self::Overloaded(after) => Some(*after),
            Self::LockedOut(after) => *after,
            Self::StorageBusy(_) => Some(STORAGE_RETRY),
            _ => None,
        }
    }
}

impl From<FlowError> for Fault {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Overloaded { retry_after } | FlowError::Unanswered { retry_after } => {
                Self::Overloaded(retry_after)
            }
            FlowError::Store(ref store) if store.kind() == StoreErrorKind::Busy => Self::StorageBusy(Box::new(error)),
            error => Self::Internal(Box::new(error)),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::from(FlowError::from(error))
    }
}

impl From<FaultCode> for Fault {
    fn from(code: FaultCode) -> Self {
        Self::Code(code)
    }
}

/// The `Allow` header of a 405.
pub(crate) fn allow(methods: &[Method], headers: &mut HeaderMap) {
    let list = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    if let Ok(value) = http::HeaderValue::from_str(&list) {
        headers.insert(http::header::ALLOW, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_11_what_is_refused_for_want_of_an_answer_is_worth_another_try() {
        let fault = Fault::from(FlowError::Unanswered { retry_after: Duration::from_secs(30) });
        assert_eq!((fault.status().as_u16(), fault.code()), (503, FaultCode::Overloaded));
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_busy_storage_is_worth_another_try_and_a_lost_one_is_a_fault() {
        let busy = Fault::from(StoreError::new(StoreErrorKind::Busy, "AttemptStore::reserve"));
        assert_eq!((busy.status().as_u16(), busy.code()), (503, FaultCode::Overloaded));
        assert!(busy.retry_after().is_some());
        let broken = Fault::from(StoreError::new(StoreErrorKind::Unavailable, "AttemptStore::reserve"));
        assert_eq!((broken.status().as_u16(), broken.code()), (500, FaultCode::Internal));
    }
}
