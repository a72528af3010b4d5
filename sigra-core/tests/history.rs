//! The security history: what its owner sees of it, what nobody does, and what a page costs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;

use common::{ANN, BOB};
use sigra_core::audit::{AuditEvent, Outcome, names};
use sigra_core::evidence::Evidence;
use sigra_core::flows::{HistoryEvent, HistoryPage};
use sigra_core::id::EventId;
use sigra_core::ports::EvidenceLog as _;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_testing::scenario::{TestHost, WRONG_PASSWORD, client};

async fn page(host: &TestHost, user: &User, before: Option<EventId>) -> HistoryPage {
    host.sigra.history().page(user, before).await.unwrap()
}

async fn walk(host: &TestHost, user: &User) -> Vec<Vec<HistoryEvent>> {
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let HistoryPage { events, next, .. } = page(host, user, before).await;
        pages.push(events);
        before = next;
        if before.is_none() {
            return pages;
        }
    }
}

/// So many events about a user, one a second, all written at once.
async fn write(host: &TestHost, user: &User, name: sigra_core::audit::EventName, count: u64) -> Vec<EventId> {
    let start = host.sigra.clock().now();
    let at = |second| Timestamp::from_micros(start.as_micros() + i64::try_from(second * 1_000_000).unwrap());
    let events: Vec<_> =
        (1..=count).map(|second| AuditEvent::new(name, at(second), &client(7)).about(user.id)).collect();
    let ids = events.iter().rev().map(|event| event.id).collect();
    let evidence = events.into_iter().fold(Evidence::none(), Evidence::and_event);
    host.store.append(evidence).await.unwrap();
    host.advance(count + 1);
    ids
}

#[tokio::test]
async fn the_owner_sees_who_came_in_who_tried_and_what_ended() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    host.advance(1);
    let _ = host.login(ANN, WRONG_PASSWORD).await;
    host.advance(1);
    let current = host.resolve(&session.cookie()).await.unwrap();
    host.sigra.sessions().sign_out(&current, &host.client()).await.unwrap();

    let HistoryPage { events, next, .. } = page(&host, &ann, None).await;
    assert_eq!(next, None);
    let told: Vec<_> = events.iter().map(|event| (event.name.as_str(), event.outcome)).collect();
    assert_eq!(
        told,
        [
            ("auth.logout", Outcome::Success),
            ("auth.login.failure", Outcome::Failure),
            ("auth.login.success", Outcome::Success),
            ("auth.register.success", Outcome::Success),
        ]
    );
    let tried = &events[1];
    assert!(tried.ip.is_some() && tried.device.as_deref() == Some("Firefox on Linux") && tried.session.is_none());
    let came_in = &events[2];
    assert_eq!((came_in.methods.as_slice(), came_in.session), (&["pwd".to_owned()][..], Some(session.session.id)));
    // AU-07: nothing that was typed is there to be seen.
    assert!(!format!("{events:?}").contains(WRONG_PASSWORD));
}

#[tokio::test]
async fn lc_04_another_accounts_events_never_appear_whatever_a_page_begins_behind() {
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let mut mine: BTreeSet<EventId> = BTreeSet::new();
    let mut bobs: Vec<EventId> = Vec::new();
    for _ in 0..4 {
        mine.extend(write(&host, &ann, names::LOGIN_FAILURE, 10).await);
        bobs.extend(write(&host, &bob, names::LOGIN_FAILURE, 10).await);
    }
    for before in bobs {
        for event in page(&host, &ann, Some(before)).await.events {
            assert!(event.name == "auth.register.success" || (mine.contains(&event.id) && event.id < before));
        }
    }
    let seen: Vec<_> = walk(&host, &ann).await.into_iter().flatten().map(|event| event.id).collect();
    assert!(mine.iter().all(|id| seen.contains(id)) && seen.len() == mine.len() + 1);
}

#[tokio::test]
async fn pages_are_bounded_and_neither_skip_nor_repeat() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let mut expected = Vec::new();
    for (shown, hidden) in [(25, 3), (1, 40), (60, 600), (24, 0)] {
        expected.push(write(&host, &ann, names::LOGIN_FAILURE, shown).await);
        write(&host, &ann, names::SESSION_ROTATE, hidden).await;
    }
    let expected: Vec<EventId> = expected.into_iter().rev().flatten().collect();
    let pages = walk(&host, &ann).await;
    assert!(pages.iter().all(|page| page.len() <= 25));
    let mut seen: Vec<_> = pages.into_iter().flatten().map(|event| event.id).collect();
    seen.pop().expect("the account's beginning comes last");
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_last_page_leads_nowhere_also_when_it_is_full() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    // With the account's beginning that makes a full page.
    write(&host, &ann, names::LOGIN_FAILURE, 24).await;
    let full = page(&host, &ann, None).await;
    assert_eq!((full.events.len(), full.next), (25, None));
    let one_more = write(&host, &ann, names::LOGIN_FAILURE, 1).await;
    let first = page(&host, &ann, None).await;
    assert_eq!((first.events.len(), first.events[0].id), (25, one_more[0]));
    assert_eq!(page(&host, &ann, first.next).await.events.len(), 1);
}

/// What is not shown may be nearly everything. A page gives up after a while, says where to go on, and ends all the same.
#[tokio::test]
async fn a_page_costs_a_bounded_number_of_reads() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    write(&host, &ann, names::SESSION_ROTATE, 1_200).await;
    let first = page(&host, &ann, None).await;
    assert_eq!(first.events.len(), 0, "its 500 rows are not for showing");
    let second = page(&host, &ann, first.next).await;
    assert_eq!(second.events.len(), 0);
    let third = page(&host, &ann, second.next).await;
    assert_eq!((third.events.len(), third.next), (1, None));
}

#[tokio::test]
async fn au_14_a_lost_storage_is_no_empty_history() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.store.fail_next("audit.page");
    assert!(host.sigra.history().page(&ann, None).await.is_err());
}
