//! Views to try every template with.

use crate::problem::FieldError;
use crate::views::*;

/// Text that must never reach a page as it is.
pub(super) const HOSTILE: &str = "\"'><script>hostile()</script>";

/// The text of every sample that is not hostile.
const SAMPLE: &str = "ada@example.com";
const PATH: &str = "/auth/somewhere/AbC-123_x";
const NOTICE: &str = "Your address is confirmed.";

/// Every page: as it is first seen, filled in, with faults, and with hostile text wherever text can be.
pub(super) fn samples() -> Vec<(View, Option<&'static str>)> {
    let mut samples = Vec::new();
    for text in [SAMPLE, HOSTILE] {
        samples.extend(forms(text).into_iter().map(|view| (view, None)));
        samples.extend(others(text).into_iter().map(|view| (view, None)));
    }
    samples.extend(blank().into_iter().flat_map(|view| [(view.clone(), None), (view, Some(NOTICE))]));
    samples
}

fn blank() -> Vec<View> {
    vec![
        RegisterView::default().into(),
        ConfirmView::default().into(),
        CheckMailView::default().into(),
        LoginView::default().into(),
        MfaSettingsView::default().into(),
        SecurityHistoryView::default().into(),
        SettingsView::default().into(),
        SignInConfirmView::default().into(),
        MfaEnrollmentView::default().into(),
        DeleteAccountView { delete_at: "2026-03-09T08:05:59Z".into(), ..Default::default() }.into(),
        ReactivateView::default().into(),
        MagicLinkView::default().into(),
        ResetPasswordView::default().into(),
        ResetPasswordTokenView { action: PATH.to_owned(), ..Default::default() }.into(),
        PasswordView::default().into(),
        PasswordView { has_password: true, ..PasswordView::default() }.into(),
        PasswordChangeView::default().into(),
        SudoView::default().into(),
        EmailSettingsView::default().into(),
    ]
}

fn forms(text: &str) -> Vec<View> {
    let fault = |field, code| FieldError::new(field, code, format!("Something is wrong with this, {text}."));
    let email = || Errors::from(vec![fault("email", "invalid_email")]);
    let password = || Errors::from(vec![fault("password", "too_short"), fault("password", "common")]);
    let both = || Errors::from(vec![fault("email", "invalid_email"), fault("password", "too_short")]);
    let code = || Errors::from(vec![fault("code", "invalid_code")]);
    let elsewhere = || Errors::from(vec![fault("", "malformed")]);
    let some = || text.to_owned();
    vec![
        RegisterView { email: some(), errors: both() }.into(),
        RegisterView { email: some(), errors: elsewhere() }.into(),
        ConfirmView { email: some(), errors: code() }.into(),
        ConfirmView { email: some(), errors: email() }.into(),
        LoginView { email: some(), remember_me: true, return_to: Some(some()), error: Some(some()) }.into(),
        MagicLinkView { email: some(), errors: email() }.into(),
        ResetPasswordView { email: some(), errors: email() }.into(),
        EmailSettingsView { email: some(), typed: some(), errors: email(), ..EmailSettingsView::default() }.into(),
        EmailSettingsView {
            email: some(),
            fresh: true,
            pending: Some(PendingEmailView {
                email: format!("new {text}"),
                requested_at: some(),
                expires_at: "2026-03-09T08:05:59Z".to_owned(),
                withdraw_action: format!("{PATH}/withdraw"),
            }),
            ..EmailSettingsView::default()
        }
        .into(),
        ResetPasswordTokenView { email: some(), action: PATH.to_owned(), errors: password() }.into(),
        PasswordView { email: some(), errors: password(), ..PasswordView::default() }.into(),
        PasswordView {
            email: some(),
            has_password: true,
            changed_at: Some(some()),
            errors: vec![fault("current_password", "invalid_credentials"), fault("password", "similar")].into(),
        }
        .into(),
        PasswordView {
            email: some(),
            has_password: true,
            changed_at: Some("2026-03-09T08:05:59Z".to_owned()),
            errors: vec![fault("current_password", "invalid_credentials")].into(),
        }
        .into(),
        PasswordChangeView { email: some(), return_to: Some(some()), errors: password() }.into(),
        SudoView {
            email: some(),
            return_to: Some(some()),
            has_password: true,
            errors: password(),
            ..SudoView::default()
        }
        .into(),
        SudoView { email: some(), passkey: true, errors: elsewhere(), ..SudoView::default() }.into(),
        SudoView { email: some(), sign_in: PATH.to_owned(), ..SudoView::default() }.into(),
        SudoView { email: some(), has_password: true, passkey: true, ..SudoView::default() }.into(),
        SudoView {
            email: some(),
            return_to: Some(some()),
            demanded: true,
            methods: vec!["totp".to_owned(), "backup_code".to_owned()],
            method: "backup_code".to_owned(),
            passkey: true,
            errors: code(),
            ..SudoView::default()
        }
        .into(),
        SudoView { demanded: true, methods: vec!["backup_code".to_owned()], errors: code(), ..SudoView::default() }
            .into(),
        MfaView {
            totp: true,
            backup_code: true,
            passkey: true,
            method: some(),
            can_trust: true,
            trust_browser: true,
            return_to: Some(some()),
            errors: code(),
        }
        .into(),
        MfaView { backup_code: true, method: "backup_code".to_owned(), errors: code(), ..MfaView::default() }.into(),
        MfaView { passkey: true, backup_code: true, ..MfaView::default() }.into(),
        SignInConfirmView { email: some(), return_to: Some(some()), errors: code(), ..SignInConfirmView::default() }
            .into(),
        SignInConfirmView { email: some(), proven: true, return_to: Some(some()), ..SignInConfirmView::default() }
            .into(),
        MfaEnrollmentView { email: some(), code_needed: true, return_to: Some(some()), errors: code() }.into(),
        TotpSetupView {
            email: some(),
            secret: Some(TotpSecretView {
                text: format!("key {text}"),
                otpauth_uri: format!("otpauth:{text}"),
                qr_image: format!("data:{text}"),
            }),
            action: PATH.to_owned(),
            restart_action: format!("{PATH}/again"),
            cancel: Some(format!("{PATH}/back")),
            return_to: Some(some()),
            errors: Errors::default(),
        }
        .into(),
        TotpSetupView {
            action: PATH.to_owned(),
            restart_action: format!("{PATH}/again"),
            errors: code(),
            ..TotpSetupView::default()
        }
        .into(),
    ]
}

fn others(text: &str) -> Vec<View> {
    let some = || text.to_owned();
    let action = || PATH.to_owned();
    let link = || Some(Link { href: format!("{PATH}/next"), text: format!("on from {text}") });
    let sentence = || format!("sentence {text}");
    let fault = |field| FieldError::new(field, "invalid", format!("Something is wrong with this, {text}."));
    vec![
        ConfirmTokenView {
            email: some(),
            submitted_at: "2026-03-09T08:05:59Z".into(),
            device: Some(some()),
            action: action(),
        }
        .into(),
        ConfirmTokenView { email: some(), submitted_at: some(), device: None, action: action() }.into(),
        MagicLinkTokenView { email: some(), requested_at: some(), signed_in_as: None, action: action() }.into(),
        MagicLinkTokenView { email: some(), requested_at: some(), signed_in_as: Some(some()), action: action() }.into(),
        NotMeView { email: some(), action: action() }.into(),
        EmailChangeTokenView { email: some(), requested_at: some(), action: action() }.into(),
        EmailChangeCancelView { email: some(), changed: true, requested_at: some(), action: action() }.into(),
        EmailChangeCancelView { email: some(), changed: false, requested_at: some(), action: action() }.into(),
        DeleteAccountView { email: some(), fresh: true, delete_at: some(), keeps_profile: false }.into(),
        DeleteAccountView { email: some(), fresh: false, delete_at: some(), keeps_profile: true }.into(),
        ReactivateView { email: some(), delete_at: Some(some()), return_to: Some(some()) }.into(),
        UndoDeletionView { email: some(), requested_at: some(), delete_at: some(), action: action() }.into(),
        BackupCodesView {
            email: some(),
            enrolled: true,
            codes: vec![format!("code 1 {text}"), format!("code 2 {text}")],
            next: Link { href: format!("{PATH}/next"), text: format!("on from {text}") },
        }
        .into(),
        security(text, true, true).into(),
        security(text, false, false).into(),
        faulty(text, "disable", "totp", fault("code")).into(),
        faulty(text, "disable", "backup_code", fault("code")).into(),
        faulty(text, "codes", "", fault("code")).into(),
        faulty(text, "0/rename", "", fault("nickname")).into(),
        faulty(text, "1/delete", "", fault("")).into(),
        MfaSettingsView { email: some(), mfa: Some(MfaSection::default()), ..MfaSettingsView::default() }.into(),
        MessageView {
            title: format!("title {text}"),
            paragraphs: vec![format!("first {text}"), format!("second {text}")],
            link: link(),
        }
        .into(),
        MessageView { title: some(), paragraphs: Vec::new(), link: None }.into(),
        MessageView::rescued(some()).into(),
        MessageView::kept(some()).into(),
        SettingsView { email: some() }.into(),
        SessionsView { email: some(), sessions: rows(text), fresh: true }.into(),
        SessionsView { email: some(), sessions: rows(text), fresh: false }.into(),
        SessionsView { email: some(), sessions: rows(text).into_iter().take(1).collect(), fresh: true }.into(),
        SecurityHistoryView { email: some(), events: events(text), newest: true, older: Some(format!("{PATH}?older")) }
            .into(),
        SecurityHistoryView { email: some(), events: events(text), newest: false, older: None }.into(),
        ErrorView { status: 404, title: some(), sentence: sentence(), next: link(), request_id: None }.into(),
        ErrorView {
            status: 500,
            title: some(),
            sentence: sentence(),
            next: None,
            request_id: Some(format!("id {text}")),
        }
        .into(),
    ]
}

/// The current session, one of which everything is known, and one of which next to nothing is.
fn rows(text: &str) -> Vec<SessionRow> {
    let row = |n: u8, place: Option<&str>, ip: Option<&str>, methods: &[&str]| SessionRow {
        current: n == 0,
        device: text.to_owned(),
        place: place.map(str::to_owned),
        ip: ip.map(str::to_owned),
        created_at: text.to_owned(),
        last_seen_at: "2026-03-09T08:05:59.120003Z".to_owned(),
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        revoke_action: format!("{PATH}/{n}"),
    };
    vec![
        row(0, Some(text), None, &["pwd"]),
        row(1, Some(text), Some(text), &["pwd", "otp", text]),
        row(2, None, None, &[]),
        row(3, None, Some(text), &["magic_link"]),
    ]
}

/// An event of which everything is known, and one of which next to nothing is.
fn events(text: &str) -> Vec<SecurityEventRow> {
    let row = |n: u8, known: bool| SecurityEventRow {
        sentence: format!("event {n}, {text}"),
        failed: known,
        current: !known,
        at: if known { "2026-03-09T08:05:59.120003Z" } else { text }.to_owned(),
        device: known.then(|| text.to_owned()),
        place: known.then(|| text.to_owned()),
        ip: (n != 1).then(|| text.to_owned()),
        methods: if known { vec!["pwd".to_owned(), text.to_owned()] } else { Vec::new() },
    };
    vec![row(0, true), row(1, true), row(2, false)]
}

/// The security settings, with everything in them.
fn security(text: &str, fresh: bool, enrolled: bool) -> MfaSettingsView {
    let some = || text.to_owned();
    let path = |end: &str| format!("{PATH}/{end}");
    let passkey = |n: u8, used: bool| PasskeyRow {
        id: n.to_string(),
        nickname: some(),
        synced: used,
        created_at: some(),
        last_used_at: used.then(some),
        rename_action: path(&format!("{n}/rename")),
        delete_action: path(&format!("{n}/delete")),
    };
    let browser = TrustedBrowserRow {
        device: some(),
        place: fresh.then(some),
        created_at: "2026-03-09T08:05:59Z".to_owned(),
        last_used_at: some(),
        expires_at: some(),
        revoke_action: path("revoke"),
    };
    MfaSettingsView {
        email: some(),
        fresh,
        mfa: Some(MfaSection {
            totp_since: enrolled.then(some),
            backup_codes_left: if enrolled { 3 } else { 1 },
            few_left: true,
            can_make_codes: enrolled,
            must_show_passkey: !enrolled,
            codes_missing: !enrolled,
            totp_action: path("totp"),
            codes_action: path("codes"),
            disable_action: path("disable"),
            trusted_browsers: vec![browser],
            revoke_all_action: path("revoke-all"),
        }),
        passkeys: Some(PasskeySection { passkeys: vec![passkey(0, true), passkey(1, false)] }),
        ..MfaSettingsView::default()
    }
}

/// The security settings, after a form was sent that is not accepted.
fn faulty(text: &str, form: &str, method: &str, error: FieldError) -> MfaSettingsView {
    MfaSettingsView {
        form: Some(format!("{PATH}/{form}")),
        method: method.to_owned(),
        nickname: text.to_owned(),
        errors: vec![error].into(),
        ..security(text, true, true)
    }
}
