//! One backup code.

use std::fmt;

use sigra_core::id::UserId;
use sigra_core::ports::{Mac, Vault};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A backup code: 50 random bits, shown as `xxxxx-xxxxx` in Crockford's base32, which has no letters that look alike.
///
/// Stored only as a keyed hash bound to its user. Neither printed nor compared; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BackupCode([u8; LENGTH]);

const LENGTH: usize = 10;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PURPOSE: &str = "mfa.backup_code";

impl BackupCode {
    /// A fresh code from the operating system's generator.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
        // 32 divides 256, so each character is as likely as the others.
        Self(bytes.map(|byte| ALPHABET[usize::from(byte % 32)]))
    }

    /// Reads a code as people type it: in either case, with spaces and dashes anywhere, `o` for `0`, `i` and `l` for `1`.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        if typed.len() > 64 {
            return None;
        }
        let mut characters = typed.chars().filter(|c| !c.is_whitespace() && !DASHES.contains(c));
        let mut code = [0; LENGTH];
        for slot in &mut code {
            let character = match characters.next()?.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            };
            *slot = u8::try_from(character).ok().filter(|byte| ALPHABET.contains(byte))?;
        }
        characters.next().is_none().then_some(Self(code))
    }

    /// The code as it is shown, once. The caller must not log it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let (first, second) = self.0.split_at(LENGTH / 2);
        let text = [first, b"-", second].concat();
        Zeroizing::new(text.into_iter().map(char::from).collect())
    }

    /// What the storage sees.
    pub(super) fn mac(&self, vault: &dyn Vault, user: UserId) -> Mac {
        vault.mac(PURPOSE, &self.message(user))
    }

    /// Whether this is the code behind `mac`, in constant time.
    pub(super) fn is_behind(&self, mac: &Mac, vault: &dyn Vault, user: UserId) -> bool {
        vault.verify_mac(PURPOSE, &self.message(user), mac)
    }

    /// Bound to the user: rows that were copied from one account to another recognize nothing.
    fn message(&self, user: UserId) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&user.as_uuid().as_bytes()[..], &self.0].concat())
    }
}

/// What word processors make of a dash.
const DASHES: [char; 5] = ['-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}'];

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use sigra_core::time::Timestamp;
    use sigra_testing::TestVault;

    use super::*;

    #[test]
    fn mf_17_codes_have_fifty_bits_and_do_not_repeat() {
        let codes: std::collections::BTreeSet<_> =
            (0..10_000).map(|_| BackupCode::random().expose().to_string()).collect();
        assert_eq!(codes.len(), 10_000);
        for place in (0..11).filter(|place| *place != 5) {
            let seen: std::collections::BTreeSet<_> = codes.iter().map(|code| code.as_bytes()[place]).collect();
            assert_eq!(seen.len(), 32, "every character, everywhere");
        }
        assert!(codes.iter().all(|code| code.len() == 11 && code.as_bytes()[5] == b'-'));
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = BackupCode(*b"01abcxyz10");
        assert_eq!(*code.expose(), "01abc-xyz10");
        for typed in ["01abc-xyz10", "01ABCXYZ10", " oI a-b\u{2011}c xy\u{a0}z LO ", "O1abc\u{2013}xyzi0\n"] {
            assert_eq!(BackupCode::parse(typed).unwrap().0, code.0, "{typed:?}");
        }
        for bad in ["", "01abc-xyz1", "01abc-xyz100", "01abc-xyu10", "01abc_xyz10", "０1abc-xyz10", &" ".repeat(65)] {
            assert!(BackupCode::parse(bad).is_none(), "{bad:?}");
        }
        for _ in 0..100 {
            let code = BackupCode::random();
            assert_eq!(BackupCode::parse(&code.expose()).unwrap().0, code.0);
        }
    }

    #[test]
    fn mf_17_the_keyed_hash_is_bound_to_its_user_and_recognized_under_old_keys() {
        let [ann, bob] = [1, 2].map(|secs| UserId::new(Timestamp::from_secs(secs)));
        let (old, both) = (TestVault::new(&["old"]), TestVault::new(&["new", "old"]));
        let code = BackupCode::random();
        let mac = code.mac(&old, ann);
        assert!(code.is_behind(&mac, &old, ann) && code.is_behind(&mac, &both, ann));
        assert!(!code.is_behind(&mac, &old, bob));
        assert!(!code.is_behind(&mac, &TestVault::new(&["new"]), ann));
        assert!(!BackupCode::random().is_behind(&mac, &old, ann));
    }

    #[test]
    fn pw_30_debug_shows_no_code() {
        let code = BackupCode::random();
        assert_eq!(format!("{code:?}"), "BackupCode([redacted])");
    }
}
