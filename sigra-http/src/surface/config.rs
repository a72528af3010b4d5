//! How the surface behaves.

use serde::{Deserialize, Serialize};
use sigra_core::ports::Quota;

/// How the surface behaves. The default is safe to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where the routes are mounted: empty, or one `/` and a path without a trailing `/`.
    pub prefix: String,
    /// What the pages call the product.
    pub product: String,
    /// How often one network block may ask.
    pub limits: Limits,
    /// Seconds browsers are told to use https only. Sent when the public URL is https.
    pub hsts_secs: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            prefix: String::from("/auth"),
            product: String::from("sigra"),
            limits: Limits::default(),
            hsts_secs: 63_072_000,
        }
    }
}

/// How often one network block (an IPv4 address, an IPv6 /64) may ask, by what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Pages and reads.
    pub read: Quota,
    /// Signing in with a secret, and authenticating again.
    pub sign_in: Quota,
    /// Beginning to sign in with a passkey, which every visit of the sign-in page does.
    pub ceremony: Quota,
    /// Registering.
    pub register: Quota,
    /// Asking for mail.
    pub mail: Quota,
    /// Redeeming links and codes.
    pub redeem: Quota,
    /// Exporting what is stored about an account.
    pub export: Quota,
    /// Everything else that changes something.
    pub change: Quota,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read: Quota::new(1_200, 60),
            sign_in: Quota::new(30, 60),
            ceremony: Quota::new(120, 60),
            register: Quota::new(20, 600),
            mail: Quota::new(20, 600),
            redeem: Quota::new(60, 600),
            export: Quota::new(10, 600),
            change: Quota::new(120, 60),
        }
    }
}

/// Which of the [`Limits`] a route counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitBucket {
    /// [`Limits::read`].
    Read,
    /// [`Limits::sign_in`].
    SignIn,
    /// [`Limits::ceremony`].
    Ceremony,
    /// [`Limits::register`].
    Register,
    /// [`Limits::mail`].
    Mail,
    /// [`Limits::redeem`].
    Redeem,
    /// [`Limits::export`].
    Export,
    /// [`Limits::change`].
    Change,
}

impl LimitBucket {
    /// The bucket's name in a limiter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "http.read",
            Self::SignIn => "http.sign_in",
            Self::Ceremony => "http.ceremony",
            Self::Register => "http.register",
            Self::Mail => "http.mail",
            Self::Redeem => "http.redeem",
            Self::Export => "http.export",
            Self::Change => "http.change",
        }
    }

    pub(crate) const fn quota(self, limits: &Limits) -> Quota {
        match self {
            Self::Read => limits.read,
            Self::SignIn => limits.sign_in,
            Self::Ceremony => limits.ceremony,
            Self::Register => limits.register,
            Self::Mail => limits.mail,
            Self::Redeem => limits.redeem,
            Self::Export => limits.export,
            Self::Change => limits.change,
        }
    }
}
