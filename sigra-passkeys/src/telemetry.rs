//! The operations of this crate, and how each can end.

use serde_json::Value;
use sigra_core::door::Admission;
use sigra_core::outcomes;
use sigra_core::ports::FactorVerdict;

use crate::{FinishOutcome, RemoveOutcome, RenameOutcome, SignInOutcome, StartOutcome};

sigra_core::operations! {
    /// Every operation of this crate.
    pub OPERATIONS {
        "sigra.passkeys.start_registration" -> StartOutcome: "hands out what a browser needs to make a passkey";
        "sigra.passkeys.register" -> FinishOutcome: "adds a passkey to an account";
        "sigra.passkeys.rename" -> RenameOutcome: "renames a passkey";
        "sigra.passkeys.remove" -> RemoveOutcome: "removes a passkey";
        "sigra.passkeys.start_sign_in" -> Value: "hands out what a browser needs to sign in with a passkey";
        "sigra.passkeys.sign_in" -> SignInOutcome: "judges a passkey and takes the proof to the door";
        "sigra.passkeys.start_second_factor" -> Option<Value>: "hands out what a browser needs to show a passkey as second factor; nothing when the account has none";
        "sigra.passkeys.second_factor" -> FactorVerdict: "judges a passkey, within whatever asks for a second factor";
        "sigra.passkeys.disown" -> (): "removes the passkeys that the owner of an account disowns";
    }
}

outcomes!(StartOutcome {
    Self::Options(_) => "started",
    Self::Limit => "limit",
    Self::Unconfirmed => "unconfirmed",
});
outcomes!(FinishOutcome {
    Self::Registered { .. } => "registered",
    Self::Rejected => "rejected",
    Self::InvalidNickname => "invalid_nickname",
    Self::Limit => "limit",
    Self::Duplicate => "duplicate",
    Self::Stale => "stale",
});
outcomes!(RenameOutcome {
    Self::Renamed => "renamed",
    Self::Invalid => "invalid",
    Self::Unknown => "unknown",
});
outcomes!(RemoveOutcome {
    Self::Removed { .. } => "removed",
    Self::Needed => "needed",
    Self::Unknown => "unknown",
    Self::Stale => "stale",
});
outcomes!(SignInOutcome {
    Self::Admitted(admission) => (admission: Admission),
    Self::Rejected => "rejected",
});
