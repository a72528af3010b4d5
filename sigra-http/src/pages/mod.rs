//! From a view to HTML, through templates that a host can override.
//!
//! The templates are [minijinja](https://docs.rs/minijinja), close to Jinja2. Each sees `view`, the fields of its page's
//! type in [`views`](crate::views), `notice`, one sentence or none, `unconfirmed`, the address of whoever is signed in without having
//! proven it, or none, and the globals `product`, `prefix`, `urls`, `assets`,
//! `settings` (the pages of the settings: `href`, `text` and `about`, a sentence on each) and `passkeys` (whether one can sign in with a passkey). Values are always escaped. Reading what does not exist is an error, not an empty string.
//!
//! Besides minijinja's own filters there are `moment`, which words an RFC 3339 time, and `method_words`, which words the
//! name of a way of signing in.

mod assets;
mod check;
mod fault;
mod filters;
mod markup;
mod overrides;
mod samples;
#[cfg(test)]
mod tests;

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use self::fault::describe;
pub use self::fault::{PageFaults, RenderError};
use crate::views::View;

/// The embedded templates. Every page of [`View`] has its own; the first two are what they share.
const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../templates/layout.html")),
    ("parts.html", include_str!("../../templates/parts.html")),
    ("check_mail.html", include_str!("../../templates/check_mail.html")),
    ("confirm.html", include_str!("../../templates/confirm.html")),
    ("confirm_token.html", include_str!("../../templates/confirm_token.html")),
    ("delete_account.html", include_str!("../../templates/delete_account.html")),
    ("email_change_cancel.html", include_str!("../../templates/email_change_cancel.html")),
    ("email_change_token.html", include_str!("../../templates/email_change_token.html")),
    ("email_settings.html", include_str!("../../templates/email_settings.html")),
    ("error.html", include_str!("../../templates/error.html")),
    ("login.html", include_str!("../../templates/login.html")),
    ("magic_link.html", include_str!("../../templates/magic_link.html")),
    ("magic_link_token.html", include_str!("../../templates/magic_link_token.html")),
    ("mfa.html", include_str!("../../templates/mfa.html")),
    ("mfa_enrollment.html", include_str!("../../templates/mfa_enrollment.html")),
    ("mfa_settings.html", include_str!("../../templates/mfa_settings.html")),
    ("totp_setup.html", include_str!("../../templates/totp_setup.html")),
    ("backup_codes.html", include_str!("../../templates/backup_codes.html")),
    ("message.html", include_str!("../../templates/message.html")),
    ("not_me.html", include_str!("../../templates/not_me.html")),
    ("password.html", include_str!("../../templates/password.html")),
    ("password_change.html", include_str!("../../templates/password_change.html")),
    ("reactivate.html", include_str!("../../templates/reactivate.html")),
    ("security_history.html", include_str!("../../templates/security_history.html")),
    ("register.html", include_str!("../../templates/register.html")),
    ("reset_password.html", include_str!("../../templates/reset_password.html")),
    ("reset_password_token.html", include_str!("../../templates/reset_password_token.html")),
    ("sign_in_confirm.html", include_str!("../../templates/sign_in_confirm.html")),
    ("settings.html", include_str!("../../templates/settings.html")),
    ("sessions.html", include_str!("../../templates/sessions.html")),
    ("sudo.html", include_str!("../../templates/sudo.html")),
    ("undo_deletion.html", include_str!("../../templates/undo_deletion.html")),
];

/// Renders every page, with the embedded templates or a host's own in their place.
#[derive(Clone, Debug)]
pub struct Pages {
    environment: Environment<'static>,
    urls: Urls,
}

impl Pages {
    /// The embedded templates. `product` is what the pages call the host, `prefix` is the path that the routes are
    /// mounted under, without a slash at its end.
    #[must_use]
    pub fn new(product: &str, prefix: &str) -> Self {
        let mut environment = environment();
        let urls = Urls::new(prefix);
        environment.add_global("product", product);
        environment.add_global("prefix", prefix);
        environment.add_global("urls", Serde(&urls));
        environment.add_global("assets", Serde(assets::Urls::new(prefix)));
        // Until a surface says what it offers.
        environment.add_global("settings", Serde(Vec::<SettingsLink>::new()));
        environment.add_global("passkeys", false);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source).expect("a test parses every embedded template");
        }
        Self { environment, urls }
    }

    /// Tells the templates what the surface has: `settings`, the pages of the settings as links, and `passkeys`, whether one
    /// can sign in with a passkey.
    pub(crate) fn offer(&mut self, offers: &Offers<'_>) {
        let links: Vec<_> = offers
            .settings
            .iter()
            .map(|section| SettingsLink {
                href: format!("{}{}", self.urls.prefix, section.path),
                text: section.title,
                about: section.about,
            })
            .collect();
        self.environment.add_global("settings", Serde(links));
        self.environment.add_global("passkeys", offers.passkeys);
    }

    /// Lets the files of a folder take the place of embedded templates of the same name.
    ///
    /// Every file in it must have the name of an embedded template. Files whose names start with `_` and end in `.html`
    /// are the host's own, for its templates to include; those whose names start with `.` are left alone. Files are
    /// read once, here, and checked as [`Pages::check`] does.
    ///
    /// # Errors
    ///
    /// Every fault of every file.
    pub fn override_dir(mut self, path: impl AsRef<Path>) -> Result<Self, PageFaults> {
        let mut faults = overrides::apply(path.as_ref(), &mut self.environment);
        faults.extend(check::faults_of(&self));
        if faults.is_empty() { Ok(self) } else { Err(PageFaults(faults)) }
    }

    /// Renders every page with sample views: empty, full, with faults, with hostile text.
    ///
    /// # Errors
    ///
    /// Every fault of every page: it does not render, leaves out a form or a field, shows a value unescaped, or holds
    /// what the content security policy of these pages blocks (inline code, files of other origins).
    pub fn check(&self) -> Result<(), PageFaults> {
        let faults = check::faults_of(self);
        if faults.is_empty() { Ok(()) } else { Err(PageFaults(faults)) }
    }

    /// The whole page. `notice` is one sentence shown above it, such as "Your address is confirmed."
    ///
    /// # Errors
    ///
    /// A template that fails on this view. [`Pages::check`] finds those beforehand.
    pub fn render(&self, view: &View, notice: Option<&str>) -> Result<String, RenderError> {
        self.render_above(view, Above { notice, unconfirmed: None })
    }

    /// The whole page, with what stands above it.
    pub(crate) fn render_above(&self, view: &View, above: Above<'_>) -> Result<String, RenderError> {
        self.try_render(view, above).map_err(|error| RenderError::new(&error))
    }

    /// The stylesheet that the layout links, and the hash in that link.
    #[must_use]
    pub fn stylesheet() -> (&'static str, &'static str) {
        assets::STYLESHEET.parts()
    }

    /// The script that the layout links, and the hash in that link.
    #[must_use]
    pub fn script() -> (&'static str, &'static str) {
        assets::SCRIPT.parts()
    }

    fn try_render(&self, view: &View, Above { notice, unconfirmed }: Above<'_>) -> Result<String, minijinja::Error> {
        self.environment.get_template(view.template())?.render(Serde(Page { view, notice, unconfirmed }))
    }
}

/// What stands above a page, whichever it is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Above<'a> {
    /// One sentence about what has just happened.
    pub(crate) notice: Option<&'a str>,
    /// The address that whoever is signed in has not proven yet.
    pub(crate) unconfirmed: Option<&'a str>,
}

/// What a surface has.
pub(crate) struct Offers<'a> {
    pub(crate) settings: &'a [Section],
    pub(crate) passkeys: bool,
}

/// A page of the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// Below the prefix.
    pub(crate) path: &'static str,
    pub(crate) title: &'static str,
    /// One sentence: what can be seen and done there.
    pub(crate) about: &'static str,
}

/// A page of the settings, for the templates.
#[derive(Serialize)]
struct SettingsLink {
    href: String,
    text: &'static str,
    about: &'static str,
}

/// What a template sees.
#[derive(Serialize)]
struct Page<'a> {
    view: &'a View,
    notice: Option<&'a str>,
    unconfirmed: Option<&'a str>,
}

/// Where the pages lead.
#[derive(Clone, Debug, Serialize)]
struct Urls {
    #[serde(skip)]
    prefix: String,
    home: &'static str,
    login: String,
    logout: String,
    register: String,
    confirm: String,
    confirm_resend: String,
    magic_link: String,
    reset_password: String,
    password: String,
    password_change: String,
    sudo: String,
    settings: String,
    sessions: String,
    security_history: String,
    revoke_others: String,
    email_settings: String,
    mfa: String,
    mfa_settings: String,
    mfa_enrollment: String,
    mfa_enrollment_code: String,
    mfa_enrollment_mail_code: String,
    mfa_enrollment_totp: String,
    passkey_login_start: String,
    passkey_login_finish: String,
    passkey_mfa_start: String,
    passkey_mfa_finish: String,
    passkey_sudo_start: String,
    passkey_register_start: String,
    passkey_register_finish: String,
    sudo_json: String,
    login_next: String,
    delete_account: String,
    reactivate: String,
    login_confirm: String,
    login_confirm_mail_code: String,
}

impl Urls {
    fn new(prefix: &str) -> Self {
        let at = |path: &str| format!("{prefix}{path}");
        Self {
            prefix: prefix.to_owned(),
            home: "/",
            login: at("/login"),
            logout: at("/logout"),
            register: at("/register"),
            confirm: at("/confirm"),
            confirm_resend: at("/confirm/resend"),
            magic_link: at("/magic-link"),
            reset_password: at("/reset-password"),
            password: at("/settings/password"),
            password_change: at("/login/password-change"),
            sudo: at("/sudo"),
            settings: at("/settings"),
            sessions: at("/settings/sessions"),
            security_history: at("/settings/security"),
            revoke_others: at("/settings/sessions/revoke-others"),
            email_settings: at("/settings/email"),
            mfa: at("/mfa"),
            mfa_settings: at("/settings/mfa"),
            mfa_enrollment: at("/login/mfa-enrollment"),
            mfa_enrollment_code: at("/login/mfa-enrollment/code"),
            mfa_enrollment_mail_code: at("/login/mfa-enrollment/mail-code"),
            mfa_enrollment_totp: at("/login/mfa-enrollment/totp"),
            passkey_login_start: at("/api/v1/passkeys/login/start"),
            passkey_login_finish: at("/api/v1/passkeys/login/finish"),
            passkey_mfa_start: at("/api/v1/mfa/passkey/start"),
            passkey_mfa_finish: at("/api/v1/mfa/passkey/finish"),
            passkey_sudo_start: at("/api/v1/sudo/passkey/start"),
            passkey_register_start: at("/api/v1/passkeys/register/start"),
            passkey_register_finish: at("/api/v1/passkeys/register/finish"),
            sudo_json: at("/api/v1/sudo"),
            login_next: at("/login/next"),
            delete_account: at("/settings/delete"),
            reactivate: at("/login/reactivate"),
            login_confirm: at("/login/confirm"),
            login_confirm_mail_code: at("/login/confirm/mail-code"),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => filters::escape(out, text).map_err(Into::into),
        _ => minijinja::escape_formatter(out, state, value),
    });
    let whole_lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(whole_lines.expect("the delimiters are the default ones"));
    environment.add_filter("moment", filters::moment);
    environment.add_filter("method_words", filters::method_words);
    environment
}
