//! Addresses that were left: who can have them, when, and what comes with them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{ANN, BOB, NEW_PASSWORD, current, email, magic_link, reset_link, signs_in, stored, sweep};
use sigra_core::audit::names;
use sigra_core::config::{ConfirmationMode, DeletionStrategy, Seconds};
use sigra_core::flows::{ChangeOutcome, ChangeRequested, Confirmed, InputFault, RegistrationForm, Submitted};
use sigra_core::mail::MailKind;
use sigra_core::ports::{Quarantined, RowKind};
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_testing::TestVault;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, TestHostBuilder};

const NEW: &str = "new@example.org";
const DAY: u64 = 86_400;
const KEPT_DAYS: u64 = 30;

fn keeping() -> TestHostBuilder {
    TestHost::builder().config(|config| config.lifecycle.address_quarantine_secs = Seconds::new(30 * 86_400))
}

/// Mails that have gone out to an address.
fn mails_to(host: &TestHost, address: &str) -> usize {
    host.store.outbox().iter().filter(|queued| queued.mail.to.as_str() == address).count()
}

async fn register(host: &TestHost, address: &str) -> Submitted {
    let client = host.client();
    let form = RegistrationForm { email: address, password: PASSWORD, profile: None, client: &client };
    let submitted = host.sigra.registration().submit(form).await.unwrap();
    host.run_workers().await;
    submitted
}

async fn erase(host: &TestHost, user: &User) {
    assert!(host.sigra.operator().erase(user.id, &host.client()).await.unwrap());
    host.run_workers().await;
}

/// When the last mail about an account says that its address is free again.
async fn told_of(host: &TestHost, user: &User) -> Option<Timestamp> {
    assert!(host.sigra.operator().erase(user.id, &host.client()).await.unwrap());
    let mail = host.store.outbox().into_iter().find(|queued| queued.mail.kind == MailKind::DELETION_DONE);
    let facts = mail.expect("it is owed with the erasure").mail.open(&host.vault).unwrap();
    host.run_workers().await;
    facts.due_at
}

async fn ask(host: &TestHost, session: &SignedIn, address: &str) -> ChangeRequested {
    let current = current(host, session).await;
    let asked = host.sigra.email_change().request(&current, address, &host.client()).await.unwrap();
    host.run_workers().await;
    asked
}

async fn redeem(host: &TestHost, address: &str) -> ChangeOutcome {
    let link = host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, address);
    let outcome = host.sigra.email_change().redeem(&link, None, &host.client()).await.unwrap();
    host.run_workers().await;
    outcome
}

/// Changes the address of an account from a new session.
async fn change(host: &TestHost, user: &User, to: &str) -> User {
    let session = host.signed_in(user).await;
    assert_eq!(ask(host, &session, to).await, ChangeRequested::Noted);
    let outcome = redeem(host, to).await;
    let ChangeOutcome::Changed(user, _) = outcome else { panic!("the link is live: {outcome:?}") };
    *user
}

async fn export(host: &TestHost, session: &SignedIn) -> String {
    let current = current(host, session).await;
    let mut document = host.sigra.export().begin(&current, &host.client()).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = document.next().await.unwrap() {
        bytes.extend(piece);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn lc_06_an_address_is_free_at_once_unless_it_is_to_be_kept() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    assert_eq!(told_of(&host, &ann).await, None);
    assert_eq!(count_audited(&host.store, names::REGISTER_FAILURE, |_| true).await, 0);
    host.confirmed(ANN).await;
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn lc_06_the_address_of_an_erased_account_answers_like_a_taken_one_until_its_day() {
    for strategy in [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize] {
        let host = keeping().config(|config| config.deletion.strategy = strategy).build();
        let ann = host.confirmed(ANN).await;
        host.confirmed(BOB).await;
        let until = host.sigra.clock().now() + Duration::from_secs(KEPT_DAYS * DAY);
        assert_eq!(told_of(&host, &ann).await, Some(until));
        let before = mails_to(&host, ANN);
        assert_eq!(register(&host, ANN).await, register(&host, BOB).await, "the answer tells nothing");
        assert_eq!(mails_to(&host, ANN), before, "and no mail: the mailbox may be somebody else's by now");
        assert_audited(&host.store, names::REGISTER_FAILURE, |event| {
            event.reason.as_deref() == Some("address_quarantined") && event.subject.is_none()
        })
        .await;
        let bob = stored(&host, BOB).await;
        let session = host.signed_in(&bob).await;
        assert_eq!(ask(&host, &session, ANN).await, ChangeRequested::Noted);
        assert_eq!(mails_to(&host, ANN), before);
        assert_eq!(host.count_mailed(&MailKind::EMAIL_CHANGE_NOTICE, BOB), 1, "as for any other address");
        assert_audited(&host.store, names::EMAIL_CHANGE_REFUSED, |event| {
            event.reason.as_deref() == Some("address_quarantined") && event.subject.is_none()
        })
        .await;

        host.advance(KEPT_DAYS * DAY - 1);
        let _ = register(&host, ANN).await;
        assert_eq!(mails_to(&host, ANN), before);
        host.advance(1);
        let again = host.confirmed(ANN).await;
        assert_ne!(again.id, ann.id);
        let swept = sweep(&host).await;
        let of = |kind: RowKind| swept.kinds.iter().find(|swept| swept.kind == kind.name()).unwrap().gone;
        assert_eq!(
            of(RowKind::QUARANTINES),
            0,
            "{strategy:?}: it ends at its microsecond, and is thrown away after it"
        );
        host.advance(1);
        assert!(sweep(&host).await.kinds.iter().any(|swept| swept.kind == "quarantines" && swept.gone == 1));
    }
}

/// Renamed away, and erased under the new address: nothing reserves the old one any more, and both are kept.
#[tokio::test]
async fn lc_06_erasing_an_account_frees_none_of_its_addresses() {
    for confirmation in [ConfirmationMode::Required, ConfirmationMode::Deferred] {
        let host = keeping().config(|config| config.registration.confirmation = confirmation).build();
        let ann = host.confirmed(ANN).await;
        let ann = change(&host, &ann, NEW).await;
        erase(&host, &ann).await;
        for address in [ANN, NEW] {
            let before = mails_to(&host, address);
            assert_eq!(register(&host, address).await, Submitted::Accepted);
            assert_eq!(mails_to(&host, address), before, "{confirmation:?}");
        }
        assert!(host.store.users().is_empty(), "{confirmation:?}");
    }
}

#[tokio::test]
async fn lc_06_a_link_does_not_promote_into_a_quarantine() {
    let host = keeping().build();
    host.registered(ANN).await;
    let link = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    // The address was somebody's in between, and left: what erases an account deletes the registrations it finds.
    let vault = TestVault::default();
    let key = sigra_core::ports::Vault::mac(&vault, "quarantine.address", email(ANN).identity().as_bytes());
    let until = host.sigra.clock().now() + std::time::Duration::from_secs(60);
    let kept = sigra_core::evidence::Evidence::none().and_quarantined([Quarantined { key, holder: None, until }]);
    host.sigra.stores().log.append(kept).await.unwrap();
    let outcome = host.sigra.confirmation().by_token(&link, &host.client()).await.unwrap();
    assert_eq!(outcome, Confirmed::Invalid);
    assert!(host.store.users().is_empty());
}

/// Whoever makes an account of a mailbox that is not theirs must not keep its owner out by leaving it.
#[tokio::test]
async fn lc_06_an_address_that_was_never_proven_is_not_kept() {
    let host = keeping().config(|config| config.registration.confirmation = ConfirmationMode::Deferred).build();
    host.registered(ANN).await;
    erase(&host, &stored(&host, ANN).await).await;
    host.registered(ANN).await;
    let stranger = stored(&host, ANN).await;
    let session = host.signed_in(&stranger).await;
    assert_eq!(ask(&host, &session, NEW).await, ChangeRequested::Noted);
    assert!(matches!(redeem(&host, NEW).await, ChangeOutcome::Reclaimed(_)));
    let ann = host.confirmed(ANN).await;
    assert_eq!(ann.email.as_str(), ANN);
}

/// Longer than it is reserved, and the account that left it can come back all the time.
#[tokio::test]
async fn lc_06_an_address_that_was_changed_away_is_its_accounts_to_come_back_to() {
    let host = keeping().build();
    let ann = host.confirmed(ANN).await;
    let ann = change(&host, &ann, NEW).await;
    host.advance(4 * DAY);
    let bob = host.confirmed(BOB).await;
    let before = mails_to(&host, ANN);
    assert_eq!(register(&host, ANN).await, Submitted::Accepted);
    let session = host.signed_in(&bob).await;
    assert_eq!(ask(&host, &session, ANN).await, ChangeRequested::Noted);
    assert_eq!(mails_to(&host, ANN), before);
    for name in [names::REGISTER_FAILURE, names::EMAIL_CHANGE_REFUSED] {
        let told = |event: &sigra_core::ports::RecordedEvent| {
            event.reason.as_deref() == Some("address_quarantined") && event.subject == Some(ann.id)
        };
        assert_audited(&host.store, name, told).await;
    }
    let back = change(&host, &ann, ANN).await;
    assert_eq!((back.id, back.email.as_str()), (ann.id, ANN));
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn lc_06_the_link_that_undoes_outdoes_the_quarantine() {
    let host = keeping().build();
    let ann = host.confirmed(ANN).await;
    change(&host, &ann, NEW).await;
    let rescue = host.mailed_token(&MailKind::EMAIL_CHANGED, ANN);
    let undone = host.sigra.email_change().undo(&rescue, &host.client()).await.unwrap().expect("it is live");
    assert_eq!((undone.id, undone.email.as_str()), (ann.id, ANN));
    let before = mails_to(&host, NEW);
    assert_eq!(register(&host, NEW).await, Submitted::Accepted);
    assert_eq!(mails_to(&host, NEW), before, "the address that was left by the undo is kept too");
    assert_audited(&host.store, names::REGISTER_FAILURE, |event| event.subject == Some(ann.id)).await;
}

#[tokio::test]
async fn lc_06_an_operator_releases_an_address_early() {
    let host = keeping().build();
    let (ann, root) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    erase(&host, &ann).await;
    let operator = host.sigra.operator().acting(root.id);
    assert!(!operator.release_address(&email(NEW), &host.client()).await.unwrap());
    assert_none_audited(&host.store, names::ADDRESS_RELEASE, |_| true).await;
    assert!(operator.release_address(&email("Ann@EXAMPLE.org"), &host.client()).await.unwrap());
    assert!(!operator.release_address(&email(ANN), &host.client()).await.unwrap(), "once");
    let event = assert_audited(&host.store, names::ADDRESS_RELEASE, |event| event.actor == Some(root.id)).await;
    assert_eq!((event.subject, event.metadata["by"].as_str()), (None, Some("operator")));
    assert!(!format!("{event:?}").contains("example.org"), "the trail of an erased account names no address");
    host.confirmed(ANN).await;
}

#[tokio::test]
async fn lc_06_addresses_that_can_be_misread_are_refused_with_a_reason() {
    let host = TestHost::new();
    let bob = host.confirmed(BOB).await;
    let session = host.signed_in(&bob).await;
    for typed in ["b\u{43e}b@example.org", "\u{ff42}ob@example.org", "bob@ex\u{430}mple.org"] {
        assert_eq!(register(&host, typed).await, Submitted::Rejected(vec![InputFault::LookalikeEmail]), "{typed}");
        assert_eq!(ask(&host, &session, typed).await, ChangeRequested::Rejected(InputFault::LookalikeEmail), "{typed}");
    }
    assert_eq!((InputFault::LookalikeEmail.field(), InputFault::LookalikeEmail.code()), ("email", "invalid_email"));
    host.confirmed("j\u{fc}rgen@example.org").await;
}

/// Somebody renames their account, and a stranger registers the old address when it is free again: nothing of the old account
/// comes with it, in either direction.
#[tokio::test]
async fn lc_02_an_address_that_was_renamed_away_brings_nothing_of_its_old_account() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (session, remembered) = (host.signed_in(&ann).await, host.remembered(&ann).await);
    let (magic, reset) = (magic_link(&host, ANN).await, reset_link(&host, ANN).await);
    let ann = change(&host, &ann, NEW).await;
    let undo = host.mailed_token(&MailKind::EMAIL_CHANGED, ANN);
    let notice = host.mailed_token(&MailKind::EMAIL_CHANGE_NOTICE, ANN);
    // As long as it can be undone, nobody else has it.
    let before = mails_to(&host, ANN);
    assert_eq!(register(&host, ANN).await, Submitted::Accepted);
    assert_eq!(mails_to(&host, ANN), before);
    host.advance(3 * DAY);

    let stranger = host.confirmed(ANN).await;
    assert_ne!(stranger.id, ann.id);
    assert_eq!((stranger.epochs, stranger.last_sign_in_at), (sigra_core::user::Epochs::default(), None));
    for cookie in [session.cookie(), remembered.cookie()] {
        assert!(host.resolve(&cookie).await.is_none());
    }
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none());
    assert!(host.sigra.reset().peek(&reset).await.unwrap().is_none());
    for rescue in [undo, notice] {
        assert!(host.sigra.email_change().undo(&rescue, &host.client()).await.unwrap().is_none());
    }
    let stores = host.sigra.stores();
    let now = host.sigra.clock().now();
    assert!(stores.sessions.list(stranger.id, 10).await.unwrap().is_empty());
    assert!(stores.devices.list(stranger.id, now).await.unwrap().is_empty());
    assert!(stores.address_changes.list(stranger.id, now, None, 10).await.unwrap().is_empty());
    let trail = stores.audit.page(Some(stranger.id), None, 100).await.unwrap();
    assert!(trail.iter().all(|event| event.subject == Some(stranger.id) && event.session.is_none()), "{trail:?}");
    assert!(trail.iter().all(|event| event.at == now), "nothing from before its time: {trail:?}");

    let session = host.signed_in(&stranger).await;
    let document = export(&host, &session).await;
    for foreign in [NEW, &ann.id.to_string()] {
        assert!(!document.contains(foreign), "{foreign} in {document}");
    }

    // Links that are mailed to the address now are the stranger's, and what they do leaves the old account alone.
    let link = reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await && signs_in(&host, NEW, PASSWORD).await);
    assert!(!signs_in(&host, NEW, NEW_PASSWORD).await && !signs_in(&host, ANN, PASSWORD).await);
    let old = stored(&host, NEW).await;
    assert_eq!((old.id, old.epochs), (ann.id, ann.epochs));

    // Erasing the one leaves the other.
    erase(&host, &stranger).await;
    assert_eq!(stored(&host, NEW).await.id, ann.id);
}
