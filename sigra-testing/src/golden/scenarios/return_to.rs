use super::{ANN, GoldenHost};
use crate::golden::{Ask, Make};
use crate::scenario::PASSWORD;

const ELSEWHERE: &[&str] = &[
    "",
    "evil",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%252fevil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "@evil.example",
    "/a\r\nSet-Cookie: x=1",
    "/a%0d%0aSet-Cookie:%20x=1",
    "/../evil",
    "/a/%2e%2e/evil",
    "/ä",
    "/a\0",
    "/\t/evil.example",
    "https://app.example.org@evil.example",
    "https://app.example.org/me",
    "https://xn--pple-43d.example",
];

pub(super) async fn cs_08_nothing_leads_elsewhere(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let long = format!("/{}", "a".repeat(3_000));
    for target in ELSEWHERE.iter().copied().chain([&*long]) {
        let fields = [("email", ANN), ("password", PASSWORD), ("return_to", target)];
        let mut browser = host.browser();
        browser.post("/auth/login", &fields).await.leads_to("/", &["set-cookie"]);
        browser.post("/auth/sudo", &fields).await.leads_to("/", &["set-cookie"]);
        let query: String = target.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = browser.get(&format!("/auth/login?return_to={query}")).await;
        page.is_page(200, &[]).never_says("name=\"return_to\"");
        let answer = browser.send(Ask::form(&format!("/auth/login?return_to={query}"), &fields[..2])).await;
        answer.leads_to("/", &["set-cookie"]);
    }
}

pub(super) async fn it_is_carried_along(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    for target in ["/", "/me", "/a/b?x=1&y=%20z", "/?u=https://x.example/"] {
        let query: String = target.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut browser = host.browser();
        let page = browser.get(&format!("/auth/login?return_to={query}")).await;
        page.is_page(200, &[]).says("name=\"return_to\"");
        let wrong = [("email", ANN), ("password", "wrong"), ("return_to", target)];
        browser.post("/auth/login", &wrong).await.is_page(422, &[]).says("name=\"return_to\"");
        let right = [("email", ANN), ("password", PASSWORD), ("return_to", target)];
        browser.post("/auth/login", &right).await.leads_to(target, &["set-cookie"]);
    }
    host.browser().get("/me?tab=1").await.leads_to("/auth/login?return_to=/me%3Ftab%3D1", &[]);
    // A form has no page to go back to unless it is ours.
    host.browser().post("/host/fresh", &[]).await.leads_to("/auth/login", &[]);
}

pub(super) async fn cs_09_referer_counts_for_nothing(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let login = Ask::form("/auth/login", &[("email", ANN), ("password", PASSWORD)]);
    let answer = host.browser().send(login.header("referer", "https://app.example.org/auth/settings")).await;
    answer.leads_to("/", &["set-cookie"]);
    let logout = Ask::form("/auth/logout", &[]).header("referer", "https://evil.example/");
    host.browser().send(logout).await.leads_to("/", &["clear-site-data", "set-cookie"]);
}
