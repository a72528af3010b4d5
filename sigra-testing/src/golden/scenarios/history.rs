//! The security history.

use serde_json::{Value, json};

use super::{ANN, BOB, GoldenHost};
use crate::golden::{Answer, Ask, Browser, Make};
use crate::scenario::WRONG_PASSWORD;

const LIST: &str = "/auth/api/v1/security-events";
const PAGE: &str = "/auth/settings/security";

/// The events of an answer, by this member.
fn told(answer: &Answer, member: &str) -> Vec<Value> {
    let body = answer.json();
    body["events"].as_array().expect("events must be a list").iter().map(|event| event[member].clone()).collect()
}

/// One wrong password from a browser of its own.
async fn try_in(host: &GoldenHost, email: &str) {
    let body = json!({ "email": email, "password": WRONG_PASSWORD });
    host.browser().json("/auth/api/v1/login", body).await.status(401);
    // Past every lock, so that each one is looked at.
    host.test.advance(7_200);
}

/// A session of this account now: earlier ones end with the time that trying takes.
async fn after_tries<'h>(host: &'h GoldenHost, email: &str, tries: usize) -> Browser<'h> {
    host.test.confirmed(email).await;
    for _ in 0..tries {
        try_in(host, email).await;
    }
    host.signed_in(email).await
}

pub(super) async fn page(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = after_tries(&host, ANN, 1).await;
    let page = browser.get(PAGE).await;
    page.is_page(200, &[]).says("Signed in.").says("A sign-in was refused.").says("Your account was created.");
    page.says("Firefox on Linux").says("198.51.100.7").says("password").says("This session").says(ANN);
    page.says("<time datetime=").never_says("auth.login").never_says("Older");
    page.never_says(WRONG_PASSWORD).never_says(&browser.cookie("session").expect("a cookie"));
    browser.send(Ask::new("HEAD", PAGE)).await.heads(&page);
    host.browser().get(PAGE).await.leads_to("/auth/login?return_to=/auth/settings/security", &[]);
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = after_tries(&host, ANN, 1).await;
    let answer = browser.read(LIST).await;
    let body = answer.is_json(200, &[]);
    assert_eq!(body["next"], json!(null));
    let expected = [
        ("auth.login.success", "success", true),
        ("auth.login.failure", "failure", false),
        ("auth.register.success", "success", false),
    ];
    assert_eq!(told(&answer, "name"), expected.map(|(name, ..)| json!(name)));
    assert_eq!(told(&answer, "outcome"), expected.map(|(_, outcome, _)| json!(outcome)));
    assert_eq!(told(&answer, "current"), expected.map(|(.., current)| json!(current)));
    let event = body["events"][0].as_object().expect("an event must be an object");
    let members: Vec<_> = event.keys().collect();
    assert_eq!(members, ["at", "current", "device", "id", "ip", "methods", "name", "outcome", "place"]);
    let shown = ["at", "device", "ip", "place", "methods"].map(|name| event[name].clone());
    let at = "2026-01-02T05:00:00.123456Z";
    assert_eq!(shown, [json!(at), json!("Firefox on Linux"), json!("198.51.100.7"), json!(null), json!(["pwd"])]);
    answer.never_says(WRONG_PASSWORD).never_says(&browser.cookie("session").expect("a cookie"));
    browser.send(Ask::new("HEAD", LIST)).await.heads(&answer);
    host.browser().read(LIST).await.is_problem(401, "unauthenticated", &[]);
}

/// More than two pages of it, by JSON and by following the link that says so.
pub(super) async fn pages_of_it(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = after_tries(&host, ANN, 60).await;
    let mut ids: Vec<Value> = Vec::new();
    let mut path = LIST.to_owned();
    let mut sizes = Vec::new();
    loop {
        let answer = browser.read(&path).await;
        let next = answer.is_json(200, &[])["next"].clone();
        let page = told(&answer, "id");
        assert!(page.iter().all(|id| !ids.contains(id)), "no event comes twice");
        sizes.push(page.len());
        ids.extend(page);
        match next.as_str() {
            Some(next) => path = format!("{LIST}?cursor={next}"),
            None => break,
        }
    }
    assert!(sizes.len() > 2 && sizes[..sizes.len() - 1].iter().all(|size| *size == 25), "{sizes:?}");
    assert!(ids.is_sorted_by(|newer, older| newer.as_str() > older.as_str()), "newest first");

    let mut next = Some(PAGE.to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = browser.get(&path).await;
        page.is_page(200, &[]);
        assert_eq!(page.text().contains(">Newest<"), pages > 0);
        let older =
            page.text().split("href=\"").find(|link| link.starts_with(&format!("{PAGE}?cursor="))).map(str::to_owned);
        next = older.and_then(|link| link.split('"').next().map(str::to_owned));
        pages += 1;
    }
    assert_eq!(pages, sizes.len());
}

pub(super) async fn lc_04_foreign_and_junk_cursors(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = after_tries(&host, ANN, 3).await;
    let own = told(&ann.read(LIST).await, "id");
    let mut bob = after_tries(&host, BOB, 3).await;
    for id in told(&bob.read(LIST).await, "id") {
        // Everything of Bob's is newer; her session has ended meanwhile.
        ann = host.browser();
        ann.sign_in(ANN).await;
        let answer = ann.read(&format!("{LIST}?cursor={}", id.as_str().expect("an id"))).await;
        answer.is_json(200, &[]);
        let seen = told(&answer, "id");
        assert_eq!(seen, own, "what is older is hers, all of it");
        assert!(told(&bob.read(LIST).await, "id").iter().all(|foreign| !seen.contains(foreign)));
    }
    let good = own[1].as_str().expect("an id");
    let simple = good.replace('-', "");
    for junk in [
        "x",
        "0",
        "%20",
        "%00",
        "..",
        "'%20OR%201=1",
        &simple,
        &good.to_uppercase(),
        &format!("%7B{good}%7D"),
        &format!("{good}%20"),
        &format!("{good}&cursor={good}"),
        &"7".repeat(4_000),
    ] {
        ann.read(&format!("{LIST}?cursor={junk}")).await.is_problem(400, "malformed", &[]);
        ann.get(&format!("{PAGE}?cursor={junk}")).await.is_page(400, &[]);
    }
    // An empty one is none, and other parameters are nobody's business.
    ann.read(&format!("{LIST}?cursor=")).await.alike(&ann.read(LIST).await);
    ann.read(&format!("{LIST}?limit=100000")).await.alike(&ann.read(LIST).await);
}

/// What somebody else does to the account is there to be seen, without a word of theirs.
pub(super) async fn strangers(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut stranger = host.browser();
    stranger.peer = Some([203, 0, 113, 66].into());
    stranger.user_agent = b"<script>alert(1)</script> Firefox/1".to_vec();
    let body = json!({ "email": ANN, "password": "guess <b>hunter2</b>" });
    stranger.json("/auth/api/v1/login", body).await.status(401);
    stranger.json("/auth/api/v1/register", json!({ "email": ANN, "password": "a long password of theirs" })).await;
    host.test.run_workers().await;
    host.test.advance(1);
    let mut ann = host.signed_in(ANN).await;
    let answer = ann.read(LIST).await;
    answer.says("203.0.113.66").says("auth.register.failure").says("auth.login.failure");
    let page = ann.get(PAGE).await;
    page.is_page(200, &[]).says("203.0.113.66").says("Somebody tried to register with your email address.");
    for answer in [answer, page] {
        for typed in ["hunter2", "alert(1)", "<b>", "a long password of theirs"] {
            answer.never_says(typed);
        }
    }
}
