//! Accounts that were created before their address was proven, and a proof of the mailbox by other means than the
//! registration's: by every link there is.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use common::factor::FakeFactor;
use common::{ANN, NEW_PASSWORD, at_once, current, granted, is_refused, magic_link, reset_link, step_required, stored};
use sigra_core::audit::names;
use sigra_core::config::{Config, ConfirmationMode};
use sigra_core::door::{Entry, Step};
use sigra_core::flows::{ChangeOutcome, ChangeRequested, Confirmed, MagicLinkOutcome, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::ports::{Happened, Hooks, Standing};
use sigra_core::secret::Purpose;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_testing::audited::count_audited;
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, client};

const MALLORYS: &str = "mallory@example.org";

/// Remembers which accounts were reclaimed.
#[derive(Default)]
struct Heard(Mutex<Vec<User>>);

#[async_trait]
impl Hooks for Heard {
    async fn after_commit(&self, happened: &Happened<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let Happened::Reclaimed(user) = happened {
            self.0.lock().unwrap().push((*user).clone());
        }
        Ok(())
    }
}

/// Somebody else has registered with Ann's address and is signed in.
async fn hijacked() -> (TestHost, SignedIn, Arc<Heard>) {
    hijacked_at(ANN).await
}

/// An account of an address that nobody has shown, and Mallory signed in to it.
async fn hijacked_at(address: &str) -> (TestHost, SignedIn, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let host = TestHost::builder()
        .config(|config| config.registration.confirmation = ConfirmationMode::Deferred)
        .hooks(heard.clone())
        .build();
    host.registered(address).await;
    let account = stored(&host, address).await;
    let mallory = host.signed_in(&account).await;
    (host, mallory, heard)
}

/// Mallory asks for another address. Answers the link to it.
async fn ask_for(host: &TestHost, mallory: &SignedIn, address: &str) -> String {
    let session = current(host, mallory).await;
    let asked = host.sigra.email_change().request(&session, address, &host.client()).await.unwrap();
    assert_eq!(asked, ChangeRequested::Noted);
    host.run_workers().await;
    host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, address)
}

async fn assert_a_reset_is_under_way(host: &TestHost) {
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(!is_refused(&host.login(ANN, NEW_PASSWORD).await));
    assert_eq!(
        count_audited(&host.store, names::RECLAIMED, |_| true).await,
        1,
        "once it is hers, nothing more is dropped"
    );
}

/// Nothing Mallory has opens anything.
async fn assert_locked_out(host: &TestHost, mallory: &SignedIn) {
    assert!(host.resolve(&mallory.cookie()).await.is_none());
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert!(is_refused(&host.login_with(ANN, PASSWORD, &mallory.returning(host.client())).await));
    let stores = host.sigra.stores();
    let device = mallory.device.as_ref().unwrap().digest(Purpose::DEVICE);
    assert!(stores.devices.find(device, host.sigra.clock().now()).await.unwrap().is_none());
    let sessions = stores.sessions.list(mallory.user.id, 10).await.unwrap();
    assert!(sessions.iter().all(|session| session.id != mallory.session.id));
    let registered = host.mailed_token(&MailKind::CONFIRM_EMAIL, &mallory.user.email.to_string());
    let confirmed = host.sigra.confirmation().by_token(&registered, &host.client()).await.unwrap();
    assert_eq!(confirmed, Confirmed::Invalid, "what was mailed for the registration is worth nothing");
    assert_eq!(count_audited(&host.store, names::RECLAIMED, |_| true).await, 1);
}

#[tokio::test]
async fn tk_16_a_magic_link_drops_what_somebody_else_set_up() {
    let (host, mallory, heard) = hijacked().await;
    let link = magic_link(&host, ANN).await;
    let entry = Entry { client: client(42), ..Entry::default() };
    let MagicLinkOutcome::Admitted(admission) = host.sigra.magic_link().redeem(&link, &entry).await.unwrap() else {
        panic!("the link is good")
    };
    let ann = granted(admission);
    assert!(ann.user.confirmed_at.is_some() && !ann.user.has_password);
    assert_locked_out(&host, &mallory).await;
    let ann: SignedIn = ann.into();
    assert!(host.resolve(&ann.cookie()).await.is_some());
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 0, "it is her first sign-in");
    assert_eq!(heard.0.lock().unwrap().len(), 1);
    // Once it is hers, nothing more is dropped.
    let again = magic_link(&host, ANN).await;
    let _ = host.sigra.magic_link().redeem(&again, &entry).await.unwrap();
    assert!(host.resolve(&ann.cookie()).await.is_some());
    assert_eq!(count_audited(&host.store, names::RECLAIMED, |_| true).await, 1);
}

/// A factor keeps its own storage, which the reclaiming step does not reach.
#[tokio::test]
async fn tk_16_factors_kept_elsewhere_go_too() {
    let app = FakeFactor::new("totp", Standing::Alone);
    let deferred = |config: &mut Config| config.registration.confirmation = ConfirmationMode::Deferred;
    let host = TestHost::builder().config(deferred).factor(Arc::new(app.clone())).build();
    host.registered(ANN).await;
    let ann = stored(&host, ANN).await;
    app.give(&ann);
    let link = magic_link(&host, ANN).await;
    let MagicLinkOutcome::Admitted(admission) = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap()
    else {
        panic!("the link is good")
    };
    granted(admission);
    assert_eq!(*app.disowned.lock().unwrap(), [(ann.id, Timestamp::EPOCH)], "whenever they were set up");
}

#[tokio::test]
async fn tk_16_a_reset_does_and_replaces_the_password() {
    let (host, mallory, heard) = hijacked().await;
    let link = reset_link(&host, ANN).await;
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    let ResetOutcome::Done(ann) = outcome else { panic!("the link is good") };
    assert!(ann.confirmed_at.is_some() && ann.has_password);
    assert_locked_out(&host, &mallory).await;
    assert!(!is_refused(&host.login(ANN, NEW_PASSWORD).await));
    assert_eq!(heard.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn tk_16_a_rescue_does_and_starts_a_reset() {
    let (host, mallory, heard) = hijacked().await;
    // Mallory's guesses, or anybody's, have locked the account, and the notice goes to Ann.
    host.locked(ANN).await;
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::ACCOUNT_LOCKED, ANN);
    assert!(host.sigra.not_me().redeem(&rescue, &host.client()).await.unwrap());
    let ann = stored(&host, ANN).await;
    assert!(ann.confirmed_at.is_some() && !ann.has_password);
    assert_locked_out(&host, &mallory).await;
    assert_a_reset_is_under_way(&host).await;
    assert_eq!(heard.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn tk_16_taking_a_deletion_back_by_mail_does_too() {
    let (host, mallory, heard) = hijacked().await;
    let session = current(&host, &mallory).await;
    let _ = host.sigra.deletion().schedule(&session, &host.client()).await.unwrap();
    host.run_workers().await;
    let undo = host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN);
    assert!(host.sigra.deletion().undo(&undo, &host.client()).await.unwrap());
    let ann = stored(&host, ANN).await;
    assert!(ann.confirmed_at.is_some() && !ann.has_password && ann.deletion_due_at.is_none());
    assert_locked_out(&host, &mallory).await;
    assert_a_reset_is_under_way(&host).await;
    assert_eq!(heard.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn tk_16_a_link_of_before_a_deletion_keeps_the_deletion_for_its_owner_to_judge() {
    let (host, mallory, _) = hijacked().await;
    let session = current(&host, &mallory).await;
    let _ = host.sigra.deletion().schedule(&session, &host.client()).await.unwrap();
    let link = magic_link(&host, ANN).await;
    let MagicLinkOutcome::Admitted(admission) = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap()
    else {
        panic!("the link is good")
    };
    assert_eq!(step_required(admission).steps, [Step::REACTIVATE], "she is asked");
    assert_locked_out(&host, &mallory).await;
}

#[tokio::test]
async fn tk_16_undoing_a_change_of_address_does_too() {
    let (host, mallory, heard) = hijacked().await;
    ask_for(&host, &mallory, MALLORYS).await;
    let undo = host.mailed_token(&MailKind::EMAIL_CHANGE_NOTICE, ANN);
    assert!(host.sigra.email_change().undo(&undo, &host.client()).await.unwrap().is_some());
    let ann = stored(&host, ANN).await;
    assert!(ann.confirmed_at.is_some() && !ann.has_password);
    assert_locked_out(&host, &mallory).await;
    assert_a_reset_is_under_way(&host).await;
    assert_eq!(heard.0.lock().unwrap().len(), 1);
    let late = host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, MALLORYS);
    let late = host.sigra.email_change().redeem(&late, None, &host.client()).await.unwrap();
    assert!(matches!(late, ChangeOutcome::Invalid));
}

/// Mallory has an account of a mailbox nobody has shown, and has it moved to Ann's: whoever follows the link there must not
/// get an account that Mallory can still open.
#[tokio::test]
async fn tk_16_the_proof_of_a_new_address_does_too() {
    let (host, mallory, heard) = hijacked_at(MALLORYS).await;
    let link = ask_for(&host, &mallory, ANN).await;
    let notice = host.mailed_token(&MailKind::EMAIL_CHANGE_NOTICE, MALLORYS);
    // In Mallory's browser too, or Mallory would only have to get Ann to sit down there.
    let session = current(&host, &mallory).await;
    let outcome = host.sigra.email_change().redeem(&link, Some(&session), &host.client()).await.unwrap();
    let ChangeOutcome::Reclaimed(ann) = outcome else { panic!("{outcome:?}") };
    assert!(ann.email.as_str() == ANN && ann.confirmed_at.is_some() && !ann.has_password);
    assert_eq!(stored(&host, ANN).await, *ann);
    assert_locked_out(&host, &mallory).await;
    assert!(is_refused(&host.login(MALLORYS, PASSWORD).await));
    assert_eq!(heard.0.lock().unwrap().len(), 1);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::EMAIL_CHANGED, ANN), 1);
    assert_eq!(host.count_mailed(&MailKind::EMAIL_CHANGED, MALLORYS), 0, "nobody has shown that it was theirs");
    assert!(host.sigra.email_change().undo(&notice, &host.client()).await.unwrap().is_none(), "nor gets it back");
    let link = reset_link(&host, ANN).await;
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(!is_refused(&host.login(ANN, NEW_PASSWORD).await));
    assert_eq!(count_audited(&host.store, names::RECLAIMED, |_| true).await, 1, "it was hers already");
}

/// Many links of many kinds at once: one of them finds the account unproven, and the registrant keeps nothing.
#[tokio::test]
async fn tk_16_whichever_proof_is_first_reclaims_once() {
    let (host, mallory, heard) = hijacked().await;
    ask_for(&host, &mallory, MALLORYS).await;
    host.locked(ANN).await;
    host.run_workers().await;
    let undo = host.mailed_token(&MailKind::EMAIL_CHANGE_NOTICE, ANN);
    let rescue = host.mailed_token(&MailKind::ACCOUNT_LOCKED, ANN);
    let (magic, reset) = (magic_link(&host, ANN).await, reset_link(&host, ANN).await);
    let links = Arc::new([undo, rescue, magic, reset]);
    at_once(16, |number| {
        let (sigra, links, client) = (host.sigra.clone(), links.clone(), host.client());
        async move {
            let [undo, rescue, magic, reset] = &*links;
            match number % 4 {
                0 => drop(sigra.email_change().undo(undo, &client).await.unwrap()),
                1 => drop(sigra.not_me().redeem(rescue, &client).await.unwrap()),
                2 => drop(sigra.magic_link().redeem(magic, &Entry { client, ..Entry::default() }).await.unwrap()),
                _ => drop(sigra.reset().redeem(reset, NEW_PASSWORD, &client).await.unwrap()),
            }
        }
    })
    .await;
    assert_locked_out(&host, &mallory).await;
    assert_eq!(heard.0.lock().unwrap().len(), 1);
}
