//! Passkeys and second factors in a real browser, with the virtual authenticator of WebDriver.

use serde_json::json;

use super::browser::{Gallery, assert_no_complaints, register_and_confirm, sign_in};
use crate::kit::{Browser, CHEAP, Driver, Host, Launch, PASSWORD, eventually};

const EMAIL: &str = "ada@example.com";
const SETTINGS: &str = "/auth/settings/mfa";

/// Registered in the settings; signed in with by button and by autofill; shown as second factor and to authenticate again;
/// a counter that goes back is refused; renamed and removed.
pub fn a_life_of_a_passkey(binary: &str) {
    let Some(driver) = Driver::start("a_life_of_a_passkey") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let browser = driver.open(true);
    register_and_confirm(&host, &browser);
    browser.goto(&format!("{}/auth/login", host.origin()));
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    let authenticator = browser.add_authenticator(true);
    browser.goto(&format!("{}{SETTINGS}", host.origin()));
    browser.press("Add a passkey");
    eventually("the passkey is listed", || browser.text().contains("The passkey was added").then_some(()));
    assert_eq!(browser.credentials(&authenticator).len(), 1);
    host.mailbox.first(EMAIL, "passkey_added");

    sign_out(&host, &browser);
    by_button(&host, &browser);
    assert!(browser.text().contains("passkey") || browser.text().contains("security key"), "{}", browser.text());
    sign_out(&host, &browser);
    by_autofill(&host, &browser);

    // With backup codes it is asked for after the password, too.
    browser.goto(&format!("{}{SETTINGS}", host.origin()));
    browser.press_summary("Make new codes");
    browser.press("Make new codes");
    eventually("backup codes are shown", || (browser.find_all(".codes li").len() == 10).then_some(()));
    browser.press("I have kept them safe");
    browser.arrive(SETTINGS);
    sign_out(&host, &browser);
    browser.stop_conditional(&host);
    sign_in(&browser, PASSWORD);
    eventually("the second step", || browser.path().starts_with("/auth/mfa").then_some(()));
    browser.press("Use a passkey");
    browser.arrive("/");

    // To authenticate again.
    host.clock.advance(6 * 60);
    browser.goto(&format!("{}/auth/sudo?return_to={SETTINGS}", host.origin()));
    browser.press("Use a passkey");
    browser.arrive(SETTINGS);
    assert!(browser.find_all(".warning a").is_empty(), "it is fresh: {}", browser.text());

    a_counter_that_goes_back(&host, &browser, &authenticator);

    browser.goto(&format!("{}{SETTINGS}", host.origin()));
    browser.press_summary("Rename");
    browser.find("input[name=nickname]").clear();
    browser.find("input[name=nickname]").type_keys("my laptop");
    browser.press("Save");
    eventually("it has its new name", || browser.text().contains("my laptop").then_some(()));
    browser.press("Remove");
    eventually("it is gone", || browser.text().contains("You have no passkey yet").then_some(()));
    host.mailbox.first(EMAIL, "passkey_removed");
    assert_no_complaints(&browser);
}

/// A ceremony that the user cancels says what happened, and the password still works.
pub fn a_ceremony_that_fails_offers_another_way(binary: &str) {
    let Some(driver) = Driver::start("a_ceremony_that_fails_offers_another_way") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let browser = driver.open(true);
    browser.goto(&format!("{}/auth/login", host.origin()));
    let authenticator = browser.add_authenticator(false);
    browser.press("Sign in with a passkey");
    eventually("the failure is told", || {
        let told = browser.find_all("[data-passkey-problem]").first().map(|problem| problem.text()).unwrap_or_default();
        told.contains("another way").then_some(())
    });
    assert!(browser.credentials(&authenticator).is_empty());
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    assert!(browser.text().contains(EMAIL));
}

/// A session that is not fresh any more and a sign-in that is over lead to where that is mended, and back; whoever ticked the
/// box is remembered.
pub fn the_script_leads_on(binary: &str) {
    let Some(driver) = Driver::start("the_script_leads_on") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let browser = driver.open(true);
    let origin = host.origin();
    register_and_confirm(&host, &browser);
    browser.goto(&format!("{origin}/auth/login"));
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    let _authenticator = browser.add_authenticator(true);
    browser.goto(&format!("{origin}{SETTINGS}"));
    host.clock.advance(6 * 60);
    browser.press("Add a passkey");
    browser.arrive(&format!("/auth/sudo?return_to={}", SETTINGS.replace('/', "%2F")));
    browser.fill("password", PASSWORD);
    browser.press("Continue");
    browser.arrive(SETTINGS);
    browser.press("Add a passkey");
    eventually("the passkey is listed", || browser.text().contains("The passkey was added").then_some(()));

    sign_out(&host, &browser);
    browser.stop_conditional(&host);
    browser.find("input[name=remember_me]").click();
    browser.press("Sign in with a passkey");
    browser.arrive("/");
    assert!(browser.cookie("sigra_session").unwrap()["expiry"].is_u64(), "it outlives the browser");
    // Remembered, it is not fresh; the passkey makes it so, and backup codes make the passkey a second step.
    browser.goto(&format!("{origin}/auth/sudo?return_to={SETTINGS}"));
    browser.press("Use a passkey");
    browser.arrive(SETTINGS);
    browser.press_summary("Make new codes");
    browser.press("Make new codes");
    browser.find(".codes");
    sign_out(&host, &browser);
    browser.stop_conditional(&host);
    sign_in(&browser, PASSWORD);
    eventually("the second step", || browser.path().starts_with("/auth/mfa").then_some(()));
    host.clock.advance(6 * 60);
    browser.press("Use a passkey");
    eventually("it starts over", || browser.path().starts_with("/auth/login").then_some(()));
    assert!(browser.text().contains("Signing in took too long"), "{}", browser.text());
}

/// The pages of second factors on a desk and on a phone, light and dark.
pub fn how_the_security_pages_look(binary: &str) {
    let Some(driver) = Driver::start("how_the_security_pages_look") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let gallery = Gallery::new();
    let browser = driver.open(true);
    let origin = host.origin();
    register_and_confirm(&host, &browser);
    browser.goto(&format!("{origin}/auth/login"));
    let _authenticator = browser.add_authenticator(true);
    gallery.show(&browser, "login-with-passkey", || browser.goto(&format!("{origin}/auth/login")));
    browser.stop_conditional(&host);
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    gallery.show(&browser, "security-empty", || browser.goto(&format!("{origin}{SETTINGS}")));
    browser.press("Add a passkey");
    eventually("the passkey is listed", || browser.text().contains("The passkey was added").then_some(()));
    gallery.show(&browser, "totp-setup", || {
        browser.goto(&format!("{origin}{SETTINGS}"));
        browser.press("Set up an authenticator app");
        browser.find(".qr img");
    });
    gallery.show(&browser, "totp-setup-wrong", || {
        browser.goto(&format!("{origin}{SETTINGS}/totp/confirm"));
        browser.fill("code", "000000");
        browser.press("Turn on");
        browser.find("[aria-invalid=true]");
    });
    // The session signed in with a password; to make codes without an app it has to show the passkey.
    host.clock.advance(6 * 60);
    browser.goto(&format!("{origin}/auth/sudo?return_to={SETTINGS}"));
    browser.press("Use a passkey");
    browser.arrive(SETTINGS);
    gallery.show(&browser, "backup-codes", || {
        browser.goto(&format!("{origin}{SETTINGS}"));
        browser.press_summary("Make new codes");
        browser.press("Make new codes");
        browser.find(".codes");
    });
    gallery.show(&browser, "security-full", || browser.goto(&format!("{origin}{SETTINGS}")));
    host.clock.advance(6 * 60);
    gallery.show(&browser, "security-not-fresh", || browser.goto(&format!("{origin}{SETTINGS}")));
    gallery.show(&browser, "sudo-factor", || browser.goto(&format!("{origin}/auth/sudo?return_to={SETTINGS}")));
    sign_out(&host, &browser);
    gallery.show(&browser, "mfa", || {
        browser.goto(&format!("{origin}/auth/login"));
        browser.stop_conditional(&host);
        sign_in(&browser, PASSWORD);
        eventually("the second step", || browser.path().starts_with("/auth/mfa").then_some(()));
    });
    let lines = browser.console();
    let violations: Vec<_> = lines.iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert!(violations.is_empty(), "{violations:?}");
}

fn sign_out(host: &Host, browser: &Browser) {
    browser.goto(host.origin());
    browser.press("Sign out");
    eventually("signed out", || browser.text().contains("You are not signed in").then_some(()));
}

fn by_button(host: &Host, browser: &Browser) {
    browser.stop_conditional(host);
    browser.press("Sign in with a passkey");
    browser.arrive("/");
    assert!(browser.text().contains(EMAIL), "{}", browser.text());
}

/// The page asks for autofill as it loads, and the virtual authenticator answers for its user.
fn by_autofill(host: &Host, browser: &Browser) {
    browser.goto(&format!("{}/auth/login?return_to=/me", host.origin()));
    browser.arrive("/me");
    assert!(browser.text().contains(EMAIL), "{}", browser.text());
}

/// A copy of the passkey that counts from an earlier time: refused, told in words, and no session comes of it.
fn a_counter_that_goes_back(host: &Host, browser: &Browser, authenticator: &str) {
    assert_no_complaints(browser);
    let mut copy = browser.credentials(authenticator).remove(0);
    assert!(copy["signCount"].as_u64().unwrap() > 1, "it counts: {copy}");
    browser.remove_credential(authenticator, copy["credentialId"].as_str().unwrap());
    let real = copy["signCount"].clone();
    copy["signCount"] = json!(1);
    browser.add_credential(authenticator, &copy);
    sign_out(host, browser);
    browser.stop_conditional(host);
    browser.press("Sign in with a passkey");
    eventually("the copy is refused", || browser.text().contains("The passkey was not accepted").then_some(()));
    // The browser puts the status of the refusal on the console, after what the sign-out cleared.
    let expected = ["status of 400", "Cleared data types"];
    let lines = browser.console();
    let complaints: Vec<_> = lines.iter().filter(|line| !expected.iter().any(|text| line.contains(text))).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.remove_credential(authenticator, copy["credentialId"].as_str().unwrap());
    copy["signCount"] = real;
    browser.add_credential(authenticator, &copy);
    by_button(host, browser);
}
