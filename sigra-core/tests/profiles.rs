//! Changing what the host keeps about an account.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, BOB, at_once, current, reset_link};
use serde_json::{Value, json};
use sigra_core::audit::names;
use sigra_core::client::ClientInfo;
use sigra_core::flows::{InputFault, ProfileOutcome};
use sigra_core::id::UserId;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost};

async fn replace(host: &TestHost, session: &SignedIn, seen: &Value, profile: &Value) -> ProfileOutcome {
    let current = current(host, session).await;
    host.sigra.profiles().replace(&current, seen, profile, &host.client()).await.unwrap()
}

fn done(outcome: ProfileOutcome) -> User {
    match outcome {
        ProfileOutcome::Done(user) => *user,
        other => panic!("must be done: {other:?}"),
    }
}

#[tokio::test]
async fn a_profile_is_replaced_by_its_owner_and_the_session_shows_it() {
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let session = host.signed_in(&ann).await;
    let profile = json!({ "name": "Ann", "language": "de" });
    let user = done(replace(&host, &session, &json!({}), &profile).await);
    assert_eq!(user.profile, profile);
    let again = current(&host, &session).await;
    assert_eq!((&again.user().profile, again.user().epochs), (&profile, ann.epochs), "nobody is signed out");
    assert_eq!(host.store.users().into_iter().find(|user| user.id == bob.id).unwrap().profile, json!({}));

    let by_ann = |event: &sigra_core::ports::RecordedEvent| event.actor == Some(ann.id);
    let event = assert_audited(&host.store, names::PROFILE_CHANGE, by_ann).await;
    assert_eq!(event.session, Some(session.session.id));
    assert!(!format!("{event:?}").contains("language"), "what was in it is not said");
}

/// Two browsers, or a browser and a program: nobody overwrites what they have not seen.
#[tokio::test]
async fn of_changes_made_from_one_profile_one_is_made_and_the_others_are_shown_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let outcomes = at_once(16, |number| {
        let (host, session) = (host.clone(), session.clone());
        async move { replace(&host, &session, &json!({}), &json!({ "number": number })).await }
    })
    .await;
    let after = host.store.users().remove(0);
    let made = outcomes.iter().filter(|outcome| matches!(outcome, ProfileOutcome::Done(_))).count();
    assert_eq!(made, 1);
    for outcome in outcomes {
        let (ProfileOutcome::Done(user) | ProfileOutcome::Changed(user)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(user.profile, after.profile);
    }
    assert_eq!(count_audited(&host.store, names::PROFILE_CHANGE, |_| true).await, 1);
    // From what they were shown, it can be made.
    done(replace(&host, &session, &after.profile, &json!({ "number": "last" })).await);
}

#[tokio::test]
async fn a_profile_that_no_store_could_keep_is_refused() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let limit = host.sigra.config().registration.max_profile_bytes;
    let of_size = |size: usize| json!({ "text": "x".repeat(size - r#"{"text":""}"#.len()) });
    let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "in": inner }));
    let refused = [
        json!(null),
        json!([]),
        json!("text"),
        json!({ "text": "a\0b" }),
        json!({ "a\0b": 1 }),
        json!({ "deep": [{ "text": "\0" }] }),
        of_size(limit + 1),
        nested(33),
        nested(500),
    ];
    for profile in refused {
        let outcome = replace(&host, &session, &json!({}), &profile).await;
        assert_eq!(outcome, ProfileOutcome::Rejected(InputFault::InvalidProfile));
        let outcome = host.sigra.operator().replace_profile(ann.id, &json!({}), &profile, &host.client()).await;
        assert_eq!(outcome.unwrap(), ProfileOutcome::Rejected(InputFault::InvalidProfile));
    }
    assert_none_audited(&host.store, names::PROFILE_CHANGE, |_| true).await;
    let mut seen = json!({});
    for profile in [of_size(limit), nested(32), json!({ "text": "'\"%_\\ 🦀 \u{202e}" })] {
        seen = done(replace(&host, &session, &seen, &profile).await).profile;
        assert_eq!(seen, profile);
    }
}

/// A session that was ended beside the request changes nothing.
#[tokio::test]
async fn a_change_dies_with_what_ends_the_session() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let late = current(&host, &host.signed_in(&ann).await).await;
    let link = reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, PASSWORD, &host.client()).await.unwrap();
    let outcome = host.sigra.profiles().replace(&late, &json!({}), &json!({ "name": "Eve" }), &host.client()).await;
    assert_eq!(outcome.unwrap(), ProfileOutcome::Superseded);

    let late = current(&host, &host.signed_in(&ann).await).await;
    assert!(host.sigra.operator().disable(ann.id, &host.client()).await.unwrap());
    let outcome = host.sigra.profiles().replace(&late, &json!({}), &json!({ "name": "Eve" }), &host.client()).await;
    assert_eq!(outcome.unwrap(), ProfileOutcome::Superseded);
    assert_eq!(host.store.users().remove(0).profile, json!({}));
    assert_none_audited(&host.store, names::PROFILE_CHANGE, |_| true).await;
}

#[tokio::test]
async fn a_program_of_the_host_changes_profiles_and_says_who_asked() {
    let host = TestHost::new();
    let (ann, me) = (host.confirmed(ANN).await, UserId::new(host.sigra.clock().now()));
    let (operator, client) = (host.sigra.operator(), ClientInfo::default());
    let profile = json!({ "name": "Ann" });
    let outcome = operator.acting(me).replace_profile(ann.id, &json!({}), &profile, &client).await.unwrap();
    assert_eq!(done(outcome).profile, profile);
    let event = assert_audited(&host.store, names::PROFILE_CHANGE, |event| event.subject == Some(ann.id)).await;
    assert_eq!(event.actor, Some(me));
    let stale = operator.replace_profile(ann.id, &json!({}), &json!({ "name": "Eve" }), &client).await.unwrap();
    assert!(matches!(stale, ProfileOutcome::Changed(user) if user.profile == profile));
    let nobody = operator.replace_profile(me, &json!({}), &json!({}), &client).await.unwrap();
    assert_eq!(nobody, ProfileOutcome::Superseded);
}
