//! The JSON forms of what `navigator.credentials` returns (Web Authentication Level 3 §5.1: `RegistrationResponseJSON`,
//! `AuthenticationResponseJSON`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::json::Object;
use super::{AttestationObject, AuthenticatorData, ClientData, Refused, ensure};
use crate::passkey::CredentialId;

/// The longest text that is read. A response is rarely longer than a tenth of it.
const MAX_BYTES: usize = 65_536;

/// A response to a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A response as far as its ceremony needs to be known. The rest is read once that is over, so that a response that is
/// refused for the rest cannot be repaired and tried again.
pub(crate) struct Received<R> {
    pub(crate) client_data: ClientData,
    client_data_bytes: Vec<u8>,
    credential: Credential<R>,
}

impl RegistrationResponse {
    /// Reads as far as the client data.
    pub(crate) fn receive(text: &str) -> Result<Received<Attestation>, Refused> {
        Received::read(text, |response: &Attestation| &response.client_data_json)
    }

    /// Reads the whole of it.
    pub(crate) fn read(text: &str) -> Result<Self, Refused> {
        Self::receive(text)?.open()
    }
}

impl Received<Attestation> {
    /// Reads the rest.
    pub(crate) fn open(self) -> Result<RegistrationResponse, Refused> {
        let Self { client_data, client_data_bytes, credential } = self;
        let id = credential.id()?;
        let Object(Attestation { attestation_object, transports, .. }) = credential.response;
        let properties = credential.extensions.and_then(|Object(results)| results.properties);
        let resident = properties.and_then(|Object(properties)| properties.resident);
        // Whether it is discoverable is all that is read of extensions. It was demanded.
        ensure(resident != Some(false), "not_discoverable")?;
        Ok(RegistrationResponse {
            id,
            client_data,
            client_data_bytes,
            attestation: AttestationObject::read(&bytes(&attestation_object)?)?,
            transports: tokens(transports),
        })
    }
}

impl AuthenticationResponse {
    /// Reads as far as the client data.
    pub(crate) fn receive(text: &str) -> Result<Received<Assertion>, Refused> {
        Received::read(text, |response: &Assertion| &response.client_data_json)
    }

    /// Reads the whole of it.
    pub(crate) fn read(text: &str) -> Result<Self, Refused> {
        Self::receive(text)?.open()
    }
}

impl Received<Assertion> {
    /// Reads the rest.
    pub(crate) fn open(self) -> Result<AuthenticationResponse, Refused> {
        let Self { client_data, client_data_bytes, credential } = self;
        let id = credential.id()?;
        let Object(Assertion { authenticator_data, signature, user_handle, .. }) = credential.response;
        let data_bytes = bytes(&authenticator_data)?;
        Ok(AuthenticationResponse {
            id,
            client_data,
            client_data_bytes,
            data: AuthenticatorData::read(&data_bytes)?,
            data_bytes,
            signature: bytes(&signature)?,
            user_handle: user_handle.as_deref().map(bytes).transpose()?,
        })
    }
}

impl<R: DeserializeOwned> Received<R> {
    fn read(text: &str, client_data: fn(&R) -> &str) -> Result<Self, Refused> {
        ensure(text.len() <= MAX_BYTES, "malformed")?;
        let Object(credential): Object<Credential<R>> = serde_json::from_str(text).map_err(|_| Refused::MALFORMED)?;
        let client_data_bytes = bytes(client_data(&credential.response.0))?;
        Ok(Self { client_data: ClientData::read(&client_data_bytes)?, client_data_bytes, credential })
    }
}

#[derive(Deserialize)]
struct Credential<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: Object<R>,
    #[serde(rename = "clientExtensionResults", default)]
    extensions: Option<Object<ExtensionResults>>,
}

/// What extensions came to, as far as it is read.
#[derive(Deserialize)]
struct ExtensionResults {
    #[serde(rename = "credProps", default)]
    properties: Option<Object<CredentialProperties>>,
}

#[derive(Deserialize)]
struct CredentialProperties {
    #[serde(rename = "rk", default)]
    resident: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Assertion {
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

    /// An assertion as browsers write it, with another text in place of a part.
    fn assertion(part: &str, other: &str) -> Result<AuthenticationResponse, Refused> {
        let client_data = r#"{"type":"webauthn.get","challenge":"AAEC","origin":"https://example.org"}"#;
        let data = [&[7; 32][..], &[5, 0, 0, 0, 0]].concat();
        let text = format!(
            r#"{{"id":"AAEC","rawId":"AAEC","type":"public-key","response":{{"clientDataJSON":"{}","authenticatorData":"{}","signature":"MAY","userHandle":null}},"clientExtensionResults":{{}}}}"#,
            URL_SAFE_NO_PAD.encode(client_data),
            URL_SAFE_NO_PAD.encode(data),
        );
        assert!(text.contains(part), "{part}");
        AuthenticationResponse::read(&text.replacen(part, other, 1))
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

    #[test]
    fn wa_11_a_response_is_read_strictly() {
        assert!(assertion("{", "{").is_ok());
        assert!(assertion(r#","clientExtensionResults":{}"#, "").is_ok());
        for (what, part, other) in [
            ("another id", r#""id":"AAEC""#, r#""id":"AAED""#),
            ("an id with padding", r#""id":"AAEC","rawId":"AAEC""#, r#""id":"AA==","rawId":"AA==""#),
            ("an id in the other alphabet", r#""id":"AAEC","rawId":"AAEC""#, r#""id":"AA+C","rawId":"AA+C""#),
            ("an id with bits too many", r#""id":"AAEC","rawId":"AAEC""#, r#""id":"AAF","rawId":"AAF""#),
            ("another type", "public-key", "password"),
            ("an empty type", "public-key", ""),
            ("no raw id", r#""rawId":"AAEC","#, ""),
            ("an id twice", r#""id":"AAEC""#, r#""id":"AAEC","id":"AAEC""#),
            ("an unknown member twice", "{", r#"{"x":1,"x":1,"#),
            ("a signature twice", r#""signature":"MAY""#, r#""signature":"MAY","signature":"MAY""#),
            ("a signature that is none", r#""MAY""#, "null"),
            ("a signature with padding", r#""MAY""#, r#""MAY=""#),
            ("a user handle that is a number", "null", "1"),
            ("something after it", "}}", "}}0"),
        ] {
            assert_eq!(assertion(part, other), Err(Refused::MALFORMED), "{what}");
        }
        assert_eq!(
            assertion(r#""id":"AAEC","rawId":"AAEC""#, r#""id":"","rawId":"""#),
            Err(Refused("credential_id_length"))
        );
    }

    #[test]
    fn wa_11_lists_are_no_objects() {
        let client_data = URL_SAFE_NO_PAD.encode(r#"{"type":"webauthn.get","challenge":"AAEC","origin":"o"}"#);
        let data = URL_SAFE_NO_PAD.encode([&[7; 32][..], &[5, 0, 0, 0, 0]].concat());
        for list in [
            format!(r#"["AAEC","AAEC","public-key",["{client_data}","{data}","MAY",null]]"#),
            format!(
                r#"{{"id":"AAEC","rawId":"AAEC","type":"public-key","response":["{client_data}","{data}","MAY",null]}}"#
            ),
        ] {
            assert_eq!(AuthenticationResponse::read(&list), Err(Refused::MALFORMED), "{list}");
        }
    }

    #[test]
    fn a_ceremony_is_known_before_the_rest_is_read() {
        let client_data = URL_SAFE_NO_PAD.encode(r#"{"type":"webauthn.get","challenge":"AAEC","origin":"o"}"#);
        let shown = format!(
            r#"{{"id":"?","rawId":"AAEC","type":"","response":{{"clientDataJSON":"{client_data}","authenticatorData":"?","signature":"?"}}}}"#
        );
        let received = AuthenticationResponse::receive(&shown).unwrap_or_else(|refused| panic!("{refused:?}"));
        assert_eq!(received.client_data.challenge, [0, 1, 2]);
        assert_eq!(received.open(), Err(Refused::MALFORMED));
        let made = format!(
            r#"{{"id":"?","rawId":"","type":"","response":{{"clientDataJSON":"{client_data}","attestationObject":"?"}}}}"#
        );
        let received = RegistrationResponse::receive(&made).unwrap_or_else(|refused| panic!("{refused:?}"));
        assert_eq!(received.client_data.challenge, [0, 1, 2]);
        assert_eq!(received.open(), Err(Refused::MALFORMED));
    }
}
