//! What operations tell of themselves: a span each, with how it ended, and figures behind the feature `metrics`.
//!
//! An operation runs in a span of its own, whose name is fixed and dotted (`sigra.login.password`) and whose field `outcome`
//! is a fixed word: that of what it answered, [`ERROR`] when it came to no decision, and [`CANCELLED`] when it was
//! dropped before it ended. An error says of what kind it was in the field `error.type`, by a fixed word too. There are no other
//! fields, so nothing that a person typed and nothing secret can be in one.
//!
//! With the feature `metrics`, the same words are labels of a counter and a histogram of the
//! [`metrics`](https://docs.rs/metrics) facade: [`OPERATION_COUNT`] and [`OPERATION_DURATION`]. Which recorder takes them is
//! the host's to say.
//!
//! A capability of your own joins by [`operation`] or [`observe!`](crate::observe), and by
//! [`outcomes!`](crate::outcomes) for what it answers.

mod catalogue;
#[cfg(feature = "metrics")]
mod figure;
mod outcome;
mod outcomes;
mod running;

pub use catalogue::{OPERATIONS, Operation};
#[cfg(feature = "metrics")]
pub use figure::describe;
pub use outcome::{ERRORS, Outcome, error_type};
#[doc(hidden)]
pub use running::Running;
/// Makes an `async fn` an operation: it runs in a span that says at its end how it ended.
///
/// It is [`observe!`](crate::observe) around the body of the function, and takes what goes before the work there.
///
/// ```
/// use sigra_core::error::FlowError;
/// use sigra_core::telemetry::operation;
///
/// struct GiftCards;
///
/// impl GiftCards {
///     #[operation("shop.gift_card.redeem")]
///     async fn redeem(&self, code: &str) -> Result<bool, FlowError> {
///         Ok(code == "WINTER")
///     }
/// }
/// ```
pub use sigra_macros::operation;
#[doc(hidden)]
pub use tracing;

/// The outcome of an operation that did not end: its caller went away, or a port panicked.
pub const CANCELLED: &str = "cancelled";

/// The outcome of an operation that came to no decision. [`ERRORS`] has the kinds.
pub const ERROR: &str = "error";

/// The counter of operations that ended, by `operation`, `outcome` and, of errors, `error.type`.
pub const OPERATION_COUNT: &str = "sigra.operations";

/// The histogram of how long operations took, in seconds, with the labels of the counter.
pub const OPERATION_DURATION: &str = "sigra.operation.duration";

/// Runs a future as an operation: in a span of that name, which says at its end how it ended.
///
/// `observe!("shop.gift_card.redeem", future)` is awaited and answers what the future does: a
/// `Result<impl Outcome, FlowError>`, with [`Outcome`](crate::telemetry::Outcome). The level is `INFO` unless it is named:
/// `observe!("…", DEBUG, future)`. Where nobody listens to the span and the feature `metrics` is off, it costs a comparison.
#[macro_export]
macro_rules! observe {
    ($operation:literal, $work:expr $(,)?) => {
        $crate::observe!($operation, INFO, $work)
    };
    ($operation:literal, $level:ident, $work:expr $(,)?) => {{
        let running = $crate::telemetry::Running::begin(
            $operation,
            $crate::telemetry::tracing::span!(
                $crate::telemetry::tracing::Level::$level,
                $operation,
                outcome = $crate::telemetry::tracing::field::Empty,
                error.type = $crate::telemetry::tracing::field::Empty
            ),
        );
        // In place, and no function's argument: a future that is handed on takes its room twice.
        let result = $crate::telemetry::tracing::Instrument::instrument($work, running.span()).await;
        running.end(&result);
        result
    }};
}
