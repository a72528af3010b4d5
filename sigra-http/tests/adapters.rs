//! A change to one page's text, one limit or one new endpoint touches `sigra-http` alone, never an adapter.
//!
//! An adapter that names no path, no status, no header, no cookie and no sentence cannot be in the way of such a change.
//! So every text in the sources of an adapter is listed here, and so is every name it takes from `sigra-http`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// An adapter, and the texts it may hold: what it logs about its own misuse.
struct Adapter {
    folder: &'static str,
    texts: &'static [&'static str],
}

const ADAPTERS: &[Adapter] = &[
    Adapter {
        folder: "../sigra-axum/src",
        // The empty text is the prefix that mounts everything.
        texts: &[""],
    },
    Adapter { folder: "../sigra-poem/src", texts: &[] },
    Adapter { folder: "../examples/custom-adapter/src/lib.rs", texts: &[] },
];

/// What an adapter needs of `sigra-http`: nothing that speaks of a certain route, limit, page, fault or cookie.
const NAMES: &[&str] = &[
    "BodyFault",
    "Caller",
    "GuardDecision",
    "Head",
    "HostRequest",
    "Requirement",
    "ResponseBody",
    "Surface",
    "sigra_core",
];

/// The one status an adapter gives by itself: to a guard outside of what it mounted.
const STATUSES: &[&str] = &["INTERNAL_SERVER_ERROR"];

/// Names of other crates that stand for a decision about a request or an answer.
const DECISIONS: &[&str] = &[
    "ALLOW",
    "CONTENT_TYPE",
    "COOKIE",
    "Cookie",
    "HeaderName",
    "HeaderValue",
    "Html",
    "Json",
    "LOCATION",
    "Method",
    "Redirect",
    "SET_COOKIE",
];

#[test]
fn adapters_hold_no_path_status_header_cookie_or_sentence() {
    for adapter in ADAPTERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(adapter.folder);
        assert!(folder.exists(), "{} is gone", adapter.folder);
        for file in sources(&folder) {
            let source = fs::read_to_string(&file).unwrap();
            // Tests stand last.
            let adapting = source.split("#[cfg(test)]").next().unwrap_or_default();
            let found = faults(adapting, adapter.texts);
            assert!(found.is_empty(), "{}: {found:?}", file.display());
        }
    }
}

#[test]
fn whatever_an_adapter_must_not_hold_is_found() {
    let fine = "//! \"/auth\"\nuse sigra_http::{Head, Surface};\nfn f<'a>(c: char) -> &'a str { if c == '\"' { \"\" } else { r\"\" } }\n";
    assert_eq!(faults(fine, &[""]), Vec::<String>::new());
    for (source, found) in [
        ("fn f() -> &'static str { \"/login\" } // fine", "the text \"/login\""),
        ("let page = r#\"Sign \"in\"\"#;", "the text \"Sign \\\"in\\\"\""),
        ("let url = \"http://\"; let name = b\"sigra_session\";", "the text \"sigra_session\""),
        ("StatusCode::NOT_FOUND", "the status NOT_FOUND"),
        ("StatusCode::from_u16(404)", "the number 404"),
        ("let limit = 65_536;", "the number 65_536"),
        ("use sigra_http::{Head, LimitBucket as Bucket};", "LimitBucket of sigra-http"),
        ("sigra_http::problem::FaultCode::Internal", "problem of sigra-http"),
        ("if request.method() == Method::HEAD {}", "the name Method"),
        ("headers.insert(header::SET_COOKIE, value)", "the name SET_COOKIE"),
    ] {
        assert!(
            faults(source, &["http://"]).contains(&found.to_owned()),
            "{source}: {:?}",
            faults(source, &["http://"])
        );
    }
}

/// Everything in a source that is listed nowhere above.
fn faults(source: &str, texts: &[&str]) -> Vec<String> {
    let (code, literals) = split(source);
    let mut found: Vec<_> = literals
        .iter()
        .filter(|text| !texts.contains(&text.as_str()))
        .map(|text| format!("the text {text:?}"))
        .collect();
    let words: Vec<_> =
        code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    for (index, word) in words.iter().enumerate() {
        if *word == "StatusCode" && code.contains("StatusCode::") {
            let named = words.get(index + 1).filter(|next| next.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            found.extend(named.filter(|next| !STATUSES.contains(next)).map(|next| format!("the status {next}")));
        }
        if DECISIONS.contains(word) {
            found.push(format!("the name {word}"));
        }
        let number: String = word.chars().filter(char::is_ascii_digit).collect();
        if word.starts_with(|c: char| c.is_ascii_digit()) && number.parse().unwrap_or(u64::MAX) >= 100 {
            found.push(format!("the number {word}"));
        }
    }
    found.extend(
        taken(&code)
            .into_iter()
            .filter(|name| !NAMES.contains(&name.as_str()))
            .map(|name| format!("{name} of sigra-http")),
    );
    found
}

/// The names after `sigra_http::`.
fn taken(code: &str) -> BTreeSet<String> {
    let first_word = |text: &str| {
        text.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
    };
    let mut names = BTreeSet::new();
    for after in code.split("sigra_http::").skip(1) {
        match after.strip_prefix('{').and_then(|list| list.split_once('}')) {
            Some((list, _)) => names.extend(list.split(',').map(first_word)),
            None => _ = names.insert(first_word(after)),
        }
    }
    names.remove("");
    names
}

/// A source without comments and texts, and the texts.
fn split(source: &str) -> (String, Vec<String>) {
    let (mut code, mut literals) = (String::new(), Vec::new());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix("'\"'").or_else(|| rest.strip_prefix("'\\\"'")) {
            rest = after;
        } else if let Some((text, after)) = raw(rest).or_else(|| quoted(rest)) {
            literals.push(text);
            rest = after;
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    (code, literals)
}

fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = rest.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &rest[at + 2..])),
            '\\' => text.extend(chars.next().map(|(_, escaped)| escaped)),
            c => text.push(c),
        }
    }
    None
}

fn raw(rest: &str) -> Option<(String, &str)> {
    let after = rest.strip_prefix('r')?;
    let text = after.trim_start_matches('#');
    let hashes = &after[..after.len() - text.len()];
    let (text, rest) = text.strip_prefix('"')?.split_once(&format!("\"{hashes}"))?;
    Some((text.to_owned(), rest))
}

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(folder) = fs::read_dir(path) else { return Vec::new() };
    folder
        .flat_map(|entry| sources(&entry.unwrap().path()))
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
        .collect()
}
