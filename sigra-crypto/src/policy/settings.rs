//! Which rules apply.

use serde::{Deserialize, Serialize};

/// The rules of a [`StandardPolicy`](super::StandardPolicy).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// The fewest code points while a password can be the only factor (NIST SP 800-63B-4 §3.1.1.2: 15).
    pub min_length: usize,
    /// The fewest code points when everybody must have a second factor (NIST SP 800-63B-4 §3.1.1.2: 8).
    pub min_length_with_mfa: usize,
    /// Whether everybody must have a second factor, so that `min_length_with_mfa` applies.
    pub mfa_enforced: bool,
    /// The lowest zxcvbn score taken, from 0 (no estimate) to 4.
    pub zxcvbn_min_score: u8,
    /// Names of the product and its operator, refused as whole passwords.
    pub product_words: Vec<String>,
    /// Whether the list of common passwords applies.
    pub check_common: bool,
}

impl PolicyConfig {
    /// Longer minimums keep people out, and NIST asks that 64 code points be taken.
    const MAX_MIN_LENGTH: usize = 64;

    /// Everything that is wrong with this configuration.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value) in [("min_length", self.min_length), ("min_length_with_mfa", self.min_length_with_mfa)] {
            if !(1..=Self::MAX_MIN_LENGTH).contains(&value) {
                faults.push(format!("{name} must be from 1 to {}", Self::MAX_MIN_LENGTH));
            }
        }
        if self.min_length_with_mfa > self.min_length {
            faults.push("min_length_with_mfa must not be more than min_length".to_owned());
        }
        if self.zxcvbn_min_score > 4 {
            faults.push("zxcvbn_min_score must be from 0 to 4".to_owned());
        }
        if self.product_words.iter().any(|word| word.trim().is_empty()) {
            faults.push("product_words must not hold an empty word".to_owned());
        }
        faults
    }

    pub(super) const fn required_length(&self) -> usize {
        if self.mfa_enforced { self.min_length_with_mfa } else { self.min_length }
    }
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            min_length: 15,
            min_length_with_mfa: 8,
            mfa_enforced: false,
            zxcvbn_min_score: 3,
            product_words: Vec::new(),
            check_common: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_found_at_once() {
        assert_eq!(PolicyConfig::default().faults(), Vec::<String>::new());
        let bad = PolicyConfig {
            min_length: 0,
            min_length_with_mfa: 65,
            zxcvbn_min_score: 5,
            product_words: vec![" ".to_owned()],
            ..PolicyConfig::default()
        };
        assert_eq!(bad.faults().len(), 5);
        assert!(serde_json::from_str::<PolicyConfig>(r#"{"require_uppercase":true}"#).is_err());
    }
}
