//! The embedded templates.

use sigra_core::mail::MailKind;

/// The three templates of one kind of mail, embedded by the capability that sends it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KindTemplates {
    /// The kind. Its templates are named after it.
    pub kind: MailKind,
    /// `<kind>.subject.txt`
    pub subject: &'static str,
    /// `<kind>.txt`
    pub text: &'static str,
    /// `<kind>.html`
    pub html: &'static str,
    /// The tokens its facts always carry. Each needs a link of the same name.
    pub tokens: &'static [&'static str],
    /// Whether its facts always carry a code.
    pub code: bool,
}

impl KindTemplates {
    /// The templates of a kind whose facts carry no token and no code.
    #[must_use]
    pub const fn new(kind: MailKind, subject: &'static str, text: &'static str, html: &'static str) -> Self {
        Self { kind, subject, text, html, tokens: &[], code: false }
    }

    /// Names the tokens its facts always carry.
    #[must_use]
    pub const fn with_tokens(mut self, tokens: &'static [&'static str]) -> Self {
        self.tokens = tokens;
        self
    }

    /// Says that its facts always carry a code.
    #[must_use]
    pub const fn with_code(mut self) -> Self {
        self.code = true;
        self
    }

    /// The names and sources of the three.
    pub(super) fn sources(&self) -> [(String, &'static str); 3] {
        let [subject, text, html] = names(&self.kind);
        [(subject, self.subject), (text, self.text), (html, self.html)]
    }
}

/// The names of the subject, the text and the HTML template of a kind.
pub(super) fn names(kind: &MailKind) -> [String; 3] {
    [format!("{kind}.subject.txt"), format!("{kind}.txt"), format!("{kind}.html")]
}

macro_rules! embedded {
    ($kind:expr, $name:literal) => {
        KindTemplates::new(
            $kind,
            include_str!(concat!("../../templates/", $name, ".subject.txt")),
            include_str!(concat!("../../templates/", $name, ".txt")),
            include_str!(concat!("../../templates/", $name, ".html")),
        )
    };
}

/// The kinds that have embedded templates.
pub(super) fn embedded_kinds() -> Vec<KindTemplates> {
    [core_kinds(), capability_kinds()].concat()
}

/// The kinds the flows of the core send.
fn core_kinds() -> Vec<KindTemplates> {
    vec![
        embedded!(MailKind::CONFIRM_EMAIL, "confirm_email").with_tokens(&["confirm"]).with_code(),
        embedded!(MailKind::ALREADY_REGISTERED, "already_registered"),
        embedded!(MailKind::MAGIC_LINK, "magic_link").with_tokens(&["magic_link"]),
        embedded!(MailKind::RESET_PASSWORD, "reset_password").with_tokens(&["reset_password"]),
        embedded!(MailKind::PASSWORD_CHANGED, "password_changed").with_tokens(&["not_me"]),
        embedded!(MailKind::NEW_DEVICE, "new_device").with_tokens(&["not_me"]),
        embedded!(MailKind::ACCOUNT_LOCKED, "account_locked").with_tokens(&["not_me"]),
        embedded!(MailKind::SESSION_REUSED, "session_reused").with_tokens(&["not_me"]),
        embedded!(MailKind::MFA_LOCKED, "mfa_locked").with_tokens(&["not_me"]),
        embedded!(MailKind::SIGN_IN_UNFINISHED, "sign_in_unfinished").with_tokens(&["not_me"]),
        embedded!(MailKind::CONFIRM_CODE, "confirm_code").with_code(),
        embedded!(MailKind::ENROLLMENT_CODE, "enrollment_code").with_code(),
        embedded!(MailKind::EMAIL_CHANGE_CONFIRM, "email_change_confirm").with_tokens(&["email_change"]),
        embedded!(MailKind::EMAIL_CHANGE_NOTICE, "email_change_notice").with_tokens(&["email_change_cancel"]),
        // Only the mail to the old address has it; the template for both must show it there.
        embedded!(MailKind::EMAIL_CHANGED, "email_changed").with_tokens(&["email_change_cancel"]),
        embedded!(MailKind::DELETION_SCHEDULED, "deletion_scheduled").with_tokens(&["reactivate"]),
        embedded!(MailKind::DELETION_CANCELLED, "deletion_cancelled").with_tokens(&["not_me"]),
        embedded!(MailKind::DELETION_DONE, "deletion_done"),
        embedded!(MailKind::DORMANT_WARNING, "dormant_warning"),
    ]
}

/// The kinds the capabilities of the toolkit send. They are known by their names alone.
fn capability_kinds() -> Vec<KindTemplates> {
    vec![
        embedded!(MailKind::new("mfa_enabled"), "mfa_enabled").with_tokens(&["not_me"]),
        embedded!(MailKind::new("mfa_disabled"), "mfa_disabled").with_tokens(&["not_me"]),
        embedded!(MailKind::new("backup_code_used"), "backup_code_used").with_tokens(&["not_me"]),
        embedded!(MailKind::new("backup_codes_regenerated"), "backup_codes_regenerated").with_tokens(&["not_me"]),
        embedded!(MailKind::new("passkey_added"), "passkey_added").with_tokens(&["not_me"]),
        embedded!(MailKind::new("passkey_removed"), "passkey_removed").with_tokens(&["not_me"]),
    ]
}

/// What the templates share.
pub(super) const PARTIALS: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../templates/layout.html")),
    ("origin.html", include_str!("../../templates/origin.html")),
    ("origin.txt", include_str!("../../templates/origin.txt")),
    ("not_me.html", include_str!("../../templates/not_me.html")),
    ("not_me.txt", include_str!("../../templates/not_me.txt")),
    ("undo_email_change.html", include_str!("../../templates/undo_email_change.html")),
    ("undo_email_change.txt", include_str!("../../templates/undo_email_change.txt")),
    ("footer.txt", include_str!("../../templates/footer.txt")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_core_has_templates_under_its_name() {
        let kinds: Vec<_> = core_kinds().into_iter().map(|templates| templates.kind).collect();
        assert_eq!(kinds, MailKind::ALL);
    }

    #[test]
    fn default_texts_are_plain_ascii_so_that_mail_needs_no_encoding() {
        let sources = embedded_kinds().iter().flat_map(KindTemplates::sources).collect::<Vec<_>>();
        let partials = PARTIALS.iter().map(|(name, source)| ((*name).to_owned(), *source));
        for (name, source) in sources.into_iter().chain(partials) {
            assert!(source.is_ascii(), "{name}");
        }
    }
}
