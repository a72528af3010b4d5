#![cfg_attr(feature = "geoip", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "geoip"), doc = "What the network tells sigra. Every part is behind a feature; none is on.")]

#[cfg(feature = "geoip")]
mod geoip;

#[cfg(feature = "geoip")]
pub use geoip::{GeoIpError, MaxMindGeoIp};
