//! Registering.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, NEW_PASSWORD, is_refused, signs_in};
use serde_json::{Value, json};
use sigra_core::audit::names;
use sigra_core::flows::{Confirmed, InputFault, PasswordAttempt, RegistrationForm, Submitted};
use sigra_core::mail::MailKind;
use sigra_core::password::Password;
use sigra_core::ports::PasswordFault;
use sigra_testing::audited::{assert_audited, assert_none_audited, trail};
use sigra_testing::scenario::{PASSWORD, TestHost};
use sigra_testing::{Job, JobKind};

async fn submit(host: &TestHost, email: &str, password: &str, profile: Option<&Value>) -> Submitted {
    let client = host.client();
    host.sigra.registration().submit(RegistrationForm { email, password, profile, client: &client }).await.unwrap()
}

#[tokio::test]
async fn a_registration_becomes_an_account_only_by_its_proof() {
    let host = TestHost::new();
    assert_eq!(submit(&host, "Ann@Example.org", PASSWORD, Some(&json!({"name": "Ann"}))).await, Submitted::Accepted);
    assert!(host.store.users().is_empty());
    assert!(host.mailer.sent().is_empty(), "nothing is looked up or mailed before the answer");
    host.run_workers().await;
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, "Ann@Example.org");
    let Ok(Confirmed::Created(user)) = host.sigra.confirmation().by_token(&token, &host.client()).await else {
        panic!("must be confirmed")
    };
    assert_eq!(user.email.as_str(), "Ann@Example.org");
    assert_eq!(user.profile, json!({"name": "Ann"}));
    assert!(user.has_password && user.confirmed_at == Some(host.sigra.clock().now()));
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_audited(&host.store, names::REGISTER_SUCCESS, |event| event.subject == Some(user.id)).await;
}

/// What one submission leaves behind, ids and times aside.
async fn traces(host: &TestHost, email: &str) -> (Submitted, Vec<Job>, Vec<String>, usize, usize) {
    host.hasher.take_jobs();
    host.advance(1);
    let before = host.store.events().len();
    let submitted = submit(host, email, NEW_PASSWORD, None).await;
    let events = trail(&host.store).await;
    let rows = events[..events.len() - before].iter().map(|event| {
        let who = (event.actor, event.subject, event.reason.as_deref());
        format!("{} {who:?} {:?}", event.name, event.metadata)
    });
    let requests = host.sigra.stores().requests.lease(100, host.sigra.clock().now(), host.sigra.clock().now());
    (submitted, host.hasher.take_jobs(), rows.collect(), requests.await.unwrap().len(), host.store.outbox().len())
}

#[tokio::test]
async fn th_17_a_taken_address_is_answered_alike_at_the_same_cost() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let taken = traces(&host, "ANN@example.org").await;
    host.run_workers().await;
    let free = traces(&host, "eve@example.org").await;
    assert_eq!((&taken.0, &taken.1, &taken.2, taken.3), (&free.0, &free.1, &free.2, free.3));
    assert_eq!(taken.1.iter().map(|job| job.kind).collect::<Vec<_>>(), [JobKind::Hash]);
    assert_eq!(taken.2.len(), 1);
}

#[tokio::test]
async fn th_17_the_owner_of_a_taken_address_gets_a_notice_and_the_submission_is_a_decoy() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let _ = submit(&host, "ANN@example.org", NEW_PASSWORD, None).await;
    host.run_workers().await;
    let notice = host.mailer.last(&MailKind::ALREADY_REGISTERED, &ann.email).unwrap();
    assert_eq!(notice.to.as_str(), ANN, "mail goes to the stored address");
    assert!(!notice.text.contains("not_me") && !notice.text.contains("code:"), "{}", notice.text);
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1);
    assert!(is_refused(&host.login(ANN, NEW_PASSWORD).await));
    assert!(signs_in(&host, ANN, PASSWORD).await);
    let event = assert_audited(&host.store, names::REGISTER_FAILURE, |_| true).await;
    assert_eq!((event.subject, event.reason.as_deref()), (Some(ann.id), Some("address_taken")));

    // A resend for a taken address mails nothing either.
    let _ = host.sigra.confirmation().resend(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1);
}

#[tokio::test]
async fn tk_16_of_rival_registrations_only_the_redeemed_one_counts() {
    let host = TestHost::new();
    host.registered_with(ANN, "the password of a stranger").await;
    let stranger = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let strangers_code = host.mailed_code(ANN);
    host.registered_with(ANN, PASSWORD).await;
    let own = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let Ok(Confirmed::Created(_)) = host.sigra.confirmation().by_token(&own, &host.client()).await else {
        panic!("must be confirmed")
    };
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert!(is_refused(&host.login(ANN, "the password of a stranger").await));
    let again = host.sigra.confirmation().by_token(&stranger, &host.client()).await.unwrap();
    assert_eq!(again, Confirmed::Invalid);
    let again = host.sigra.confirmation().by_code(ANN, &strangers_code, &host.client()).await.unwrap();
    assert_eq!(again, Confirmed::Invalid);
    assert_eq!(host.store.users().len(), 1);
}

#[tokio::test]
async fn th_15_a_never_confirmed_address_is_refused_at_full_cost() {
    let host = TestHost::new();
    host.registered(ANN).await;
    host.hasher.take_jobs();
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert_eq!(host.hasher.take_jobs().len(), 1);
    assert!(is_refused(&host.login("nobody@example.org", PASSWORD).await));
    assert_eq!(host.hasher.take_jobs().len(), 1);
}

#[tokio::test]
async fn an_unproven_registration_lapses_after_its_time() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    host.advance(48 * 3_600);
    assert_eq!(host.sigra.confirmation().by_token(&token, &host.client()).await.unwrap(), Confirmed::Invalid);
    assert!(host.store.users().is_empty());
    host.confirmed(ANN).await;
}

#[tokio::test]
async fn pw_14_every_fault_of_a_form_is_reported_together_and_costs_no_hash() {
    let host = TestHost::new();
    let long = "x".repeat(Password::MAX_BYTES + 1);
    let faults = submit(&host, "not an address", &long, Some(&json!([]))).await;
    let expected = [InputFault::InvalidEmail, InputFault::InvalidProfile, InputFault::Password(PasswordFault::TooLong)];
    assert_eq!(faults, Submitted::Rejected(expected.to_vec()));
    let faults = submit(&host, ANN, "short", Some(&json!("x"))).await;
    let expected = [InputFault::InvalidProfile, InputFault::Password(PasswordFault::TooShort { minimum: 15 })];
    assert_eq!(faults, Submitted::Rejected(expected.to_vec()));
    assert_eq!(host.hasher.jobs(), []);
    assert!(host.store.events().is_empty());
}

#[tokio::test]
async fn pw_01_pw_03_the_policy_counts_code_points() {
    let host = TestHost::new();
    let refused = |minimum| Submitted::Rejected(vec![InputFault::Password(PasswordFault::TooShort { minimum })]);
    assert_eq!(submit(&host, ANN, &"x".repeat(14), None).await, refused(15));
    assert_eq!(submit(&host, ANN, &"🦀".repeat(14), None).await, refused(15));
    assert_eq!(submit(&host, ANN, &"🦀".repeat(15), None).await, Submitted::Accepted);
}

#[tokio::test]
async fn pw_04_pw_07_pw_08_passwords_round_trip_whole() {
    for password in
        ["x".repeat(64), "x".repeat(256), "  inner  and outer spaces  ".into(), "cafe\u{301} au lait, please".into()]
    {
        let host = TestHost::new();
        host.registered_with(ANN, &password).await;
        let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
        let _ = host.sigra.confirmation().by_token(&token, &host.client()).await.unwrap();
        let composed = password.replace("e\u{301}", "\u{e9}");
        assert!(signs_in(&host, ANN, &composed).await, "{password:?}");
        let mut changed = composed.clone();
        changed.pop();
        assert!(is_refused(&host.login(ANN, &format!("{changed}~")).await), "{password:?}");
        assert!(is_refused(&host.login(ANN, &changed).await), "{password:?}");
        assert!(is_refused(&host.login(ANN, &composed.to_uppercase()).await), "{password:?}");
    }
}

#[tokio::test]
async fn profiles_are_json_objects_of_a_bounded_size() {
    let host = TestHost::new();
    let limit = host.sigra.config().registration.max_profile_bytes;
    let of_size = |size: usize| json!({"k": "x".repeat(size - r#"{"k":""}"#.len())});
    assert_eq!(of_size(limit).to_string().len(), limit);
    assert_eq!(submit(&host, ANN, PASSWORD, Some(&of_size(limit))).await, Submitted::Accepted);
    let refused = Submitted::Rejected(vec![InputFault::InvalidProfile]);
    for bad in [of_size(limit + 1), json!(null), json!([1]), json!("x"), json!({"k": "\0"}), json!({"\0": 1})] {
        assert_eq!(submit(&host, ANN, PASSWORD, Some(&bad)).await, refused, "{bad}");
    }
    // The six characters `\u0000` are no NUL.
    assert_eq!(submit(&host, ANN, PASSWORD, Some(&json!({"k": "\\u0000"}))).await, Submitted::Accepted);
}

#[tokio::test]
async fn an_overloaded_hasher_stores_nothing() {
    let host = TestHost::new();
    host.hasher.overload(1);
    let client = host.client();
    let form = RegistrationForm { email: ANN, password: PASSWORD, profile: None, client: &client };
    assert!(host.sigra.registration().submit(form).await.is_err());
    host.run_workers().await;
    assert!(host.store.events().is_empty() && host.mailer.sent().is_empty());
}

#[tokio::test]
async fn a_prepared_registration_is_committed_where_the_host_likes() {
    let host = TestHost::new();
    let client = host.client();
    let form = RegistrationForm { email: ANN, password: PASSWORD, profile: None, client: &client };
    let prepared = host.sigra.registration().prepare(form).await.unwrap().unwrap();
    assert_none_audited(&host.store, names::REGISTER_REQUEST, |_| true).await;
    prepared.commit_in(&host.store).await.unwrap();
    host.run_workers().await;
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let prepared = host.sigra.confirmation().prepare(&token, &client).await.unwrap().unwrap();
    let id = prepared.user();
    assert!(host.store.users().is_empty());
    let _ = prepared.commit_in(&host.store).await.unwrap();
    assert_eq!(host.store.users()[0].id, id);
    let entry = host.entry();
    let attempt = PasswordAttempt { email: ANN, password: PASSWORD, entry: &entry };
    assert!(!is_refused(&host.sigra.login().password(attempt).await.unwrap()));
}

#[tokio::test]
async fn a_disabled_owner_is_not_invited_to_confirm() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.store.edit_user(ann.id, |user| user.disabled_at = Some(user.created_at));
    host.mailer.take();
    host.registered_with(ANN, NEW_PASSWORD).await;
    let _ = host.sigra.confirmation().resend(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 0, "a link that can never work");
}
