//! How passkeys behave.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sigra_core::config::ConfigFaults;
use url::{Host, Url};

/// How passkeys behave. The relying party has no default, for a passkey works nowhere else than where it was made; the
/// rest is safe to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyConfig {
    /// The domain passkeys belong to (the RP ID, Web Authentication Level 3 §4). Changing it makes every passkey useless.
    pub rp_id: String,
    /// What browsers call the application where they ask.
    pub rp_name: String,
    /// The origins passkeys may be used on, compared whole: scheme, host and port.
    pub origins: Vec<String>,
    /// How long a browser may take, and how long a ceremony lives.
    pub timeout_secs: u32,
    /// How many passkeys an account may have.
    pub at_most: u32,
    /// What happens when a signature counter does not advance.
    pub sign_count: SignCountPolicy,
}

/// What happens when a passkey shows a signature counter that is not above the one it showed last, which may mean that
/// there is a copy of it (Web Authentication Level 3 §6.1.1). It is recorded in any case.
///
/// Passkeys that are synced have no counter: theirs is always 0, and that is no regression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignCountPolicy {
    /// It is let in, and the higher counter stays stored.
    Warn,
    /// It is refused. Its owner signs in another way.
    #[default]
    RequireReauthentication,
    /// It is refused and removed, and its owner is told by mail.
    Revoke,
}

impl SignCountPolicy {
    /// The name in the configuration and the audit trail.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::RequireReauthentication => "require_reauthentication",
            Self::Revoke => "revoke",
        }
    }
}

/// The text is no URL passkeys could work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPublicUrl;

impl std::fmt::Display for InvalidPublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("passkeys need a public URL with a host name, over https or on localhost")
    }
}

impl std::error::Error for InvalidPublicUrl {}

impl Default for PasskeyConfig {
    fn default() -> Self {
        Self {
            rp_id: String::new(),
            rp_name: String::new(),
            origins: Vec::new(),
            timeout_secs: Self::MAX_TIMEOUT_SECS,
            at_most: 10,
            sign_count: SignCountPolicy::default(),
        }
    }
}

impl PasskeyConfig {
    /// The longest a ceremony may take. Also what the standard recommends (Web Authentication Level 3 §15.1).
    pub const MAX_TIMEOUT_SECS: u32 = 300;
    const MIN_TIMEOUT_SECS: u32 = 30;

    /// The configuration for an application reached at `public_url`: its host is the RP id and the name, its origin the
    /// one origin.
    ///
    /// # Errors
    ///
    /// [`InvalidPublicUrl`] when it is no `https` URL with a host name, nor an `http` one on `localhost`.
    pub fn for_public_url(public_url: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(public_url).map_err(|_| InvalidPublicUrl)?;
        let origin = url.origin().ascii_serialization();
        let Some(rp_id) = host_of(&origin) else { return Err(InvalidPublicUrl) };
        Ok(Self { rp_name: rp_id.clone(), rp_id, origins: vec![origin], ..Self::default() })
    }

    /// Checks the whole of it.
    ///
    /// # Errors
    ///
    /// All faults together.
    pub fn validate(&self) -> Result<(), ConfigFaults> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, sentence: &str| {
            if !holds {
                faults.push(sentence.to_owned());
            }
        };
        let Self { rp_id, rp_name, origins, timeout_secs, at_most, sign_count: _ } = self;
        match Host::parse(rp_id) {
            Ok(Host::Domain(domain)) => must(
                domain == *rp_id && !rp_id.ends_with('.'),
                "`passkeys.rp_id` must be a domain in lower case, in its ASCII form, without scheme, port or dot at the end",
            ),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => must(
                false,
                "`passkeys.rp_id` must be a domain: browsers make no passkeys for an IP address; use `localhost` while developing",
            ),
            Err(_) => must(false, "`passkeys.rp_id` must be the domain of the application, as in `example.org`"),
        }
        must(
            !rp_name.trim().is_empty() && rp_name.len() <= 64 && !rp_name.chars().any(char::is_control),
            "`passkeys.rp_name` must be 1 to 64 bytes of printable text",
        );
        for origin in origins {
            must(
                is_app(origin) || host_of(origin).is_some(),
                "`passkeys.origins` must be origins as browsers write them, as in `https://example.org`: https, or http on localhost, nothing after host and port",
            );
        }
        must(
            origins.iter().any(|origin| host_of(origin).is_some_and(|host| is_under(&host, rp_id))),
            "`passkeys.origins` must have an origin whose host is `passkeys.rp_id` or below it",
        );
        must(
            (Self::MIN_TIMEOUT_SECS..=Self::MAX_TIMEOUT_SECS).contains(timeout_secs),
            "`passkeys.timeout_secs` must be 30 to 300",
        );
        must((1..=100).contains(at_most), "`passkeys.at_most` must be 1 to 100");
        ConfigFaults::from_list(faults).map_or(Ok(()), Err)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs.into())
    }
}

/// The host of an origin that a browser could report and that passkeys work on.
fn host_of(origin: &str) -> Option<String> {
    let url = Url::parse(origin).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let local = host == "localhost" || host.ends_with(".localhost");
    let plain = host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
    let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
    (plain && secure && url.origin().ascii_serialization() == origin).then(|| host.to_owned())
}

fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The origin of an Android application, which is the hash of its signing key.
fn is_app(origin: &str) -> bool {
    origin.strip_prefix("android:apk-key-hash:").is_some_and(|hash| {
        hash.len() == 43 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> PasskeyConfig {
        PasskeyConfig::for_public_url("https://example.org").unwrap()
    }

    #[test]
    fn a_public_url_says_it_all() {
        let config = PasskeyConfig::for_public_url("http://localhost:3000/app/").unwrap();
        assert_eq!(
            (config.rp_id.as_str(), config.origins.as_slice()),
            ("localhost", &["http://localhost:3000".into()][..])
        );
        assert_eq!(config.validate(), Ok(()));
        let config = PasskeyConfig::for_public_url("https://Bücher.example:443/").unwrap();
        assert_eq!(config.rp_id, "xn--bcher-kva.example");
        assert_eq!(config.origins, ["https://xn--bcher-kva.example"]);
        assert_eq!(config.validate(), Ok(()));
        for bad in
            ["http://example.org", "https://127.0.0.1", "http://[::1]:3000", "localhost:3000", "ftp://localhost", ""]
        {
            assert_eq!(PasskeyConfig::for_public_url(bad), Err(InvalidPublicUrl), "{bad}");
        }
    }

    #[test]
    fn all_faults_are_reported_together() {
        let config = PasskeyConfig { timeout_secs: 301, at_most: 0, ..PasskeyConfig::default() };
        let faults = config.validate().unwrap_err();
        for key in ["rp_id", "rp_name", "origins", "timeout_secs", "at_most"] {
            assert!(faults.faults().iter().any(|fault| fault.contains(key)), "{key} in {faults}");
        }
    }

    #[test]
    fn an_ip_address_is_refused_in_clear_words() {
        for rp_id in ["127.0.0.1", "[::1]", "192.0.2.7"] {
            let faults = PasskeyConfig { rp_id: rp_id.into(), ..example() }.validate().unwrap_err();
            assert!(faults.to_string().contains("no passkeys for an IP address"), "{rp_id}: {faults}");
        }
    }

    #[test]
    fn wa_05_origins_are_written_as_browsers_write_them() {
        for bad in [
            "https://example.org/",
            "https://example.org:443",
            "https://EXAMPLE.org",
            "http://example.org",
            "example.org",
            "https://user@example.org",
            "https://*.example.org",
            "null",
            "android:apk-key-hash:short",
        ] {
            let faults =
                PasskeyConfig { origins: vec!["https://example.org".into(), bad.into()], ..example() }.validate();
            assert!(faults.is_err(), "{bad}");
        }
        let app = format!("android:apk-key-hash:{}", "A".repeat(43));
        for good in ["https://example.org:8443", "https://login.example.org", "https://example.net", &app] {
            let origins = vec!["https://example.org".into(), good.to_owned()];
            assert_eq!(PasskeyConfig { origins, ..example() }.validate(), Ok(()), "{good}");
        }
        for elsewhere in ["https://example.net", "https://badexample.org", app.as_str()] {
            let config = PasskeyConfig { origins: vec![elsewhere.into()], ..example() };
            assert!(config.validate().unwrap_err().to_string().contains("or below it"), "{elsewhere}");
        }
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_errors() {
        let parse = serde_json::from_str::<PasskeyConfig>;
        assert!(parse(r#"{"rpid":"example.org"}"#).is_err());
        assert!(parse(r#"{"attestation":"direct"}"#).is_err());
        assert!(parse(r#"{"sign_count":"ignore"}"#).is_err());
        let config = parse(r#"{"rp_id":"example.org","sign_count":"revoke"}"#).unwrap();
        assert_eq!((config.sign_count, config.at_most), (SignCountPolicy::Revoke, 10));
        assert_eq!(PasskeyConfig::default().sign_count, SignCountPolicy::RequireReauthentication);
    }
}
