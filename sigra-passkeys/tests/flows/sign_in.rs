//! Signing in with passkeys.

use crate::support::{ORIGIN, World, granted, is_rejected};
use serde_json::{Value, json};
use sigra_core::assurance::Aal;
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_passkeys::events::{AUTHENTICATE_FAILURE, AUTHENTICATE_SUCCESS, DELETE, SIGN_COUNT_REGRESSION};
use sigra_passkeys::{PASSKEY_REMOVED, SignCountPolicy};
use sigra_testing::authenticator::{Lies, SoftAuthenticator};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

async fn ann_with(authenticator: &mut SoftAuthenticator) -> (World, User) {
    let world = World::new();
    let ann = world.user(ANN).await;
    let (ann, _) = world.register(&ann, authenticator).await;
    (world, ann)
}

/// A sign-in with an authenticator that this is done to after registration is refused.
async fn refused(reason: &str, misbehave: impl FnOnce(&mut SoftAuthenticator)) {
    let mut authenticator = SoftAuthenticator::synced();
    let (world, ann) = ann_with(&mut authenticator).await;
    let before = world.stored(&ann).await;
    misbehave(&mut authenticator);
    let outcome = world.sign_in(&mut authenticator).await;
    assert!(is_rejected(&outcome), "{reason}: {outcome:?}");
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some(reason));
    assert_eq!(world.count_events(AUTHENTICATE_SUCCESS), 0);
    assert_eq!(world.stored(&ann).await, before);
}

fn lies(lies: Lies) -> impl FnOnce(&mut SoftAuthenticator) {
    move |authenticator| authenticator.lies = lies
}

#[tokio::test]
async fn a_passkey_is_two_factors() {
    for (mut authenticator, method) in
        [(SoftAuthenticator::synced(), "swk"), (SoftAuthenticator::security_key(), "hwk")]
    {
        let (world, ann) = ann_with(&mut authenticator).await;
        for email in [None, Some(ANN)] {
            let granted = granted(world.sign_in_as(email, &mut authenticator).await);
            assert_eq!((granted.user.id, granted.session.assurance.aal), (ann.id, Aal::Two));
            let methods: Vec<_> =
                granted.session.assurance.methods.iter().map(|method| method.name().to_owned()).collect();
            assert_eq!(methods, [method, "mfa"]);
            assert!(granted.session.is_fresh(world.host.sigra.clock().now()));
        }
        assert_eq!(world.event(AUTHENTICATE_SUCCESS).subject, Some(ann.id));
        assert!(world.stored(&ann).await.last_used_at.is_some());
    }
}

#[tokio::test]
async fn options_are_the_json_form_of_level_3() {
    let mut phone = SoftAuthenticator::synced();
    let (world, _) = ann_with(&mut phone).await;
    let mut options = world.request_options(None, &RawToken::random()).await;
    assert_eq!(options["challenge"].take().as_str().map(str::len), Some(43));
    let expected = json!({
        "challenge": Value::Null, "timeout": 300_000, "rpId": "example.org", "allowCredentials": [],
        "userVerification": "required",
    });
    assert_eq!(options, expected);
    let named = world.request_options(Some("Ann@Example.ORG"), &RawToken::random()).await;
    assert_eq!(named["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(named["allowCredentials"][0]["transports"], json!(["hybrid", "internal"]));
}

#[tokio::test]
async fn wa_01_a_challenge_is_for_one_browser_once_and_for_five_minutes() {
    let mut phone = SoftAuthenticator::synced();
    let (world, _) = ann_with(&mut phone).await;
    let (browser, another) = (RawToken::random(), RawToken::random());
    let options = world.request_options(None, &browser).await;
    let response = phone.get(&options, ORIGIN).unwrap();
    assert!(is_rejected(&world.finish_sign_in(&response, &another).await), "another browser");
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("unknown_ceremony"));
    granted(world.finish_sign_in(&response, &browser).await);
    assert!(is_rejected(&world.finish_sign_in(&response, &browser).await), "a second time");

    for (secs, good) in [(299, true), (300, false)] {
        let options = world.request_options(None, &browser).await;
        world.host.advance(secs);
        let response = phone.get(&options, ORIGIN).unwrap();
        assert_eq!(!is_rejected(&world.finish_sign_in(&response, &browser).await), good, "after {secs} s");
    }
}

#[tokio::test]
async fn wa_01_what_was_refused_cannot_be_tried_again() {
    let mut phone = SoftAuthenticator::synced();
    let (world, _) = ann_with(&mut phone).await;
    let browser = RawToken::random();
    let options = world.request_options(None, &browser).await;
    phone.lies.forges_signature = true;
    let forged = phone.get(&options, ORIGIN).unwrap();
    assert!(is_rejected(&world.finish_sign_in(&forged, &browser).await));
    phone.lies = Lies::default();
    let right = phone.get(&options, ORIGIN).unwrap();
    assert!(is_rejected(&world.finish_sign_in(&right, &browser).await));
}

#[tokio::test]
async fn wa_01_an_answer_that_does_not_read_to_its_end_ends_its_ceremony_too() {
    for part in ["authenticatorData", "signature", "userHandle"] {
        let mut phone = SoftAuthenticator::synced();
        let (world, _) = ann_with(&mut phone).await;
        let browser = RawToken::random();
        let response = phone.get(&world.request_options(None, &browser).await, ORIGIN).unwrap();
        let mut broken: Value = serde_json::from_str(&response).unwrap();
        broken["response"][part] = json!("?");
        assert!(is_rejected(&world.finish_sign_in(&broken.to_string(), &browser).await));
        assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("malformed"));
        assert!(is_rejected(&world.finish_sign_in(&response, &browser).await), "{part}");
        assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("unknown_ceremony"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wa_01_sixteen_contenders_with_one_assertion_sign_in_once() {
    for mut authenticator in [SoftAuthenticator::synced(), SoftAuthenticator::security_key()] {
        let (world, _) = ann_with(&mut authenticator).await;
        let browser = RawToken::random();
        let options = world.request_options(None, &browser).await;
        let response = authenticator.get(&options, ORIGIN).unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (world, browser, response) = (world.clone(), browser.clone(), response.clone());
                tokio::spawn(async move { !is_rejected(&world.finish_sign_in(&response, &browser).await) })
            })
            .collect();
        let mut signed_in = 0;
        for task in tasks {
            signed_in += usize::from(task.await.unwrap());
        }
        assert_eq!((signed_in, world.count_events(AUTHENTICATE_SUCCESS)), (1, 1));
    }
}

#[tokio::test]
async fn wa_02_type_challenge_origin_rp_id_presence_and_signature_are_checked() {
    refused("wrong_type", lies(Lies { ceremony: Some("webauthn.create".into()), ..Lies::default() })).await;
    refused("unknown_ceremony", lies(Lies { challenge: Some(vec![7; 32]), ..Lies::default() })).await;
    refused("wrong_origin", lies(Lies { origin: Some("https://evil.example".into()), ..Lies::default() })).await;
    refused("wrong_rp_id", lies(Lies { rp_id: Some("evil.example".into()), ..Lies::default() })).await;
    refused("user_not_present", |authenticator| authenticator.user_present = false).await;
    refused("signature", lies(Lies { forges_signature: true, ..Lies::default() })).await;
}

#[tokio::test]
async fn wa_03_the_user_must_be_verified() {
    refused("user_not_verified", |authenticator| authenticator.user_verified = false).await;
}

#[tokio::test]
async fn wa_04_cross_origin_is_rejected() {
    refused("cross_origin", lies(Lies { cross_origin: true, ..Lies::default() })).await;
    refused("top_origin", lies(Lies { top_origin: Some("https://example.com".into()), ..Lies::default() })).await;
}

#[tokio::test]
async fn wa_05_origins_are_compared_whole() {
    for near in ["http://example.org", "https://example.org:8443", "https://www.example.org", "https://example.org/"] {
        refused("wrong_origin", lies(Lies { origin: Some(near.into()), ..Lies::default() })).await;
    }
}

#[tokio::test]
async fn wa_06_eligibility_never_changes_and_backups_are_recorded() {
    let flips = Lies { flips_backup_eligibility: true, ..Lies::default() };
    refused("backup_eligibility_changed", lies(flips.clone())).await;
    refused("backed_up_but_not_eligible", lies(Lies { backed_up_regardless: true, ..flips.clone() })).await;
    // Who cannot sign is not told by the time that it is not what the passkey said.
    refused("signature", lies(Lies { forges_signature: true, ..flips.clone() })).await;

    let mut key = SoftAuthenticator::security_key();
    let (world, _) = ann_with(&mut key).await;
    key.lies = flips;
    assert!(is_rejected(&world.sign_in(&mut key).await));
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("backup_eligibility_changed"));

    let mut phone = SoftAuthenticator::synced();
    phone.backed_up = false;
    let (world, ann) = ann_with(&mut phone).await;
    for backed_up in [true, false] {
        phone.backed_up = backed_up;
        granted(world.sign_in(&mut phone).await);
        assert_eq!(world.stored(&ann).await.backed_up, backed_up);
        assert_eq!(world.event(AUTHENTICATE_SUCCESS).metadata["backed_up"], backed_up);
    }
}

#[tokio::test]
async fn wa_09_the_user_handle_must_own_the_credential() {
    refused("user_handle", lies(Lies { user_handle: Some(Some(vec![7; 64])), ..Lies::default() })).await;
    refused("user_handle", lies(Lies { user_handle: Some(Some(Vec::new())), ..Lies::default() })).await;
    refused("no_user_handle", lies(Lies { user_handle: Some(None), ..Lies::default() })).await;

    let (mut anns, mut bobs) = (SoftAuthenticator::synced(), SoftAuthenticator::synced());
    let (world, _) = ann_with(&mut anns).await;
    world.register(&world.user(BOB).await, &mut bobs).await;
    anns.lies.user_handle = Some(Some(bobs.credentials()[0].user_handle.clone()));
    assert!(is_rejected(&world.sign_in(&mut anns).await), "somebody else's handle");
    anns.lies.user_handle = Some(None);
    granted(world.sign_in_as(Some(ANN), &mut anns).await);
}

#[tokio::test]
async fn wa_09_with_an_address_only_its_passkeys_are_taken() {
    let (mut anns, mut bobs) = (SoftAuthenticator::synced(), SoftAuthenticator::synced());
    let (world, _) = ann_with(&mut anns).await;
    world.register(&world.user(BOB).await, &mut bobs).await;
    bobs.lies.ignores_allowed = true;
    for address in [ANN, "nobody@example.org"] {
        assert!(is_rejected(&world.sign_in_as(Some(address), &mut bobs).await));
        assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("credential_not_allowed"));
    }
    granted(world.sign_in_as(Some(BOB), &mut bobs).await);
}

#[tokio::test]
async fn wa_10_a_counter_that_does_not_advance_is_refused_by_default() {
    let mut key = SoftAuthenticator::security_key();
    let (world, ann) = ann_with(&mut key).await;
    granted(world.sign_in(&mut key).await);
    assert_eq!(world.stored(&ann).await.sign_count, 2);
    for shown in [2, 1, 0] {
        key.lies.sign_count = Some(shown);
        assert!(is_rejected(&world.sign_in(&mut key).await), "{shown}");
        let event = world.event(SIGN_COUNT_REGRESSION);
        assert_eq!(
            (event.metadata["stored"].as_u64(), event.metadata["shown"].as_u64()),
            (Some(2), Some(shown.into()))
        );
        assert_eq!(event.metadata["policy"], "require_reauthentication");
        assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("sign_count"));
    }
    key.lies.sign_count = Some(100);
    granted(world.sign_in(&mut key).await);
    assert_eq!(world.stored(&ann).await.sign_count, 100);
    assert_eq!(world.count_events(SIGN_COUNT_REGRESSION), 3);
}

#[tokio::test]
async fn wa_10_it_may_be_let_in_with_a_warning() {
    let world = World::config(|config| config.sign_count = SignCountPolicy::Warn);
    let mut key = SoftAuthenticator::security_key();
    let (ann, _) = world.register(&world.user(ANN).await, &mut key).await;
    key.lies.sign_count = Some(200);
    granted(world.sign_in(&mut key).await);
    key.lies.sign_count = Some(5);
    granted(world.sign_in(&mut key).await);
    assert_eq!(world.stored(&ann).await.sign_count, 200, "the higher one stays");
    assert_eq!(world.event(SIGN_COUNT_REGRESSION).metadata["policy"], "warn");
}

#[tokio::test]
async fn wa_10_it_may_be_removed() {
    let world = World::config(|config| config.sign_count = SignCountPolicy::Revoke);
    let mut key = SoftAuthenticator::security_key();
    let (ann, _) = world.register(&world.user(ANN).await, &mut key).await;
    let session = world.session(&ann).await;
    key.lies.sign_count = Some(1);
    assert!(is_rejected(&world.sign_in(&mut key).await));
    assert!(world.passkeys.list(&ann).await.unwrap().is_empty());
    assert_eq!(world.count_events(SIGN_COUNT_REGRESSION), 1);
    assert_eq!(world.event(DELETE).metadata["why"], "sign_count");
    assert!(world.host.resolve(&session.cookie()).await.is_none(), "whoever the copy let in is out");
    world.host.run_workers().await;
    assert_eq!(world.host.count_mailed(&PASSKEY_REMOVED, ANN), 1);
    key.lies.sign_count = Some(100);
    assert!(is_rejected(&world.sign_in(&mut key).await));
}

#[tokio::test]
async fn wa_10_without_a_counter_nothing_regresses() {
    let mut phone = SoftAuthenticator::synced();
    let (world, _) = ann_with(&mut phone).await;
    for _ in 0..3 {
        granted(world.sign_in(&mut phone).await);
    }
    assert_eq!(world.count_events(SIGN_COUNT_REGRESSION), 0);
}

#[tokio::test]
async fn wa_11_trailing_data_and_what_is_no_response_is_rejected() {
    refused("trailing_data", lies(Lies { trailing_bytes: true, ..Lies::default() })).await;
    let world = World::new();
    for text in ["", "null", "{}", "[", "\u{0}", &"[".repeat(100_000)] {
        assert!(is_rejected(&world.finish_sign_in(text, &RawToken::random()).await));
        assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("malformed"));
    }
}

#[tokio::test]
async fn a_disabled_account_is_refused_and_nothing_recorded_of_its_passkey() {
    let mut key = SoftAuthenticator::security_key();
    let (world, ann) = ann_with(&mut key).await;
    let before = world.stored(&ann).await;
    let now = world.host.sigra.clock().now();
    world.host.store.edit_user(ann.id, |user| user.disabled_at = Some(now));
    assert!(is_rejected(&world.sign_in(&mut key).await));
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("disabled"));
    assert_eq!(world.stored(&ann).await, before);
}

#[tokio::test]
async fn a_passkey_that_was_removed_signs_nobody_in() {
    let mut phone = SoftAuthenticator::synced();
    let (world, ann) = ann_with(&mut phone).await;
    let id = world.stored(&ann).await.id;
    let removed = world.passkeys.remove(&world.host.sigra, &ann, id, &world.host.client()).await.unwrap();
    assert!(matches!(removed, sigra_passkeys::RemoveOutcome::Removed { .. }));
    assert!(is_rejected(&world.sign_in(&mut phone).await));
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("unknown_credential"));
}

#[tokio::test]
async fn au_03_a_use_whose_evidence_fails_signs_nobody_in() {
    let mut key = SoftAuthenticator::security_key();
    let (world, ann) = ann_with(&mut key).await;
    let browser = RawToken::random();
    let options = world.request_options(None, &browser).await;
    let response = key.get(&options, ORIGIN).unwrap();
    world.host.store.fail_next("evidence");
    let entry = world.host.entry();
    assert!(world.passkeys.finish_sign_in(&world.host.sigra, &response, &browser, &entry).await.is_err());
    assert_eq!(world.stored(&ann).await.sign_count, 1);
}
