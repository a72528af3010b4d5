//! What must be in nothing that is written down: whatever came in or went out that opens something.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use serde_json::Value;
use sigra_testing::golden::Subject;

/// Fields that hold something secret, in forms and in JSON, asked or answered.
const FIELDS: [(&str, &str); 13] = [
    ("password", "password"),
    ("current_password", "password"),
    ("new_password", "password"),
    ("code", "code"),
    ("token", "token"),
    ("secret", "totp secret"),
    ("uri", "totp secret"),
    ("backup_codes", "backup code"),
    ("codes", "backup code"),
    ("challenge", "challenge"),
    ("clientDataJSON", "passkey"),
    ("authenticatorData", "passkey"),
    ("signature", "passkey"),
];

/// Posted as a password, and a word that stands in names.
const ALSO_A_WORD: [&str; 1] = ["password"];

/// Every secret that was seen, with what it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Arc<Mutex<BTreeMap<String, &'static str>>>);

impl Secrets {
    pub(crate) fn add(&self, what: &'static str, secret: &str) {
        if secret.len() >= 6 && !ALSO_A_WORD.contains(&secret) {
            self.0.lock().unwrap().insert(secret.to_owned(), what);
        }
    }

    /// How many there are of each kind.
    pub(crate) fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for what in self.0.lock().unwrap().values() {
            *kinds.entry(*what).or_default() += 1;
        }
        kinds
    }

    /// What is in a text, in whichever shape it could be read back from.
    pub(crate) fn found_in(&self, text: &str) -> BTreeSet<String> {
        // A secret that is one word is looked for among the words: codes are digits, which stand in ids, too.
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let words: BTreeSet<_> = text
            .split(|c| !is_part(c))
            .chain(text.split(|c: char| !c.is_ascii_alphanumeric()))
            .chain(text.split(|c: char| !is_part(c) && !"+/=".contains(c)))
            .collect();
        let secrets = self.0.lock().unwrap();
        let mut found = BTreeSet::new();
        for (secret, what) in secrets.iter() {
            let is_in = |shape: &String| {
                if shape.chars().all(is_part) { words.contains(&**shape) } else { text.contains(&**shape) }
            };
            found.extend(shapes(secret).iter().any(is_in).then(|| format!("{what} {secret}")));
        }
        found
    }

    fn of_request(&self, request: &Request<Bytes>) {
        for segment in request.uri().path().split('/').filter(|segment| is_token(segment)) {
            self.add("link", segment);
        }
        for header in request.headers().get_all(COOKIE).iter().filter_map(|header| header.to_str().ok()) {
            for (_, value) in header.split("; ").filter_map(|pair| pair.split_once('=')).filter(|pair| is_token(pair.1))
            {
                self.add("cookie", value);
            }
        }
        self.of_body(request.body());
    }

    fn of_response(&self, response: &Response<Bytes>) {
        for header in response.headers().get_all(SET_COOKIE).iter().filter_map(|header| header.to_str().ok()) {
            let value = header.split(';').next().and_then(|pair| pair.split_once('=')).map(|pair| pair.1);
            self.add("cookie", value.filter(|value| is_token(value)).unwrap_or_default());
        }
        self.of_body(response.body());
    }

    fn of_body(&self, body: &[u8]) {
        if let Ok(document) = serde_json::from_slice::<Value>(body) {
            return self.of_json("", &document);
        }
        if body.len() < 4_096 {
            for (name, value) in form_urlencoded::parse(body) {
                self.of_field(&name, &value);
            }
        }
    }

    fn of_json(&self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.of_field(name, text),
            Value::Array(values) => values.iter().for_each(|value| self.of_json(name, value)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.of_json(name, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn of_field(&self, name: &str, value: &str) {
        if let Some((_, what)) = FIELDS.iter().find(|(field, _)| *field == name) {
            // The same word is the name of a problem, which is no secret.
            let is_name = name == "code" && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            self.add(what, if is_name { "" } else { value });
        }
    }
}

/// Whether a text looks like a token: 256 bits in the alphabet of URLs.
fn is_token(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

fn shapes(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let bytes = format!("{:?}", secret.as_bytes());
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    vec![
        secret.to_owned(),
        encoded,
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        hex.to_uppercase(),
        hex,
        bytes,
    ]
}

/// An application whose requests and answers are looked through.
pub(crate) struct Watched {
    pub(crate) subject: Box<dyn Subject>,
    pub(crate) secrets: Secrets,
}

#[async_trait]
impl Subject for Watched {
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        self.secrets.of_request(&request);
        let response = self.subject.call(request, peer).await;
        self.secrets.of_response(&response);
        response
    }
}

#[test]
fn the_search_finds_what_is_planted() {
    let secrets = Secrets::default();
    secrets.add("password", "a long enough password");
    secrets.add("code", "424242");
    secrets.of_body(br#"{"totp":{"secret":"JBSWY3DPEHPK3PXP"},"code":"rate_limited"}"#);
    secrets.of_body(b"password=correct+horse+battery&remember_me=1");
    let token = "q".repeat(42) + "A";
    secrets.add("link", &token);
    let planted = [
        "error=no such user: a long enough password",
        "code=424242.",
        "61206c6f6e6720656e6f7567682070617373776f7264",
        "YSBsb25nIGVub3VnaCBwYXNzd29yZA",
        "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&issuer=y",
        "GET /auth/reset-password/TOKEN/x",
        "{password: \"correct horse battery\"}",
        "password=correct+horse+battery&",
    ];
    for text in planted {
        let text = text.replace("TOKEN", &token);
        assert_eq!(secrets.found_in(&text).len(), 1, "{text}");
    }
    assert_eq!(secrets.found_in("019b7424242ca5 .4242421Z rate_limited remember_me=1"), BTreeSet::new());
}
