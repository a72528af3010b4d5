//! Secrets and the one shape each has in each place.
//!
//! A [`RawToken`] exists only on its way to or from the user. Storage sees its [`Digest`], which is bound to a
//! [`Purpose`], so a token made for one purpose can never match a row of another. The only way from text to digest is
//! [`RawToken::parse`] followed by [`RawToken::digest`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::random;

/// What a token is for. Part of its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Purpose(&'static str);

impl Purpose {
    /// A session cookie.
    pub const SESSION: Self = Self("session");
    /// The cookie of a sign-in that still owes a step.
    pub const PENDING: Self = Self("pending");
    /// The cookie of a known device.
    pub const DEVICE: Self = Self("device");
    /// The link that proves the address of a registration.
    pub const CONFIRM_REGISTRATION: Self = Self("confirm_registration");
    /// A link that signs in.
    pub const MAGIC_LINK: Self = Self("magic_link");
    /// A link that sets a new password.
    pub const RESET_PASSWORD: Self = Self("reset_password");
    /// The rescue link in security notices.
    pub const NOT_ME: Self = Self("not_me");
    /// The link that proves the new address of an account.
    pub const CHANGE_EMAIL: Self = Self("change_email");
    /// The rescue link that undoes a change of address.
    pub const UNDO_EMAIL_CHANGE: Self = Self("undo_email_change");
    /// The rescue link that takes a deletion back.
    pub const REACTIVATE: Self = Self("reactivate");
    /// The code that proves the address of an account that was created before that.
    pub(crate) const CONFIRM_CODE: Self = Self("confirm_code");
    /// The code that does so in the middle of signing in.
    pub(crate) const SIGN_IN_CODE: Self = Self("sign_in_code");
    /// The code mailed to a pending sign-in before it may enrol a second factor from an unknown device.
    pub(crate) const ENROLLMENT_CODE: Self = Self("enrollment_code");

    /// A purpose of another capability. Names are lower-case ASCII with underscores and must be unique.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// A purpose that storage returned. Names come from code alone, so what is kept for names of other capabilities stays
    /// small.
    #[must_use]
    pub fn from_stored(name: &str) -> Self {
        const CORE: [Purpose; 12] = [
            Purpose::SESSION,
            Purpose::PENDING,
            Purpose::DEVICE,
            Purpose::CONFIRM_REGISTRATION,
            Purpose::CONFIRM_CODE,
            Purpose::SIGN_IN_CODE,
            Purpose::MAGIC_LINK,
            Purpose::RESET_PASSWORD,
            Purpose::NOT_ME,
            Purpose::CHANGE_EMAIL,
            Purpose::UNDO_EMAIL_CHANGE,
            Purpose::REACTIVATE,
        ];
        static OTHERS: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

        if let Some(purpose) = CORE.into_iter().find(|purpose| purpose.name() == name) {
            return purpose;
        }
        let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = others.get(name).copied().unwrap_or_else(|| name.to_owned().leak());
        others.insert(kept);
        Self(kept)
    }

    /// The name, as stored beside a digest.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.0
    }
}

/// 256 random bits on their way to or from the user.
///
/// The text form is base64url without padding, 43 characters. Neither printed, compared nor serialized; wiped when
/// dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RawToken([u8; 32]);

impl RawToken {
    /// Length of the text form in bytes.
    pub const TEXT_LEN: usize = 43;

    /// A fresh token from the operating system's generator.
    #[must_use]
    pub fn random() -> Self {
        Self(random::bytes())
    }

    /// Reads the text form. Anything but exactly 43 characters of canonical base64url is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut bytes = [0; 32];
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (written == bytes.len()).then_some(Self(bytes))
    }

    /// The text form, for a cookie or a link. The caller must not log it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What storage keeps: `SHA-256(len(purpose) ‖ purpose ‖ token)`.
    #[must_use]
    pub fn digest(&self, purpose: Purpose) -> Digest {
        let name = purpose.name().as_bytes();
        let mut hash = Sha256::new();
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update(self.0);
        Digest(hash.finalize().into())
    }
}

impl fmt::Debug for RawToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawToken([redacted])")
    }
}

/// The stored form of a [`RawToken`]: useless as a credential.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps bytes that storage returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// A six-digit code for mail. Uniform over 000000–999999; stored only as a keyed hash.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; 6]);

impl Code {
    /// A fresh code.
    #[must_use]
    pub fn random() -> Self {
        let mut digits = [b'0'; 6];
        let mut rest = random::below(1_000_000);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        Self(digits)
    }

    /// Reads six ASCII digits; spaces around and between them are ignored. Anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 32 {
            return None;
        }
        let mut digits = text.bytes().filter(|byte| *byte != b' ');
        let mut code = [0; 6];
        for slot in &mut code {
            *slot = digits.next().filter(u8::is_ascii_digit)?;
        }
        digits.next().is_none().then_some(Self(code))
    }

    /// The six digits, for a mail. The caller must not log them.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|digit| char::from(*digit)).collect())
    }

    /// The digits as bytes, for a keyed hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 6] {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code([redacted])")
    }
}

/// Bytes that came out of a vault. Redacted and wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tk_01_tokens_round_trip_and_nothing_else_parses() {
        let token = RawToken::random();
        let text = token.expose();
        assert_eq!(text.len(), RawToken::TEXT_LEN);
        let again = RawToken::parse(&text).unwrap();
        assert_eq!(again.digest(Purpose::SESSION), token.digest(Purpose::SESSION));
        for bad in ["", " ", "0", "null", &text[1..], &format!("{}=", &text[..42]), &format!("{}!", &text[..42])] {
            assert!(RawToken::parse(bad).is_none(), "{bad:?}");
        }
        let mut loose = text.to_string();
        loose.replace_range(42..43, "_");
        assert!(RawToken::parse(&loose).is_none(), "trailing bits must be zero");
    }

    #[test]
    fn a_purpose_reads_back_whoever_named_it() {
        assert_eq!(Purpose::from_stored("magic_link"), Purpose::MAGIC_LINK);
        let other = Purpose::from_stored("change_email");
        assert_eq!(other, Purpose::new("change_email"));
        assert!(std::ptr::eq(other.name(), Purpose::from_stored("change_email").name()), "kept once");
    }

    #[test]
    fn tk_02_one_token_has_another_digest_for_each_purpose() {
        let token = RawToken::random();
        assert_ne!(token.digest(Purpose::MAGIC_LINK), token.digest(Purpose::RESET_PASSWORD));
    }

    #[test]
    fn se_04_tokens_do_not_repeat() {
        let seen: HashSet<_> = (0..100_000).map(|_| RawToken::random().digest(Purpose::SESSION)).collect();
        assert_eq!(seen.len(), 100_000);
    }

    #[test]
    fn codes_are_six_digits_and_tolerate_spaces() {
        for _ in 0..1_000 {
            let code = Code::random();
            assert_eq!(Code::parse(&code.expose()).unwrap().as_bytes(), code.as_bytes());
        }
        assert_eq!(Code::parse(" 012 345 ").unwrap().as_bytes(), b"012345");
        for bad in ["", "12345", "1234567", "12345x", "١٢٣٤٥٦", "-12345"] {
            assert!(Code::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn pw_30_debug_shows_no_secret() {
        let token = RawToken::random();
        assert!(!format!("{token:?}").contains(token.expose().as_str()));
        let code = Code::parse("424242").unwrap();
        assert!(!format!("{code:?}").contains("424242"));
        assert!(!format!("{:?}", SecretBytes::new(b"canary".to_vec())).contains("canary"));
    }
}
