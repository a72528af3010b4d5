//! The closed list of operations.

use super::{CANCELLED, ERROR, Outcome};
use crate::export::ExportDocument;
use crate::flows::{
    ChallengeOutcome, ChangeOutcome, ChangeRequested, CodeOutcome, CodeRequested, Confirmed, DeletionScheduled,
    Delivered, DormancySwept, ForcedOutcome, HistoryPage, LoginOutcome, MagicLinkOutcome, PasswordOutcome,
    ProfileOutcome, Reactivated, Requested, ResetOutcome, Submitted, SudoOutcome, SweepOutcome, WorkReport,
};
use crate::ports::{MailRecord, Requeued};
use crate::user::User;

/// An operation: the name of its span, and how it can end.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    name: &'static str,
    meaning: &'static str,
    answers: &'static str,
    words: fn(&mut Vec<&'static str>),
}

impl Operation {
    #[doc(hidden)]
    #[must_use]
    pub const fn __listed<T: Outcome>(name: &'static str, meaning: &'static str, answers: &'static str) -> Self {
        Self { name, meaning, answers, words: T::words }
    }

    /// The dotted name: that of its span, and the label `operation` of its figures.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What is done in it.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// The type of what it answers, as the list spells it.
    #[must_use]
    pub const fn answers(&self) -> &'static str {
        self.answers
    }

    /// The outcomes of its own, without [`ERROR`] and [`CANCELLED`], which every operation has. None comes twice.
    #[must_use]
    pub fn outcomes(&self) -> Vec<&'static str> {
        let mut words = Vec::new();
        (self.words)(&mut words);
        let mut outcomes: Vec<&'static str> = Vec::new();
        for word in words {
            if !outcomes.contains(&word) {
                outcomes.push(word);
            }
        }
        outcomes
    }

    /// Whether it can end so.
    #[must_use]
    pub fn can_end(&self, outcome: &str) -> bool {
        outcome == ERROR || outcome == CANCELLED || self.outcomes().contains(&outcome)
    }
}

/// Lists a capability's operations, each with what it answers when it comes to a decision.
///
/// ```
/// sigra_core::operations! {
///     /// The greenhouse's operations.
///     pub GREENHOUSE {
///         "greenhouse.water" -> bool: "waters a plant";
///     }
/// }
/// assert_eq!(GREENHOUSE[0].outcomes(), ["done", "nothing"]);
/// ```
#[macro_export]
macro_rules! operations {
    ($(#[$doc:meta])* $vis:vis $list:ident { $($name:literal -> $answers:ty: $meaning:literal;)+ }) => {
        $(#[$doc])*
        $vis const $list: &[$crate::telemetry::Operation] = &[
            $($crate::telemetry::Operation::__listed::<$answers>($name, $meaning, stringify!($answers)),)+
        ];
    };
}

crate::operations! {
    /// Every operation of this crate. Other capabilities publish lists of their own.
    pub OPERATIONS {
        "sigra.registration.submit" -> Submitted: "takes a registration; whether the address is free, nobody knows yet";
        "sigra.confirmation.by_token" -> Confirmed: "redeems the link of a confirmation mail";
        "sigra.confirmation.by_code" -> Confirmed: "redeems the code of a confirmation mail";
        "sigra.confirmation.resend" -> Requested: "asks for another confirmation mail";
        "sigra.login.password" -> LoginOutcome: "signs in with a password";
        "sigra.magic_link.request" -> Requested: "asks for a sign-in link";
        "sigra.magic_link.redeem" -> MagicLinkOutcome: "signs in with such a link";
        "sigra.second_factors.answer" -> ChallengeOutcome: "shows a second factor in a sign-in";
        "sigra.enrollment.mail_code" -> CodeRequested: "asks for the code that comes before a second factor is set up from an unknown device";
        "sigra.enrollment.enter_code" -> CodeOutcome: "enters such a code";
        "sigra.sign_in_confirmation.mail_code" -> CodeRequested: "asks for the code that proves the address within a sign-in";
        "sigra.sign_in_confirmation.enter_code" -> CodeOutcome: "enters such a code";
        "sigra.sudo.answer" -> SudoOutcome: "authenticates again within a session";
        "sigra.profiles.replace" -> ProfileOutcome: "replaces the profile of the own account";
        "sigra.reset.request" -> Requested: "asks for a reset link";
        "sigra.reset.redeem" -> ResetOutcome: "replaces the password by such a link";
        "sigra.passwords.change" -> PasswordOutcome: "replaces the password, showing the present one";
        "sigra.passwords.set_first" -> PasswordOutcome: "sets the first password of an account that has none";
        "sigra.passwords.complete_forced_change" -> ForcedOutcome: "replaces the password in a sign-in that demands it";
        "sigra.passwords.require_change" -> bool: "has the next sign-in of an account replace its password";
        "sigra.passwords.clear_required_change" -> bool: "takes that back";
        "sigra.passwords.withdraw" -> bool: "takes an account's password away and starts a reset";
        "sigra.email_change.request" -> ChangeRequested: "asks for a change of address";
        "sigra.email_change.redeem" -> ChangeOutcome: "proves the new address by its link";
        "sigra.email_change.withdraw" -> bool: "withdraws a change of address that is pending";
        "sigra.email_change.undo" -> Option<User>: "undoes a change of address by the link in the old mailbox";
        "sigra.not_me.redeem" -> bool: "disowns what a notice told, by its link";
        "sigra.sessions.sign_out" -> (): "ends the caller's session";
        "sigra.sessions.revoke" -> bool: "ends another session of the caller's";
        "sigra.sessions.revoke_others" -> u64: "ends all other sessions of the caller's";
        "sigra.history.page" -> HistoryPage: "reads a page of an account's security history";
        "sigra.export.begin" -> ExportDocument: "begins an export of an account's data; reading it comes after";
        "sigra.deletion.schedule" -> DeletionScheduled: "schedules the deletion of the caller's account";
        "sigra.deletion.reactivate" -> Reactivated: "takes a deletion back while signing in";
        "sigra.deletion.undo" -> bool: "takes a deletion back by the link in the mailbox";
        "sigra.deletion.sweep" -> u64: "erases accounts whose deletion is due";
        "sigra.dormancy.sweep" -> DormancySwept: "warns about accounts that nobody uses, and disables those long after";
        "sigra.operator.replace_profile" -> ProfileOutcome: "replaces the profile of an account";
        "sigra.operator.disable" -> bool: "disables an account";
        "sigra.operator.enable" -> bool: "enables a disabled account";
        "sigra.operator.schedule_deletion" -> bool: "schedules the deletion of an account";
        "sigra.operator.cancel_deletion" -> bool: "takes that back";
        "sigra.operator.erase" -> bool: "erases an account at once";
        "sigra.operator.release_address" -> bool: "ends the quarantine of an address before its time";
        "sigra.outbox.page" -> Vec<MailRecord>: "lists mails, without what is in them";
        "sigra.outbox.requeue" -> Requeued: "has a mail that was given up tried again";
        "sigra.workers.run_once" -> WorkReport: "answers a batch of requests and sends a batch of mail";
        "sigra.requests.answer" -> bool: "answers one request that was made by address, within a batch; nothing when its lease had lapsed";
        "sigra.mail.deliver" -> Delivered: "hands over one mail, within a batch";
        "sigra.sweeper.tell_unfinished" -> u64: "ends sign-ins that were given up at their second factor, and tells their owners";
        "sigra.sweeper.run_once" -> SweepOutcome: "throws away a batch of what has expired";
    }
}
