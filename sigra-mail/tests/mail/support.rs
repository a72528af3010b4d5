//! What the tests share.

use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::{Composer as _, Facts, MailKind, Message};
use sigra_core::secret::{Code, RawToken};
use sigra_core::time::Timestamp;
use sigra_mail::{Links, Sender, Templates};

pub(crate) const BASE: &str = "https://app.example/auth";
pub(crate) const CODE: &str = "042042";

/// The tokens each kind carries.
pub(crate) const KINDS: &[(MailKind, &[&str])] = &[
    (MailKind::CONFIRM_EMAIL, &["confirm"]),
    (MailKind::ALREADY_REGISTERED, &[]),
    (MailKind::MAGIC_LINK, &["magic_link"]),
    (MailKind::RESET_PASSWORD, &["reset_password"]),
    (MailKind::PASSWORD_CHANGED, &["not_me"]),
    (MailKind::NEW_DEVICE, &["not_me"]),
    (MailKind::ACCOUNT_LOCKED, &["not_me"]),
    (MailKind::SESSION_REUSED, &["not_me"]),
    (MailKind::MFA_LOCKED, &["not_me"]),
    (MailKind::SIGN_IN_UNFINISHED, &["not_me"]),
    (MailKind::CONFIRM_CODE, &[]),
    (MailKind::ENROLLMENT_CODE, &[]),
    (MailKind::EMAIL_CHANGE_CONFIRM, &["email_change"]),
    (MailKind::EMAIL_CHANGE_NOTICE, &["email_change_cancel"]),
    (MailKind::EMAIL_CHANGED, &["email_change_cancel"]),
    (MailKind::DELETION_SCHEDULED, &["reactivate"]),
    (MailKind::DELETION_CANCELLED, &["not_me"]),
    (MailKind::DELETION_DONE, &[]),
    (MailKind::DORMANT_WARNING, &[]),
    (MailKind::new("mfa_enabled"), &["not_me"]),
    (MailKind::new("mfa_disabled"), &["not_me"]),
    (BACKUP_CODE_USED, &["not_me"]),
    (MailKind::new("backup_codes_regenerated"), &["not_me"]),
    (MailKind::new("passkey_added"), &["not_me"]),
    (MailKind::new("passkey_removed"), &["not_me"]),
];

pub(crate) const BACKUP_CODE_USED: MailKind = MailKind::new("backup_code_used");

/// The kinds that carry a code.
pub(crate) const CODES: &[MailKind] = &[MailKind::CONFIRM_EMAIL, MailKind::CONFIRM_CODE, MailKind::ENROLLMENT_CODE];

pub(crate) fn templates() -> Templates {
    Templates::builder("Acme", Links::mounted_at(BASE)).build().unwrap()
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn ann() -> EmailAddress {
    address("ann@example.org")
}

pub(crate) fn sender() -> Sender {
    Sender::new("Acme", address("no-reply@acme.example"))
}

pub(crate) fn at() -> Timestamp {
    Timestamp::parse("2026-11-23T18:05:30Z").unwrap()
}

/// A token of 256 bits whose text form has every kind of character.
pub(crate) fn token() -> RawToken {
    RawToken::parse("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdA").unwrap()
}

pub(crate) fn link(page: &str) -> String {
    format!("{BASE}/{page}/{}", token().expose().as_str())
}

/// Everything a mail of this kind can say.
pub(crate) fn facts(kind: &MailKind) -> Facts {
    let (_, tokens) = KINDS.iter().find(|(known, _)| known == kind).unwrap();
    let facts = Facts {
        at: Some(at()),
        due_at: Some(at() + std::time::Duration::from_secs(14 * 86_400)),
        valid_secs: Some(172_800),
        code_valid_secs: Some(600),
        device: Some("Firefox on Linux".to_owned()),
        place: Some("Lisbon, PT".to_owned()),
        ip: Some("192.0.2.7".to_owned()),
        left: Some(3),
        what: Some("iCloud Keychain".to_owned()),
        ..Facts::default()
    };
    let facts = tokens.iter().fold(facts, |facts, name| facts.with_token(name, &token()));
    if CODES.contains(kind) { facts.with_code(&Code::parse(CODE).unwrap()) } else { facts }
}

pub(crate) fn compose(templates: &Templates, kind: &MailKind) -> Message {
    templates.compose(MailId::new(at()), kind, &ann(), &facts(kind)).unwrap()
}
