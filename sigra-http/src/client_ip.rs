//! Which address a request really comes from.

use std::net::{IpAddr, SocketAddr};

use http::HeaderName;
use http::header::{FORWARDED, HeaderMap};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word about the client is taken.
///
/// # The rule
///
/// 1. The peer is not a trusted proxy: the client is the peer, whatever the headers say.
/// 2. The configured header (one, never both) is walked from the right, across all its lines: the first hop that is not a
///    trusted proxy is the client.
/// 3. A hop on the way that is no address (malformed, `unknown`, obfuscated), or no header at all: the client is the peer.
/// 4. Every hop is a trusted proxy: the client is the leftmost.
///
/// What stands left of the client was written by the client and is never read, except that a `Forwarded` line must
/// parse as a whole, for a stray quote would shift the meaning of what follows it.
///
/// # Deployment
///
/// Every listed proxy must append to the header or overwrite it. A listed proxy that passes it on as it came lets
/// clients choose their address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardingHeader,
}

/// The header proxies write the client into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// Reads networks such as `10.0.0.0/8, 2001:db8::/32, 192.0.2.1`, separated by commas. Nothing but white space means
    /// no proxies. The header is `X-Forwarded-For` unless [`with_header`](Self::with_header) says otherwise.
    ///
    /// # Errors
    ///
    /// [`InvalidProxies`] with every entry that is no network, or is the whole internet.
    pub fn parse(text: &str) -> Result<Self, InvalidProxies> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut networks = Vec::new();
        let mut faults = Vec::new();
        for entry in text.split(',').map(str::trim) {
            match network(entry) {
                Some(network) => networks.push(network),
                None => faults.push(entry.to_owned()),
            }
        }
        if faults.is_empty() {
            Ok(Self { networks, header: ForwardingHeader::default() })
        } else {
            Err(InvalidProxies { faults })
        }
    }

    /// Chooses the header that is read.
    #[must_use]
    pub fn with_header(mut self, header: ForwardingHeader) -> Self {
        self.header = header;
        self
    }

    /// Whether an address is a trusted proxy. IPv4-mapped IPv6 addresses count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client's address, by the rule above. IPv4-mapped addresses come out as IPv4.
    #[must_use]
    pub fn client_ip(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let hops = match self.header {
            ForwardingHeader::XForwardedFor => x_forwarded_for(headers),
            ForwardingHeader::Forwarded => forwarded(headers),
        };
        let mut client = peer;
        for hop in hops.into_iter().rev() {
            let Some(address) = hop else { return peer };
            client = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// Entries that are no networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a network of trusted proxies: `{}`", .faults.join("`, `"))]
pub struct InvalidProxies {
    /// The entries, as they were written.
    pub faults: Vec<String>,
}

fn network(entry: &str) -> Option<IpNet> {
    let network = match entry.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => entry.parse().ok()?,
    };
    // Trusting everybody means letting everybody choose their address.
    (network.prefix_len() > 0).then_some(network)
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(|hop| node(std::str::from_utf8(hop).ok()?.trim()))
        .collect()
}

fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    for line in headers.get_all(FORWARDED) {
        match line.to_str().ok().and_then(forwarded_line) {
            Some(elements) => hops.extend(elements),
            None => hops.push(None),
        }
    }
    hops
}

/// The `for` of each element of one line (RFC 7239 §4); `None` when the line does not parse.
fn forwarded_line(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut hops = Vec::new();
    let mut hop = None;
    let mut rest = line;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_matches([' ', '\t']);
        // Or what a proxy appended could become part of a name somebody else began.
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return None;
        }
        let (value, after) = forwarded_value(after)?;
        if name.eq_ignore_ascii_case("for") && hop.replace(node(&value)).is_some() {
            return None;
        }
        let after = after.trim_start_matches([' ', '\t']);
        let mut chars = after.chars();
        match chars.next() {
            None => {
                hops.push(hop.flatten());
                return Some(hops);
            }
            Some(',') => hops.push(hop.take().flatten()),
            Some(';') => {}
            Some(_) => return None,
        }
        rest = chars.as_str();
    }
}

/// Whether a token may hold it (RFC 9110 §5.6.2).
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// A token or a quoted string, and what follows it.
fn forwarded_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Some((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

/// An address with or without a port; IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn lines(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::parse("10.0.0.0/8, 2001:db8:ffff::/48").unwrap()
    }

    #[test]
    fn th_10_an_untrusted_peer_changes_nothing() {
        let headers = lines(X_FORWARDED_FOR, &["198.51.100.9"]);
        assert_eq!(proxies().client_ip(ip("192.0.2.1"), &headers), ip("192.0.2.1"));
        assert_eq!(TrustedProxies::default().client_ip(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
    }

    #[test]
    fn th_10_the_rightmost_untrusted_hop_is_the_client() {
        for (values, client) in [
            (&["198.51.100.9"][..], "198.51.100.9"),
            (&["6.6.6.6, 198.51.100.9"], "198.51.100.9"),
            (&["6.6.6.6, 198.51.100.9, 10.0.0.2"], "198.51.100.9"),
            (&["6.6.6.6", "198.51.100.9", "10.0.0.2"], "198.51.100.9"),
            (&["garbage, 198.51.100.9"], "198.51.100.9"),
            (&["198.51.100.9:4711"], "198.51.100.9"),
            (&["[2001:db8::9]:4711"], "2001:db8::9"),
            (&["[2001:db8::9]"], "2001:db8::9"),
            (&["2001:db8::9, 2001:db8:ffff::1"], "2001:db8::9"),
            (&["::ffff:198.51.100.9, ::ffff:10.0.0.2"], "198.51.100.9"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&[], "10.0.0.1"),
        ] {
            let headers = lines(X_FORWARDED_FOR, values);
            assert_eq!(proxies().client_ip(ip("::ffff:10.0.0.1"), &headers), ip(client), "{values:?}");
        }
    }

    #[test]
    fn th_10_a_malformed_hop_means_the_peer() {
        for value in
            ["", "garbage", "198.51.100.9, ", "198.51.100.9, unknown", "198.51.100.9 10.0.0.2", "1.2.3", "x, 10.0.0.2"]
        {
            let headers = lines(X_FORWARDED_FOR, &[value]);
            assert_eq!(proxies().client_ip(ip("10.0.0.1"), &headers), ip("10.0.0.1"), "{value:?}");
        }
    }

    #[test]
    fn th_10_forwarded_is_read_instead_when_chosen() {
        let proxies = proxies().with_header(ForwardingHeader::Forwarded);
        for (values, client) in [
            (&["for=198.51.100.9"][..], "198.51.100.9"),
            (&["For=\"[2001:db8::9]:4711\";proto=https;by=10.0.0.1"], "2001:db8::9"),
            (&["for=6.6.6.6, for=198.51.100.9 ;host=\"a,b;c\\\"\", proto=http;for=10.0.0.2"], "198.51.100.9"),
            (&["for=198.51.100.9", "for=10.0.0.2"], "198.51.100.9"),
            (&["for=\"", "for=198.51.100.9"], "198.51.100.9"),
            (&["for=unknown"], "10.0.0.1"),
            (&["for=_hidden"], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
            (&["for=6.6.6.6;for=198.51.100.9"], "10.0.0.1"),
            (&["for=6.6.6.6;x=\", for=\"198.51.100.9\""], "10.0.0.1"),
            (&["for=\", for=198.51.100.9"], "10.0.0.1"),
            (&["for=6.6.6.6;x, for=198.51.100.9"], "10.0.0.1"),
            (&["for=6.6.6.6;, for=198.51.100.9"], "10.0.0.1"),
            (&["for=6.6.6.6;=x, for=198.51.100.9"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
        ] {
            assert_eq!(proxies.client_ip(ip("10.0.0.1"), &lines(FORWARDED, values)), ip(client), "{values:?}");
        }
        let other = lines(X_FORWARDED_FOR, &["198.51.100.9"]);
        assert_eq!(proxies.client_ip(ip("10.0.0.1"), &other), ip("10.0.0.1"));
    }

    #[test]
    fn all_faults_of_a_list_are_named() {
        let faults = TrustedProxies::parse("10.0.0.0/8, nonsense,, 1.2.3.4/33, 0.0.0.0/0").unwrap_err();
        assert_eq!(faults.to_string(), "not a network of trusted proxies: `nonsense`, ``, `1.2.3.4/33`, `0.0.0.0/0`");
        assert_eq!(TrustedProxies::parse(" "), Ok(TrustedProxies::default()));
        assert!(TrustedProxies::parse("192.0.2.1, ::1").unwrap().contains(ip("::ffff:192.0.2.1")));
    }

    proptest! {
        #[test]
        fn nothing_panics(value in prop::collection::vec(any::<u8>(), 0..80), structured in "[for=;,\" \\\\.0-9:\\[\\]]{0,60}") {
            for value in [value, structured.into_bytes()] {
                let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
                for (name, header) in
                    [(X_FORWARDED_FOR, ForwardingHeader::XForwardedFor), (FORWARDED, ForwardingHeader::Forwarded)]
                {
                    let headers = HeaderMap::from_iter([(name, value.clone())]);
                    let _ = proxies().with_header(header).client_ip(ip("10.0.0.1"), &headers);
                }
            }
        }

        #[test]
        fn th_10_what_a_client_writes_in_front_changes_nothing(forged in "[ -~]{0,60}") {
            let headers = lines(X_FORWARDED_FOR, &[&format!("{forged}, 198.51.100.9, 10.0.0.2")]);
            prop_assert_eq!(proxies().client_ip(ip("10.0.0.1"), &headers), ip("198.51.100.9"));
        }

        #[test]
        fn th_10_what_a_client_writes_in_front_of_forwarded_gains_nothing(
            forged in prop_oneof!["[ -~]{0,60}", "(for=6\\.6\\.6\\.6[;,=\" xfor\\\\]{0,8}){1,3}"],
        ) {
            let proxies = proxies().with_header(ForwardingHeader::Forwarded);
            for appended in ["for=198.51.100.9", "for=\"198.51.100.9\";proto=https", "by=x;for=\"198.51.100.9:1\", for=10.0.0.2"] {
                let one_line = lines(FORWARDED, &[&format!("{forged}, {appended}")]);
                let client = proxies.client_ip(ip("10.0.0.1"), &one_line);
                prop_assert!(client == ip("198.51.100.9") || client == ip("10.0.0.1"), "{client}");
                let two_lines = lines(FORWARDED, &[&forged, appended]);
                prop_assert_eq!(proxies.client_ip(ip("10.0.0.1"), &two_lines), ip("198.51.100.9"));
            }
        }
    }
}
