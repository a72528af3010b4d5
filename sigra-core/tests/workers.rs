//! What runs in the background.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use common::{ANN, BOB, at_once, reasons};
use sigra_core::audit::names;
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::flows::WorkReport;
use sigra_core::id::MailId;
use sigra_core::mail::{ComposeError, Composer, Facts, MailError, MailFault, MailKind, Mailer, Message, OutgoingMail};
use sigra_core::ports::{Bucket, MailState, RateDecision, RateLimiter, RequestStore, Requeued};
use sigra_core::time::{Clock as _, Timestamp};
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::{PASSWORD, TestHost};
use sigra_testing::{CaptureMailer, ManualClock, MemoryStore, PlainComposer};

async fn run_once(host: &TestHost) -> WorkReport {
    host.sigra.workers().run_once().await.unwrap()
}

async fn ask(host: &TestHost) {
    let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
}

#[tokio::test]
async fn a_run_answers_and_sends_and_the_next_is_idle() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    ask(&host).await;
    assert_eq!(run_once(&host).await, WorkReport { answered: 1, sent: 1, ..WorkReport::default() });
    assert!(run_once(&host).await.is_idle());
    assert!(host.store.outbox().iter().all(|mail| mail.mail.facts.as_bytes().is_empty()), "wiped");
}

#[tokio::test]
async fn th_18_a_request_for_nobody_is_answered_with_nothing() {
    let host = TestHost::new();
    ask(&host).await;
    assert_eq!(run_once(&host).await, WorkReport { answered: 1, ..WorkReport::default() });
    assert!(host.store.outbox().is_empty());
}

#[tokio::test]
async fn a_mail_is_tried_again_with_growing_pauses_under_the_same_id() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    ask(&host).await;
    host.mailer.fail_temporarily(4);
    let id = host.store.outbox().len();
    assert_eq!(run_once(&host).await.retried, 1);
    let mail = host.store.outbox()[id].mail.id;
    for pause in [30, 60, 120] {
        host.advance(pause - 1);
        assert!(run_once(&host).await.is_idle(), "{pause}");
        host.advance(1);
        assert_eq!(run_once(&host).await.retried, 1, "{pause}");
    }
    host.advance(240);
    assert_eq!(run_once(&host).await.sent, 1);
    assert_eq!(host.mailer.sent().last().unwrap().id, mail);
}

#[tokio::test]
async fn a_mail_refused_for_good_is_given_up_and_audited() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    ask(&host).await;
    host.mailer.fail_permanently(1);
    assert_eq!(run_once(&host).await.abandoned, 1);
    assert!(run_once(&host).await.is_idle());
    let event = assert_audited(&host.store, names::MAIL_ABANDONED, |_| true).await;
    assert_eq!((event.reason.as_deref(), &event.metadata["kind"]), (Some("refused"), &"reset_password".into()));
    let row = host.store.outbox().pop().unwrap();
    assert!(row.abandoned_at.is_some());
    assert_eq!(row.last_fault, Some(MailFault::REFUSED));
}

#[tokio::test]
async fn a_mail_that_outlives_its_link_is_given_up() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.mailer.fail_temporarily(1_000);
    let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    for _ in 0..20 {
        host.run_workers().await;
        host.advance(30);
    }
    // 30 + 60 + 120 + 240 seconds are within ten minutes, the pause after them is not.
    assert_eq!(reasons(&host, names::MAIL_ABANDONED), ["undeliverable"]);

    let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    assert_eq!(run_once(&host).await.retried, 1);
    host.advance(600);
    assert_eq!(run_once(&host).await.abandoned, 1);
    assert_eq!(reasons(&host, names::MAIL_ABANDONED), ["undeliverable", "expired"]);
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), 0);
}

#[tokio::test]
async fn a_mail_that_cannot_be_worded_is_given_up_and_holds_up_nobody() {
    struct Broken;
    impl Composer for Broken {
        fn compose(
            &self,
            id: MailId,
            kind: &MailKind,
            to: &EmailAddress,
            facts: &Facts,
        ) -> Result<Message, ComposeError> {
            if *kind == MailKind::CONFIRM_EMAIL && to.as_str() == ANN {
                return Err(ComposeError { kind: kind.to_string(), source: None });
            }
            PlainComposer.compose(id, kind, to, facts)
        }
    }
    let host = TestHost::builder().composer(Arc::new(Broken)).build();
    host.registered(ANN).await;
    host.confirmed(BOB).await;
    assert_eq!(reasons(&host, names::MAIL_ABANDONED), ["not_composed"]);
}

#[tokio::test]
async fn a_mail_that_does_not_open_is_given_up() {
    use sigra_testing::TestVault;
    let host = TestHost::new();
    let now = host.sigra.clock().now();
    let foreign = TestVault::new(&["a key that is gone"]);
    let until = now + std::time::Duration::from_secs(600);
    let to = common::email(ANN);
    let mail = OutgoingMail::seal(&foreign, MailKind::MAGIC_LINK, &to, &Facts::default(), now, until);
    host.sigra.stores().log.append(Evidence::none().and_mail([mail])).await.unwrap();
    assert_eq!(run_once(&host).await.abandoned, 1);
    assert_eq!(reasons(&host, names::MAIL_ABANDONED), ["unreadable"]);
}

#[tokio::test]
async fn a_worker_that_dies_is_replaced_when_its_lease_lapses_and_the_mail_may_come_twice() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    ask(&host).await;
    // Handed over, but nobody could note it.
    host.store.fail_next("outbox.sent");
    let report = run_once(&host).await;
    assert_eq!((report.sent, report.failed), (0, 1));
    host.advance(19);
    assert!(run_once(&host).await.is_idle());
    host.advance(1);
    assert_eq!(run_once(&host).await.sent, 1);
    let resets: Vec<_> = host.mailer.sent().into_iter().filter(|mail| mail.kind == MailKind::RESET_PASSWORD).collect();
    assert_eq!((resets.len(), resets[0].id), (2, resets[1].id), "with one id");
}

#[tokio::test]
async fn a_request_whose_answer_could_not_be_stored_is_answered_later_and_once() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    ask(&host).await;
    host.store.fail_next("requests.resolve");
    assert_eq!(run_once(&host).await, WorkReport { failed: 1, ..WorkReport::default() });
    assert!(run_once(&host).await.is_idle());
    host.advance(120);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_side_by_side_do_each_thing_once() {
    let host = TestHost::new();
    for number in 0..30 {
        let client = host.client();
        let email = format!("user{number}@example.org");
        let form =
            sigra_core::flows::RegistrationForm { email: &email, password: PASSWORD, profile: None, client: &client };
        let _ = host.sigra.registration().submit(form).await.unwrap();
    }
    at_once(8, |_| {
        let host = host.clone();
        async move { host.run_workers().await }
    })
    .await;
    host.run_workers().await;
    let mut recipients: Vec<_> = host.mailer.sent().into_iter().map(|mail| mail.to).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!((host.mailer.sent().len(), recipients.len()), (30, 30));
}

#[tokio::test]
async fn a_batch_that_takes_longer_than_half_a_lease_is_put_down() {
    #[derive(Clone)]
    struct Slow(CaptureMailer, sigra_testing::ManualClock, Arc<AtomicBool>);
    #[async_trait]
    impl Mailer for Slow {
        async fn send(&self, message: &Message) -> Result<(), MailError> {
            if self.2.load(Ordering::SeqCst) {
                self.1.advance(std::time::Duration::from_secs(7));
            }
            self.0.send(message).await
        }
    }
    let (capture, slow) = (CaptureMailer::new(), Arc::new(AtomicBool::new(true)));
    let clock = sigra_testing::ManualClock::default();
    let mailer = Slow(capture.clone(), clock.clone(), slow.clone());
    let host = TestHost::builder().mailer(Arc::new(mailer)).clock(clock).build();
    for number in 0..5 {
        let client = host.client();
        let email = format!("user{number}@example.org");
        let form =
            sigra_core::flows::RegistrationForm { email: &email, password: PASSWORD, profile: None, client: &client };
        let _ = host.sigra.registration().submit(form).await.unwrap();
    }
    assert_eq!(run_once(&host).await.sent, 2, "7 and 14 of 20 seconds");
    slow.store(false, Ordering::SeqCst);
    host.advance(120);
    host.run_workers().await;
    let mut ids: Vec<_> = capture.sent().into_iter().map(|mail| mail.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), capture.sent().len()), (5, 5), "late, and none twice");
}

#[tokio::test]
async fn a_request_another_worker_has_taken_over_is_not_counted_as_answered() {
    /// Takes so long that the lease lapses, and another worker takes the request over.
    struct Overtaken(MemoryStore, ManualClock);
    #[async_trait]
    impl RateLimiter for Overtaken {
        async fn take(&self, _: &Bucket, _: u32, _: Timestamp) -> Result<RateDecision, StoreError> {
            self.1.advance(Duration::from_secs(21));
            let now = self.1.now();
            let taken = RequestStore::lease(&self.0, 10, now, now + Duration::from_secs(60)).await?;
            assert_eq!(taken.len(), 1);
            Ok(RateDecision::Granted)
        }
    }
    let (store, clock) = (MemoryStore::new(), ManualClock::default());
    let overtaken = Overtaken(store.clone(), clock.clone());
    let host = TestHost::over(store.clone(), store.stores()).clock(clock).mail_budget(Arc::new(overtaken)).build();
    host.registered(ANN).await;
    assert_eq!(run_once(&host).await, WorkReport::default());
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 0);
}

/// Counts what is under way at once, and lets everybody else go on before it is done.
#[derive(Clone, Default)]
struct Crowded(CaptureMailer, Arc<AtomicUsize>, Arc<AtomicUsize>);

#[async_trait]
impl Mailer for Crowded {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let under_way = self.1.fetch_add(1, Ordering::SeqCst) + 1;
        self.2.fetch_max(under_way, Ordering::SeqCst);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.1.fetch_sub(1, Ordering::SeqCst);
        self.0.send(message).await
    }
}

async fn owe(host: &TestHost, number: usize) {
    let now = host.sigra.clock().now();
    let until = now + Duration::from_secs(600);
    let mails = (0..number).map(|number| {
        let to = common::email(&format!("user{number}@example.org"));
        OutgoingMail::seal(&host.vault, MailKind::MAGIC_LINK, &to, &Facts::default(), now, until)
    });
    host.sigra.stores().log.append(Evidence::none().and_mail(mails.collect::<Vec<_>>())).await.unwrap();
}

#[tokio::test]
async fn a_thousand_mails_go_in_bounded_batches_and_few_at_once() {
    let mailer = Crowded::default();
    let host = TestHost::builder().mailer(Arc::new(mailer.clone())).build();
    owe(&host, 1_000).await;
    let mut runs = 0;
    loop {
        let report = run_once(&host).await;
        if report.is_idle() {
            break;
        }
        runs += 1;
        assert_eq!(report, WorkReport { sent: 20, ..WorkReport::default() });
        let left = host.sigra.outbox().page(Some(MailState::Leased), None, 100).await.unwrap();
        assert!(left.is_empty(), "a worker held more than it sent");
    }
    let mut ids: Vec<_> = mailer.0.sent().into_iter().map(|mail| mail.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((runs, ids.len(), mailer.0.sent().len()), (50, 1_000, 1_000));
    assert_eq!(mailer.2.load(Ordering::SeqCst), 4, "mail.at_once");
}

#[tokio::test]
async fn one_mail_at_a_time_where_the_configuration_says_so() {
    let mailer = Crowded::default();
    let host = TestHost::builder().mailer(Arc::new(mailer.clone())).config(|config| config.mail.at_once = 1).build();
    owe(&host, 10).await;
    assert_eq!(run_once(&host).await.sent, 10);
    assert_eq!(mailer.2.load(Ordering::SeqCst), 1);
}

/// However long the transport takes, and however much is owed: a sign-in, and a request for mail, wait for none of it.
#[tokio::test]
async fn no_request_waits_for_mail_to_be_sent() {
    struct Stuck(Arc<AtomicUsize>);
    #[async_trait]
    impl Mailer for Stuck {
        async fn send(&self, _: &Message) -> Result<(), MailError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
    }
    let store = MemoryStore::new();
    let ready = TestHost::over(store.clone(), store.stores()).build();
    let ann = ready.confirmed(ANN).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let host = TestHost::over(store.clone(), store.stores()).mailer(Arc::new(Stuck(asked.clone()))).build();
    owe(&host, 1_000).await;
    let worker = tokio::spawn({
        let host = host.clone();
        async move { run_once(&host).await }
    });
    while asked.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    let owed = store.outbox().len();
    let session = host.signed_in(&ann).await;
    assert!(host.resolve(&session.cookie()).await.is_some());
    ask(&host).await;
    assert_eq!(asked.load(Ordering::SeqCst), 4, "a request sent mail itself");
    assert!(store.outbox().len() >= owed && !worker.is_finished());
    worker.abort();
}

#[tokio::test]
async fn the_operator_has_an_abandoned_mail_sent_after_all_under_its_id() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    ask(&host).await;
    host.mailer.fail_permanently(1);
    assert_eq!(run_once(&host).await.abandoned, 1);
    let outbox = host.sigra.outbox();
    let listed = outbox.page(Some(MailState::Abandoned), None, 10).await.unwrap();
    let [record] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((&record.kind, record.to.as_str()), (&MailKind::RESET_PASSWORD, ANN));
    assert_eq!(record.last_fault, Some(MailFault::REFUSED));
    assert_eq!(outbox.requeue(record.id, &host.client()).await.unwrap(), Requeued::Done);
    assert_eq!(outbox.requeue(record.id, &host.client()).await.unwrap(), Requeued::NotAbandoned);
    let event = assert_audited(&host.store, names::MAIL_REQUEUED, |_| true).await;
    assert_eq!(event.metadata["mail_id"], record.id.to_string());
    assert_eq!(run_once(&host).await.sent, 1);
    let sent = host.mailer.sent().pop().unwrap();
    assert_eq!((sent.id, sent.kind), (record.id, MailKind::RESET_PASSWORD));
    assert_eq!(outbox.requeue(record.id, &host.client()).await.unwrap(), Requeued::NotAbandoned);

    ask(&host).await;
    host.mailer.fail_permanently(1);
    assert_eq!(run_once(&host).await.abandoned, 1);
    let id = outbox.page(Some(MailState::Abandoned), None, 1).await.unwrap()[0].id;
    host.advance(3_600);
    assert_eq!(outbox.requeue(id, &host.client()).await.unwrap(), Requeued::Expired, "its link is worth nothing");
    host.advance(1);
    let _ = common::sweep(&host).await;
    assert!(host.store.outbox().iter().all(|row| row.mail.facts.as_bytes().is_empty()), "housekeeping wipes it");
}
