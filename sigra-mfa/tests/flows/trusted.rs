//! Trusted browsers.

use sigra_core::assurance::Aal;
use sigra_core::door::{Entry, Step};
use sigra_core::flows::{LoginOutcome, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_mfa::{DisableOutcome, names};
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::{PASSWORD, SignedIn};

use crate::support::{ANN, BOB, Host, granted, step_required};

async fn login(host: &Host, user: &User, trust: &RawToken) -> LoginOutcome {
    let entry = Entry { trust: Some(trust.clone()), ..host.entry() };
    host.login_with(user.email.as_str(), PASSWORD, &entry).await
}

async fn skips(host: &Host, user: &User, trust: &RawToken) -> SignedIn {
    SignedIn::of(login(host, user, trust).await)
}

async fn must_show(host: &Host, user: &User, trust: &RawToken) {
    assert_eq!(step_required(login(host, user, trust).await).steps, [Step::MFA]);
}

#[tokio::test]
async fn mf_19_a_trusted_browser_skips_the_factor_with_one_factor_and_never_fresh() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let (_, trust) = host.trusted(&who).await;
    assert_audited(&host.store, names::TRUST_GRANTED, |event| event.metadata["method"] == "totp").await;
    let [browser] = &host.mfa.list_trusted(&who.user).await.unwrap()[..] else { panic!("one browser") };
    assert_eq!((browser.last_used_at, browser.expires_at), (host.now(), trust.expires_at));
    assert_eq!(trust.expires_at.since(host.now()).as_secs(), 30 * 86_400);

    host.advance(86_400);
    let SignedIn { session, .. } = skips(&host, &who.user, &trust.token).await;
    let methods: Vec<_> = session.assurance.methods.iter().map(|method| method.name()).collect();
    assert_eq!((session.assurance.aal, methods), (Aal::One, vec!["pwd", "trusted_browser"]));
    assert!(session.fresh_until.is_none());
    let browsers = host.mfa.list_trusted(&who.user).await.unwrap();
    assert_eq!(browsers[0].last_used_at, host.now(), "the use is noted");
    assert_eq!(host.mfa.status(&who.user).await.unwrap().trusted_browsers, 1);
}

#[tokio::test]
async fn mf_19_a_token_is_worth_something_to_its_user_alone_and_for_thirty_days() {
    let host = Host::new();
    let (ann, bob) = (host.enrolled(ANN).await, host.enrolled(BOB).await);
    let (_, trust) = host.trusted(&ann).await;
    must_show(&host, &bob.user, &trust.token).await;
    must_show(&host, &ann.user, &RawToken::random()).await;
    host.advance(30 * 86_400 - 1);
    skips(&host, &ann.user, &trust.token).await;
    host.advance(1);
    must_show(&host, &ann.user, &trust.token).await;
    assert!(host.mfa.list_trusted(&ann.user).await.unwrap().is_empty());
}

#[tokio::test]
async fn mf_19_the_time_of_trust_is_configured() {
    let host = Host::with(|_, config| config.trusted_secs = sigra_core::config::Seconds::new(3_600));
    let who = host.enrolled(ANN).await;
    let (_, trust) = host.trusted(&who).await;
    host.advance(3_600);
    must_show(&host, &who.user, &trust.token).await;
}

#[tokio::test]
async fn mf_19_a_new_password_ends_trust() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let (_, trust) = host.trusted(&who).await;
    let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let ResetOutcome::Done(user) = host.sigra.reset().redeem(&link, PASSWORD, &host.client()).await.unwrap() else {
        panic!("the password must be reset")
    };
    must_show(&host, &user, &trust.token).await;
    assert!(host.mfa.list_trusted(&user).await.unwrap().is_empty(), "what is worth nothing is not listed");
}

#[tokio::test]
async fn mf_19_a_changed_factor_ends_trust() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let (_, trust) = host.trusted(&who).await;
    host.advance(30);
    let code = who.app.code(host.now());
    let outcome = host.mfa.disable(&host.sigra, &who.user, "totp", &code, &host.client()).await.unwrap();
    let DisableOutcome::Disabled { user } = outcome else { panic!("must be taken away: {outcome:?}") };
    let app = host.begin(&user).await;
    let (user, _) = host.confirm(&user, &app).await;
    must_show(&host, &user, &trust.token).await;
}

#[tokio::test]
async fn mf_19_trust_ends_with_the_kind_of_factor_that_was_shown() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let pending = host.challenged(&who.user).await;
    let code = &who.backup_codes[0];
    let outcome = host.answer_with(&pending.token, "backup_code", code, true, &host.entry()).await;
    let sigra_core::flows::ChallengeOutcome::Admitted(_, Some(trust)) = outcome else { panic!("{outcome:?}") };
    skips(&host, &who.user, &trust.token).await;
    for code in &who.backup_codes[1..] {
        granted(host.answer(&host.challenged(&who.user).await.token, "backup_code", code).await);
    }
    // The account still has its app, but none of what was shown here.
    must_show(&host, &who.user, &trust.token).await;
}

#[tokio::test]
async fn mf_19_browsers_are_listed_and_revoked() {
    let host = Host::new();
    let (ann, bob) = (host.enrolled(ANN).await, host.enrolled(BOB).await);
    let (_, first) = host.trusted(&ann).await;
    host.advance(30);
    let (_, second) = host.trusted(&ann).await;
    host.advance(30);
    let (_, third) = host.trusted(&ann).await;
    let (_, foreign) = host.trusted(&bob).await;
    let listed = host.mfa.list_trusted(&ann.user).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed[0].created_at > listed[2].created_at, "newest first");

    let client = host.client();
    assert!(!host.mfa.revoke_trusted(&bob.user, listed[2].id, &client).await.unwrap(), "not one of bob's");
    assert_eq!(host.audited(names::TRUST_REVOKED), 0);
    assert!(host.mfa.revoke_trusted(&ann.user, listed[2].id, &client).await.unwrap());
    assert!(!host.mfa.revoke_trusted(&ann.user, listed[2].id, &client).await.unwrap(), "gone already");
    assert_audited(&host.store, names::TRUST_REVOKED, |event| event.subject == Some(ann.user.id)).await;
    must_show(&host, &ann.user, &first.token).await;
    skips(&host, &ann.user, &second.token).await;

    assert_eq!(host.mfa.revoke_all_trusted(&ann.user, &client).await.unwrap(), 2);
    assert_audited(&host.store, names::TRUST_REVOKED_ALL, |event| event.metadata["count"] == 2).await;
    must_show(&host, &ann.user, &second.token).await;
    must_show(&host, &ann.user, &third.token).await;
    skips(&host, &bob.user, &foreign.token).await;
}

#[tokio::test]
async fn trust_is_given_when_asked_for_and_only_with_a_right_code() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let pending = host.challenged(&who.user).await;
    let wrong = who.app.wrong_code(host.now());
    let outcome = host.answer_with(&pending.token, "totp", &wrong, true, &host.entry()).await;
    assert!(crate::support::is_wrong(&outcome));
    granted(host.answer(&pending.token, "totp", &who.app.code(host.now())).await);
    assert!(host.mfa.list_trusted(&who.user).await.unwrap().is_empty());
    assert_eq!(host.audited(names::TRUST_GRANTED), 0);
}

#[tokio::test]
async fn a_browser_that_cannot_be_noted_is_trusted_and_one_that_cannot_be_found_is_not() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let (_, trust) = host.trusted(&who).await;
    host.store.fail_next("trusted.touch");
    skips(&host, &who.user, &trust.token).await;
    host.store.fail_always("trusted.find");
    let entry = Entry { trust: Some(trust.token.clone()), ..host.entry() };
    let attempt = sigra_core::flows::PasswordAttempt { email: ANN, password: PASSWORD, entry: &entry };
    assert!(host.sigra.login().password(attempt).await.is_err());
}
