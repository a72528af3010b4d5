//! The options, as far as an authenticator reads them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What is read of a `PublicKeyCredentialCreationOptionsJSON`.
pub(super) struct CreationOptions {
    pub(super) rp_id: String,
    pub(super) user_handle: Vec<u8>,
    pub(super) challenge: Vec<u8>,
    pub(super) algorithms: Vec<i64>,
    pub(super) excluded: Vec<Vec<u8>>,
}

/// What is read of a `PublicKeyCredentialRequestOptionsJSON`.
pub(super) struct RequestOptions {
    pub(super) rp_id: String,
    pub(super) challenge: Vec<u8>,
    pub(super) allowed: Vec<Vec<u8>>,
}

impl CreationOptions {
    pub(super) fn read(options: &Value) -> Option<Self> {
        let algorithms = options["pubKeyCredParams"].as_array()?;
        Some(Self {
            rp_id: options["rp"]["id"].as_str()?.to_owned(),
            user_handle: bytes(&options["user"]["id"])?,
            challenge: bytes(&options["challenge"])?,
            algorithms: algorithms.iter().map(|offered| offered["alg"].as_i64()).collect::<Option<_>>()?,
            excluded: ids(&options["excludeCredentials"])?,
        })
    }
}

impl RequestOptions {
    pub(super) fn read(options: &Value) -> Option<Self> {
        Some(Self {
            rp_id: options["rpId"].as_str()?.to_owned(),
            challenge: bytes(&options["challenge"])?,
            allowed: ids(&options["allowCredentials"])?,
        })
    }
}

fn ids(descriptors: &Value) -> Option<Vec<Vec<u8>>> {
    match descriptors {
        Value::Null => Some(Vec::new()),
        descriptors => descriptors.as_array()?.iter().map(|descriptor| bytes(&descriptor["id"])).collect(),
    }
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}
