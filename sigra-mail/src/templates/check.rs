//! Rendering every template once, before the first mail.

use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::Facts;
use sigra_core::time::Timestamp;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::kinds::{KindTemplates, names};
use super::{Templates, View};

const CODE: &str = "424242";
/// Must never come out of an HTML template as it is.
const DEVICE: &str = "Browser <of 'their'> & \"System\"";
const PLACE: &str = "Town <of> Country";
const WHAT: &str = "Key <of> somebody";

/// What is wrong with the templates of one kind.
pub(super) fn faults_of(templates: &Templates, kind: &KindTemplates) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(token) = kind.tokens.iter().find(|token| templates.links.with_token(token, "t").is_none()) {
        faults.push(format!("mails of the kind `{}` need the link `{token}`", kind.kind));
        return faults;
    }
    for (facts, case) in [(sample(kind, true), ""), (sample(kind, false), " when only what is certain is known")] {
        for fault in faults_with(templates, kind, &facts) {
            let fault = format!("{fault}{case}");
            if !faults.iter().any(|known| fault.starts_with(known.as_str())) {
                faults.push(fault);
            }
        }
    }
    faults
}

fn faults_with(templates: &Templates, kind: &KindTemplates, facts: &Facts) -> Vec<String> {
    let Ok(to) = EmailAddress::parse("somebody@example.org") else { return Vec::new() };
    let view = match View::new(&templates.product, &templates.links, MailId::new(Timestamp::EPOCH), &to, facts) {
        Ok(view) => view,
        Err(fault) => return vec![fault.to_string()],
    };
    let mut faults = Vec::new();
    for (name, verdict) in names(&kind.kind).into_iter().zip([subject, text, html]) {
        match templates.render(&name, &view) {
            Ok(rendered) => faults.extend(verdict(&rendered, &view).map(|fault| format!("{name} {fault}"))),
            Err(error) => faults.push(Fault::of_sample(&error).to_string()),
        }
    }
    faults
}

fn subject(rendered: &str, view: &View<'_>) -> Option<&'static str> {
    match rendered.trim() {
        "" => Some("is empty"),
        line if line.contains(['\r', '\n']) => Some("has more than one line"),
        line if secrets(view).any(|secret| line.contains(secret)) => Some("shows a link or a code"),
        _ => None,
    }
}

fn text(rendered: &str, view: &View<'_>) -> Option<&'static str> {
    let alone = |secret: &str| rendered.lines().filter(|line| line.contains(secret)).all(|line| line == secret);
    if !secrets(view).all(alone) {
        return Some("has a link or a code that is not alone on its line");
    }
    shown(rendered, view)
}

fn html(rendered: &str, view: &View<'_>) -> Option<&'static str> {
    if [DEVICE, PLACE, WHAT].iter().any(|value| rendered.contains(value)) {
        return Some("shows a value unescaped");
    }
    shown(rendered, view)
}

/// A mail that was sent for a link or a code must show one.
fn shown(rendered: &str, view: &View<'_>) -> Option<&'static str> {
    if rendered.trim().is_empty() {
        return Some("is empty");
    }
    // In HTML the `&` of a link is escaped.
    let plain = rendered.replace("&amp;", "&");
    let mut secrets = secrets(view).peekable();
    if secrets.peek().is_none() || secrets.any(|secret| plain.contains(secret)) {
        return None;
    }
    Some("shows none of the links and codes it is sent for")
}

fn secrets<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a str> {
    view.links.values().map(String::as_str).chain(view.code)
}

fn sample(kind: &KindTemplates, full: bool) -> Facts {
    let mut facts = Facts::default();
    for name in kind.tokens {
        facts.tokens.insert((*name).to_owned(), Zeroizing::new(format!("sample-{name}-token")));
    }
    if kind.code {
        facts.code = Some(Zeroizing::new(CODE.to_owned()));
    }
    if full {
        facts.at = Some(Timestamp::EPOCH);
        facts.due_at = Some(Timestamp::EPOCH);
        facts.valid_secs = Some(900);
        facts.code_valid_secs = Some(600);
        facts.device = Some(DEVICE.to_owned());
        facts.place = Some(PLACE.to_owned());
        facts.ip = Some("192.0.2.7".to_owned());
        facts.left = Some(3);
        facts.what = Some(WHAT.to_owned());
    }
    facts
}
