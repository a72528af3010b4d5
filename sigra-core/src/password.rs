//! A password as it is typed and as it is stored.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password a person typed, in Unicode normal form C.
///
/// Normalized once, here, and never again: no trimming, no case folding (NIST SP 800-63B-4 §3.1.1.2). Neither printed,
/// compared nor serialized; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// The longest password taken, in bytes after normalization.
    pub const MAX_BYTES: usize = 1_024;

    /// Takes what was typed.
    ///
    /// # Errors
    ///
    /// [`OverLong`] beyond [`Password::MAX_BYTES`]. A caller that verifies must still spend the work of a
    /// verification, so that length tells nothing about the account.
    pub fn parse(typed: &str) -> Result<Self, OverLong> {
        // NFC grows a string threefold at most, and shrinks one to a ninth of its bytes at most.
        if typed.len() > 9 * Self::MAX_BYTES {
            return Err(OverLong);
        }
        // In one piece, so that no part of it is left behind where a shorter buffer was.
        let mut text = String::with_capacity(typed.len() * if typed.is_ascii() { 1 } else { 3 });
        if typed.is_ascii() {
            text.push_str(typed);
        } else {
            text.extend(typed.nfc());
        }
        let password = Self(text);
        if password.0.len() > Self::MAX_BYTES { Err(OverLong) } else { Ok(password) }
    }

    /// The normalized text. The caller must not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in Unicode code points.
    #[must_use]
    pub fn code_points(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// The password exceeds [`Password::MAX_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password is longer than {} bytes", Password::MAX_BYTES)]
pub struct OverLong;

/// A stored password hash in PHC string format (or bcrypt's own), as a [`Hasher`](crate::ports::Hasher) wrote it.
///
/// Redacted: a hash is what an offline attack starts from.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash made by a hasher, read from storage or imported.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_07_pw_08_only_the_normal_form_changes() {
        assert_eq!(Password::parse("  cafe\u{301}  Au LAIT ").unwrap().expose(), "  caf\u{e9}  Au LAIT ");
    }

    #[test]
    fn pw_03_length_is_counted_in_code_points() {
        let emoji = Password::parse(&"🦀".repeat(15)).unwrap();
        assert_eq!(emoji.code_points(), 15);
        assert_eq!(emoji.expose().len(), 60);
    }

    #[test]
    fn pw_05_over_long_passwords_are_refused_before_any_work() {
        assert!(Password::parse(&"a".repeat(Password::MAX_BYTES)).is_ok());
        assert_eq!(Password::parse(&"a".repeat(Password::MAX_BYTES + 1)).unwrap_err(), OverLong);
        assert_eq!(Password::parse(&"a".repeat(1 << 20)).unwrap_err(), OverLong);
    }

    #[test]
    fn pw_30_debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", Password::parse("canary").unwrap(), PasswordHash::new("canary".into()));
        assert!(!shown.contains("canary"));
    }
}
