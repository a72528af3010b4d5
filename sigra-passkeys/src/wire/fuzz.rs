//! Entries for the fuzz targets. What reads is consistent with itself; nothing else is promised here.

use super::{
    AttestationObject, AuthenticationResponse, AuthenticatorData, ClientData, PublicKey, RegistrationResponse,
};

/// Reads a response to a registration. Whether it reads.
pub fn registration(text: &str) -> bool {
    RegistrationResponse::read(text)
        .is_ok_and(|response| consistent(&response.attestation, &response.client_data_bytes))
}

/// Reads a response to an authentication. Whether it reads.
pub fn authentication(text: &str) -> bool {
    AuthenticationResponse::read(text).is_ok()
}

/// Reads an attestation object. Whether it reads.
pub fn attestation(bytes: &[u8]) -> bool {
    AttestationObject::read(bytes).is_ok_and(|object| consistent(&object, bytes))
}

/// Reads authenticator data. Whether it reads.
pub fn authenticator_data(bytes: &[u8]) -> bool {
    AuthenticatorData::read(bytes).is_ok()
}

/// Reads client data. Whether it reads.
pub fn client_data(bytes: &[u8]) -> bool {
    ClientData::read(bytes).is_ok()
}

/// Reads a stored key. Whether it reads; then it is written as it was.
pub fn key(bytes: &[u8]) -> bool {
    PublicKey::read(bytes).is_ok_and(|key| {
        assert_eq!(key.to_cose(), bytes, "there is one way to write a key");
        true
    })
}

fn consistent(object: &AttestationObject, client_data: &[u8]) -> bool {
    if let Some(attested) = &object.data.attested {
        let stored = PublicKey::read(&attested.key.to_cose());
        assert_eq!(stored.as_ref(), Ok(&attested.key), "a key that reads is stored as it is");
        // Whatever the statement says, checking it comes to an end.
        let _ = object.check_statement(&attested.key, client_data);
    }
    let again = AttestationObject::read(&object.without_statement());
    assert_eq!(again.map(|again| again.data).as_ref(), Ok(&object.data), "without its statement it says the same");
    true
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// An attestation object and authenticator data of the standard's vectors.
    fn vectors() -> Vec<Vec<u8>> {
        let all: Value = serde_json::from_str(include_str!("../../testdata/webauthn-3-vectors.json")).unwrap();
        let bytes =
            |hex: &str| (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..][..2], 16).unwrap()).collect();
        let all = all.as_object().unwrap().values();
        all.flat_map(|vector| {
            let object = vector["registration"]["attestationObject"].as_str().unwrap();
            let data = vector["authentication"]["authenticatorData"].as_str().unwrap();
            [bytes(object), bytes(data)]
        })
        .collect()
    }

    proptest! {
        #[test]
        fn wa_11_nothing_that_is_sent_makes_the_readers_fall_over(
            which in 0_usize..30,
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let vectors = vectors();
            let mut bytes = vectors[which % vectors.len()].clone();
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            attestation(&bytes);
            authenticator_data(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            attestation(&bytes);
            authenticator_data(&bytes);
            client_data(&bytes);
        }

        #[test]
        fn wa_11_a_key_that_reads_is_written_as_it_was(
            which in 0_usize..3,
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let n = vec![0x81; 256];
            let keys =
                [PublicKey::Es256 { x: [1; 32], y: [2; 32] }, PublicKey::Ed25519([3; 32]), PublicKey::Rs256 { n, e: [1, 0, 1] }];
            let mut bytes = keys[which].to_cose();
            prop_assert!(key(&bytes));
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            key(&bytes);
        }

        #[test]
        fn wa_11_any_text_is_read_or_refused(text in ".*") {
            registration(&text);
            authentication(&text);
            client_data(text.as_bytes());
        }
    }
}
