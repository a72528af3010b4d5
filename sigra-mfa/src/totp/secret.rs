//! The secret an authenticator app and the host share, and the codes made of it.

use sigra_core::id::UserId;
use sigra_core::ports::{Sealed, Vault, VaultError};
use sigra_core::secret::{Code, SecretBytes};
use sigra_core::time::Timestamp;
use totp_rs::{Algorithm, Builder, Secret};
use zeroize::Zeroizing;

/// Seconds in a time step.
const PERIOD: u64 = 30;
/// The length RFC 4226 section 4 recommends.
const BYTES: usize = 20;

/// The secret an authenticator app and the host share.
pub(crate) struct TotpSecret(SecretBytes);

/// Which time steps are accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// How many before the present one.
    pub(crate) past: u32,
    /// How many after the present one.
    pub(crate) future: u32,
    /// Only those after this one: it was used before.
    pub(crate) used: u64,
}

impl TotpSecret {
    /// A fresh secret of 160 bits from the operating system's generator.
    pub(crate) fn random() -> Self {
        let mut bytes = vec![0; BYTES];
        getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
        Self(SecretBytes::new(bytes))
    }

    /// Seals it, bound to its user.
    pub(crate) fn seal(&self, vault: &dyn Vault, user: UserId) -> Sealed {
        vault.seal(&context(user), self.0.expose())
    }

    /// Opens what was sealed for this user.
    pub(crate) fn open(vault: &dyn Vault, user: UserId, sealed: &Sealed) -> Result<Self, VaultError> {
        Ok(Self(vault.open(&context(user), sealed)?.plain))
    }

    /// The form that is typed into an app: base32 without padding (RFC 4648 section 6).
    pub(crate) fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(Secret::from(self.0.expose()).to_base32())
    }

    /// The time step of the window whose code was typed.
    ///
    /// The codes of all steps are compared, each in constant time, and the newest that fits is taken: were an older one
    /// taken, the same digits would be good once more.
    pub(crate) fn matching_step(&self, typed: &str, now: Timestamp, window: Window) -> Option<u64> {
        let typed = Code::parse(typed)?.expose();
        // The library's own window reaches as far ahead as back, so it is asked for single steps.
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(PERIOD)
            .with_skew(0)
            .with_secret(self.0.expose())
            .build()
            .ok()?;
        let present = step_at(now);
        let steps = present.saturating_sub(window.past.into())..=present + u64::from(window.future);
        let newest = steps.fold(None, |found, step| totp.check(&typed, step * PERIOD).or(found));
        newest.filter(|step| *step > window.used)
    }
}

fn step_at(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros() / 1_000_000).unwrap_or(0) / PERIOD
}

fn context(user: UserId) -> String {
    format!("sigra_totp.secret.{user}")
}

#[cfg(test)]
mod tests {
    use sigra_testing::TestVault;

    use super::*;

    const KEY: &[u8; 20] = b"12345678901234567890";
    const WIDE: Window = Window { past: 1, future: 0, used: 0 };

    fn secret(bytes: &[u8]) -> TotpSecret {
        TotpSecret(SecretBytes::new(bytes.to_vec()))
    }

    fn code(secret: &TotpSecret, step: u64) -> String {
        Builder::new().with_secret(secret.0.expose()).build().unwrap().generate(step * PERIOD).to_string()
    }

    fn at(step: u64) -> Timestamp {
        Timestamp::from_secs(i64::try_from(step * PERIOD).unwrap())
    }

    #[test]
    fn mf_01_rfc_6238_appendix_b() {
        let keys = [KEY.to_vec(), b"12345678901234567890123456789012".to_vec(), KEY.repeat(4)[..64].to_vec()];
        let algorithms = [Algorithm::SHA1, Algorithm::SHA256, Algorithm::SHA512];
        for (secs, codes) in [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ] {
            for ((key, algorithm), code) in keys.iter().zip(algorithms).zip(codes) {
                let builder = Builder::new().with_algorithm(algorithm).with_digits(8).with_secret(&key[..]);
                assert_eq!(builder.build().unwrap().generate(secs).to_string(), code, "{algorithm} at {secs}");
            }
            // Six digits are the last six of eight.
            let moment = Timestamp::from_secs(i64::try_from(secs).unwrap());
            assert_eq!(secret(KEY).matching_step(&codes[0][2..], moment, WIDE), Some(secs / PERIOD), "{secs}");
        }
    }

    #[test]
    fn mf_01_rfc_4226_appendix_d() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (count, code) in (0..).zip(codes) {
            assert_eq!(self::code(&secret(KEY), count), code);
            let expected = (count > 0).then_some(count);
            assert_eq!(secret(KEY).matching_step(code, at(count), WIDE), expected, "step 0 counts as used");
        }
    }

    #[test]
    fn mf_02_secrets_have_160_bits_and_do_not_repeat() {
        let secrets: std::collections::BTreeSet<_> =
            (0..1_000).map(|_| TotpSecret::random().base32().to_string()).collect();
        assert_eq!(secrets.len(), 1_000);
        assert!(secrets.iter().all(|secret| secret.len() == 32 && !secret.contains('=')));
        assert_eq!(TotpSecret::random().0.expose().len(), 20);
    }

    #[test]
    fn mf_02_a_secret_that_is_too_short_accepts_nothing() {
        let short = Builder::new().with_secret(&KEY[..15]).build_noncompliant().generate(30).to_string();
        assert_eq!(secret(&KEY[..15]).matching_step(&short, at(1), WIDE), None);
    }

    #[test]
    fn mf_04_the_window_is_one_step_back_and_none_ahead() {
        let secret = TotpSecret::random();
        for now in [1_000_u64, 59_000_000, 60_000_000] {
            for (offset, accepted) in [(-2_i64, false), (-1, true), (0, true), (1, false), (2, false)] {
                let step = now.checked_add_signed(offset).unwrap();
                let found = secret.matching_step(&code(&secret, step), at(now), WIDE);
                // Digits of two steps may be alike by chance.
                let alike =
                    |step| code(&secret, step) == code(&secret, now) || code(&secret, step) == code(&secret, now - 1);
                assert_eq!(found.is_some(), accepted || alike(step), "{offset}");
                assert!(found.is_none_or(|found| found <= now), "never a step ahead");
            }
        }
        let wide = Window { past: 2, future: 1, used: 0 };
        let accepted = |offset: i64| {
            let step = 1_000_u64.checked_add_signed(offset).unwrap();
            secret.matching_step(&code(&secret, step), at(1_000), wide)
        };
        assert_eq!([-2, -1, 0, 1].map(accepted), [Some(998), Some(999), Some(1_000), Some(1_001)]);
    }

    #[test]
    fn mf_03_mf_05_what_was_used_and_what_is_older_is_refused() {
        let secret = TotpSecret::random();
        let try_at = |step, used| secret.matching_step(&code(&secret, step), at(1_000), Window { used, ..WIDE });
        assert_eq!(try_at(999, 998), Some(999));
        assert_eq!(try_at(999, 999), None, "used");
        assert_eq!(try_at(999, 1_000), None, "older than the one used");
        assert_eq!(try_at(1_000, 999), Some(1_000));
    }

    #[test]
    fn mf_03_digits_that_fit_two_steps_use_up_the_newer() {
        let (secret, step) = (0_u32..)
            .map(|n| secret(&[&n.to_be_bytes()[..], &KEY[4..]].concat()))
            .find_map(|secret| (1..200_u64).find(|s| code(&secret, *s) == code(&secret, s + 1)).map(|s| (secret, s)))
            .unwrap();
        let found = secret.matching_step(&code(&secret, step), at(step + 1), WIDE);
        assert_eq!(found, Some(step + 1));
        let again = secret.matching_step(&code(&secret, step), at(step + 1), Window { used: step + 1, ..WIDE });
        assert_eq!(again, None);
    }

    #[test]
    fn codes_may_have_spaces_and_nothing_else() {
        let (secret, now) = (secret(KEY), Timestamp::from_secs(59));
        for good in ["287082", " 287 082 ", "2 8 7 0 8 2"] {
            assert_eq!(secret.matching_step(good, now, WIDE), Some(1), "{good:?}");
        }
        for bad in ["", "28708", "2870821", "+28708", "٢٨٧٠٨٢", "287082\0", "94287082"] {
            assert_eq!(secret.matching_step(bad, now, WIDE), None, "{bad:?}");
        }
    }

    #[test]
    fn times_before_the_epoch_are_its_beginning() {
        assert_eq!(secret(KEY).matching_step("755224", Timestamp::from_secs(-1), WIDE), None);
    }

    #[test]
    fn mf_16_a_sealed_secret_opens_for_its_user_alone_and_under_old_keys() {
        let [ann, bob] = [1, 2].map(|secs| UserId::new(Timestamp::from_secs(secs)));
        let vault = TestVault::new(&["old"]);
        let sealed = secret(KEY).seal(&vault, ann);
        assert!(!sealed.as_bytes().windows(8).any(|part| part == &KEY[..8]));
        assert!(TotpSecret::open(&vault, bob, &sealed).is_err());
        let rotated = TestVault::new(&["new", "old"]);
        assert_eq!(TotpSecret::open(&rotated, ann, &sealed).unwrap().0.expose(), KEY);
        assert!(TotpSecret::open(&TestVault::new(&["new"]), ann, &sealed).is_err());
    }
}
