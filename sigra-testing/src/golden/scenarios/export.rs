//! The export.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::Value;
use sigra_core::secret::{Purpose, RawToken};

use super::{ANN, BOB, GoldenHost};
use crate::golden::{Ask, Browser, Make};
use crate::scenario::PASSWORD;

const JSON: &str = "/auth/api/v1/export";
const PAGE: &str = "/auth/settings/export";

/// How often the account was exported, by its own history.
async fn recorded(browser: &mut Browser<'_>) -> usize {
    let history = browser.read("/auth/api/v1/security-events").await.json();
    let events = history["events"].as_array().expect("events must be a list").iter();
    events.filter(|event| event["name"] == "account.export").count()
}

fn list(document: &Value, section: &str) -> Vec<Value> {
    document[section].as_array().unwrap_or_else(|| panic!("{section} must be a list in {document}")).clone()
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let answer = browser.read(JSON).await;
    let document = answer.is_json(200, &[]);
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["account"]["email"], ANN);
    assert_eq!(list(&document, "sessions").len(), 1);
    assert_eq!(list(&document, "security_events")[0]["name"], "account.export");
    assert!(list(&document, "omissions").iter().all(|omission| omission["why"].is_string()));
    assert!(answer.header("content-length").is_none(), "nobody knows yet how long it is");
    assert_eq!(recorded(&mut browser).await, 1);
}

pub(super) async fn download(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let answer = browser.get(PAGE).await;
    let document = answer.is_json(200, &["content-disposition"]);
    answer.has("content-disposition", "attachment; filename=\"account-export.json\"");
    assert_eq!(document["account"]["email"], ANN);
}

/// HEAD says what GET would, and neither reads anything nor counts as an export.
pub(super) async fn heads(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for path in [JSON, PAGE] {
        let exported = recorded(&mut browser).await;
        let head = browser.send(Ask::new("HEAD", path)).await;
        head.status(200).empty();
        assert_eq!(recorded(&mut browser).await, exported);
        head.heads(&browser.read(path).await);
    }
}

pub(super) async fn se_20_takes_a_fresh_session(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.advance(300);
    browser.read(JSON).await.is_problem(403, "reauth_required", &[]);
    browser.get(PAGE).await.leads_to("/auth/sudo?return_to=/auth/settings/export", &[]);
    for method in ["GET", "HEAD"] {
        host.browser().send(Ask::new(method, JSON)).await.status(401);
        host.browser().send(Ask::new(method, PAGE)).await.leads_to("/auth/login?return_to=/auth/settings/export", &[]);
    }
    assert_eq!(recorded(&mut browser).await, 0);
    browser.post("/auth/sudo", &[("password", PASSWORD), ("return_to", PAGE)]).await.status(303);
    browser.get(PAGE).await.is_json(200, &["content-disposition"]);
}

pub(super) async fn lc_04_nothing_of_others_and_no_secret(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut bob = host.signed_in(BOB).await;
    let bobs = bob.read("/auth/api/v1/session").await.json();
    let mut ann = host.signed_in(ANN).await;
    let answer = ann.read(JSON).await;
    answer.never_says(BOB).never_says(PASSWORD);
    for id in [&bobs["user"]["id"], &bobs["session"]["id"]] {
        answer.never_says(id.as_str().expect("an id"));
    }
    no_member_is_a_secret(&answer.json());
    for browser in [&ann, &bob] {
        for token in ["session", "device"].map(|which| browser.cookie(which).expect("a cookie")) {
            forms_of(&token).iter().for_each(|form| _ = answer.never_says(form));
        }
    }
}

/// Asserts that no member is named after a secret, whatever is in it. What is left out has names as well; it is told elsewhere.
pub(super) fn no_member_is_a_secret(document: &Value) {
    const SECRET: [&str; 7] = ["token", "secret", "hash", "digest", "key", "code", "password"];
    const FACTS: [&str; 3] =
        [".account.has_password", ".account.password_changed_at", ".account.password_change_required_at"];
    fn look(value: &Value, path: &str) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let path = format!("{path}.{name}");
                    let named_after = SECRET.iter().any(|secret| name.split('_').any(|word| word == *secret));
                    assert!(!named_after || FACTS.contains(&&*path), "{path}");
                    look(value, &path);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| look(value, path)),
            _ => {}
        }
    }
    let mut sections = document.clone();
    sections.as_object_mut().expect("a document is an object").remove("omissions").expect("what is left out is said");
    look(&sections, "");
}

/// What a token could be told by: itself, and whatever a store could keep of it.
pub(super) fn forms_of(token: &str) -> Vec<String> {
    let mut forms = vec![token.to_owned()];
    let Some(parsed) = RawToken::parse(token) else { return forms };
    for purpose in [Purpose::SESSION, Purpose::DEVICE, Purpose::PENDING] {
        let digest = *parsed.digest(purpose).as_bytes();
        forms.push(digest.iter().map(|byte| format!("{byte:02x}")).collect());
        forms.push(digest.map(|byte| byte.to_string()).join(","));
    }
    forms
}

/// A fault in the middle breaks the answer off: it does not arrive as a whole one. A fault at the beginning is an answer.
pub(super) async fn au_14_faults(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.store.fail_next("log.append");
    browser.read(JSON).await.is_internal();
    for operation in ["sessions.list", "audit.page"] {
        for path in [JSON, PAGE] {
            host.test.store.fail_next(operation);
            let arrived = AssertUnwindSafe(browser.read(path)).catch_unwind().await;
            assert!(arrived.is_err(), "{operation}: a document that broke off must not pass for whole");
        }
    }
    browser.read(JSON).await.is_json(200, &[]);
    assert_eq!(recorded(&mut browser).await, 5, "each that was begun is recorded");
}
