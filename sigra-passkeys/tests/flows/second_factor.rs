//! Passkeys as a second factor, and to authenticate again.

use std::sync::Arc;

use serde_json::Value;
use sigra_core::assurance::Aal;
use sigra_core::door::{Admission, StepRequired};
use sigra_core::flows::{ChallengeOutcome, FactorAnswer, LoginOutcome, SudoAnswer, SudoOutcome};
use sigra_core::ports::Occasion;
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_passkeys::events::{AUTHENTICATE_FAILURE, DISOWN};
use sigra_passkeys::{PASSKEY, PASSKEY_ADDED, PASSKEY_REMOVED};
use sigra_testing::authenticator::SoftAuthenticator;
use sigra_testing::scenario::PASSWORD;

use crate::support::{ORIGIN, Recovery, World, is_rejected};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

/// A host where whoever has a passkey must show it.
fn demanding() -> World {
    World::with(|_| {}, |builder| builder.factor(Arc::new(Recovery)))
}

async fn pending(world: &World, email: &str) -> StepRequired {
    match world.host.login(email, PASSWORD).await {
        LoginOutcome::Admitted(Admission::StepRequired(owed)) => *owed,
        other => panic!("a step must be owed: {other:?}"),
    }
}

async fn options(world: &World, user: &User, occasion: Occasion) -> Value {
    world.passkeys.start_second_factor(user, occasion).await.unwrap().expect("there is a passkey")
}

async fn answer(world: &World, token: &RawToken, response: &str) -> ChallengeOutcome {
    let answer = FactorAnswer { method: PASSKEY.name(), response };
    world.host.sigra.second_factors().answer(token, answer, false, &world.host.entry()).await.unwrap()
}

async fn sudo(world: &World, session: &str, password: Option<&str>, response: &str) -> SudoOutcome {
    let current = world.host.resolve(session).await.unwrap();
    let factor = Some(FactorAnswer { method: PASSKEY.name(), response });
    world.host.sigra.sudo().answer(&current, SudoAnswer { password, factor }, &world.host.client()).await.unwrap()
}

#[tokio::test]
async fn a_password_and_a_passkey_are_two_factors() {
    let world = demanding();
    let ann = world.user(ANN).await;
    let mut key = SoftAuthenticator::security_key();
    world.register(&ann, &mut key).await;
    for verified in [true, false] {
        key.user_verified = verified;
        let owed = pending(&world, ANN).await;
        let options = options(&world, &ann, Occasion::SignIn(owed.pending.id)).await;
        assert_eq!(options["userVerification"], "preferred");
        let response = key.get(&options, ORIGIN).unwrap();
        let outcome = answer(&world, &owed.token, &response).await;
        let ChallengeOutcome::Admitted(Admission::Granted(granted), _) = outcome else { panic!("{outcome:?}") };
        let methods: Vec<_> = granted.session.assurance.methods.iter().map(|method| method.name().to_owned()).collect();
        assert_eq!(
            (granted.session.assurance.aal, methods),
            (Aal::Two, ["pwd", "hwk", "mfa"].map(str::to_owned).to_vec())
        );
    }
}

#[tokio::test]
async fn wa_01_a_second_factor_is_for_one_sign_in_of_one_user_once() {
    let world = demanding();
    let (ann, bob) = (world.user(ANN).await, world.user(BOB).await);
    let (mut anns, mut bobs) = (SoftAuthenticator::synced(), SoftAuthenticator::synced());
    world.register(&ann, &mut anns).await;
    world.register(&bob, &mut bobs).await;
    let (first, second, bobs_sign_in) =
        (pending(&world, ANN).await, pending(&world, ANN).await, pending(&world, BOB).await);
    let response = anns.get(&options(&world, &ann, Occasion::SignIn(first.pending.id)).await, ORIGIN).unwrap();
    for (owed, what) in [(&second, "another sign-in"), (&bobs_sign_in, "another user")] {
        let outcome = answer(&world, &owed.token, &response).await;
        assert!(matches!(outcome, ChallengeOutcome::Wrong), "{what}: {outcome:?}");
    }
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("unknown_ceremony"));
    assert!(matches!(answer(&world, &first.token, &response).await, ChallengeOutcome::Admitted(..)));
    assert!(matches!(answer(&world, &second.token, &response).await, ChallengeOutcome::Wrong), "a second time");

    bobs.lies.ignores_allowed = true;
    let response = bobs.get(&options(&world, &ann, Occasion::SignIn(second.pending.id)).await, ORIGIN).unwrap();
    assert!(
        matches!(answer(&world, &second.token, &response).await, ChallengeOutcome::Wrong),
        "somebody else's passkey"
    );
}

#[tokio::test]
async fn wa_01_a_second_factor_signs_nobody_in_and_a_sign_in_is_no_second_factor() {
    let world = demanding();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    world.register(&ann, &mut phone).await;
    let (owed, browser) = (pending(&world, ANN).await, RawToken::random());
    let response = phone.get(&options(&world, &ann, Occasion::SignIn(owed.pending.id)).await, ORIGIN).unwrap();
    assert!(is_rejected(&world.finish_sign_in(&response, &browser).await));
    let response = phone.get(&world.request_options(None, &browser).await, ORIGIN).unwrap();
    assert!(matches!(answer(&world, &owed.token, &response).await, ChallengeOutcome::Wrong));
}

#[tokio::test]
async fn mf_07_wrong_passkeys_count_as_wrong_second_factors() {
    let world = demanding();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    world.register(&ann, &mut phone).await;
    let owed = pending(&world, ANN).await;
    let free = world.host.sigra.config().lockout.strangers.free;
    for _ in 0..=free {
        assert!(matches!(answer(&world, &owed.token, "{}").await, ChallengeOutcome::Wrong));
    }
    let response = phone.get(&options(&world, &ann, Occasion::SignIn(owed.pending.id)).await, ORIGIN).unwrap();
    assert!(matches!(answer(&world, &owed.token, &response).await, ChallengeOutcome::LockedOut(Some(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wa_01_sixteen_contenders_with_one_response_are_accepted_once() {
    let world = World::with(
        |_| {},
        |builder| builder.factor(Arc::new(Recovery)).config(|config| config.lockout.strangers.free = 50),
    );
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    world.register(&ann, &mut phone).await;
    let owed = pending(&world, ANN).await;
    let response = phone.get(&options(&world, &ann, Occasion::SignIn(owed.pending.id)).await, ORIGIN).unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (world, token, response) = (world.clone(), owed.token.clone(), response.clone());
            tokio::spawn(async move {
                let outcome = answer(&world, &token, &response).await;
                matches!(outcome, ChallengeOutcome::Admitted(Admission::Granted(_), _))
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += usize::from(task.await.unwrap());
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn wa_03_without_user_verification_it_is_one_factor() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut key = SoftAuthenticator::security_key();
    world.register(&ann, &mut key).await;
    let session = world.session(&ann).await;
    let occasion = Occasion::Session(session.session.id);

    key.user_verified = false;
    let response = key.get(&options(&world, &ann, occasion).await, ORIGIN).unwrap();
    let outcome = sudo(&world, &session.cookie(), None, &response).await;
    assert!(matches!(outcome, SudoOutcome::Wrong), "alone: {outcome:?}");
    let response = key.get(&options(&world, &ann, occasion).await, ORIGIN).unwrap();
    let SudoOutcome::Granted { token, .. } = sudo(&world, &session.cookie(), Some(PASSWORD), &response).await else {
        panic!("with a password it will do")
    };
    key.user_verified = true;
    let response = key.get(&options(&world, &ann, occasion).await, ORIGIN).unwrap();
    let outcome = sudo(&world, &token.expose(), None, &response).await;
    assert!(matches!(outcome, SudoOutcome::Granted { .. }), "verified: {outcome:?}");
}

#[tokio::test]
async fn wa_01_a_response_for_a_session_is_for_that_session() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    world.register(&ann, &mut phone).await;
    let (one, other) = (world.session(&ann).await, world.session(&ann).await);
    let response = phone.get(&options(&world, &ann, Occasion::Session(one.session.id)).await, ORIGIN).unwrap();
    assert!(matches!(sudo(&world, &other.cookie(), None, &response).await, SudoOutcome::Wrong));
    assert!(matches!(sudo(&world, &one.cookie(), None, &response).await, SudoOutcome::Granted { .. }));
}

#[tokio::test]
async fn who_has_no_passkey_is_asked_for_none() {
    let world = demanding();
    let ann = world.user(ANN).await;
    let session = world.session(&ann).await;
    let occasion = Occasion::Session(session.session.id);
    assert_eq!(world.passkeys.start_second_factor(&ann, occasion).await.unwrap(), None);
    assert!(matches!(world.host.login(ANN, PASSWORD).await, LoginOutcome::Admitted(Admission::Granted(_))));
}

#[tokio::test]
async fn the_owner_disowns_a_passkey_that_was_added() {
    let world = World::new();
    world.host.clock.tick();
    let ann = world.user(ANN).await;
    let (_, own) = world.register(&ann, &mut SoftAuthenticator::synced()).await;
    world.host.advance(3_600);
    let mut thiefs = SoftAuthenticator::synced();
    world.register(&ann, &mut thiefs).await;
    world.host.run_workers().await;
    let link = world.host.mailed_token(&PASSKEY_ADDED, ANN);
    let _ = world.host.sigra.not_me().redeem(&link, &world.host.client()).await.unwrap();
    assert_eq!(world.stored(&ann).await.id, own.id);
    assert_eq!(world.event(DISOWN).metadata["count"], 1);
    assert!(is_rejected(&world.sign_in(&mut thiefs).await));
    world.host.run_workers().await;
    assert_eq!(world.host.count_mailed(&PASSKEY_REMOVED, ANN), 1);
}
