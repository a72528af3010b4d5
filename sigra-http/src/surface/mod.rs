//! The surface: requests in, responses out, without a framework.

mod config;
mod dispatch;
mod guard;
mod host_request;
mod present;
mod visit;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::head::Head;
use sigra_core::door::Step;
use sigra_core::ports::RateLimiter;
use sigra_core::session::Session;
use sigra_core::{MemoryRateLimiter, Sigra};

pub use config::{HttpConfig, LimitBucket, Limits};
pub use guard::{Caller, GuardDecision, Requirement};
pub use host_request::HostRequest;
pub use visit::Visit;

use crate::client_ip::TrustedProxies;
use crate::cookie::CookieName;
use crate::pages::{Offers, Pages, Section};
use crate::path::Router;
use crate::public_url::PublicUrl;
use crate::route::Route;

/// The HTTP surface of a [`Sigra`]. Cheap to clone.
///
/// An adapter hands it the requests below its prefix ([`Surface::handle`]), and lets it receive all of them
/// ([`Surface::receive`]) to learn who is behind a request of the host's own, and whether it may pass.
#[derive(Clone)]
pub struct Surface {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) sigra: Sigra,
    pub(crate) config: HttpConfig,
    pub(crate) public_url: PublicUrl,
    pub(crate) cookies: Cookies,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) pages: Pages,
    pub(crate) routes: Vec<&'static Route>,
    pub(crate) router: Router,
    pub(crate) steps: Vec<(Step, &'static str)>,
    pub(crate) readers: Vec<(&'static str, Reads)>,
    pub(crate) loopback_only: bool,
    #[cfg_attr(not(any(feature = "mfa", feature = "passkeys")), expect(dead_code, reason = "there are none"))]
    pub(crate) services: Services,
}

/// Whether a response to a factor reads as what it should be, without looking anything up.
pub(crate) type Reads = fn(&str) -> bool;

/// What answers the routes that come with features.
#[derive(Clone, Default)]
pub(crate) struct Services {
    #[cfg(feature = "mfa")]
    pub(crate) mfa: Option<sigra_mfa::Mfa>,
    #[cfg(feature = "passkeys")]
    pub(crate) passkeys: Option<crate::passkeys::Service>,
}

/// The names of our cookies, decided by the public URL and never by a request.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    pub(crate) session: CookieName,
    pub(crate) pending: CookieName,
    pub(crate) device: CookieName,
    pub(crate) trust: CookieName,
    pub(crate) notice: CookieName,
}

impl Surface {
    /// Starts assembling the surface of `sigra`, reached at `public_url`.
    pub fn builder(sigra: Sigra, public_url: PublicUrl) -> SurfaceBuilder {
        SurfaceBuilder {
            sigra,
            public_url,
            config: HttpConfig::default(),
            proxies: TrustedProxies::default(),
            limiter: Arc::new(MemoryRateLimiter::default()),
            pages: None,
            routes: Vec::new(),
            steps: Vec::new(),
            settings: Vec::new(),
            readers: Vec::new(),
            loopback_only: false,
            offers_passkeys: false,
            exports: false,
            sections: Vec::new(),
            services: Services::default(),
        }
    }

    /// The flows behind the surface.
    #[must_use]
    pub fn sigra(&self) -> &Sigra {
        &self.inner.sigra
    }

    /// Where the routes are mounted.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.inner.config.prefix
    }

    /// The origin people reach the host at.
    #[must_use]
    pub fn public_url(&self) -> &PublicUrl {
        &self.inner.public_url
    }

    /// Every route that can be reached.
    #[must_use]
    pub fn routes(&self) -> &[&'static Route] {
        &self.inner.routes
    }

    /// Opens a request: its client and, when somebody asks, its session.
    pub(crate) fn visit(&self, head: Head<'_>, peer: Option<IpAddr>) -> Visit {
        Visit::new(self.inner.clone(), head, peer)
    }
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface")
            .field("public_url", &self.inner.public_url)
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// The page of a step, below the prefix.
    pub(crate) fn page_of(&self, step: Step) -> Option<&'static str> {
        self.steps.iter().find(|(other, _)| *other == step).map(|(_, path)| *path)
    }

    /// How long a session's cookie lives: with the browser, unless the session is remembered.
    pub(crate) fn session_lifetime(&self, session: &Session) -> Option<Duration> {
        session.remembered.then(|| session.expires_at.since(self.sigra.clock().now()))
    }
}

/// Assembles a [`Surface`].
#[must_use]
pub struct SurfaceBuilder {
    sigra: Sigra,
    public_url: PublicUrl,
    config: HttpConfig,
    proxies: TrustedProxies,
    limiter: Arc<dyn RateLimiter>,
    pages: Option<Pages>,
    routes: Vec<&'static Route>,
    steps: Vec<(Step, &'static str)>,
    settings: Vec<Section>,
    readers: Vec<(&'static str, Reads)>,
    loopback_only: bool,
    offers_passkeys: bool,
    exports: bool,
    sections: Vec<&'static str>,
    services: Services,
}

impl SurfaceBuilder {
    /// How the surface behaves. The default is safe to run.
    pub fn config(mut self, config: HttpConfig) -> Self {
        self.config = config;
        self
    }

    /// Whose forwarding headers are believed. The default believes nobody's.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// What counts requests. The default counts in bounded memory, for one process.
    pub fn rate_limiter(mut self, limiter: Arc<dyn RateLimiter>) -> Self {
        self.limiter = limiter;
        self
    }

    /// The pages. The default are the embedded ones.
    pub fn pages(mut self, pages: Pages) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Adds the routes of accounts and sessions, with the stylesheet and script of the pages.
    pub fn accounts(self) -> Self {
        self.routes(crate::assets::ROUTES)
            .routes(crate::accounts::ROUTES)
            .step(Step::CONFIRM_EMAIL, "/login/confirm")
            .section(
                "/settings/sessions",
                "Where you are signed in",
                "See your sessions, and end those you do not know.",
            )
    }

    /// Adds the routes of passwords: changing one, setting a first one, and replacing one that must be replaced before a
    /// sign-in is complete.
    pub fn passwords(self) -> Self {
        self.routes(crate::passwords::ROUTES).step(Step::PASSWORD_CHANGE, "/login/password-change").section(
            "/settings/password",
            "Password",
            "Change your password, or set one.",
        )
    }

    /// Adds the routes of changing an account's mail address. The links in its mails lead to them.
    pub fn email_change(self) -> Self {
        self.routes(crate::email_change::ROUTES).section(
            "/settings/email",
            "Email address",
            "Move your account to another address.",
        )
    }

    /// Adds the routes of the security history: what happened to an account, for its owner.
    pub fn security_history(self) -> Self {
        self.routes(crate::history::ROUTES).section(
            "/settings/security",
            "Security history",
            "See sign-ins, refused attempts and changes.",
        )
    }

    /// Adds the routes of the export: what is stored about an account, as a document that is streamed.
    ///
    /// Capabilities whose routes are mounted too must have handed their
    /// [sections](sigra_core::SigraBuilder::export_sections) to the [`Sigra`].
    pub fn export(mut self) -> Self {
        self.exports = true;
        self.routes(crate::export::ROUTES).section(
            "/settings/export",
            "Download your data",
            "Get a file with what is stored about you.",
        )
    }

    /// Adds the routes of second factors: showing one, setting them up, backup codes, trusted browsers.
    ///
    /// What `mfa` brings must be known to the [`Sigra`] too, or nothing demands it: see
    /// [`SigraBuilder::factor`](sigra_core::SigraBuilder::factor).
    #[cfg(feature = "mfa")]
    pub fn mfa(mut self, mfa: sigra_mfa::Mfa) -> Self {
        let sections = mfa.export_sections();
        self.services.mfa = Some(mfa);
        self.brings(sections)
            .second_factors()
            .routes(crate::mfa::ROUTES)
            .step(Step::MFA_ENROLLMENT, "/login/mfa-enrollment")
            .security()
    }

    /// Adds the routes of passkeys: signing in with one, as a second factor, adding and removing them.
    ///
    /// What `passkeys` brings must be known to the [`Sigra`] too: see
    /// [`SigraBuilder::factor`](sigra_core::SigraBuilder::factor).
    #[cfg(feature = "passkeys")]
    pub fn passkeys(mut self, passkeys: sigra_passkeys::Passkeys) -> Self {
        let sections = passkeys.export_sections();
        self.services.passkeys = crate::passkeys::Service::new(passkeys, &self.public_url);
        self.offers_passkeys = true;
        self.readers.push((sigra_passkeys::PASSKEY.name(), sigra_passkeys::reads_as_authentication));
        self.brings(sections).second_factors().routes(crate::passkeys::ROUTES).security()
    }

    /// Adds the routes of deletion: scheduling that of one's account, and taking it back by signing in or by the mailed link.
    pub fn deletion(self) -> Self {
        self.routes(crate::deletion::ROUTES).step(Step::REACTIVATE, "/login/reactivate").section(
            "/settings/delete",
            "Delete your account",
            "Close your account. You have time to change your mind.",
        )
    }

    /// Adds the routes of showing a second factor while signing in, for factors that no other call of this builder brings.
    /// Calling it twice adds them once.
    pub fn second_factors(self) -> Self {
        if self.steps.iter().any(|(step, _)| *step == Step::MFA) {
            return self;
        }
        self.routes(crate::second_factors::ROUTES).step(Step::MFA, "/mfa")
    }

    /// The page of the settings that they share, once.
    #[cfg(any(feature = "mfa", feature = "passkeys"))]
    fn security(self) -> Self {
        const PATH: &str = "/settings/mfa";
        if self.settings.iter().any(|section| section.path == PATH) {
            return self;
        }
        self.routes(crate::security::ROUTES).section(
            PATH,
            "Two-step verification",
            "Set up what proves that it is you, beside your password.",
        )
    }

    /// Sections of an export without which it would leave out a capability that is mounted.
    #[cfg(any(feature = "mfa", feature = "passkeys"))]
    fn brings(mut self, sections: Vec<Arc<dyn sigra_core::export::ExportSection>>) -> Self {
        self.sections.extend(sections.iter().map(|section| section.name()));
        self
    }

    /// The page of a step.
    fn step(mut self, step: Step, path: &'static str) -> Self {
        self.steps.push((step, path));
        self
    }

    /// A page of the settings, for their first page and their navigation.
    fn section(mut self, path: &'static str, title: &'static str, about: &'static str) -> Self {
        if self.settings.iter().all(|section| section.path != path) {
            self.settings.push(Section { path, title, about });
        }
        self
    }

    /// Answers 421 to requests whose `Host` is not a loopback name, on every route of the host. For hosts that listen on
    /// loopback only.
    pub fn loopback_only(mut self) -> Self {
        self.loopback_only = true;
        self
    }

    fn routes(mut self, table: &'static [Route]) -> Self {
        self.routes.extend(table);
        self
    }

    /// Checks and assembles.
    ///
    /// # Errors
    ///
    /// Every fault, together.
    pub fn build(self) -> Result<Surface, SurfaceFaults> {
        let Self {
            sigra,
            public_url,
            config,
            proxies,
            limiter,
            pages,
            routes,
            steps,
            settings,
            readers,
            loopback_only,
            offers_passkeys,
            exports,
            sections,
            services,
        } = self;
        let mut faults = Vec::new();
        if !sound_prefix(&config.prefix) {
            faults.push(String::from(
                "`prefix` must be empty, or start with `/` and not end with one, in plain letters, digits, `-` and `_`",
            ));
        }
        if !public_url.is_secure_or_loopback() {
            faults.push(String::from("the public URL must be https, unless its host is loopback"));
        }
        if exports {
            let there = sigra.export_sections();
            let missing = sections.iter().filter(|name| !there.contains(name));
            faults.extend(missing.map(|name| {
                format!("the export lacks the section `{name}`: hand what brings it to the builder of `Sigra`")
            }));
        }
        let mut seen = BTreeMap::new();
        for route in &routes {
            if seen.insert((route.path, route.method.method().to_string()), ()).is_some() {
                faults.push(format!("the route `{} {}` is added twice", route.method.method(), route.path));
            }
        }
        let mut pages = pages.unwrap_or_else(|| Pages::new(&config.product, &config.prefix));
        pages.offer(&Offers { settings: &settings, passkeys: offers_passkeys });
        faults.extend(pages.check().err().into_iter().flat_map(|found| found.into_faults()));
        let cookie = |base| CookieName::new(base, &public_url).expect("our own names are valid");
        let cookies = Cookies {
            session: cookie("sigra_session"),
            pending: cookie("sigra_pending"),
            device: cookie("sigra_device"),
            trust: cookie("sigra_trust"),
            notice: cookie("sigra_notice"),
        };
        if !faults.is_empty() {
            return Err(SurfaceFaults(faults));
        }
        let router = Router::new(routes.iter().map(|route| (route.method.method(), route.path)));
        let inner = Inner {
            sigra,
            config,
            public_url,
            cookies,
            proxies,
            limiter,
            pages,
            routes,
            router,
            steps,
            readers,
            loopback_only,
            services,
        };
        Ok(Surface { inner: Arc::new(inner) })
    }
}

fn sound_prefix(prefix: &str) -> bool {
    prefix.is_empty()
        || (prefix.starts_with('/')
            && prefix[1..].split('/').all(|segment| {
                !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            }))
}

/// Everything that is wrong with a surface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SurfaceFaults(Vec<String>);

impl SurfaceFaults {
    /// One sentence a fault.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}
