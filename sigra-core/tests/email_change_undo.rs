//! Undoing a change of address from the old mailbox.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::factor::FakeFactor;
use common::{ANN, NEW_PASSWORD, at_once, current, reset_link, signs_in};
use sigra_core::audit::names;
use sigra_core::flows::{ChangeOutcome, ChangeRequested, Confirmed, DeletionScheduled, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::ports::Standing;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost};

const THIEFS: &str = "thief@example.org";
const ELSEWHERE: &str = "elsewhere@example.org";
const CONFIRM: MailKind = MailKind::EMAIL_CHANGE_CONFIRM;
const NOTICE: MailKind = MailKind::EMAIL_CHANGE_NOTICE;
const CHANGED: MailKind = MailKind::EMAIL_CHANGED;

/// A thief in a session of Ann's asks for an address of theirs.
async fn burgled(host: &TestHost) -> (User, SignedIn, String) {
    let ann = host.confirmed(ANN).await;
    let thief = host.signed_in(&ann).await;
    let link = ask(host, &thief, THIEFS).await;
    (ann, thief, link)
}

async fn ask(host: &TestHost, session: &SignedIn, email: &str) -> String {
    let current = current(host, session).await;
    let asked = host.sigra.email_change().request(&current, email, &host.client()).await.unwrap();
    assert_eq!(asked, ChangeRequested::Noted);
    host.run_workers().await;
    host.mailed_token(&CONFIRM, email)
}

/// Redeems in the thief's browser, whose session goes on.
async fn redeem(host: &TestHost, session: &SignedIn, link: &str) -> SignedIn {
    let current = current(host, session).await;
    let outcome = host.sigra.email_change().redeem(link, Some(&current), &host.client()).await.unwrap();
    let ChangeOutcome::Changed(user, Some(renewed)) = outcome else { panic!("the link is live: {outcome:?}") };
    host.run_workers().await;
    SignedIn { user: *user, session: renewed.session, token: renewed.token, device: session.device.clone() }
}

async fn undo(host: &TestHost, token: &str) -> bool {
    host.sigra.email_change().undo(token, &host.client()).await.unwrap().is_some()
}

/// The owner has the old address, nobody is signed in, and a reset is under way that lets the owner in.
async fn assert_the_owner_has_it(host: &TestHost, ann: &User) {
    let user = host.store.users().into_iter().find(|user| user.id == ann.id).unwrap();
    assert_eq!(user.email.as_str(), ANN);
    assert!(host.sigra.stores().sessions.list(ann.id, 10).await.unwrap().is_empty());
    assert!(!signs_in(host, ANN, PASSWORD).await && !signs_in(host, THIEFS, PASSWORD).await);
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(signs_in(host, ANN, NEW_PASSWORD).await);
}

#[tokio::test]
async fn before_redemption_the_link_stops_the_change_and_locks_everybody_out() {
    let host = TestHost::new();
    let (ann, thief, link) = burgled(&host).await;
    let rescue = host.mailed_token(&NOTICE, ANN);
    let seen = host.sigra.email_change().peek_undo(&rescue).await.unwrap().expect("it is live");
    assert_eq!((seen.email.as_str(), seen.changed), (ANN, false));
    let minted = count_audited(&host.store, names::SESSION_CREATE, |_| true).await;
    assert!(undo(&host, &rescue).await);
    assert!(host.resolve(&thief.cookie()).await.is_none());
    let late = host.sigra.email_change().redeem(&link, None, &host.client()).await.unwrap();
    assert!(matches!(late, ChangeOutcome::Invalid));
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, minted, "nobody is signed in");
    let event = assert_audited(&host.store, names::EMAIL_CHANGE_UNDONE, |event| event.subject == Some(ann.id)).await;
    assert_eq!(event.metadata["reverted"], false);
    assert_the_owner_has_it(&host, &ann).await;
}

#[tokio::test]
async fn after_redemption_either_link_brings_the_address_back() {
    for kind in [NOTICE, CHANGED] {
        let host = TestHost::new();
        let (ann, thief, link) = burgled(&host).await;
        let thief = redeem(&host, &thief, &link).await;
        let rescue = host.mailed_token(&kind, ANN);
        assert!(host.sigra.email_change().peek_undo(&rescue).await.unwrap().expect("it is live").changed);
        assert!(undo(&host, &rescue).await);
        assert!(host.resolve(&thief.cookie()).await.is_none());
        let event = assert_audited(&host.store, names::EMAIL_CHANGE_UNDONE, |_| true).await;
        assert_eq!(event.metadata["reverted"], true);
        for spent in [NOTICE, CHANGED] {
            assert!(!undo(&host, &host.mailed_token(&spent, ANN)).await, "a link works once, and so do both");
        }
        assert_the_owner_has_it(&host, &ann).await;
    }
}

#[tokio::test]
async fn a_thief_cannot_disarm_the_links() {
    let host = TestHost::new();
    let (ann, thief, link) = burgled(&host).await;
    let rescue = host.mailed_token(&NOTICE, ANN);
    // Asks again, withdraws, asks again, redeems, moves on to another mailbox, resets the password there.
    ask(&host, &thief, ELSEWHERE).await;
    let session = current(&host, &thief).await;
    assert!(host.sigra.email_change().withdraw(&session, &host.client()).await.unwrap());
    assert!(matches!(
        host.sigra.email_change().redeem(&link, None, &host.client()).await.unwrap(),
        ChangeOutcome::Invalid
    ));
    let link = ask(&host, &thief, THIEFS).await;
    let thief = redeem(&host, &thief, &link).await;
    let link = ask(&host, &thief, ELSEWHERE).await;
    redeem(&host, &thief, &link).await;
    let reset = reset_link(&host, ELSEWHERE).await;
    let _ = host.sigra.reset().redeem(&reset, "the password of a thief", &host.client()).await.unwrap();
    // What the thief's own mailbox was sent undoes nothing any more once the owner has undone.
    let thiefs = host.mailed_token(&CHANGED, THIEFS);
    assert!(undo(&host, &rescue).await);
    assert!(!undo(&host, &thiefs).await);
    assert!(!signs_in(&host, ANN, "the password of a thief").await);
    assert_the_owner_has_it(&host, &ann).await;
}

#[tokio::test]
async fn a_thief_who_undoes_first_does_not_keep_the_account() {
    let host = TestHost::new();
    let (ann, thief, link) = burgled(&host).await;
    let thief = redeem(&host, &thief, &link).await;
    let link = ask(&host, &thief, ELSEWHERE).await;
    redeem(&host, &thief, &link).await;
    assert!(undo(&host, &host.mailed_token(&CHANGED, THIEFS)).await);
    assert_eq!(host.store.users()[0].email.as_str(), THIEFS);
    assert!(undo(&host, &host.mailed_token(&CHANGED, ANN)).await, "the link of the oldest change wins");
    assert_the_owner_has_it(&host, &ann).await;
}

#[tokio::test]
async fn factors_that_were_added_since_are_removed() {
    let factor = FakeFactor::new("totp", Standing::Alone);
    let host = TestHost::builder().factor(std::sync::Arc::new(factor.clone())).build();
    let (ann, _, _) = burgled(&host).await;
    factor.give(&ann);
    assert!(undo(&host, &host.mailed_token(&NOTICE, ANN)).await);
    assert_eq!(factor.disowned.lock().unwrap().len(), 2, "a thief's factor would outlive the rescue");
}

#[tokio::test]
async fn tk_04_a_link_is_good_for_72_hours() {
    let host = TestHost::new();
    let (_, _, _) = burgled(&host).await;
    let rescue = host.mailed_token(&NOTICE, ANN);
    host.advance(72 * 3_600 - 1);
    assert!(host.sigra.email_change().peek_undo(&rescue).await.unwrap().is_some());
    host.advance(1);
    assert!(!undo(&host, &rescue).await);
    assert_none_audited(&host.store, names::EMAIL_CHANGE_UNDONE, |_| true).await;

    // Completing the change starts them anew, for both links.
    let host = TestHost::new();
    let (_, thief, link) = burgled(&host).await;
    host.advance(1_000);
    redeem(&host, &thief, &link).await;
    host.advance(72 * 3_600 - 1);
    for kind in [NOTICE, CHANGED] {
        assert!(host.sigra.email_change().peek_undo(&host.mailed_token(&kind, ANN)).await.unwrap().is_some());
    }
    host.advance(1);
    for kind in [NOTICE, CHANGED] {
        assert!(!undo(&host, &host.mailed_token(&kind, ANN)).await);
    }
}

#[tokio::test]
async fn lc_06_the_old_address_is_nobody_elses_while_it_can_come_back() {
    let host = TestHost::new();
    let (ann, thief, link) = burgled(&host).await;
    redeem(&host, &thief, &link).await;
    let before = host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN);
    host.registered(ANN).await;
    assert_eq!(
        host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN),
        before,
        "nothing that could not be redeemed is mailed"
    );
    assert_audited(&host.store, names::REGISTER_FAILURE, |event| event.subject == Some(ann.id)).await;
    let bob = host.confirmed("bob@example.org").await;
    let session = current(&host, &host.signed_in(&bob).await).await;
    let _ = host.sigra.email_change().request(&session, ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&CONFIRM, ANN), 0);
    assert!(undo(&host, &host.mailed_token(&CHANGED, ANN)).await);
    assert_the_owner_has_it(&host, &ann).await;
}

#[tokio::test]
async fn lc_02_an_address_that_was_given_up_can_be_registered_and_inherits_nothing() {
    let host = TestHost::new();
    let (ann, session, link) = burgled(&host).await;
    redeem(&host, &session, &link).await;
    let rescue = host.mailed_token(&CHANGED, ANN);
    host.advance(72 * 3_600);
    host.registered(ANN).await;
    let confirm = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let Confirmed::Created(newcomer) = host.sigra.confirmation().by_token(&confirm, &host.client()).await.unwrap()
    else {
        panic!("the address is free")
    };
    assert_ne!(newcomer.id, ann.id);
    assert!(!undo(&host, &rescue).await);
    assert_eq!(host.store.users().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_17_whoever_redeems_while_the_owner_undoes_the_owner_has_it_afterwards() {
    for _ in 0..8 {
        let host = TestHost::new();
        let (ann, thief, link) = burgled(&host).await;
        let (rescue, session) = (host.mailed_token(&NOTICE, ANN), current(&host, &thief).await);
        let outcomes = at_once(16, |number| {
            let (host, link, rescue, session) = (host.clone(), link.clone(), rescue.clone(), session.clone());
            async move {
                if number % 2 == 0 {
                    let outcome =
                        host.sigra.email_change().redeem(&link, Some(&session), &host.client()).await.unwrap();
                    return match outcome {
                        ChangeOutcome::Changed(_, renewed) => renewed.map(|renewed| renewed.token.expose().to_string()),
                        ChangeOutcome::Reclaimed(_) | ChangeOutcome::Invalid => None,
                    };
                }
                undo(&host, &rescue).await.then(String::new)
            }
        })
        .await;
        assert_eq!(outcomes.iter().skip(1).step_by(2).flatten().count(), 1);
        for cookie in outcomes.iter().step_by(2).flatten() {
            assert!(host.resolve(cookie).await.is_none(), "no session of the thief lives");
        }
        assert_the_owner_has_it(&host, &ann).await;
    }
}

#[tokio::test]
async fn au_01_an_undo_that_fails_is_audited() {
    let host = TestHost::new();
    let (ann, thief, link) = burgled(&host).await;
    for bad in ["", "0", &"A".repeat(43), &thief.cookie(), &link] {
        assert!(!undo(&host, bad).await);
    }
    assert_eq!(count_audited(&host.store, names::EMAIL_CHANGE_UNDO_FAILURE, |_| true).await, 5);
    assert_eq!(host.store.users()[0].epochs, ann.epochs);
}

#[tokio::test]
async fn a_thief_who_has_the_account_deleted_is_undone_too() {
    let host = TestHost::new();
    let (ann, thief, link) = burgled(&host).await;
    let thief = redeem(&host, &thief, &link).await;
    let scheduled = host.sigra.deletion().schedule(&current(&host, &thief).await, &host.client()).await.unwrap();
    assert!(matches!(scheduled, DeletionScheduled::For(_)), "{scheduled:?}");
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::DELETION_SCHEDULED, THIEFS);
    assert!(undo(&host, &host.mailed_token(&NOTICE, ANN)).await);
    assert!(host.sigra.deletion().peek(&link).await.unwrap().is_none(), "nothing is left to take back");
    assert_the_owner_has_it(&host, &ann).await;
}
