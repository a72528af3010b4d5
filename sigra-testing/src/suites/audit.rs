//! [`AuditReader`](sigra_core::ports::AuditReader).

use serde_json::json;
use sigra_core::audit::{AuditEvent, Outcome};
use sigra_core::client::ClientInfo;
use sigra_core::evidence::Evidence;
use sigra_core::id::{EventId, OrganizationId, SessionId, UserId};
use sigra_core::ports::RecordedEvent;

use super::Backend;
use super::support::*;

suite! {
    events_read_back_as_they_were_written,
    pages_neither_skip_nor_repeat,
    pages_are_about_their_subject,
    a_page_begins_behind_any_id,
}

/// Every field survives storage exactly.
pub async fn events_read_back_as_they_were_written(backend: &Backend) {
    let (subject, actor, at) = (UserId::new(now()), UserId::new(now()), now());
    let mut full = AuditEvent::new(CHECKED, at, &awkward_client())
        .about(subject)
        .within(SessionId::new(at))
        .failed("of_conformance")
        .with("texts", AWKWARD)
        .with("number", -1.5)
        .with("%_'\"\\", json!({ "deep": [null, true] }));
    full.actor = Some(actor);
    full.organization = Some(OrganizationId::new(at));
    let bare = AuditEvent::new(CHECKED, at + TICK, &ClientInfo::default()).about(subject);
    for event in [full, bare] {
        backend.stores.log.append(Evidence::event(event.clone())).await.unwrap();
        let recorded = trail(backend, subject).await;
        let recorded = recorded.iter().find(|recorded| recorded.id == event.id).expect("it was recorded");
        let expected = RecordedEvent {
            id: event.id,
            name: CHECKED.as_str().to_owned(),
            at: event.at,
            outcome: event.outcome,
            actor: event.actor,
            subject: event.subject,
            organization: event.organization,
            session: event.session,
            client: event.client,
            reason: event.reason.map(str::to_owned),
            metadata: event.metadata,
        };
        assert_eq!(*recorded, expected);
        assert_eq!(recorded.outcome == Outcome::Failure, recorded.reason.is_some());
    }
}

/// Newest first by id, whatever the size of the pages, also among events of one microsecond.
pub async fn pages_neither_skip_nor_repeat(backend: &Backend) {
    let (subject, at) = (UserId::new(now()), now());
    let mut ids: Vec<EventId> = Vec::new();
    for event in 0..7_u32 {
        let event = AuditEvent::new(CHECKED, at + event / 3 * MINUTE, &client()).about(subject);
        ids.push(event.id);
        backend.stores.log.append(Evidence::event(event)).await.unwrap();
        backend.stores.log.append(trace(UserId::new(at))).await.unwrap();
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    for limit in [1, 2, 3, 7, 100] {
        let mut seen: Vec<EventId> = Vec::new();
        loop {
            let page = backend.stores.audit.page(Some(subject), seen.last().copied(), limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|event| event.id));
            assert!(seen.len() <= ids.len(), "an event came twice, in pages of {limit}");
        }
        assert_eq!(seen, ids, "in pages of {limit}");
    }
}

/// A subject's pages hold its events alone; without a subject they hold everybody's, nobody's included.
pub async fn pages_are_about_their_subject(backend: &Backend) {
    let (one, two, at) = (UserId::new(now()), UserId::new(now()), now());
    let nobodys = AuditEvent::new(CHECKED, at, &client());
    let mut by_one = AuditEvent::new(CHECKED, at, &client()).about(two);
    by_one.actor = Some(one);
    let about_one = AuditEvent::new(CHECKED, at, &client()).about(one);
    let expected = [nobodys.id, by_one.id, about_one.id];
    for event in [nobodys, by_one, about_one] {
        backend.stores.log.append(Evidence::event(event)).await.unwrap();
    }
    let ids: Vec<_> = trail(backend, one).await.iter().map(|event| event.id).collect();
    assert_eq!(ids, expected[2..]);
    let everybody = backend.stores.audit.page(None, None, 200).await.unwrap();
    for id in expected {
        assert!(everybody.iter().any(|event| event.id == id));
    }
    assert!(everybody.is_sorted_by(|newer, older| newer.id > older.id));
}

/// Where a page begins is a place in the order of ids: a foreign event's and a nobody's id do, and bring nothing of others in.
pub async fn a_page_begins_behind_any_id(backend: &Backend) {
    let (one, other, at) = (UserId::new(now()), UserId::new(now()), now());
    let events: Vec<_> = (0..6_u32)
        .map(|step| {
            let event = AuditEvent::new(CHECKED, at + step * MINUTE, &client());
            event.about(if step % 2 == 0 { one } else { other })
        })
        .collect();
    for event in &events {
        backend.stores.log.append(Evidence::event(event.clone())).await.unwrap();
    }
    let own: Vec<_> = events.iter().step_by(2).rev().map(|event| event.id).collect();
    let page = |before| async move {
        let page = backend.stores.audit.page(Some(one), Some(before), 100).await.unwrap();
        page.iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(page(events[5].id).await, own);
    assert_eq!(page(events[3].id).await, own[1..]);
    assert_eq!(page(events[1].id).await, own[2..]);
    assert_eq!(page(events[0].id).await, []);
    // Ids that no row has: between two, after all, before all.
    assert_eq!(page(EventId::new(at + 3 * MINUTE + TICK)).await, own[1..]);
    assert_eq!(page(EventId::new(at + 60 * MINUTE)).await, own);
    assert_eq!(page("00000000-0000-0000-0000-000000000000".parse().unwrap()).await, []);
    assert_eq!(page("ffffffff-ffff-ffff-ffff-ffffffffffff".parse().unwrap()).await, own);
    // What is recorded meanwhile is newer, so a walk that is under way neither repeats nor skips.
    let first = backend.stores.audit.page(Some(one), None, 1).await.unwrap();
    backend
        .stores
        .log
        .append(Evidence::event(AuditEvent::new(CHECKED, at + 9 * MINUTE, &client()).about(one)))
        .await
        .unwrap();
    assert_eq!((first[0].id, page(first[0].id).await), (own[0], own[1..].to_vec()));
}
