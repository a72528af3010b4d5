//! How hashes are made, and what is taken of stored ones.

use serde::{Deserialize, Serialize};

use crate::params::Argon2Params;

/// The parameters of new hashes and the ceilings for stored ones.
///
/// A stored or imported hash above a ceiling is a mismatch, found before any memory is taken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HashingConfig {
    /// The parameters of new hashes, as `m=19456,t=2,p=1`.
    pub argon2: Argon2Params,
    /// The most memory a stored hash may ask for, in KiB. Each thread of the pool takes it while it verifies such a hash.
    pub max_memory_kib: u32,
    /// The most passes a stored hash may ask for.
    pub max_passes: u32,
    /// The most lanes a stored hash may ask for.
    pub max_lanes: u32,
    /// The highest cost a stored bcrypt hash may ask for; each step doubles the time, 14 is about a second.
    pub max_bcrypt_cost: u32,
}

impl HashingConfig {
    /// Everything that is wrong with this configuration.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let argon2 = self.argon2;
        for (value, name, ceiling, ceiling_name) in [
            (argon2.memory_kib(), "m", self.max_memory_kib, "max_memory_kib"),
            (argon2.passes(), "t", self.max_passes, "max_passes"),
            (argon2.lanes(), "p", self.max_lanes, "max_lanes"),
        ] {
            if value > ceiling {
                faults.push(format!("{ceiling_name} must be at least the {name}={value} of argon2"));
            }
        }
        if !(4..=31).contains(&self.max_bcrypt_cost) {
            faults.push("max_bcrypt_cost must be from 4 to 31".to_owned());
        }
        faults
    }
}

impl Default for HashingConfig {
    fn default() -> Self {
        Self {
            argon2: Argon2Params::DEFAULT,
            max_memory_kib: 4 * 65_536,
            max_passes: 16,
            max_lanes: 8,
            max_bcrypt_cost: 14,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_found_at_once() {
        assert_eq!(HashingConfig::default().faults(), Vec::<String>::new());
        let bad = HashingConfig {
            argon2: "m=64,t=2,p=2".parse().unwrap(),
            max_memory_kib: 63,
            max_passes: 1,
            max_lanes: 1,
            max_bcrypt_cost: 3,
        };
        assert_eq!(bad.faults().len(), 4);
        assert_eq!(bad.faults()[0], "max_memory_kib must be at least the m=64 of argon2");
    }

    #[test]
    fn serde_fills_in_defaults_and_refuses_unknown_keys() {
        let read: HashingConfig = serde_json::from_str(r#"{"argon2":"m=47104,t=1,p=1"}"#).unwrap();
        assert_eq!(read.argon2.memory_kib(), 47_104);
        assert_eq!(read.max_passes, HashingConfig::default().max_passes);
        assert!(serde_json::from_str::<HashingConfig>(r#"{"pepper":"no"}"#).is_err());
    }
}
