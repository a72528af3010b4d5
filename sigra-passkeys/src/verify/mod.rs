//! Verifying what browsers send (Web Authentication Level 3 §7).

mod nobody;
mod second;
#[cfg(test)]
mod vectors;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::config::PasskeyConfig;
use crate::passkey::{CredentialId, Passkey};
use crate::wire::{
    Algorithm, AuthenticationResponse, AuthenticatorData, CeremonyType, PublicKey, Refused, RegistrationResponse,
    ensure,
};
use second::SecondReader;

/// Verifies for one relying party.
pub(crate) struct Verifier {
    rp_id_hash: [u8; 32],
    origins: Vec<String>,
    second: SecondReader,
    nobodys: [PublicKey; 3],
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
            nobodys: nobody::keys(),
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
    ///
    /// What can be refused without a signature depends on the response alone, and a wrong signature takes as long whatever the
    /// key. So nobody who cannot sign learns anything of the passkey, not even whether there is one.
    pub(crate) fn assertion(
        &self,
        response: &AuthenticationResponse,
        challenge: &[u8],
        passkey: &Passkey,
        uv: UserVerification,
    ) -> Result<Asserted, Refused> {
        let signed = self.signed(response, challenge, uv)?;
        ensure(response.id == passkey.credential_id, "credential_id")?;
        let key = PublicKey::read(&passkey.public_key).map_err(|_| Refused("stored_key"))?;
        if !key.verifies(&signed, &response.signature) {
            self.spend_on(&signed, &response.signature, Some(key.algorithm()));
            return Err(Refused("signature"));
        }
        let data = &response.data;
        ensure(data.flags.backup_eligible() == passkey.backup_eligible, "backup_eligibility_changed")?;
        let asserted = Asserted {
            sign_count: data.sign_count,
            backed_up: data.flags.backed_up(),
            user_verified: data.flags.user_verified(),
        };
        self.second.assertion(response, challenge, passkey, &key, uv)?;
        Ok(asserted)
    }

    /// The work of an [assertion](Verifier::assertion) whose signature is wrong, for a passkey that does not exist.
    pub(crate) fn spend(&self, response: &AuthenticationResponse, challenge: &[u8], uv: UserVerification) {
        if let Ok(signed) = self.signed(response, challenge, uv) {
            self.spend_on(&signed, &response.signature, None);
        }
    }

    /// Verifies in vain by nobody's keys, of all algorithms but the one that was verified by already.
    fn spend_on(&self, signed: &[u8], signature: &[u8], done: Option<Algorithm>) {
        for key in self.nobodys.iter().filter(|key| Some(key.algorithm()) != done) {
            std::hint::black_box(key.verifies(signed, signature));
        }
    }

    /// Checks everything in an assertion that can be without its passkey. What must be signed.
    fn signed(
        &self,
        response: &AuthenticationResponse,
        challenge: &[u8],
        uv: UserVerification,
    ) -> Result<Vec<u8>, Refused> {
        let AuthenticationResponse { client_data, client_data_bytes, data, data_bytes, .. } = response;
        client_data.check(CeremonyType::Get, challenge, &self.origins)?;
        self.check_data(data, uv)?;
        // A new credential belongs to a registration alone (§6.1).
        ensure(data.attested.is_none(), "attested_credential")?;
        Ok([&data_bytes[..], &Sha256::digest(client_data_bytes)].concat())
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
