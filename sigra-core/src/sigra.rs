//! The handle everything is reached through.

mod builder;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

pub use builder::SigraBuilder;

use crate::config::Config;
use crate::door::{Door, Factors};
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::export::ExportSection;
use crate::flows::{
    Confirmation, Deletion, Dormancy, EmailChange, Enrollment, Export, History, Limits, Login, MagicLink, NotMe,
    Operator, Outbox, Passwords, Profiles, Registration, Reset, SecondFactors, Sessions, SignInConfirmation, Sudo,
    Sweeper, Workers,
};
use crate::mail::{Composer, Mailer};
use crate::ports::{
    AccountData, AccountStore, AddressChangeStore, AttemptStore, AuditReader, BreachedPasswords, CeremonyStore,
    DeviceDescriber, DeviceStore, DormancyStore, EvidenceLog, GeoIp, Happened, Hasher, Health, Hooks, Housekeeping,
    LeaseStore, LifecycleStore, MailDomains, OutboxReader, OutboxStore, PasswordPolicy, PasswordStore, ProfileStore,
    QuarantineStore, RateLimiter, RegistrationStore, RequestStore, SessionStore, TokenStore, TrustedBrowsers, Vault,
};
use crate::time::Clock;

/// The toolkit, assembled. Cheap to clone; has no type parameter.
#[derive(Clone)]
pub struct Sigra {
    inner: Arc<Inner>,
}

/// Where everything is stored. One backend usually fills all of it; each field can be swapped alone, as far as its
/// contract allows.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port its type names")]
pub struct Stores {
    pub accounts: Arc<dyn AccountStore>,
    pub address_changes: Arc<dyn AddressChangeStore>,
    pub attempts: Arc<dyn AttemptStore>,
    pub audit: Arc<dyn AuditReader>,
    pub ceremonies: Arc<dyn CeremonyStore>,
    pub devices: Arc<dyn DeviceStore>,
    pub dormancy: Arc<dyn DormancyStore>,
    pub health: Arc<dyn Health>,
    pub housekeeping: Arc<dyn Housekeeping>,
    pub leases: Arc<dyn LeaseStore>,
    pub lifecycle: Arc<dyn LifecycleStore>,
    pub log: Arc<dyn EvidenceLog>,
    pub outbox: Arc<dyn OutboxStore>,
    pub outbox_reader: Arc<dyn OutboxReader>,
    pub passwords: Arc<dyn PasswordStore>,
    pub profiles: Arc<dyn ProfileStore>,
    pub quarantine: Arc<dyn QuarantineStore>,
    pub registrations: Arc<dyn RegistrationStore>,
    pub requests: Arc<dyn RequestStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub tokens: Arc<dyn TokenStore>,
}

/// What has no default: cryptography, and the way mail leaves.
#[derive(Clone)]
pub struct Essentials {
    /// Hashes passwords.
    pub hasher: Arc<dyn Hasher>,
    /// Judges new passwords.
    pub policy: Arc<dyn PasswordPolicy>,
    /// Seals and makes keyed hashes.
    pub vault: Arc<dyn Vault>,
    /// Words mail.
    pub composer: Arc<dyn Composer>,
    /// Delivers mail.
    pub mailer: Arc<dyn Mailer>,
    /// Counts mail per recipient. Must survive a restart and be shared by all hosts, or a restart refills every budget.
    pub mail_budget: Arc<dyn RateLimiter>,
}

pub(crate) struct Inner {
    pub(crate) config: Arc<Config>,
    pub(crate) stores: Stores,
    pub(crate) essentials: Essentials,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) geo: Arc<dyn GeoIp>,
    pub(crate) describer: Arc<dyn DeviceDescriber>,
    pub(crate) breaches: Option<Arc<dyn BreachedPasswords>>,
    pub(crate) mail_domains: Option<Arc<dyn MailDomains>>,
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) account_data: Vec<Arc<dyn AccountData>>,
    pub(crate) factors: Factors,
    pub(crate) export_sections: Vec<Arc<dyn ExportSection>>,
    pub(crate) trusted: Option<Arc<dyn TrustedBrowsers>>,
    pub(crate) door: Door,
    /// From when on the trail is told again that requests cannot be counted, in microseconds.
    pub(crate) limits_told_again_at: AtomicI64,
}

impl Sigra {
    /// Starts assembling.
    pub fn builder(stores: Stores, essentials: Essentials) -> SigraBuilder {
        SigraBuilder::new(stores, essentials)
    }

    /// Registering.
    #[must_use]
    pub fn registration(&self) -> Registration<'_> {
        Registration(&self.inner)
    }

    /// Proving the address of a registration.
    #[must_use]
    pub fn confirmation(&self) -> Confirmation<'_> {
        Confirmation(&self.inner)
    }

    /// Proving the address while signing in, where the account was created before that.
    #[must_use]
    pub fn sign_in_confirmation(&self) -> SignInConfirmation<'_> {
        SignInConfirmation(&self.inner)
    }

    /// Signing in with a password.
    #[must_use]
    pub fn login(&self) -> Login<'_> {
        Login(&self.inner)
    }

    /// Signing in with a link in a mail.
    #[must_use]
    pub fn magic_link(&self) -> MagicLink<'_> {
        MagicLink(&self.inner)
    }

    /// Replacing a forgotten password.
    #[must_use]
    pub fn reset(&self) -> Reset<'_> {
        Reset(&self.inner)
    }

    /// Changing passwords, and demanding that they are changed.
    #[must_use]
    pub fn passwords(&self) -> Passwords<'_> {
        Passwords(&self.inner)
    }

    /// Changing what the host keeps about an account.
    #[must_use]
    pub fn profiles(&self) -> Profiles<'_> {
        Profiles(&self.inner)
    }

    /// Authenticating again for sensitive actions.
    #[must_use]
    pub fn sudo(&self) -> Sudo<'_> {
        Sudo(&self.inner)
    }

    /// Showing a second factor.
    #[must_use]
    pub fn second_factors(&self) -> SecondFactors<'_> {
        SecondFactors(&self.inner)
    }

    /// Setting up a second factor while signing in.
    #[must_use]
    pub fn enrollment(&self) -> Enrollment<'_> {
        Enrollment(&self.inner)
    }

    /// Resolving, listing and ending sessions.
    #[must_use]
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(&self.inner)
    }

    /// Changing the mail address of an account.
    #[must_use]
    pub fn email_change(&self) -> EmailChange<'_> {
        EmailChange(&self.inner)
    }

    /// Giving an account what is stored about it.
    #[must_use]
    pub fn export(&self) -> Export<'_> {
        Export(&self.inner)
    }

    /// The names of the sections an export has, in their order.
    #[must_use]
    pub fn export_sections(&self) -> Vec<&'static str> {
        self.inner.export_sections.iter().map(|section| section.name()).collect()
    }

    /// What happened to an account.
    #[must_use]
    pub fn history(&self) -> History<'_> {
        History(&self.inner)
    }

    /// Disowning what a security notice reports.
    #[must_use]
    pub fn not_me(&self) -> NotMe<'_> {
        NotMe(&self.inner)
    }

    /// Deleting one's account, and taking that back.
    #[must_use]
    pub fn deletion(&self) -> Deletion<'_> {
        Deletion(&self.inner)
    }

    /// Warning about accounts that nobody uses, and disabling them.
    #[must_use]
    pub fn dormancy(&self) -> Dormancy<'_> {
        Dormancy(&self.inner)
    }

    /// Counting what may happen so often and no oftener.
    #[must_use]
    pub fn limits(&self) -> Limits<'_> {
        Limits(&self.inner)
    }

    /// What operators do to accounts. Who is one is the caller's to decide.
    #[must_use]
    pub fn operator(&self) -> Operator<'_> {
        Operator::new(&self.inner)
    }

    /// What runs in the background.
    #[must_use]
    pub fn workers(&self) -> Workers<'_> {
        Workers(&self.inner)
    }

    /// Throwing away what has expired.
    #[must_use]
    pub fn sweeper(&self) -> Sweeper<'_> {
        Sweeper(&self.inner)
    }

    /// What became of mail.
    #[must_use]
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(&self.inner)
    }

    /// The one way in, for capabilities that bring a proof of their own.
    #[must_use]
    pub fn door(&self) -> &Door {
        &self.inner.door
    }

    /// Whether a browser can be trusted after a second factor was shown in it.
    #[must_use]
    pub fn trusts_browsers(&self) -> bool {
        self.inner.trusted.is_some()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The stores.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.inner.stores
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Words a `User-Agent` for people.
    #[must_use]
    pub fn describe_device(&self, user_agent: Option<&str>) -> String {
        self.inner.describer.describe(user_agent)
    }
}

impl fmt::Debug for Sigra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sigra").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Inner {
    /// Tells the host, after the commit.
    pub(crate) async fn happened(&self, happened: Happened<'_>) {
        if let Err(error) = self.hooks.after_commit(&happened).await {
            tracing::error!(
                name: "sigra.hooks.failed",
                error = &*error as &dyn std::error::Error,
                "an after-commit hook failed"
            );
        }
    }

    /// Takes note of what follows a change that has committed. The change stands, so its failure is for the log: nobody
    /// may be told that a decision was not reached.
    pub(crate) fn follow_up(&self, done: Result<(), FlowError>) {
        if let Err(error) = done {
            tracing::error!(
                name: "sigra.follow_up.failed",
                error = &error as &dyn std::error::Error,
                "what follows a committed change failed"
            );
        }
    }

    pub(crate) fn second_factors(&self) -> SecondFactors<'_> {
        SecondFactors(self)
    }

    /// The keyed hash attempts on an account are counted by, whether or not there is an account.
    pub(crate) fn address_mac(&self, email: &EmailAddress) -> crate::ports::Mac {
        self.essentials.vault.mac("attempts.address", email.identity().as_bytes())
    }
}
