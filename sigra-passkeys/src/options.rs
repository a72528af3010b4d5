//! The options browsers are asked with, in the JSON forms `PublicKeyCredential.parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON` take (Web Authentication Level 3 §5.1.8 and §5.1.9).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sigra_core::user::User;

use crate::ceremony::Challenge;
use crate::config::PasskeyConfig;
use crate::decoys::Descriptor;
use crate::passkey::{Passkey, UserHandle};
use crate::verify::UserVerification;
use crate::wire::Algorithm;

/// The options to make a passkey with.
pub(crate) fn creation(
    config: &PasskeyConfig,
    challenge: &Challenge,
    user: &User,
    handle: &UserHandle,
    existing: &[Passkey],
) -> Value {
    let algorithms: Vec<Value> =
        Algorithm::OFFERED.iter().map(|algorithm| json!({ "type": "public-key", "alg": algorithm.id() })).collect();
    json!({
        "rp": { "id": config.rp_id, "name": config.rp_name },
        "user": {
            "id": URL_SAFE_NO_PAD.encode(handle.as_bytes()),
            "name": user.email.as_str(),
            "displayName": user.email.as_str(),
        },
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": milliseconds(config),
        "excludeCredentials": existing.iter().map(|passkey| descriptor(&passkey.into())).collect::<Vec<_>>(),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": true,
            "userVerification": UserVerification::Required.name(),
        },
        "attestation": "none",
        // Whether it came out discoverable. Nothing else is asked of extensions.
        "extensions": { "credProps": true },
    })
}

/// The options to show a passkey with. With an empty list the browser offers what it has.
pub(crate) fn request(
    config: &PasskeyConfig,
    challenge: &Challenge,
    allowed: &[Descriptor],
    uv: UserVerification,
) -> Value {
    json!({
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "timeout": milliseconds(config),
        "rpId": config.rp_id,
        "allowCredentials": allowed.iter().map(descriptor).collect::<Vec<_>>(),
        "userVerification": uv.name(),
    })
}

fn descriptor(credential: &Descriptor) -> Value {
    json!({
        "type": "public-key",
        "id": URL_SAFE_NO_PAD.encode(credential.id.as_bytes()),
        "transports": credential.transports,
    })
}

fn milliseconds(config: &PasskeyConfig) -> u64 {
    u64::from(config.timeout_secs) * 1_000
}

impl From<&Passkey> for Descriptor {
    fn from(passkey: &Passkey) -> Self {
        Self { id: passkey.credential_id.clone(), transports: passkey.transports.clone() }
    }
}
