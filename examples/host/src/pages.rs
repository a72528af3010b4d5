//! The few pages a host has of its own, without a framework.

use std::fs;
use std::path::Path;

use minijinja::{AutoEscape, Environment, context};
use sigra_core::flows::CurrentSession;
use sigra_http::Surface;

const HOME: &str = include_str!("../templates/home.html");
const MAIL: &str = include_str!("../templates/mail.html");

/// Headers of every page: they speak of one person, so nobody keeps, frames or rewrites them.
pub const HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The start page: who am I, and where can I go.
#[must_use]
pub fn home(surface: &Surface, current: Option<&CurrentSession>, shows_mail: bool) -> String {
    let session = current.map(|current| {
        context! {
            email => current.user().email.as_str(),
            methods => current.session().assurance.methods.iter().map(|method| method.name().to_owned()).collect::<Vec<_>>(),
            since => current.session().created_at.to_string(),
        }
    });
    render(HOME, context! { prefix => surface.prefix(), session, shows_mail })
}

/// The session check.
#[must_use]
pub fn me(current: &CurrentSession) -> serde_json::Value {
    let (user, session) = (current.user(), current.session());
    serde_json::json!({
        "id": user.id.to_string(),
        "email": user.email.as_str(),
        "session": {
            "id": session.id.to_string(),
            "aal": u8::from(session.assurance.aal),
            "methods": session.assurance.methods.iter().map(|method| method.name().to_owned()).collect::<Vec<_>>(),
            "created_at": session.created_at.to_string(),
        },
    })
}

/// The mails in a folder, newest first.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn mails(folder: &Path) -> std::io::Result<String> {
    let mut names: Vec<_> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    names.sort();
    let texts = names.iter().rev().take(50).filter_map(|path| fs::read_to_string(path).ok());
    let shown: Vec<_> = texts.map(|text| for_people(&text)).collect();
    Ok(render(MAIL, context! { mails => shown, folder => folder.display().to_string() }))
}

/// The lines of a mail, without what is there for the machine and without the HTML that says the same again.
fn for_people(eml: &str) -> Vec<String> {
    let lines = eml.lines().take_while(|line| !line.starts_with("Content-Type: text/html"));
    let machinery = ["--sigra-", "MIME-Version:", "Content-", " boundary=", "Auto-Submitted:"];
    lines.filter(|line| !machinery.iter().any(|start| line.starts_with(start))).map(str::to_owned).collect()
}

fn render(template: &str, values: minijinja::Value) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_str(template, values).unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
        String::from("<!doctype html><title>Error</title><p>Something went wrong.</p>")
    })
}
