//! A software authenticator, with the browser around it, for tests of passkeys (feature `authenticator`).
//!
//! It takes the options a host hands out and returns the text its browser would send: the JSON forms of Web Authentication
//! Level 3. It makes real ES256 keys and real signatures, so what is tested is the real verification.
//!
//! ```
//! use serde_json::json;
//! use sigra_testing::authenticator::SoftAuthenticator;
//!
//! # fn host_options() -> serde_json::Value {
//! #     json!({
//! #         "rp": { "id": "example.org", "name": "Example" },
//! #         "user": { "id": "AAEC", "name": "ann@example.org", "displayName": "Ann" },
//! #         "challenge": "AAECAwQFBgcICQoLDA0ODw",
//! #         "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
//! #     })
//! # }
//! let mut phone = SoftAuthenticator::synced();
//! let response = phone.create(&host_options(), "https://example.org").unwrap();
//! assert!(response.contains("attestationObject"));
//! assert_eq!(phone.credentials().len(), 1);
//! ```
//!
//! It is honest by default. [`SoftAuthenticator::lies`] makes it, or its browser, misbehave in one way or several; a host
//! should refuse all of them. Whether its user is present and verified is up to the test as well: it does not obey what the
//! options demand, so that a test can see that the host does.
//!
//! Private keys lie around in memory: **nothing here belongs into production**.

mod cbor;
mod lies;
mod options;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub use lies::Lies;
use options::{CreationOptions, RequestOptions};

/// An authenticator in software. See the [module](self).
#[derive(Clone, Debug)]
pub struct SoftAuthenticator {
    /// The model it says it is. Browsers put zeros here for security keys when no attestation is asked for.
    pub aaguid: [u8; 16],
    /// Whether its user is there (`UP`).
    pub user_present: bool,
    /// Whether its user shows a PIN, a face or a finger (`UV`).
    pub user_verified: bool,
    /// Whether what it makes from now on can be backed up (`BE`).
    pub backup_eligible: bool,
    /// Whether it is backed up at present (`BS`).
    pub backed_up: bool,
    /// Whether it counts signatures. Without it the counter stays 0.
    pub counts: bool,
    /// Whether it signs its own registrations (packed self attestation) although nobody asks for it.
    pub self_attests: bool,
    /// How it says it is reached.
    pub transports: Vec<String>,
    /// How it, or its browser, misbehaves.
    pub lies: Lies,
    credentials: Vec<SoftCredential>,
}

/// A credential of a [`SoftAuthenticator`].
#[derive(Clone)]
pub struct SoftCredential {
    /// Its id.
    pub id: Vec<u8>,
    /// The relying party it is for.
    pub rp_id: String,
    /// What that knows the account by.
    pub user_handle: Vec<u8>,
    /// The signature counter it showed last.
    pub sign_count: u32,
    backup_eligible: bool,
    key: SigningKey,
}

/// Why the browser's promise is rejected, and nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftError {
    /// The options do not read, or miss something.
    Options,
    /// An excluded credential is in this authenticator (`InvalidStateError`).
    Excluded,
    /// None of the algorithms is known here: only ES256 is.
    Algorithm,
    /// No credential fits (`NotAllowedError`).
    NoCredential,
}

impl SoftAuthenticator {
    /// A password manager whose passkeys are synced: it verifies its user and does not count.
    #[must_use]
    pub fn synced() -> Self {
        Self {
            aaguid: *b"\xea\x9b\x8d\x66\x4d\x01\x1d\x21\x3c\xe4\xb6\xb4\x8c\xb5\x75\xd4",
            user_present: true,
            user_verified: true,
            backup_eligible: true,
            backed_up: true,
            counts: false,
            self_attests: false,
            transports: vec!["hybrid".to_owned(), "internal".to_owned()],
            lies: Lies::default(),
            credentials: Vec::new(),
        }
    }

    /// A security key: its passkeys never leave it, it verifies its user by PIN, and it counts signatures.
    #[must_use]
    pub fn security_key() -> Self {
        Self {
            aaguid: [0; 16],
            backup_eligible: false,
            backed_up: false,
            counts: true,
            transports: vec!["nfc".to_owned(), "usb".to_owned()],
            ..Self::synced()
        }
    }

    /// Its credentials, oldest first.
    #[must_use]
    pub fn credentials(&self) -> &[SoftCredential] {
        &self.credentials
    }

    /// Its credentials, to be tampered with.
    pub fn credentials_mut(&mut self) -> &mut Vec<SoftCredential> {
        &mut self.credentials
    }

    /// What `navigator.credentials.create()` on a page of `origin` comes to: a `RegistrationResponseJSON` for a
    /// `PublicKeyCredentialCreationOptionsJSON`.
    ///
    /// # Errors
    ///
    /// When a browser would not answer either. Nothing is made then.
    pub fn create(&mut self, options: &Value, origin: &str) -> Result<String, SoftError> {
        let options = CreationOptions::read(options).ok_or(SoftError::Options)?;
        if !options.algorithms.contains(&-7) {
            return Err(SoftError::Algorithm);
        }
        if self.credentials.iter().any(|held| options.excluded.contains(&held.id)) && !self.lies.ignores_exclusion {
            return Err(SoftError::Excluded);
        }
        let credential = SoftCredential {
            id: self.lies.credential_id.clone().unwrap_or_else(|| random::<16>().to_vec()),
            rp_id: options.rp_id,
            user_handle: options.user_handle,
            sign_count: u32::from(self.counts),
            backup_eligible: self.backup_eligible,
            key: signing_key(),
        };
        let client_data = self.client_data("webauthn.create", &options.challenge, origin);
        let data = self.authenticator_data(&credential, Some(self.attested(&credential)));
        let object = self.attestation_object(&credential, &data, &client_data);
        let response = json!({
            "id": text(&credential.id),
            "rawId": text(&credential.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(&client_data),
                "attestationObject": text(&object),
                "authenticatorData": text(&data),
                "transports": self.transports,
                "publicKeyAlgorithm": -7,
            },
            "authenticatorAttachment": self.attachment(),
            "clientExtensionResults": {},
        });
        self.credentials.push(credential);
        Ok(response.to_string())
    }

    /// What `navigator.credentials.get()` on a page of `origin` comes to: an `AuthenticationResponseJSON` for a
    /// `PublicKeyCredentialRequestOptionsJSON`. The newest credential that fits is shown.
    ///
    /// # Errors
    ///
    /// When a browser would not answer either.
    pub fn get(&mut self, options: &Value, origin: &str) -> Result<String, SoftError> {
        let options = RequestOptions::read(options).ok_or(SoftError::Options)?;
        let ignores = self.lies.ignores_allowed;
        let fits = |held: &SoftCredential| {
            held.rp_id == options.rp_id && (ignores || options.allowed.is_empty() || options.allowed.contains(&held.id))
        };
        let place = self.credentials.iter().rposition(fits).ok_or(SoftError::NoCredential)?;
        if self.counts {
            self.credentials[place].sign_count += 1;
        }
        let credential = &self.credentials[place];
        let client_data = self.client_data("webauthn.get", &options.challenge, origin);
        let data = self.authenticator_data(credential, None);
        let mut signature = sign(&credential.key, &data, &client_data);
        if self.lies.forges_signature {
            signature = sign(&signing_key(), &data, &client_data);
        }
        let handle = self.lies.user_handle.clone().unwrap_or_else(|| Some(credential.user_handle.clone()));
        let id = self.lies.credential_id.as_deref().unwrap_or(&credential.id);
        let response = json!({
            "id": text(id),
            "rawId": text(id),
            "type": "public-key",
            "response": {
                "clientDataJSON": text(&client_data),
                "authenticatorData": text(&data),
                "signature": text(&signature),
                "userHandle": handle.as_deref().map(text),
            },
            "authenticatorAttachment": self.attachment(),
            "clientExtensionResults": {},
        });
        Ok(response.to_string())
    }

    fn client_data(&self, ceremony: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
        let lies = &self.lies;
        let mut data = Map::new();
        data.insert("type".to_owned(), json!(lies.ceremony.as_deref().unwrap_or(ceremony)));
        data.insert("challenge".to_owned(), json!(text(lies.challenge.as_deref().unwrap_or(challenge))));
        data.insert("origin".to_owned(), json!(lies.origin.as_deref().unwrap_or(origin)));
        data.insert("crossOrigin".to_owned(), json!(lies.cross_origin));
        if let Some(top) = &lies.top_origin {
            data.insert("topOrigin".to_owned(), json!(top));
        }
        data.insert(
            "other_keys_can_be_added_here".to_owned(),
            json!("do not compare clientDataJSON against a template"),
        );
        Value::Object(data).to_string().into_bytes()
    }

    fn authenticator_data(&self, credential: &SoftCredential, attested: Option<Vec<u8>>) -> Vec<u8> {
        let lies = &self.lies;
        let flag = |set: bool, bit: u8| u8::from(set) << bit;
        let eligible = credential.backup_eligible != lies.flips_backup_eligibility;
        let flags = flag(self.user_present, 0)
            | flag(self.user_verified, 2)
            | flag(eligible, 3)
            | flag((self.backed_up && eligible) || lies.backed_up_regardless, 4)
            | flag(attested.is_some(), 6);
        let rp_id = lies.rp_id.as_deref().unwrap_or(&credential.rp_id);
        let count = lies.sign_count.unwrap_or(credential.sign_count);
        let trailing: &[u8] = if lies.trailing_bytes { &[0] } else { &[] };
        let rp_id_hash: [u8; 32] = Sha256::digest(rp_id).into();
        [&rp_id_hash[..], &[flags], &count.to_be_bytes(), &attested.unwrap_or_default(), trailing].concat()
    }

    fn attested(&self, credential: &SoftCredential) -> Vec<u8> {
        let length = u16::try_from(credential.id.len()).unwrap_or(u16::MAX).to_be_bytes();
        let key = cbor::es256_key(self.lies.algorithm.unwrap_or(-7), &credential.key);
        [&self.aaguid[..], &length, &credential.id, &key].concat()
    }

    fn attestation_object(&self, credential: &SoftCredential, data: &[u8], client_data: &[u8]) -> Vec<u8> {
        let key = if self.lies.forges_signature { signing_key() } else { credential.key.clone() };
        let signature = self.self_attests.then(|| sign(&key, data, client_data));
        let mut object = cbor::attestation_object(data, signature.as_deref());
        if self.lies.trailing_cbor {
            object.push(0xf6);
        }
        object
    }

    fn attachment(&self) -> &'static str {
        if self.transports.iter().any(|transport| transport == "internal") { "platform" } else { "cross-platform" }
    }
}

impl fmt::Debug for SoftCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftCredential")
            .field("id", &text(&self.id))
            .field("rp_id", &self.rp_id)
            .field("sign_count", &self.sign_count)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SoftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Options => "the options do not read",
            Self::Excluded => "an excluded credential is in this authenticator",
            Self::Algorithm => "none of the algorithms is known",
            Self::NoCredential => "no credential fits",
        })
    }
}

impl std::error::Error for SoftError {}

fn sign(key: &SigningKey, data: &[u8], client_data: &[u8]) -> Vec<u8> {
    let message = [data, &Sha256::digest(client_data)].concat();
    let signature: Signature = key.sign(&message);
    signature.to_der().as_bytes().to_vec()
}

fn signing_key() -> SigningKey {
    loop {
        // All but some 2^-32 of the numbers of this length are keys.
        if let Ok(key) = SigningKey::from_slice(&random::<32>()) {
            return key;
        }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
    bytes
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://example.org";

    fn creation() -> Value {
        json!({
            "rp": { "id": "example.org" },
            "user": { "id": "AAEC" },
            "challenge": "AAECAw",
            "pubKeyCredParams": [{ "type": "public-key", "alg": -257 }, { "type": "public-key", "alg": -7 }],
        })
    }

    fn request(allowed: &[&[u8]]) -> Value {
        let allowed: Vec<_> = allowed.iter().map(|id| json!({ "type": "public-key", "id": text(id) })).collect();
        json!({ "rpId": "example.org", "challenge": "BAUG", "allowCredentials": allowed })
    }

    #[test]
    fn a_browser_answers_only_what_it_can() {
        let mut key = SoftAuthenticator::security_key();
        assert_eq!(key.get(&request(&[]), ORIGIN), Err(SoftError::NoCredential));
        key.create(&creation(), ORIGIN).unwrap();
        let id = key.credentials()[0].id.clone();
        let mut again = creation();
        again["excludeCredentials"] = json!([{ "type": "public-key", "id": text(&id) }]);
        assert_eq!(key.create(&again, ORIGIN), Err(SoftError::Excluded));
        let mut others = creation();
        others["pubKeyCredParams"] = json!([{ "type": "public-key", "alg": -257 }]);
        assert_eq!(key.create(&others, ORIGIN), Err(SoftError::Algorithm));
        assert_eq!(key.create(&json!({ "publicKey": creation() }), ORIGIN), Err(SoftError::Options));
        assert_eq!(key.get(&request(&[b"another"]), ORIGIN), Err(SoftError::NoCredential));
        let mut elsewhere = request(&[]);
        elsewhere["rpId"] = json!("example.net");
        assert_eq!(key.get(&elsewhere, ORIGIN), Err(SoftError::NoCredential));
        assert!(key.get(&request(&[&id]), ORIGIN).is_ok() && key.get(&request(&[]), ORIGIN).is_ok());
        assert_eq!(key.credentials()[0].sign_count, 3, "each signature counts");
    }

    #[test]
    fn responses_have_the_json_form_of_level_3() {
        let mut phone = SoftAuthenticator::synced();
        let made: Value = serde_json::from_str(&phone.create(&creation(), ORIGIN).unwrap()).unwrap();
        let shown: Value = serde_json::from_str(&phone.get(&request(&[]), ORIGIN).unwrap()).unwrap();
        assert_eq!((&made["id"], &made["rawId"]), (&shown["id"], &shown["rawId"]));
        assert_eq!(shown["response"]["userHandle"], "AAEC");
        let client_data = URL_SAFE_NO_PAD.decode(shown["response"]["clientDataJSON"].as_str().unwrap()).unwrap();
        let client_data: Value = serde_json::from_slice(&client_data).unwrap();
        assert_eq!(client_data["challenge"], "BAUG");
        assert_eq!((&client_data["type"], &client_data["origin"]), (&json!("webauthn.get"), &json!(ORIGIN)));
    }
}
