//! What must hold for every page, whoever wrote its template.

use std::collections::BTreeSet;

use super::markup::{Tag, tags};
use super::samples::{HOSTILE, samples};
use super::{Pages, Urls, describe};
use crate::views::View;

pub(super) fn faults_of(pages: &Pages) -> Vec<String> {
    let mut faults = Vec::new();
    for (view, notice) in samples() {
        match pages.try_render(&view, notice) {
            Err(error) => faults.push(describe(&error)),
            Ok(html) => {
                let template = view.template();
                faults.extend(faults_in(&html, &view, notice, &pages.urls).map(|fault| format!("{template} {fault}")));
            }
        }
    }
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert(fault.clone()));
    faults
}

fn faults_in(html: &str, view: &View, notice: Option<&str>, urls: &Urls) -> impl Iterator<Item = String> {
    let tags = tags(html);
    let mut faults: Vec<String> = tags.iter().filter_map(blocked).collect();
    if html.contains(HOSTILE) {
        faults.push("shows a value unescaped".to_owned());
    }
    if notice.is_some_and(|notice| !html.contains(notice)) {
        faults.push("does not show the notice".to_owned());
    }
    for form in forms(view, urls) {
        faults.extend(missing(&form, &tags));
    }
    faults.into_iter()
}

/// What the content security policy of these pages refuses to load or run.
fn blocked(tag: &Tag<'_>) -> Option<String> {
    if let Some((name, _)) = tag.attributes.iter().find(|(name, _)| name == "style" || name.starts_with("on")) {
        return Some(format!("has inline code, which browsers will not run: the attribute {name}"));
    }
    if tag.name == "style" || (tag.name == "script" && tag.attribute("src").is_none()) {
        return Some(format!("has inline code, which browsers will not run: the element {}", tag.name));
    }
    let loaded = if tag.name == "link" { tag.attribute("href") } else { tag.attribute("src") }?;
    let foreign = loaded.contains("://") || loaded.starts_with("//");
    foreign.then(|| format!("loads a file of another origin, which browsers will not do: {loaded}"))
}

/// A form that a page must have, with the fields that must be in it. Whether to offer `remember_me` is the host's choice.
pub(super) struct Form<'a> {
    pub(super) action: &'a str,
    pub(super) fields: Vec<&'static str>,
}

pub(super) fn forms<'a>(view: &'a View, urls: &'a Urls) -> Vec<Form<'a>> {
    let form = |action: &'a str, fields: &[&'static str]| Form { action, fields: fields.to_vec() };
    match view {
        View::Register(_) => vec![form(&urls.register, &["email", "password"])],
        View::Confirm(_) => vec![form(&urls.confirm, &["email", "code"]), form(&urls.confirm_resend, &["email"])],
        View::ConfirmToken(view) => vec![form(&view.action, &[])],
        View::Login(view) => {
            let mut login = form(&urls.login, &["email", "password"]);
            login.fields.extend(view.return_to.as_ref().map(|_| "return_to"));
            vec![login]
        }
        View::MagicLink(_) => vec![form(&urls.magic_link, &["email"])],
        View::MagicLinkToken(view) => vec![form(&view.action, &[])],
        View::ResetPassword(_) => vec![form(&urls.reset_password, &["email"])],
        View::ResetPasswordToken(view) => vec![form(&view.action, &["password"])],
        View::Sudo(view) if view.demanded => {
            let mut sudo = form(&urls.sudo, &["method", "code"]);
            sudo.fields.extend(view.return_to.as_ref().map(|_| "return_to"));
            if view.methods.is_empty() { Vec::new() } else { vec![sudo] }
        }
        View::Sudo(view) => {
            let mut sudo = form(&urls.sudo, &["password"]);
            sudo.fields.extend(view.return_to.as_ref().map(|_| "return_to"));
            vec![sudo]
        }
        View::Mfa(view) => {
            let mut mfa = form(&urls.mfa, &["method", "code"]);
            mfa.fields.extend(view.return_to.as_ref().map(|_| "return_to"));
            mfa.fields.extend(view.can_trust.then_some("trust_browser"));
            let mut forms = vec![form(&urls.logout, &[])];
            forms.extend((view.totp || view.backup_code).then_some(mfa));
            forms
        }
        View::MfaEnrollment(view) if view.code_needed => {
            vec![form(&urls.mfa_enrollment_code, &["send"])]
        }
        View::MfaEnrollment(_) => vec![form(&urls.mfa_enrollment_totp, &[])],
        View::TotpSetup(view) => vec![form(&view.action, &["code"])],
        View::MfaSettings(view) => {
            let mfa = view.mfa.iter().flat_map(|mfa| {
                let own = if mfa.totp_since.is_some() {
                    form(&mfa.disable_action, &["method", "code"])
                } else {
                    form(&mfa.totp_action, &[])
                };
                let codes = mfa.can_make_codes.then(|| form(&mfa.codes_action, &[]));
                let trusted = mfa.trusted_browsers.iter().map(|row| form(&row.revoke_action, &[]));
                std::iter::once(own).chain(codes).chain(trusted)
            });
            let passkeys = view.passkeys.iter().flat_map(|section| &section.passkeys);
            let passkeys =
                passkeys.flat_map(|row| [form(&row.rename_action, &["nickname"]), form(&row.delete_action, &[])]);
            mfa.chain(passkeys).collect()
        }
        View::NotMe(view) => vec![form(&view.action, &[])],
        View::Sessions(view) => {
            let others = view.sessions.iter().filter(|session| !session.current);
            let mut forms: Vec<_> = others.map(|session| form(&session.revoke_action, &[])).collect();
            if !forms.is_empty() {
                forms.push(form(&urls.revoke_others, &[]));
            }
            forms.push(form(&urls.logout, &[]));
            forms
        }
        View::BackupCodes(_) | View::CheckMail(_) | View::Message(_) | View::Error(_) => Vec::new(),
    }
}

fn missing(wanted: &Form<'_>, tags: &[Tag<'_>]) -> Vec<String> {
    let is_it = |tag: &Tag<'_>| tag.name == "form" && tag.attribute("action") == Some(wanted.action);
    let Some(at) = tags.iter().position(is_it) else {
        return vec![format!("has no form that posts to {}", wanted.action)];
    };
    let mut faults = Vec::new();
    if !tags[at].attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
        faults.push(format!("has a form for {} whose method is not post", wanted.action));
    }
    let inside = &tags[at + 1..];
    let inside = &inside[..inside.iter().position(|tag| tag.name == "/form").unwrap_or(inside.len())];
    for field in &wanted.fields {
        if !inside.iter().any(|tag| tag.attribute("name") == Some(field)) {
            faults.push(format!("has no field {field} in the form for {}", wanted.action));
        }
    }
    faults
}
