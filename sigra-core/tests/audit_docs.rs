//! `docs/audit-events.md` lists the catalogue as it is.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::PathBuf;

use sigra_core::audit::EVENTS;

const REGENERATE: &str = "UPDATE_DOCS";

#[test]
fn au_12_the_published_table_of_events_is_up_to_date() {
    let mut wanted = String::from(
        "# Audit events\n\n\
        What `sigra-core` writes to the audit trail. Generated from the catalogue in the source by\n\
        `UPDATE_DOCS=1 cargo test -p sigra-core --test audit_docs`; do not edit.\n\n\
        | name | written when |\n|---|---|\n",
    );
    for event in EVENTS {
        writeln!(wanted, "| `{}` | {} |", event.as_str(), event.meaning()).unwrap();
    }

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/audit-events.md");
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "run this test with {REGENERATE}=1 to write the table anew");
}
