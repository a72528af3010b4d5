//! What must hold for every page, whoever wrote its template.

use std::collections::BTreeSet;

use super::markup::{Tag, tags};
use super::samples::{HOSTILE, samples};
use super::{Above, Pages, Urls, describe};
use crate::views::{Errors, MfaSection, View};

pub(super) fn faults_of(pages: &Pages) -> Vec<String> {
    let mut faults = Vec::new();
    for (view, notice) in samples() {
        match pages.try_render(&view, Above { notice, unconfirmed: None }) {
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
    faults.extend(forms_missing(&forms(view, urls), &tags));
    // Nobody without a password could send the form.
    if matches!(view, View::Password(view) if !view.has_password)
        && tags.iter().any(|tag| tag.attribute("name") == Some("current_password"))
    {
        faults.push("asks for a current password where there is none".to_owned());
    }
    faults.extend(passkey_button(view, urls).and_then(|button| button.missing(&tags)));
    // Whether it is shown is seen with harmless text.
    for (field, text) in told(view).into_iter().filter(|(_, text)| !text.contains(HOSTILE)) {
        let mut escaped = String::new();
        super::filters::escape(&mut escaped, text).expect("writing to a string does not fail");
        if !html.contains(&escaped) {
            faults.push(format!("does not show view.{field}"));
        }
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
    /// The value of `method` it is for, where several forms post to one path.
    method: Option<&'a str>,
}

pub(super) fn forms<'a>(view: &'a View, urls: &'a Urls) -> Vec<Form<'a>> {
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
        View::Password(view) => {
            vec![with(form(&urls.password, &["password"]), view.has_password.then_some("current_password"))]
        }
        View::PasswordChange(view) => {
            let back = view.return_to.as_ref().map(|_| "return_to");
            vec![form(&urls.logout, &[]), with(form(&urls.password_change, &["password"]), back)]
        }
        View::Sudo(view) if view.demanded => {
            let back = view.return_to.as_ref().map(|_| "return_to");
            view.methods.iter().map(|method| with(with_code(&urls.sudo, method), back)).collect()
        }
        View::Sudo(view) if view.has_password => {
            vec![with(form(&urls.sudo, &["password"]), view.return_to.as_ref().map(|_| "return_to"))]
        }
        View::Sudo(_) => Vec::new(),
        View::Mfa(view) => {
            let one = |method| {
                let one = with(with_code(&urls.mfa, method), view.return_to.as_ref().map(|_| "return_to"));
                with(one, view.can_trust.then_some("trust_browser"))
            };
            let mut forms = vec![form(&urls.logout, &[])];
            forms.extend(view.totp.then(|| one("totp")));
            forms.extend(view.backup_code.then(|| one("backup_code")));
            forms
        }
        View::SignInConfirm(view) => {
            let back = view.return_to.as_ref().map(|_| "return_to");
            let code: &[_] = if view.proven { &[] } else { &["code"] };
            let mut forms = vec![form(&urls.logout, &[]), with(form(&urls.login_confirm, code), back)];
            forms.extend((!view.proven).then(|| with(form(&urls.login_confirm_mail_code, &[]), back)));
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
            forms.extend(view.cancel.is_none().then(|| form(&urls.logout, &[])));
            forms
        }
        View::MfaSettings(view) => {
            let passkeys = view.passkeys.iter().flat_map(|section| &section.passkeys);
            let passkeys =
                passkeys.flat_map(|row| [form(&row.rename_action, &["nickname"]), form(&row.delete_action, &[])]);
            passkeys.chain(view.mfa.iter().flat_map(of_second_factors)).collect()
        }
        View::NotMe(view) => vec![form(&view.action, &[])],
        View::EmailSettings(view) => {
            let pending = view.pending.iter().map(|pending| form(&pending.withdraw_action, &[]));
            pending.chain([form(&urls.email_settings, &["email"])]).collect()
        }
        View::EmailChangeToken(view) => vec![form(&view.action, &[])],
        View::EmailChangeCancel(view) => vec![form(&view.action, &[])],
        View::DeleteAccount(view) => view.fresh.then(|| form(&urls.delete_account, &[])).into_iter().collect(),
        View::Reactivate(view) => {
            let back = view.return_to.as_ref().map(|_| "return_to");
            vec![with(form(&urls.reactivate, &[]), back), form(&urls.logout, &[])]
        }
        View::UndoDeletion(view) => vec![form(&view.action, &[])],
        View::Settings(_) => vec![form(&urls.logout, &[])],
        View::Sessions(view) => {
            let others = view.sessions.iter().filter(|session| !session.current);
            let mut forms: Vec<_> = others.map(|session| form(&session.revoke_action, &[])).collect();
            if !forms.is_empty() {
                forms.push(form(&urls.revoke_others, &[]));
            }
            forms.push(form(&urls.logout, &[]));
            forms
        }
        View::BackupCodes(_) | View::CheckMail(_) | View::SecurityHistory(_) | View::Message(_) | View::Error(_) => {
            Vec::new()
        }
    }
}

fn form<'a>(action: &'a str, fields: &[&'static str]) -> Form<'a> {
    Form { action, fields: fields.to_vec(), method: None }
}

fn with_code<'a>(action: &'a str, method: &'a str) -> Form<'a> {
    Form { method: Some(method), ..form(action, &["method", "code"]) }
}

fn with<'a>(mut form: Form<'a>, field: Option<&'static str>) -> Form<'a> {
    form.fields.extend(field);
    form
}

fn of_second_factors(view: &MfaSection) -> Vec<Form<'_>> {
    let mut forms = Vec::new();
    if view.totp_since.is_some() {
        forms.push(with_code(&view.disable_action, "totp"));
        forms.extend((view.backup_codes_left > 0).then(|| with_code(&view.disable_action, "backup_code")));
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

/// What the forms of a page lack. Each form there is stands for one that is wanted, unless it lets its user choose the method.
fn forms_missing(wanted: &[Form<'_>], tags: &[Tag<'_>]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut faults = Vec::new();
    for form in wanted {
        let fits = |at: &usize| {
            let tag = &tags[*at];
            tag.name == "form" && tag.attribute("action") == Some(form.action) && !taken.contains(at)
        };
        let candidates = (0..tags.len()).filter(fits).filter_map(|at| {
            let inside = inside(tags, at);
            let fixed = inside.iter().find(|tag| tag.attribute("name") == Some("method") && tag.name == "input");
            let fixed =
                fixed.filter(|tag| tag.attribute("type") == Some("hidden")).and_then(|tag| tag.attribute("value"));
            let for_another = form.method.is_some() && fixed.is_some_and(|method| form.method != Some(method));
            (!for_another).then(|| (form.lacks(&tags[at], inside), at, form.method.is_none() || fixed.is_some()))
        });
        match candidates.min_by_key(|(lacks, at, _)| (lacks.len(), *at)) {
            Some((lacks, at, one)) => {
                faults.extend(lacks);
                taken.extend(one.then_some(at));
            }
            None => faults.push(format!(
                "has no form that posts to {}{}",
                form.action,
                form.method.map(|method| format!(" with the method {method}")).unwrap_or_default()
            )),
        }
    }
    faults
}

fn inside<'t, 'a>(tags: &'t [Tag<'a>], form: usize) -> &'t [Tag<'a>] {
    let inside = &tags[form + 1..];
    &inside[..inside.iter().position(|tag| tag.name == "/form").unwrap_or(inside.len())]
}

impl Form<'_> {
    fn lacks(&self, tag: &Tag<'_>, inside: &[Tag<'_>]) -> Vec<String> {
        let mut faults = Vec::new();
        if !tag.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
            faults.push(format!("has a form for {} whose method is not post", self.action));
        }
        for field in &self.fields {
            if !inside.iter().any(|tag| tag.attribute("name") == Some(field)) {
                faults.push(format!("has no field {field} in the form for {}", self.action));
            }
        }
        faults
    }
}

/// A button of a page without which a passkey cannot be used there. The one for signing in is the host's choice.
struct PasskeyButton<'a> {
    purpose: &'static str,
    start: &'a str,
    finish: &'a str,
}

fn passkey_button<'a>(view: &View, urls: &'a Urls) -> Option<PasskeyButton<'a>> {
    let (purpose, start, finish) = match view {
        View::Sudo(view) if view.passkey => ("sudo", &urls.passkey_sudo_start, &urls.sudo_json),
        View::Mfa(view) if view.passkey => ("second-factor", &urls.passkey_mfa_start, &urls.passkey_mfa_finish),
        View::MfaSettings(view) if view.fresh && view.passkeys.is_some() => {
            ("register", &urls.passkey_register_start, &urls.passkey_register_finish)
        }
        _ => return None,
    };
    Some(PasskeyButton { purpose, start, finish })
}

impl PasskeyButton<'_> {
    fn missing(&self, tags: &[Tag<'_>]) -> Option<String> {
        let is_it = |tag: &Tag<'_>| {
            [("data-passkey", self.purpose), ("data-start", self.start), ("data-finish", self.finish)]
                .iter()
                .all(|(name, value)| tag.attribute(name) == Some(value))
        };
        (!tags.iter().any(is_it)).then(|| format!("has no element with data-passkey=\"{}\"", self.purpose))
    }
}

/// The texts that a page is there to show, with the fields of its view: what people would otherwise never learn, or learn
/// only once.
fn told(view: &View) -> Vec<(&'static str, &str)> {
    fn errors(errors: &Errors) -> Vec<(&'static str, &str)> {
        errors.messages().map(|message| ("errors", message)).collect()
    }
    match view {
        View::Register(view) => errors(&view.errors),
        View::Confirm(view) => errors(&view.errors),
        View::MagicLink(view) => errors(&view.errors),
        View::ResetPassword(view) => errors(&view.errors),
        View::ResetPasswordToken(view) => errors(&view.errors),
        View::Password(view) => errors(&view.errors),
        View::PasswordChange(view) => errors(&view.errors),
        View::Sudo(view) => errors(&view.errors),
        View::Mfa(view) => errors(&view.errors),
        View::SignInConfirm(view) => errors(&view.errors),
        View::MfaEnrollment(view) => errors(&view.errors),
        View::MfaSettings(view) => errors(&view.errors),
        View::TotpSetup(view) => {
            let secret = view.secret.iter().flat_map(|secret| {
                [("secret.text", secret.text.as_str()), ("secret.qr_image", secret.qr_image.as_str())]
            });
            let cancel = view.cancel.iter().map(|path| ("cancel", path.as_str()));
            view.errors.messages().map(|message| ("errors", message)).chain(secret).chain(cancel).collect()
        }
        View::BackupCodes(view) => view
            .codes
            .iter()
            .map(|code| ("codes", code.as_str()))
            .chain([("next.href", view.next.href.as_str())])
            .collect(),
        View::Settings(view) => vec![("email", view.email.as_str())],
        View::DeleteAccount(view) => vec![("email", view.email.as_str())],
        View::Reactivate(view) => vec![("email", view.email.as_str())],
        View::UndoDeletion(view) => vec![("email", view.email.as_str())],
        View::Login(view) => view.error.iter().map(|error| ("error", error.as_str())).collect(),
        View::Message(view) => {
            let paragraphs = view.paragraphs.iter().map(|paragraph| ("paragraphs", paragraph.as_str()));
            paragraphs
                .chain([("title", view.title.as_str())])
                .chain(view.link.iter().map(|link| ("link.href", link.href.as_str())))
                .collect()
        }
        View::Error(view) => {
            let next = view.next.iter().map(|next| ("next.href", next.href.as_str()));
            let id = view.request_id.iter().map(|id| ("request_id", id.as_str()));
            next.chain([("sentence", view.sentence.as_str())]).chain(id).collect()
        }
        View::ConfirmToken(view) => vec![("email", &view.email)],
        View::MagicLinkToken(view) => vec![("email", &view.email)],
        View::NotMe(view) => vec![("email", &view.email)],
        View::EmailSettings(view) => {
            let pending = view.pending.iter().map(|pending| ("pending.email", pending.email.as_str()));
            errors(&view.errors).into_iter().chain([("email", view.email.as_str())]).chain(pending).collect()
        }
        View::EmailChangeToken(view) => vec![("email", &view.email)],
        View::EmailChangeCancel(view) => vec![("email", &view.email)],
        View::SecurityHistory(view) => {
            let sentences = view.events.iter().map(|event| ("events.sentence", event.sentence.as_str()));
            sentences.chain(view.older.iter().map(|path| ("older", path.as_str()))).collect()
        }
        View::CheckMail(_) | View::Sessions(_) => Vec::new(),
    }
}
