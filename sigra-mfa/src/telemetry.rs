//! The operations of this crate, and how each can end.

use sigra_core::outcomes;
use sigra_core::ports::{FactorVerdict, TrustToken};

use crate::{BeginOutcome, ConfirmOutcome, DisableOutcome, RegenerateOutcome};

sigra_core::operations! {
    /// Every operation of this crate.
    pub OPERATIONS {
        "sigra.mfa.begin" -> BeginOutcome: "makes a secret for an authenticator app";
        "sigra.mfa.enroll" -> ConfirmOutcome: "sets up an authenticator app by its first code";
        "sigra.mfa.disable" -> DisableOutcome: "takes the authenticator app away, and what depends on it";
        "sigra.mfa.totp.check" -> FactorVerdict: "judges a code of an authenticator app, within whatever asks for one";
        "sigra.mfa.backup_codes.check" -> FactorVerdict: "judges a backup code, within whatever asks for one";
        "sigra.mfa.backup_codes.regenerate" -> RegenerateOutcome: "replaces the backup codes";
        "sigra.mfa.trust.grant" -> TrustToken: "trusts a browser after a second factor was shown";
        "sigra.mfa.trust.vouch" -> bool: "asks whether a browser is trusted, within a sign-in";
        "sigra.mfa.trust.revoke" -> bool: "stops trusting one browser";
        "sigra.mfa.trust.revoke_all" -> u64: "stops trusting all browsers of an account";
    }
}

outcomes!(BeginOutcome {
    Self::Begun(_) => "begun",
    Self::AlreadyEnrolled => "already_enrolled",
    Self::Unconfirmed => "unconfirmed",
});
outcomes!(ConfirmOutcome {
    Self::Enrolled { .. } => "enrolled",
    Self::Wrong => "wrong",
    Self::NotPending => "not_pending",
    Self::AlreadyEnrolled => "already_enrolled",
    Self::Stale => "stale",
});
outcomes!(DisableOutcome {
    Self::Disabled { .. } => "disabled",
    Self::Wrong => "wrong",
    Self::LockedOut(_) => "locked_out",
    Self::NotEnrolled => "not_enrolled",
    Self::Stale => "stale",
});
outcomes!(RegenerateOutcome {
    Self::Regenerated { .. } => "regenerated",
    Self::Wrong => "wrong",
    Self::Unproven => "unproven",
    Self::LockedOut(_) => "locked_out",
    Self::NotEnrolled => "not_enrolled",
    Self::Stale => "stale",
});
