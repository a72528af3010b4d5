//! The few pages a host has of its own, without a framework.

use std::fs;
use std::io;
use std::path::Path;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use mail_parser::MessageParser;
use minijinja::{Environment, context};
use sigra_core::flows::CurrentSession;
use sigra_http::Surface;

use crate::host::Host;

const TEMPLATES: [(&str, &str); 3] = [
    ("layout.html", include_str!("../templates/layout.html")),
    ("home.html", include_str!("../templates/home.html")),
    ("mail.html", include_str!("../templates/mail.html")),
];

/// Headers of every page that shows something: they speak of one person, so nobody keeps, frames or rewrites them.
const HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The start page: who am I, and where can I go.
#[must_use]
pub fn home(host: &Host, current: Option<&CurrentSession>) -> Response<String> {
    let session = current.map(|current| {
        context! {
            email => current.user().email.as_str(),
            methods => current.session().assurance.methods.iter().map(|method| method.name().to_owned()).collect::<Vec<_>>(),
        }
    });
    let (prefix, shows_mail) = (host.surface.prefix(), host.mail_dir.is_some());
    page("text/html; charset=utf-8", render("home.html", context! { prefix, session, shows_mail }))
}

/// The session check.
#[must_use]
pub fn me(current: &CurrentSession) -> Response<String> {
    let (user, session) = (current.user(), current.session());
    let shown = serde_json::json!({
        "id": user.id.to_string(),
        "email": user.email.as_str(),
        "session": {
            "id": session.id.to_string(),
            "aal": u8::from(session.assurance.aal),
            "methods": session.assurance.methods.iter().map(|method| method.name().to_owned()).collect::<Vec<_>>(),
            "created_at": session.created_at.to_string(),
        },
    });
    page("application/json", shown.to_string())
}

/// Whether the host can do its work: it touches the database.
pub async fn health(host: &Host) -> Response<String> {
    match host.surface.sigra().stores().health.ping().await {
        Ok(()) => typed("text/plain; charset=utf-8", String::from("ok")),
        Err(_) => empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The sent mails, newest first, in loopback mode.
#[must_use]
pub fn mails(host: &Host) -> Response<String> {
    match host.mail_dir.as_deref().map(|folder| list(&host.surface, folder)) {
        Some(Ok(html)) => page("text/html; charset=utf-8", html),
        Some(Err(_)) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        None => empty(StatusCode::NOT_FOUND),
    }
}

/// No icon.
#[must_use]
pub fn favicon() -> Response<String> {
    empty(StatusCode::NO_CONTENT)
}

fn empty(status: StatusCode) -> Response<String> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn typed(content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn page(content_type: &'static str, body: String) -> Response<String> {
    let mut response = typed(content_type, body);
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn list(surface: &Surface, folder: &Path) -> io::Result<String> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    paths.sort();
    let shown: Vec<_> = paths.iter().rev().take(50).filter_map(|path| shown(&fs::read(path).ok()?)).collect();
    let folder = folder.display().to_string();
    Ok(render("mail.html", context! { prefix => surface.prefix(), mails => shown, folder }))
}

fn shown(eml: &[u8]) -> Option<minijinja::Value> {
    let mail = MessageParser::default().parse(eml)?;
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
    let text = mail.body_text(0).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    Some(context! { subject => mail.subject().map(str::to_owned), to => to.to_owned(), lines })
}

fn render(template: &str, values: minijinja::Value) -> String {
    let mut environment = Environment::new();
    let rendered = TEMPLATES
        .iter()
        .try_for_each(|(name, text)| environment.add_template(name, text))
        .and_then(|()| environment.get_template(template)?.render(values));
    rendered.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
        String::from("<!doctype html><title>Error</title><p>Something went wrong.</p>")
    })
}
