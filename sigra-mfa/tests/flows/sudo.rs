//! Authenticating again.

use sigra_core::flows::{FactorAnswer, SudoAnswer, SudoOutcome};
use sigra_testing::scenario::{PASSWORD, SignedIn, WRONG_PASSWORD};

use crate::support::{ANN, Enrolled, Host, WRONG_BACKUP_CODE};

async fn answer(host: &Host, session: &SignedIn, password: Option<&str>, factor: Option<(&str, &str)>) -> SudoOutcome {
    let current = host.current(session).await;
    let factor = factor.map(|(method, response)| FactorAnswer { method, response });
    host.sigra.sudo().answer(&current, SudoAnswer { password, factor }, &host.client()).await.unwrap()
}

#[tokio::test]
async fn mf_14_an_account_with_a_factor_must_show_one() {
    let host = Host::new();
    let Enrolled { session, app, .. } = host.enrolled(ANN).await;
    host.advance(600);
    assert!(matches!(answer(&host, &session, Some(PASSWORD), None).await, SudoOutcome::Wrong));
    let code = app.code(host.now());
    let wrong = answer(&host, &session, Some(WRONG_PASSWORD), Some(("totp", &code))).await;
    assert!(matches!(wrong, SudoOutcome::Wrong), "a password that comes along must be right: {wrong:?}");
    let SudoOutcome::Granted { session: fresh, token } = answer(&host, &session, None, Some(("totp", &code))).await
    else {
        panic!("must be granted")
    };
    assert!(fresh.is_fresh(host.now()));
    assert!(host.resolve(&session.cookie()).await.is_none() && host.resolve(&token.expose()).await.is_some());
}

#[tokio::test]
async fn mf_14_a_backup_code_opens_too_and_is_used_up() {
    let host = Host::new();
    let Enrolled { user, session, backup_codes, .. } = host.enrolled(ANN).await;
    host.advance(600);
    let outcome = answer(&host, &session, Some(PASSWORD), Some(("backup_code", &backup_codes[0]))).await;
    let SudoOutcome::Granted { session: fresh, token } = outcome else { panic!("must be granted: {outcome:?}") };
    assert_eq!(host.mfa.status(&user).await.unwrap().backup_codes_left, 9);
    let session = SignedIn { session: *fresh, token, ..session };
    let again = answer(&host, &session, Some(PASSWORD), Some(("backup_code", &backup_codes[0]))).await;
    assert!(matches!(again, SudoOutcome::Wrong), "{again:?}");
}

#[tokio::test]
async fn mf_07_what_is_wrong_here_counts_in_the_shared_count() {
    let host = Host::with(|config, _| config.sessions.sudo_tries = 20);
    let who = host.enrolled(ANN).await;
    let own = host.known(&who).await;
    let Enrolled { user, session, app, .. } = who;
    for _ in 0..6 {
        let wrong = answer(&host, &session, None, Some(("backup_code", WRONG_BACKUP_CODE))).await;
        assert!(matches!(wrong, SudoOutcome::Wrong), "{wrong:?}");
    }
    let code = app.code(host.now());
    let locked = answer(&host, &session, None, Some(("totp", &code))).await;
    assert!(matches!(locked, SudoOutcome::LockedOut(Some(wait)) if wait.as_secs() == 60), "{locked:?}");
    let pending = host.challenged_with(&user, &own).await;
    let outcome = host.answer_with(&pending.token, "totp", &code, false, &own).await;
    assert!(matches!(outcome, sigra_core::flows::ChallengeOutcome::LockedOut(_)), "{outcome:?}");
}
