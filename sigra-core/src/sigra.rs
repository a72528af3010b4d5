//! The handle everything is reached through.

use std::collections::BTreeSet;
use std::fmt;
use std::iter;
use std::sync::Arc;

use crate::config::{Config, ConfigFaults, ConfirmationMode};
use crate::describer::CommonBrowsers;
use crate::door::{ConfirmationGate, Door, DoorParts, Factors, Gate, SecondFactorGate};
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::flows::{
    Confirmation, Enrollment, Login, MagicLink, NotMe, Registration, Reset, SecondFactors, Sessions,
    SignInConfirmation, Sudo, Workers,
};
use crate::mail::{Composer, Mailer};
use crate::ports::{
    AccountStore, AttemptStore, AuditReader, BreachedPasswords, CeremonyStore, DeviceDescriber, DeviceStore,
    EvidenceLog, Factor, FactorRequirement, GeoIp, Happened, Hasher, Health, Hooks, Housekeeping, MailDomains, NoGeoIp,
    NoHooks, OutboxStore, PasswordPolicy, RateLimiter, RegistrationStore, RequestStore, SessionStore, Standing,
    TokenStore, TrustedBrowsers, Vault,
};
use crate::time::{Clock, SystemClock};

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
    pub attempts: Arc<dyn AttemptStore>,
    pub audit: Arc<dyn AuditReader>,
    pub ceremonies: Arc<dyn CeremonyStore>,
    pub devices: Arc<dyn DeviceStore>,
    pub health: Arc<dyn Health>,
    pub housekeeping: Arc<dyn Housekeeping>,
    pub log: Arc<dyn EvidenceLog>,
    pub outbox: Arc<dyn OutboxStore>,
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
    pub(crate) factors: Factors,
    pub(crate) trusted: Option<Arc<dyn TrustedBrowsers>>,
    pub(crate) door: Door,
}

impl Sigra {
    /// Starts assembling.
    pub fn builder(stores: Stores, essentials: Essentials) -> SigraBuilder {
        SigraBuilder {
            stores,
            essentials,
            config: Config::default(),
            clock: Arc::new(SystemClock::new()),
            geo: Arc::new(NoGeoIp),
            describer: Arc::new(CommonBrowsers),
            breaches: None,
            mail_domains: None,
            hooks: Arc::new(NoHooks),
            gates: Vec::new(),
            factors: Vec::new(),
            trusted: None,
            requirement: None,
        }
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

    /// Disowning what a security notice reports.
    #[must_use]
    pub fn not_me(&self) -> NotMe<'_> {
        NotMe(&self.inner)
    }

    /// What runs in the background.
    #[must_use]
    pub fn workers(&self) -> Workers<'_> {
        Workers(&self.inner)
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
            tracing::error!(error = &*error as &dyn std::error::Error, "an after-commit hook failed");
        }
    }

    /// Takes note of what follows a change that has committed. The change stands, so its failure is for the log: nobody
    /// may be told that a decision was not reached.
    pub(crate) fn follow_up(&self, done: Result<(), FlowError>) {
        if let Err(error) = done {
            tracing::error!(error = &error as &dyn std::error::Error, "what follows a committed change failed");
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

/// Assembles a [`Sigra`].
#[must_use]
pub struct SigraBuilder {
    stores: Stores,
    essentials: Essentials,
    config: Config,
    clock: Arc<dyn Clock>,
    geo: Arc<dyn GeoIp>,
    describer: Arc<dyn DeviceDescriber>,
    breaches: Option<Arc<dyn BreachedPasswords>>,
    mail_domains: Option<Arc<dyn MailDomains>>,
    hooks: Arc<dyn Hooks>,
    gates: Vec<Arc<dyn Gate>>,
    factors: Vec<Arc<dyn Factor>>,
    trusted: Option<Arc<dyn TrustedBrowsers>>,
    requirement: Option<Arc<dyn FactorRequirement>>,
}

impl SigraBuilder {
    /// How the flows behave. The default is safe to run.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Where time comes from. The default is the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What knows where addresses are. The default knows nothing.
    pub fn geo_ip(mut self, geo: Arc<dyn GeoIp>) -> Self {
        self.geo = geo;
        self
    }

    /// What words a `User-Agent`. The default recognizes the common browsers.
    pub fn describer(mut self, describer: Arc<dyn DeviceDescriber>) -> Self {
        self.describer = describer;
        self
    }

    /// What knows passwords from breaches. The default is nothing, and then nothing is asked. What happens without an answer
    /// is in [`BreachCheckConfig`](crate::config::BreachCheckConfig).
    pub fn breached_passwords(mut self, breaches: Arc<dyn BreachedPasswords>) -> Self {
        self.breaches = Some(breaches);
        self
    }

    /// What knows which domains take mail. The default is nothing, and then nothing is asked. An address is taken without
    /// an answer.
    pub fn mail_domains(mut self, mail_domains: Arc<dyn MailDomains>) -> Self {
        self.mail_domains = Some(mail_domains);
        self
    }

    /// What hears about changes after they have committed. The default hears nothing.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = hooks;
        self
    }

    /// Adds a kind of second factor. Whoever has one must show it from then on, whatever the way in.
    pub fn factor(mut self, factor: Arc<dyn Factor>) -> Self {
        self.factors.push(factor);
        self
    }

    /// What may stand in for a second factor. The default is nothing.
    pub fn trusted_browsers(mut self, trusted: Arc<dyn TrustedBrowsers>) -> Self {
        self.trusted = Some(trusted);
        self
    }

    /// Which accounts must have a second factor, where the configuration does not demand it of all.
    pub fn factor_requirement(mut self, requirement: Arc<dyn FactorRequirement>) -> Self {
        self.requirement = Some(requirement);
        self
    }

    /// Adds a gate to the door. Gates are judged in the order they are added, after those for second factors and for the
    /// proof of the address.
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gates.push(gate);
        self
    }

    /// Checks the configuration and assembles.
    ///
    /// # Errors
    ///
    /// Every fault of the configuration, together.
    pub fn build(self) -> Result<Sigra, ConfigFaults> {
        self.config.validate()?;
        let Self {
            stores,
            essentials,
            config,
            clock,
            geo,
            describer,
            breaches,
            mail_domains,
            hooks,
            gates,
            factors,
            trusted,
            requirement,
        } = self;
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = factors.iter().map(|factor| factor.kind()).filter(|kind| !seen.insert(*kind)).collect();
        let mut faults: Vec<_> = twice.iter().map(|kind| format!("the factor `{kind}` is added twice")).collect();
        let demands = |factor: &Arc<dyn Factor>| factor.standing() == Standing::Alone;
        if (config.second_factors.required || requirement.is_some()) && !factors.iter().any(demands) {
            faults.push(
                "second factors are required, and no factor is added that could be set up while signing in".into(),
            );
        }
        ConfigFaults::from_list(faults).map_or(Ok(()), Err)?;
        let config = Arc::new(config);
        let factors = Factors::new(factors);
        let second_factor = SecondFactorGate {
            factors: factors.clone(),
            trusted: trusted.clone(),
            required: config.second_factors.required,
            requirement,
        };
        let registration = &config.registration;
        let confirmation = (registration.confirmation == ConfirmationMode::Deferred)
            .then(|| Arc::new(ConfirmationGate { within: registration.confirm_within_secs.span() }) as Arc<dyn Gate>);
        let gates = iter::once(Arc::new(second_factor) as Arc<dyn Gate>).chain(confirmation).chain(gates).collect();
        let door = Door::new(
            DoorParts {
                devices: stores.devices.clone(),
                sessions: stores.sessions.clone(),
                log: stores.log.clone(),
                vault: essentials.vault.clone(),
                describer: describer.clone(),
                geo: geo.clone(),
                hooks: hooks.clone(),
                mail_budget: essentials.mail_budget.clone(),
                clock: clock.clone(),
                config: config.clone(),
            },
            gates,
        );
        Ok(Sigra {
            inner: Arc::new(Inner {
                config,
                stores,
                essentials,
                clock,
                geo,
                describer,
                breaches,
                mail_domains,
                hooks,
                factors,
                trusted,
                door,
            }),
        })
    }
}
