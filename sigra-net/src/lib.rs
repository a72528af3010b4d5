//! What the network tells sigra, an authentication toolkit. Every part is behind a feature; none is on.
//!
//! - `geoip`: `MaxMindGeoIp`, places of addresses from a MaxMind DB file;
//! - `devices`: `UserAgents`, browsers and systems in the `User-Agent` header;
//! - `breached`: `PwnedPasswords`, passwords known from breaches, over any HTTP client; `breached-https`: `HttpsClient`, one;
//! - `dns`: `DnsFacts`, which domains take mail, and the texts a domain publishes.

#[cfg(feature = "breached")]
mod breached;
#[cfg(feature = "devices")]
mod devices;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "geoip")]
mod geoip;

#[cfg(feature = "breached")]
pub use breached::{Answer, Get, GetError, HttpGet, PwnedPasswords};
#[cfg(feature = "breached-https")]
pub use breached::{HttpsClient, HttpsClientError};
#[cfg(feature = "devices")]
pub use devices::UserAgents;
#[cfg(feature = "dns")]
pub use dns::{DnsConfig, DnsError, DnsFacts};
#[cfg(feature = "geoip")]
pub use geoip::{GeoIpError, MaxMindGeoIp};

#[cfg(all(doctest, feature = "breached-https", feature = "devices", feature = "dns", feature = "geoip"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "breached-https", feature = "devices", feature = "dns", feature = "geoip"))]
mod guides {
    #[doc = include_str!("../../docs/guides/breached-passwords.md")]
    struct BreachedPasswords;
    #[doc = include_str!("../../docs/guides/places-devices-and-dns.md")]
    struct PlacesDevicesAndDns;
}
