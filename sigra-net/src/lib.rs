#![cfg_attr(feature = "geoip", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "geoip"), doc = "What the network tells sigra. Every part is behind a feature; none is on.")]

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
