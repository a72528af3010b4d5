//! Every key of the configuration is read by something.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use serde_json::Value;
use sigra_core::config::Config;

/// The source of this crate but for the configuration itself, without comments.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("config") {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            text.extend(source.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|l| [l, "\n"]));
        }
    }
    text
}

fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        for (key, value) in fields {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            found.push(path.clone());
            keys(value, &path, found);
        }
    }
}

fn is_read(source: &str, key: &str) -> bool {
    let access = format!(".{key}");
    source.match_indices(&access).any(|(at, _)| {
        let next = source[at + access.len()..].chars().next();
        // A field, not the start of a longer name and not a method.
        next.is_none_or(|next| !next.is_alphanumeric() && next != '_' && next != '(')
    })
}

#[test]
fn every_key_is_read() {
    let source = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut found = Vec::new();
    keys(&serde_json::to_value(Config::default()).unwrap(), "", &mut found);
    assert!(found.len() > 40, "{found:?}");
    let unread: Vec<_> = found.iter().filter(|path| !is_read(&source, path.rsplit('.').next().unwrap())).collect();
    assert!(unread.is_empty(), "nothing reads {unread:?}");
    assert!(!is_read(&source, "a_key_nobody_reads"));
}

#[test]
fn a_method_or_a_longer_name_is_no_reading() {
    assert!(is_read("self.config.idle_secs.span()", "idle_secs"));
    assert!(!is_read("self.config.idle_secs_long", "idle_secs"));
    assert!(!is_read("self.idle_secs()", "idle_secs"));
}
