//! Everything the guide to telemetry lists is emitted, and nothing that is written down holds a secret.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod beside;
mod capture;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use capture::{Capture, Told};
use secrets::{Secrets, Watched};
use sigra_core::Sigra;
use sigra_core::telemetry::Operation;
use sigra_http::Surface;
use sigra_testing::golden::{self, Subject};

const LISTS: [&[Operation]; 3] = [sigra_core::telemetry::OPERATIONS, sigra_mfa::OPERATIONS, sigra_passkeys::OPERATIONS];

/// Listed events that take what this test cannot have, with the reason.
const ELSEWHERE: [(&str, &str); 5] = [
    ("sigra.geoip.broken_record", "a database file whose record breaks off"),
    ("sigra.http.not_rendered", "a template that fails for one view only, which the samples at start would have found"),
    ("sigra.passkeys.readers_disagree", "a response on which the two readers differ: none is known"),
    ("sigra.store.retried", "a race for locks in a database"),
    ("sigra.store.rollback_failed", "a connection that is cut in the middle of a transaction"),
];

/// PW-30, AU-07: whatever opens something is in no field of a span or event, no line of a log, no error with its causes and
/// no row of the audit trail.
#[tokio::test]
async fn pw_30_au_07_everything_listed_is_told_and_nothing_secret_is() {
    let capture = Capture::install();
    let (secrets, hosts) = (Secrets::default(), Arc::new(Mutex::new(Vec::<Sigra>::new())));
    let mount = |surface: Surface| -> Box<dyn Subject> {
        hosts.lock().unwrap().push(surface.sigra().clone());
        Box::new(Watched { subject: support::golden_host(surface), secrets: secrets.clone() })
    };
    golden::all(&mount).await;
    let beside = beside::the_rest(&secrets).await;
    let told = std::mem::take(&mut *capture.told());

    spans_are_those_listed(&told);
    events_are_those_listed(&told);

    let kinds = secrets.kinds();
    for kind in ["password", "code", "token", "link", "cookie", "totp secret", "backup code", "challenge", "passkey"] {
        assert!(kinds.get(kind).is_some_and(|number| *number > 5), "{kind}: {kinds:?}");
    }
    let log = String::from_utf8(told.log).unwrap();
    assert!(log.lines().count() > 1_000 && told.values.lines().count() > 1_000);
    let mut rows = String::new();
    let hosts = std::mem::take(&mut *hosts.lock().unwrap());
    for sigra in hosts.iter().chain(&beside) {
        rows += &trail(sigra).await;
    }
    assert!(rows.lines().count() > 1_000);
    for (what, text) in [("a field", told.values), ("the log", log), ("the audit trail", rows)] {
        assert_eq!(secrets.found_in(&text), BTreeSet::new(), "in {what}");
        let planted = format!("{text}\nerror=not found: {}", sigra_testing::scenario::PASSWORD);
        assert_eq!(secrets.found_in(&planted).len(), 1, "what is planted in {what} is found");
        assert!(!text.contains("@example.org"), "an address in {what}");
    }
}

fn spans_are_those_listed(told: &Told) {
    let operations: Vec<_> = LISTS.into_iter().flatten().collect();
    for operation in &operations {
        let outcomes = told.spans.get(operation.name()).unwrap_or_else(|| panic!("no {}", operation.name()));
        assert!(!outcomes.is_empty(), "{} never says how it ended", operation.name());
        let unlisted: Vec<_> = outcomes.iter().filter(|outcome| !operation.can_end(outcome)).collect();
        assert!(unlisted.is_empty(), "{}: {unlisted:?}", operation.name());
    }
    let listed: BTreeSet<_> = operations.iter().map(|operation| operation.name()).collect();
    let unlisted: Vec<_> = told.spans.keys().filter(|name| !listed.contains(*name)).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

fn events_are_those_listed(told: &Told) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/telemetry.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let (_, table) = guide.split_once("\n### Events\n").unwrap();
    let (table, _) = table.split_once("\n### ").unwrap();
    let listed: BTreeSet<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    let expected: BTreeSet<_> = listed.difference(&elsewhere).copied().collect();
    assert_eq!(told.events, expected);
    assert!(elsewhere.is_subset(&listed), "{elsewhere:?}");
}

/// Every row of a host's audit trail, as it is stored.
async fn trail(sigra: &Sigra) -> String {
    let (mut text, mut before) = (String::new(), None);
    loop {
        let page = sigra.stores().audit.page(None, before, 50).await.unwrap();
        let Some(last) = page.last() else { return text };
        before = Some(last.id);
        for event in &page {
            text += &format!("{event:?} {}\n", serde_json::Value::Object(event.metadata.clone()));
        }
    }
}
