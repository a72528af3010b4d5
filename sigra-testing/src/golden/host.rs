//! The host that scenarios run against.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use sigra_core::config::Config;
use sigra_core::door::Gate;
use sigra_core::email::EmailAddress;
use sigra_core::ports::RateLimiter;
use sigra_core::user::User;
use sigra_core::{MemoryRateLimiter, Unlimited};
use sigra_http::{HttpConfig, Limits, Surface, SurfaceBuilder, TrustedProxies};

use super::{Browser, Make, Subject};
use crate::MemoryStore;
use crate::scenario::{TestHost, TestHostBuilder};

/// How a [`GoldenHost`] is set up.
#[derive(Clone)]
pub struct Knobs {
    /// The public URL.
    pub public_url: &'static str,
    /// Where the routes are mounted.
    pub prefix: &'static str,
    /// How often may be asked. `None` never refuses.
    pub limits: Option<Limits>,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: &'static str,
    /// What a sign-in is judged by.
    pub gate: Option<Arc<dyn Gate>>,
    /// What is changed of the configuration of the flows.
    pub config: fn(&mut Config),
    /// Whether other hosts than loopback are answered 421.
    pub loopback_only: bool,
    /// Authenticator apps, backup codes and trusted browsers, if there are any; whether everybody must have a second factor.
    #[cfg(feature = "mfa")]
    pub mfa: Option<bool>,
    /// Whether there are passkeys.
    #[cfg(feature = "passkeys")]
    pub passkeys: bool,
}

impl Default for Knobs {
    /// Over https, mounted at `/auth`, without limits, proxies and gates.
    fn default() -> Self {
        Self {
            public_url: "https://app.example.org",
            prefix: "/auth",
            limits: None,
            trusted_proxies: "",
            gate: None,
            config: |_| {},
            loopback_only: false,
            #[cfg(feature = "mfa")]
            mfa: None,
            #[cfg(feature = "passkeys")]
            passkeys: false,
        }
    }
}

impl Knobs {
    /// Over http, on this machine.
    #[must_use]
    pub fn loopback() -> Self {
        Self { public_url: "http://localhost:3000", ..Self::default() }
    }
}

/// A [`TestHost`] behind an adapter.
pub struct GoldenHost {
    /// What is behind: flows, clock, mail, and the store, when it is the one in memory.
    pub test: TestHost,
    subject: Box<dyn Subject>,
    public_url: &'static str,
}

impl GoldenHost {
    /// A host with the default [`Knobs`].
    #[must_use]
    pub fn new(make: &Make<'_>) -> Self {
        Self::with(make, Knobs::default())
    }

    /// A host set up like this.
    ///
    /// # Panics
    ///
    /// When the knobs make no sound surface.
    #[must_use]
    pub fn with(make: &Make<'_>, knobs: Knobs) -> Self {
        let builder = match make.stores() {
            // Nobody looks into the memory then.
            Some(stores) => TestHost::over(MemoryStore::new(), stores),
            None => TestHost::builder(),
        };
        let builder = match knobs.gate.clone() {
            Some(gate) => builder.gate(gate),
            None => builder,
        };
        let (builder, capabilities) = Capabilities::of(builder.config(knobs.config), &knobs);
        let test = builder.build();
        let subject = make.mount(surface(&test, &knobs, capabilities));
        Self { test, subject, public_url: knobs.public_url }
    }

    /// A client without cookies.
    #[must_use]
    pub fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// A client that is signed in, with an open sudo window. The account is made when there is none.
    ///
    /// # Panics
    ///
    /// When that is not possible.
    pub async fn signed_in(&self, email: &str) -> Browser<'_> {
        if self.account(email).await.is_none() {
            self.test.confirmed(email).await;
        }
        let mut browser = self.browser();
        browser.sign_in(email).await;
        browser
    }

    /// The account with an address, if there is one.
    ///
    /// # Panics
    ///
    /// When it is no address, or the storage cannot tell.
    pub async fn account(&self, email: &str) -> Option<User> {
        let email = EmailAddress::parse(email).expect("it must be an address");
        let found = self.test.sigra.stores().accounts.find_by_email(&email).await;
        found.expect("an account must be looked up").map(|found| found.user)
    }

    /// Sends a request as it is.
    pub async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        self.subject.call(request, peer).await
    }

    /// The public URL.
    #[must_use]
    pub fn public_url(&self) -> &'static str {
        self.public_url
    }

    /// The name one of sigra's cookies has, as in `session`.
    #[must_use]
    pub fn cookie_name(&self, which: &str) -> String {
        format!("{}sigra_{which}", if self.is_https() { "__Host-" } else { "" })
    }

    /// The `Set-Cookie` that hands out a token, with its value as `*`.
    #[must_use]
    pub fn issued(&self, which: &str, max_age: Option<u64>) -> String {
        self.set_cookie(which, "*", max_age)
    }

    /// The `Set-Cookie` that takes a cookie away.
    #[must_use]
    pub fn cleared(&self, which: &str) -> String {
        self.set_cookie(which, "", Some(0))
    }

    /// The `Set-Cookie` that sets a fixed word.
    #[must_use]
    pub fn set_cookie(&self, which: &str, value: &str, max_age: Option<u64>) -> String {
        let secure = if self.is_https() { "; Secure" } else { "" };
        let age = max_age.map(|secs| format!("; Max-Age={secs}")).unwrap_or_default();
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.cookie_name(which))
    }

    pub(super) fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    pub(super) fn authority(&self) -> &'static str {
        self.public_url.split("://").last().unwrap_or_default()
    }
}

impl fmt::Debug for GoldenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoldenHost").field("test", &self.test).finish_non_exhaustive()
    }
}

/// The capabilities beyond accounts and sessions.
#[derive(Default)]
struct Capabilities {
    #[cfg(feature = "mfa")]
    mfa: Option<sigra_mfa::Mfa>,
    #[cfg(feature = "passkeys")]
    passkeys: Option<sigra_passkeys::Passkeys>,
}

impl Capabilities {
    #[cfg_attr(not(any(feature = "mfa", feature = "passkeys")), expect(unused_variables, reason = "there are none"))]
    fn of(builder: TestHostBuilder, knobs: &Knobs) -> (TestHostBuilder, Self) {
        #[cfg_attr(not(any(feature = "mfa", feature = "passkeys")), expect(unused_mut, reason = "there are none"))]
        let (mut builder, mut own) = (builder, Self::default());
        #[cfg(feature = "mfa")]
        if let Some(required) = knobs.mfa {
            let config = sigra_mfa::MfaConfig { issuer: "Golden".to_owned(), ..Default::default() };
            let (with_mfa, mfa) = builder.config(|config| config.second_factors.required = required).mfa(config);
            (builder, own.mfa) = (with_mfa, Some(mfa));
        }
        #[cfg(feature = "passkeys")]
        if knobs.passkeys {
            let config = sigra_passkeys::PasskeyConfig::for_public_url(knobs.public_url);
            let (with_passkeys, passkeys) = builder.passkeys(config.expect("the public URL must be one for passkeys"));
            (builder, own.passkeys) = (with_passkeys, Some(passkeys));
        }
        (builder, own)
    }

    fn mount(self, surface: SurfaceBuilder) -> SurfaceBuilder {
        #[cfg(feature = "mfa")]
        let surface = match self.mfa {
            Some(mfa) => surface.mfa(mfa),
            None => surface,
        };
        #[cfg(feature = "passkeys")]
        let surface = match self.passkeys {
            Some(passkeys) => surface.passkeys(passkeys),
            None => surface,
        };
        surface
    }
}

fn surface(test: &TestHost, knobs: &Knobs, capabilities: Capabilities) -> Surface {
    let limiter: Arc<dyn RateLimiter> = match knobs.limits {
        Some(_) => Arc::new(MemoryRateLimiter::default()),
        None => Arc::new(Unlimited),
    };
    let config = HttpConfig {
        prefix: knobs.prefix.to_owned(),
        limits: knobs.limits.unwrap_or_default(),
        ..HttpConfig::default()
    };
    let public_url = knobs.public_url.parse().expect("the public URL must be one");
    let builder = Surface::builder(test.sigra.clone(), public_url)
        .config(config)
        .trusted_proxies(TrustedProxies::parse(knobs.trusted_proxies).expect("the proxies must be networks"))
        .rate_limiter(limiter)
        .accounts()
        .passwords()
        .email_change()
        .deletion()
        .security_history()
        .export();
    let builder = capabilities.mount(builder);
    let builder = if knobs.loopback_only { builder.loopback_only() } else { builder };
    builder.build().unwrap_or_else(|faults| panic!("the surface must be sound: {faults}"))
}
