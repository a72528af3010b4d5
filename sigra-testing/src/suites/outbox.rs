//! [`OutboxStore`](sigra_core::ports::OutboxStore) and [`EvidenceLog`](sigra_core::ports::EvidenceLog).

use std::collections::HashSet;

use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId, UserId};
use sigra_core::mail::{MailKind, OutgoingMail};
use sigra_core::ports::{LeasedMail, Sealed};
use sigra_core::time::Timestamp;

use super::Backend;
use super::support::*;

suite! {
    mail_reads_back_as_it_was_written,
    evidence_is_stored_whole_or_not_at_all,
    mail_is_leased_oldest_first_and_expired_mail_too,
    a_mail_whose_worker_died_is_leased_again,
    concurrent_workers_get_different_mail,
    a_mail_is_tried_again_when_it_is_due,
    mail_that_was_settled_is_leased_no_more,
    only_the_holder_of_the_lease_settles,
    one_of_many_settlements_wins,
    abandoning_without_its_evidence_is_not_done,
}

/// Every field survives storage exactly, sealed facts of any length included.
pub async fn mail_reads_back_as_it_was_written(backend: &Backend) {
    let large = Sealed::from_bytes((0..20_000_u32).map(|n| (n % 251) as u8).collect());
    for (kind, facts) in
        [(MailKind::NEW_DEVICE, large), (MailKind::from_stored("of_a_host".to_owned()), Sealed::from_bytes(vec![0]))]
    {
        let written = OutgoingMail { kind, facts, to: email("Ann.B+c"), ..mail() };
        owe(backend, &written).await;
        let LeasedMail { mail, attempt, .. } = lease_one(backend, written.id).await;
        let OutgoingMail { id, kind, to, facts, created_at, expires_at } = mail;
        assert_eq!((id, kind, to.as_str(), facts), (written.id, written.kind, written.to.as_str(), written.facts));
        assert_eq!((created_at, expires_at, attempt), (written.created_at, written.expires_at, 1));
    }
}

/// Events, mail and tokens become durable together. AU-02: where one of them exists already, none of them does.
pub async fn evidence_is_stored_whole_or_not_at_all(backend: &Backend) {
    let user = account(backend).await;
    let (first, second) = (mail(), mail());
    let log = &backend.stores.log;
    log.append(Evidence::none()).await.unwrap();
    log.append(trace(user.id).and_mail([first.clone()])).await.unwrap();
    assert_eq!(traces(backend, user.id).await, 1);

    let token = rescue_token(&user);
    let again = trace(user.id).and_mail([second.clone(), first.clone()]).and_token(token.clone());
    assert!(log.append(again).await.is_err(), "a mail was overwritten");
    assert!(log.append(spent(backend).await.and_mail([second.clone()]).and_token(token.clone())).await.is_err());
    assert_eq!(traces(backend, user.id).await, 1);
    assert!(!is_live(backend, &token).await);
    let leased = lease(backend, &[first.id, second.id], now()).await;
    assert_eq!(leased.iter().map(|leased| leased.mail.id).collect::<Vec<_>>(), [first.id]);
}

/// Mail comes in the order it was owed; mail that is no longer worth sending is handed out too, to be given up.
pub async fn mail_is_leased_oldest_first_and_expired_mail_too(backend: &Backend) {
    let mut written = Vec::new();
    for age in [2, 4, 1, 3] {
        let mail = mail();
        let (created_at, expires_at) = (mail.created_at - age * MINUTE, mail.created_at - TICK);
        let mail = OutgoingMail { created_at, expires_at, ..mail };
        owe(backend, &mail).await;
        written.push((created_at, mail.id));
    }
    written.sort_unstable();
    let ids: Vec<_> = written.into_iter().map(|(_, id)| id).collect();
    let leased = lease(backend, &ids, now()).await;
    assert_eq!(leased.iter().map(|leased| leased.mail.id).collect::<Vec<_>>(), ids);
}

/// A leased mail is nobody else's until its lease has lapsed; then it comes again, and the old lease settles nothing.
pub async fn a_mail_whose_worker_died_is_leased_again(backend: &Backend) {
    let mail = mail();
    owe(backend, &mail).await;
    let at = now();
    let until = at + MINUTE;
    let first = lease(backend, &[mail.id], at).await.pop().expect("it is due");
    assert!(lease(backend, &[mail.id], until - TICK).await.is_empty());
    let second = lease(backend, &[mail.id], until + TICK).await.pop().expect("the lease has lapsed");
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert_ne!(first.lease, second.lease);
    let outbox = &backend.stores.outbox;
    assert!(!outbox.sent(mail.id, first.lease, until).await.unwrap());
    assert!(!outbox.retry(mail.id, first.lease, until).await.unwrap());
    assert!(!outbox.abandon(mail.id, first.lease, until, Evidence::none()).await.unwrap());
    assert!(outbox.sent(mail.id, second.lease, until).await.unwrap());
}

/// No mail is handed to two workers, and none is lost.
pub async fn concurrent_workers_get_different_mail(backend: &Backend) {
    let mut ids = HashSet::new();
    for _ in 0..2 * CONTENDERS {
        let mail = mail();
        owe(backend, &mail).await;
        ids.insert(mail.id);
    }
    let at = now();
    let batches = race(CONTENDERS, |_| {
        let outbox = backend.stores.outbox.clone();
        async move { outbox.lease(3, at, at + MINUTE).await.unwrap() }
    })
    .await;
    let rest = lease(backend, &ids.iter().copied().collect::<Vec<_>>(), at).await;
    let mut seen = HashSet::new();
    for leased in batches.into_iter().flatten().chain(rest) {
        assert!(seen.insert(leased.mail.id), "one mail was handed out twice");
    }
    assert!(ids.is_subset(&seen), "a mail was lost");
}

/// A mail that could not be handed over comes again when it is due, not before, with its facts.
pub async fn a_mail_is_tried_again_when_it_is_due(backend: &Backend) {
    let mail = mail();
    owe(backend, &mail).await;
    let mut at = now();
    for attempt in 1..=3 {
        let leased = lease(backend, &[mail.id], at).await.pop().expect("it is due");
        assert_eq!(leased.attempt, attempt);
        assert_eq!(leased.mail.facts, mail.facts);
        let again = at + 5 * MINUTE;
        assert!(backend.stores.outbox.retry(mail.id, leased.lease, again).await.unwrap());
        assert!(lease(backend, &[mail.id], again - TICK).await.is_empty());
        at = again;
    }
}

/// What was sent or given up stays so.
pub async fn mail_that_was_settled_is_leased_no_more(backend: &Backend) {
    let (sent, abandoned) = (mail(), mail());
    let subject = UserId::new(now());
    owe(backend, &sent).await;
    owe(backend, &abandoned).await;
    let outbox = &backend.stores.outbox;
    let lease_id = lease_one(backend, sent.id).await.lease;
    assert!(outbox.sent(sent.id, lease_id, now()).await.unwrap());
    assert!(!outbox.sent(sent.id, lease_id, now()).await.unwrap(), "settled twice");
    // The first mail's lease call took the other one too; it comes again when that has lapsed.
    let later = now() + 2 * MINUTE;
    let leased = lease(backend, &[sent.id, abandoned.id], later).await.pop().expect("one is left");
    assert!(outbox.abandon(abandoned.id, leased.lease, later, trace(subject)).await.unwrap());
    assert!(!outbox.abandon(abandoned.id, leased.lease, later, trace(subject)).await.unwrap());
    assert_eq!(traces(backend, subject).await, 1);
    assert!(lease(backend, &[sent.id, abandoned.id], later + 10_000 * HOUR).await.is_empty());
}

/// Whoever has no lease on a mail settles nothing.
pub async fn only_the_holder_of_the_lease_settles(backend: &Backend) {
    let mail = mail();
    owe(backend, &mail).await;
    let leased = lease_one(backend, mail.id).await;
    let subject = UserId::new(now());
    let (at, outbox) = (now(), &backend.stores.outbox);
    for (id, lease) in [(mail.id, LeaseId::new(at)), (MailId::new(at), leased.lease)] {
        assert!(!outbox.sent(id, lease, at).await.unwrap());
        assert!(!outbox.retry(id, lease, at).await.unwrap());
        assert!(!outbox.abandon(id, lease, at, trace(subject)).await.unwrap());
    }
    assert_eq!(traces(backend, subject).await, 0);
    assert!(outbox.sent(mail.id, leased.lease, at).await.unwrap());
}

/// Of many who settle one mail at once, one does.
pub async fn one_of_many_settlements_wins(backend: &Backend) {
    let mail = mail();
    owe(backend, &mail).await;
    let leased = lease_one(backend, mail.id).await;
    let (id, lease, at) = (mail.id, leased.lease, now());
    let outcomes = race(CONTENDERS, |number| {
        let outbox = backend.stores.outbox.clone();
        async move {
            match number % 3 {
                0 => outbox.sent(id, lease, at).await.unwrap(),
                1 => outbox.retry(id, lease, at + HOUR).await.unwrap(),
                _ => outbox.abandon(id, lease, at, Evidence::none()).await.unwrap(),
            }
        }
    })
    .await;
    assert_eq!(count(&outcomes, |settled| *settled), 1);
}

/// AU-02: without its evidence no mail is given up.
pub async fn abandoning_without_its_evidence_is_not_done(backend: &Backend) {
    let mail = mail();
    owe(backend, &mail).await;
    let leased = lease_one(backend, mail.id).await;
    let evidence = spent(backend).await;
    assert!(backend.stores.outbox.abandon(mail.id, leased.lease, now(), evidence).await.is_err());
    let again = lease(backend, &[mail.id], now() + 2 * MINUTE).await.pop().expect("it is still owed");
    assert_eq!(again.mail.facts, mail.facts);
}

fn mail() -> OutgoingMail {
    let created_at = now();
    OutgoingMail {
        id: MailId::new(created_at),
        kind: MailKind::NEW_DEVICE,
        to: email("ann"),
        facts: Sealed::from_bytes((0..=255).collect()),
        created_at,
        expires_at: created_at + 24 * HOUR,
    }
}

async fn owe(backend: &Backend, mail: &OutgoingMail) {
    backend.stores.log.append(Evidence::none().and_mail([mail.clone()])).await.unwrap();
}

/// Leases everything that is due at `at` and returns those of `ids`, in the order they came.
async fn lease(backend: &Backend, ids: &[MailId], at: Timestamp) -> Vec<LeasedMail> {
    let (mut mine, mut seen) = (Vec::new(), HashSet::new());
    loop {
        let batch = backend.stores.outbox.lease(50, at, at + MINUTE).await.unwrap();
        assert!(batch.len() <= 50, "more than the limit was leased");
        if batch.is_empty() {
            return mine;
        }
        assert!(batch.iter().all(|leased| seen.insert(leased.mail.id)), "a mail was leased while its lease held");
        mine.extend(batch.into_iter().filter(|leased| ids.contains(&leased.mail.id)));
    }
}

async fn lease_one(backend: &Backend, id: MailId) -> LeasedMail {
    lease(backend, &[id], now()).await.pop().expect("the mail is owed")
}
