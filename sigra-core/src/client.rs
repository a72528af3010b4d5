//! What is known about the client of a request. Facts for display, limits and the audit trail; never proof.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Facts about the client that made a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// The client's address, after trusted proxies were taken off. `::ffff:a.b.c.d` is stored as `a.b.c.d`.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 512 bytes and without control characters.
    pub user_agent: Option<String>,
    /// The id the request has in logs and problem documents.
    pub request_id: Option<String>,
}

impl ClientInfo {
    const MAX_TEXT: usize = 512;

    /// Collects the facts, canonicalizing the address and defusing the texts.
    #[must_use]
    pub fn new(ip: Option<IpAddr>, user_agent: Option<&str>, request_id: Option<&str>) -> Self {
        Self {
            ip: ip.map(|ip| ip.to_canonical()),
            user_agent: user_agent.and_then(plain),
            request_id: request_id.and_then(plain),
        }
    }

    /// The block limits are counted by.
    #[must_use]
    pub fn block(&self) -> IpBlock {
        IpBlock::of(self.ip)
    }
}

fn plain(text: &str) -> Option<String> {
    let mut clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let mut end = clean.len().min(ClientInfo::MAX_TEXT);
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    clean.truncate(end);
    (!clean.is_empty()).then_some(clean)
}

/// The unit network limits count by: an IPv4 address, an IPv6 /64, or "unknown", which is limited like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpBlock(Option<IpAddr>);

impl IpBlock {
    /// The block an address belongs to.
    #[must_use]
    pub fn of(ip: Option<IpAddr>) -> Self {
        Self(ip.map(|ip| match ip.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        }))
    }
}

impl fmt::Display for IpBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(IpAddr::V6(v6)) => write!(f, "{v6}/64"),
            Some(IpAddr::V4(v4)) => v4.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// Where an address is, as far as a database knows. A hint for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// City name in English.
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2 country code.
    pub country: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.city, &self.country) {
            (Some(city), Some(country)) => write!(f, "{city}, {country}"),
            (Some(only), None) | (None, Some(only)) => f.write_str(only),
            (None, None) => f.write_str("an unknown place"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> IpBlock {
        IpBlock::of(Some(text.parse().unwrap()))
    }

    #[test]
    fn th_11_a_slash_64_is_one_block_and_mapped_addresses_are_ipv4() {
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
        assert_eq!(block("::ffff:192.0.2.7"), block("192.0.2.7"));
        assert_ne!(block("192.0.2.7"), block("192.0.2.8"));
        assert_eq!(block("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn cs_13_texts_lose_control_characters_and_length() {
        let info = ClientInfo::new(None, Some("evil\r\nX-Injected: 1\u{1b}[31m\0"), None);
        assert_eq!(info.user_agent.as_deref(), Some("evilX-Injected: 1[31m"));
        let long = ClientInfo::new(None, Some(&"é".repeat(1_000)), None).user_agent.unwrap();
        assert!(long.len() <= 512 && long.chars().all(|c| c == 'é'));
        assert_eq!(ClientInfo::new(None, Some("\n"), None).user_agent, None);
    }

    #[test]
    fn th_12_an_unknown_address_has_a_block_too() {
        assert_eq!(IpBlock::of(None).to_string(), "unknown");
    }
}
