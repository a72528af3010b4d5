//! The address of an SMTP server, credentials included.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Url;
use zeroize::Zeroizing;

/// Where and how mail is handed over: `scheme://user:password@host:port/client-name?tls=…`.
///
/// | scheme | `tls` | port unless given | |
/// |---|---|---|---|
/// | `smtps` | | 465 | TLS from the first byte |
/// | `smtp` | `required` | 587 | STARTTLS, or no mail |
/// | `smtp` | `opportunistic` | 587 | STARTTLS when the server offers it: whoever sits in between can prevent it |
/// | `smtp` | none | 25 | never encrypted: for a relay on the same machine |
///
/// User and password are percent-encoded and come together or not at all. The client name is what EHLO says; without
/// one it is the sender's domain. `Debug` shows no credentials.
#[derive(Clone)]
pub struct SmtpUrl {
    text: Zeroizing<String>,
    scheme: &'static str,
    host: String,
    encrypted: bool,
    names_the_client: bool,
}

impl SmtpUrl {
    /// The name of the server.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether mail never travels unencrypted: `smtps`, or `?tls=required`.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    pub(super) const fn names_the_client(&self) -> bool {
        self.names_the_client
    }

    pub(super) fn expose(&self) -> &str {
        &self.text
    }
}

impl FromStr for SmtpUrl {
    type Err = InvalidSmtpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSmtpUrl> {
        let url = Url::parse(text).map_err(|_| InvalidSmtpUrl("it does not parse"))?;
        let scheme = match url.scheme() {
            "smtp" => "smtp",
            "smtps" => "smtps",
            _ => return Err(InvalidSmtpUrl("its scheme is neither smtp nor smtps")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidSmtpUrl("it names no host"))?;
        if !is_name(host) {
            return Err(InvalidSmtpUrl("its host is neither a name nor an IPv4 address"));
        }
        if url.port() == Some(0) {
            return Err(InvalidSmtpUrl("its port is zero"));
        }
        // An unescaped `/`, `?` or `#` in a password ends up in what follows the host.
        let client = url.path().trim_matches('/');
        if !client.is_empty() && !is_name(client) {
            return Err(InvalidSmtpUrl("what follows the host is no client name (is the password percent-encoded?)"));
        }
        if url.fragment().is_some() {
            return Err(InvalidSmtpUrl("it has a fragment (is the password percent-encoded?)"));
        }
        if url.username().is_empty() != url.password().is_none_or(str::is_empty) {
            return Err(InvalidSmtpUrl("it has a user or a password without the other"));
        }
        let tls = tls(&url)?;
        Ok(Self {
            scheme,
            host: host.to_owned(),
            encrypted: scheme == "smtps" || tls == Some(Tls::Required),
            names_the_client: !client.is_empty(),
            text: Zeroizing::new(text.to_owned()),
        })
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({}://{})", self.scheme, self.host)
    }
}

/// The text is not the URL of an SMTP server. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable SMTP URL: {0}")]
pub struct InvalidSmtpUrl(&'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Required,
    Opportunistic,
}

/// Reads the query. Whatever it does not know it refuses, for a misspelt `tls` would mean no TLS.
fn tls(url: &Url) -> Result<Option<Tls>, InvalidSmtpUrl> {
    let mut tls = None;
    for (key, value) in url.query_pairs() {
        let known = match (&*key, &*value) {
            ("tls", "required") => Tls::Required,
            ("tls", "opportunistic") => Tls::Opportunistic,
            _ => return Err(InvalidSmtpUrl("its query is neither tls=required nor tls=opportunistic")),
        };
        if tls.replace(known).is_some() {
            return Err(InvalidSmtpUrl("it says tls more than once"));
        }
    }
    Ok(tls)
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_say_whether_they_are_encrypted() {
        for (text, encrypted) in [
            ("smtps://user:pass@mail.example", true),
            ("smtps://mail.example:4650/client.example", true),
            ("smtp://user:p%40ss%2F@mail.example:587?tls=required", true),
            ("smtp://mail.example?tls=opportunistic", false),
            ("smtp://127.0.0.1:1025", false),
        ] {
            let url: SmtpUrl = text.parse().unwrap();
            assert_eq!(url.is_encrypted(), encrypted, "{text}");
        }
    }

    #[test]
    fn pw_30_a_url_that_is_refused_or_printed_shows_no_credentials() {
        for bad in [
            "canary",
            "http://canary:canary@mail.example",
            "smtp:canary",
            "smtp://canary:canary@",
            "smtp://canary:canary@mail.example:0",
            "smtp://canary:canary@mail.example:99999",
            "smtp://canary@mail.example",
            "smtp://:canary@mail.example",
            "smtp://user:canary/canary@mail.example",
            "smtp://us/er:canary@mail.example",
            "smtp://us?er:canary@mail.example",
            "smtp://us#er:canary@mail.example",
            "smtp://canary:canary@[::1]:25",
            "smtp://canary:canary@mail.example?TLS=required",
            "smtp://canary:canary@mail.example?tls=require",
            "smtp://canary:canary@mail.example?tls=required&tls=opportunistic",
        ] {
            let error = bad.parse::<SmtpUrl>().expect_err(bad);
            assert!(!format!("{error} {error:?}").contains("canary"), "{bad}");
        }
        let url: SmtpUrl = "smtps://canary:canary@mail.example".parse().unwrap();
        assert_eq!(format!("{url:?}"), "SmtpUrl(smtps://mail.example)");
    }

    proptest! {
        #[test]
        fn pw_30_whatever_comes_behind_them_credentials_are_not_shown(rest in "[a-z@:/?#.%=&\\[\\] ]{0,30}") {
            let said = match format!("smtp://CANARY:CANARY@{rest}").parse::<SmtpUrl>() {
                Ok(url) => format!("{url:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!said.contains("CANARY"), "{}", said);
        }

        /// Encryption is asked for in so many words, or there is none.
        #[test]
        fn what_counts_as_encrypted_says_so(
            scheme in "smtps?|SMTPS",
            query in "(\\?(tls|TLS|tls )=(required|Required|opportunistic|required |requiredx)?(&tls=required)?)?",
        ) {
            if let Ok(url) = format!("{scheme}://mail.example{query}").parse::<SmtpUrl>() {
                let says_so = scheme.eq_ignore_ascii_case("smtps") || query.trim_end() == "?tls=required";
                prop_assert_eq!(url.is_encrypted(), says_so, "{}{}", scheme, query);
            }
        }
    }
}
