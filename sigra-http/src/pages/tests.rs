use super::check::forms;
use super::markup::{Tag, tags};
use super::samples::{HOSTILE, samples};
use super::*;
use crate::problem::FieldError;
use crate::views::*;

fn pages() -> Pages {
    Pages::new("Example", "/auth")
}

/// Every sample of every page, rendered.
fn rendered() -> Vec<(View, String)> {
    let pages = pages();
    samples()
        .into_iter()
        .map(|(view, notice)| {
            let html = pages.render(&view, notice).unwrap();
            (view, html)
        })
        .collect()
}

fn render(view: impl Into<View>) -> String {
    pages().render(&view.into(), None).unwrap()
}

fn inputs(html: &str) -> Vec<Tag<'_>> {
    tags(html).into_iter().filter(|tag| tag.name == "input").collect()
}

#[test]
fn every_page_has_a_sample_and_renders_without_fault() {
    assert_eq!(pages().check().map_err(PageFaults::into_faults), Ok(()));
    let sampled: Vec<&str> = samples().iter().map(|(view, _)| view.template()).collect();
    for (name, _) in &TEMPLATES[2..] {
        assert!(sampled.contains(name), "{name}");
    }
}

#[test]
fn every_page_has_its_frame() {
    for (view, html) in rendered() {
        let tags = tags(&html);
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        assert_eq!([count("h1"), count("title"), count("main")], [1, 1, 1], "{}", view.template());
        assert!(html.contains("<html lang=\"en\">") && html.contains("name=\"viewport\""));
        assert!(html.contains(" · Example</title>"));
        assert!(html.contains("<header class=\"top\"><a href=\"/\">Example</a></header>"));
        let labels: Vec<_> = tags.iter().filter_map(|tag| tag.attribute("for")).collect();
        let mut ids: Vec<_> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        for input in
            inputs(&html).iter().filter(|input| !matches!(input.attribute("type"), Some("hidden" | "checkbox")))
        {
            assert!(labels.contains(&input.attribute("id").unwrap()), "{}: {input:?}", view.template());
        }
        for described in tags.iter().filter_map(|tag| tag.attribute("aria-describedby")) {
            assert!(described.split(' ').all(|id| ids.contains(&id)), "{}: {described}", view.template());
        }
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{}: {ids:?}", view.template());
    }
}

#[test]
fn cs_06_cs_07_pages_need_no_inline_code_and_no_other_origin() {
    for (view, html) in rendered() {
        for tag in tags(&html) {
            let inline = tag.attributes.iter().any(|(name, _)| name == "style" || name.starts_with("on"));
            assert!(!inline && tag.name != "style", "{}: {tag:?}", view.template());
        }
        let scripts = html.matches("<script").count();
        assert_eq!(scripts, html.matches("></script>").count(), "{}", view.template());
        assert!(!html.contains("://"), "{}", view.template());
    }
    let (css, js) = (Pages::stylesheet().0, Pages::script().0);
    assert!(!css.contains("url(") && !css.contains("@import") && !css.contains("://"));
    assert!(!js.contains("://") && !js.contains("import"));
    // What it asks for is named by the page, so by this origin.
    assert_eq!(js.matches("fetch(").count(), 1);
    assert!(js.contains("fetch(url, {") && !js.contains("innerHTML") && !js.contains("eval"));
}

#[test]
fn cs_13_markup_in_any_text_is_inert() {
    let hostile_pages =
        rendered().into_iter().filter(|(view, _)| format!("{view:?}").contains("hostile")).collect::<Vec<_>>();
    assert!(hostile_pages.len() > 20);
    for (view, html) in hostile_pages {
        assert!(!html.contains("<script>"), "{}", view.template());
        assert!(html.contains("&quot;&#39;&gt;&lt;script&gt;hostile()"), "{view:?}");
        assert_eq!(tags(&html).iter().filter(|tag| tag.name == "script").count(), 1, "{}", view.template());
    }
    let html = Pages::new(HOSTILE, "/auth").render(&LoginView::default().into(), Some(HOSTILE)).unwrap();
    assert!(!html.contains(HOSTILE));
}

#[test]
fn pw_19_password_fields_help_password_managers() {
    let mut seen = Vec::new();
    for (view, html) in rendered() {
        let secret = |input: &&Tag<'_>| matches!(input.attribute("name"), Some("password" | "current_password"));
        for field in inputs(&html).iter().filter(secret) {
            assert_eq!(field.attribute("type"), Some("password"));
            for forbidden in ["onpaste", "maxlength", "minlength", "pattern", "value"] {
                assert_eq!(field.attribute(forbidden), None);
            }
            assert!(field.attribute("data-reveal").is_some());
            seen.push((view.template(), field.attribute("autocomplete").unwrap().to_owned()));
            let has_username = inputs(&html).iter().any(|input| input.attribute("autocomplete") == Some("username"));
            let is_blank = matches!(&view, View::ResetPasswordToken(v) if v.email.is_empty())
                || matches!(&view, View::Password(v) if v.email.is_empty())
                || matches!(&view, View::PasswordChange(v) if v.email.is_empty())
                || matches!(&view, View::Sudo(v) if v.email.is_empty());
            assert!(has_username || is_blank, "{}", view.template());
        }
    }
    seen.sort();
    seen.dedup();
    let expected = [
        ("login.html", "current-password"),
        ("password.html", "current-password"),
        ("password.html", "new-password"),
        ("password_change.html", "new-password"),
        ("register.html", "new-password"),
        ("reset_password_token.html", "new-password"),
        ("sudo.html", "current-password"),
    ];
    assert_eq!(seen, expected.map(|(page, purpose)| (page, purpose.to_owned())));
    assert!(Pages::script().0.contains("input[data-reveal]"));
}

#[test]
fn cs_05_forms_post_exactly_the_fields_of_the_contract() {
    let pages = pages();
    for (view, html) in rendered() {
        let mut wanted: Vec<(&str, Vec<&str>)> =
            forms(&view, &pages.urls).into_iter().map(|form| (form.action, form.fields)).collect();
        if matches!(view, View::Login(_)) {
            wanted[0].1.push("remember_me");
        }
        let tags = tags(&html);
        let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
        for tag in &tags {
            if tag.name == "form" {
                assert_eq!(tag.attribute("method"), Some("post"), "{}", view.template());
                found.push((tag.attribute("action").unwrap(), Vec::new()));
            } else if tag.name != "meta"
                && let Some(name) = tag.attribute("name")
            {
                found.last_mut().unwrap().1.push(name);
            }
        }
        for (_, fields) in wanted.iter_mut().chain(&mut found) {
            fields.sort_unstable();
        }
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{}", view.template());
    }
}

#[test]
fn mailed_codes_can_be_typed_and_filled_in_on_a_phone() {
    let html = render(ConfirmView::default());
    let inputs = inputs(&html);
    let code = inputs.iter().find(|input| input.attribute("name") == Some("code")).unwrap();
    assert_eq!(code.attribute("inputmode"), Some("numeric"));
    assert_eq!(code.attribute("autocomplete"), Some("one-time-code"));
}

#[test]
fn pw_14_faults_stand_beside_their_fields_and_what_was_typed_comes_back() {
    let errors = vec![FieldError::new("password", "too_short", "Use at least 15 characters.")];
    let html = render(RegisterView { email: "ada@example.com".to_owned(), errors: errors.into() });
    assert!(html.contains("<div class=\"faults\" id=\"password-error\">\n<p>Use at least 15 characters.</p>"));
    let inputs = inputs(&html);
    assert_eq!(inputs[0].attribute("value"), Some("ada@example.com"));
    assert_eq!(inputs[0].attribute("aria-invalid"), None);
    assert_eq!(inputs[1].attribute("aria-invalid"), Some("true"));
    assert_eq!(inputs[1].attribute("aria-describedby"), Some("password-error password-hint"));
    assert_eq!(html.matches("autofocus").count(), 1);
    assert!(!html.contains("role=\"alert\""));
}

#[test]
fn several_faults_and_those_without_a_field_are_told_at_the_top() {
    let error = |field| FieldError::new(field, "x", format!("Fault of {field}."));
    let several = render(RegisterView { email: String::new(), errors: vec![error("email"), error("password")].into() });
    assert!(several.contains("role=\"alert\""));
    assert!(several.contains("<a href=\"#email\">Fault of email.</a>"));
    assert!(several.contains("<a href=\"#password\">Fault of password.</a>"));
    let elsewhere = render(MagicLinkView { email: String::new(), errors: vec![error("form")].into() });
    assert!(elsewhere.contains("role=\"alert\"><p>Fault of form.</p>"));
}

#[test]
fn somebody_else_who_is_signed_in_is_named_before_a_link_signs_in() {
    let view = |signed_in_as: Option<&str>| MagicLinkTokenView {
        email: "ada@example.com".to_owned(),
        requested_at: "2026-03-09T08:05:59Z".to_owned(),
        signed_in_as: signed_in_as.map(str::to_owned),
        action: "/auth/magic-link/t".to_owned(),
    };
    assert!(render(view(None)).contains("Sign in as ada@example.com</button>"));
    assert!(!render(view(None)).contains("This browser is signed in as"));
    assert!(render(view(Some("bob@example.com"))).contains("This browser is signed in as <strong>bob@example.com"));
}

#[test]
fn a_session_that_is_not_fresh_is_led_to_sudo_and_back() {
    let view = |fresh| SessionsView { email: "ada@example.com".to_owned(), sessions: Vec::new(), fresh };
    let link = "href=\"/auth/sudo?return_to=/auth/settings/sessions\"";
    assert!(render(view(false)).contains(link));
    assert!(!render(view(true)).contains(link));
}

#[test]
fn assets_are_linked_by_their_hash_under_the_prefix() {
    let html = Pages::new("Example", "/account").render(&CheckMailView {}.into(), None).unwrap();
    let (_, css) = Pages::stylesheet();
    let (_, js) = Pages::script();
    assert!(html.contains(&format!("href=\"/account/assets/sigra.css?v={css}\"")));
    assert!(html.contains(&format!("<script type=\"module\" src=\"/account/assets/sigra.js?v={js}\"></script>")));
    assert!(css != js && css.len() == 16 && css.bytes().all(|b| b.is_ascii_hexdigit()));
}

#[test]
fn a_failing_template_says_nothing_of_the_view() {
    let mut pages = pages();
    let source = "{% if view.status == 418 %}{{ view.sentence | int }}{% endif %}";
    pages.environment.add_template("error.html", source).unwrap();
    let view =
        ErrorView { status: 418, title: String::new(), sentence: "topsecret".into(), next: None, request_id: None };
    let error = pages.render(&view.into(), None).unwrap_err();
    assert!(error.to_string().ends_with("in error.html, line 1"), "{error}");
    assert!(!format!("{error:?} {error}").contains("topsecret"));
}

#[test]
fn whoever_has_not_proven_their_address_is_told_above_the_page_and_can_ask_for_the_mail() {
    let view = CheckMailView::default().into();
    let above = |unconfirmed| Above { notice: None, unconfirmed };
    let html = pages().render_above(&view, above(Some("ada@example.com"))).unwrap();
    for part in ["is not confirmed yet.", "action=\"/auth/confirm/resend\"", "name=\"email\" value=\"ada@example.com\""]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(!pages().render_above(&view, above(Some(HOSTILE))).unwrap().contains(HOSTILE));
    assert!(!pages().render_above(&view, above(None)).unwrap().contains("is not confirmed yet."));
}
