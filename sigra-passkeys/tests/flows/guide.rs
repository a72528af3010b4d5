//! `docs/guides/passkeys.md` names tests and keys that exist.

use std::fs;
use std::path::{Path, PathBuf};

use sigra_passkeys::PasskeyConfig;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn guide() -> String {
    fs::read_to_string(root().join("../docs/guides/passkeys.md")).unwrap()
}

/// The words in backticks of the lines that `fit`.
fn quoted(fit: impl Fn(&str) -> bool) -> Vec<String> {
    let guide = guide();
    let lines = guide.lines().filter(|line| fit(line));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            sources(&entry.path(), into);
        } else {
            into.push_str(&fs::read_to_string(entry.path()).unwrap());
        }
    }
}

#[test]
fn every_test_it_names_exists_and_every_requirement_has_one() {
    let mut code = String::new();
    sources(&root().join("src"), &mut code);
    sources(&root().join("tests"), &mut code);
    let named = quoted(|line| line.starts_with("| ") && line.matches(" | ").count() == 2 && line.contains("_"));
    let tests: Vec<_> = named.iter().filter(|name| name.matches('_').count() > 2).collect();
    assert!(tests.len() > 30, "{tests:?}");
    for name in tests {
        assert!(code.contains(&format!("fn {name}(")), "{name}");
    }
    for number in 1..=18 {
        assert!(code.contains(&format!("fn wa_{number:02}_")), "WA-{number:02}");
    }
}

#[test]
fn it_names_every_key_of_the_configuration() {
    let keys = serde_json::to_value(PasskeyConfig::default()).unwrap();
    let rows = quoted(|line| line.starts_with("| `"));
    for key in keys.as_object().unwrap().keys() {
        assert!(rows.contains(key), "{key}");
    }
}
