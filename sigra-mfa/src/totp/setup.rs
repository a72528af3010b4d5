//! What an authenticator app is set up with.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::qr;
use super::secret::TotpSecret;

/// What an authenticator app is set up with. Shown once; nothing can answer it again. Redacted when printed.
pub struct TotpSetup {
    /// The secret, to be typed: base32 without padding, 32 characters.
    pub secret: Zeroizing<String>,
    /// The same as a URI that apps open (Key Uri Format).
    pub otpauth_uri: Zeroizing<String>,
    /// The same URI as a QR code: an SVG element without style sheets, scripts and references, black on white whatever
    /// the page around it, to be put into HTML as it is.
    pub qr_svg: Zeroizing<String>,
}

impl TotpSetup {
    pub(super) fn new(secret: &TotpSecret, issuer: &str, account: &str) -> Self {
        let secret = secret.base32();
        let otpauth_uri = uri(issuer, account, &secret);
        let qr_svg = qr::svg(&otpauth_uri);
        Self { secret, otpauth_uri, qr_svg }
    }
}

impl fmt::Debug for TotpSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSetup([redacted])")
    }
}

/// The unreserved characters of RFC 3986 section 2.3 stand for themselves; a space becomes `%20`, as apps read no `+`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>. What is the default there is said all the same:
/// not every app has the same ones.
fn uri(issuer: &str, account: &str, secret: &str) -> Zeroizing<String> {
    let issuer = utf8_percent_encode(issuer.trim(), ESCAPED);
    let account = utf8_percent_encode(account, ESCAPED);
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mf_20_issuer_and_account_are_escaped() {
        assert_eq!(
            *uri("Acme & Söhne", "ann+x@example.org", "ABC"),
            "otpauth://totp/Acme%20%26%20S%C3%B6hne:ann%2Bx%40example.org?secret=ABC\
            &issuer=Acme%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
        );
        let hostile = uri("A?secret=EVIL#", "b/../:c&secret=EVIL\"<", "ABC");
        assert_eq!(hostile.matches("secret=").count(), 1, "{}", *hostile);
        assert_eq!(hostile.matches([':', '?', '#', '"', '<']).count(), 3, "{}", *hostile);
    }

    #[test]
    fn mf_20_the_qr_code_reads_back_as_the_uri() {
        for (issuer, account) in [
            ("A", "a@b.c".to_owned()),
            ("Acme & Söhne", "ann+x@example.org".to_owned()),
            (&"ü".repeat(32), format!("{}@{}.example.org", "é".repeat(32), "x".repeat(177))),
        ] {
            let setup = TotpSetup::new(&TotpSecret::random(), issuer, &account);
            assert_eq!(qr::tests::read(&setup.qr_svg), *setup.otpauth_uri);
        }
    }

    #[test]
    fn mf_16_a_setup_prints_nothing() {
        let setup = TotpSetup::new(&TotpSecret::random(), "Acme", "ann@example.org");
        assert_eq!(format!("{setup:?}"), "TotpSetup([redacted])");
    }
}
