//! Assertions about the audit trail, over any [`AuditReader`].

use sigra_core::audit::EventName;
use sigra_core::ports::{AuditReader, RecordedEvent};

const PAGE: u32 = 100;

/// Finds the newest event of this name that `fits`, and returns it.
///
/// # Panics
///
/// When there is none, with a list of what was recorded; when the trail cannot be read.
pub async fn assert_audited(
    reader: &dyn AuditReader,
    name: EventName,
    fits: impl Fn(&RecordedEvent) -> bool,
) -> RecordedEvent {
    let trail = trail(reader).await;
    match trail.iter().find(|event| event.name == name.as_str() && fits(event)) {
        Some(event) => event.clone(),
        None => panic!("no fitting `{name}` was recorded; newest first:\n{}", listed(&trail)),
    }
}

/// Asserts that no event of this name `fits`.
///
/// # Panics
///
/// When there is one, with a list of what was recorded; when the trail cannot be read.
pub async fn assert_none_audited(reader: &dyn AuditReader, name: EventName, fits: impl Fn(&RecordedEvent) -> bool) {
    let trail = trail(reader).await;
    let found = trail.iter().any(|event| event.name == name.as_str() && fits(event));
    assert!(!found, "a fitting `{name}` was recorded; newest first:\n{}", listed(&trail));
}

/// How many events of this name `fit`.
///
/// # Panics
///
/// When the trail cannot be read.
pub async fn count_audited(reader: &dyn AuditReader, name: EventName, fits: impl Fn(&RecordedEvent) -> bool) -> usize {
    trail(reader).await.iter().filter(|event| event.name == name.as_str() && fits(event)).count()
}

/// The whole trail, newest first.
///
/// # Panics
///
/// When it cannot be read.
pub async fn trail(reader: &dyn AuditReader) -> Vec<RecordedEvent> {
    let mut trail: Vec<RecordedEvent> = Vec::new();
    loop {
        let before = trail.last().map(|event| event.id);
        let page = reader.page(None, before, PAGE).await.expect("the audit trail must be readable");
        let last = page.len() < PAGE as usize;
        trail.extend(page);
        if last {
            return trail;
        }
    }
}

fn listed(trail: &[RecordedEvent]) -> String {
    let line = |event: &RecordedEvent| {
        let RecordedEvent { at, name, outcome, actor, subject, reason, metadata, .. } = event;
        let outcome = outcome.as_str();
        let who = |user: &Option<_>| user.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let reason = reason.as_deref().unwrap_or("-");
        let metadata = serde_json::Value::Object(metadata.clone());
        format!("  {at} {name} {outcome} reason {reason} actor {} subject {} {metadata}\n", who(actor), who(subject))
    };
    if trail.is_empty() { "  nothing at all\n".to_owned() } else { trail.iter().map(line).collect() }
}

#[cfg(test)]
mod tests {
    use sigra_core::audit::{AuditEvent, names};
    use sigra_core::client::ClientInfo;
    use sigra_core::evidence::Evidence;
    use sigra_core::id::UserId;
    use sigra_core::ports::EvidenceLog as _;
    use sigra_core::time::Timestamp;

    use super::*;
    use crate::MemoryStore;

    async fn store_with(count: i64) -> MemoryStore {
        let store = MemoryStore::new();
        for secs in 0..count {
            let event = AuditEvent::new(names::LOGOUT, Timestamp::from_secs(secs), &ClientInfo::default());
            store.append(Evidence::event(event.with("number", secs))).await.unwrap();
        }
        store
    }

    #[tokio::test]
    async fn finds_the_newest_that_fits_over_pages() {
        let store = store_with(250).await;
        let newest = assert_audited(&store, names::LOGOUT, |_| true).await;
        assert_eq!(newest.metadata["number"], 249);
        let oldest = assert_audited(&store, names::LOGOUT, |event| event.metadata["number"] == 0).await;
        assert_eq!(oldest.at, Timestamp::EPOCH);
        assert_eq!(count_audited(&store, names::LOGOUT, |_| true).await, 250);
        assert_none_audited(&store, names::LOGIN_SUCCESS, |_| true).await;
    }

    #[tokio::test]
    #[should_panic(
        expected = "no fitting `auth.login.success` was recorded; newest first:\n  1970-01-01T00:00:00Z auth.logout"
    )]
    async fn says_what_was_recorded_instead() {
        let store = store_with(1).await;
        let user = UserId::new(Timestamp::EPOCH);
        assert_audited(&store, names::LOGIN_SUCCESS, |event| event.subject == Some(user)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "a fitting `auth.logout` was recorded")]
    async fn finds_what_should_not_be_there() {
        assert_none_audited(&store_with(1).await, names::LOGOUT, |_| true).await;
    }
}
