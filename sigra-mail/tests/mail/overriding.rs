//! A host's own templates.

use std::fs;
use std::path::Path;

use sigra_core::id::MailId;
use sigra_core::mail::{Composer as _, Facts, MailKind};
use sigra_mail::{KindTemplates, Links, TemplateFaults, Templates};
use tempfile::{TempDir, tempdir};

use crate::support::{BASE, CODE, CODES, KINDS, ann, at, compose, link};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn load(dir: &Path) -> Result<Templates, TemplateFaults> {
    Templates::builder("Acme", Links::mounted_at(BASE)).override_dir(dir).build()
}

/// The faults of a folder with these files, by their beginnings.
fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    load(folder(files).path()).expect_err("a fault").iter().map(str::to_owned).collect()
}

#[test]
fn every_template_of_every_kind_can_be_overridden() {
    for (kind, tokens) in KINDS {
        let mut secrets = tokens.iter().map(|name| format!("{{{{ links.{name} }}}}\n")).collect::<String>();
        if CODES.contains(kind) {
            secrets += "{{ code }}\n";
        }
        let dir = folder(&[
            (&format!("{kind}.subject.txt"), "Our subject, {{ product }}\n"),
            (&format!("{kind}.txt"), &format!("Our text\n{secrets}")),
            (&format!("{kind}.html"), &format!("<p>Our page</p>\n{secrets}")),
        ]);
        let message = compose(&load(dir.path()).unwrap(), kind);
        assert_eq!(message.subject, "Our subject, Acme");
        assert!(message.text.starts_with("Our text\n"), "{kind}");
        assert!(message.html.starts_with("<p>Our page</p>\n"), "{kind}");
    }
}

#[test]
fn one_file_replaces_one_template_and_leaves_the_others() {
    let dir =
        folder(&[("magic_link.subject.txt", "Entrer chez {{ product }} \u{e9}"), ("README.md", "not a template")]);
    let templates = load(dir.path()).unwrap();
    let message = compose(&templates, &MailKind::MAGIC_LINK);
    assert_eq!(message.subject, "Entrer chez Acme \u{e9}");
    assert!(message.text.contains("asked for a link to sign in"));
    assert_eq!(compose(&templates, &MailKind::CONFIRM_EMAIL).subject, "Confirm your address for Acme");
}

#[test]
fn a_host_that_sends_some_mails_alone_needs_their_links_alone() {
    let links = Links::new().link("magic_link", "https://app.example/auth/magic_link/{token}");
    let faults = Templates::builder("Acme", links.clone()).build().expect_err("the other links are missing");
    assert!(faults.iter().any(|fault| fault.contains("need the link `confirm`")), "{faults}");

    let templates = Templates::builder("Acme", links).only(&[MailKind::MAGIC_LINK]).build().unwrap();
    assert!(compose(&templates, &MailKind::MAGIC_LINK).text.contains(&link("magic_link")));
    let facts = Facts::default();
    assert!(templates.compose(MailId::new(at()), &MailKind::CONFIRM_EMAIL, &ann(), &facts).is_err());
}

#[test]
fn shared_parts_can_be_overridden_and_own_ones_added() {
    let dir = folder(&[
        ("footer.txt", "{% include '_imprint.txt' %}"),
        ("_imprint.txt", "Acme Ltd, Lisbon\n"),
        ("layout.html", "<!DOCTYPE html><title>{{ product }}</title>{% block body %}{% endblock %}"),
    ]);
    let templates = load(dir.path()).unwrap();
    for (kind, _) in KINDS {
        let message = compose(&templates, kind);
        assert!(message.text.ends_with("\nAcme Ltd, Lisbon\n"), "{kind}");
        assert!(message.html.starts_with("<!DOCTYPE html><title>Acme</title>"), "{kind}");
    }
}

#[test]
fn a_kind_that_was_added_can_be_overridden() {
    let kind = MailKind::new("greenhouse_opened");
    let dir = folder(&[("greenhouse_opened.txt", "Ours")]);
    let templates = Templates::builder("Acme", Links::mounted_at(BASE))
        .add_kind(KindTemplates::new(kind.clone(), "Subject", "Theirs", "<p>Theirs</p>"))
        .override_dir(dir.path())
        .build()
        .unwrap();
    let message = templates.compose(MailId::new(at()), &kind, &ann(), &Facts::default()).unwrap();
    assert_eq!((message.text.as_str(), message.html.as_str()), ("Ours", "<p>Theirs</p>"));
}

#[test]
fn all_faults_are_reported_together() {
    let faults = faults_of(&[
        ("magic_link.txt", "{{ links.magic_link"),
        ("confirm-email.txt", "a misspelt name"),
        ("reset_password.html", "{% if %}"),
    ]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("confirm-email.txt overrides no mail template")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.ends_with("in magic_link.txt, line 1")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.ends_with("in reset_password.html, line 1")), "{faults:?}");
}

#[test]
fn what_renders_wrongly_is_found_before_the_first_mail() {
    for (name, text, fault) in [
        ("magic_link.txt", "{{ links.magic_link }}\n\n{{ name }}", "undefined value in magic_link.txt, line 3"),
        (
            "magic_link.txt",
            "{{ links.magic_link }}\n{{ device }}",
            "undefined value in magic_link.txt, line 2 when only what is certain is known",
        ),
        ("magic_link.txt", "{{ links.reset_password }}", "undefined value in magic_link.txt, line 1"),
        ("magic_link.txt", "{% include '_gone.txt' %}", "template not found"),
        (
            "magic_link.txt",
            "Go to {{ links.magic_link }}.",
            "magic_link.txt has a link or a code that is not alone on its line",
        ),
        (
            "confirm_email.txt",
            "{{ links.confirm }}\nCode: {{ code }}",
            "confirm_email.txt has a link or a code that is not alone on its line",
        ),
        ("magic_link.txt", "Hello", "magic_link.txt shows none of the links and codes it is sent for"),
        ("magic_link.html", "<p>Hello</p>", "magic_link.html shows none of the links and codes it is sent for"),
        ("already_registered.txt", "\n", "already_registered.txt is empty"),
        ("already_registered.html", "{{ device|safe }}", "already_registered.html shows a value unescaped"),
        (
            "already_registered.html",
            "{% autoescape false %}{% if place %}{{ place }}{% endif %}{% endautoescape %}.",
            "already_registered.html shows a value unescaped",
        ),
        ("magic_link.subject.txt", "One\nTwo", "magic_link.subject.txt has more than one line"),
        ("magic_link.subject.txt", " ", "magic_link.subject.txt is empty"),
        ("confirm_email.subject.txt", "{{ code }} is your code", "confirm_email.subject.txt shows a link or a code"),
    ] {
        let faults = faults_of(&[(name, text)]);
        assert!(faults.iter().any(|found| found.starts_with(fault)), "{text:?}: {faults:?}");
    }
}

#[test]
fn a_partial_that_is_broken_is_named_itself() {
    let faults = faults_of(&[("footer.txt", "{% include '_imprint.txt' %}"), ("_imprint.txt", "\n{{ nothing }}\n")]);
    assert!(faults.iter().all(|fault| fault.starts_with("undefined value in _imprint.txt, line 2")), "{faults:?}");
}

#[test]
fn a_host_may_choose_between_link_and_code() {
    let dir = folder(&[("confirm_email.txt", "{{ code }}\n"), ("confirm_email.html", "{{ links.confirm }}")]);
    let message = compose(&load(dir.path()).unwrap(), &MailKind::CONFIRM_EMAIL);
    assert_eq!(message.text, format!("{CODE}\n"));
    assert_eq!(message.html, link("confirm"));
}

#[test]
fn a_folder_or_file_that_cannot_be_read_is_a_fault() {
    let dir = tempdir().unwrap();
    let faults = load(&dir.path().join("gone")).unwrap_err();
    assert!(faults.to_string().contains("gone cannot be read"), "{faults}");

    fs::write(dir.path().join("magic_link.txt"), b"\xff").unwrap();
    let faults = load(dir.path()).unwrap_err();
    assert!(faults.to_string().contains("magic_link.txt cannot be read"), "{faults}");
}

#[test]
fn bad_links_names_and_kinds_are_faults() {
    let links = Links::mounted_at("app.example/auth").page("help", "https://app.example/\n");
    let kind = KindTemplates::new(MailKind::new("../Kind"), "s", "t", "h");
    let again = KindTemplates::new(MailKind::MAGIC_LINK, "s", "t", "h");
    let faults = Templates::builder("\n", links).add_kind(kind).add_kind(again).build().unwrap_err();
    let faults: Vec<_> = faults.iter().collect();
    for expected in [
        "the link `confirm` is not an http or https URL in plain ASCII",
        "the page `help` is not",
        "the product has no name",
        "the kind \"../Kind\" is not lower-case ASCII with underscores",
        "the kind `magic_link` was added twice",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{expected}: {faults:?}");
    }

    let faults = Templates::builder("Acme", Links::new()).build().unwrap_err();
    assert!(faults.iter().any(|fault| fault == "mails of the kind `new_device` need the link `not_me`"), "{faults}");
}
