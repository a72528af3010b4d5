//! What must hold for every page, whoever wrote its template.

use std::collections::BTreeSet;

use super::markup::{Tag, tags};
use super::samples::{HOSTILE, samples};
use super::{Pages, Urls, describe};
use crate::views::{MfaSection, View};

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
            let back = view.return_to.as_ref().map(|_| "return_to");
            view.methods.iter().map(|_| with(form(&urls.sudo, &["method", "code"]), back)).collect()
        }
        View::Sudo(view) => vec![with(form(&urls.sudo, &["password"]), view.return_to.as_ref().map(|_| "return_to"))],
        View::Mfa(view) => {
            let one = || {
                let one = with(form(&urls.mfa, &["method", "code"]), view.return_to.as_ref().map(|_| "return_to"));
                with(one, view.can_trust.then_some("trust_browser"))
            };
            let mut forms = vec![form(&urls.logout, &[])];
            forms.extend(view.totp.then(one));
            forms.extend(view.backup_code.then(one));
            forms
        }
        View::MfaEnrollment(view) => {
            let back = view.return_to.as_ref().map(|_| "return_to");
            let mut forms = vec![form(&urls.logout, &[])];
            if view.code_needed {
                forms.push(with(form(&urls.mfa_enrollment_mail_code, &[]), back));
                forms.push(with(form(&urls.mfa_enrollment_code, &["code"]), back));
            } else {
                forms.push(with(form(&urls.mfa_enrollment_totp, &[]), back));
            }
            forms
        }
        View::TotpSetup(view) => {
            let back = view.return_to.as_ref().map(|_| "return_to");
            let mut forms = vec![with(form(&view.action, &["code"]), back)];
            forms.extend(view.secret.is_none().then(|| with(form(&view.restart_action, &[]), back)));
            forms
        }
        View::MfaSettings(view) => {
            let passkeys = view.passkeys.iter().flat_map(|section| &section.passkeys);
            let passkeys =
                passkeys.flat_map(|row| [form(&row.rename_action, &["nickname"]), form(&row.delete_action, &[])]);
            passkeys.chain(view.mfa.iter().flat_map(of_second_factors)).collect()
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

fn with<'a>(mut form: Form<'a>, field: Option<&'static str>) -> Form<'a> {
    form.fields.extend(field);
    form
}

fn of_second_factors(view: &MfaSection) -> Vec<Form<'_>> {
    let form = |action, fields: &[&'static str]| Form { action, fields: fields.to_vec() };
    let mut forms = Vec::new();
    if view.totp_since.is_some() {
        let ways = if view.backup_codes_left > 0 { 2 } else { 1 };
        forms.extend((0..ways).map(|_| form(&view.disable_action, &["method", "code"])));
    } else {
        forms.push(form(&view.totp_action, &[]));
    }
    if view.can_make_codes {
        forms.push(with(form(&view.codes_action, &[]), view.totp_since.as_ref().map(|_| "code")));
    }
    forms.extend(view.trusted_browsers.iter().map(|row| form(&row.revoke_action, &[])));
    if !view.trusted_browsers.is_empty() {
        forms.push(form(&view.revoke_all_action, &[]));
    }
    forms
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
