//! Assembling it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use super::{Essentials, Inner, Sigra, Stores};
use crate::config::{Config, ConfigFaults, ConfirmationMode};
use crate::describer::CommonBrowsers;
use crate::door::{
    ConfirmationGate, Door, DoorParts, Factors, Gate, PasswordChangeGate, ReactivationGate, SecondFactorGate,
};
use crate::export::{self, ExportSection};
use crate::ports::{
    AccountData, BreachedPasswords, DeviceDescriber, Factor, FactorRequirement, GeoIp, Hooks, MailDomains, NoGeoIp,
    NoHooks, Standing, TrustedBrowsers,
};
use crate::time::{Clock, SystemClock};

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
    account_data: Vec<Arc<dyn AccountData>>,
    gates: Vec<Arc<dyn Gate>>,
    factors: Vec<Arc<dyn Factor>>,
    trusted: Option<Arc<dyn TrustedBrowsers>>,
    requirement: Option<Arc<dyn FactorRequirement>>,
    export_sections: Vec<Arc<dyn ExportSection>>,
}

impl SigraBuilder {
    pub(super) fn new(stores: Stores, essentials: Essentials) -> Self {
        Self {
            stores,
            essentials,
            config: Config::default(),
            clock: Arc::new(SystemClock::new()),
            geo: Arc::new(NoGeoIp),
            describer: Arc::new(CommonBrowsers),
            breaches: None,
            mail_domains: None,
            hooks: Arc::new(NoHooks),
            account_data: Vec::new(),
            gates: Vec::new(),
            factors: Vec::new(),
            trusted: None,
            requirement: None,
            export_sections: Vec::new(),
        }
    }

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

    /// Adds what must be erased with an account, and lives where the store cannot reach.
    pub fn account_data(mut self, data: Arc<dyn AccountData>) -> Self {
        self.account_data.push(data);
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

    /// Adds sections to what an account is given of itself: those of capabilities, and of the host's own rows.
    pub fn export_sections(mut self, sections: impl IntoIterator<Item = Arc<dyn ExportSection>>) -> Self {
        self.export_sections.extend(sections);
        self
    }

    /// Adds a gate to the door. Gates are judged in the order they are added, after those that are built in.
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
            account_data,
            gates,
            factors,
            trusted,
            requirement,
            export_sections,
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
        let export_sections: Vec<_> =
            export::own_sections(&stores, &clock).into_iter().chain(export_sections).collect();
        faults.extend(export::faults_of(&export_sections));
        ConfigFaults::from_list(faults).map_or(Ok(()), Err)?;
        let config = Arc::new(config);
        let factors = Factors::new(factors);
        let second_factor = Arc::new(SecondFactorGate {
            factors: factors.clone(),
            trusted: trusted.clone(),
            required: config.second_factors.required,
            requirement,
        });
        let registration = &config.registration;
        let confirmation = (registration.confirmation == ConfirmationMode::Deferred).then(|| {
            let within = registration.confirm_within_secs.span();
            Arc::new(ConfirmationGate { within, second_factor: second_factor.clone() }) as Arc<dyn Gate>
        });
        let built_in: [Arc<dyn Gate>; 3] = [second_factor, Arc::new(ReactivationGate), Arc::new(PasswordChangeGate)];
        let gates = built_in.into_iter().chain(confirmation).chain(gates).collect();
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
                account_data,
                factors,
                export_sections,
                trusted,
                door,
                limits_told_again_at: AtomicI64::new(i64::MIN),
            }),
        })
    }
}
