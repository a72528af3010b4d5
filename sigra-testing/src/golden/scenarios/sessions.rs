use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, sessions_of};
use crate::golden::{Answer, Ask, Knobs, Make};
use crate::scenario::PASSWORD;

const LIST: &str = "/auth/api/v1/sessions";
const PAGE: &str = "/auth/settings/sessions";

fn ids(list: &Answer, current: bool) -> Vec<String> {
    let list = list.json();
    let sessions = list["sessions"].as_array().expect("sessions must be a list").iter();
    let wanted = sessions.filter(|session| session["current"] == current);
    wanted.map(|session| session["id"].as_str().expect("a session must have an id").to_owned()).collect()
}

pub(super) async fn page(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.signed_in(ANN).await;
    let page = browser.get(PAGE).await;
    page.is_page(200, &[]).says("Firefox on Linux").says("198.51.100.7").says("password").says("This session");
    assert_eq!(page.text().matches("class=\"card\"").count(), 2);
    for which in ["session", "device"] {
        page.never_says(&browser.cookie(which).expect("a cookie"));
    }
    host.browser().get("/auth/settings").await.leads_to("/auth/login?return_to=/auth/settings", &[]);
    let mut overview = host.signed_in(ANN).await;
    let settings = overview.get("/auth/settings").await;
    settings.is_page(200, &[]).says(ANN).says(&format!("href=\"{PAGE}\"")).says("href=\"/auth/settings/password\"");
    let login = "/auth/login?return_to=/auth/settings/sessions";
    host.browser().get(PAGE).await.leads_to(login, &[]);
    host.browser().post("/auth/settings/sessions/revoke-others", &[]).await.leads_to(login, &[]);
    host.browser().post("/auth/settings/sessions/x/revoke", &[]).await.leads_to(login, &[]);
}

pub(super) async fn se_18_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.signed_in(ANN).await;
    let answer = browser.read(LIST).await;
    let body = answer.is_json(200, &[]);
    assert_eq!((ids(&answer, true).len(), ids(&answer, false).len()), (1, 1));
    let session = body["sessions"][0].as_object().expect("a session must be an object");
    let names: Vec<_> = session.keys().collect();
    assert_eq!(names, ["created_at", "current", "device", "id", "ip", "last_seen_at", "methods", "place"]);
    let shown = ["device", "ip", "place", "methods", "created_at"].map(|name| session[name].clone());
    let at = "2026-01-02T03:00:00.123456Z";
    assert_eq!(shown, [json!("Firefox on Linux"), json!("198.51.100.7"), json!(null), json!(["pwd"]), json!(at)]);
    // SE-19: a list of sessions opens none.
    answer.never_says(&browser.cookie("session").expect("a cookie"));
    host.browser().read(LIST).await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn se_19_foreign_ids(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    let mut bob = host.signed_in(BOB).await;
    let bobs = ids(&bob.read(LIST).await, true).remove(0);
    let nobodys = "01890000-0000-7000-8000-000000000000";
    let foreign = ann.send(Ask::new("DELETE", &format!("{LIST}/{bobs}"))).await;
    foreign.is_problem(404, "not_found", &[]);
    for id in [nobodys, "x", "%20", "0", &bobs.to_uppercase()] {
        ann.send(Ask::new("DELETE", &format!("{LIST}/{id}"))).await.alike(&foreign);
    }
    let foreign = ann.post(&format!("{PAGE}/{bobs}/revoke"), &[]).await;
    foreign.is_page(404, &[]);
    ann.post(&format!("{PAGE}/{nobodys}/revoke"), &[]).await.alike(&foreign);
    bob.read("/me").await.status(200);
}

pub(super) async fn se_21_the_oldest_ends(make: &Make<'_>) {
    let host = GoldenHost::with(make, Knobs { config: |config| config.sessions.at_most = 2, ..Knobs::default() });
    let mut bob = host.signed_in(BOB).await;
    let mut oldest = host.signed_in(ANN).await;
    host.test.advance(1);
    let mut older = host.signed_in(ANN).await;
    host.test.advance(1);
    let mut newest = host.signed_in(ANN).await;
    oldest.read("/auth/api/v1/session").await.is_problem(401, "unauthenticated", &[]);
    oldest.get(PAGE).await.leads_to("/auth/login?return_to=/auth/settings/sessions", &[]);
    for browser in [&mut bob, &mut older] {
        browser.read("/auth/api/v1/session").await.status(200);
    }
    let list = newest.read(LIST).await;
    assert_eq!((ids(&list, true).len(), ids(&list, false).len()), (1, 1));
    newest.get("/auth/settings/security").await.is_page(200, &[]).says("A session was signed out.");
    bob.get("/auth/settings/security").await.never_says("A session was signed out.");

    // Signing in again where one is signed in ends nothing else.
    newest.sign_in(ANN).await;
    older.read("/auth/api/v1/session").await.status(200);
}

pub(super) async fn revoking(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for _ in 0..4 {
        host.signed_in(ANN).await;
    }
    let others = ids(&browser.read(LIST).await, false);
    browser.send(Ask::new("DELETE", &format!("{LIST}/{}", others[0]))).await.is(204, &[]).empty();
    browser.post(&format!("{PAGE}/{}/revoke", others[1]), &[]).await.leads_to(PAGE, &[]);
    assert_eq!(sessions_of(&host, ANN).await, 3);
    let answer = browser.send(Ask::new("DELETE", LIST)).await;
    assert_eq!(answer.is_json(200, &[]), json!({ "revoked": 2 }));
    browser.post(&format!("{PAGE}/revoke-others"), &[]).await.leads_to(PAGE, &[]);

    let own = ids(&browser.read(LIST).await, true).remove(0);
    let answer = browser.send(Ask::new("DELETE", &format!("{LIST}/{own}"))).await;
    answer.is(204, &["set-cookie"]).sets(&[host.cleared("session")]);
    browser.sign_in(ANN).await;
    let own = ids(&browser.read(LIST).await, true).remove(0);
    let answer = browser.post(&format!("{PAGE}/{own}/revoke"), &[]).await;
    answer.leads_to("/auth/login", &["set-cookie"]).sets(&[host.cleared("session")]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
}

pub(super) async fn se_22_current(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let body = browser.read("/auth/api/v1/session").await.is_json(200, &[]);
    assert_eq!((&body["user"]["email"], &body["user"]["confirmed"]), (&json!(ANN), &json!(true)));
    let names: Vec<_> = body["session"].as_object().into_iter().flat_map(|session| session.keys()).collect();
    assert_eq!(names, ["aal", "expires_at", "id", "methods"]);
    // SE-09: it is over by the server's clock.
    host.test.advance(1_799);
    browser.read("/auth/api/v1/session").await.is_json(200, &[]);
    host.test.advance(1_800);
    browser.read("/auth/api/v1/session").await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn cs_13_hostile_user_agents(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let hostile: [&[u8]; 3] = [
        b"<script>alert(1)</script> Firefox/1",
        b"\"onload=alert(1) {{ 7*7 }} \xff\xfe",
        b"\xe2\x80\xae\xc3\x28 <img src=x onerror=alert(1)>",
    ];
    for user_agent in hostile {
        let mut browser = host.browser();
        browser.user_agent = user_agent.to_vec();
        browser.sign_in(ANN).await;
        let page = browser.get(PAGE).await;
        page.is_page(200, &[]).never_says("alert(1)").never_says("onerror");
        browser.read(LIST).await.is_json(200, &[]);
    }
}

pub(super) async fn se_23_rotation_reaches_the_browser(make: &Make<'_>) {
    for path in ["/me", "/host/maybe", "/auth/api/v1/session", PAGE] {
        let host = GoldenHost::new(make);
        host.test.confirmed(ANN).await;
        let mut browser = host.browser();
        let body = json!({ "email": ANN, "password": PASSWORD, "remember_me": true });
        browser.json("/auth/api/v1/login", body).await.status(200);
        host.test.advance(86_400);
        let mut copy = browser.clone();
        let answer = browser.read(path).await;
        answer.status(200).sets(&[host.issued("session", Some(29 * 86_400))]);
        assert_ne!(copy.cookie("session"), browser.cookie("session"));
        // For a minute the old one serves requests that were on their way, and is not replaced again.
        copy.clone().read(path).await.status(200).sets(&[]);
        host.test.advance(60);
        copy.read("/me").await.is_problem(401, "unauthenticated", &[]);
        browser.read("/me").await.is_problem(401, "unauthenticated", &[]);
        host.test.run_workers().await;
        assert_eq!(host.test.count_mailed(&MailKind::SESSION_REUSED, ANN), 1);
    }
    // What is answered instead of the route carries it too, and once.
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let body = json!({ "email": ANN, "password": PASSWORD, "remember_me": true });
    browser.json("/auth/api/v1/login", body).await.status(200);
    host.test.advance(86_400);
    let answer = browser.send(Ask::json("/host/fresh", &json!({}))).await;
    answer.is_problem(403, "reauth_required", &["set-cookie"]);
    answer.sets(&[host.issued("session", Some(29 * 86_400))]);
    host.test.advance(86_400);
    browser.post("/auth/logout", &[]).await.sets(&[host.cleared("session"), host.cleared("pending")]);
}
