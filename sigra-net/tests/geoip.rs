//! `MaxMindGeoIp` over small databases written here.
#![cfg(feature = "geoip")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use proptest::prelude::*;
use serde_json::{Value, json};
use sigra_core::client::Place;
use sigra_core::ports::GeoIp;
use sigra_net::{GeoIpError, MaxMindGeoIp};

/// A file of this test run, named by who uses it: tests run side by side.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn database(database_type: &str, ip_version: IpVersion, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut database = Database::default();
    database.metadata.binary_format_major_version = 2;
    database.metadata.database_type = database_type.to_owned();
    database.metadata.ip_version = ip_version;
    database.metadata.languages = vec!["en".to_owned()];
    database.metadata.description.insert("en".to_owned(), "places for tests".to_owned());
    for (network, record) in networks {
        let record = database.insert_value(record).unwrap();
        database.insert_node(network.parse::<IpAddrWithMask>().unwrap(), record);
    }
    database.write_to(Vec::new()).unwrap()
}

/// An IPv6 tree has IPv4 below `::/96`.
fn cities() -> Vec<u8> {
    let linkoping = json!({
        "city": { "geoname_id": 2_694_762, "names": { "de": "Linköping (de)", "en": "Linköping" } },
        "continent": { "code": "EU" },
        "country": { "iso_code": "SE", "names": { "en": "Sweden" } },
        "location": { "latitude": 58.4167, "time_zone": "Europe/Stockholm" },
        "subdivisions": [{ "iso_code": "E" }, { "iso_code": "X" }],
    });
    let networks = [
        ("::192.0.2.0/120", linkoping.clone()),
        ("::198.51.100.0/120", json!({ "country": { "iso_code": "US" } })),
        ("::203.0.113.0/121", json!({ "city": { "names": { "en": "Nowhere" } } })),
        ("::203.0.113.128/121", json!({ "registered_country": { "iso_code": "AU" } })),
        ("2001:db8:1::/48", linkoping),
        ("2001:db8:2::/48", json!({ "country": { "iso_code": "JP" }, "city": { "names": { "ja": "東京" } } })),
    ];
    database("GeoLite2-City", IpVersion::V6, &networks)
}

fn open(name: &str, bytes: &[u8]) -> Result<MaxMindGeoIp, GeoIpError> {
    let path = file(name);
    fs::write(&path, bytes).unwrap();
    MaxMindGeoIp::open(path)
}

fn place(geo: &MaxMindGeoIp, ip: &str) -> Option<Place> {
    geo.place(ip.parse().unwrap())
}

fn at(city: impl Into<Option<&'static str>>, country: impl Into<Option<&'static str>>) -> Option<Place> {
    Some(Place { city: city.into().map(str::to_owned), country: country.into().map(str::to_owned) })
}

#[test]
fn a_city_database_tells_the_english_city_and_the_country_code() {
    let geo = open("cities.mmdb", &cities()).unwrap();
    assert_eq!(place(&geo, "192.0.2.7"), at("Linköping", "SE"));
    assert_eq!(place(&geo, "192.0.2.255"), at("Linköping", "SE"));
    assert_eq!(place(&geo, "2001:db8:1::7"), at("Linköping", "SE"));
    assert_eq!(place(&geo, "2001:db8:1:ffff::"), at("Linköping", "SE"));
}

#[test]
fn a_record_is_told_as_far_as_it_goes() {
    let geo = open("partial.mmdb", &cities()).unwrap();
    assert_eq!(place(&geo, "198.51.100.1"), at(None, "US"));
    assert_eq!(place(&geo, "203.0.113.1"), at("Nowhere", None));
    assert_eq!(place(&geo, "2001:db8:2::1"), at(None, "JP"), "there is no English name");
    assert_eq!(place(&geo, "203.0.113.129"), None, "where a block is registered is not where the address is");
}

#[test]
fn ipv4_mapped_addresses_are_ipv4() {
    let geo = open("mapped.mmdb", &cities()).unwrap();
    assert_eq!(place(&geo, "::ffff:192.0.2.7"), at("Linköping", "SE"));
    assert_eq!(place(&geo, "::ffff:10.0.0.1"), None);
}

#[test]
fn unlisted_and_private_addresses_have_no_place() {
    let geo = open("unlisted.mmdb", &cities()).unwrap();
    for ip in ["192.0.3.0", "10.0.0.1", "127.0.0.1", "169.254.0.1", "::1", "fe80::1", "fd00::1", "2001:db8:3::"] {
        assert_eq!(place(&geo, ip), None, "{ip}");
    }
}

#[test]
fn a_database_for_ipv4_alone_knows_no_ipv6() {
    let networks = [("192.0.2.0/24", json!({ "country": { "iso_code": "SE" } }))];
    let geo = open("ipv4.mmdb", &database("DBIP-Country-Lite", IpVersion::V4, &networks)).unwrap();
    assert_eq!(place(&geo, "192.0.2.7"), at(None, "SE"));
    assert_eq!(place(&geo, "::ffff:192.0.2.7"), at(None, "SE"));
    assert_eq!(place(&geo, "192.0.3.7"), None);
    assert_eq!(place(&geo, "2001:db8:1::7"), None);
    assert_eq!(place(&geo, "::192.0.2.7"), None);
}

#[test]
fn fields_of_another_shape_are_left_out() {
    let networks = [
        ("192.0.2.0/26", json!({ "city": "Linköping", "country": { "iso_code": "SE" } })),
        ("192.0.2.64/26", json!({ "city": { "names": { "en": "Linköping" } }, "country": "SE" })),
        ("192.0.2.128/26", json!({ "city": { "names": { "en": "" } }, "country": { "iso_code": "Sweden" } })),
        ("192.0.2.192/27", json!({ "city": { "names": { "en": "Lin\r\nBcc: x" } }, "country": { "iso_code": "se" } })),
        ("192.0.2.224/28", json!("Linköping, SE")),
        ("192.0.2.240/28", json!({ "city": { "names": { "en": "x".repeat(201) } } })),
    ];
    let geo = open("shapes.mmdb", &database("GeoIP2-Enterprise", IpVersion::V4, &networks)).unwrap();
    assert_eq!(place(&geo, "192.0.2.1"), at(None, "SE"));
    assert_eq!(place(&geo, "192.0.2.65"), at("Linköping", None));
    assert_eq!(place(&geo, "192.0.2.129"), None);
    assert_eq!(place(&geo, "192.0.2.193"), None);
    assert_eq!(place(&geo, "192.0.2.225"), None);
    assert_eq!(place(&geo, "192.0.2.241"), None);
}

#[test]
fn a_missing_file_ends_the_start_with_its_name() {
    let path = file("missing.mmdb");
    let error = MaxMindGeoIp::open(&path).unwrap_err();
    assert!(matches!(&error, GeoIpError::Unreadable { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound));
    assert_names(&error, &path);
    assert!(matches!(MaxMindGeoIp::open(env!("CARGO_TARGET_TMPDIR")), Err(GeoIpError::Unreadable { .. })));
}

#[test]
fn a_reload_takes_the_new_file_and_a_bad_one_leaves_the_old() {
    let networks = |country| [("192.0.2.0/24", json!({ "country": { "iso_code": country } }))];
    let geo = open("reloaded.mmdb", &database("GeoLite2-Country", IpVersion::V4, &networks("SE"))).unwrap();
    fs::write(file("reloaded.mmdb"), database("GeoLite2-Country", IpVersion::V4, &networks("JP"))).unwrap();
    assert_eq!(place(&geo, "192.0.2.7"), at(None, "SE"), "not before it is told");
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let places: Vec<_> = (0..1_000).map(|_| place(&geo, "192.0.2.7")).collect();
            assert!(places.iter().all(|found| [at(None, "SE"), at(None, "JP")].contains(found)));
        });
        geo.reload().unwrap();
        looking.join().unwrap();
    });
    assert_eq!(place(&geo, "192.0.2.7"), at(None, "JP"));
    fs::write(file("reloaded.mmdb"), b"cut short").unwrap();
    assert!(matches!(geo.reload(), Err(GeoIpError::NotADatabase { .. })));
    fs::remove_file(file("reloaded.mmdb")).unwrap();
    assert!(matches!(geo.reload(), Err(GeoIpError::Unreadable { .. })));
    assert_eq!(place(&geo, "192.0.2.7"), at(None, "JP"), "what is in memory stays");
}

#[test]
fn databases_about_something_else_are_refused_with_their_type() {
    for database_type in ["GeoLite2-ASN", "GeoIP2-Anonymous-IP", "GeoIP2-User-Count", "ipinfo country.mmdb", ""] {
        let name = format!("other{}.mmdb", database_type.len());
        let bytes = database(database_type, IpVersion::V4, &[("192.0.2.0/24", json!({ "network": 1 }))]);
        let error = open(&name, &bytes).unwrap_err();
        assert!(matches!(&error, GeoIpError::WrongType { database_type: found, .. } if found == database_type));
        assert_names(&error, &file(&name));
        assert!(error.to_string().contains(&format!("{database_type:?}")), "{error}");
    }
}

#[test]
fn every_shortened_database_is_refused() {
    let whole = cities();
    for length in 0..whole.len() {
        let error = open("cut.mmdb", &whole[..length]).expect_err("a part was accepted");
        assert!(matches!(error, GeoIpError::NotADatabase { .. }), "{length}: {error}");
    }
    assert!(open("cut.mmdb", &whole).is_ok());
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03 still packed";
    assert_names(&open("packed.mmdb", packed).unwrap_err(), &file("packed.mmdb"));
}

fn assert_names(error: &GeoIpError, path: &Path) {
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    assert!(message.contains(".mmdb file of a City, Country or Enterprise database"), "{message}");
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(cities);

fn damage() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((0..WHOLE.len(), 1..=u8::MAX), 1..12).prop_map(|flips| {
        let mut bytes = WHOLE.clone();
        for (position, bits) in flips {
            bytes[position] ^= bits;
        }
        bytes
    })
}

proptest! {
    /// Nothing panics, and nothing that is no place gets out.
    #[test]
    fn damaged_databases_give_no_panic_and_no_nonsense(
        bytes in damage(),
        v4 in any::<u32>(),
        v6 in any::<u128>(),
    ) {
        if let Ok(geo) = open("damaged.mmdb", &bytes) {
            let listed = ["192.0.2.7", "198.51.100.1", "203.0.113.1", "203.0.113.129", "2001:db8:1::7", "2001:db8:2::1"];
            let any = [IpAddr::V4(Ipv4Addr::from_bits(v4)), IpAddr::V6(Ipv6Addr::from_bits(v6))];
            for ip in listed.iter().map(|ip| ip.parse().unwrap()).chain(any) {
                if let Some(Place { city, country }) = geo.place(ip) {
                    prop_assert!(city.is_some() || country.is_some());
                    prop_assert!(city.is_none_or(|name| !name.is_empty() && !name.contains(char::is_control)));
                    prop_assert!(country.is_none_or(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
                }
            }
        }
    }
}
