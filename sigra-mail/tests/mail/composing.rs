//! The embedded templates.

use sigra_core::id::MailId;
use sigra_core::mail::{Composer as _, Facts, MailKind};
use sigra_core::secret::Code;
use sigra_mail::{KindTemplates, Links, Templates};
use zeroize::Zeroizing;

use crate::support::{
    BACKUP_CODE_USED, BASE, CODE, CODES, KINDS, address, ann, at, compose, facts, link, sender, templates, token,
};

/// What each mail must say: its subject, and lines of its text.
fn golden(kind: &MailKind) -> (&'static str, Vec<String>) {
    let confirm = link("confirm");
    let undo = format!("{}/cancel", link("email-change"));
    let lines: (&str, &[&str]) = match kind.as_str() {
        "confirm_email" => (
            "Confirm your address for Acme",
            &[
                &confirm,
                CODE,
                "The link works once, within 48 hours.",
                "The code works for 10 minutes.",
                "If this was not you, ignore this mail. Without the link or the code no",
                "account is created.",
            ],
        ),
        "already_registered" => (
            "You already have an account at Acme",
            &[
                "It already has an account, so nothing was created and nothing was changed.",
                "https://app.example/auth/login",
                "https://app.example/auth/reset-password",
            ],
        ),
        "magic_link" => (
            "Your sign-in link for Acme",
            &[&link("magic-link"), "If this was not you, ignore this mail and do not pass the link on. Without"],
        ),
        "reset_password" => (
            "Choose a new password for Acme",
            &[&link("reset-password"), "The link works once, within 48 hours.", "password stays as it is."],
        ),
        "password_changed" => (
            "Your password for Acme was changed",
            &["The password of your account at Acme was changed.", &link("not-me")],
        ),
        "new_device" => ("New sign-in to your account at Acme", &["used on before.", &link("not-me")]),
        "account_locked" => (
            "Sign-in to your account at Acme is paused",
            &[
                "If this was you, wait a few minutes and try again. Each further wrong",
                "https://app.example/auth/magic-link",
                "https://app.example/auth/reset-password",
                &link("not-me"),
            ],
        ),
        "session_reused" => (
            "A device was signed out of your account at Acme",
            &["the sign-in. To be safe, that device was signed out.", &link("not-me")],
        ),
        "mfa_locked" => (
            "The second step of signing in to Acme is paused",
            &[
                "is paused. The last attempt:",
                "password.",
                "makes the pause longer.",
                "https://app.example/auth/reset-password",
                &link("not-me"),
            ],
        ),
        "sign_in_unfinished" => (
            "A sign-in to your account at Acme was not finished",
            &[
                "from a device it had not been used on before, and gave up at the second step.",
                "Nobody got in.",
                "If it was not, somebody knows your password. The second step has kept them out",
                &link("not-me"),
            ],
        ),
        "confirm_code" => (
            "Your code to sign in at Acme",
            &[
                CODE,
                "The code works for 10 minutes.",
                "If this was not you, do not pass the code on. Without it nobody can go on with",
            ],
        ),
        "enrollment_code" => (
            "Your code to set up two-step sign-in at Acme",
            &[
                CODE,
                "The code works for 10 minutes.",
                "If this was not you, do not pass the code on. Somebody may know your password.",
                "https://app.example/auth/reset-password",
            ],
        ),
        "email_change_confirm" => (
            "Confirm your new address for Acme",
            &[
                &link("email-change"),
                "The link works once, within 48 hours, and only while the session that",
                "If this was not you, ignore this mail and do not pass the link on. Without",
            ],
        ),
        "email_change_notice" => (
            "A new address was asked for at Acme",
            &[
                "Acme. Nothing is changed before the new address is confirmed.",
                "If this was not you, open this link. It keeps this address for your account",
                &undo,
            ],
        ),
        "email_changed" => (
            "The address of your account at Acme was changed",
            &["account goes to the new address from now on, and no longer to this one.", &undo],
        ),
        "deletion_scheduled" => (
            "Your account at Acme will be deleted",
            &[
                "everywhere, and on 7 December 2026, 18:05 UTC the account will be deleted for good.",
                &link("reactivate"),
                "https://app.example/auth/login",
            ],
        ),
        "deletion_cancelled" => ("Your account at Acme will not be deleted", &["as it was.", &link("not-me")]),
        "deletion_done" => (
            "Your account at Acme was deleted",
            &[
                "Your account at Acme was deleted, and nobody can sign in to it any more.",
                "Nobody can register with this address before 7 December 2026, 18:05 UTC.",
            ],
        ),
        "dormant_warning" => (
            "Your account at Acme will be disabled",
            &[
                "Your account at Acme has not been used since 23 November 2026, 18:05 UTC.",
                "On 7 December 2026, 18:05 UTC it will be disabled, and nobody can sign",
                "in to it from then on. If you want to keep it, sign in before that day.",
                "https://app.example/auth/login",
            ],
        ),
        "mfa_enabled" => (
            "Two-step sign-in for Acme was turned on",
            &["now also takes a code from the authenticator app that was set up.", &link("not-me")],
        ),
        "mfa_disabled" => ("Two-step sign-in for Acme was turned off", &["trusted any more.", &link("not-me")]),
        "backup_code_used" => (
            "A backup code was used at Acme",
            &["of a code from the authenticator app.", "3 backup codes are left.", &link("not-me")],
        ),
        "backup_codes_regenerated" => {
            ("New backup codes for Acme were made", &["before no longer work.", &link("not-me")])
        }
        "passkey_added" => (
            "A passkey was added to your account at Acme",
            &[
                "A passkey was added to your account at Acme. It can be used to sign",
                "Passkey: iCloud Keychain",
                &link("not-me"),
            ],
        ),
        "passkey_removed" => (
            "A passkey was removed from your account at Acme",
            &["used to sign in.", "Passkey: iCloud Keychain", &link("not-me")],
        ),
        other => panic!("no golden lines for {other}"),
    };
    (lines.0, lines.1.iter().map(|line| (*line).to_owned()).collect())
}

#[test]
fn every_kind_says_what_happened_when_and_where_and_what_to_do() {
    for (kind, _) in KINDS {
        let message = compose(&templates(), kind);
        let (subject, lines) = golden(kind);
        assert_eq!(message.subject, subject);
        let common = [
            "When: 23 November 2026, 18:05 UTC",
            "Device: Firefox on Linux",
            "Place: Lisbon, PT (estimated from the network address)",
            "Network address: 192.0.2.7",
        ];
        // Nobody did anything: that is what it tells.
        let of_somebody = *kind != MailKind::DORMANT_WARNING;
        for line in lines.iter().map(String::as_str).chain(common.into_iter().filter(|_| of_somebody)) {
            assert!(message.text.lines().any(|known| known == line), "{kind} lacks {line:?}:\n{}", message.text);
        }
        assert_eq!(message.text.contains("f this was not you"), of_somebody, "{kind}");
        assert!(!message.text.contains("\n\n\n") && !message.html.contains("{%"), "{kind}");
        assert_eq!(message.to, ann());
        assert_eq!(message.kind, *kind);
    }
}

#[test]
fn mf_18_the_mail_about_a_used_backup_code_says_how_many_are_left() {
    for (left, line) in [
        (0, "That was the last one. Make new backup codes before you need one."),
        (1, "One backup code is left. Make new ones before you need more."),
        (9, "9 backup codes are left."),
    ] {
        let facts = Facts { left: Some(left), ..facts(&BACKUP_CODE_USED) };
        let message = templates().compose(MailId::new(at()), &BACKUP_CODE_USED, &ann(), &facts).unwrap();
        assert!(message.text.lines().any(|known| known == line), "{}", message.text);
        assert!(message.html.contains(&format!("<p>{line}</p>")), "{}", message.html);
    }
}

#[test]
fn both_parts_carry_the_same_links_and_codes() {
    for (kind, tokens) in KINDS {
        let message = compose(&templates(), kind);
        for name in *tokens {
            let url = match *name {
                "email_change_cancel" => format!("{}/cancel", link("email-change")),
                name => link(&name.replace('_', "-")),
            };
            assert!(message.text.lines().any(|line| line == url), "{kind}");
            assert!(message.html.contains(&format!("<a href=\"{url}\">{url}</a>")), "{kind}");
        }
        let with_code = CODES.contains(kind);
        assert_eq!(message.text.lines().any(|line| line == CODE), with_code, "{kind}");
        assert_eq!(message.html.contains(&format!("<p class=\"code\">{CODE}</p>")), with_code, "{kind}");
    }
}

#[test]
fn html_parts_load_nothing_from_anywhere() {
    for (kind, _) in KINDS {
        let html = compose(&templates(), kind).html.to_lowercase();
        for loads in ["<img", "<script", "<link", "<iframe", "src=", "url(", "@import", "background="] {
            assert!(!html.contains(loads), "{kind} has {loads}");
        }
        assert!(html.starts_with("<!doctype html>"), "{kind}");
    }
}

#[test]
fn cs_10_every_link_is_under_the_configured_url() {
    for (kind, _) in KINDS {
        let message = compose(&templates(), kind);
        for part in [&message.text, &message.html] {
            for (found, _) in part.match_indices("://") {
                let from = part[..found].rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |before| before + 1);
                assert!(part[from..].starts_with(BASE), "{kind}: {}", &part[from..from + 40]);
            }
        }
    }
}

#[test]
fn tk_09_a_changed_password_is_told_without_the_password_and_with_a_way_back() {
    let message = compose(&templates(), &MailKind::PASSWORD_CHANGED);
    assert!(message.text.contains("was changed"));
    assert!(message.text.lines().any(|line| line == link("not-me")));
    let links = message.text.lines().filter(|line| line.contains("://")).count();
    assert_eq!(links, 1, "no other link");
}

#[test]
fn cs_13_what_a_client_claims_is_inert_in_html_and_literal_on_one_line_in_text() {
    let hostile = "<script>alert('x')</script>\r\n\r\nhttps://evil.example/\u{2028}\u{202e}&\"";
    for (kind, _) in KINDS.iter().filter(|(kind, _)| *kind != MailKind::DORMANT_WARNING) {
        let facts = Facts { device: Some(hostile.to_owned()), place: Some(hostile.to_owned()), ..facts(kind) };
        let message = templates().compose(MailId::new(at()), kind, &ann(), &facts).unwrap();
        let line = "<script>alert('x')</script>https://evil.example/&\"";
        assert!(message.text.lines().any(|known| known == format!("Device: {line}")), "{kind}: {}", message.text);
        assert!(!message.text.lines().any(|line| line.starts_with("https://evil.example")), "{kind}");
        assert!(!message.html.contains("<script"), "{kind}");
        let inert = "<dd>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;https://evil.example/&amp;&quot;</dd>";
        assert!(message.html.contains(inert), "{kind}: {}", message.html);
    }
}

#[test]
fn cs_13_a_product_name_cannot_leave_the_subject_or_the_page() {
    let name = "A<b>cme</b>\r\nBcc: eve@example.org\0";
    let templates = Templates::builder(name, Links::mounted_at(BASE)).build().unwrap();
    let message = compose(&templates, &MailKind::MAGIC_LINK);
    assert_eq!(message.subject, "Your sign-in link for A<b>cme</b>Bcc: eve@example.org");
    assert!(!message.html.contains("<b>"));
    let eml = String::from_utf8(sigra_mail::to_eml(&sender(), &message).unwrap()).unwrap();
    assert!(!eml.lines().any(|line| line.starts_with("Bcc:")), "{eml}");
}

#[test]
fn facts_that_lack_the_link_or_the_code_give_no_mail() {
    // The mail to the new address has no link.
    let linked = KINDS.iter().filter(|(kind, tokens)| !tokens.is_empty() && *kind != MailKind::EMAIL_CHANGED);
    for (kind, tokens) in linked {
        let mut facts = facts(kind);
        facts.tokens.clear();
        let error = templates().compose(MailId::new(at()), kind, &ann(), &facts).unwrap_err();
        assert_eq!(error.kind, kind.as_str());
        let why = error.source.unwrap().to_string();
        assert!(why.starts_with("undefined value in "), "{kind} {tokens:?}: {why}");
    }
    for kind in CODES {
        let no_code = Facts { code: None, ..facts(kind) };
        assert!(templates().compose(MailId::new(at()), kind, &ann(), &no_code).is_err());
    }
}

#[test]
fn a_mail_needs_only_its_link_and_its_code() {
    for (kind, tokens) in KINDS {
        let mut least = tokens.iter().fold(Facts::default(), |facts, name| facts.with_token(name, &token()));
        if CODES.contains(kind) {
            least = least.with_code(&Code::parse(CODE).unwrap());
        }
        let message = templates().compose(MailId::new(at()), kind, &ann(), &least).unwrap();
        assert!(message.text.contains("23 November 2026, 18:05 UTC"), "the time comes from the id");
        for absent in ["Device:", "Place:", "Network address:", "none", "undefined", "within"] {
            assert!(!message.text.contains(absent), "{kind} has {absent:?}:\n{}", message.text);
        }
    }
}

#[test]
fn a_token_that_could_leave_its_url_gives_no_mail_and_is_not_quoted() {
    for bad in ["", "canary canary", "canary\ncanary", "canary/../canary", "canary?x=1", "canary\"", "canary%0a"] {
        let mut facts = facts(&MailKind::MAGIC_LINK);
        facts.tokens.insert("magic_link".to_owned(), Zeroizing::new(bad.to_owned()));
        let error = templates().compose(MailId::new(at()), &MailKind::MAGIC_LINK, &ann(), &facts).unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", error.source).contains("canary"), "{bad:?}");
    }
}

#[test]
fn pw_30_an_error_quotes_no_fact() {
    const KIND: MailKind = MailKind::new("picky");
    let text = "{{ code }}\n{% if code|int > 0 %}Above zero{% endif %}";
    let kind = KindTemplates::new(KIND, "s", text, "{{ code }}").with_code();
    let templates = Templates::builder("Acme", Links::mounted_at(BASE)).add_kind(kind).build().unwrap();
    let facts = Facts { code: Some(Zeroizing::new("canary".to_owned())), ..Facts::default() };
    let error = templates.compose(MailId::new(at()), &KIND, &ann(), &facts).unwrap_err();
    assert!(!format!("{error} {error:?} {:?}", error.source).contains("canary"));
    assert_eq!(error.source.unwrap().to_string(), "invalid operation in picky.txt, line 2");
}

#[test]
fn an_unknown_kind_gives_no_mail() {
    let kind = MailKind::from_stored("layout".to_owned());
    let error = templates().compose(MailId::new(at()), &kind, &ann(), &Facts::default()).unwrap_err();
    assert_eq!(error.to_string(), "no mail could be composed for `layout`");
    assert_eq!(error.source.unwrap().to_string(), "there are no templates of this kind");
}

#[test]
fn a_capability_adds_a_kind() {
    const KIND: MailKind = MailKind::new("invitation");
    let links = Links::mounted_at(BASE).link("invitation", format!("{BASE}/invitations/{{token}}/accept"));
    let kind = KindTemplates::new(
        KIND,
        "You are invited to {{ product }}",
        "To accept:\n{{ links.invitation }}\n{% include 'origin.txt' %}",
        "{% extends 'layout.html' %}{% block body %}<a href=\"{{ links.invitation }}\">Accept</a>{% endblock %}",
    )
    .with_tokens(&["invitation"]);
    let templates = Templates::builder("Acme", links).add_kind(kind).build().unwrap();
    let facts = Facts::default().with_token("invitation", &token());
    let message = templates.compose(MailId::new(at()), &KIND, &ann(), &facts).unwrap();
    let url = format!("{}/accept", link("invitations"));
    assert_eq!(message.text, format!("To accept:\n{url}\nWhen: 23 November 2026, 18:05 UTC\n"));
    assert!(message.html.contains(&format!("href=\"{url}\"")));
}

#[test]
fn a_host_without_a_page_sends_mails_that_do_not_speak_of_it() {
    let links = Links::mounted_at(BASE).without_page("magic_link");
    let templates = Templates::builder("Acme", links).build().unwrap();
    let text = compose(&templates, &MailKind::ACCOUNT_LOCKED).text;
    assert!(!text.contains("sign-in link") && text.contains("To choose a new password:"), "{text}");
}

#[test]
fn tk_20_a_mail_goes_to_the_address_it_was_owed_to() {
    let stored = address("Mike@example.org");
    let kind = MailKind::MAGIC_LINK;
    let message = templates().compose(MailId::new(at()), &kind, &stored, &facts(&kind)).unwrap();
    assert_eq!(message.to.as_str(), "Mike@example.org");
}

#[test]
fn composing_twice_gives_the_same_words() {
    let id = MailId::new(at());
    for (kind, _) in KINDS {
        let [one, two] =
            [(), ()].map(|()| templates().compose(id, kind, &ann(), &facts(kind)).expect("facts are complete"));
        assert_eq!((one.subject, one.text, one.html), (two.subject, two.text, two.html));
    }
}

#[test]
fn the_new_address_is_told_and_cannot_undo() {
    let facts = Facts { at: Some(at()), ..Facts::default() };
    let message = templates().compose(MailId::new(at()), &MailKind::EMAIL_CHANGED, &ann(), &facts).unwrap();
    for part in [&message.text, &message.html] {
        assert!(part.contains("was changed to this one"), "{part}");
        assert!(!part.contains("/auth/email-change/"), "{part}");
    }
}
