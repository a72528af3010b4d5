//! Assembling a host.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sigra_core::config::Config;
use sigra_core::email::EmailAddress;
use sigra_core::error::{FlowError, StoreError};
use sigra_core::flows::SweepOutcome;
use sigra_core::ports::{GeoIp, NoGeoIp, RateLimiter};
use sigra_core::time::{Clock, SystemClock};
use sigra_core::{Essentials, SharedRateLimiter, Sigra, Unlimited};
use sigra_crypto::{HashPool, HashingConfig, KeyRing, PasswordHasher, PolicyConfig, PoolConfig, StandardPolicy};
use sigra_http::{HttpConfig, LimitBucket, Surface};
use sigra_mail::{Links, MailTarget, Sender, Templates};
use sigra_mfa::{Mfa, MfaConfig, MfaParts};
use sigra_net::{MaxMindGeoIp, UserAgents};
use sigra_passkeys::{PasskeyConfig, PasskeyParts, Passkeys};
use sigra_store_seaorm::{DurableRateLimiter, SeaOrmStore, migrations};
use tokio::sync::watch;

use crate::clock::TestClock;
use crate::settings::{Settings, SettingsError};

const PRODUCT: &str = "sigra example";

/// Everything of a host but its framework.
#[derive(Clone)]
pub struct Host {
    /// The HTTP surface.
    pub surface: Surface,
    /// The folder mails are put into, when that is where they go and this is loopback mode.
    pub mail_dir: Option<PathBuf>,
}

/// A host could not be assembled.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting that shows its fault only when it is used.
    #[error(transparent)]
    Setting(#[from] SettingsError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Host {
    /// Opens the database, applies its migrations, and assembles the flows and the surface.
    ///
    /// # Errors
    ///
    /// When a setting turns out not to work.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let database = |error| database_fault(&settings.database_url, error);
        let pool = sigra_store_seaorm::open(&settings.database_url).await.map_err(database)?;
        migrations::migrate(&pool).await.map_err(database)?;
        let store = SeaOrmStore::new(pool);

        let clock: Arc<dyn Clock> = match &settings.test_clock {
            Some(path) => Arc::new(TestClock::new(path.clone())),
            None => Arc::new(SystemClock::new()),
        };
        let mail_dir = match &settings.mail {
            MailTarget::Dir(path) if settings.loopback => Some(path.clone()),
            _ => None,
        };
        let Assembled { sigra, mfa, passkeys } = assemble(&settings, &store, clock)?;
        let requests: Arc<dyn RateLimiter> = if settings.rate_limit {
            let durable = Arc::new(DurableRateLimiter::new(store.clone()));
            Arc::new(SharedRateLimiter::new(durable).in_memory(LimitBucket::Read.name()))
        } else {
            Arc::new(Unlimited)
        };
        let config = HttpConfig { product: PRODUCT.to_owned(), ..HttpConfig::default() };
        let mut builder = Surface::builder(sigra, settings.public_url)
            .config(config)
            .trusted_proxies(settings.trusted_proxies)
            .rate_limiter(requests)
            .accounts()
            .passwords()
            .email_change()
            .mfa(mfa);
        if let Some(passkeys) = passkeys {
            builder = builder.passkeys(passkeys);
        }
        // Sections of the settings stand in the order of these calls.
        builder = builder.security_history().export().deletion();
        if settings.loopback {
            builder = builder.loopback_only();
        }
        Ok(Self { surface: builder.build().map_err(other)?, mail_dir })
    }

    /// Answers requests by address, sends mail and throws away what has expired, until `stop` says so. Finishes the batch
    /// it is on.
    pub async fn work(self, mut stop: watch::Receiver<bool>) {
        let mut next_sweep = tokio::time::Instant::now();
        while !*stop.borrow() {
            let workers = self.surface.sigra().workers();
            let idle = match workers.run_once().await {
                Ok(report) => report.is_idle(),
                Err(error) => unavailable(&error),
            };
            if tokio::time::Instant::now() >= next_sweep {
                let more = match self.surface.sigra().sweeper().run_once().await {
                    Ok(SweepOutcome::Done(report)) => report.more(),
                    Ok(SweepOutcome::HeldElsewhere) => false,
                    Err(error) => !unavailable(&error),
                };
                if !more {
                    next_sweep = tokio::time::Instant::now() + Duration::from_secs(60);
                }
            }
            if idle {
                let _ = tokio::time::timeout(Duration::from_millis(250), stop.changed()).await;
            }
        }
    }
}

/// Completes when the process is asked to end, by SIGTERM or Ctrl-C.
///
/// # Errors
///
/// When the signals cannot be listened for.
pub async fn shut_down() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

/// The flows, and the capabilities that have routes of their own.
struct Assembled {
    sigra: Sigra,
    mfa: Mfa,
    passkeys: Option<Passkeys>,
}

fn assemble(settings: &Settings, store: &SeaOrmStore, clock: Arc<dyn Clock>) -> Result<Assembled, OpenError> {
    let threads = Arc::new(HashPool::new(&PoolConfig::default()).map_err(other)?);
    let hashing = HashingConfig { argon2: settings.argon2, ..HashingConfig::default() };
    let policy = PolicyConfig { product_words: vec![String::from("sigra")], ..PolicyConfig::default() };
    let links = Links::mounted_at(&settings.public_url.link("/auth"));
    let address = EmailAddress::parse("no-reply@sigra.example").map_err(other)?;
    let mail_budget: Arc<dyn RateLimiter> =
        if settings.rate_limit { Arc::new(DurableRateLimiter::new(store.clone())) } else { Arc::new(Unlimited) };
    let essentials = Essentials {
        hasher: Arc::new(PasswordHasher::new(threads.clone(), &hashing, &settings.secrets).map_err(other)?),
        policy: Arc::new(StandardPolicy::new(threads, &policy).map_err(other)?),
        vault: Arc::new(KeyRing::new(&settings.secrets)),
        composer: Arc::new(Templates::builder(PRODUCT, links).build().map_err(other)?),
        mailer: settings
            .mail
            .clone()
            .open(Sender::new(PRODUCT, address))
            .map_err(|error| SettingsError::new("SIGRA_MAIL", error, MailTarget::ACCEPTED))?,
        mail_budget,
    };
    let geo: Arc<dyn GeoIp> = match &settings.geoip_db {
        Some(path) => Arc::new(MaxMindGeoIp::open(path).map_err(|error| {
            SettingsError::new("SIGRA_GEOIP_DB", error, "the path of a City or Country database in MaxMind's format")
        })?),
        None => Arc::new(NoGeoIp),
    };
    let vault = essentials.vault.clone();
    let store = Arc::new(store.clone());
    let mfa = MfaParts {
        totp: store.clone(),
        backup_codes: store.clone(),
        trusted: store.clone(),
        vault: vault.clone(),
        clock: clock.clone(),
        log: store.clone(),
        geo: geo.clone(),
    };
    let mfa = Mfa::new(mfa, MfaConfig { issuer: PRODUCT.to_owned(), ..MfaConfig::default() }).map_err(other)?;
    let passkeys = match PasskeyConfig::for_public_url(&settings.public_url.to_string()) {
        Ok(config) => {
            let parts = PasskeyParts {
                store: store.clone(),
                ceremonies: store.clone(),
                vault,
                clock: clock.clone(),
                log: store.clone(),
            };
            Some(Passkeys::new(parts, PasskeyConfig { rp_name: PRODUCT.to_owned(), ..config }).map_err(other)?)
        }
        Err(error) => {
            tracing::warn!(%error, "passkeys are not offered");
            None
        }
    };
    let builder = Sigra::builder(store.stores(), essentials)
        .config(Config::default())
        .clock(clock)
        .geo_ip(geo)
        .describer(Arc::new(UserAgents::new()))
        .factor(mfa.totp_factor())
        .factor(mfa.backup_code_factor())
        .trusted_browsers(mfa.trusted_browsers())
        .export_sections(mfa.export_sections());
    let builder = match &passkeys {
        Some(passkeys) => builder.factor(passkeys.factor()).export_sections(passkeys.export_sections()),
        None => builder,
    };
    Ok(Assembled { sigra: builder.build().map_err(other)?, mfa, passkeys })
}

/// Says what is wrong with the database. Drivers repeat the URL, and a URL can hold a password.
fn database_fault(url: &str, error: StoreError) -> SettingsError {
    let mut problem = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !problem.ends_with(&cause_text) {
            problem = format!("{problem}: {cause_text}");
        }
        source = cause.source();
    }
    let problem = match url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')) {
        Some((credentials, _)) => problem.replace(credentials, "…"),
        None => problem,
    };
    let accepted = "a database that can be reached, such as sqlite://path?mode=rwc";
    SettingsError::new("SIGRA_DATABASE_URL", problem, accepted)
}

fn other(error: impl std::fmt::Display) -> OpenError {
    OpenError::Other(error.to_string())
}

fn unavailable(error: &FlowError) -> bool {
    tracing::error!(error = error as &dyn std::error::Error, "the background work could not go on");
    true
}
