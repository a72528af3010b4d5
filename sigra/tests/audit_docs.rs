//! `docs/audit-events.md` lists the catalogues of all crates as they are.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use sigra_core::audit::EventName;

const REGENERATE: &str = "UPDATE_DOCS";

/// Each crate that writes to the audit trail, with its catalogue.
const CATALOGUES: [(&str, &[EventName]); 3] = [
    ("sigra-core", sigra_core::audit::EVENTS),
    ("sigra-mfa", sigra_mfa::EVENTS),
    ("sigra-passkeys", sigra_passkeys::events::EVENTS),
];

#[test]
fn au_12_the_published_table_of_events_is_up_to_date() {
    let mut wanted = String::from(
        "# Audit events\n\n\
        What is written to the audit trail, by the crate that writes it. Generated from the catalogues in the source by\n\
        `UPDATE_DOCS=1 cargo test -p sigra --test audit_docs`; do not edit.\n",
    );
    for (name, events) in CATALOGUES {
        write!(wanted, "\n## {name}\n\n| name | written when |\n|---|---|\n").unwrap();
        for event in events {
            writeln!(wanted, "| `{}` | {} |", event.as_str(), event.meaning()).unwrap();
        }
    }

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/audit-events.md");
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "run this test with {REGENERATE}=1 to write the table anew");
}

#[test]
fn au_12_no_two_crates_write_one_name() {
    let names: Vec<_> = CATALOGUES.iter().flat_map(|(_, events)| *events).map(EventName::as_str).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

/// Whoever adds an event to whichever catalogue decides whether people see it in their security history, and nothing is
/// decided about names that nobody writes.
#[test]
fn every_event_is_shown_to_its_owner_or_hidden_by_decision() {
    use sigra_core::audit::{HIDDEN, SHOWN};
    let written: BTreeSet<_> = CATALOGUES.iter().flat_map(|(_, events)| *events).map(EventName::as_str).collect();
    let decided: BTreeSet<_> = SHOWN.iter().chain(HIDDEN).copied().collect();
    assert_eq!(decided.len(), SHOWN.len() + HIDDEN.len(), "no name is in both lists, or twice in one");
    assert_eq!(written.difference(&decided).collect::<Vec<_>>(), Vec::<&&str>::new(), "nobody decided about these");
    assert_eq!(decided.difference(&written).collect::<Vec<_>>(), Vec::<&&str>::new(), "nobody writes these");
}

/// A crate that declares a catalogue is listed above.
#[test]
fn au_12_no_catalogue_is_left_out() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut declaring = BTreeSet::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("sigra-") && declares(&folder.join("src")) {
            declaring.insert(name);
        }
    }
    assert_eq!(declaring, CATALOGUES.iter().map(|(name, _)| (*name).to_owned()).collect());
}

/// Whether a source below `folder` calls the macro that declares a catalogue.
fn declares(folder: &std::path::Path) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return declares(&path);
        }
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        source.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("event_catalogue! {") || line.starts_with("sigra_core::event_catalogue! {")
        })
    })
}
