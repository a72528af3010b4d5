//! Verifying what browsers send (Web Authentication Level 3 §7).

mod second;
#[cfg(test)]
mod vectors;

use sha2::{Digest as _, Sha256};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use uuid::Uuid;

use crate::config::PasskeyConfig;
use crate::passkey::{CredentialId, Passkey};
use crate::wire::{
    Algorithm, AuthenticationResponse, AuthenticatorData, CeremonyType, PublicKey, Refused, RegistrationResponse,
    ensure,
};
use second::SecondReader;

/// A point of the curve like any other: the generator of P-256 (SEC 2 §2.4.2).
const GENERATOR_X: [u8; 32] = *b"\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96";
const GENERATOR_Y: [u8; 32] = *b"\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/// Verifies for one relying party.
pub(crate) struct Verifier {
    rp_id_hash: [u8; 32],
    origins: Vec<String>,
    second: SecondReader,
}

/// Whether the authenticator must have verified its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserVerification {
    Required,
    Preferred,
}

impl UserVerification {
    /// The name in options.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
        }
    }
}

/// A credential that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewCredential {
    pub(crate) id: CredentialId,
    pub(crate) key: PublicKey,
    pub(crate) sign_count: u32,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
    pub(crate) transports: Vec<String>,
    pub(crate) aaguid: Uuid,
}

/// What a verified assertion says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asserted {
    pub(crate) sign_count: u32,
    pub(crate) backed_up: bool,
    pub(crate) user_verified: bool,
}

impl Verifier {
    /// `config` must be sound.
    pub(crate) fn new(config: &PasskeyConfig) -> Self {
        Self {
            rp_id_hash: Sha256::digest(&config.rp_id).into(),
            origins: config.origins.clone(),
            second: SecondReader::new(config),
        }
    }

    /// Verifies that a credential was made here, for this challenge (§7.1). Whether its id is free is for the storage.
    pub(crate) fn registration(
        &self,
        response: &RegistrationResponse,
        challenge: &[u8],
        uv: UserVerification,
    ) -> Result<NewCredential, Refused> {
        let RegistrationResponse { id, client_data, client_data_bytes, attestation, transports } = response;
        client_data.check(CeremonyType::Create, challenge, &self.origins)?;
        self.check_data(&attestation.data, uv)?;
        let attested = attestation.data.attested.as_ref().ok_or(Refused("no_credential"))?;
        ensure(attested.credential_id == *id, "credential_id")?;
        ensure(Algorithm::OFFERED.contains(&attested.key.algorithm()), "algorithm")?;
        attestation.check_statement(&attested.key, client_data_bytes)?;
        let credential = NewCredential {
            id: id.clone(),
            key: attested.key.clone(),
            sign_count: attestation.data.sign_count,
            backup_eligible: attestation.data.flags.backup_eligible(),
            backed_up: attestation.data.flags.backed_up(),
            transports: transports.clone(),
            aaguid: attested.aaguid,
        };
        self.second.registration(response, challenge, uv, &credential)?;
        Ok(credential)
    }

    /// Verifies that a passkey was shown here, for this challenge (§7.2). Whose it is and how its counter stands is for the
    /// caller.
    pub(crate) fn assertion(
        &self,
        response: &AuthenticationResponse,
        challenge: &[u8],
        passkey: &Passkey,
        uv: UserVerification,
    ) -> Result<Asserted, Refused> {
        let AuthenticationResponse { id, client_data, client_data_bytes, data, data_bytes, signature, .. } = response;
        ensure(*id == passkey.credential_id, "credential_id")?;
        client_data.check(CeremonyType::Get, challenge, &self.origins)?;
        self.check_data(data, uv)?;
        ensure(data.flags.backup_eligible() == passkey.backup_eligible, "backup_eligibility_changed")?;
        let key = PublicKey::read(&passkey.public_key).map_err(|_| Refused("stored_key"))?;
        let signed = [&data_bytes[..], &Sha256::digest(client_data_bytes)].concat();
        ensure(key.verifies(&signed, signature), "signature")?;
        let asserted = Asserted {
            sign_count: data.sign_count,
            backed_up: data.flags.backed_up(),
            user_verified: data.flags.user_verified(),
        };
        self.second.assertion(response, challenge, passkey, &key, uv)?;
        Ok(asserted)
    }

    /// The work of [`Verifier::assertion`], for a passkey that does not exist: the time must not tell a decoy from a passkey.
    pub(crate) fn spend(&self, response: &AuthenticationResponse, challenge: &[u8], uv: UserVerification) {
        let nobodys = Passkey {
            id: PasskeyId::from_uuid(Uuid::nil()),
            user: UserId::from_uuid(Uuid::nil()),
            credential_id: response.id.clone(),
            public_key: PublicKey::Es256 { x: GENERATOR_X, y: GENERATOR_Y }.to_cose(),
            sign_count: 0,
            backup_eligible: true,
            backed_up: true,
            transports: Vec::new(),
            aaguid: Uuid::nil(),
            nickname: String::new(),
            created_at: Timestamp::EPOCH,
            last_used_at: None,
        };
        // The key is everybody's, so what comes of it means nothing.
        let _ = std::hint::black_box(self.assertion(response, challenge, &nobodys, uv));
    }

    /// What holds of the authenticator data in both ceremonies. Presence is demanded always: nothing here is created
    /// without the user being asked, which is the one case that goes without it.
    fn check_data(&self, data: &AuthenticatorData, uv: UserVerification) -> Result<(), Refused> {
        ensure(data.rp_id_hash == self.rp_id_hash, "wrong_rp_id")?;
        ensure(data.flags.user_present(), "user_not_present")?;
        ensure(uv == UserVerification::Preferred || data.flags.user_verified(), "user_not_verified")?;
        ensure(data.flags.backup_eligible() || !data.flags.backed_up(), "backed_up_but_not_eligible")
    }
}
