//! The pages of the settings in a real browser: password, address, deletion, history, export. Each with and without scripts.

use std::fs;

use serde_json::{Value, json};

use super::browser::{ALERT, Gallery, assert_no_complaints, assert_no_complaints_but, fill_in_and_sign_in};
use crate::kit::{Browser, CHEAP, Driver, Host, Launch, OTHER_PASSWORD, PASSWORD, UNLIMITED, eventually};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "ada@example.net";

/// Runs a scenario in a browser with scripts and in one without, over a host with one account that has just signed in.
fn with_and_without_scripts(binary: &str, scenario: &str, play: impl Fn(&Host, &Browser)) {
    let Some(driver) = Driver::start(scenario) else { return };
    for scripts in [true, false] {
        let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
        host.account(EMAIL);
        let browser = driver.open(scripts);
        sign_in_to(&host, &browser, "/auth/settings/sessions", PASSWORD);
        play(&host, &browser);
        assert_no_complaints(&browser);
    }
}

fn sign_in_to(host: &Host, browser: &Browser, page: &str, password: &str) {
    browser.goto(&format!("{}/auth/login?return_to={page}", host.origin()));
    fill_in_and_sign_in(browser, EMAIL, password);
    browser.arrive(page);
}

fn sign_out(host: &Host, browser: &Browser) {
    browser.goto(host.origin());
    browser.press("Sign out");
    eventually("signed out", || browser.text().contains("You are not signed in").then_some(()));
}

fn is_signed_in(host: &Host, browser: &Browser) -> bool {
    browser.goto(host.origin());
    browser.text().contains("You are signed in")
}

/// The field is marked, tells why, and has the focus.
fn wrong(browser: &Browser, field: &str) {
    browser.find(&format!("#{field}[aria-invalid=true]"));
    assert!(!browser.find(&format!("#{field}-error")).text().is_empty());
    assert_eq!(browser.script("return document.activeElement.id"), field, "the wrong field has the focus");
}

fn change_password(browser: &Browser, present: &str, new: &str) {
    browser.fill("current_password", present);
    browser.fill("password", new);
    browser.press("Change password");
}

/// Not with a wrong present one, not to itself, and then it is; everybody else is signed out.
pub fn a_password_is_changed(binary: &str) {
    with_and_without_scripts(binary, "a_password_is_changed", |host, browser| {
        let other = host.signed_in(EMAIL, PASSWORD);
        browser.press("Password");
        browser.arrive("/auth/settings/password");
        change_password(browser, "not the password at all", OTHER_PASSWORD);
        wrong(browser, "current_password");
        for field in ["current_password", "password"] {
            assert_eq!(browser.find(&format!("#{field}")).property("value"), "", "a password does not come back");
        }
        change_password(browser, PASSWORD, PASSWORD);
        wrong(browser, "password");
        assert_eq!(other.get("/me").status, 200, "nothing has changed");
        let before = browser.cookie("sigra_session").unwrap();
        change_password(browser, PASSWORD, OTHER_PASSWORD);
        browser.find(".notice");
        browser.arrive("/auth/settings/password");
        assert_ne!(browser.cookie("sigra_session").unwrap()["value"], before["value"], "under a new token");
        other.get("/me").expect(401);
        assert!(is_signed_in(host, browser), "the session that changed it goes on");

        sign_out(host, browser);
        browser.goto(&format!("{}/auth/login", host.origin()));
        fill_in_and_sign_in(browser, EMAIL, PASSWORD);
        browser.find(ALERT);
        sign_in_to(host, browser, "/auth/settings/password", OTHER_PASSWORD);
    });
}

/// A sign-in that must replace the password: nothing but that and signing out, and then where it was going.
pub fn a_sign_in_demands_another_password(binary: &str) {
    with_and_without_scripts(binary, "a_sign_in_demands_another_password", |host, browser| {
        sign_out(host, browser);
        // What an operator's program does.
        host.database().change("UPDATE sigra_users SET password_change_required_at = created_at");
        browser.goto(&format!("{}/auth/login?return_to=/auth/settings/email", host.origin()));
        fill_in_and_sign_in(browser, EMAIL, PASSWORD);
        let demanded = || browser.path().starts_with("/auth/login/password-change").then_some(());
        eventually("another password is demanded", demanded);
        assert_eq!(browser.cookie("sigra_session"), None);
        assert!(!is_signed_in(host, browser), "a sign-in that owes something is none");

        browser.goto(&format!("{}/auth/login?return_to=/auth/settings/email", host.origin()));
        fill_in_and_sign_in(browser, EMAIL, PASSWORD);
        eventually("another password is demanded", demanded);
        browser.fill("password", PASSWORD);
        browser.press("Set new password and continue");
        wrong(browser, "password");
        browser.fill("password", OTHER_PASSWORD);
        browser.press("Set new password and continue");
        browser.arrive("/auth/settings/email");
        assert_eq!(browser.cookie("sigra_pending"), None);
        sign_out(host, browser);
        sign_in_to(host, browser, "/auth/settings/sessions", OTHER_PASSWORD);
    });
}

/// Asked for, withdrawn, asked for again, proven by the link, and undone from the old mailbox.
pub fn an_address_is_changed_and_brought_back(binary: &str) {
    with_and_without_scripts(binary, "an_address_is_changed_and_brought_back", |host, browser| {
        browser.press("Email address");
        browser.arrive("/auth/settings/email");
        let ask = |address: &str| {
            browser.fill("email", address);
            browser.press("Send a link to this address");
        };
        ask(EMAIL);
        wrong(browser, "email");
        ask("ada@example.org");
        browser.find(".notice");
        assert!(browser.find(".warning").text().contains("ada@example.org"));
        browser.press("Withdraw the change");
        eventually("it is withdrawn", || browser.text().contains("The change was withdrawn").then_some(()));
        assert!(browser.find_all(".warning").is_empty());
        ask(NEW);
        assert!(browser.find(".warning").text().contains(NEW));

        let link = host.mailbox.first(NEW, "email_change_confirm").link();
        browser.goto(&format!("{}{link}", host.origin()));
        assert!(browser.text().contains(NEW) && !browser.text().contains(EMAIL), "{}", browser.text());
        browser.press("Use this address");
        browser.arrive("/auth/settings/email");
        assert!(browser.text().contains(&format!("Your address is {NEW}")), "{}", browser.text());
        browser.goto(&format!("{}{link}", host.origin()));
        assert!(browser.text().contains("link"), "{}", browser.text());
        assert!(browser.find_all("form").is_empty(), "a link that was used has nothing to press");
        assert_no_complaints_but(browser, &["status of 400"]);

        let undo = host.mailbox.first(EMAIL, "email_changed").link();
        browser.goto(&format!("{}{undo}", host.origin()));
        assert!(browser.text().contains(EMAIL), "{}", browser.text());
        browser.press("Bring this address back");
        eventually("it is undone", || browser.text().contains("signed out everywhere").then_some(()));
        assert_eq!(browser.cookie("sigra_session"), None);
        assert!(!is_signed_in(host, browser), "an undo signs nobody in");
        let reset = host.mailbox.first(EMAIL, "reset_password").link();
        browser.goto(&format!("{}{reset}", host.origin()));
        browser.fill("password", OTHER_PASSWORD);
        browser.press("Set new password");
        browser.arrive("/auth/login");
        sign_in_to(host, browser, "/auth/settings/email", OTHER_PASSWORD);
        assert!(browser.text().contains(&format!("Your address is {EMAIL}")));
    });
}

/// Scheduled, taken back by signing in, scheduled again, taken back by the link in the mail.
pub fn a_deletion_is_taken_back(binary: &str) {
    with_and_without_scripts(binary, "a_deletion_is_taken_back", |host, browser| {
        let other = host.signed_in(EMAIL, PASSWORD);
        browser.press("Delete your account");
        browser.arrive("/auth/settings/delete");
        browser.press("Delete my account");
        browser.arrive("/auth/login");
        assert!(browser.find(".notice").text().contains("will be deleted"));
        assert_eq!(browser.cookie("sigra_session"), None);
        other.get("/me").expect(401);

        browser.goto(&format!("{}/auth/login?return_to=/auth/settings/delete", host.origin()));
        fill_in_and_sign_in(browser, EMAIL, PASSWORD);
        eventually("it asks", || browser.path().starts_with("/auth/login/reactivate").then_some(()));
        assert!(browser.text().contains("will be deleted on"), "{}", browser.text());
        browser.press("Keep my account and sign in");
        browser.arrive("/auth/settings/delete");
        host.mailbox.first(EMAIL, "deletion_cancelled");

        browser.press("Delete my account");
        browser.arrive("/auth/login");
        let link = host.mailbox.nth(2, EMAIL, "deletion_scheduled").link();
        browser.goto(&format!("{}{link}", host.origin()));
        assert!(browser.text().contains(EMAIL), "{}", browser.text());
        browser.press("Keep my account");
        eventually("it is kept", || browser.find_all("form").is_empty().then_some(()));
        assert!(!is_signed_in(host, browser), "the link signs nobody in");
        let reset = host.mailbox.first(EMAIL, "reset_password").link();
        browser.goto(&format!("{}{reset}", host.origin()));
        browser.fill("password", OTHER_PASSWORD);
        browser.press("Set new password");
        browser.arrive("/auth/login");
        sign_in_to(host, browser, "/auth/settings/delete", OTHER_PASSWORD);
    });
}

/// Page by page, newest first, with what somebody else tried.
pub fn the_security_history_is_read(binary: &str) {
    with_and_without_scripts(binary, "the_security_history_is_read", |host, browser| {
        let wrong = json!({ "email": EMAIL, "password": "not the password at all" });
        host.client().api("/login", &wrong).problem(401, "invalid_credentials");
        browser.press("Security history");
        browser.arrive("/auth/settings/security");
        let shown = || browser.find_all("main li.card h2").iter().map(|row| row.text()).collect::<Vec<_>>();
        let rows = shown();
        assert_eq!(rows[0], "A sign-in was refused. Refused");
        assert!(rows.iter().any(|row| row == "Signed in. This session"), "{rows:?}");
        assert_eq!(rows.last().unwrap(), "Your account was created.");
        for _ in 0..30 {
            host.signed_in(EMAIL, PASSWORD);
        }
        browser.goto(&format!("{}/auth/settings/security", host.origin()));
        assert_eq!(shown().len(), 25);
        browser.press("Older");
        eventually("the page before", || browser.path().contains("cursor=").then_some(()));
        let mut older = shown();
        while older.last().unwrap() != "Your account was created." {
            let before = browser.path();
            browser.press("Older");
            eventually("the page before", || (browser.path() != before).then_some(()));
            older = shown();
        }
        assert!(browser.find_all("a[rel=next]").is_empty(), "there is nothing older");
        browser.press("Newest");
        browser.arrive("/auth/settings/security");
    });
}

/// The link saves a file and leaves the page where it was; a session that is not fresh is asked first.
pub fn an_export_is_downloaded(binary: &str) {
    with_and_without_scripts(binary, "an_export_is_downloaded", |host, browser| {
        let folder = tempfile::tempdir().unwrap();
        browser.download_to(folder.path());
        let file = folder.path().join("account-export.json");
        browser.press("Download your data");
        let document: Value = eventually("the file is there", || serde_json::from_slice(&fs::read(&file).ok()?).ok());
        assert_eq!(document["account"]["email"], EMAIL);
        assert_eq!(document["email_changes"], json!([]));
        assert_eq!(document["sessions"].as_array().unwrap().len(), 1);
        browser.arrive("/auth/settings/sessions");
        fs::remove_file(&file).unwrap();

        host.clock.advance(6 * 60);
        browser.press("Download your data");
        eventually("it asks", || browser.path().starts_with("/auth/sudo").then_some(()));
        assert!(!file.exists());
        browser.fill("password", PASSWORD);
        browser.press("Continue");
        eventually("the file is there", || file.exists().then_some(()));
    });
}

/// No page is wider than its window or breaks its own policy, as in
/// [`how_the_pages_look`](super::browser::how_the_pages_look).
pub fn how_the_settings_look(binary: &str) {
    let Some(driver) = Driver::start("how_the_settings_look") else { return };
    let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
    host.account(EMAIL);
    let gallery = Gallery::new();
    let browser = driver.open(true);
    let to = |path: &str| browser.goto(&format!("{}{path}", host.origin()));
    sign_in_to(&host, &browser, "/auth/settings/sessions", PASSWORD);
    gallery.show(&browser, "settings", || to("/auth/settings"));
    gallery.show(&browser, "password", || to("/auth/settings/password"));
    gallery.show(&browser, "password-faults", || {
        to("/auth/settings/password");
        change_password(&browser, PASSWORD, "hunter2");
        browser.find("[aria-invalid=true]");
    });
    gallery.show(&browser, "email", || to("/auth/settings/email"));
    let long = "ada.lovelace.countess.of.analytical.engines@mathematics.example.net";
    gallery.show(&browser, "email-pending", || {
        to("/auth/settings/email");
        browser.fill("email", long);
        browser.press("Send a link to this address");
        browser.find(".notice");
    });
    // The gallery asked twice, and the later link counts.
    let link = host.mailbox.nth(2, long, "email_change_confirm").link();
    gallery.show(&browser, "email-link", || to(&link));
    let undo = host.mailbox.first(EMAIL, "email_change_notice").link();
    gallery.show(&browser, "email-undo", || to(&undo));
    gallery.show(&browser, "delete", || to("/auth/settings/delete"));
    for _ in 0..26 {
        host.signed_in(EMAIL, PASSWORD);
    }
    gallery.show(&browser, "history", || to("/auth/settings/security"));
    gallery.show(&browser, "history-older", || {
        to("/auth/settings/security");
        browser.press("Older");
        eventually("the page before", || browser.path().contains("cursor=").then_some(()));
    });
    host.clock.advance(6 * 60);
    for (name, path) in [("email-not-fresh", "/auth/settings/email"), ("delete-not-fresh", "/auth/settings/delete")] {
        gallery.show(&browser, name, || to(path));
    }

    sign_out(&host, &browser);
    host.database().change("UPDATE sigra_users SET password_change_required_at = created_at");
    gallery.show(&browser, "password-demanded", || {
        to("/auth/login?return_to=/auth/settings/delete");
        fill_in_and_sign_in(&browser, EMAIL, PASSWORD);
        browser.find("#account");
    });
    browser.fill("password", OTHER_PASSWORD);
    browser.press("Set new password and continue");
    browser.arrive("/auth/settings/delete");
    browser.press("Delete my account");
    browser.arrive("/auth/login");
    gallery.show(&browser, "deletion-undo", || to(&host.mailbox.first(EMAIL, "deletion_scheduled").link()));
    gallery.show(&browser, "reactivate", || {
        to("/auth/login");
        fill_in_and_sign_in(&browser, EMAIL, OTHER_PASSWORD);
        eventually("it asks", || browser.path().starts_with("/auth/login/reactivate").then_some(()));
    });
    let lines = browser.console();
    let violations: Vec<_> = lines.iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert!(violations.is_empty(), "{violations:?}");
}
