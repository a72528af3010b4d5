//! [`OutboxStore`](sigra_core::ports::OutboxStore), [`OutboxReader`](sigra_core::ports::OutboxReader) and
//! [`EvidenceLog`](sigra_core::ports::EvidenceLog).

use std::collections::HashSet;

use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId, UserId};
use sigra_core::mail::{MailFault, MailKind, OutgoingMail};
use sigra_core::ports::{LeasedMail, MailRecord, MailState, Requeued, RowKind, Sealed};
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
    an_abandoned_mail_is_sent_after_all_while_it_is_worth_it,
    what_is_not_abandoned_or_not_there_is_not_put_back,
    one_of_many_puts_an_abandoned_mail_back,
    putting_back_without_its_evidence_is_not_done,
    an_expired_mail_keeps_no_facts,
    the_operator_sees_where_a_mail_stands,
    the_operators_pages_neither_skip_nor_repeat,
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
    assert!(!outbox.retry(mail.id, first.lease, until, &MailFault::DEFERRED).await.unwrap());
    assert!(!outbox.abandon(mail.id, first.lease, until, &MailFault::REFUSED, Evidence::none()).await.unwrap());
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
        assert!(backend.stores.outbox.retry(mail.id, leased.lease, again, &MailFault::DEFERRED).await.unwrap());
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
    assert!(outbox.abandon(abandoned.id, leased.lease, later, &MailFault::REFUSED, trace(subject)).await.unwrap());
    assert!(!outbox.abandon(abandoned.id, leased.lease, later, &MailFault::REFUSED, trace(subject)).await.unwrap());
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
        assert!(!outbox.retry(id, lease, at, &MailFault::DEFERRED).await.unwrap());
        assert!(!outbox.abandon(id, lease, at, &MailFault::REFUSED, trace(subject)).await.unwrap());
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
                1 => outbox.retry(id, lease, at + HOUR, &MailFault::DEFERRED).await.unwrap(),
                _ => outbox.abandon(id, lease, at, &MailFault::REFUSED, Evidence::none()).await.unwrap(),
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
    assert!(backend.stores.outbox.abandon(mail.id, leased.lease, now(), &MailFault::REFUSED, evidence).await.is_err());
    let again = lease(backend, &[mail.id], now() + 2 * MINUTE).await.pop().expect("it is still owed");
    assert_eq!(again.mail.facts, mail.facts);
}

/// Facts of a mail that was given up stay until it expires, so long it can be put back: with its facts, its tries counted
/// from one, and due at once.
pub async fn an_abandoned_mail_is_sent_after_all_while_it_is_worth_it(backend: &Backend) {
    let (mail, subject) = (mail(), UserId::new(now()));
    owe(backend, &mail).await;
    let outbox = &backend.stores.outbox;
    let tried = lease_one(backend, mail.id).await;
    assert!(outbox.retry(mail.id, tried.lease, now(), &MailFault::DEFERRED).await.unwrap());
    let at = abandon(backend, &mail, now()).await;
    assert!(lease(backend, &[mail.id], at + HOUR).await.is_empty());
    let last = mail.expires_at - TICK;
    assert_eq!(outbox.requeue(mail.id, last, trace(subject)).await.unwrap(), Requeued::Done);
    assert_eq!(traces(backend, subject).await, 1);
    assert!(lease(backend, &[mail.id], last - TICK).await.is_empty(), "due before it was asked for");
    let again = lease(backend, &[mail.id], last).await.pop().expect("it is owed again");
    assert_eq!((again.mail.facts, again.attempt), (mail.facts, 1));
    assert!(outbox.sent(mail.id, again.lease, last).await.unwrap());
}

/// What is owed, or sent, or unknown is left alone, and each is told apart.
pub async fn what_is_not_abandoned_or_not_there_is_not_put_back(backend: &Backend) {
    let (owed, sent, subject) = (mail(), mail(), UserId::new(now()));
    owe(backend, &sent).await;
    let leased = lease_one(backend, sent.id).await;
    let outbox = &backend.stores.outbox;
    assert!(outbox.sent(sent.id, leased.lease, now()).await.unwrap());
    owe(backend, &owed).await;
    let at = now();
    for (id, outcome) in
        [(owed.id, Requeued::NotAbandoned), (sent.id, Requeued::NotAbandoned), (MailId::new(at), Requeued::Unknown)]
    {
        assert_eq!(outbox.requeue(id, at, trace(subject)).await.unwrap(), outcome);
    }
    let leased = lease_one(backend, owed.id).await;
    assert_eq!(outbox.requeue(owed.id, at, trace(subject)).await.unwrap(), Requeued::NotAbandoned);
    assert_eq!(traces(backend, subject).await, 0);
    assert!(outbox.sent(owed.id, leased.lease, at).await.unwrap(), "its lease was touched");
}

/// Of many who put one mail back at once, one does, and it is sent once.
pub async fn one_of_many_puts_an_abandoned_mail_back(backend: &Backend) {
    let (mail, subject) = (mail(), UserId::new(now()));
    owe(backend, &mail).await;
    let at = abandon(backend, &mail, now()).await;
    let outcomes = race(CONTENDERS, |_| {
        let outbox = backend.stores.outbox.clone();
        async move { outbox.requeue(mail.id, at, trace(subject)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| *outcome == Requeued::Done), 1);
    assert_eq!(count(&outcomes, |outcome| *outcome == Requeued::NotAbandoned), CONTENDERS - 1);
    assert_eq!((traces(backend, subject).await, lease(backend, &[mail.id], at).await.len()), (1, 1));
}

/// AU-02: without its evidence no mail is put back.
pub async fn putting_back_without_its_evidence_is_not_done(backend: &Backend) {
    let mail = mail();
    owe(backend, &mail).await;
    let at = abandon(backend, &mail, now()).await;
    let evidence = spent(backend).await;
    assert!(backend.stores.outbox.requeue(mail.id, at, evidence).await.is_err());
    assert!(lease(backend, &[mail.id], at).await.is_empty());
}

/// A mail that has expired holds links and codes that are worth nothing: it is not put back, and housekeeping wipes them, or
/// they were never kept. Its record stays.
pub async fn an_expired_mail_keeps_no_facts(backend: &Backend) {
    let expired = OutgoingMail { expires_at: now() - MINUTE, ..mail() };
    owe(backend, &expired).await;
    let at = abandon(backend, &expired, now()).await;
    let outbox = &backend.stores.outbox;
    assert_eq!(outbox.requeue(expired.id, at, Evidence::none()).await.unwrap(), Requeued::Expired);
    // Nor for a clock that is behind.
    assert_eq!(outbox.requeue(expired.id, at - HOUR, Evidence::none()).await.unwrap(), Requeued::Expired);

    let mails = [0; 3].map(|_| OutgoingMail { created_at: LONG_AGO, expires_at: LONG_AGO + HOUR, ..mail() });
    let alive = OutgoingMail { created_at: LONG_AGO, expires_at: LONG_AGO + 5_000 * HOUR, ..mail() };
    for mail in mails.iter().chain([&alive]) {
        owe(backend, mail).await;
        abandon(backend, mail, LONG_AGO).await;
    }
    let (housekeeping, end) = (&backend.stores.housekeeping, LONG_AGO + HOUR);
    let wipe = async |before| housekeeping.purge(RowKind::MAIL_FACTS, before, 2).await.unwrap();
    assert_eq!(wipe(end).await, 0, "it has not expired before its end");
    assert_eq!([wipe(end + TICK).await, wipe(end + TICK).await, wipe(end + TICK).await], [2, 1, 0]);
    let mut seen = 0;
    for mail in &mails {
        assert_eq!(outbox.requeue(mail.id, LONG_AGO, Evidence::none()).await.unwrap(), Requeued::Expired);
        seen += records(backend, Some(MailState::Abandoned), &[mail.id], now()).await.len();
    }
    assert_eq!(seen, mails.len(), "the record is gone");
    assert_eq!(outbox.requeue(alive.id, LONG_AGO, Evidence::none()).await.unwrap(), Requeued::Done);
    let leased = lease(backend, &[alive.id], LONG_AGO).await.pop().expect("it is owed again");
    assert_eq!(leased.mail.facts, alive.facts);
    assert!(outbox.sent(alive.id, leased.lease, now()).await.unwrap());
}

/// Every state, with when it is tried next, when it was settled and what went wrong; in its own listing and in no other.
pub async fn the_operator_sees_where_a_mail_stands(backend: &Backend) {
    let (mail, outbox) = (mail(), &backend.stores.outbox);
    owe(backend, &mail).await;
    let at = now();
    let owed = MailRecord {
        id: mail.id,
        kind: mail.kind.clone(),
        to: mail.to.clone(),
        state: MailState::Due,
        attempts: 0,
        created_at: mail.created_at,
        expires_at: mail.expires_at,
        next_try_at: None,
        settled_at: None,
        last_fault: None,
    };
    assert_stands(backend, &owed, at).await;

    let leased = lease(backend, &[mail.id], at).await.pop().expect("it is due");
    let until = at + MINUTE;
    let held = MailRecord { state: MailState::Leased, attempts: 1, next_try_at: Some(until), ..owed.clone() };
    assert_stands(backend, &held, at).await;
    assert_stands(backend, &held, until - TICK).await;
    assert_stands(backend, &MailRecord { attempts: 1, ..owed.clone() }, until).await;

    let (again, fault) = (at + HOUR, MailFault::new("of_conformance"));
    assert!(outbox.retry(mail.id, leased.lease, again, &fault).await.unwrap());
    let waits = MailRecord {
        state: MailState::Retrying,
        attempts: 1,
        next_try_at: Some(again),
        last_fault: Some(fault.clone()),
        ..owed.clone()
    };
    assert_stands(backend, &waits, at).await;
    let due = MailRecord { attempts: 1, last_fault: Some(fault), ..owed.clone() };
    assert_stands(backend, &due, again).await;

    let given_up = abandon(backend, &mail, again).await;
    let abandoned = MailRecord {
        state: MailState::Abandoned,
        attempts: 2,
        settled_at: Some(given_up),
        last_fault: Some(MailFault::REFUSED),
        ..owed.clone()
    };
    assert_stands(backend, &abandoned, again).await;
    assert_eq!(outbox.requeue(mail.id, again, Evidence::none()).await.unwrap(), Requeued::Done);
    assert_stands(backend, &MailRecord { last_fault: Some(MailFault::REFUSED), ..owed.clone() }, again).await;

    let leased = lease(backend, &[mail.id], again).await.pop().expect("it is due");
    assert!(outbox.sent(mail.id, leased.lease, again).await.unwrap());
    let sent = MailRecord {
        state: MailState::Sent,
        attempts: 1,
        settled_at: Some(again),
        last_fault: Some(MailFault::REFUSED),
        ..owed
    };
    assert_stands(backend, &sent, again + HOUR).await;
}

/// Newest first by id, whatever the size of the pages, and whatever is written meanwhile.
pub async fn the_operators_pages_neither_skip_nor_repeat(backend: &Backend) {
    let mut ids: Vec<MailId> = Vec::new();
    for _ in 0..7 {
        let mail = mail();
        owe(backend, &mail).await;
        ids.push(mail.id);
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let at = now();
    for limit in [1, 2, 3, 7, 100] {
        let (mut seen, mut last) = (Vec::new(), None);
        while seen.len() < ids.len() {
            let page = backend.stores.outbox_reader.page(None, last, limit, at).await.unwrap();
            assert!(!page.is_empty() && page.len() <= limit as usize, "{} of {limit}", page.len());
            assert!(page.is_sorted_by(|one, other| one.id > other.id), "not newest first");
            last = page.last().map(|record| record.id);
            seen.extend(page.iter().map(|record| record.id).filter(|id| ids.contains(id)));
            // Something newer does not move what comes next.
            owe(backend, &mail()).await;
        }
        assert_eq!(seen, ids, "in pages of {limit}");
    }
    let none = backend.stores.outbox_reader.page(None, None, 0, at).await.unwrap();
    assert!(none.is_empty());
}

/// Gives up a mail that is due at `at`, and tells when it was given up.
async fn abandon(backend: &Backend, mail: &OutgoingMail, at: Timestamp) -> Timestamp {
    let leased = lease(backend, &[mail.id], at).await.pop().expect("the mail is owed");
    let outbox = &backend.stores.outbox;
    assert!(outbox.abandon(mail.id, leased.lease, at, &MailFault::REFUSED, Evidence::none()).await.unwrap());
    at
}

/// Those of `ids` that are in a listing, which may hold much else.
async fn records(backend: &Backend, state: Option<MailState>, ids: &[MailId], at: Timestamp) -> Vec<MailRecord> {
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = backend.stores.outbox_reader.page(state, last, 100, at).await.unwrap();
        last = page.last().map(|record| record.id);
        found.extend(page.into_iter().filter(|record| ids.contains(&record.id)));
        if last.is_none() {
            return found;
        }
    }
}

/// Asserts what a listing tells of a mail, in all states and in each.
async fn assert_stands(backend: &Backend, expected: &MailRecord, at: Timestamp) {
    use MailState::{Abandoned, Due, Leased, Retrying, Sent};
    for state in [None, Some(Due), Some(Leased), Some(Retrying), Some(Sent), Some(Abandoned)] {
        let found = records(backend, state, &[expected.id], at).await;
        let listed = state.is_none_or(|state| state == expected.state);
        assert_eq!(found, listed.then(|| expected.clone()).into_iter().collect::<Vec<_>>(), "among {state:?} at {at}");
    }
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
