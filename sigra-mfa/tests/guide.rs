//! `docs/guides/mfa.md` names tests and events that exist, and configures what there is.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use sigra_mfa::{EVENTS, MfaConfig};

fn guide() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/mfa.md")).unwrap()
}

#[test]
fn every_test_behind_a_threat_exists() {
    let guide = guide();
    let named: Vec<_> = guide.split('`').filter_map(|code| code.split_once(".rs::")).collect();
    assert!(named.len() > 30, "the page names its tests as `path::name`");
    for (path, name) in named {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{path}.rs"));
        assert!(fs::read_to_string(file).unwrap().contains(&format!("fn {name}(")), "{path}.rs has no test {name}");
    }
}

#[test]
fn au_12_every_event_is_in_the_table() {
    let guide = guide();
    for event in EVENTS {
        let row = format!("| `{}` | {} |", event.as_str(), event.meaning());
        assert!(guide.contains(&row), "{row}");
    }
}

#[test]
fn every_key_is_in_the_table_with_its_default_and_is_read_by_something() {
    let sources = ["mfa", "trusted", "backup_codes/factor", "totp/enroll", "totp/factor"]
        .map(|file| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{file}.rs"))).unwrap())
        .concat();
    for (key, value) in serde_json::to_value(MfaConfig::default()).unwrap().as_object().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), |text| format!("`{text}`"));
        assert!(guide().contains(&format!("| `{key}` | {value} |")), "{key} {value}");
        assert!(sources.contains(&format!("config.{key}")), "nothing reads {key}");
    }
}
