//! Accounts that must have a second factor and have none.

use std::time::Duration;

use sigra_core::assurance::Aal;
use sigra_core::door::{Admission, Changed, Entry, Step, StepRequired};
use sigra_core::evidence::Evidence;
use sigra_core::flows::{CodeOutcome, CodeRequested};
use sigra_core::id::DeviceId;
use sigra_core::mail::MailKind;
use sigra_core::ports::{SignIn, SignInDevice, SignInRecorded};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::session::Device;
use sigra_core::user::User;
use sigra_mfa::DisableOutcome;
use sigra_testing::scenario::{PASSWORD, SignedIn};

use crate::support::{ANN, App, Host, aal, granted, methods, step_required};

fn required() -> Host {
    Host::with(|config, _| config.second_factors.required = true)
}

/// Sets an app up in the middle of signing in, as the surface does it.
async fn enrol(host: &Host, pending: &StepRequired, entry: &Entry) -> (Admission, App) {
    let view = host.sigra.enrollment().view(&pending.token, entry).await.unwrap().unwrap();
    assert!(!view.code_needed, "the mailbox must be shown before");
    let user = view.view.user;
    let app = host.begin(&user).await;
    let (changed, _) = host.confirm(&user, &app).await;
    let changed = Changed { before: user.epochs, user: changed };
    let admission =
        host.sigra.door().resume_changed(&pending.token, changed, Some(sigra_mfa::shown()), entry).await.unwrap();
    (admission, app)
}

async fn pending(host: &Host, user: &User, entry: &Entry) -> StepRequired {
    let required = step_required(host.login_with(user.email.as_str(), PASSWORD, entry).await);
    assert_eq!(required.steps, [Step::MFA_ENROLLMENT]);
    required
}

#[tokio::test]
async fn mf_13_an_unknown_device_shows_the_mailbox_first_and_then_sets_up() {
    let host = required();
    let user = host.confirmed(ANN).await;
    let entry = host.entry();
    let first = pending(&host, &user, &entry).await;
    assert!(host.sigra.enrollment().view(&first.token, &entry).await.unwrap().unwrap().code_needed);
    let asked = host.sigra.enrollment().mail_code(&first.token, &entry).await.unwrap();
    assert_eq!(asked, CodeRequested::Noted);
    host.run_workers().await;
    let code = host.mailer.code(&MailKind::ENROLLMENT_CODE, &user.email).unwrap().expose();
    let wrong = if **code == *"000000" { "000001" } else { "000000" };
    let outcome = host.sigra.enrollment().enter_code(&first.token, wrong, &entry).await.unwrap();
    assert!(matches!(outcome, CodeOutcome::Wrong), "{outcome:?}");
    let outcome = host.sigra.enrollment().enter_code(&first.token, &code, &entry).await.unwrap();
    let CodeOutcome::Admitted(Admission::StepRequired(second)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(second.steps, [Step::MFA_ENROLLMENT]);

    let (admission, app) = enrol(&host, &second, &entry).await;
    let Admission::Granted(session) = admission else { panic!("must be granted: {admission:?}") };
    assert_eq!((aal(&session), methods(&session)), (Aal::Two, vec!["pwd", "email_code", "otp", "mfa"]));
    assert!(host.resolve(&session.token.expose()).await.is_some());

    host.advance(30);
    let pending = host.challenged(&session.user).await;
    granted(host.answer(&pending.token, "totp", &app.code(host.now())).await);
}

#[tokio::test]
async fn a_known_device_sets_up_at_once() {
    let host = required();
    let user = host.confirmed(ANN).await;
    // The device became known before a second factor was required.
    let (token, now) = (RawToken::random(), host.now());
    let device = Device {
        id: DeviceId::new(now),
        user: user.id,
        created_at: now,
        last_seen_at: now,
        expires_at: now + Duration::from_secs(86_400),
    };
    let device = SignInDevice::New { digest: token.digest(Purpose::DEVICE), device };
    let sign_in = SignIn { user: user.id, epochs: user.epochs, at: now, clears_attempts: true, device };
    let evidence = |_: &SignInRecorded| Evidence::none();
    host.sigra.stores().accounts.record_sign_in(&sign_in, &evidence).await.unwrap().unwrap();

    let entry = Entry { device: Some(token), ..host.entry() };
    let pending = pending(&host, &user, &entry).await;
    let (admission, _) = enrol(&host, &pending, &entry).await;
    let Admission::Granted(session) = admission else { panic!("must be granted: {admission:?}") };
    assert_eq!((aal(&session), methods(&session)), (Aal::Two, vec!["pwd", "otp", "mfa"]));
}

#[tokio::test]
async fn mf_13_a_secret_that_waits_for_its_code_is_not_enough() {
    let host = required();
    let user = host.confirmed(ANN).await;
    host.begin(&user).await;
    pending(&host, &user, &host.entry()).await;
}

#[tokio::test]
async fn whoever_takes_it_away_sets_up_again_at_the_next_sign_in() {
    let host = required();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    let (user, codes) = host.confirm(&user, &app).await;
    let outcome = host.mfa.disable(&host.sigra, &user, "backup_code", &codes[0], &host.client()).await.unwrap();
    assert!(matches!(outcome, DisableOutcome::Disabled { .. }), "{outcome:?}");
    pending(&host, &user, &host.entry()).await;
}

#[tokio::test]
async fn where_nothing_is_required_nothing_is_set_up_while_signing_in() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let SignedIn { session, .. } = host.signed_in(&user).await;
    assert_eq!(session.assurance.aal, Aal::One);
}
