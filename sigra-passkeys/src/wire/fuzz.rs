//! Entries for the fuzz targets. What reads is consistent with itself; nothing else is promised here.

use super::{AttestationObject, AuthenticationResponse, PublicKey, RegistrationResponse};

/// Reads a response to a registration. Whether it reads.
pub fn registration(text: &str) -> bool {
    let Ok(response) = RegistrationResponse::read(text) else { return false };
    if let Some(attested) = &response.attestation.data.attested {
        assert_eq!(
            PublicKey::read(&attested.key.to_cose()).as_ref(),
            Ok(&attested.key),
            "a key that reads is stored as it is"
        );
        let _ = response.attestation.check_statement(&attested.key, &response.client_data_bytes);
    }
    let again = AttestationObject::read(&response.attestation.without_statement());
    assert_eq!(again.map(|again| again.data), Ok(response.attestation.data));
    true
}

/// Reads a response to an authentication. Whether it reads.
pub fn authentication(text: &str) -> bool {
    AuthenticationResponse::read(text).is_ok()
}
