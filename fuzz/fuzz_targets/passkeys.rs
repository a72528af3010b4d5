//! What browsers send as a passkey is read strictly, without falling over, and what reads reads back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigra_passkeys::__fuzz::{attestation, authentication, authenticator_data, client_data, key, registration};

fuzz_target!(|bytes: &[u8]| {
    authenticator_data(bytes);
    attestation(bytes);
    client_data(bytes);
    key(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // One text is never a response of both kinds: a registration has no signature.
    let (made, shown) = (registration(text), authentication(text));
    assert!(!(made && shown) || (text.contains("attestationObject") && text.contains("signature")));
});
