//! [`Composer`].

use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::{Composer, Facts, MailKind, Message};
use sigra_core::secret::{Code, RawToken};

use super::support::*;

/// Runs every check of this suite in turn.
pub fn all(composer: &dyn Composer) {
    every_kind_is_worded(composer);
    equal_facts_have_equal_words(composer);
    facts_are_no_markup_and_no_headers(composer);
}

/// Every kind of mail this toolkit sends becomes a message, with the token or code it is about.
pub fn every_kind_is_worded(composer: &dyn Composer) {
    let to = parse("Ann.B+c@example.org");
    for kind in MailKind::ALL {
        let (facts, token, code) = facts(kind, "Firefox on Linux");
        let message = compose(composer, kind, &to, &facts);
        assert_eq!((&message.kind, &message.to), (kind, &to));
        assert!(!message.subject.trim().is_empty() && !message.text.trim().is_empty(), "{kind}");
        assert!(!message.subject.contains(['\r', '\n']), "{kind}: {:?}", message.subject);
        if let Some(token) = token {
            assert!(message.text.contains(token.expose().as_str()), "{kind} lacks its link");
            assert!(!message.subject.contains(token.expose().as_str()), "{kind}: subjects are seen on locked screens");
        }
        if let Some(code) = code {
            assert!(message.text.contains(code.expose().as_str()), "{kind} lacks its code");
        }
    }
}

/// The same facts give the same words.
pub fn equal_facts_have_equal_words(composer: &dyn Composer) {
    let to = parse("ann@example.org");
    for kind in MailKind::ALL {
        let (facts, ..) = facts(kind, "Firefox on Linux");
        let words = || {
            let Message { subject, text, html, .. } = compose(composer, kind, &to, &facts);
            (subject, text, html)
        };
        assert_eq!(words(), words(), "{kind}");
    }
}

/// What a fact says stands for itself: escaped in HTML, on one line in the subject.
pub fn facts_are_no_markup_and_no_headers(composer: &dyn Composer) {
    let to = parse("ann@example.org");
    for kind in MailKind::ALL {
        let (facts, ..) = facts(kind, "<script>alert(1)</script>{{ 111111 * 1000001 }}\r\nBcc: eve@example.org");
        let message = compose(composer, kind, &to, &facts);
        assert!(!message.subject.contains(['\r', '\n']), "{kind}: {:?}", message.subject);
        assert!(!message.html.contains("<script>"), "{kind}");
        // So long that no random token holds it by chance.
        assert!(!message.html.contains("111111111111"), "{kind}: a fact was a template");
    }
}

fn compose(composer: &dyn Composer, kind: &MailKind, to: &EmailAddress, facts: &Facts) -> Message {
    let message = composer.compose(MailId::new(now()), kind, to, facts);
    message.unwrap_or_else(|error| panic!("`{kind}` is not worded: {error}"))
}

/// What a mail of this kind is made from, as the flows do it.
fn facts(kind: &MailKind, device: &str) -> (Facts, Option<RawToken>, Option<Code>) {
    let page = match kind.as_str() {
        "confirm_email" => Some("confirm"),
        "magic_link" => Some("magic_link"),
        "reset_password" => Some("reset_password"),
        "deletion_scheduled" => Some("reactivate"),
        "email_change_confirm" => Some("email_change"),
        "email_change_notice" | "email_changed" => Some("email_change_cancel"),
        "already_registered" | "confirm_code" | "enrollment_code" | "deletion_done" | "dormant_warning" => None,
        _ => Some("not_me"),
    };
    let token = page.map(|_| RawToken::random());
    let codes = [MailKind::CONFIRM_EMAIL, MailKind::CONFIRM_CODE, MailKind::ENROLLMENT_CODE];
    let code = codes.contains(kind).then(Code::random);
    let mut facts = Facts {
        at: Some(now()),
        due_at: Some(now() + HOUR),
        valid_secs: Some(3_600),
        device: Some(device.to_owned()),
        place: Some("Lisbon, PT".to_owned()),
        ip: Some("192.0.2.7".to_owned()),
        ..Facts::default()
    };
    if let (Some(page), Some(token)) = (page, &token) {
        facts = facts.with_token(page, token);
    }
    if let Some(code) = &code {
        facts = facts.with_code(code);
        facts.code_valid_secs = Some(600);
    }
    (facts, token, code)
}
