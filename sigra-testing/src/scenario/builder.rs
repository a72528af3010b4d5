//! Putting a host together.

use std::sync::Arc;

use sigra_core::config::Config;
use sigra_core::door::Gate;
use sigra_core::export::ExportSection;
use sigra_core::mail::{Composer, Mailer};
use sigra_core::ports::{
    AccountData, BreachedPasswords, Factor, FactorRequirement, GeoIp, Hasher, Hooks, MailDomains, NoGeoIp, NoHooks,
    PasswordPolicy, RateLimiter, TrustedBrowsers,
};
use sigra_core::{Essentials, MemoryRateLimiter, Sigra, Stores};

use super::TestHost;
use crate::{CaptureMailer, ManualClock, MemoryStore, MinLengthPolicy, PlainComposer, PlainHasher, TestVault};

/// Puts a [`TestHost`] together.
#[must_use]
pub struct TestHostBuilder<S = MemoryStore> {
    pub(super) store: S,
    stores: Stores,
    config: Config,
    hasher: Option<Arc<dyn Hasher>>,
    policy: Arc<dyn PasswordPolicy>,
    composer: Arc<dyn Composer>,
    mailer: Option<Arc<dyn Mailer>>,
    mail_budget: Arc<dyn RateLimiter>,
    geo: Arc<dyn GeoIp>,
    breaches: Option<Arc<dyn BreachedPasswords>>,
    mail_domains: Option<Arc<dyn MailDomains>>,
    hooks: Arc<dyn Hooks>,
    account_data: Vec<Arc<dyn AccountData>>,
    gates: Vec<Arc<dyn Gate>>,
    factors: Vec<Arc<dyn Factor>>,
    trusted: Option<Arc<dyn TrustedBrowsers>>,
    requirement: Option<Arc<dyn FactorRequirement>>,
    export_sections: Vec<Arc<dyn ExportSection>>,
    clock: ManualClock,
    vault: TestVault,
}

/// What a capability of a [`TestHost`] is made of, before there is a host.
#[derive(Clone)]
pub struct TestParts {
    /// The storage.
    pub stores: Stores,
    /// The host's clock.
    pub clock: ManualClock,
    /// The host's vault.
    pub vault: TestVault,
}

impl<S> TestHostBuilder<S> {
    pub(super) fn new(store: S, stores: Stores) -> Self {
        Self {
            store,
            stores,
            config: Config::default(),
            hasher: None,
            policy: Arc::new(MinLengthPolicy(15)),
            composer: Arc::new(PlainComposer),
            mailer: None,
            mail_budget: Arc::new(MemoryRateLimiter::default()),
            geo: Arc::new(NoGeoIp),
            breaches: None,
            mail_domains: None,
            hooks: Arc::new(NoHooks),
            account_data: Vec::new(),
            gates: Vec::new(),
            factors: Vec::new(),
            trusted: None,
            requirement: None,
            export_sections: Vec::new(),
            clock: ManualClock::default(),
            vault: TestVault::default(),
        }
    }

    /// Changes the configuration.
    pub fn config(mut self, tweak: impl FnOnce(&mut Config)) -> Self {
        tweak(&mut self.config);
        self
    }

    /// Changes single ports of the storage.
    pub fn stores(mut self, tweak: impl FnOnce(&mut Stores)) -> Self {
        tweak(&mut self.stores);
        self
    }

    /// Another hasher than a [`PlainHasher`].
    pub fn hasher(mut self, hasher: Arc<dyn Hasher>) -> Self {
        self.hasher = Some(hasher);
        self
    }

    /// Another policy than 15 code points.
    pub fn policy(mut self, policy: Arc<dyn PasswordPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Another composer than a [`PlainComposer`]. What [`TestHost::mailed_token`] and [`TestHost::mailed_code`] read are
    /// the lines of that one.
    pub fn composer(mut self, composer: Arc<dyn Composer>) -> Self {
        self.composer = composer;
        self
    }

    /// Another mailer than a [`CaptureMailer`].
    pub fn mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// Another counter of mail than one in memory.
    pub fn mail_budget(mut self, mail_budget: Arc<dyn RateLimiter>) -> Self {
        self.mail_budget = mail_budget;
        self
    }

    /// What knows where addresses are. The default knows nothing.
    pub fn geo_ip(mut self, geo: Arc<dyn GeoIp>) -> Self {
        self.geo = geo;
        self
    }

    /// What knows breached passwords. The default is nothing.
    pub fn breached_passwords(mut self, breaches: Arc<dyn BreachedPasswords>) -> Self {
        self.breaches = Some(breaches);
        self
    }

    /// What knows which domains take mail. The default is nothing.
    pub fn mail_domains(mut self, mail_domains: Arc<dyn MailDomains>) -> Self {
        self.mail_domains = Some(mail_domains);
        self
    }

    /// What hears about changes. The default hears nothing.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = hooks;
        self
    }

    /// A clock that other parts of the test move too.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = clock;
        self
    }

    /// What capabilities are made of. Ask when storage and clock are set.
    #[must_use]
    pub fn parts(&self) -> TestParts {
        TestParts { stores: self.stores.clone(), clock: self.clock.clone(), vault: self.vault.clone() }
    }

    /// Adds a kind of second factor.
    pub fn factor(mut self, factor: Arc<dyn Factor>) -> Self {
        self.factors.push(factor);
        self
    }

    /// What may stand in for a second factor.
    pub fn trusted_browsers(mut self, trusted: Arc<dyn TrustedBrowsers>) -> Self {
        self.trusted = Some(trusted);
        self
    }

    /// Which accounts must have a second factor.
    pub fn factor_requirement(mut self, requirement: Arc<dyn FactorRequirement>) -> Self {
        self.requirement = Some(requirement);
        self
    }

    /// Adds what must be erased with an account, and lives elsewhere.
    pub fn account_data(mut self, data: Arc<dyn AccountData>) -> Self {
        self.account_data.push(data);
        self
    }

    /// Adds sections to what an account is given of itself.
    pub fn export_sections(mut self, sections: impl IntoIterator<Item = Arc<dyn ExportSection>>) -> Self {
        self.export_sections.extend(sections);
        self
    }

    /// Adds a gate to the door.
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gates.push(gate);
        self
    }

    /// Builds the host.
    ///
    /// # Panics
    ///
    /// When the configuration is faulty.
    pub fn build(self) -> TestHost<S> {
        let clock = self.clock;
        let (plain_hasher, capture, vault) = (PlainHasher::new(), CaptureMailer::new(), self.vault);
        let essentials = Essentials {
            hasher: self.hasher.unwrap_or_else(|| Arc::new(plain_hasher.clone())),
            policy: self.policy,
            vault: Arc::new(vault.clone()),
            composer: self.composer,
            mailer: self.mailer.unwrap_or_else(|| Arc::new(capture.clone())),
            mail_budget: self.mail_budget,
        };
        let builder = Sigra::builder(self.stores, essentials)
            .config(self.config)
            .clock(Arc::new(clock.clone()))
            .geo_ip(self.geo)
            .hooks(self.hooks)
            .export_sections(self.export_sections);
        let builder = self.breaches.into_iter().fold(builder, |builder, service| builder.breached_passwords(service));
        let builder = self.mail_domains.into_iter().fold(builder, |builder, service| builder.mail_domains(service));
        let builder = self.account_data.into_iter().fold(builder, |builder, data| builder.account_data(data));
        let builder = self.gates.into_iter().fold(builder, |builder, gate| builder.gate(gate));
        let builder = self.factors.into_iter().fold(builder, |builder, factor| builder.factor(factor));
        let builder = self.trusted.into_iter().fold(builder, |builder, trusted| builder.trusted_browsers(trusted));
        let builder = self.requirement.into_iter().fold(builder, |builder, rule| builder.factor_requirement(rule));
        let sigra = builder.build().unwrap_or_else(|faults| panic!("the configuration must be sound: {faults}"));
        TestHost { sigra, store: self.store, clock, mailer: capture, hasher: plain_hasher, vault }
    }
}
