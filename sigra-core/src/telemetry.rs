//! What operations tell of themselves: a span each, with how it ended, and figures behind the feature `metrics`.
//!
//! An operation runs in a span of its own, whose name is fixed and dotted (`sigra.login.password`) and whose field `outcome`
//! is a fixed word. Where an operation did not come to a decision the word is that of its [`FlowError`]; where its caller went
//! away before it ended, it is [`CANCELLED`]. No span has a field that a person typed or that is secret.
//!
//! With the feature `metrics`, the same two words are labels of a counter and a histogram of the
//! [`metrics`](https://docs.rs/metrics) facade: [`OPERATIONS`] and [`DURATION`]. Which recorder takes them is the host's to say;
//! without one they cost nothing worth mentioning.
//!
//! A capability of your own joins by [`observe!`](crate::observe) and an [`Outcome`] for what it answers.

use std::future::Future;

#[doc(hidden)]
pub use tracing;
use tracing::{Instrument as _, Span};

use crate::error::{FlowError, StoreErrorKind};

/// The outcome of an operation whose caller went away before it ended.
pub const CANCELLED: &str = "cancelled";

/// The counter of operations that ended, by `operation` and `outcome`.
pub const OPERATIONS: &str = "sigra.operations";

/// The histogram of how long operations took, in seconds, by `operation` and `outcome`.
pub const DURATION: &str = "sigra.operation.duration";

/// How an operation ended.
pub trait Outcome {
    /// A fixed word, in lower case with underscores. Never anything of a person's.
    fn outcome(&self) -> &'static str;
}

impl<T: Outcome, E: Outcome> Outcome for Result<T, E> {
    fn outcome(&self) -> &'static str {
        match self {
            Ok(value) => value.outcome(),
            Err(error) => error.outcome(),
        }
    }
}

impl Outcome for FlowError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Overloaded { .. } => "overloaded",
            Self::Unanswered { .. } => "unanswered",
            Self::Store(error) if error.kind() == StoreErrorKind::Busy => "overloaded",
            Self::Store(_) | Self::Vault(_) => "error",
        }
    }
}

/// Always `done`.
impl Outcome for () {
    fn outcome(&self) -> &'static str {
        "done"
    }
}

/// `done`, or `nothing` when there was nothing to do it to.
impl Outcome for bool {
    fn outcome(&self) -> &'static str {
        if *self { "done" } else { "nothing" }
    }
}

/// How many something was done to: `done`, or `nothing`.
impl Outcome for u64 {
    fn outcome(&self) -> &'static str {
        (*self > 0).outcome()
    }
}

/// `done`, or `nothing`.
impl<T> Outcome for Option<T> {
    fn outcome(&self) -> &'static str {
        self.is_some().outcome()
    }
}

/// Runs a future as an operation: in a span of that name, which says at its end how it ended.
///
/// `observe!("shop.gift_card.redeem", future)` is awaited and answers what the future does, which must be an
/// [`Outcome`](crate::telemetry::Outcome). The level is `INFO` unless it is named: `observe!("…", DEBUG, future)`.
#[macro_export]
macro_rules! observe {
    ($operation:literal, $work:expr $(,)?) => {
        $crate::observe!($operation, INFO, $work)
    };
    ($operation:literal, $level:ident, $work:expr $(,)?) => {
        $crate::telemetry::__observe(
            $operation,
            $crate::telemetry::tracing::span!(
                $crate::telemetry::tracing::Level::$level,
                $operation,
                outcome = $crate::telemetry::tracing::field::Empty
            ),
            $work,
        )
        .await
    };
}

#[doc(hidden)]
pub async fn __observe<T: Outcome>(operation: &'static str, span: Span, work: impl Future<Output = T>) -> T {
    let mut ending = Ending::of(operation, span.clone());
    let result = work.instrument(span).await;
    ending.outcome = result.outcome();
    result
}

/// Says how an operation ended, also when it is dropped half way.
struct Ending {
    span: Span,
    outcome: &'static str,
    #[cfg(feature = "metrics")]
    operation: &'static str,
    #[cfg(feature = "metrics")]
    began: std::time::Instant,
}

impl Ending {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the span knows it"))]
    fn of(operation: &'static str, span: Span) -> Self {
        Self {
            span,
            outcome: CANCELLED,
            #[cfg(feature = "metrics")]
            operation,
            // How long something took is nothing the flows decide by, so it is not the clock's.
            #[cfg(feature = "metrics")]
            began: std::time::Instant::now(),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome);
        #[cfg(feature = "metrics")]
        {
            let labels = [("operation", self.operation), ("outcome", self.outcome)];
            metrics::counter!(OPERATIONS, &labels).increment(1);
            metrics::histogram!(DURATION, &labels).record(self.began.elapsed().as_secs_f64());
        }
    }
}
