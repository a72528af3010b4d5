//! The JSON forms of what `navigator.credentials` returns (Web Authentication Level 3 §5.1: `RegistrationResponseJSON`,
//! `AuthenticationResponseJSON`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{AttestationObject, AuthenticatorData, ClientData, Refused, ensure};
use crate::passkey::CredentialId;

/// The longest text that is read. A response is rarely longer than a tenth of it.
const MAX_BYTES: usize = 65_536;

/// A response to a registration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RegistrationResponse {
    pub(crate) id: CredentialId,
    pub(crate) client_data: ClientData,
    pub(crate) client_data_bytes: Vec<u8>,
    pub(crate) attestation: AttestationObject,
    pub(crate) transports: Vec<String>,
}

/// A response to an authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticationResponse {
    pub(crate) id: CredentialId,
    pub(crate) client_data: ClientData,
    pub(crate) client_data_bytes: Vec<u8>,
    pub(crate) data: AuthenticatorData,
    pub(crate) data_bytes: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user_handle: Option<Vec<u8>>,
}

impl RegistrationResponse {
    pub(crate) fn read(text: &str) -> Result<Self, Refused> {
        let credential: Credential<Attestation> = parse(text)?;
        let id = credential.id()?;
        let Attestation { client_data_json, attestation_object, transports } = credential.response;
        let client_data_bytes = bytes(&client_data_json)?;
        Ok(Self {
            id,
            client_data: ClientData::read(&client_data_bytes)?,
            client_data_bytes,
            attestation: AttestationObject::read(&bytes(&attestation_object)?)?,
            transports: tokens(transports),
        })
    }
}

impl AuthenticationResponse {
    pub(crate) fn read(text: &str) -> Result<Self, Refused> {
        let credential: Credential<Assertion> = parse(text)?;
        let id = credential.id()?;
        let Assertion { client_data_json, authenticator_data, signature, user_handle } = credential.response;
        let client_data_bytes = bytes(&client_data_json)?;
        let data_bytes = bytes(&authenticator_data)?;
        let user_handle = user_handle.as_deref().map(bytes).transpose()?;
        Ok(Self {
            id,
            client_data: ClientData::read(&client_data_bytes)?,
            client_data_bytes,
            data: AuthenticatorData::read(&data_bytes)?,
            data_bytes,
            signature: bytes(&signature)?,
            user_handle,
        })
    }
}

#[derive(Deserialize)]
struct Credential<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: R,
}

#[derive(Deserialize)]
struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
struct Assertion {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle", default)]
    user_handle: Option<String>,
}

impl<R> Credential<R> {
    fn id(&self) -> Result<CredentialId, Refused> {
        ensure(self.kind == "public-key" && self.id == self.raw_id, "malformed")?;
        CredentialId::new(bytes(&self.raw_id)?).ok_or(Refused("credential_id_length"))
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refused> {
    ensure(text.len() <= MAX_BYTES, "malformed")?;
    serde_json::from_str(text).map_err(|_| Refused::MALFORMED)
}

fn bytes(text: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::MALFORMED)
}

/// Transports are a hint that later requests give back. Unknown ones are kept, as the standard asks; what is no token, or
/// too much, is not.
fn tokens(mut transports: Vec<String>) -> Vec<String> {
    let is_token = |text: &String| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_0123456789".contains(&byte))
    };
    transports.retain(is_token);
    transports.sort_unstable();
    transports.dedup();
    transports.truncate(8);
    transports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_tokens_few_and_once_each() {
        let given = ["usb", "internal", "usb", "smart-card", "<script>", "", "a b"].map(str::to_owned);
        assert_eq!(tokens(given.to_vec()), ["internal", "smart-card", "usb"]);
        assert_eq!(tokens((0..100).map(|number| format!("t{number}")).collect()).len(), 8);
    }

    #[test]
    fn wa_11_what_is_no_response_is_refused() {
        for bad in ["", "null", "{}", "[]", r#"{"id":"AA","rawId":"AA","type":"public-key","response":{}}"#] {
            assert_eq!(RegistrationResponse::read(bad), Err(Refused::MALFORMED), "{bad}");
            assert_eq!(AuthenticationResponse::read(bad), Err(Refused::MALFORMED), "{bad}");
        }
        let long = format!("{}{{}}", " ".repeat(MAX_BYTES));
        assert_eq!(AuthenticationResponse::read(&long), Err(Refused::MALFORMED));
    }
}
