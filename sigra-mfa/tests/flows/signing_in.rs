//! Showing an authenticator app's code while signing in.

use std::time::Duration;

use sigra_core::assurance::Aal;
use sigra_core::door::{Admission, Entry, Step};
use sigra_core::flows::{
    ChallengeOutcome, FactorAnswer, LoginOutcome, MagicLinkOutcome, PasswordAttempt, SudoAnswer, SudoOutcome,
};
use sigra_core::mail::MailKind;
use sigra_mfa::{DisableOutcome, MfaConfig, RegenerateOutcome};
use sigra_testing::scenario::{PASSWORD, client};

use crate::support::{ANN, BOB, Enrolled, Host, aal, at_once, granted, is_wrong, methods, step_required};

#[tokio::test]
async fn mf_11_a_password_stops_at_the_second_factor_and_a_code_completes_it() {
    let host = Host::new();
    let Enrolled { user, app, .. } = host.enrolled(ANN).await;
    let pending = host.challenged(&user).await;
    assert!(host.resolve(&pending.token.expose()).await.is_none(), "a pending sign-in is no session");
    let (_, kinds) = host.sigra.second_factors().challenge(&pending.token, &host.entry()).await.unwrap().unwrap();
    assert_eq!(kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>(), ["totp", "backup_code"]);

    let granted = granted(host.answer(&pending.token, "totp", &app.code(host.now())).await);
    assert_eq!((aal(&granted), methods(&granted)), (Aal::Two, vec!["pwd", "otp", "mfa"]));
    assert!(host.resolve(&granted.token.expose()).await.is_some());
    assert!(matches!(host.answer(&pending.token, "totp", &app.code(host.now())).await, ChallengeOutcome::NoPending));
}

#[tokio::test]
async fn mf_11_a_mailed_link_stops_there_too() {
    let host = Host::new();
    let Enrolled { app, .. } = host.enrolled(ANN).await;
    let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::MAGIC_LINK, ANN);
    let pending = match host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap() {
        MagicLinkOutcome::Admitted(Admission::StepRequired(required)) => *required,
        other => panic!("must owe a step: {other:?}"),
    };
    assert_eq!(pending.steps, [Step::MFA]);
    let granted = granted(host.answer(&pending.token, "totp", &app.code(host.now())).await);
    assert_eq!((aal(&granted), methods(&granted)), (Aal::Two, vec!["magic_link", "otp", "mfa"]));
}

#[tokio::test]
async fn mf_03_a_code_is_good_once_wherever_it_is_shown() {
    let host = Host::new();
    let Enrolled { user, app, session, .. } = host.enrolled(ANN).await;
    let code = app.code(host.now());
    granted(host.answer(&host.challenged(&user).await.token, "totp", &code).await);
    assert!(is_wrong(&host.answer(&host.challenged(&user).await.token, "totp", &code).await));
    let client = host.client();
    let disabled = host.mfa.disable(&host.sigra, &user, "totp", &code, &client).await.unwrap();
    assert!(matches!(disabled, DisableOutcome::Wrong), "{disabled:?}");
    let made = host.mfa.regenerate_backup_codes(&host.sigra, &user, Some(&code), true, &client).await.unwrap();
    assert!(matches!(made, RegenerateOutcome::Wrong), "{made:?}");
    let current = host.current(&session).await;
    let factor = Some(FactorAnswer { method: "totp", response: &code });
    let answer = SudoAnswer { password: Some(PASSWORD), factor };
    let sudo = host.sigra.sudo().answer(&current, answer, &client).await.unwrap();
    assert!(matches!(sudo, SudoOutcome::Wrong), "{sudo:?}");
    host.advance(30);
    assert!(is_wrong(&host.answer(&host.challenged(&user).await.token, "totp", &code).await), "nor in the next step");
}

#[tokio::test]
async fn mf_04_mf_05_the_last_step_is_accepted_until_a_newer_one_was() {
    let host = Host::new();
    let Enrolled { user, app, .. } = host.enrolled(ANN).await;
    host.advance(30);
    let previous = app.code(host.now());
    host.advance(30);
    granted(host.answer(&host.challenged(&user).await.token, "totp", &previous).await);

    host.advance(90);
    let (old, now) = (app.code(host.now()), host.now());
    host.advance(60);
    assert!(is_wrong(&host.answer(&host.challenged(&user).await.token, "totp", &old).await), "two steps back");
    let previous = app.code(now + Duration::from_secs(30));
    granted(host.answer(&host.challenged(&user).await.token, "totp", &app.code(host.now())).await);
    assert!(is_wrong(&host.answer(&host.challenged(&user).await.token, "totp", &previous).await), "an older one");
}

#[tokio::test]
async fn mf_04_a_code_from_the_future_is_refused_unless_configured() {
    for (future_steps, accepted) in [(0, false), (1, true)] {
        let host = Host::with(|_, config| *config = MfaConfig { future_steps, ..config.clone() });
        let Enrolled { user, app, .. } = host.enrolled(ANN).await;
        let code = app.code(host.now() + Duration::from_secs(30));
        let outcome = host.answer(&host.challenged(&user).await.token, "totp", &code).await;
        assert_eq!(matches!(outcome, ChallengeOutcome::Admitted(..)), accepted, "{outcome:?}");
    }
}

#[tokio::test]
async fn another_accounts_code_is_wrong_and_stays_good_there() {
    let host = Host::new();
    let (ann, bob) = (host.enrolled(ANN).await, host.enrolled(BOB).await);
    let code = bob.app.code(host.now());
    assert!(is_wrong(&host.answer(&host.challenged(&ann.user).await.token, "totp", &code).await));
    granted(host.answer(&host.challenged(&bob.user).await.token, "totp", &code).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mf_03_sixteen_sign_ins_with_one_code_and_one_succeeds() {
    // So many that none is kept from trying by the count of attempts.
    let host = Host::with(|config, _| config.lockout.strangers.free = 20);
    let Enrolled { user, app, .. } = host.enrolled(ANN).await;
    let code = app.code(host.now());
    let mut pending = Vec::new();
    for number in 0..16 {
        let entry = Entry { client: client(number), ..host.entry() };
        pending.push(host.challenged_with(&user, &entry).await.token);
    }
    let outcomes = at_once(16, |number| {
        let (host, token, code) = (host.clone(), pending[number].clone(), code.clone());
        async move { host.answer(&token, "totp", &code).await }
    })
    .await;
    let count = |is: fn(&ChallengeOutcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, ChallengeOutcome::Admitted(Admission::Granted(_), _))), 1);
    assert_eq!(count(|outcome| matches!(outcome, ChallengeOutcome::Wrong)), 15);
}

#[tokio::test]
async fn mf_10_a_sign_in_waits_five_minutes_for_its_code() {
    let host = Host::new();
    let Enrolled { user, app, .. } = host.enrolled(ANN).await;
    let pending = host.challenged(&user).await;
    host.advance(300);
    let outcome = host.answer(&pending.token, "totp", &app.code(host.now())).await;
    assert!(matches!(outcome, ChallengeOutcome::NoPending), "{outcome:?}");
    granted(host.answer(&host.challenged(&user).await.token, "totp", &app.code(host.now())).await);
}

#[tokio::test]
async fn a_method_that_is_not_there_is_no_attempt() {
    let host = Host::new();
    let Enrolled { user, .. } = host.enrolled(ANN).await;
    let pending = host.challenged(&user).await;
    for method in ["", "TOTP", "sms", "passkey"] {
        let outcome = host.answer(&pending.token, method, "123456").await;
        assert!(matches!(outcome, ChallengeOutcome::NotEnrolled), "{method:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_tell_lets_nobody_in() {
    let host = Host::new();
    let Enrolled { user, app, .. } = host.enrolled(ANN).await;
    host.store.fail_always("totp.find");
    let entry = host.entry();
    let attempt = PasswordAttempt { email: ANN, password: PASSWORD, entry: &entry };
    assert!(host.sigra.login().password(attempt).await.is_err());
    host.store.heal();
    let pending = step_required(host.login(ANN, PASSWORD).await);
    host.store.fail_next("totp.advance_step");
    let code = app.code(host.now());
    let entry = host.entry();
    let answer = FactorAnswer { method: "totp", response: &code };
    assert!(host.sigra.second_factors().answer(&pending.token, answer, false, &entry).await.is_err());
    granted(host.answer(&pending.token, "totp", &code).await);
    assert_eq!(user.id, pending.pending.user);
}

#[tokio::test]
async fn mf_11_only_who_never_had_a_factor_signs_in_without_its_being_looked_for() {
    let host = Host::new();
    host.confirmed(BOB).await;
    host.enrolled(ANN).await;
    let entry = host.entry();
    let sign_in =
        async |email| host.sigra.login().password(PasswordAttempt { email, password: PASSWORD, entry: &entry }).await;
    host.store.fail_always("totp.find");
    assert!(matches!(sign_in(BOB).await, Ok(LoginOutcome::Admitted(Admission::Granted(_)))));
    assert!(sign_in(ANN).await.is_err(), "not knowing lets nobody in");
}
