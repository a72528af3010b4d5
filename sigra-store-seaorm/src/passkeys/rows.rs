//! Between rows and passkeys.

use sha2::{Digest as _, Sha256};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_passkeys::{CredentialId, Passkey, UserHandle};

use crate::columns;
use crate::entity::passkey::Model;
use crate::error::Fault;

/// What a credential is found by.
pub(super) fn digest(id: &CredentialId) -> Vec<u8> {
    Sha256::digest(id.as_bytes()).to_vec()
}

pub(super) fn row(passkey: &Passkey) -> Model {
    Model {
        id: passkey.id.as_uuid(),
        user_id: passkey.user.as_uuid(),
        credential_id: passkey.credential_id.as_bytes().to_vec(),
        credential_digest: digest(&passkey.credential_id),
        public_key: passkey.public_key.clone(),
        sign_count: i64::from(passkey.sign_count),
        backup_eligible: passkey.backup_eligible,
        backed_up: passkey.backed_up,
        transports: columns::json(&passkey.transports),
        aaguid: passkey.aaguid,
        nickname: passkey.nickname.clone(),
        created_at: passkey.created_at.as_micros(),
        last_used_at: columns::micros(passkey.last_used_at),
    }
}

pub(super) fn passkey(row: Model) -> Result<Passkey, Fault> {
    Ok(Passkey {
        id: PasskeyId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        credential_id: CredentialId::new(row.credential_id).ok_or(Fault::Corrupt("credential_id"))?,
        public_key: row.public_key,
        sign_count: u32::try_from(row.sign_count).map_err(|_| Fault::Corrupt("sign_count"))?,
        backup_eligible: row.backup_eligible,
        backed_up: row.backed_up,
        transports: columns::from_json(&row.transports, "transports")?,
        aaguid: row.aaguid,
        nickname: row.nickname,
        created_at: Timestamp::from_micros(row.created_at),
        last_used_at: columns::time(row.last_used_at),
    })
}

pub(super) fn handle(stored: Vec<u8>) -> Result<UserHandle, Fault> {
    stored.try_into().map(UserHandle::from_bytes).map_err(|_| Fault::Corrupt("handle"))
}
