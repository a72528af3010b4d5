//! Seeing, renaming and removing passkeys.

use sigra_core::id::PasskeyId;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_passkeys::events::{DELETE, RENAME};
use sigra_passkeys::{PASSKEY_REMOVED, RemoveOutcome, RenameOutcome};
use sigra_testing::authenticator::SoftAuthenticator;

use crate::support::World;

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

async fn rename(world: &World, user: &User, id: PasskeyId, nickname: &str) -> RenameOutcome {
    world.passkeys.rename(user, id, nickname, &world.host.client()).await.unwrap()
}

async fn remove(world: &World, user: &User, id: PasskeyId) -> RemoveOutcome {
    let user = world.now(user).await;
    world.passkeys.remove(&world.host.sigra, &user, id, &world.host.client()).await.unwrap()
}

fn is_removed(outcome: &RemoveOutcome) -> bool {
    matches!(outcome, RemoveOutcome::Removed { .. })
}

#[tokio::test]
async fn passkeys_are_renamed_by_their_owner() {
    let world = World::new();
    let (ann, bob) = (world.user(ANN).await, world.user(BOB).await);
    let (ann, passkey) = world.register(&ann, &mut SoftAuthenticator::synced()).await;
    assert_eq!(rename(&world, &ann, passkey.id, " my phone ").await, RenameOutcome::Renamed);
    assert_eq!(world.stored(&ann).await.nickname, "my phone");
    assert_eq!(world.event(RENAME).metadata["passkey"], passkey.id.to_string());
    assert_eq!(rename(&world, &ann, passkey.id, "\n").await, RenameOutcome::Invalid);
    assert_eq!(rename(&world, &bob, passkey.id, "mine").await, RenameOutcome::Unknown);
    assert_eq!(rename(&world, &ann, PasskeyId::new(Timestamp::EPOCH), "mine").await, RenameOutcome::Unknown);
    assert_eq!((world.stored(&ann).await.nickname.as_str(), world.count_events(RENAME)), ("my phone", 1));
    assert_eq!(world.now(&ann).await.epochs, ann.epochs, "a name ends no session");
}

#[tokio::test]
async fn wa_16_removing_a_passkey_tells_its_owner_and_ends_every_session_but_the_one_that_carries_on() {
    let world = World::new();
    let (ann, passkey) = world.register(&world.user(ANN).await, &mut SoftAuthenticator::synced()).await;
    let (at, elsewhere) = (world.session(&ann).await, world.session(&ann).await);
    let current = world.host.resolve(&at.cookie()).await.unwrap();
    let RemoveOutcome::Removed { user } = remove(&world, &ann, passkey.id).await else { panic!("it must be removed") };
    assert_eq!(user.epochs.factor, ann.epochs.factor + 1);
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
    assert_eq!(world.event(DELETE).subject, Some(ann.id));
    assert!(world.host.resolve(&elsewhere.cookie()).await.is_none());
    let client = world.host.client();
    assert!(world.host.sigra.sessions().carry_on(&current, &user, None, &client).await.unwrap().is_some());
    world.host.run_workers().await;
    assert_eq!(world.host.count_mailed(&PASSKEY_REMOVED, ANN), 1);
    assert_eq!(remove(&world, &ann, passkey.id).await, RemoveOutcome::Unknown, "a second time");
}

#[tokio::test]
async fn wa_15_the_last_way_in_stays() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let (_, first) = world.register(&ann, &mut SoftAuthenticator::synced()).await;
    let (_, second) = world.register(&ann, &mut SoftAuthenticator::synced()).await;
    world.host.store.edit_user(ann.id, |user| user.has_password = false);
    assert!(is_removed(&remove(&world, &ann, first.id).await));
    assert_eq!(remove(&world, &ann, second.id).await, RemoveOutcome::Needed);
    assert_eq!(world.stored(&ann).await.id, second.id);
    world.host.store.edit_user(ann.id, |user| user.has_password = true);
    assert!(is_removed(&remove(&world, &ann, second.id).await), "a password will do");
}

#[tokio::test]
async fn nobody_removes_somebody_elses() {
    let world = World::new();
    let (ann, bob) = (world.user(ANN).await, world.user(BOB).await);
    let (_, passkey) = world.register(&ann, &mut SoftAuthenticator::synced()).await;
    assert_eq!(remove(&world, &bob, passkey.id).await, RemoveOutcome::Unknown);
    assert_eq!(world.stored(&ann).await, passkey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wa_15_sixteen_contenders_leave_one_way_in() {
    let world = World::config(|config| config.at_most = 16);
    let ann = world.user(ANN).await;
    let mut ids = Vec::new();
    for _ in 0..16 {
        ids.push(world.register(&ann, &mut SoftAuthenticator::synced()).await.1.id);
    }
    world.host.store.edit_user(ann.id, |user| user.has_password = false);
    let tasks: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let (world, ann) = (world.clone(), ann.clone());
            tokio::spawn(async move {
                // Who read the account before another's removal is told so, and tries once more.
                loop {
                    let outcome = remove(&world, &ann, id).await;
                    if outcome != RemoveOutcome::Stale {
                        return is_removed(&outcome);
                    }
                }
            })
        })
        .collect();
    let mut removed = 0;
    for task in tasks {
        removed += usize::from(task.await.unwrap());
    }
    assert_eq!((removed, world.passkeys.list(&ann).await.unwrap().len()), (15, 1));
}
