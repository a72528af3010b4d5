//! Adding passkeys.

use std::sync::Arc;

use crate::support::{ORIGIN, World, granted, is_rejected};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sigra_core::secret::RawToken;
use sigra_passkeys::events::{REGISTER_FAILURE, REGISTER_SUCCESS};
use sigra_passkeys::{FinishOutcome, PASSKEY_ADDED, StartOutcome};
use sigra_testing::authenticator::{Lies, SoftAuthenticator, SoftError};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

/// A registration by an authenticator that this is done to is refused, and no passkey is there.
async fn refused(reason: &str, misbehave: impl FnOnce(&mut SoftAuthenticator)) {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut authenticator = SoftAuthenticator::synced();
    misbehave(&mut authenticator);
    assert_eq!(world.try_register(&ann, &mut authenticator).await, FinishOutcome::Rejected, "{reason}");
    assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some(reason));
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
    assert_eq!(world.now(&ann).await.epochs, ann.epochs);
}

fn lies(lies: Lies) -> impl FnOnce(&mut SoftAuthenticator) {
    move |authenticator| authenticator.lies = lies
}

#[tokio::test]
async fn a_passkey_is_added_and_its_owner_told() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    let (after, passkey) = world.register(&ann, &mut phone).await;

    assert_eq!(after.epochs.factor, ann.epochs.factor + 1);
    assert_eq!(passkey.nickname, "Google Password Manager");
    assert_eq!(passkey.credential_id.as_bytes(), phone.credentials()[0].id);
    assert!(passkey.backup_eligible && passkey.backed_up && passkey.last_used_at.is_none());
    assert_eq!(world.stored(&ann).await, passkey);

    let event = world.event(REGISTER_SUCCESS);
    assert_eq!(
        (event.subject, event.metadata["authenticator"].as_str()),
        (Some(ann.id), Some("Google Password Manager"))
    );
    world.host.run_workers().await;
    assert_eq!(world.host.count_mailed(&PASSKEY_ADDED, ANN), 1);
}

#[tokio::test]
async fn the_owner_may_name_it() {
    let world = World::new();
    let ann = world.user(ANN).await;
    for (typed, stored) in [(Some("  my key "), "my key"), (None, "Passkey")] {
        let at = world.session(&ann).await;
        let options = world.creation_options(&at).await;
        let response = SoftAuthenticator::security_key().create(&options, ORIGIN).unwrap();
        let (user, client) = (world.now(&ann).await, world.host.client());
        let outcome = world
            .passkeys
            .finish_registration(&world.host.sigra, &user, at.session.id, &response, typed, &client)
            .await;
        let FinishOutcome::Registered { passkey, .. } = outcome.unwrap() else { panic!("{typed:?} must do") };
        assert_eq!(passkey.nickname, stored);
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_is_used_up() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let at = world.session(&ann).await;
    let options = world.creation_options(&at).await;
    let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
    let client = world.host.client();
    let finish = async |nickname| {
        let finished =
            world.passkeys.finish_registration(&world.host.sigra, &ann, at.session.id, &response, nickname, &client);
        finished.await.unwrap()
    };
    let long = "x".repeat(65);
    for name in ["", " \t", "\n", "a\u{0}b", "a\u{7f}", "a\nb", &long] {
        assert_eq!(finish(Some(name)).await, FinishOutcome::InvalidNickname, "{name:?}");
    }
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
    assert_eq!(world.count_events(REGISTER_FAILURE), 0, "nothing was refused");
    assert!(matches!(finish(Some("my key")).await, FinishOutcome::Registered { .. }), "the same response will do");
}

#[tokio::test]
async fn options_are_the_json_form_of_level_3() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    let (_, passkey) = world.register(&ann, &mut phone).await;
    let at = world.session(&ann).await;
    let mut options = world.creation_options(&at).await;
    assert_eq!(phone.create(&options, ORIGIN), Err(SoftError::Excluded));
    for drawn in [&["challenge"][..], &["user", "id"]] {
        let place = drawn.iter().fold(&mut options, |value, name| &mut value[*name]);
        assert!(place.as_str().is_some());
        *place = Value::Null;
    }
    assert_eq!(
        options,
        json!({
            "rp": { "id": "example.org", "name": "example.org" },
            "user": { "id": null, "name": ANN, "displayName": ANN },
            "challenge": null,
            "pubKeyCredParams": [
                { "type": "public-key", "alg": -7 },
                { "type": "public-key", "alg": -8 },
                { "type": "public-key", "alg": -257 },
            ],
            "timeout": 300_000,
            "excludeCredentials": [{
                "type": "public-key",
                "id": URL_SAFE_NO_PAD.encode(passkey.credential_id.as_bytes()),
                "transports": ["hybrid", "internal"],
            }],
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
            },
            "attestation": "none",
            "extensions": { "credProps": true },
        })
    );
}

#[tokio::test]
async fn wa_01_a_challenge_is_for_one_session_of_one_user_once_and_for_five_minutes() {
    let world = World::new();
    let (ann, bob) = (world.user(ANN).await, world.user(BOB).await);
    let (at, elsewhere, bobs) = (world.session(&ann).await, world.session(&ann).await, world.session(&bob).await);
    let mut phone = SoftAuthenticator::synced();
    let options = world.creation_options(&at).await;
    assert_eq!(URL_SAFE_NO_PAD.decode(options["challenge"].as_str().unwrap()).unwrap().len(), 32);
    let response = phone.create(&options, ORIGIN).unwrap();
    assert_eq!(world.finish(&elsewhere, &response).await, FinishOutcome::Rejected, "another session");
    assert_eq!(world.finish(&bobs, &response).await, FinishOutcome::Rejected, "another user");
    assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("unknown_ceremony"));
    assert!(matches!(world.finish(&at, &response).await, FinishOutcome::Registered { .. }), "nobody else took it");
    assert_eq!(world.finish(&at, &response).await, FinishOutcome::Rejected, "a second time");

    for (secs, good) in [(299, true), (300, false)] {
        let at = world.session(&ann).await;
        let options = world.creation_options(&at).await;
        world.host.advance(secs);
        let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
        let outcome = world.finish(&at, &response).await;
        assert_eq!(matches!(outcome, FinishOutcome::Registered { .. }), good, "after {secs} s: {outcome:?}");
    }
}

#[tokio::test]
async fn wa_01_a_challenge_is_for_one_purpose() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    world.register(&ann, &mut phone).await;
    let (at, browser) = (world.session(&ann).await, RawToken::random());
    let (creation, request) = (world.creation_options(&at).await, world.request_options(None, &browser).await);

    phone.lies.ignores_exclusion = true;
    phone.lies.challenge = Some(URL_SAFE_NO_PAD.decode(request["challenge"].as_str().unwrap()).unwrap());
    let response = phone.create(&creation, ORIGIN).unwrap();
    assert_eq!(world.finish(&at, &response).await, FinishOutcome::Rejected);
    phone.lies.challenge = Some(URL_SAFE_NO_PAD.decode(creation["challenge"].as_str().unwrap()).unwrap());
    let response = phone.get(&request, ORIGIN).unwrap();
    assert!(is_rejected(&world.finish_sign_in(&response, &browser).await));
}

#[tokio::test]
async fn wa_01_what_was_refused_cannot_be_tried_again() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let at = world.session(&ann).await;
    let options = world.creation_options(&at).await;
    let mut phone = SoftAuthenticator::synced();
    phone.user_verified = false;
    assert_eq!(world.finish(&at, &phone.create(&options, ORIGIN).unwrap()).await, FinishOutcome::Rejected);
    let mut honest = SoftAuthenticator::synced();
    assert_eq!(world.finish(&at, &honest.create(&options, ORIGIN).unwrap()).await, FinishOutcome::Rejected);
    assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("unknown_ceremony"));
}

#[tokio::test]
async fn wa_01_a_response_that_does_not_read_to_its_end_ends_its_ceremony_too() {
    for part in ["attestationObject", "rawId"] {
        let world = World::new();
        let at = world.session(&world.user(ANN).await).await;
        let options = world.creation_options(&at).await;
        let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
        let mut broken: Value = serde_json::from_str(&response).unwrap();
        let holder = if part == "rawId" { &mut broken } else { &mut broken["response"] };
        holder[part] = json!("?");
        assert_eq!(world.finish(&at, &broken.to_string()).await, FinishOutcome::Rejected);
        assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("malformed"));
        assert_eq!(world.finish(&at, &response).await, FinishOutcome::Rejected, "{part}");
        assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("unknown_ceremony"));
    }
}

#[tokio::test]
async fn what_extensions_say_is_ignored_but_for_a_passkey_that_is_not_discoverable() {
    let world = World::new();
    let ann = world.user(ANN).await;
    for (results, good) in [
        (json!({}), true),
        (json!({ "credProps": {} }), true),
        (json!({ "credProps": { "rk": true }, "prf": { "enabled": true }, "other": [1] }), true),
        (json!({ "credProps": { "rk": false } }), false),
        (json!({ "credProps": { "rk": "no" } }), false),
    ] {
        let at = world.session(&ann).await;
        let options = world.creation_options(&at).await;
        let response = SoftAuthenticator::security_key().create(&options, ORIGIN).unwrap();
        let mut response: Value = serde_json::from_str(&response).unwrap();
        response["clientExtensionResults"] = results.clone();
        let outcome = world.finish(&at, &response.to_string()).await;
        assert_eq!(matches!(outcome, FinishOutcome::Registered { .. }), good, "{results}: {outcome:?}");
    }
}

#[tokio::test]
async fn wa_02_type_challenge_origin_rp_id_and_presence_are_checked() {
    refused("wrong_type", lies(Lies { ceremony: Some("webauthn.get".into()), ..Lies::default() })).await;
    refused("unknown_ceremony", lies(Lies { challenge: Some(vec![7; 32]), ..Lies::default() })).await;
    refused("wrong_origin", lies(Lies { origin: Some("https://evil.example".into()), ..Lies::default() })).await;
    refused("wrong_rp_id", lies(Lies { rp_id: Some("evil.example".into()), ..Lies::default() })).await;
    refused("user_not_present", |authenticator| authenticator.user_present = false).await;
}

#[tokio::test]
async fn wa_03_the_user_must_be_verified() {
    refused("user_not_verified", |authenticator| authenticator.user_verified = false).await;
}

#[tokio::test]
async fn wa_04_cross_origin_is_rejected() {
    refused("cross_origin", lies(Lies { cross_origin: true, ..Lies::default() })).await;
    refused("top_origin", lies(Lies { top_origin: Some("https://example.com".into()), ..Lies::default() })).await;
    refused("top_origin", lies(Lies { top_origin: Some(ORIGIN.into()), ..Lies::default() })).await;
}

#[tokio::test]
async fn wa_05_origins_are_compared_whole() {
    for near in [
        "http://example.org",
        "https://example.org:8443",
        "https://example.org:443",
        "https://login.example.org",
        "https://example.org.evil.example",
        "https://example.org/",
        "https://EXAMPLE.org",
        "null",
        "",
    ] {
        refused("wrong_origin", lies(Lies { origin: Some(near.into()), ..Lies::default() })).await;
    }
    let world = World::config(|config| config.origins.push("https://login.example.org".into()));
    let at = world.session(&world.user(ANN).await).await;
    let options = world.creation_options(&at).await;
    let response = SoftAuthenticator::synced().create(&options, "https://login.example.org").unwrap();
    assert!(matches!(world.finish(&at, &response).await, FinishOutcome::Registered { .. }), "listed");
}

#[tokio::test]
async fn wa_05_listed_origins_elsewhere_and_of_apps_will_do() {
    let app = format!("android:apk-key-hash:{}", "A".repeat(43));
    for listed in ["https://example.net", "https://login.example.org:8443", &app] {
        let world = World::config(|config| config.origins.push(listed.to_owned()));
        let ann = world.user(ANN).await;
        let at = world.session(&ann).await;
        let options = world.creation_options(&at).await;
        let mut phone = SoftAuthenticator::synced();
        let response = phone.create(&options, listed).unwrap();
        let outcome = world.finish(&at, &response).await;
        assert!(matches!(outcome, FinishOutcome::Registered { .. }), "{listed}: {outcome:?}");
        let browser = RawToken::random();
        let response = phone.get(&world.request_options(None, &browser).await, listed).unwrap();
        granted(world.finish_sign_in(&response, &browser).await);
    }
}

#[tokio::test]
async fn wa_06_backed_up_without_being_eligible_is_rejected() {
    refused("backed_up_but_not_eligible", |authenticator| {
        *authenticator = SoftAuthenticator::security_key();
        authenticator.lies.backed_up_regardless = true;
    })
    .await;
}

#[tokio::test]
async fn wa_07_an_algorithm_that_was_not_offered_is_rejected() {
    for algorithm in [-35, -36, -37, -47, -65_535, 0, i64::MIN] {
        refused("algorithm", lies(Lies { algorithm: Some(algorithm), ..Lies::default() })).await;
    }
    // Offered, but not for this kind of key.
    for algorithm in [-8, -257] {
        refused("algorithm", lies(Lies { algorithm: Some(algorithm), ..Lies::default() })).await;
    }
}

#[tokio::test]
async fn wa_08_a_credential_id_that_is_too_long_or_too_short_is_rejected() {
    for length in [0, 1, 15, 1_024] {
        refused("credential_id_length", lies(Lies { credential_id: Some(vec![1; length]), ..Lies::default() })).await;
    }
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    phone.lies.credential_id = Some(vec![1; 1_023]);
    world.register(&ann, &mut phone).await;
    granted(world.sign_in(&mut phone).await);
}

#[tokio::test]
async fn wa_08_a_credential_that_anybody_registered_is_rejected() {
    let world = World::new();
    let (ann, bob) = (world.user(ANN).await, world.user(BOB).await);
    let mut phone = SoftAuthenticator::synced();
    let (_, passkey) = world.register(&ann, &mut phone).await;
    for user in [&ann, &bob] {
        let mut other = SoftAuthenticator::synced();
        other.lies.credential_id = Some(passkey.credential_id.as_bytes().to_vec());
        assert_eq!(world.try_register(user, &mut other).await, FinishOutcome::Duplicate);
        assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("duplicate"));
    }
    assert_eq!(world.stored(&ann).await, passkey);
}

#[tokio::test]
async fn wa_11_trailing_data_is_rejected() {
    refused("trailing_data", lies(Lies { trailing_bytes: true, ..Lies::default() })).await;
    refused("trailing_data", lies(Lies { trailing_cbor: true, ..Lies::default() })).await;
}

#[tokio::test]
async fn wa_11_what_is_no_response_is_rejected() {
    let world = World::new();
    let at = world.session(&world.user(ANN).await).await;
    for text in ["", "null", "{}", "[", "\u{0}", &"[".repeat(100_000)] {
        assert_eq!(world.finish(&at, text).await, FinishOutcome::Rejected);
        assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("malformed"));
    }
}

#[tokio::test]
async fn wa_12_no_attestation_is_asked_for_and_one_that_comes_must_not_be_wrong() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let mut key = SoftAuthenticator::security_key();
    key.self_attests = true;
    let at = world.session(&ann).await;
    assert_eq!(world.creation_options(&at).await["attestation"], "none");
    world.register(&ann, &mut key).await;
    refused("attestation", |authenticator| {
        authenticator.self_attests = true;
        authenticator.lies.forges_signature = true;
    })
    .await;
}

#[tokio::test]
async fn wa_13_the_user_handle_is_random_and_one_for_all_passkeys_of_the_account() {
    let world = World::new();
    let (ann, bob) = (world.user(ANN).await, world.user(BOB).await);
    let mut handles = Vec::new();
    for user in [&ann, &ann, &bob] {
        let at = world.session(user).await;
        let options = world.creation_options(&at).await;
        handles.push(URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap());
    }
    assert_eq!(handles[0], handles[1]);
    assert_ne!(handles[0], handles[2]);
    assert_eq!(handles[0].len(), 64);
    let contains = |part: &[u8]| handles[0].windows(part.len()).any(|window| window == part);
    assert!(!contains(ann.id.as_uuid().as_bytes()) && !contains(b"ann@"));
}

#[tokio::test]
async fn wa_16_adding_a_passkey_ends_every_session_but_the_one_that_carries_on() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let (at, elsewhere) = (world.session(&ann).await, world.session(&ann).await);
    let current = world.host.resolve(&at.cookie()).await.unwrap();
    let options = world.creation_options(&at).await;
    let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
    let FinishOutcome::Registered { user, .. } = world.finish(&at, &response).await else { panic!("it must be added") };
    assert!(world.host.resolve(&elsewhere.cookie()).await.is_none());
    assert!(world.host.resolve(&at.cookie()).await.is_none());
    let renewed =
        world.host.sigra.sessions().carry_on(&current, &user, None, &world.host.client()).await.unwrap().unwrap();
    assert!(world.host.resolve(&renewed.token.expose()).await.is_some());
}

#[tokio::test]
async fn wa_17_an_account_whose_address_is_not_proven_gets_no_passkey() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let at = world.session(&ann).await;
    let options = world.creation_options(&at).await;
    world.host.store.edit_user(ann.id, |user| user.confirmed_at = None);
    let unconfirmed = world.now(&ann).await;
    let outcome = world.passkeys.start_registration(&unconfirmed, at.session.id).await.unwrap();
    assert_eq!(outcome, StartOutcome::Unconfirmed);
    let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
    assert_eq!(world.finish(&at, &response).await, FinishOutcome::Rejected);
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
}

#[tokio::test]
async fn wa_18_nothing_is_made_without_the_user_for_conditional_creation_is_not_asked_for() {
    refused("user_not_present", |authenticator| {
        authenticator.user_present = false;
        authenticator.user_verified = false;
    })
    .await;
    let world = World::new();
    let at = world.session(&world.user(ANN).await).await;
    assert!(world.creation_options(&at).await.get("mediation").is_none());
}

#[tokio::test]
async fn an_account_has_only_so_many() {
    let world = World::config(|config| config.at_most = 2);
    let ann = world.user(ANN).await;
    let at = world.session(&ann).await;
    let early = world.creation_options(&at).await;
    for _ in 0..2 {
        world.register(&ann, &mut SoftAuthenticator::synced()).await;
    }
    let outcome = world.passkeys.start_registration(&ann, at.session.id).await.unwrap();
    assert_eq!(outcome, StartOutcome::Limit);
    let response = SoftAuthenticator::synced().create(&early, ORIGIN).unwrap();
    assert_eq!(world.finish(&at, &response).await, FinishOutcome::Limit, "started while there was room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_contenders_do_not_pass_the_limit() {
    let world = World::config(|config| config.at_most = 3);
    let ann = world.user(ANN).await;
    let at = Arc::new(world.session(&ann).await);
    let mut responses = Vec::new();
    for _ in 0..16 {
        let options = world.creation_options(&at).await;
        responses.push(SoftAuthenticator::synced().create(&options, ORIGIN).unwrap());
    }
    let tasks: Vec<_> = responses
        .into_iter()
        .map(|response| {
            let (world, at) = (world.clone(), at.clone());
            tokio::spawn(async move {
                loop {
                    // A registration beside this one raised the epoch: as the session that carries on, try the next one.
                    let outcome = world.finish(&at, &response).await;
                    if outcome != FinishOutcome::Stale {
                        return matches!(outcome, FinishOutcome::Registered { .. });
                    }
                    let options = match world.passkeys.start_registration(&at.user, at.session.id).await.unwrap() {
                        StartOutcome::Options(options) => options,
                        _ => return false,
                    };
                    let again = SoftAuthenticator::synced().create(&options, ORIGIN);
                    if let Ok(again) = again
                        && let FinishOutcome::Registered { .. } = world.finish(&at, &again).await
                    {
                        return true;
                    }
                }
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!((added, world.passkeys.list(&ann).await.unwrap().len()), (3, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wa_01_sixteen_contenders_with_one_response_add_one_passkey() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let at = Arc::new(world.session(&ann).await);
    let options = world.creation_options(&at).await;
    let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (world, at, response) = (world.clone(), at.clone(), response.clone());
            tokio::spawn(async move { matches!(world.finish(&at, &response).await, FinishOutcome::Registered { .. }) })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!(added, 1);
}

#[tokio::test]
async fn an_account_that_has_changed_meanwhile_gets_none() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let at = world.session(&ann).await;
    let options = world.creation_options(&at).await;
    let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
    world.host.store.edit_user(ann.id, |user| user.epochs.security += 1);
    let client = world.host.client();
    let outcome =
        world.passkeys.finish_registration(&world.host.sigra, &ann, at.session.id, &response, None, &client).await;
    assert_eq!(outcome.unwrap(), FinishOutcome::Stale);
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
}

#[tokio::test]
async fn au_03_a_passkey_whose_evidence_fails_is_not_added() {
    let world = World::new();
    let ann = world.user(ANN).await;
    let at = world.session(&ann).await;
    let options = world.creation_options(&at).await;
    let response = SoftAuthenticator::synced().create(&options, ORIGIN).unwrap();
    world.host.store.fail_next("evidence");
    let client = world.host.client();
    let outcome =
        world.passkeys.finish_registration(&world.host.sigra, &ann, at.session.id, &response, None, &client).await;
    assert!(outcome.is_err());
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
    assert_eq!(world.now(&ann).await.epochs, ann.epochs);
}
