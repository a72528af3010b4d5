//! The test vectors of Web Authentication Level 3 (§ Test Vectors), through the whole of the verification.
//!
//! `testdata/webauthn-3-vectors.json` holds them as they stand in the standard; `testdata/rs256-2048.json` one more, because
//! the RSA key of the standard has a size that no authenticator makes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_testing::timing::Trials;

use super::*;

#[derive(Clone, Deserialize)]
struct Vector {
    registration: Registration,
    authentication: Authentication,
}

#[derive(Clone, Deserialize)]
struct Registration {
    challenge: String,
    credential_id: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    object: String,
}

#[derive(Clone, Deserialize)]
struct Authentication {
    challenge: String,
    #[serde(rename = "authenticatorData")]
    data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    signature: String,
}

impl Vector {
    fn named(name: &str) -> Self {
        let mut all: BTreeMap<String, Self> =
            serde_json::from_str(include_str!("../../testdata/webauthn-3-vectors.json")).unwrap();
        all.extend(serde_json::from_str::<BTreeMap<_, _>>(include_str!("../../testdata/rs256-2048.json")).unwrap());
        all.remove(name).unwrap_or_else(|| panic!("no vector is called {name}"))
    }

    fn register(&self) -> Result<NewCredential, Refused> {
        let response = RegistrationResponse::read(&self.registration.json())?;
        verifier().registration(&response, &hex(&self.registration.challenge), UserVerification::Preferred)
    }

    fn authenticate(&self, made: &NewCredential) -> Result<Asserted, Refused> {
        let response = AuthenticationResponse::read(&self.authentication.json(&made.id))?;
        let challenge = hex(&self.authentication.challenge);
        verifier().assertion(&response, &challenge, &stored(made), UserVerification::Preferred)
    }
}

impl Registration {
    fn json(&self) -> String {
        let Self { credential_id, client_data, object, .. } = self;
        let response = json!({ "clientDataJSON": text(client_data), "attestationObject": text(object) });
        let id = text(credential_id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }
}

impl Authentication {
    fn json(&self, id: &CredentialId) -> String {
        let Self { data, client_data, signature, .. } = self;
        let response = json!({
            "clientDataJSON": text(client_data), "authenticatorData": text(data), "signature": text(signature),
        });
        let id = URL_SAFE_NO_PAD.encode(id.as_bytes());
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }
}

fn verifier() -> Verifier {
    Verifier::new(&PasskeyConfig::for_public_url("https://example.org").unwrap())
}

fn stored(made: &NewCredential) -> Passkey {
    Passkey {
        id: PasskeyId::new(Timestamp::EPOCH),
        user: UserId::new(Timestamp::EPOCH),
        credential_id: made.id.clone(),
        public_key: made.key.to_cose(),
        sign_count: made.sign_count,
        backup_eligible: made.backup_eligible,
        backed_up: made.backed_up,
        transports: Vec::new(),
        aaguid: made.aaguid,
        nickname: String::new(),
        created_at: Timestamp::EPOCH,
        last_used_at: None,
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn text(in_hex: &str) -> String {
    URL_SAFE_NO_PAD.encode(hex(in_hex))
}

#[test]
fn wa_07_the_standards_vectors_of_offered_algorithms_pass() {
    for (name, algorithm) in [
        ("none-es256", Algorithm::Es256),
        ("packed-self-es256", Algorithm::Es256),
        ("none-es256-long-credential-id", Algorithm::Es256),
        ("packed-es256", Algorithm::Es256),
        ("tpm-es256", Algorithm::Es256),
        ("android-key-es256", Algorithm::Es256),
        ("apple-es256", Algorithm::Es256),
        ("fido-u2f-es256", Algorithm::Es256),
        ("packed-rs256", Algorithm::Rs256),
        ("rs256-2048", Algorithm::Rs256),
        ("packed-eddsa", Algorithm::EdDsa),
    ] {
        let vector = Vector::named(name);
        let made = vector.register().unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
        assert_eq!(made.key.algorithm(), algorithm, "{name}");
        assert_eq!(made.id.as_bytes(), hex(&vector.registration.credential_id), "{name}");
        vector.authenticate(&made).unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
    }
}

#[test]
fn wa_07_the_standards_vectors_of_other_algorithms_are_refused() {
    for name in ["packed-es384", "packed-es512", "packed-ed448"] {
        assert_eq!(Vector::named(name).register(), Err(Refused("algorithm")), "{name}");
    }
}

#[test]
fn wa_04_the_standards_vectors_from_frames_are_refused() {
    for name in ["none-es256-crossOrigin", "none-es256-topOrigin"] {
        let vector = Vector::named(name);
        assert_eq!(vector.register(), Err(Refused("cross_origin")), "{name}");
        let data = crate::wire::AttestationObject::read(&hex(&vector.registration.object)).unwrap().data;
        let attested = data.attested.unwrap();
        let made = NewCredential {
            id: attested.credential_id,
            key: attested.key,
            sign_count: data.sign_count,
            backup_eligible: data.flags.backup_eligible(),
            backed_up: data.flags.backed_up(),
            transports: Vec::new(),
            aaguid: attested.aaguid,
        };
        assert_eq!(vector.authenticate(&made), Err(Refused("cross_origin")), "{name}");
    }
}

#[test]
fn wa_03_a_vector_without_user_verification_is_refused_where_it_is_required() {
    let vector = Vector::named("none-es256");
    let response = RegistrationResponse::read(&vector.registration.json()).unwrap();
    let challenge = hex(&vector.registration.challenge);
    let outcome = verifier().registration(&response, &challenge, UserVerification::Required);
    assert_eq!(outcome, Err(Refused("user_not_verified")));
}

#[test]
fn the_second_reader_refuses_by_itself() {
    let (verifier, uv) = (verifier(), UserVerification::Preferred);
    for name in ["none-es256", "rs256-2048"] {
        let vector = Vector::named(name);
        let made = vector.register().unwrap();
        let Registration { challenge, .. } = &vector.registration;
        let response = RegistrationResponse::read(&vector.registration.json()).unwrap();
        assert_eq!(verifier.second.registration(&response, &hex(challenge), uv, &made), Ok(()), "{name}");
        assert!(verifier.second.registration(&response, &[0; 32], uv, &made).is_err(), "{name}: another challenge");
        let counted = NewCredential { sign_count: 9, ..made.clone() };
        assert!(
            verifier.second.registration(&response, &hex(challenge), uv, &counted).is_err(),
            "{name}: another counter"
        );

        let Authentication { challenge, .. } = &vector.authentication;
        let mut response = AuthenticationResponse::read(&vector.authentication.json(&made.id)).unwrap();
        let passkey = stored(&made);
        assert_eq!(verifier.second.assertion(&response, &hex(challenge), &passkey, &made.key, uv), Ok(()), "{name}");
        assert!(verifier.second.assertion(&response, &[0; 32], &passkey, &made.key, uv).is_err(), "{name}");
        response.data_bytes[36] ^= 1;
        assert!(verifier.second.assertion(&response, &hex(challenge), &passkey, &made.key, uv).is_err(), "{name}");
    }
}

#[test]
fn no_bit_of_an_assertion_can_be_changed() {
    for name in ["none-es256", "rs256-2048", "packed-eddsa"] {
        let vector = Vector::named(name);
        let made = vector.register().unwrap();
        let parts: [fn(&mut Authentication) -> &mut String; 3] =
            [|part| &mut part.data, |part| &mut part.client_data, |part| &mut part.signature];
        for part in parts {
            let mut whole = vector.clone();
            let original = hex(part(&mut whole.authentication));
            for place in 0..original.len() {
                let mut changed = original.clone();
                changed[place] ^= 1 << (place % 8);
                let mut whole = vector.clone();
                *part(&mut whole.authentication) = changed.iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(whole.authenticate(&made).is_err(), "{name}: byte {place}");
            }
        }
    }
}

#[test]
fn wa_12_a_self_attestation_must_be_right_and_certificates_are_dropped_unread() {
    let vector = Vector::named("packed-self-es256");
    let object = &vector.registration.object;
    let place = object.find("63736967").unwrap() + 8 + 4 + 20;
    let mut wrong = vector.clone();
    wrong.registration.object.replace_range(place..place + 1, if &object[place..=place] == "0" { "1" } else { "0" });
    assert_eq!(wrong.register(), Err(Refused("attestation")));

    let vector = Vector::named("packed-es256");
    let object = &vector.registration.object;
    let place = object.find("63736967").unwrap() + 8 + 4 + 20;
    let mut wrong = vector.clone();
    wrong.registration.object.replace_range(place..place + 1, if &object[place..=place] == "0" { "1" } else { "0" });
    assert_eq!(wrong.register(), vector.register(), "nothing rests on it");
}

#[test]
fn wa_11_trailing_data_is_refused() {
    let mut vector = Vector::named("none-es256");
    let made = vector.register().unwrap();
    vector.registration.object.push_str("f6");
    assert_eq!(vector.register(), Err(Refused("trailing_data")));
    vector.authentication.data.push_str("00");
    assert_eq!(vector.authenticate(&made), Err(Refused("trailing_data")));
    vector.authentication.client_data.push_str("00");
    vector.authentication.data.truncate(vector.authentication.data.len() - 2);
    assert_eq!(vector.authenticate(&made), Err(Refused::MALFORMED));
}

#[test]
fn keys_are_stored_as_cose_and_read_back() {
    for name in ["none-es256", "packed-rs256", "packed-eddsa"] {
        let key = Vector::named(name).register().unwrap().key;
        assert_eq!(PublicKey::read(&key.to_cose()), Ok(key), "{name}");
    }
}

#[test]
fn wa_11_a_new_credential_in_an_assertion_is_refused() {
    let mut vector = Vector::named("none-es256");
    let made = vector.register().unwrap();
    let object = crate::wire::AttestationObject::read(&hex(&vector.registration.object)).unwrap();
    vector.authentication.data = object.data_bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(vector.authenticate(&made), Err(Refused("attested_credential")));
}

#[test]
fn wa_14_a_wrong_signature_takes_as_long_whatever_the_algorithm_and_for_no_passkey_at_all() {
    let (verifier, uv) = (verifier(), UserVerification::Preferred);
    let vector = Vector::named("none-es256");
    let challenge = hex(&vector.authentication.challenge);
    let keys = ["none-es256", "packed-eddsa", "rs256-2048"].map(|name| Vector::named(name).register().unwrap().key);
    let made = vector.register().unwrap();
    let passkeys = keys.map(|key| stored(&NewCredential { key, ..made.clone() }));
    let response = AuthenticationResponse::read(&vector.authentication.json(&made.id)).unwrap();
    // Signatures of each algorithm's form: what reads by one is soon refused by the others.
    for signature in [hex(&vector.authentication.signature), vec![1; 64], vec![1; 256]] {
        let mut response = response.clone();
        response.signature = signature;
        let last = response.signature.len() - 1;
        response.signature[last] ^= 1;
        let trials = Trials { samples: 60, least: Duration::from_micros(50), ..Trials::default() };
        let apart = trials.run(&[(Some(0), None), (Some(1), None), (Some(2), None)], |kind: Option<usize>| {
            let start = Instant::now();
            match kind {
                Some(place) => {
                    assert_eq!(
                        verifier.assertion(&response, &challenge, &passkeys[place], uv),
                        Err(Refused("signature"))
                    );
                }
                None => verifier.spend(&response, &challenge, uv),
            }
            start.elapsed()
        });
        assert_eq!(apart, [], "{} bytes", response.signature.len());
    }
}
