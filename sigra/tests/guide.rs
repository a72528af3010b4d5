//! `docs/guides/using-one-crate-alone.md` shows the programs as they are, and they depend on what it says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, and crates that depending on it must not bring.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("only-passwords", &["axum", "hyper", "lettre", "minijinja", "sea-orm", "sqlx-core"]),
    ("only-sessions", &["axum", "hyper", "lettre", "minijinja", "sigra-http"]),
    ("only-mail", &["argon2", "axum", "hyper", "rustls", "sea-orm", "sqlx-core"]),
    ("only-limits", &["argon2", "axum", "hyper", "lettre", "minijinja", "sea-orm", "sqlx-core"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The code under each program's comment is its file. Run this test with `UPDATE_DOCS=1` to write it anew.
#[test]
fn the_guide_shows_the_programs_as_they_are() {
    let path = root().join("docs/guides/using-one-crate-alone.md");
    let guide = std::fs::read_to_string(&path).unwrap();
    let mut wanted = guide.clone();
    for (program, _) in PROGRAMS {
        let file = format!("examples/{program}/src/main.rs");
        let comment = format!("<!-- {file} -->\n");
        let (before, rest) = wanted.split_once(&comment).expect("every program has its place in the guide");
        let after = match rest.strip_prefix("```rust\n") {
            Some(code) => code.split_once("\n```\n").expect("the code ends").1,
            None => rest,
        };
        let source = std::fs::read_to_string(root().join(&file)).unwrap();
        wanted = format!("{before}{comment}```rust\n{source}```\n{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == wanted, "the guide is out of date: run `UPDATE_DOCS=1 cargo test -p sigra --test guide`");
}

#[test]
fn the_guide_names_the_dependencies_of_each_program() {
    let guide = std::fs::read_to_string(root().join("docs/guides/using-one-crate-alone.md")).unwrap();
    for (program, _) in PROGRAMS {
        let manifest = std::fs::read_to_string(root().join(format!("examples/{program}/Cargo.toml"))).unwrap();
        let (before, _) = guide.split_once(&format!("<!-- examples/{program}/")).unwrap();
        let (_, shown) = before.rsplit_once("[dependencies]\n").unwrap();
        let (shown, _) = shown.split_once("```").unwrap();
        let (_, declared) = manifest.split_once("[dependencies]\n").unwrap();
        let (declared, _) = declared.split_once("\n[").unwrap();
        assert_eq!(dependencies(shown), dependencies(declared), "{program}");
    }
}

/// Name and features of each line.
fn dependencies(lines: &str) -> Vec<(&str, &str)> {
    let features =
        |line| str::split_once(line, "features = ").map_or("", |(_, list)| list.trim_end_matches([' ', '}']));
    lines.trim().lines().map(|line| (line.split(['.', ' ']).next().unwrap(), features(line))).collect()
}

#[test]
fn a_part_does_not_bring_the_rest() {
    for (program, forbidden) in PROGRAMS {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--edges", "normal", "--prefix", "none", "--locked", "--package"])
            .arg(format!("sigra-example-{program}"))
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).unwrap();
        let names: Vec<_> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(names.contains(&"sigra-core"), "{tree}");
        let found: Vec<_> = forbidden.iter().filter(|name| names.contains(name)).collect();
        assert!(found.is_empty(), "{program} brings {found:?}");
    }
}
