//! What an endpoint answers when it cannot do what was asked.

use std::time::Duration;

use crate::head::Head;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};

use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::return_to::ReturnTo;
use crate::wording;

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
    /// No pending sign-in that owes this step first. With where the sign-in was to lead.
    NoPending(Option<ReturnTo>),
    /// The account must have a second factor for this, and has none.
    FactorMissing,
    /// Too many second factors were wrong. To come back after so long, if time helps at all.
    LockedOut(Option<Duration>),
    /// Too often.
    RateLimited(Duration),
    /// No room for more work.
    Overloaded(Duration),
    /// A fault that ends what a cookie stands for, and takes the cookie away.
    Ending(Box<Fault>, HeaderValue),
    /// Storage has more work than it can take; a moment later the same request may succeed.
    StorageBusy(Box<FlowError>),
    /// Something of ours failed.
    Internal(Box<FlowError>),
}

/// When to come back to a storage that is too busy. It does not say itself.
const STORAGE_RETRY: Duration = Duration::from_secs(1);

impl Fault {
    pub(crate) fn code(&self) -> FaultCode {
        match self {
            Self::Code(code) | Self::Forbidden(code) => *code,
            Self::MethodNotAllowed(_) => FaultCode::MethodNotAllowed,
            Self::Validation(_) => FaultCode::Validation,
            Self::Unauthenticated | Self::NoPending(_) => FaultCode::Unauthenticated,
            Self::FactorMissing => FaultCode::NotEnrolled,
            Self::LockedOut(_) => FaultCode::LockedOut,
            Self::Ending(fault, _) => fault.code(),
            Self::NotFresh => FaultCode::ReauthRequired,
            Self::RateLimited(_) => FaultCode::RateLimited,
            Self::Overloaded(_) | Self::StorageBusy(_) => FaultCode::Overloaded,
            Self::Internal(_) => FaultCode::Internal,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Ending(fault, _) => fault.status(),
            Self::Forbidden(_) | Self::FactorMissing => StatusCode::FORBIDDEN,
            other => other.code().status(),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(after) | Self::Overloaded(after) => Some(*after),
            Self::LockedOut(after) => *after,
            Self::StorageBusy(_) => Some(STORAGE_RETRY),
            Self::Ending(fault, _) => fault.retry_after(),
            _ => None,
        }
    }
}

/// A fault of what was typed, as a page shows it.
pub(crate) struct Beside {
    pub(crate) error: FieldError,
    status: StatusCode,
    retry_after: Option<Duration>,
}

impl Beside {
    /// The page that shows it.
    pub(crate) fn on(self, page: Reply) -> Reply {
        page.status(self.status).retry_after(self.retry_after)
    }
}

impl Fault {
    /// A fault of a code of a second factor, beside its field.
    ///
    /// # Errors
    ///
    /// The fault, when it is another one.
    pub(crate) fn beside_code(self) -> Result<Beside, Self> {
        let error = match &self {
            Self::Code(FaultCode::InvalidCode) => wording::wrong_code(),
            Self::LockedOut(wait) => wording::locked_out(*wait),
            _ => return Err(self),
        };
        let locked = matches!(self, Self::LockedOut(_));
        let status = if locked { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNPROCESSABLE_ENTITY };
        Ok(Beside { error, status, retry_after: self.retry_after() })
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
