//! How an operation can end, in fixed words.

use crate::error::{FlowError, StoreErrorKind};

/// How an operation ended, when it came to a decision.
///
/// Made by [`outcomes!`](crate::outcomes), which takes each variant with its word, so that a variant without one does not
/// compile.
pub trait Outcome {
    /// A fixed word, in lower case with underscores. Never anything of a person's.
    fn outcome(&self) -> &'static str;

    /// Adds every word there is to `words`.
    fn words(words: &mut Vec<&'static str>);
}

/// Says how an operation ended, by what it answered. Each pattern has a word, or a part that has words of its own.
///
/// ```
/// use sigra_core::door::Admission;
/// use sigra_core::telemetry::Outcome as _;
///
/// enum Redeemed {
///     Accepted,
///     UsedUp(u32),
///     SignedIn(Admission),
/// }
///
/// sigra_core::outcomes!(Redeemed {
///     Self::Accepted => "accepted",
///     Self::UsedUp(_) => "used_up",
///     Self::SignedIn(admission) => (admission: Admission),
/// });
/// assert_eq!(Redeemed::UsedUp(2).outcome(), "used_up");
/// ```
#[macro_export]
macro_rules! outcomes {
    ($type:ty { $($pattern:pat $(if $guard:expr)? => $outcome:tt),+ $(,)? }) => {
        impl $crate::telemetry::Outcome for $type {
            fn outcome(&self) -> &'static str {
                match self {
                    $($pattern $(if $guard)? => $crate::outcomes!(@word $outcome)),+
                }
            }

            fn words(words: &mut ::std::vec::Vec<&'static str>) {
                $($crate::outcomes!(@words words $outcome);)+
            }
        }
    };
    (@word $word:literal) => { $word };
    (@word ($part:ident: $type:ty)) => { <$type as $crate::telemetry::Outcome>::outcome($part) };
    (@words $words:ident $word:literal) => { $words.push($word) };
    (@words $words:ident ($part:ident: $type:ty)) => { <$type as $crate::telemetry::Outcome>::words($words) };
}

// Always the same: there is one way to do it.
crate::outcomes!(() { () => "done" });
crate::outcomes!(serde_json::Value { _ => "done" });

// There may be nothing to do it to.
crate::outcomes!(bool { true => "done", false => "nothing" });
crate::outcomes!(u64 { 1.. => "done", 0 => "nothing" });

impl<T> Outcome for Option<T> {
    fn outcome(&self) -> &'static str {
        self.is_some().outcome()
    }

    fn words(words: &mut Vec<&'static str>) {
        bool::words(words);
    }
}

impl<T> Outcome for Vec<T> {
    fn outcome(&self) -> &'static str {
        (!self.is_empty()).outcome()
    }

    fn words(words: &mut Vec<&'static str>) {
        bool::words(words);
    }
}

/// Every word of [`error_type`].
pub const ERRORS: &[&str] = &[
    "overloaded",
    "unanswered",
    "storage_busy",
    "storage_conflict",
    "storage_unavailable",
    "storage_corrupt",
    "storage_unexpected",
    "hook",
    "vault",
];

/// Why no decision was reached, as a fixed word.
#[must_use]
pub fn error_type(error: &FlowError) -> &'static str {
    match error {
        FlowError::Overloaded { .. } => "overloaded",
        FlowError::Unanswered { .. } => "unanswered",
        FlowError::Vault(_) => "vault",
        FlowError::Store(error) => match error.kind() {
            StoreErrorKind::Busy => "storage_busy",
            StoreErrorKind::Conflict => "storage_conflict",
            StoreErrorKind::Unavailable => "storage_unavailable",
            StoreErrorKind::Corrupt => "storage_corrupt",
            StoreErrorKind::Unexpected => "storage_unexpected",
            StoreErrorKind::Hook => "hook",
        },
    }
}
