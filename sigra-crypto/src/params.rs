//! The cost of a hash.

use std::fmt;
use std::str::FromStr;

use argon2::Params;
use serde::{Deserialize, Serialize};

/// Argon2id cost parameters (RFC 9106 §3.1), written `m=19456,t=2,p=1`.
///
/// `m` is memory in KiB, `t` passes over it, `p` lanes. A value is always one Argon2 accepts. Lanes are computed one after
/// the other on one thread: many sign-ins run side by side instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Params {
    /// What is used unless configured: 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet).
    pub const DEFAULT: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// The sets the OWASP Password Storage Cheat Sheet calls equivalent, as memory in KiB and passes.
    const EQUIVALENT: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

    /// The most memory that can be asked for, 4 GiB. [`HashingConfig`](crate::HashingConfig) has a lower ceiling.
    const MAX_MEMORY_KIB: u32 = 1 << 22;

    /// Length of the salt in bytes (RFC 9106 §3.1 recommends 16).
    pub(crate) const SALT_LEN: usize = 16;

    /// Length of the hash in bytes.
    pub(crate) const OUTPUT_LEN: usize = 32;

    /// Takes memory in KiB, passes and lanes.
    ///
    /// # Errors
    ///
    /// [`InvalidParams`] when there are no passes, not 1 to 255 lanes, less than 8 KiB for a lane, or more than 4 GiB.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, InvalidParams> {
        if lanes < 1 || lanes > 255 || passes < 1 || memory_kib < 8 * lanes || memory_kib > Self::MAX_MEMORY_KIB {
            return Err(InvalidParams);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Memory in KiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Whether a hash costs an attacker less than under the default or a set that is equivalent to it.
    #[must_use]
    pub fn is_weaker_than_default(&self) -> bool {
        !Self::EQUIVALENT.iter().any(|(memory_kib, passes)| self.memory_kib >= *memory_kib && self.passes >= *passes)
    }

    pub(crate) fn to_argon2(self) -> Params {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(Self::OUTPUT_LEN))
            .expect("the bounds of `new` lie within those of Argon2")
    }
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Argon2Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

impl FromStr for Argon2Params {
    type Err = InvalidParams;

    fn from_str(text: &str) -> Result<Self, InvalidParams> {
        let mut parts = text.trim().split(',');
        let mut next = |name: &str| {
            let value = parts.next()?.trim().strip_prefix(name)?.strip_prefix('=')?;
            value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok())?
        };
        let (Some(memory_kib), Some(passes), Some(lanes)) = (next("m"), next("t"), next("p")) else {
            return Err(InvalidParams);
        };
        if parts.next().is_some() {
            return Err(InvalidParams);
        }
        Self::new(memory_kib, passes, lanes)
    }
}

impl TryFrom<String> for Argon2Params {
    type Error = InvalidParams;

    fn try_from(text: String) -> Result<Self, InvalidParams> {
        text.parse()
    }
}

impl From<Argon2Params> for String {
    fn from(params: Argon2Params) -> Self {
        params.to_string()
    }
}

/// The text or the numbers are no usable Argon2 parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected m=<KiB>,t=<passes>,p=<lanes> like m=19456,t=2,p=1, with t at least 1, p from 1 to 255, \
     and m from 8 times p to 4194304"
)]
pub struct InvalidParams;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        assert_eq!(Argon2Params::DEFAULT.to_string(), "m=19456,t=2,p=1");
        for text in ["m=19456,t=2,p=1", "m=8,t=1,p=1", "m=4194304,t=4294967295,p=255"] {
            assert_eq!(text.parse::<Argon2Params>().unwrap().to_string(), text);
        }
        assert_eq!(" m=64, t=1, p=1 ".parse(), Argon2Params::new(64, 1, 1));
        assert_eq!(serde_json::to_string(&Argon2Params::DEFAULT).unwrap(), r#""m=19456,t=2,p=1""#);
    }

    #[test]
    fn what_argon2_would_refuse_does_not_parse() {
        for bad in [
            "",
            "m=19456",
            "m=19456,t=2",
            "t=2,m=19456,p=1",
            "m=19456,t=2,p=1,keyid=a",
            "m=19456,t=0,p=1",
            "m=19456,t=2,p=0",
            "m=19456,t=2,p=256",
            "m=15,t=2,p=2",
            "m=4194305,t=2,p=1",
            "m=+19456,t=2,p=1",
            "m=,t=2,p=1",
            "m=99999999999,t=2,p=1",
            "m=１９,t=2,p=1",
        ] {
            let error = bad.parse::<Argon2Params>().unwrap_err();
            assert!(error.to_string().contains("m=19456,t=2,p=1"), "{bad:?}");
        }
        let error = serde_json::from_str::<Argon2Params>(r#""m=1""#).unwrap_err().to_string();
        assert!(error.contains("like m=19456,t=2,p=1"), "{error}");
    }

    #[test]
    fn pw_20_the_listed_equivalents_are_not_weaker() {
        for good in ["m=19456,t=2,p=1", "m=47104,t=1,p=1", "m=12288,t=3,p=1", "m=9216,t=4,p=1", "m=7168,t=5,p=1"] {
            assert!(!good.parse::<Argon2Params>().unwrap().is_weaker_than_default(), "{good}");
        }
        for weak in ["m=19455,t=2,p=1", "m=19456,t=1,p=1", "m=7167,t=50,p=1", "m=8,t=1,p=1"] {
            assert!(weak.parse::<Argon2Params>().unwrap().is_weaker_than_default(), "{weak}");
        }
    }
}
