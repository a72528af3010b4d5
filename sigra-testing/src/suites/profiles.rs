//! [`ProfileStore`](sigra_core::ports::ProfileStore).

use serde_json::{Value, json};
use sigra_core::id::UserId;
use sigra_core::ports::{ProfileChange, ProfileReplaced};
use sigra_core::secret::Purpose;
use sigra_core::user::User;

use super::Backend;
use super::support::*;

suite! {
    a_profile_is_replaced_and_nothing_else,
    a_profile_that_is_not_the_one_that_was_seen_stays,
    a_change_needs_the_epochs_it_was_judged_under_where_it_names_them,
    one_of_many_changes_of_one_profile_is_made,
    changes_that_are_made_again_after_a_loss_all_arrive,
    a_change_without_its_evidence_is_not_made,
}

/// Whatever JSON it is reads back; epochs, links, devices and other accounts stay.
pub async fn a_profile_is_replaced_and_nothing_else(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let device = device(backend, &user).await;
    let before = stored(backend, user.id).await;
    let mut seen = before.profile.clone();
    for profile in [
        json!({ "texts": AWKWARD, "deep": { "list": [1, -2.5, null, true, { "": "" }] }, "large": u64::MAX }),
        json!({}),
        json!({ "name": "Ann" }),
    ] {
        let changed = done(replace(backend, &change(&user, &seen, &profile)).await);
        assert_eq!(changed, User { profile: profile.clone(), ..before.clone() });
        assert_eq!(stored(backend, user.id).await, changed);
        seen = profile;
    }
    assert_eq!(traces(backend, user.id).await, 3);
    assert!(is_live(backend, &magic).await);
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_some());
    assert_eq!(stored(backend, other.id).await, other);

    // Put in its own place, in another order of its members.
    let profile: Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
    done(replace(backend, &change(&user, &seen, &profile)).await);
    let same: Value = serde_json::from_str(r#"{"a":{"c":3,"d":2},"b":1}"#).unwrap();
    done(replace(backend, &change(&user, &same, &same)).await);
}

/// Nobody overwrites what they have not seen, and they are shown it.
pub async fn a_profile_that_is_not_the_one_that_was_seen_stays(backend: &Backend) {
    let user = account(backend).await;
    let profile = json!({ "name": "Eve" });
    for seen in [json!({}), json!({ "name": "ann" }), json!({ "name": "Ann", "age": null }), json!(null)] {
        let replaced = replace(backend, &change(&user, &seen, &profile)).await;
        assert_eq!(replaced, ProfileReplaced::Changed(Box::new(user.clone())), "{seen}");
    }
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
}

/// Under other epochs, of an account that is gone or disabled, nothing changes. Without epochs only the account matters.
pub async fn a_change_needs_the_epochs_it_was_judged_under_where_it_names_them(backend: &Backend) {
    let user = account(backend).await;
    let profile = json!({ "name": "Eve" });
    for epochs in other_epochs(&user) {
        let change = ProfileChange { under: Some(epochs), ..change(&user, &user.profile, &profile) };
        assert_eq!(replace(backend, &change).await, ProfileReplaced::Stale);
    }
    for under in [None, Some(user.epochs)] {
        let nobody = ProfileChange { user: UserId::new(now()), under, ..change(&user, &user.profile, &profile) };
        assert_eq!(replace(backend, &nobody).await, ProfileReplaced::Stale);
    }
    assert_eq!((stored(backend, user.id).await, traces(backend, user.id).await), (user.clone(), 0));
    let within = ProfileChange { under: Some(user.epochs), ..change(&user, &user.profile, &profile) };
    let user = done(replace(backend, &within).await);

    let Some(operator) = operator(backend, "profiles::a_change_needs_the_epochs, when disabled") else { return };
    operator.disable(user.id, now()).await;
    let again = json!({});
    let within = ProfileChange { under: Some(user.epochs), ..change(&user, &profile, &again) };
    assert_eq!(replace(backend, &within).await, ProfileReplaced::Stale);
    done(replace(backend, &change(&user, &profile, &again)).await);
}

/// Of many who saw the same profile one changes it, and the others are shown that.
pub async fn one_of_many_changes_of_one_profile_is_made(backend: &Backend) {
    let user = account(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, user) = (backend.clone(), user.clone());
        async move { replace(&backend, &change(&user, &user.profile, &json!({ "number": number }))).await }
    })
    .await;
    let after = stored(backend, user.id).await;
    let won = |outcome: &ProfileReplaced| *outcome == ProfileReplaced::Done(Box::new(after.clone()));
    let lost = |outcome: &ProfileReplaced| *outcome == ProfileReplaced::Changed(Box::new(after.clone()));
    assert_eq!((count(&outcomes, won), count(&outcomes, lost)), (1, CONTENDERS - 1));
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Sixteen who each add something, and try again from what they are shown, lose nothing of each other's.
pub async fn changes_that_are_made_again_after_a_loss_all_arrive(backend: &Backend) {
    let user = account(backend).await;
    race(CONTENDERS, |number| {
        let (backend, user) = (backend.clone(), user.clone());
        async move {
            let mut seen = user.profile.clone();
            loop {
                let mut profile = seen.clone();
                profile[number.to_string()] = json!(true);
                match replace(&backend, &change(&user, &seen, &profile)).await {
                    ProfileReplaced::Done(_) => return,
                    ProfileReplaced::Changed(user) => seen = user.profile,
                    ProfileReplaced::Stale => panic!("the account stands"),
                }
            }
        }
    })
    .await;
    let profile = stored(backend, user.id).await.profile;
    assert!((0..CONTENDERS).all(|number| profile[number.to_string()] == true), "{profile}");
    assert_eq!(profile["name"], user.profile["name"]);
}

/// AU-02: without its evidence a change is not made.
pub async fn a_change_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let (evidence, profile) = (spent(backend).await, json!({}));
    let profiles = &backend.stores.profiles;
    assert!(profiles.replace(&change(&user, &user.profile, &profile), &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, user);
}

fn change<'a>(user: &User, seen: &'a Value, profile: &'a Value) -> ProfileChange<'a> {
    ProfileChange { user: user.id, under: None, seen, profile }
}

async fn replace(backend: &Backend, change: &ProfileChange<'_>) -> ProfileReplaced {
    backend.stores.profiles.replace(change, &|user: &User| trace_of(user)).await.unwrap()
}

fn done(replaced: ProfileReplaced) -> User {
    match replaced {
        ProfileReplaced::Done(user) => *user,
        other => panic!("must be done: {other:?}"),
    }
}
