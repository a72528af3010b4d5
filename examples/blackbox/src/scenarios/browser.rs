//! In a real browser. What only a browser can show: its own headers, its cookie jar, its policies, its looks.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};

use crate::kit::{Browser, CHEAP, Driver, Host, Launch, OTHER_PASSWORD, PASSWORD, eventually};

const EMAIL: &str = "ada@example.com";
/// What a page says went wrong. The sign-in page has one more, which is hidden until a passkey fails.
pub(super) const ALERT: &str = "[role=alert]:not([hidden])";
const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';
const SPACE: char = ' ';

/// Registered, confirmed, remembered, elsewhere signed out, asked again who it is, signed in by mail, reset.
pub fn a_life_of_an_account(binary: &str) {
    let Some(driver) = Driver::start("a_life_of_an_account") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let browser = driver.open(true);
    faults_beside_fields(&host, &browser);
    register_and_confirm(&host, &browser);

    browser.goto(&format!("{}/auth/settings/sessions", host.origin()));
    browser.arrive("/auth/login?return_to=/auth/settings/sessions");
    browser.find("input[name=remember_me]").click();
    sign_in(&browser, PASSWORD);
    browser.arrive("/auth/settings/sessions");
    assert!(browser.text().contains("This session"));
    cookies_are_as_they_should_be(&browser, true);

    let other = host.signed_in(EMAIL, PASSWORD);
    host.clock.advance(6 * 60);
    browser.goto(&format!("{}/auth/settings/sessions", host.origin()));
    let before = browser.cookie("sigra_session").unwrap();
    browser.press("Sign out everywhere else");
    browser.find("#password");
    assert!(browser.path().starts_with("/auth/sudo"), "{}", browser.path());
    browser.goto(&format!("{}/auth/sudo?return_to=/auth/settings/sessions", host.origin()));
    browser.fill("password", "not the password at all");
    browser.press("Continue");
    browser.find("#password[aria-invalid=true]");
    browser.fill("password", PASSWORD);
    browser.press("Continue");
    browser.arrive("/auth/settings/sessions");
    assert_ne!(browser.cookie("sigra_session").unwrap()["value"], before["value"], "sudo changes the token");
    browser.press("Sign out everywhere else");
    eventually("the other session ends", || (other.get("/me").status == 401).then_some(()));
    browser.goto(&format!("{}/me", host.origin()));
    assert!(browser.text().contains(EMAIL));

    browser.goto(host.origin());
    browser.press("Sign out");
    browser.arrive("/");
    assert!(browser.text().contains("not signed in"), "{}", browser.text());
    assert_eq!(browser.cookie("sigra_session"), None);

    browser.goto(&format!("{}/auth/magic-link", host.origin()));
    browser.fill("email", EMAIL);
    browser.press("Send the link");
    let link = host.mailbox.first(EMAIL, "magic_link").link();
    browser.goto(&format!("{}{link}", host.origin()));
    browser.press(&format!("Sign in as {EMAIL}"));
    browser.arrive("/");
    assert!(browser.text().contains("You are signed in"));

    browser.goto(&format!("{}/auth/reset-password", host.origin()));
    browser.fill("email", EMAIL);
    browser.press("Send the link");
    let link = host.mailbox.first(EMAIL, "reset_password").link();
    browser.goto(&format!("{}{link}", host.origin()));
    browser.fill("password", "short");
    browser.press("Set new password");
    browser.find("#password[aria-invalid=true]");
    browser.fill("password", OTHER_PASSWORD);
    browser.press("Set new password");
    browser.arrive("/auth/login");
    sign_in(&browser, OTHER_PASSWORD);
    browser.arrive("/");
    cookies_are_as_they_should_be(&browser, false);
    assert_no_complaints(&browser);
}

fn faults_beside_fields(host: &Host, browser: &Browser) {
    browser.goto(&format!("{}/auth/register", host.origin()));
    browser.fill("email", EMAIL);
    browser.fill("password", "hunter2");
    browser.press("Create account");
    let field = browser.find("#password[aria-invalid=true]");
    let described = browser.script("return document.getElementById('password').getAttribute('aria-describedby')");
    let shown = described.as_str().unwrap().split(' ').next().unwrap().to_owned();
    assert!(!browser.find(&format!("#{shown}")).text().is_empty(), "the fault stands beside its field");
    assert_eq!(field.property("value"), "", "a password does not come back");
    assert_eq!(browser.find("#email").property("value"), EMAIL, "an address does");
    let focused = browser.script("return document.activeElement.id");
    assert_eq!(focused, "password", "the wrong field has the focus");
}

pub(super) fn register_and_confirm(host: &Host, browser: &Browser) {
    browser.goto(&format!("{}/auth/register", host.origin()));
    browser.fill("email", EMAIL);
    browser.fill("password", PASSWORD);
    browser.press("Create account");
    browser.arrive("/auth/confirm");
    let link = host.mailbox.first(EMAIL, "confirm_email").link();
    browser.goto(&format!("{}{link}", host.origin()));
    assert!(browser.text().contains(EMAIL));
    // The page is `no-referrer`: its form comes with `Origin: null`, and passes all the same.
    browser.press("Yes, confirm my address");
    browser.arrive("/auth/login");
    assert!(!browser.find_all(".notice").is_empty(), "{}", browser.text());
}

pub(super) fn sign_in(browser: &Browser, password: &str) {
    fill_in_and_sign_in(browser, EMAIL, password);
}

pub(super) fn fill_in_and_sign_in(browser: &Browser, email: &str, password: &str) {
    browser.fill("email", email);
    browser.fill("password", password);
    browser.press("Sign in");
}

fn cookies_are_as_they_should_be(browser: &Browser, remembered: bool) {
    let session = browser.cookie("sigra_session").unwrap();
    assert_eq!((&session["httpOnly"], &session["sameSite"]), (&json!(true), &json!("Lax")));
    assert_eq!((&session["path"], &session["domain"]), (&json!("/"), &json!("localhost")));
    assert_eq!(session.get("expiry").is_some_and(Value::is_number), remembered, "{session}");
    let device = browser.cookie("sigra_device").unwrap();
    assert_eq!((&device["httpOnly"], &device["sameSite"]), (&json!(true), &json!("Lax")));
    assert!(device["expiry"].is_number(), "a device is known for longer than a session");
    assert_eq!(browser.script("return document.cookie"), "", "no script reads any of them");
}

/// Nothing on the console: no error, no violation of the content security policy. A form that came back, or a page that
/// is not there, is said to have failed to load, which is the browser's way to put the status; and a browser that clears
/// its cache says so.
pub(super) fn assert_no_complaints(browser: &Browser) {
    assert_no_complaints_but(browser, &[]);
}

/// The same, where a page of the scenario is refused on purpose.
pub(super) fn assert_no_complaints_but(browser: &Browser, expected: &[&str]) {
    let lines = browser.console();
    let harmless = ["the server responded with a status of 422", "Cleared data types: \"cache\""];
    let is_fine = |line: &str| harmless.iter().chain(expected).any(|text| line.contains(text));
    let serious: Vec<_> = lines.iter().filter(|line| !is_fine(line)).collect();
    assert!(serious.is_empty(), "{serious:?}");
}

/// The same without any script.
pub fn without_javascript(binary: &str) {
    let Some(driver) = Driver::start("without_javascript") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let browser = driver.open(false);
    register_and_confirm(&host, &browser);
    assert!(browser.find_all("button.reveal").is_empty(), "no script ran");
    sign_in(&browser, "not the password at all");
    browser.find(ALERT);
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    browser.press("Your sessions");
    browser.arrive("/auth/settings/sessions");
    browser.press("Sign out here");
    browser.arrive("/");
    browser.goto(&format!("{}/auth/reset-password", host.origin()));
    browser.fill("email", EMAIL);
    browser.press("Send the link");
    let link = host.mailbox.first(EMAIL, "reset_password").link();
    browser.goto(&format!("{}{link}", host.origin()));
    browser.fill("password", OTHER_PASSWORD);
    browser.press("Set new password");
    browser.arrive("/auth/login");
    sign_in(&browser, OTHER_PASSWORD);
    browser.arrive("/");
    assert!(browser.text().contains("You are signed in"));
}

/// A page of another origin, even on the same host name, sends forms in vain.
pub fn foreign_forms_are_refused(binary: &str) {
    let Some(driver) = Driver::start("foreign_forms_are_refused") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let browser = driver.open(true);
    browser.goto(&format!("{}/auth/login", host.origin()));
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    let session = browser.cookie("sigra_session").unwrap();
    for (path, fields, policy) in [
        ("/auth/logout", "", "no-referrer"),
        ("/auth/logout", "", "unsafe-url"),
        ("/auth/settings/sessions/revoke-others", "", "no-referrer"),
        ("/auth/login", "<input name=email value=eve@example.com><input name=password value=x>", "unsafe-url"),
    ] {
        for (name, foreign) in [("localhost", "localhost"), ("127.0.0.1", "127.0.0.1")] {
            let page = format!(
                "<!doctype html><meta name=referrer content={policy}><form method=post action='{}{path}'>{fields}\
                 <button>Free kittens</button></form>",
                host.origin()
            );
            let url = serve(foreign, page);
            browser.goto(&url);
            browser.press("Free kittens");
            browser.arrive(path);
            assert!(browser.text().contains("another site"), "{path} from {name}: {}", browser.text());
        }
    }
    browser.goto(&format!("{}/me", host.origin()));
    assert!(browser.text().contains(EMAIL), "nothing happened to the session");
    assert_eq!(browser.cookie("sigra_session").unwrap()["value"], session["value"]);
}

/// A site elsewhere on this machine with a single page, asked for as long as anybody asks.
fn serve(name: &str, page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4_096]);
            let length = page.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    format!("http://{name}:{port}/")
}

/// Signing in with the keyboard alone; the button that shows the password.
pub fn the_keyboard_is_enough(binary: &str) {
    let Some(driver) = Driver::start("the_keyboard_is_enough") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let browser = driver.open(true);
    browser.goto(&format!("{}/auth/login", host.origin()));
    let focus = || browser.script("return document.activeElement.name || document.activeElement.className");
    assert_eq!(focus(), "email", "the first field has the focus");
    browser.keys(&format!("{EMAIL}{TAB}"));
    assert_eq!(focus(), "password");
    browser.keys(&format!("{PASSWORD}{TAB}"));
    assert_eq!(focus(), "reveal");
    let kind = || browser.find("#password").property("type");
    assert_eq!(kind(), "password");
    browser.keys(&format!("{ENTER}"));
    assert_eq!((kind(), focus()), (json!("text"), json!("password")), "shown, and the focus back in the field");
    browser.keys(&format!("{TAB}{SPACE}"));
    assert_eq!(kind(), "password", "hidden again");
    browser.keys(&format!("{TAB}{TAB}"));
    assert_eq!(focus(), "remember_me");
    browser.keys(&format!("{SPACE}{TAB}{ENTER}"));
    browser.arrive("/");
    assert!(browser.text().contains(EMAIL));
    cookies_are_as_they_should_be(&browser, true);
    assert_no_complaints(&browser);
}

/// No page is wider than its window or breaks its own policy, on a desk and on a phone, light and dark. With
/// `SIGRA_TEST_SCREENSHOTS` the pictures are kept in that folder.
pub fn how_the_pages_look(binary: &str) {
    let Some(driver) = Driver::start("how_the_pages_look") else { return };
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let gallery = Gallery::new();
    let browser = driver.open(true);
    let origin = host.origin();
    gallery.show(&browser, "home", || browser.goto(origin));
    gallery.show(&browser, "register", || browser.goto(&format!("{origin}/auth/register")));
    gallery.show(&browser, "register-faults", || {
        browser.goto(&format!("{origin}/auth/register"));
        browser.fill("email", "ada.lovelace.countess.of.analytical.engines@mathematics.example.com");
        browser.fill("password", "hunter2");
        browser.press("Create account");
        browser.find("[aria-invalid=true]");
    });
    register_and_confirm(&host, &browser);
    gallery.show(&browser, "confirm", || browser.goto(&format!("{origin}/auth/confirm")));
    host.client().api("/register", &json!({ "email": "grace@example.com", "password": PASSWORD })).expect(202);
    let link = host.mailbox.first("grace@example.com", "confirm_email").link();
    gallery.show(&browser, "confirm-link", || browser.goto(&format!("{origin}{link}")));
    gallery.show(&browser, "login-error", || {
        browser.goto(&format!("{origin}/auth/login"));
        browser.fill("email", "nobody@example.com");
        browser.fill("password", "not the password at all");
        browser.press("Sign in");
        browser.find(ALERT);
    });
    gallery.show(&browser, "reset", || browser.goto(&format!("{origin}/auth/reset-password")));
    gallery.show(&browser, "check-mail", || browser.goto(&format!("{origin}/auth/check-mail")));
    gallery.show(&browser, "error", || browser.goto(&format!("{origin}/auth/nowhere")));
    gallery.show(&browser, "error-link", || browser.goto(&format!("{origin}/auth/magic-link/{}", "A".repeat(43))));
    browser.goto(&format!("{origin}/auth/login"));
    sign_in(&browser, PASSWORD);
    browser.arrive("/");
    let _other = host.signed_in(EMAIL, PASSWORD);
    gallery.show(&browser, "home-signed-in", || browser.goto(origin));
    gallery.show(&browser, "sessions", || browser.goto(&format!("{origin}/auth/settings/sessions")));
    host.clock.advance(6 * 60);
    gallery.show(&browser, "sessions-not-fresh", || browser.goto(&format!("{origin}/auth/settings/sessions")));
    gallery.show(&browser, "sudo", || browser.goto(&format!("{origin}/auth/sudo?return_to=/auth/settings/sessions")));
    gallery.show(&browser, "mails", || browser.goto(&format!("{origin}/dev/mail")));
    let lines = browser.console();
    let violations: Vec<_> = lines.iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert!(violations.is_empty(), "{violations:?}");
}

pub(super) struct Gallery(Option<PathBuf>);

impl Gallery {
    pub(super) fn new() -> Self {
        let folder = std::env::var_os("SIGRA_TEST_SCREENSHOTS").map(PathBuf::from);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
        }
        Self(folder)
    }

    pub(super) fn show(&self, browser: &Browser, name: &str, open: impl Fn()) {
        for (width, height) in [(1100, 900), (390, 844)] {
            browser.look(width, height, "light");
            open();
            for scheme in ["light", "dark"] {
                browser.look(width, height, scheme);
                let wide = browser.script("return document.documentElement.scrollWidth");
                assert!(wide.as_u64().unwrap() <= width.into(), "{name} is {wide} wide in a window of {width}");
                if let Some(folder) = &self.0 {
                    browser.screenshot(&folder.join(format!("{name}-{width}-{scheme}.png")));
                }
            }
        }
    }
}
