//! The client's address, behind proxies that are named and nobody else.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;
use http::HeaderName;
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks whose `X-Forwarded-For` is believed. The default believes nobody.
///
/// # Deployment
///
/// A trusted proxy must append the address it sees to `X-Forwarded-For`, as nginx, HAProxy, Caddy and the clouds' load
/// balancers do. What clients put into the header stands to the left of that and is never reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The address of the client behind `peer`.
    ///
    /// 1. A peer that is not trusted is the client, whatever it sends.
    /// 2. Otherwise the header's addresses are walked from the right; the first that is not trusted is the client.
    /// 3. When something there is not an address, or all of them are trusted, the peer stands in.
    #[must_use]
    pub fn client_ip(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        let hops = lines.into_iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            match std::str::from_utf8(hop).ok().and_then(address) {
                Some(ip) if self.trusts(ip) => {}
                Some(ip) => return ip,
                None => return peer,
            }
        }
        peer
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip))
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    /// Reads networks in CIDR notation, or single addresses, separated by commas.
    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        let mut networks = Vec::new();
        let mut faults = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => faults.push(entry.to_owned()),
            }
        }
        if faults.is_empty() { Ok(Self(networks)) } else { Err(InvalidProxies(faults)) }
    }
}

/// Entries that are neither a network nor an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a network in CIDR notation: `{}`", .0.join("`, `"))]
pub struct InvalidProxies(Vec<String>);

/// One entry of the header: an address, which some proxies write with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let ip = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<std::net::SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        map
    }

    fn resolve(proxies: &str, peer: &str, lines: &[&str]) -> String {
        let proxies: TrustedProxies = proxies.parse().unwrap();
        proxies.client_ip(peer.parse().unwrap(), &headers(lines)).to_string()
    }

    #[test]
    fn th_10_only_trusted_peers_are_believed_and_from_the_right() {
        for (proxies, peer, lines, client) in [
            ("", "192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.0/8", "10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, "], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &["10.0.0.3"], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", "::ffff:10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("::1/128", "::1", &["::ffff:203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(resolve(proxies, peer, lines), client, "{proxies} {peer} {lines:?}");
        }
    }

    #[test]
    fn faults_are_named() {
        let fault = "10.0.0.0/8, ten, 10.0.0.0/99".parse::<TrustedProxies>().unwrap_err();
        assert_eq!(fault.to_string(), "not a network in CIDR notation: `ten`, `10.0.0.0/99`");
    }

    proptest! {
        #[test]
        fn whatever_the_header_says_an_address_comes_out(line in proptest::collection::vec(0x20_u8..0x7f, 0..200)) {
            let proxies: TrustedProxies = "0.0.0.0/0".parse().unwrap();
            let mut map = HeaderMap::new();
            map.insert(X_FORWARDED_FOR, http::HeaderValue::from_bytes(&line).unwrap());
            let _ = proxies.client_ip("10.0.0.1".parse().unwrap(), &map);
        }
    }
}
