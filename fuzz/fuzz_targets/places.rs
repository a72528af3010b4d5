//! A location database may be damaged: no panic, and no nonsense gets out.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sigra_core::ports::GeoIp as _;
use sigra_net::MaxMindGeoIp;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("places.mmdb"));

const ASKED: [&str; 6] = ["192.0.2.7", "198.51.100.1", "203.0.113.1", "2001:db8:1::7", "::1", "255.255.255.255"];

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("a writable folder");
    let Ok(geo) = MaxMindGeoIp::open(&*FILE) else { return };
    for ip in ASKED {
        let Some(place) = geo.place(ip.parse().expect("an address")) else { continue };
        assert!(place.city.is_some() || place.country.is_some());
        assert!(
            place.city.is_none_or(|name| !name.is_empty() && name.len() <= 200 && !name.contains(char::is_control))
        );
        assert!(place.country.is_none_or(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
    }
});
