//! An operation under way.

use tracing::Span;

#[cfg(feature = "metrics")]
use super::figure::Figure;
use super::{CANCELLED, ERROR, Outcome, error_type};
use crate::error::FlowError;

/// Says how an operation ended, also when it is dropped half way.
#[doc(hidden)]
#[must_use]
#[derive(Debug)]
pub struct Running {
    span: Span,
    outcome: &'static str,
    error: Option<&'static str>,
    #[cfg(feature = "metrics")]
    figure: Figure,
}

impl Running {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the span knows it"))]
    pub fn begin(operation: &'static str, span: Span) -> Self {
        Self {
            span,
            outcome: CANCELLED,
            error: None,
            #[cfg(feature = "metrics")]
            figure: Figure::begin(operation),
        }
    }

    #[must_use]
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    pub fn end<T: Outcome>(mut self, result: &Result<T, FlowError>) {
        match result {
            Ok(value) => self.outcome = value.outcome(),
            Err(error) => (self.outcome, self.error) = (ERROR, Some(error_type(error))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome);
        if let Some(error) = self.error {
            self.span.record("error.type", error);
        }
        #[cfg(feature = "metrics")]
        self.figure.end(self.outcome, self.error);
    }
}
