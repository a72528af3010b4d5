//! Mail addresses: parsed once, compared by identity, mailed as stored.

mod lookalike;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization as _;

/// A mail address one person can receive mail at.
///
/// Holds two forms: the text as typed (in NFC), which is what mail goes to, and the *identity*, which is what is
/// unique: the ASCII-lower-cased local part with the domain as A-labels (IDNA). `Ann@Example.org` and
/// `ann@example.ORG` are one identity; `mike@…` and `mıke@…` are two.
///
/// Quoted local parts, comments, address literals, lists and anything with a control character or white space do not
/// parse, so an address can never become a second recipient or a header.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    identity: String,
    text: String,
}

impl EmailAddress {
    /// The longest address taken, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// Parses what was typed. White space around it is dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] when it is not exactly one address.
    pub fn parse(typed: &str) -> Result<Self, InvalidEmail> {
        let trimmed = typed.trim_matches([' ', '\t', '\r', '\n']);
        if trimmed.len() > 4 * Self::MAX_BYTES {
            return Err(InvalidEmail);
        }
        let text: String = if trimmed.is_ascii() { trimmed.to_owned() } else { trimmed.nfc().collect() };
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        if !valid_local_part(local) {
            return Err(InvalidEmail);
        }
        let domain = a_label(domain)?;
        let identity = format!("{}@{domain}", local.to_ascii_lowercase());
        if identity.len() > Self::MAX_BYTES || text.len() > Self::MAX_BYTES {
            return Err(InvalidEmail);
        }
        Ok(Self { identity, text })
    }

    /// Parses the address somebody wants to have from now on, and refuses one that could be read as another.
    ///
    /// An ASCII address never is. Beyond ASCII, the letters of the local part, and those of each label of the domain, must be of
    /// one script, or of those that are written together (UTS #39 §5.2, *highly restrictive*), and recommended for
    /// identifiers; they must not look like ASCII altogether (UTS #39 §4), of which the last label of the domain is exempt;
    /// and those of the local part must be small ones, because capitals beyond ASCII are told apart by
    /// [identity](EmailAddress::identity).
    ///
    /// For addresses that are taken. To find one that exists, [`EmailAddress::parse`] it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse_new(typed: &str) -> Result<Self, NewEmailFault> {
        let email = Self::parse(typed).map_err(|InvalidEmail| NewEmailFault::Invalid)?;
        if lookalike::may_be_misread(email.local_part(), email.domain()) {
            return Err(NewEmailFault::Lookalike);
        }
        Ok(email)
    }

    /// The text mail is sent to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that is unique among accounts.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The part before the `@`, as typed.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The domain as A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.identity.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The form limiters count by: the identity in NFKC and lower case, without dots and plus tag in the local part.
    ///
    /// Several mailboxes may share one; it bounds abuse and never identifies anybody.
    #[must_use]
    pub fn limiter_key(&self) -> String {
        let (local, domain) = self.identity.rsplit_once('@').unwrap_or((&self.identity, ""));
        let base = local.split('+').next().filter(|base| !base.is_empty()).unwrap_or(local);
        let folded: String = base.nfkc().flat_map(char::to_lowercase).filter(|c| *c != '.').collect();
        format!("{folded}@{domain}")
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({:?})", self.text)
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The text is not one mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid mail address")]
pub struct InvalidEmail;

/// Why nobody can have an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewEmailFault {
    /// The text is not one mail address.
    #[error("not a valid mail address")]
    Invalid,
    /// It could be read as another one.
    #[error("a mail address that can be mistaken for another one")]
    Lookalike,
}

fn valid_local_part(local: &str) -> bool {
    // RFC 5321 §4.5.3.1.1 gives 64 octets; the dot-atom of RFC 5322 §3.2.3, widened by RFC 6532 to letters and digits
    // beyond ASCII. Compatibility forms of `@` and the like are neither.
    local.len() <= 64
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom.chars().all(|c| match c {
                    c if c.is_ascii() => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
                    c => c.is_alphanumeric(),
                })
        })
}

fn a_label(domain: &str) -> Result<String, InvalidEmail> {
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
    let plausible = ascii.len() <= 253
        && ascii.contains('.')
        && ascii.split('.').all(|label| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
        && !ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if plausible { Ok(ascii) } else { Err(InvalidEmail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap_or_else(|_| panic!("{text:?} must parse"))
    }

    #[test]
    fn identity_folds_ascii_case_and_the_domain_only() {
        let address = parse(" Ann.Smith+tag@BÜCHER.example ");
        assert_eq!(address.as_str(), "Ann.Smith+tag@BÜCHER.example");
        assert_eq!(address.identity(), "ann.smith+tag@xn--bcher-kva.example");
        assert_eq!(address.domain(), "xn--bcher-kva.example");
        assert_eq!(address.local_part(), "Ann.Smith+tag");
        assert_ne!(parse("mike@example.org").identity(), parse("mıke@example.org").identity());
    }

    #[test]
    fn th_06_variants_share_a_limiter_key() {
        let key = parse("annsmith@example.org").limiter_key();
        for variant in ["Ann.Smith@example.org", "annsmith+spam@EXAMPLE.org", "ａnnsmith@example.org"] {
            assert_eq!(parse(variant).limiter_key(), key, "{variant}");
        }
    }

    #[test]
    fn tk_19_nothing_but_one_plain_address_parses() {
        for bad in [
            "",
            "   ",
            "@",
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "ann@example..org",
            "ann@.example.org",
            "ann..b@example.org",
            ".ann@example.org",
            "ann@b@example.org",
            "a\u{ff20}b@example.org",
            "a\u{fe6b}b@example.org",
            "ann@example.org,eve@example.org",
            "ann@example.org eve@example.org",
            "ann@example.org\nBcc: eve@example.org",
            "ann\r\n@example.org",
            "ann\0@example.org",
            "\"ann b\"@example.org",
            "ann@[127.0.0.1]",
            "ann@127.0.0.1",
            "<ann@example.org>",
            "ann@exam_ple.org",
            "ann@-example.org",
            "ann@example.org.",
        ] {
            assert_eq!(EmailAddress::parse(bad), Err(InvalidEmail), "{bad:?}");
        }
        assert!(EmailAddress::parse(&format!("{}@example.org", "a".repeat(65))).is_err());
        assert!(EmailAddress::parse(&format!("a@{}.org", "b.".repeat(200))).is_err());
    }
}
