//! No feature changes a default or mounts a route: everything that is there without being asked for is printed, and must
//! be what `golden.txt` says, whichever features this test is built with. `.ci/run` builds it with none, with each
//! and with all of them.
//!
//! When a default is meant to change, run this test with `UPDATE_DOCS=1` to write the file anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use serde::Serialize;
use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::{Composer as _, Facts, MailKind};
use sigra_core::password::Password;
use sigra_core::secret::{Code, RawToken};
use sigra_core::time::Timestamp;
use sigra_crypto::{HashingConfig, PolicyConfig, PoolConfig};
use sigra_http::{HttpConfig, Surface, SurfaceBuilder, TrustedProxies};
use sigra_mail::{Links, Templates};
use sigra_testing::scenario::TestHost;

#[tokio::test]
async fn features_change_no_default_and_mount_no_route() {
    let mut found = configuration();
    found += &mails();
    found += &host().await;
    found += &surface("A surface of which nothing was asked", |builder| builder).await;
    found += &surface("A surface with .accounts()", SurfaceBuilder::accounts).await;
    found += &surface("A surface with .passwords()", SurfaceBuilder::passwords).await;

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/defaults/golden.txt");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    let differs = golden.lines().zip(found.lines()).find(|(golden, found)| golden != found);
    assert!(golden == found, "a default is another one, first here: {differs:?}\n\n{found}");
}

fn configuration() -> String {
    let mut text = String::new();
    section(&mut text, "sigra_core::config::Config", &sigra_core::config::Config::default());
    section(&mut text, "sigra_crypto::HashingConfig", &HashingConfig::default());
    section(&mut text, "sigra_crypto::PolicyConfig", &PolicyConfig::default());
    section(&mut text, "sigra_crypto::PoolConfig", &PoolConfig::default());
    section(&mut text, "sigra_http::HttpConfig", &HttpConfig::default());
    writeln!(text, "sigra_http::TrustedProxies: {:?}", TrustedProxies::default()).unwrap();
    writeln!(text, "the longest password: {} bytes\n", Password::MAX_BYTES).unwrap();
    text
}

fn section(text: &mut String, title: &str, value: &impl Serialize) {
    writeln!(text, "{title}\n{}\n", serde_json::to_string_pretty(value).unwrap()).unwrap();
}

/// Every mail that is sent without being asked for has templates, and says the same.
fn mails() -> String {
    let templates = Templates::builder("Acme", Links::mounted_at("https://app.example/auth")).build().unwrap();
    let token = RawToken::parse(&"A".repeat(43)).unwrap();
    let facts = Facts {
        due_at: Some(Timestamp::from_secs(1_800_000_000)),
        code_valid_secs: Some(600),
        valid_secs: Some(900),
        ..Facts::default()
    };
    let facts =
        ["confirm", "magic_link", "reset_password", "not_me", "email_change", "email_change_cancel", "reactivate"]
            .into_iter()
            .fold(facts, |facts, name| facts.with_token(name, &token))
            .with_code(&Code::parse("123456").unwrap());
    let to = EmailAddress::parse("ann@example.org").unwrap();
    let id = MailId::new(Timestamp::parse("2026-11-23T18:05:00Z").unwrap());
    let mut text = String::from("Mails: kind, subject, bytes of text and of HTML\n");
    for kind in MailKind::ALL {
        let mail = templates.compose(id, kind, &to, &facts).unwrap();
        writeln!(text, "{kind}: {:?}, {}, {}", mail.subject, mail.text.len(), mail.html.len()).unwrap();
    }
    text + "\n"
}

/// What a host gets that set nothing: no places, the describer of the core.
async fn host() -> String {
    let host = TestHost::new();
    let ann = host.confirmed("ann@example.org").await;
    let session = host.signed_in(&ann).await.session;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    format!(
        "A session of a host that set nothing\nplace: {:?}\nassurance: {:?}, {:?}\nremembered: {}\ndevice: {}\n\n",
        session.place,
        session.assurance.aal,
        session.assurance.methods,
        session.remembered,
        host.sigra.describe_device(Some(firefox)),
    )
}

async fn surface(title: &str, with: fn(SurfaceBuilder) -> SurfaceBuilder) -> String {
    let url = "https://app.example".parse().unwrap();
    let surface = with(Surface::builder(TestHost::new().sigra, url)).build().unwrap();
    let mut text = format!("{title}: {} routes\n", surface.routes().len());
    for route in surface.routes() {
        let (method, path) = (route.method.method(), route.path);
        writeln!(text, "{method} {path}: {:?}, {:?}, {:?}", route.face, route.requirement, route.limit).unwrap();
    }
    for path in ["/auth/login", "/auth/admin"] {
        let request = Request::get(path).header("accept", "text/html").body(Empty::<Bytes>::new()).unwrap();
        let response = surface.handle(request, Some([192, 0, 2, 1].into())).await;
        writeln!(text, "GET {path}: {}", response.status()).unwrap();
        for (name, value) in response.headers() {
            writeln!(text, "  {name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    text + "\n"
}
