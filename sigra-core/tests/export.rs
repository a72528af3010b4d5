//! The export: what is in it, what never is, and that it comes piece by piece or visibly broken.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use common::{ANN, BOB, NEW_PASSWORD, current, reset_link};
use serde_json::{Value, json};
use sigra_core::audit::{AuditEvent, names};
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};
use sigra_core::evidence::Evidence;
use sigra_core::export::{
    ExportAccount, ExportDocument, ExportError, ExportPage, ExportSection, ExportShape, Omission,
};
use sigra_core::flows::{ChangeOutcome, ChangeRequested};
use sigra_core::mail::MailKind;
use sigra_core::ports::EvidenceLog as _;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_testing::scenario::{PASSWORD, TestHost, WRONG_PASSWORD, client};

async fn begin(host: &TestHost, user: &User) -> ExportDocument {
    let session = host.signed_in(user).await;
    host.sigra.export().begin(&current(host, &session).await, &host.client()).await.unwrap()
}

async fn whole(mut document: ExportDocument) -> String {
    let mut text = Vec::new();
    while let Some(piece) = document.next().await.unwrap() {
        text.extend(piece);
    }
    String::from_utf8(text).unwrap()
}

async fn export(host: &TestHost, user: &User) -> Value {
    serde_json::from_str(&whole(begin(host, user).await).await).unwrap()
}

fn list<'v>(document: &'v Value, section: &str) -> &'v Vec<Value> {
    document[section].as_array().unwrap()
}

/// So many events about a user, written at once.
async fn events(host: &TestHost, user: &User, count: i64) {
    let start = host.sigra.clock().now().as_micros();
    let event = |number: i64| {
        let at = Timestamp::from_micros(start + number * 1_000_000);
        AuditEvent::new(names::LOGIN_FAILURE, at, &client(9)).about(user.id).failed("wrong_password")
    };
    let evidence = (1..=count).map(event).fold(Evidence::none(), Evidence::and_event);
    host.store.append(evidence).await.unwrap();
    host.advance(u64::try_from(count).unwrap() + 1);
}

#[tokio::test]
async fn lc_04_every_field_of_the_account_is_in_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let _ = host.login(ANN, WRONG_PASSWORD).await;
    let before = host.signed_in(&ann).await;
    let changed_at = host.sigra.clock().now();
    host.store.edit_user(ann.id, |user| user.password_changed_at = Some(changed_at));
    let document = export(&host, &ann).await;

    assert_eq!(
        (&document["schema_version"], &document["exported_at"]),
        (&json!(1), &json!(host.sigra.clock().now().to_string()))
    );
    let account = &document["account"];
    assert_eq!((&account["id"], &account["email"]), (&json!(ann.id.to_string()), &json!(ANN)));
    assert_eq!((&account["has_password"], &account["disabled_at"]), (&json!(true), &json!(null)));
    assert!(["confirmed_at", "created_at", "last_sign_in_at"].iter().all(|member| account[member].is_string()));
    assert_eq!(account["password_changed_at"], changed_at.to_string());
    for member in ["password_change_required_at", "deletion_due_at"] {
        assert_eq!(account.get(member), Some(&json!(null)), "{member}");
    }
    assert!(account["profile"].is_object() || account["profile"].is_null());
    let sessions = list(&document, "sessions");
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    let other = sessions.iter().find(|session| session["id"] == before.session.id.to_string()).unwrap();
    assert_eq!((&other["methods"], &other["ip"].is_string()), (&json!(["pwd"]), &true));
    assert_eq!(list(&document, "devices").len(), 2, "each sign-in was from a browser of its own");
    let tried = list(&document, "security_events").iter().find(|event| event["name"] == "auth.login.failure").unwrap();
    assert_eq!((&tried["outcome"], &tried["by"]), (&json!("failure"), &json!(null)));
    assert_eq!(list(&document, "security_events")[0]["name"], "account.export", "newest first, this one among them");
    for omission in list(&document, "omissions") {
        assert!(omission["section"].is_string() && omission["what"].is_string());
        assert!(omission["why"].as_str().unwrap().ends_with('.'));
    }
    assert!(list(&document, "omissions").iter().any(|omission| omission["what"] == "password"));
}

#[tokio::test]
async fn lc_04_nothing_of_others_is_in_it() {
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let bobs = host.signed_in(&bob).await;
    // Somebody else did something to the account, as an operator would.
    let mut done = AuditEvent::new(names::SESSION_DELETE, host.sigra.clock().now(), &host.client()).about(ann.id);
    done.actor = Some(bob.id);
    // And the account did something to somebody else.
    let mut doing = AuditEvent::new(names::SESSION_REVOKE_ALL, host.sigra.clock().now(), &host.client()).about(bob.id);
    doing.actor = Some(ann.id);
    let doing_id = doing.id.to_string();
    host.store.append(Evidence::event(done).and_event(doing)).await.unwrap();
    let text = whole(begin(&host, &ann).await).await;
    for foreign in [BOB, &bob.id.to_string(), &bobs.session.id.to_string(), &doing_id] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    let document: Value = serde_json::from_str(&text).unwrap();
    let done = list(&document, "security_events").iter().find(|event| event["name"] == "session.delete").unwrap();
    assert_eq!(done["by"], "another");
}

#[tokio::test]
async fn au_07_no_secret_is_in_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let _ = host.login(ANN, "a password that was mistyped").await;
    let link = reset_link(&host, ANN).await;
    let session = host.signed_in(&ann).await;
    let text = whole(begin(&host, &ann).await).await;
    let mut secrets = vec![PASSWORD.to_owned(), "mistyped".to_owned(), link, session.cookie(), "$plain$".to_owned()];
    secrets.extend(session.device.iter().map(|token| token.expose().to_string()));
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} in {text}");
    }
}

/// The address that is asked for, the one that can come back, and none of the links in the mails about either.
#[tokio::test]
async fn lc_04_au_07_changes_of_the_address_are_in_it_without_their_links() {
    const NEW: &str = "ann@new.example.org";
    const NEWER: &str = "ann@newer.example.org";
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let ask = async |user: &User, address| {
        let session = host.signed_in(user).await;
        let asked = host.sigra.email_change().request(&current(&host, &session).await, address, &host.client()).await;
        assert!(matches!(asked.unwrap(), ChangeRequested::Noted));
        host.run_workers().await;
        session
    };
    ask(&bob, "bob@new.example.org").await;
    ask(&ann, NEW).await;
    let mut links = vec![
        host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, NEW),
        host.mailed_token(&MailKind::EMAIL_CHANGE_NOTICE, ANN),
    ];
    let redeemed = host.sigra.email_change().redeem(&links[0], None, &host.client()).await.unwrap();
    assert!(matches!(redeemed, ChangeOutcome::Changed(..)), "{redeemed:?}");
    host.run_workers().await;
    links.push(host.mailed_token(&MailKind::EMAIL_CHANGED, ANN));
    let ann = host.store.users().into_iter().find(|user| user.id == ann.id).unwrap();
    let session = ask(&ann, NEWER).await;
    links.push(host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, NEWER));
    links.push(host.mailed_token(&MailKind::EMAIL_CHANGE_NOTICE, NEW));

    let text = whole(host.sigra.export().begin(&current(&host, &session).await, &host.client()).await.unwrap()).await;
    let document: Value = serde_json::from_str(&text).unwrap();
    let shown: Vec<_> = list(&document, "email_changes")
        .iter()
        .map(|change| [&change["state"], &change["old_email"], &change["new_email"]].map(|text| text.as_str().unwrap()))
        .collect();
    assert_eq!(shown, [["pending", NEW, NEWER], ["completed", ANN, NEW]]);
    for change in list(&document, "email_changes") {
        let times = ["requested_at", "expires_at", "undo_expires_at"];
        assert!(times.iter().all(|time| change[time].is_string()), "{change}");
        assert!(change["session"].is_string());
    }
    assert_eq!(list(&document, "email_changes")[0]["session"], session.session.id.to_string());
    for secret in links {
        assert!(!text.contains(&secret), "{secret}");
    }
    assert!(!text.contains("bob"));
}

#[tokio::test]
async fn an_export_is_recorded_before_anything_is_handed_out() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let current = current(&host, &session).await;
    host.store.fail_next("log.append");
    assert!(host.sigra.export().begin(&current, &host.client()).await.is_err());
    let exports = || host.store.events().into_iter().filter(|event| event.name == "account.export").collect::<Vec<_>>();
    assert!(exports().is_empty());
    let _document = host.sigra.export().begin(&current, &host.client()).await.unwrap();
    let recorded = exports();
    assert_eq!((recorded.len(), recorded[0].actor, recorded[0].session), (1, Some(ann.id), Some(session.session.id)));
}

#[tokio::test]
async fn au_10_a_hundred_thousand_events_come_page_by_page() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    events(&host, &ann, 100_000).await;
    let mut document = begin(&host, &ann).await;
    let (mut largest, mut text) = (0, Vec::new());
    while let Some(piece) = document.next().await.unwrap() {
        largest = largest.max(piece.len());
        text.extend(piece);
    }
    assert!(text.len() > 20_000_000, "{}", text.len());
    assert!(largest < 200 * 1_024, "a piece is at most one page of 200 rows, and not {largest} bytes");
    let document: Value = serde_json::from_slice(&text).unwrap();
    let ids: Vec<_> = list(&document, "security_events").iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(ids.len() > 100_000 && ids.is_sorted_by(|newer, older| newer > older), "each once, newest first");
}

/// What is recorded while a document is under way is newer than what it goes on with: nothing is skipped or repeated.
#[tokio::test]
async fn au_10_what_happens_meanwhile_does_not_move_the_pages() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    events(&host, &ann, 900).await;
    let mut document = begin(&host, &ann).await;
    let mut text = Vec::new();
    while let Some(piece) = document.next().await.unwrap() {
        text.extend(piece);
        events(&host, &ann, 7).await;
    }
    let document: Value = serde_json::from_slice(&text).unwrap();
    let mut ids: Vec<_> = list(&document, "security_events").iter().map(|event| event["id"].to_string()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count > 900);
}

/// A host's own section: so many pages, and then what it is told to do.
struct Garden {
    name: &'static str,
    pages: usize,
    asked: Arc<AtomicUsize>,
    breaks: bool,
}

impl Garden {
    fn section(name: &'static str, pages: usize, breaks: bool) -> (Arc<dyn ExportSection>, Arc<AtomicUsize>) {
        let asked = Arc::<AtomicUsize>::default();
        (Arc::new(Self { name, pages, asked: asked.clone(), breaks }), asked)
    }
}

#[async_trait]
impl ExportSection for Garden {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[Omission { what: "weeds", why: "Nobody wants them." }]
    }

    async fn page(&self, account: &ExportAccount<'_>, after: Option<&str>) -> Result<ExportPage, FlowError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let page: usize = after.map_or(0, |after| after.parse::<usize>().unwrap() + 1);
        if page == self.pages && self.breaks {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "garden").into());
        }
        // An empty page is no end.
        let record = json!({ "plant": page, "of": account.user.id.to_string(), "text": "\"]}" });
        let records = if page % 3 == 1 { Vec::new() } else { vec![record] };
        Ok(ExportPage { records, next: (page < self.pages).then(|| page.to_string()) })
    }
}

fn with(section: Arc<dyn ExportSection>) -> TestHost {
    TestHost::builder().export_sections([section]).build()
}

#[tokio::test]
async fn a_host_brings_sections_of_its_own_and_no_page_is_read_ahead() {
    let (section, asked) = Garden::section("garden", 9, false);
    let host = with(section);
    let ann = host.confirmed(ANN).await;
    let mut document = begin(&host, &ann).await;
    let (mut taken, mut text) = (0, Vec::new());
    while let Some(piece) = document.next().await.unwrap() {
        text.extend(piece);
        taken += 1;
        assert!(asked.load(Ordering::SeqCst) <= taken, "a page is read when its piece is asked for");
    }
    let document: Value = serde_json::from_slice(&text).unwrap();
    let plants: Vec<_> = list(&document, "garden").iter().map(|record| record["plant"].as_u64().unwrap()).collect();
    assert_eq!(plants, [0, 2, 3, 5, 6, 8, 9]);
    assert!(
        list(&document, "omissions")
            .contains(&json!({ "section": "garden", "what": "weeds", "why": "Nobody wants them." }))
    );
}

#[tokio::test]
async fn au_14_a_fault_leaves_a_document_that_is_visibly_broken() {
    for at in 0..=5 {
        let (section, asked) = Garden::section("garden", at, true);
        let host = with(section);
        let ann = host.confirmed(ANN).await;
        broken(&mut begin(&host, &ann).await, Vec::new()).await;
        assert_eq!(asked.load(Ordering::SeqCst), at + 1);
    }
    for operation in ["sessions.find", "sessions.list", "devices.list", "address_changes.list", "audit.page"] {
        let host = TestHost::new();
        let ann = host.confirmed(ANN).await;
        let mut document = begin(&host, &ann).await;
        host.store.fail_always(operation);
        broken(&mut document, Vec::new()).await;
    }
}

/// Asserts that a document breaks off, is no JSON with what was taken of it before, and stays so.
async fn broken(document: &mut ExportDocument, mut taken: Vec<u8>) -> ExportError {
    let error = loop {
        match document.next().await {
            Ok(Some(piece)) => taken.extend(piece),
            Ok(None) => panic!("it must not pass for whole"),
            Err(error) => break error,
        }
    };
    assert!(!taken.is_empty() && serde_json::from_slice::<Value>(&taken).is_err());
    assert!(matches!(document.next().await, Ok(None)), "nothing more comes of it");
    error
}

/// A thief's export ends where the owner steps in: everywhere at once, or in that session alone.
#[tokio::test]
async fn what_ends_the_session_ends_an_export_that_is_under_way() {
    for way in ["reset", "revoked", "signed out", "disabled", "over"] {
        let host = TestHost::new();
        let ann = host.confirmed(ANN).await;
        events(&host, &ann, 900).await;
        let owner = current(&host, &host.signed_in(&ann).await).await;
        let thief = current(&host, &host.signed_in(&ann).await).await;
        let mut document = host.sigra.export().begin(&thief, &host.client()).await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..5 {
            taken.extend(document.next().await.unwrap().unwrap());
        }
        match way {
            "reset" => {
                let link = reset_link(&host, ANN).await;
                let _ = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
            }
            "revoked" => _ = host.sigra.sessions().revoke_others(&owner, &host.client()).await.unwrap(),
            "signed out" => host.sigra.sessions().sign_out(&thief, &host.client()).await.unwrap(),
            "disabled" => host.store.edit_user(ann.id, |user| user.disabled_at = Some(user.created_at)),
            _ => host.advance(1_800),
        }
        assert!(matches!(broken(&mut document, taken).await, ExportError::Ended), "{way}");
    }
}

/// Authenticating again gives the session another token, and is no reason to break off.
#[tokio::test]
async fn a_session_that_goes_on_under_another_token_keeps_its_export() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let before = current(&host, &session).await;
    let mut document = host.sigra.export().begin(&before, &host.client()).await.unwrap();
    let mut text = document.next().await.unwrap().unwrap();
    let again = host.fresh(&session).await;
    assert!(host.resolve(&session.cookie()).await.is_none() && host.resolve(&again.cookie()).await.is_some());
    while let Some(piece) = document.next().await.unwrap() {
        text.extend(piece);
    }
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap()["account"]["email"], ANN);
}

#[test]
fn sections_that_make_no_document_are_refused_together() {
    let build = |names: &[&'static str]| {
        let sections = names.iter().map(|name| Garden::section(name, 0, false).0).collect::<Vec<_>>();
        let built = AssertUnwindSafe(|| drop(TestHost::builder().export_sections(sections).build()));
        std::panic::catch_unwind(built).map_err(|panic| *panic.downcast::<String>().unwrap())
    };
    assert_eq!(build(&["garden", "shed"]), Ok(()));
    for bad in ["garden", "account", "omissions", "schema_version"] {
        let faults = build(&["garden", bad]).unwrap_err();
        assert!(faults.contains(&format!("`{bad}` is added twice")), "{faults}");
    }
    let faults = build(&["", "Shed", "a b", "\""]).unwrap_err();
    assert_eq!(faults.matches("must be named").count(), 4, "{faults}");
}
