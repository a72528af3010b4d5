//! How long to wait and to remember.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long [`DnsFacts`](super::DnsFacts) waits and remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsConfig {
    /// How long one question may take, with everything it leads to, in milliseconds. From 100 to 10,000.
    pub time_millis: u32,
    /// How many domains are remembered at most. At most 1,000,000; with 0, none.
    pub cache_at_most: usize,
    /// How long it is remembered that a domain takes mail. At most a day.
    pub cache_secs: u32,
    /// How long it is remembered that a domain takes none. At most a day.
    pub cache_refused_secs: u32,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self { time_millis: 2_000, cache_at_most: 10_000, cache_secs: 3_600, cache_refused_secs: 300 }
    }
}

impl DnsConfig {
    pub(super) fn time(&self) -> Duration {
        Duration::from_millis(self.time_millis.into())
    }

    pub(super) fn check(&self) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        if !(100..=10_000).contains(&self.time_millis) {
            faults.push("`time_millis` must be from 100 to 10000".to_owned());
        }
        if self.cache_at_most > 1_000_000 {
            faults.push("`cache_at_most` must be at most 1000000".to_owned());
        }
        for (key, secs) in [("cache_secs", self.cache_secs), ("cache_refused_secs", self.cache_refused_secs)] {
            if secs > 86_400 {
                faults.push(format!("`{key}` must be at most 86400"));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_found_at_once() {
        assert_eq!(DnsConfig::default().check(), Ok(()));
        let bad =
            DnsConfig { time_millis: 99, cache_at_most: 1_000_001, cache_secs: 86_401, cache_refused_secs: 86_401 };
        assert_eq!(bad.check().map_err(|faults| faults.len()), Err(4));
        assert!(serde_json::from_str::<DnsConfig>(r#"{"time_secs":1}"#).is_err());
    }
}
