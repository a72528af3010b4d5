//! What is asked of services outside: breached passwords, domains that take mail.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{ANN, NEW_PASSWORD, NOBODY, reasons, reset_link, signs_in};
use sigra_core::audit::{EventName, names};
use sigra_core::config::WhenUnanswered;
use sigra_core::error::FlowError;
use sigra_core::flows::{InputFault, RegistrationForm, ResetOutcome, Submitted};
use sigra_core::ports::PasswordFault;
use sigra_testing::KnownBad;
use sigra_testing::audited::{assert_audited, assert_none_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

const LEAKED: &str = "a long password that leaked";

async fn submit(host: &TestHost, email: &str, password: &str) -> Result<Submitted, FlowError> {
    let client = host.client();
    host.sigra.registration().submit(RegistrationForm { email, password, profile: None, client: &client }).await
}

fn rejected(fault: InputFault) -> Submitted {
    Submitted::Rejected(vec![fault])
}

fn breaching(service: &KnownBad, when_unanswered: WhenUnanswered) -> TestHost {
    TestHost::builder()
        .breached_passwords(Arc::new(service.clone()))
        .config(|config| config.breach_check.when_unanswered = when_unanswered)
        .build()
}

fn mailing(service: &KnownBad) -> TestHost {
    TestHost::builder().mail_domains(Arc::new(service.clone())).build()
}

async fn assert_noted(host: &TestHost, name: EventName, accepted: bool) {
    let event = assert_audited(&host.store, name, |_| true).await;
    assert_eq!(event.reason.as_deref(), Some("timed_out"));
    assert_eq!((event.actor, event.subject), (None, None));
    assert_eq!(event.metadata.get("accepted"), Some(&serde_json::Value::Bool(accepted)));
    assert_eq!(event.client.ip, host.client().ip);
}

#[tokio::test]
async fn pw_10_a_breached_password_is_refused_when_registering_and_when_resetting() {
    let service = KnownBad::new([LEAKED]);
    let host = breaching(&service, WhenUnanswered::Accept);
    let breached = rejected(InputFault::Password(PasswordFault::Breached));
    assert_eq!(submit(&host, ANN, LEAKED).await.unwrap(), breached);
    assert_eq!(host.hasher.jobs(), [], "nothing is hashed");
    assert_eq!(submit(&host, ANN, PASSWORD).await.unwrap(), Submitted::Accepted);

    let ann = host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    let outcome = host.sigra.reset().redeem(&link, LEAKED, &host.client()).await.unwrap();
    assert_eq!(outcome, ResetOutcome::Rejected(vec![InputFault::Password(PasswordFault::Breached)]));
    assert!(signs_in(&host, ANN, PASSWORD).await, "nothing changed");
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(user) if user.id == ann.id), "the link stayed alive");
    assert_none_audited(&host.store, names::BREACH_CHECK_FAILURE, |_| true).await;
}

#[tokio::test]
async fn pw_10_nobody_is_asked_about_what_other_rules_refuse_nor_by_a_dead_link() {
    let service = KnownBad::default();
    let host = breaching(&service, WhenUnanswered::Refuse);
    let too_short = rejected(InputFault::Password(PasswordFault::TooShort { minimum: 15 }));
    assert_eq!(submit(&host, ANN, "short").await.unwrap(), too_short);
    assert_eq!(submit(&host, "?", PASSWORD).await.unwrap(), rejected(InputFault::InvalidEmail));
    let dead = host.sigra.reset().redeem(&"A".repeat(43), PASSWORD, &host.client()).await.unwrap();
    assert_eq!(dead, ResetOutcome::Invalid);
    assert_eq!(service.take_asked(), 0);
    assert_eq!(submit(&host, ANN, PASSWORD).await.unwrap(), Submitted::Accepted);
    assert_eq!(service.take_asked(), 1);
}

#[tokio::test]
async fn pw_11_without_an_answer_a_password_is_accepted_by_default_and_that_is_recorded() {
    let service = KnownBad::new([LEAKED]);
    let host = breaching(&service, TestHost::new().sigra.config().breach_check.when_unanswered);
    service.silent(true);
    assert_eq!(submit(&host, ANN, LEAKED).await.unwrap(), Submitted::Accepted);
    assert_noted(&host, names::BREACH_CHECK_FAILURE, true).await;
}

#[tokio::test]
async fn pw_11_without_an_answer_a_password_is_refused_where_that_is_configured_and_that_is_recorded() {
    let service = KnownBad::default();
    let host = breaching(&service, WhenUnanswered::Refuse);
    host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    host.hasher.take_jobs();
    service.silent(true);
    assert!(matches!(submit(&host, NOBODY, PASSWORD).await, Err(FlowError::Unanswered { .. })));
    assert_noted(&host, names::BREACH_CHECK_FAILURE, false).await;
    let refused = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await;
    assert!(matches!(refused, Err(FlowError::Unanswered { .. })));
    assert_eq!(host.hasher.take_jobs(), []);
    assert_eq!(reasons(&host, names::BREACH_CHECK_FAILURE), ["timed_out"; 2]);

    service.silent(false);
    let redeemed = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(redeemed, ResetOutcome::Done(_)), "the link stayed alive");
}

#[tokio::test]
async fn an_address_in_a_domain_without_mail_is_refused_with_its_other_faults() {
    let service = KnownBad::new(["nomail.example", "xn--bcher-kva.example"]);
    let host = mailing(&service);
    let undeliverable = InputFault::UndeliverableEmail;
    assert_eq!((undeliverable.field(), undeliverable.code()), ("email", "invalid_email"));
    assert_eq!(submit(&host, "ann@nomail.example", PASSWORD).await.unwrap(), rejected(undeliverable));
    assert_eq!(submit(&host, "ann@BÜCHER.example", PASSWORD).await.unwrap(), rejected(undeliverable));
    let both = vec![undeliverable, InputFault::Password(PasswordFault::TooShort { minimum: 15 })];
    assert_eq!(submit(&host, "ann@nomail.example", "short").await.unwrap(), Submitted::Rejected(both));
    assert_eq!(service.take_asked(), 3);
    assert_eq!(submit(&host, "ann@localhost", PASSWORD).await.unwrap(), rejected(InputFault::InvalidEmail));
    assert_eq!(service.take_asked(), 0, "what is no address has no domain");
    assert_eq!(host.hasher.jobs(), []);
    assert_eq!(submit(&host, ANN, PASSWORD).await.unwrap(), Submitted::Accepted);
}

#[tokio::test]
async fn without_an_answer_every_domain_takes_mail_and_that_is_recorded() {
    let service = KnownBad::new(["example.org"]);
    let host = mailing(&service);
    service.silent(true);
    assert_eq!(submit(&host, ANN, PASSWORD).await.unwrap(), Submitted::Accepted);
    assert_noted(&host, names::DOMAIN_CHECK_FAILURE, true).await;
}

#[tokio::test]
async fn th_17_a_domain_is_asked_about_whether_or_not_an_address_has_an_account() {
    let service = KnownBad::default();
    let host = mailing(&service);
    host.confirmed(ANN).await;
    let _ = service.take_asked();
    for silent in [false, true] {
        service.silent(silent);
        for email in [ANN, NOBODY] {
            assert_eq!(submit(&host, email, PASSWORD).await.unwrap(), Submitted::Accepted);
            assert_eq!(service.take_asked(), 1);
        }
    }
    assert_eq!(reasons(&host, names::DOMAIN_CHECK_FAILURE), ["timed_out"; 2]);

    // Its domain stopped taking mail since: an address with an account is refused like any other.
    let service = KnownBad::new(["example.org"]);
    let host = TestHost::builder().mail_domains(Arc::new(service.clone()));
    service.silent(true);
    let host = host.build();
    host.confirmed(ANN).await;
    service.silent(false);
    for email in [ANN, NOBODY] {
        assert_eq!(submit(&host, email, PASSWORD).await.unwrap(), rejected(InputFault::UndeliverableEmail));
    }
}
