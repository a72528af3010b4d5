//! How each operation of this crate can end.

use crate::door::Admission;
use crate::export::ExportDocument;
use crate::flows::{
    ChallengeOutcome, ChangeOutcome, ChangeRequested, CodeOutcome, CodeRequested, Confirmed, DeletionScheduled,
    Delivered, DormancySwept, ForcedOutcome, HistoryPage, LoginOutcome, MagicLinkOutcome, PasswordOutcome,
    ProfileOutcome, Reactivated, Requested, ResetOutcome, Submitted, SudoOutcome, SweepOutcome, WorkReport,
};
use crate::outcomes;
use crate::ports::{FactorVerdict, Requeued, TrustToken};

// The door, and what ends at it.
outcomes!(Admission {
    Self::Granted(_) => "granted",
    Self::StepRequired(_) => "step_required",
    Self::Refused(_) => "refused",
});
outcomes!(LoginOutcome {
    Self::Admitted(admission) => (admission: Admission),
    Self::InvalidCredentials => "invalid_credentials",
});
outcomes!(MagicLinkOutcome {
    Self::Admitted(admission) => (admission: Admission),
    Self::Invalid => "invalid",
});
outcomes!(ChallengeOutcome {
    Self::Admitted(admission, _) => (admission: Admission),
    Self::Wrong => "wrong",
    Self::LockedOut(_) => "locked_out",
    Self::NotEnrolled => "not_enrolled",
    Self::NoPending => "no_pending",
});
outcomes!(CodeOutcome {
    Self::Admitted(admission) => (admission: Admission),
    Self::Wrong => "wrong",
    Self::NoPending => "no_pending",
});
outcomes!(Reactivated {
    Self::Admitted(admission) => (admission: Admission),
    Self::NoPending => "no_pending",
});
outcomes!(ForcedOutcome {
    Self::Admitted(admission) => (admission: Admission),
    Self::Changed => "changed",
    Self::Rejected(_) => "rejected",
    Self::NoPending => "no_pending",
});

// What is asked for, and what the mailed link or code does.
outcomes!(Submitted {
    Self::Accepted => "accepted",
    Self::Rejected(_) => "rejected",
});
outcomes!(Requested {
    Self::Noted => "noted",
    Self::InvalidEmail => "invalid_email",
});
outcomes!(CodeRequested {
    Self::Noted => "noted",
    Self::NoPending => "no_pending",
});
outcomes!(ChangeRequested {
    Self::Noted => "noted",
    Self::Rejected(_) => "rejected",
    Self::Superseded => "superseded",
});
outcomes!(Confirmed {
    Self::Created(_) => "created",
    Self::Proven(_) => "proven",
    Self::Invalid => "invalid",
});
outcomes!(ProfileOutcome {
    Self::Done(_) => "done",
    Self::Changed(_) => "changed",
    Self::Rejected(_) => "rejected",
    Self::Superseded => "superseded",
});
outcomes!(ResetOutcome {
    Self::Done(_) => "done",
    Self::Rejected(_) => "rejected",
    Self::Invalid => "invalid",
});
outcomes!(ChangeOutcome {
    Self::Changed(..) => "changed",
    Self::Reclaimed(_) => "reclaimed",
    Self::Invalid => "invalid",
});

// What is done within a session.
outcomes!(PasswordOutcome {
    Self::Done { .. } => "done",
    Self::Rejected(_) => "rejected",
    Self::Wrong => "wrong",
    Self::SessionEnded => "session_ended",
    Self::NotFresh => "not_fresh",
    Self::AlreadySet => "already_set",
    Self::Superseded => "superseded",
});
outcomes!(SudoOutcome {
    Self::Granted { .. } => "granted",
    Self::Wrong => "wrong",
    Self::SessionEnded => "session_ended",
    Self::LockedOut(_) => "locked_out",
    Self::Superseded => "superseded",
});
outcomes!(DeletionScheduled {
    Self::For(_) => "scheduled",
    Self::Superseded => "superseded",
});
outcomes!(HistoryPage { _ => "done" });
outcomes!(ExportDocument { _ => "done" });

// What factors answer.
outcomes!(FactorVerdict {
    Self::Accepted { .. } => "accepted",
    Self::Rejected => "rejected",
});
outcomes!(TrustToken { _ => "done" });

// What runs in the background.
outcomes!(WorkReport {
    Self { failed: 1.., .. } => "some_failed",
    report if report.is_idle() => "nothing",
    _ => "done",
});
outcomes!(Delivered {
    Self::Sent => "sent",
    Self::Retried => "retried",
    Self::Abandoned => "abandoned",
    Self::Left => "left",
});
outcomes!(DormancySwept {
    Self { warned: 0, disabled: 0, .. } => "nothing",
    _ => "done",
});
outcomes!(SweepOutcome {
    Self::Done(report) if report.failed() => "some_failed",
    Self::Done(report) if report.interrupted => "interrupted",
    Self::Done(report) if report.gone() == 0 => "nothing",
    Self::Done(_) => "done",
    Self::HeldElsewhere => "held_elsewhere",
});
outcomes!(Requeued {
    Self::Done => "done",
    Self::Unknown => "unknown",
    Self::NotAbandoned => "not_abandoned",
    Self::Expired => "expired",
});
