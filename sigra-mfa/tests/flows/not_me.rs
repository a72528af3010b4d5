//! Disowning what a notice reports.

use sigra_core::assurance::Aal;
use sigra_core::flows::ResetOutcome;
use sigra_core::mail::MailKind;
use sigra_core::user::User;
use sigra_mfa::{
    BACKUP_CODE_USED, BACKUP_CODES_REGENERATED, ConfirmOutcome, DisableOutcome, MFA_DISABLED, MFA_ENABLED,
    RegenerateOutcome, names,
};
use sigra_testing::scenario::PASSWORD;

use crate::support::{ANN, Enrolled, Host, granted};

/// Sets the password the rescue asks for, by mail.
async fn reset(host: &Host) -> User {
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    match host.sigra.reset().redeem(&link, PASSWORD, &host.client()).await.unwrap() {
        ResetOutcome::Done(user) => *user,
        other => panic!("the password must be set: {other:?}"),
    }
}

#[tokio::test]
async fn mf_24_what_a_thief_set_up_goes_with_the_link_in_the_mail() {
    let host = Host::new();
    // The change and its mail are no later than each other, however often a flow looks at the clock.
    host.clock.tick();
    // The thief has the password, or a session, and sets up an app of their own.
    let thief = host.enrolled(ANN).await;
    host.trusted(&thief).await;
    host.run_workers().await;
    let link = host.mailed_token(&MFA_ENABLED, ANN);
    host.advance(3_600);
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.unwrap());
    assert!(host.resolve(&thief.session.cookie()).await.is_none());
    assert_eq!(host.audited(names::DISOWN), 1);

    let user = reset(&host).await;
    assert_eq!(host.count_mailed(&MFA_DISABLED, ANN), 1);
    let status = host.mfa.status(&user).await.unwrap();
    assert_eq!((status.totp_enrolled_at, status.backup_codes_left, status.trusted_browsers), (None, 0, 0));
    let session = host.signed_in(&user).await;
    assert_eq!(session.session.assurance.aal, Aal::One, "the owner is let in");
    assert!(host.mfa.list_trusted(&user).await.unwrap().is_empty());
}

#[tokio::test]
async fn mf_24_what_was_set_up_before_stays() {
    let host = Host::new();
    let Enrolled { user, app, backup_codes, .. } = host.enrolled(ANN).await;
    host.advance(3_600);
    granted(host.answer(&host.challenged(&user).await.token, "backup_code", &backup_codes[0]).await);
    host.run_workers().await;
    let link = host.mailed_token(&BACKUP_CODE_USED, ANN);
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.unwrap());
    let user = reset(&host).await;
    assert_eq!((host.audited(names::DISOWN), host.count_mailed(&MFA_DISABLED, ANN)), (0, 0));
    assert_eq!(host.mfa.status(&user).await.unwrap().backup_codes_left, 9);
    let pending = host.challenged(&user).await;
    granted(host.answer(&pending.token, "totp", &app.code(host.now())).await);
}

#[tokio::test]
async fn mf_24_backup_codes_that_a_thief_made_go_and_the_app_stays() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    host.advance(3_600);
    let code = who.app.code(host.now());
    let made = host.mfa.regenerate_backup_codes(&host.sigra, &who.user, Some(&code), false, &host.client()).await;
    assert!(matches!(made, Ok(RegenerateOutcome::Regenerated { .. })), "{made:?}");
    host.run_workers().await;
    let link = host.mailed_token(&BACKUP_CODES_REGENERATED, ANN);
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.unwrap());
    let user = reset(&host).await;
    assert_eq!((host.mfa.status(&user).await.unwrap().backup_codes_left, host.audited(names::DISOWN)), (0, 1));
    host.advance(30);
    let pending = host.challenged(&user).await;
    granted(host.answer(&pending.token, "totp", &who.app.code(host.now())).await);
}

#[tokio::test]
async fn a_secret_that_waits_for_its_code_goes_silently() {
    let host = Host::new();
    let Enrolled { user, backup_codes, .. } = host.enrolled(ANN).await;
    let client = host.client();
    let outcome = host.mfa.disable(&host.sigra, &user, "backup_code", &backup_codes[0], &client).await.unwrap();
    let DisableOutcome::Disabled { user } = outcome else { panic!("{outcome:?}") };
    host.run_workers().await;
    let link = host.mailed_token(&MFA_DISABLED, ANN);
    let app = host.begin(&user).await;
    assert!(host.sigra.not_me().redeem(&link, &client).await.unwrap());
    let user = reset(&host).await;
    let outcome = host.confirm_with(&user, &app.code(host.now())).await;
    assert!(matches!(outcome, ConfirmOutcome::NotPending), "{outcome:?}");
    assert_eq!(host.audited(names::DISOWN), 0);
}

#[tokio::test]
async fn a_link_can_be_tried_again_when_disowning_fails() {
    let host = Host::new();
    host.enrolled(ANN).await;
    host.run_workers().await;
    let link = host.mailed_token(&MFA_ENABLED, ANN);
    host.store.fail_next("totp.disown");
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.is_err());
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.unwrap());
    assert_eq!(host.audited(names::DISOWN), 1);
}
