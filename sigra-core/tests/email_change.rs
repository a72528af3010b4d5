//! Changing the mail address: asking, proving, and who survives it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{ANN, BOB, NEW_PASSWORD, at_once, current, magic_link, reasons, reset_link, signs_in};
use sigra_core::audit::names;
use sigra_core::flows::{ChangeOutcome, ChangeRequested, CurrentSession, InputFault};
use sigra_core::mail::MailKind;
use sigra_core::user::User;
use sigra_testing::KnownBad;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost};

const NEW: &str = "new@example.org";
const OTHER: &str = "other@example.org";
const CONFIRM: MailKind = MailKind::EMAIL_CHANGE_CONFIRM;
const NOTICE: MailKind = MailKind::EMAIL_CHANGE_NOTICE;

/// Ann, with a session.
async fn ann(host: &TestHost) -> (User, SignedIn) {
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    (ann, session)
}

async fn ask(host: &TestHost, session: &SignedIn, email: &str) -> ChangeRequested {
    let current = current(host, session).await;
    let asked = host.sigra.email_change().request(&current, email, &host.client()).await.unwrap();
    host.run_workers().await;
    asked
}

/// Asks, and takes the link out of the mail.
async fn link(host: &TestHost, session: &SignedIn, email: &str) -> String {
    assert_eq!(ask(host, session, email).await, ChangeRequested::Noted);
    host.mailed_token(&CONFIRM, email)
}

async fn redeem(host: &TestHost, token: &str, current: Option<&CurrentSession>) -> ChangeOutcome {
    host.sigra.email_change().redeem(token, current, &host.client()).await.unwrap()
}

fn is_changed(outcome: &ChangeOutcome) -> bool {
    matches!(outcome, ChangeOutcome::Changed(..))
}

fn address_of(host: &TestHost, user: &User) -> String {
    host.store.users().into_iter().find(|stored| stored.id == user.id).unwrap().email.to_string()
}

#[tokio::test]
async fn tk_17_the_old_address_stays_until_the_new_one_is_proven() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    let link = link(&host, &session, NEW).await;
    assert_eq!(address_of(&host, &user), ANN);
    assert!(signs_in(&host, ANN, PASSWORD).await && !signs_in(&host, NEW, PASSWORD).await);
    assert_eq!((host.count_mailed(&CONFIRM, NEW), host.count_mailed(&NOTICE, ANN)), (1, 1));
    assert_eq!((host.count_mailed(&CONFIRM, ANN), host.count_mailed(&NOTICE, NEW)), (0, 0));
    assert_audited(&host.store, names::EMAIL_CHANGE_REQUEST, |event| event.actor == Some(user.id)).await;

    // TK-07: looking consumes nothing.
    for _ in 0..2 {
        let seen = host.sigra.email_change().peek(&link).await.unwrap().expect("it is live");
        assert_eq!(seen.email.as_str(), NEW);
    }
    let ChangeOutcome::Changed(changed, _) = redeem(&host, &link, None).await else { panic!("the link is live") };
    assert_eq!((changed.id, changed.email.as_str()), (user.id, NEW));
    assert_eq!(changed.confirmed_at, user.confirmed_at, "the account was proven all along");
    assert_eq!(changed.epochs.security, user.epochs.security + 1);
    assert!(signs_in(&host, NEW, PASSWORD).await && !signs_in(&host, ANN, PASSWORD).await);
    host.run_workers().await;
    assert_eq!(
        (host.count_mailed(&MailKind::EMAIL_CHANGED, NEW), host.count_mailed(&MailKind::EMAIL_CHANGED, ANN)),
        (1, 1)
    );
    assert!(
        !host.mailer.last(&MailKind::EMAIL_CHANGED, &common::email(NEW)).unwrap().text.contains("email_change_cancel")
    );
    assert_audited(&host.store, names::EMAIL_CHANGE_SUCCESS, |event| event.session == Some(session.session.id)).await;
    assert!(!is_changed(&redeem(&host, &link, None).await), "a link works once");
}

#[tokio::test]
async fn se_16_only_the_session_that_asked_survives_and_only_in_its_browser() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    let other = host.signed_in(&user).await;
    let to_new = link(&host, &session, NEW).await;
    let asking = current(&host, &session).await;
    let ChangeOutcome::Changed(_, Some(renewed)) = redeem(&host, &to_new, Some(&asking)).await else {
        panic!("the session that asked goes on")
    };
    assert_eq!(renewed.session.id, session.session.id);
    assert!(host.resolve(&session.cookie()).await.is_none(), "under a new token");
    assert!(host.resolve(&other.cookie()).await.is_none());
    let goes_on = host.resolve(&renewed.token.expose()).await.expect("it goes on");
    assert_eq!(goes_on.user().email.as_str(), NEW);

    // Another session of the account redeems: neither goes on.
    let other = host.signed_in(goes_on.user()).await;
    let asking = SignedIn { token: renewed.token.clone(), ..session };
    let to_other = link(&host, &asking, OTHER).await;
    let redeems = current(&host, &other).await;
    assert!(matches!(redeem(&host, &to_other, Some(&redeems)).await, ChangeOutcome::Changed(_, None)));
    assert!(host.resolve(&other.cookie()).await.is_none() && host.resolve(&asking.cookie()).await.is_none());
    assert!(host.sigra.stores().sessions.list(user.id, 10).await.unwrap().is_empty(), "the rows are gone too");
}

#[tokio::test]
async fn se_16_somebody_elses_session_is_no_part_of_it() {
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    let bob = host.signed_in(&host.confirmed(BOB).await).await;
    let link = link(&host, &session, NEW).await;
    let bobs = current(&host, &bob).await;
    assert!(matches!(redeem(&host, &link, Some(&bobs)).await, ChangeOutcome::Changed(_, None)));
    assert!(host.resolve(&bob.cookie()).await.is_some());
    assert_eq!(host.resolve(&bob.cookie()).await.unwrap().user().email.as_str(), BOB);
}

#[tokio::test]
async fn tk_17_a_newer_request_replaces_the_older_one() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    let older = link(&host, &session, NEW).await;
    let newer = link(&host, &session, OTHER).await;
    assert!(host.sigra.email_change().peek(&older).await.unwrap().is_none());
    assert!(!is_changed(&redeem(&host, &older, None).await));
    let pending = host.sigra.email_change().pending(&current(&host, &session).await).await.unwrap();
    assert_eq!(pending.unwrap().new.as_str(), OTHER);
    assert!(is_changed(&redeem(&host, &newer, None).await));
    assert_eq!(address_of(&host, &user), OTHER, "never an address other than the one mailed");

    // Both before a worker comes: one link is mailed.
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    let current = current(&host, &session).await;
    for email in [NEW, OTHER] {
        let _ = host.sigra.email_change().request(&current, email, &host.client()).await.unwrap();
    }
    host.run_workers().await;
    assert_eq!((host.count_mailed(&CONFIRM, NEW), host.count_mailed(&CONFIRM, OTHER)), (0, 1));
    assert_eq!(host.count_mailed(&NOTICE, ANN), 1);
}

#[tokio::test]
async fn tk_18_a_change_dies_with_its_session_and_with_any_change_of_the_account() {
    for case in 0..6 {
        let host = TestHost::new();
        let (user, session) = ann(&host).await;
        let link = link(&host, &session, NEW).await;
        match case {
            0 => host.sigra.sessions().sign_out(&current(&host, &session).await, &host.client()).await.unwrap(),
            1 => {
                let other = current(&host, &host.signed_in(&user).await).await;
                assert!(host.sigra.sessions().revoke(&other, session.session.id, &host.client()).await.unwrap());
            }
            2 => host.advance(host.sigra.config().sessions.idle_secs.get().into()),
            3 => {
                let reset = reset_link(&host, ANN).await;
                let _ = host.sigra.reset().redeem(&reset, NEW_PASSWORD, &host.client()).await.unwrap();
            }
            4 => host.store.edit_user(user.id, |user| user.epochs.factor += 1),
            _ => host.store.edit_user(user.id, |user| user.disabled_at = Some(user.created_at)),
        }
        assert!(host.sigra.email_change().peek(&link).await.unwrap().is_none(), "case {case}");
        assert!(!is_changed(&redeem(&host, &link, None).await), "case {case}");
        assert_eq!(address_of(&host, &user), ANN);
    }
}

#[tokio::test]
async fn tk_18_a_session_that_goes_on_after_a_change_asks_anew() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    let before = current(&host, &session).await;
    let link = link(&host, &session, NEW).await;
    host.store.edit_user(user.id, |user| user.epochs.factor += 1);
    let changed = host.store.users()[0].clone();
    let renewed = host.sigra.sessions().carry_on(&before, &changed, None, &host.client()).await.unwrap().unwrap();
    assert!(!is_changed(&redeem(&host, &link, None).await), "it was asked for in another state of the account");
    // And a request that was under way asks in vain.
    let late = host.sigra.email_change().request(&before, NEW, &host.client()).await.unwrap();
    assert_eq!(late, ChangeRequested::Superseded);
    let anew = SignedIn { token: renewed.token, ..session };
    assert_eq!(ask(&host, &anew, NEW).await, ChangeRequested::Noted);
    assert!(is_changed(&redeem(&host, &host.mailed_token(&CONFIRM, NEW), None).await));
}

#[tokio::test]
async fn tk_05_what_was_mailed_to_the_old_address_is_worth_nothing() {
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    host.advance(60);
    let (magic, reset) = (magic_link(&host, ANN).await, reset_link(&host, ANN).await);
    let link = link(&host, &session, NEW).await;
    assert!(is_changed(&redeem(&host, &link, None).await));
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none());
    assert!(host.sigra.reset().peek(&reset).await.unwrap().is_none());
    let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
    let before = host.count_mailed(&MailKind::RESET_PASSWORD, ANN);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), before, "and nothing new is mailed there");
}

#[tokio::test]
async fn tk_04_a_link_ends_with_the_second_it_expires() {
    let host = TestHost::builder()
        .config(|config| {
            config.email_change.link_secs = sigra_core::config::Seconds::new(600);
        })
        .build();
    let (_, session) = ann(&host).await;
    let link = link(&host, &session, NEW).await;
    host.advance(599);
    assert!(host.sigra.email_change().peek(&link).await.unwrap().is_some());
    host.advance(1);
    assert!(!is_changed(&redeem(&host, &link, None).await));
}

#[tokio::test]
async fn tk_06_what_is_no_link_is_invalid() {
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    link(&host, &session, NEW).await;
    let undo = host.mailed_token(&NOTICE, ANN);
    for bad in ["", "0", &"A".repeat(43), &undo, &session.cookie()] {
        assert!(!is_changed(&redeem(&host, bad, None).await), "{bad}");
        assert!(host.sigra.email_change().peek(bad).await.unwrap().is_none());
    }
    assert_eq!(reasons(&host, names::EMAIL_CHANGE_FAILURE), ["invalid_token"; 5]);
}

#[tokio::test]
async fn tk_19_what_is_no_new_address_is_refused() {
    let services = KnownBad::new(["nowhere.example"]);
    let host = TestHost::builder().mail_domains(Arc::new(services.clone())).build();
    let (_, session) = ann(&host).await;
    for (typed, fault) in [
        ("", InputFault::InvalidEmail),
        ("a@example.org,b@example.org", InputFault::InvalidEmail),
        ("ANN@example.org", InputFault::UnchangedEmail),
    ] {
        assert_eq!(ask(&host, &session, typed).await, ChangeRequested::Rejected(fault));
    }
    assert_eq!(
        ask(&host, &session, "ann@nowhere.example").await,
        ChangeRequested::Rejected(InputFault::UndeliverableEmail)
    );
    assert_none_audited(&host.store, names::EMAIL_CHANGE_REQUEST, |_| true).await;
    // Without an answer the address may be one.
    services.silent(true);
    assert_eq!(ask(&host, &session, NEW).await, ChangeRequested::Noted);
    assert_eq!(count_audited(&host.store, names::DOMAIN_CHECK_FAILURE, |_| true).await, 1);
}

#[tokio::test]
async fn th_18_asking_for_a_taken_address_leaves_the_same_rows_and_the_same_notice() {
    let mut seen = Vec::new();
    for taken in [false, true] {
        let host = TestHost::new();
        let (_, session) = ann(&host).await;
        if taken {
            host.confirmed(NEW).await;
        }
        let before = host.store.events().len();
        let current = current(&host, &session).await;
        let asked = host.sigra.email_change().request(&current, NEW, &host.client()).await.unwrap();
        let events: Vec<_> = host.store.events()[before..].iter().map(|event| event.name.clone()).collect();
        let pending = host.sigra.email_change().pending(&current).await.unwrap().unwrap();
        host.run_workers().await;
        let still = host.sigra.email_change().pending(&current).await.unwrap().unwrap();
        assert_eq!(pending, still);
        let trail = host.sigra.stores().audit.page(Some(current.user().id), None, 100).await.unwrap();
        let trail: Vec<_> = trail.into_iter().map(|event| (event.name, event.reason)).collect();
        seen.push(format!("{asked:?} {events:?} {} {trail:?}", host.count_mailed(&NOTICE, ANN)));
        assert_eq!(host.count_mailed(&CONFIRM, NEW), usize::from(!taken));
        assert_eq!(count_audited(&host.store, names::EMAIL_CHANGE_REFUSED, |_| true).await, usize::from(taken));
    }
    assert_eq!(seen[0], seen[1], "whoever asks learns nothing, not even from the own trail");
}

#[tokio::test]
async fn th_18_how_much_mail_an_address_got_does_not_show_at_the_old_one() {
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    for _ in 0..8 {
        host.registered(NEW).await;
    }
    assert_eq!(ask(&host, &session, NEW).await, ChangeRequested::Noted);
    assert_eq!(host.count_mailed(&CONFIRM, NEW), 0, "its budget is used up");
    assert_eq!(host.count_mailed(&NOTICE, ANN), 1);
}

#[tokio::test]
async fn without_its_notice_no_link_is_mailed() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    // Strangers cannot use up what notices go by.
    for _ in 0..20 {
        let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    }
    host.run_workers().await;
    for number in 0..8 {
        let email = format!("new{number}@example.org");
        link(&host, &session, &email).await;
    }
    assert_eq!(host.count_mailed(&NOTICE, ANN), 8);
    assert_eq!(ask(&host, &session, NEW).await, ChangeRequested::Noted);
    assert_eq!((host.count_mailed(&NOTICE, ANN), host.count_mailed(&CONFIRM, NEW)), (8, 0));
    let kind = |event: &sigra_core::ports::RecordedEvent| event.metadata["kind"] == "email_change_notice";
    assert_audited(&host.store, names::MAIL_SUPPRESSED, |event| kind(event) && event.subject == Some(user.id)).await;
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_is_answered_as_a_dead_link() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    let link = link(&host, &session, NEW).await;
    let owner = host.confirmed(NEW).await;
    assert!(!is_changed(&redeem(&host, &link, None).await));
    assert_eq!((address_of(&host, &user), address_of(&host, &owner)), (ANN.to_owned(), NEW.to_owned()));
    assert_eq!(reasons(&host, names::EMAIL_CHANGE_FAILURE), ["address_taken"]);
    assert_none_audited(&host.store, names::EMAIL_CHANGE_FAILURE, |event| event.subject.is_some()).await;
    assert!(host.resolve(&session.cookie()).await.is_some());
}

#[tokio::test]
async fn withdrawing_ends_a_change_of_ones_own() {
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    let link = link(&host, &session, NEW).await;
    let current = current(&host, &session).await;
    assert!(host.sigra.email_change().withdraw(&current, &host.client()).await.unwrap());
    assert!(!host.sigra.email_change().withdraw(&current, &host.client()).await.unwrap());
    assert!(host.sigra.email_change().pending(&current).await.unwrap().is_none());
    assert!(!is_changed(&redeem(&host, &link, None).await));
    assert_eq!(count_audited(&host.store, names::EMAIL_CHANGE_WITHDRAWN, |_| true).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_of_sixteen_redemptions_one_changes_the_address() {
    let host = TestHost::new();
    let (user, session) = ann(&host).await;
    let link = link(&host, &session, NEW).await;
    let outcomes = at_once(16, |_| {
        let (host, link) = (host.clone(), link.clone());
        async move { is_changed(&redeem(&host, &link, None).await) }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|changed| **changed).count(), 1);
    assert_eq!(host.store.users()[0].epochs.security, user.epochs.security + 1);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::EMAIL_CHANGED, NEW), 1);
}

#[tokio::test]
async fn the_mail_to_the_new_address_says_nothing_a_stranger_typed() {
    let host = TestHost::new();
    let (_, session) = ann(&host).await;
    link(&host, &session, NEW).await;
    let text = host.mailer.last(&CONFIRM, &common::email(NEW)).unwrap().text;
    assert!(!text.contains("ann") && !text.contains('@'), "{text}");
}

#[tokio::test]
async fn the_host_hears_of_a_change_and_of_its_undoing() {
    use sigra_core::ports::{Happened, Hooks};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);
    #[async_trait::async_trait]
    impl Hooks for Recorder {
        async fn after_commit(&self, what: &Happened<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            match what {
                Happened::EmailChanged(user, before) => {
                    self.0.lock().unwrap().push(format!("{before} is {}", user.email));
                }
                Happened::Rescued(user) => self.0.lock().unwrap().push(format!("{} is rescued", user.email)),
                _ => {}
            }
            Ok(())
        }
    }

    let hooks = Arc::new(Recorder::default());
    let host = TestHost::builder().hooks(hooks.clone()).build();
    let (_, session) = ann(&host).await;
    let link = link(&host, &session, NEW).await;
    assert!(is_changed(&redeem(&host, &link, None).await));
    assert!(!is_changed(&redeem(&host, &link, None).await));
    let undo = host.mailed_token(&NOTICE, ANN);
    assert!(host.sigra.email_change().undo(&undo, &host.client()).await.unwrap().is_some());
    let expected = [format!("{ANN} is {NEW}"), format!("{NEW} is {ANN}"), format!("{ANN} is rescued")];
    assert_eq!(*hooks.0.lock().unwrap(), expected);
}
