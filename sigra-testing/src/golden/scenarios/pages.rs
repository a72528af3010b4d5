use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, link};
use crate::golden::Make;

pub(super) async fn pw_19_password_fields(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    browser.post("/auth/reset-password", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    for (path, purpose) in [
        ("/auth/login", "current-password"),
        ("/auth/sudo", "current-password"),
        ("/auth/settings/password", "new-password"),
        ("/auth/register", "new-password"),
        (&link(&host, &MailKind::RESET_PASSWORD, ANN), "new-password"),
    ] {
        let page = browser.get(path).await;
        page.is_page(200, &[]).never_says("onpaste").never_says("maxlength");
        let text = page.text();
        let field = text.split('<').find(|tag| tag.contains("name=\"password\"")).expect("a password field");
        for attribute in ["type=\"password\"", &format!("autocomplete=\"{purpose}\""), "data-reveal"] {
            assert!(field.contains(attribute), "{path}: {field}");
        }
        assert!(!field.contains("value="), "{path}: {field}");
    }
}

/// CS-06, CS-07: nothing inline, nothing from elsewhere, and no password is ever shown again.
pub(super) async fn complete(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for path in [
        "/auth/login",
        "/auth/register",
        "/auth/confirm",
        "/auth/check-mail",
        "/auth/magic-link",
        "/auth/reset-password",
        "/auth/sudo",
        "/auth/settings/sessions",
        "/auth/settings/password",
    ] {
        let page = browser.get(path).await;
        page.is_page(200, &[]).never_says("style=\"").never_says("<style").never_says("javascript:");
        page.never_says("://").says("lang=\"en\"").says("<title>");
        let scripts: Vec<_> = page.text().split("<script").skip(1).map(str::to_owned).collect();
        assert!(scripts.iter().all(|script| script.contains("></script>")), "{path}");
    }
}
