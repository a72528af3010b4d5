//! The second reader: `webauthn-rs-core` verifies the same bytes once more, so that an oversight of one of the two lets
//! nothing through.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticationState, AuthenticatorAssertionResponseRaw, AuthenticatorAttestationResponseRaw,
    COSEAlgorithm, Credential, ParsedAttestation, PublicKeyCredential, RegisterPublicKeyCredential,
    RegisteredExtensions, RegistrationState, UserVerificationPolicy,
};
use webauthn_rs_core::{WebauthnCore, error::WebauthnError};

use super::{NewCredential, UserVerification};
use crate::config::PasskeyConfig;
use crate::passkey::Passkey;
use crate::wire::{AuthenticationResponse, PublicKey, Refused, RegistrationResponse, ensure};

/// `webauthn-rs-core`, for one relying party.
pub(super) struct SecondReader {
    core: WebauthnCore,
}

const DISAGREES: Refused = Refused("second_reader");

impl SecondReader {
    pub(super) fn new(config: &PasskeyConfig) -> Self {
        let origins = config.origins.iter().filter_map(|origin| Url::parse(origin).ok()).collect();
        let PasskeyConfig { rp_name, rp_id, .. } = config;
        Self {
            core: WebauthnCore::new_unsafe_experts_only(
                rp_name,
                rp_id,
                origins,
                config.timeout(),
                Some(false),
                Some(false),
            ),
        }
    }

    pub(super) fn registration(
        &self,
        response: &RegistrationResponse,
        challenge: &[u8],
        uv: UserVerification,
        found: &NewCredential,
    ) -> Result<(), Refused> {
        if !reads(&found.key) {
            return Ok(());
        }
        let credential = RegisterPublicKeyCredential {
            id: URL_SAFE_NO_PAD.encode(response.id.as_bytes()),
            raw_id: response.id.as_bytes().to_vec(),
            response: AuthenticatorAttestationResponseRaw {
                attestation_object: response.attestation.without_statement(),
                client_data_json: response.client_data_bytes.clone(),
                transports: None,
            },
            type_: "public-key".to_owned(),
            extensions: Default::default(),
        };
        let read = self
            .registration_state(challenge, uv)
            .and_then(|state| self.core.register_credential(&credential, &state, None).map_err(refused))?;
        let same = read.cred_id == found.id.as_bytes()
            && Some(read.cred) == found.key.for_core()
            && read.counter == found.sign_count
            && read.backup_eligible == found.backup_eligible
            && read.backup_state == found.backed_up;
        ensure(same, DISAGREES.0)
    }

    pub(super) fn assertion(
        &self,
        response: &AuthenticationResponse,
        challenge: &[u8],
        passkey: &Passkey,
        key: &PublicKey,
        uv: UserVerification,
    ) -> Result<(), Refused> {
        let Some(cred) = key.for_core() else { return Ok(()) };
        let shown = PublicKeyCredential {
            id: URL_SAFE_NO_PAD.encode(response.id.as_bytes()),
            raw_id: response.id.as_bytes().to_vec(),
            response: AuthenticatorAssertionResponseRaw {
                authenticator_data: response.data_bytes.clone(),
                client_data_json: response.client_data_bytes.clone(),
                signature: response.signature.clone(),
                user_handle: response.user_handle.clone(),
            },
            extensions: Default::default(),
            type_: "public-key".to_owned(),
        };
        let stored = Credential {
            cred_id: passkey.credential_id.as_bytes().to_vec(),
            cred,
            // A counter that does not advance is an error here, whatever the policy. From zero, every counter advances.
            counter: 0,
            transports: None,
            user_verified: false,
            backup_eligible: passkey.backup_eligible,
            backup_state: passkey.backed_up,
            registration_policy: policy(uv),
            extensions: RegisteredExtensions::none(),
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
        };
        let read = self
            .authentication_state(challenge, uv)
            .and_then(|state| self.core.authenticate_single_credential(&shown, &state, &stored).map_err(refused))?;
        let same = read.counter() == response.data.sign_count
            && read.user_verified() == response.data.flags.user_verified()
            && read.backup_state() == response.data.flags.backed_up();
        ensure(same, DISAGREES.0)
    }

    /// The state of a ceremony as the library keeps it, with a challenge it did not draw.
    fn registration_state(&self, challenge: &[u8], uv: UserVerification) -> Result<RegistrationState, Refused> {
        let builder = self.core.new_challenge_register_builder(&[0], "-", "-").map_err(refused)?;
        let builder = builder
            .user_verification_policy(policy(uv))
            .credential_algorithms(vec![COSEAlgorithm::ES256, COSEAlgorithm::RS256])
            .require_resident_key(true);
        let (_, state) = self.core.generate_challenge_register(builder).map_err(refused)?;
        with_challenge(&state, challenge)
    }

    fn authentication_state(&self, challenge: &[u8], uv: UserVerification) -> Result<AuthenticationState, Refused> {
        let builder = self.core.new_challenge_authenticate_builder(Vec::new(), Some(policy(uv))).map_err(refused)?;
        let (_, state) = self.core.generate_challenge_authenticate(builder).map_err(refused)?;
        with_challenge(&state, challenge)
    }
}

/// Whether the library reads this key at a registration: it knows no Ed25519, and RSA of 2,048 bits only.
fn reads(key: &PublicKey) -> bool {
    match key {
        PublicKey::Es256 { .. } => true,
        PublicKey::Rs256 { n, .. } => n.len() == 256,
        PublicKey::Ed25519(_) => false,
    }
}

const fn policy(uv: UserVerification) -> UserVerificationPolicy {
    match uv {
        UserVerification::Required => UserVerificationPolicy::Required,
        UserVerification::Preferred => UserVerificationPolicy::Preferred,
    }
}

fn with_challenge<S: serde::Serialize + serde::de::DeserializeOwned>(
    state: &S,
    challenge: &[u8],
) -> Result<S, Refused> {
    let mut state = serde_json::to_value(state).map_err(|_| DISAGREES)?;
    state["challenge"] = Value::String(URL_SAFE_NO_PAD.encode(challenge));
    serde_json::from_value(state).map_err(|_| DISAGREES)
}

fn refused(error: WebauthnError) -> Refused {
    tracing::warn!(
        name: "sigra.passkeys.readers_disagree",
        error = &error as &dyn std::error::Error,
        "the second reader refuses what the first one took"
    );
    DISAGREES
}
