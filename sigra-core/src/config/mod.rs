//! The configuration of the flows: one typed tree, safe defaults, every fault reported at once.

mod check;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use check::ConfigFaults;

use crate::ports::{AttemptPolicy, Quota};

/// A span of time in whole seconds, which is how configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(u32);

impl Seconds {
    /// So many seconds.
    #[must_use]
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    const fn minutes(minutes: u32) -> Self {
        Self(minutes * 60)
    }

    const fn hours(hours: u32) -> Self {
        Self::minutes(hours * 60)
    }

    const fn days(days: u32) -> Self {
        Self::hours(days * 24)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The span.
    #[must_use]
    pub const fn span(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// How the flows behave. The default is safe to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Registration and the proof of its address.
    pub registration: RegistrationConfig,
    /// Asking whether new passwords are known from a breach.
    pub breach_check: BreachCheckConfig,
    /// Sign-in links.
    pub magic_link: MagicLinkConfig,
    /// Password reset.
    pub reset: ResetConfig,
    /// Changes of mail addresses.
    pub email_change: EmailChangeConfig,
    /// Sessions and pending sign-ins.
    pub sessions: SessionConfig,
    /// Known devices.
    pub devices: DeviceConfig,
    /// Attempts at secrets that protect an account.
    pub lockout: LockoutConfig,
    /// Who must have a second factor.
    pub second_factors: SecondFactorConfig,
    /// Mail.
    pub mail: MailConfig,
    /// Deletion of accounts.
    pub deletion: DeletionConfig,
    /// What becomes of accounts and their addresses in time.
    pub lifecycle: LifecycleConfig,
    /// Requests by address.
    pub requests: RequestConfig,
    /// What is thrown away, and when.
    pub housekeeping: HousekeepingConfig,
}

/// Registration and the proof of its address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrationConfig {
    /// Whether the account comes with the proof of its address, or before it.
    pub confirmation: ConfirmationMode,
    /// How long after its creation an account may be signed in to without that proof, where it came before it. Later,
    /// signing in owes the proof as a step; with 0 it does from the first time.
    pub confirm_within_secs: Seconds,
    /// How long a registration waits for its proof, and how long the link in the mail is good for.
    pub pending_secs: Seconds,
    /// How long a six-digit code is good for.
    pub code_secs: Seconds,
    /// How many tries one code takes.
    pub code_tries: u32,
    /// How many registrations of one address a resend answers.
    pub resend_at_most: u32,
    /// The largest profile a registration or a change of one may bring, in bytes of JSON.
    pub max_profile_bytes: usize,
}

impl Default for RegistrationConfig {
    fn default() -> Self {
        Self {
            confirmation: ConfirmationMode::Required,
            confirm_within_secs: Seconds::days(3),
            pending_secs: Seconds::hours(48),
            code_secs: Seconds::minutes(10),
            code_tries: 5,
            resend_at_most: 3,
            max_profile_bytes: 8 * 1_024,
        }
    }
}

/// When a registration becomes an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmationMode {
    /// Once its address is proven. No unproven account exists for anybody to have prepared.
    #[default]
    Required,
    /// At once. The account is unproven until its link or code comes back; proof of the mailbox by any other means drops
    /// what was set up until then.
    Deferred,
}

/// Asking whether new passwords are known from a breach, where the host gave something to ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreachCheckConfig {
    /// What becomes of a password when there is no answer.
    pub when_unanswered: WhenUnanswered,
}

/// What becomes of something a service gave no answer about. It is recorded either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnanswered {
    /// It is accepted, on what else is known about it.
    #[default]
    Accept,
    /// It is refused for now, with [`FlowError::Unanswered`](crate::error::FlowError::Unanswered).
    Refuse,
}

/// Sign-in links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MagicLinkConfig {
    /// How long a link is good for.
    pub link_secs: Seconds,
}

impl Default for MagicLinkConfig {
    fn default() -> Self {
        Self { link_secs: Seconds::minutes(10) }
    }
}

/// Password reset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResetConfig {
    /// How long a link is good for.
    pub link_secs: Seconds,
    /// How long an older link stays alive after a newer one was mailed; or else anybody could keep the owner's link
    /// dead.
    pub older_link_secs: Seconds,
    /// How long the rescue link in a security notice is good for.
    pub rescue_secs: Seconds,
}

impl Default for ResetConfig {
    fn default() -> Self {
        Self { link_secs: Seconds::hours(1), older_link_secs: Seconds::minutes(15), rescue_secs: Seconds::hours(72) }
    }
}

/// Changes of mail addresses. How long a link that undoes is good for is [`ResetConfig::rescue_secs`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailChangeConfig {
    /// How long the link to a new address is good for, at most: it ends with the session that asked.
    pub link_secs: Seconds,
}

impl Default for EmailChangeConfig {
    fn default() -> Self {
        Self { link_secs: Seconds::hours(24) }
    }
}

/// Sessions and pending sign-ins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// How long a session lasts without use.
    pub idle_secs: Seconds,
    /// How long a session lasts at most, from its last full authentication.
    pub absolute_secs: Seconds,
    /// How long a remembered session lasts at most; it has no idle limit.
    pub remembered_secs: Seconds,
    /// How long a remembered session keeps more than AAL 1, from its last full authentication.
    pub remembered_full_secs: Seconds,
    /// How long a remembered session may go unused and keep more than AAL 1.
    pub remembered_idle_secs: Seconds,
    /// How often a remembered session's token is replaced.
    pub rotate_secs: Seconds,
    /// How long a replaced token still works, for requests under way.
    pub rotation_grace_secs: Seconds,
    /// How long an authentication lets sensitive actions through.
    pub sudo_secs: Seconds,
    /// Wrong answers to re-authentication after which the session ends.
    pub sudo_tries: u32,
    /// How often activity is written at most.
    pub activity_secs: Seconds,
    /// How long a sign-in may wait for its next step.
    pub pending_secs: Seconds,
    /// How many sessions an account has at most: one more ends its oldest. 0 is no limit.
    pub at_most: u32,
    /// How many sessions a listing shows at most.
    pub list_at_most: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            idle_secs: Seconds::minutes(30),
            absolute_secs: Seconds::hours(24),
            remembered_secs: Seconds::days(30),
            remembered_full_secs: Seconds::hours(24),
            remembered_idle_secs: Seconds::hours(1),
            rotate_secs: Seconds::hours(24),
            rotation_grace_secs: Seconds::new(60),
            sudo_secs: Seconds::minutes(5),
            sudo_tries: 5,
            activity_secs: Seconds::new(60),
            pending_secs: Seconds::minutes(5),
            at_most: 0,
            list_at_most: 200,
        }
    }
}

/// Known devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// How long a device stays known after its last sign-in.
    pub known_secs: Seconds,
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self { known_secs: Seconds::days(180) }
    }
}

/// Attempts at secrets that protect an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutConfig {
    /// Tries from browsers the account has not signed in from. Passwords are counted, and second factors of all kinds
    /// together, each on their own.
    pub strangers: AttemptPolicy,
    /// The same from browsers the account has signed in from, and within its sessions.
    pub known_devices: AttemptPolicy,
    /// Six-digit codes for one address, over all codes mailed to it.
    pub codes: AttemptPolicy,
    /// How long attempts at an address without an account are remembered, from the first of them. Nobody guesses anything
    /// there, and made-up addresses must not fill the storage for ever.
    pub unknown_secs: Seconds,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        let strangers = AttemptPolicy { free: 5, cap: 80, lock_secs: 60, max_lock_secs: 3_600, window_secs: None };
        Self {
            strangers,
            known_devices: AttemptPolicy { cap: 20, ..strangers },
            codes: AttemptPolicy { free: 10, cap: 10, lock_secs: 60, max_lock_secs: 3_600, window_secs: Some(86_400) },
            unknown_secs: Seconds::days(30),
        }
    }
}

/// Who must have a second factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondFactorConfig {
    /// Whether every account must have one. Who has none sets one up while signing in.
    ///
    /// For some accounts only, see [`FactorRequirement`](crate::ports::FactorRequirement).
    pub required: bool,
    /// How long a sign-in that owes the setting up of a factor may wait: an app must be found, perhaps a mail read.
    pub enrollment_secs: Seconds,
    /// How long the code is good for that is mailed before one may be set up from an unknown device.
    pub code_secs: Seconds,
    /// How many tries such a code takes.
    pub code_tries: u32,
}

impl Default for SecondFactorConfig {
    fn default() -> Self {
        Self { required: false, enrollment_secs: Seconds::minutes(15), code_secs: Seconds::minutes(10), code_tries: 5 }
    }
}

/// Mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// How much mail one recipient gets on request, over all kinds.
    pub budget: Quota,
    /// How many reset mails one recipient gets beyond that.
    pub reset_reserve: Quota,
    /// How many notices of each kind one recipient gets about somebody else's doing.
    pub notices: Quota,
    /// How long a worker holds a mail or a request. It starts nothing in the second half of that, so a transport must give
    /// up on a mail within half of it. What a worker that died held is taken up again after as long.
    pub lease_secs: Seconds,
    /// How long to wait after the first failure; each further one twice as long.
    pub retry_secs: Seconds,
    /// How long to wait at most.
    pub max_retry_secs: Seconds,
    /// How long a notice without a link that expires earlier is worth sending.
    pub notice_secs: Seconds,
    /// How many rows a worker takes at once.
    pub batch: u32,
    /// How many mails of these a worker hands over at the same time.
    pub at_once: u32,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            budget: Quota::new(8, 3_600),
            reset_reserve: Quota::new(3, 3_600),
            notices: Quota::new(1, 86_400),
            lease_secs: Seconds::new(20),
            retry_secs: Seconds::new(30),
            max_retry_secs: Seconds::hours(1),
            notice_secs: Seconds::hours(72),
            batch: 20,
            at_once: 4,
        }
    }
}

/// Requests by address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestConfig {
    /// How long an unanswered request is worth answering.
    pub pending_secs: Seconds,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self { pending_secs: Seconds::hours(1) }
    }
}

/// Deletion of accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeletionConfig {
    /// How long a deletion can be taken back.
    pub grace_secs: Seconds,
    /// What is left of a deleted account. Read when the account is erased, not when its deletion is scheduled.
    pub strategy: DeletionStrategy,
}

impl Default for DeletionConfig {
    fn default() -> Self {
        Self { grace_secs: Seconds::days(14), strategy: DeletionStrategy::default() }
    }
}

/// What is left of a deleted account. Credentials never are: password, sessions, devices, tokens, second factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionStrategy {
    /// Nothing but the audit trail. The address is free.
    #[default]
    HardDelete,
    /// A disabled account that nobody can be told by: its id and when it was made, for rows of the host that refer to it. The
    /// address is free.
    Anonymize,
    /// A disabled account with its address and profile, for hosts that must keep them. The address stays taken.
    SoftDelete,
}

impl DeletionStrategy {
    /// The name in the configuration and in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardDelete => "hard_delete",
            Self::Anonymize => "anonymize",
            Self::SoftDelete => "soft_delete",
        }
    }
}

/// What becomes of accounts and their addresses in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LifecycleConfig {
    /// How long nobody else can have an address from the moment an account has left it: by being erased, by changing to another
    /// address, or by having that undone. 0, the default, leaves it free at once. What was kept under one setting is kept under
    /// the next.
    pub address_quarantine_secs: Seconds,
    /// Accounts that nobody uses.
    pub dormancy: DormancyConfig,
}

impl Default for LifecycleConfig {
    fn default() -> Self {
        Self { address_quarantine_secs: Seconds::new(0), dormancy: DormancyConfig::default() }
    }
}

/// Accounts that nobody uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DormancyConfig {
    /// How long nobody used an account whose owner is warned that it will be disabled; 0 for never. At least as long as a
    /// session can live, so that whoever uses the account after the warning has to sign in for it.
    pub warn_after_secs: Seconds,
    /// How long after the warning it is disabled.
    pub disable_after_secs: Seconds,
}

impl Default for DormancyConfig {
    fn default() -> Self {
        Self { warn_after_secs: Seconds::new(0), disable_after_secs: Seconds::days(30) }
    }
}

/// What is thrown away, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HousekeepingConfig {
    /// Rows of each kind deleted in one go.
    pub batch: u32,
    /// How long the record of a sent or abandoned mail is kept. Its contents are wiped at once.
    pub keep_mail_secs: Seconds,
    /// How long a host that throws away holds off the others. What one that died held is taken over after as long.
    pub lease_secs: Seconds,
}

impl Default for HousekeepingConfig {
    fn default() -> Self {
        Self { batch: 500, keep_mail_secs: Seconds::days(7), lease_secs: Seconds::minutes(1) }
    }
}
