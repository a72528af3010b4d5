//! Signing in with a link in a mail.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, BOB, NEW_PASSWORD, NOBODY, at_once, granted, magic_link, reasons, reset_link, signs_in};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::Admission;
use sigra_core::flows::{MagicLinkOutcome, Requested, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::TestHost;

async fn redeem(host: &TestHost, token: &str) -> MagicLinkOutcome {
    host.sigra.magic_link().redeem(token, &host.entry()).await.unwrap()
}

fn is_invalid(outcome: &MagicLinkOutcome) -> bool {
    matches!(outcome, MagicLinkOutcome::Invalid)
}

#[tokio::test]
async fn a_link_signs_in_once_at_aal_1() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let link = magic_link(&host, ANN).await;
    let view = host.sigra.magic_link().peek(&link).await.unwrap().unwrap();
    assert_eq!((view.email, view.requested_at), (ann.email.clone(), host.sigra.clock().now()));
    let MagicLinkOutcome::Admitted(admission) = redeem(&host, &link).await else { panic!("must be let in") };
    let granted = granted(admission);
    assert_eq!((granted.user.id, granted.session.assurance.aal), (ann.id, Aal::One));
    assert_eq!(granted.session.assurance.methods, [Method::MAGIC_LINK]);
    assert!(host.resolve(&granted.token.expose()).await.is_some());
    assert!(is_invalid(&redeem(&host, &link).await));
    assert!(host.sigra.magic_link().peek(&link).await.unwrap().is_none());
    assert_audited(&host.store, names::MAGIC_LINK_SUCCESS, |event| event.actor == Some(ann.id)).await;
    assert_eq!(reasons(&host, names::MAGIC_LINK_FAILURE), ["invalid_token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_of_sixteen_redemptions_one_signs_in() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = magic_link(&host, ANN).await;
    let outcomes = at_once(16, |_| {
        let (host, link) = (host.clone(), link.clone());
        async move { redeem(&host, &link).await }
    })
    .await;
    let admitted = outcomes.iter().filter(|outcome| matches!(outcome, MagicLinkOutcome::Admitted(_))).count();
    assert_eq!((admitted, count_audited(&host.store, names::SESSION_CREATE, |_| true).await), (1, 1));
}

#[tokio::test]
async fn tk_04_a_link_ends_with_the_second_it_expires() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = magic_link(&host, ANN).await;
    host.advance(599);
    assert!(host.sigra.magic_link().peek(&link).await.unwrap().is_some());
    host.advance(1);
    assert!(host.sigra.magic_link().peek(&link).await.unwrap().is_none());
    assert!(is_invalid(&redeem(&host, &link).await));
}

#[tokio::test]
async fn tk_05_a_newer_link_kills_the_older_one() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.confirmed(BOB).await;
    let (older, bobs) = (magic_link(&host, ANN).await, magic_link(&host, BOB).await);
    host.advance(1);
    let newer = magic_link(&host, ANN).await;
    assert!(is_invalid(&redeem(&host, &older).await));
    assert!(!is_invalid(&redeem(&host, &newer).await));
    assert!(!is_invalid(&redeem(&host, &bobs).await), "nobody else's");
}

#[tokio::test]
async fn tk_05_whatever_raises_an_epoch_or_disables_kills_a_link() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let link = magic_link(&host, ANN).await;
    let reset = reset_link(&host, ANN).await;
    let outcome = host.sigra.reset().redeem(&reset, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(is_invalid(&redeem(&host, &link).await), "a reset");

    let link = magic_link(&host, ANN).await;
    host.store.edit_user(ann.id, |user| user.epochs.factor += 1);
    assert!(is_invalid(&redeem(&host, &link).await), "a new second factor");

    let link = magic_link(&host, ANN).await;
    host.store.edit_user(ann.id, |user| user.email = common::email("ann@elsewhere.example"));
    assert!(is_invalid(&redeem(&host, &link).await), "another address");
    host.store.edit_user(ann.id, |user| user.email = common::email(ANN));

    let link = magic_link(&host, ANN).await;
    host.store.edit_user(ann.id, |user| user.disabled_at = Some(user.created_at));
    assert!(host.sigra.magic_link().peek(&link).await.unwrap().is_none());
    assert!(is_invalid(&redeem(&host, &link).await), "disabled");
    let mailed = host.count_mailed(&MailKind::MAGIC_LINK, ANN);
    let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), mailed, "nor does it get another");
}

#[tokio::test]
async fn tk_02_a_token_is_good_for_its_purpose_alone() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.registered(BOB).await;
    let (magic, reset) = (magic_link(&host, ANN).await, reset_link(&host, ANN).await);
    let confirm = host.mailed_token(&MailKind::CONFIRM_EMAIL, BOB);
    let client = host.client();
    for token in [&reset, &confirm] {
        assert!(is_invalid(&redeem(&host, token).await));
    }
    for token in [&magic, &confirm] {
        let outcome = host.sigra.reset().redeem(token, NEW_PASSWORD, &client).await.unwrap();
        assert_eq!(outcome, ResetOutcome::Invalid);
        assert!(!host.sigra.not_me().redeem(token, &client).await.unwrap());
    }
    for token in [&magic, &reset] {
        let outcome = host.sigra.confirmation().by_token(token, &client).await.unwrap();
        assert_eq!(outcome, sigra_core::flows::Confirmed::Invalid);
        assert!(host.resolve(token).await.is_none());
    }
    assert!(!is_invalid(&redeem(&host, &magic).await), "and nothing was used up by that");
}

#[tokio::test]
async fn tk_06_what_is_no_token_is_invalid() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let _ = magic_link(&host, ANN).await;
    for bad in ["", " ", "0", "null", "[]", "{}", &"A".repeat(43), &"A".repeat(10_000)] {
        assert!(is_invalid(&redeem(&host, bad).await), "{bad:.20}");
    }
}

#[tokio::test]
async fn th_18_unknown_addresses_are_answered_alike() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for email in [ANN, NOBODY] {
        let requested = host.sigra.magic_link().request(email, &host.client()).await.unwrap();
        assert_eq!(requested, Requested::Noted);
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), 1);
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, NOBODY), 0);
    let odd = host.sigra.magic_link().request("nobody", &host.client()).await.unwrap();
    assert_eq!(odd, Requested::InvalidEmail);
}

#[tokio::test]
async fn tk_20_mail_goes_to_the_stored_address() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let _ = host.sigra.magic_link().request("ANN@Example.org", &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.mailer.sent().last().unwrap().to.as_str(), ANN);
}

#[tokio::test]
async fn a_link_reopens_a_locked_account() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.locked(ANN).await;
    let link = magic_link(&host, ANN).await;
    assert!(!signs_in(&host, ANN, sigra_testing::scenario::PASSWORD).await, "asking changes nothing");
    let outcome = redeem(&host, &link).await;
    assert!(matches!(outcome, MagicLinkOutcome::Admitted(Admission::Granted(_))));
    assert!(signs_in(&host, ANN, sigra_testing::scenario::PASSWORD).await);
}

#[tokio::test]
async fn a_request_older_than_an_hour_is_dropped() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for (delay, mails) in [(3_599, 1), (3_600, 1)] {
        let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
        host.advance(delay);
        host.run_workers().await;
        assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), mails, "{delay}");
    }
}
