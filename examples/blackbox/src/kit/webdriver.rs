//! A real browser, driven through ChromeDriver (W3C WebDriver and the Chrome DevTools Protocol).

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, eventually};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A ChromeDriver of its own. Dropped, it is ended.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    address: SocketAddr,
}

impl Driver {
    /// Starts ChromeDriver. Without one the scenario is skipped, and says so, unless `SIGRA_TEST_BROWSER` is `required`.
    #[must_use]
    pub fn start(scenario: &str) -> Option<Self> {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                let required = std::env::var("SIGRA_TEST_BROWSER").is_ok_and(|value| value == "required");
                assert!(!required, "{scenario}: chromedriver cannot be started: {error}");
                // Past the capture of the test harness, so that nobody takes it for a pass.
                let line = format!("SKIPPED: browser scenario {scenario}: chromedriver cannot be started: {error}\n");
                std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes()).unwrap();
                return None;
            }
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok())
            .expect("chromedriver names its port");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    /// Opens a browser with a fresh profile, with or without JavaScript.
    #[must_use]
    pub fn open(&self, javascript: bool) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let profile_arg = format!("--user-data-dir={}", profile.path().display());
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &profile_arg,
        ];
        let scripts = if javascript { 1 } else { 2 };
        let options = json!({
            "args": args,
            "prefs": { "profile.managed_default_content_settings.javascript": scripts },
        });
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let client = Client::new(self.address, &format!("http://{}", self.address));
        let path = "/session";
        let made = call(&client, "POST", path, &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        Browser { client, session, profile }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser window. Dropped, it is closed.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    #[expect(dead_code, reason = "the profile lives as long as the browser")]
    profile: TempDir,
}

/// An element of the page that was open when it was found.
#[derive(Debug)]
pub struct Element<'b> {
    browser: &'b Browser,
    id: String,
}

impl Browser {
    /// Opens a page and waits until it has loaded.
    pub fn goto(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// The path and query of the page.
    #[must_use]
    pub fn path(&self) -> String {
        let url = self.fetch("/url").as_str().unwrap().to_owned();
        let (_, rest) = url.split_once("://").unwrap_or(("", "/"));
        rest[rest.find('/').unwrap_or(0)..].to_owned()
    }

    /// Waits until the page has this path and query.
    pub fn arrive(&self, path: &str) {
        let mut last = String::new();
        eventually(&format!("the browser arrives at {path}; the page says: {}", self.text()), || {
            last = self.path();
            (last == path).then_some(())
        });
    }

    /// What the page shows.
    #[must_use]
    pub fn text(&self) -> String {
        // Not by way of an element, which may be gone before it is asked.
        self.script("return document.body ? document.body.innerText : ''").as_str().unwrap_or_default().to_owned()
    }

    /// The first element a CSS selector finds. Waits for it.
    pub fn find(&self, css: &str) -> Element<'_> {
        eventually(&format!("an element {css}"), || self.find_all(css).into_iter().next())
    }

    /// Every element a CSS selector finds.
    #[must_use]
    pub fn find_all(&self, css: &str) -> Vec<Element<'_>> {
        let found = self.post("/elements", &json!({ "using": "css selector", "value": css }));
        let ids = found.as_array().unwrap().iter();
        ids.map(|element| Element { browser: self, id: element[ELEMENT].as_str().unwrap().to_owned() }).collect()
    }

    /// Types into the field with this id what it should hold.
    pub fn fill(&self, id: &str, text: &str) {
        let field = self.find(&format!("#{id}"));
        field.clear();
        field.type_keys(text);
    }

    /// Follows the link or presses the button that has this text.
    pub fn press(&self, text: &str) {
        let quoted = format!("'{text}'");
        let xpath = format!("//button[normalize-space()={quoted}] | //a[normalize-space()={quoted}]");
        let found = eventually(&format!("something to press that says {text} on: {}", self.text()), || {
            let found = self.post("/elements", &json!({ "using": "xpath", "value": xpath }));
            found[0][ELEMENT].as_str().map(str::to_owned)
        });
        Element { browser: self, id: found }.click();
    }

    /// Presses keys wherever the focus is.
    pub fn keys(&self, keys: &str) {
        let steps: Vec<_> = keys
            .chars()
            .flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })])
            .collect();
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": steps }] }));
    }

    /// What a script answers.
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The cookies of the page, as the browser keeps them.
    #[must_use]
    pub fn cookies(&self) -> Vec<Value> {
        self.fetch("/cookie").as_array().unwrap().clone()
    }

    /// The cookie of a name, as the browser keeps it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<Value> {
        self.cookies().into_iter().find(|cookie| cookie["name"] == name)
    }

    /// What the console said since it was last asked.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Opens a disclosure.
    pub fn press_summary(&self, text: &str) {
        let xpath = format!("//summary[normalize-space()='{text}']");
        let found = eventually(&format!("a disclosure {text} on: {}", self.text()), || {
            let found = self.post("/elements", &json!({ "using": "xpath", "value": xpath }));
            found[0][ELEMENT].as_str().map(str::to_owned)
        });
        Element { browser: self, id: found }.click();
    }

    /// Plugs a virtual authenticator in: a platform authenticator with discoverable credentials, whose user is there and,
    /// if said so, verified. Answers its id.
    #[must_use]
    pub fn add_authenticator(&self, verified: bool) -> String {
        let wanted = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": verified,
        });
        self.post("/webauthn/authenticator", &wanted).as_str().unwrap().to_owned()
    }

    /// The credentials in a virtual authenticator.
    #[must_use]
    pub fn credentials(&self, authenticator: &str) -> Vec<Value> {
        self.fetch(&format!("/webauthn/authenticator/{authenticator}/credentials")).as_array().unwrap().clone()
    }

    /// Puts a credential into a virtual authenticator.
    pub fn add_credential(&self, authenticator: &str, credential: &Value) {
        self.post(&format!("/webauthn/authenticator/{authenticator}/credential"), credential);
    }

    /// Takes a credential out of a virtual authenticator.
    pub fn remove_credential(&self, authenticator: &str, id: &str) {
        let path = format!("{}/webauthn/authenticator/{authenticator}/credentials/{id}", self.session);
        call(&self.client, "DELETE", &path, &Value::Null);
    }

    /// Opens the sign-in page without its autofill, which a virtual authenticator would answer at once.
    pub fn stop_conditional(&self, host: &super::Host) {
        let script = json!({ "source": "delete PublicKeyCredential.isConditionalMediationAvailable" });
        let added = self
            .post("/goog/cdp/execute", &json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": script }));
        self.goto(&format!("{}/auth/login", host.origin()));
        self.devtools("Page.removeScriptToEvaluateOnNewDocument", &added);
    }

    /// Gives the page another size and color scheme.
    pub fn look(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Saves what is downloaded from now on into a folder.
    pub fn download_to(&self, folder: &Path) {
        let params = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", &params);
    }

    /// Saves a picture of what is seen.
    pub fn screenshot(&self, file: &Path) {
        let png = STANDARD.decode(self.fetch("/screenshot").as_str().unwrap()).unwrap();
        std::fs::write(file, png).unwrap();
    }

    fn devtools(&self, command: &str, params: &Value) {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": params }));
    }

    fn fetch(&self, path: &str) -> Value {
        call(&self.client, "GET", &format!("{}{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        call(&self.client, "POST", &format!("{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.client.send("DELETE", &self.session, "", "");
    }
}

impl Element<'_> {
    /// Clicks it.
    pub fn click(&self) {
        self.post("click", &json!({}));
    }

    /// Empties a field.
    pub fn clear(&self) {
        self.post("clear", &json!({}));
    }

    /// Types.
    pub fn type_keys(&self, text: &str) {
        self.post("value", &json!({ "text": text }));
    }

    /// Its visible text.
    #[must_use]
    pub fn text(&self) -> String {
        self.fetch("text").as_str().unwrap_or_default().to_owned()
    }

    /// A property, as scripts see it.
    #[must_use]
    pub fn property(&self, name: &str) -> Value {
        self.fetch(&format!("property/{name}"))
    }

    fn fetch(&self, what: &str) -> Value {
        self.browser.fetch(&format!("/element/{}/{what}", self.id))
    }

    fn post(&self, what: &str, body: &Value) {
        self.browser.post(&format!("/element/{}/{what}", self.id), body);
    }
}

fn call(client: &Client, method: &str, path: &str, body: &Value) -> Value {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let response = client.send(method, path, "application/json", &text).unwrap();
    let value = response.json()["value"].take();
    assert!(response.status == 200, "{method} {path}: {} {}", value["error"], value["message"]);
    value
}
