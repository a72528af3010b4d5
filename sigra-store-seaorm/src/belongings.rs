//! The rows that belong to an account.

use sigra_core::id::UserId;

use crate::batch::Batch;

/// What refers to an account, in the order it is deleted. What refers to one of these goes along by its foreign key. A test
/// compares this with every column and every foreign key of the database.
const OWNED: [&str; 10] = [
    "DELETE FROM sigra_email_changes WHERE user_id = ?",
    "DELETE FROM sigra_sessions WHERE user_id = ?",
    "DELETE FROM sigra_pending_sign_ins WHERE user_id = ?",
    "DELETE FROM sigra_devices WHERE user_id = ?",
    "DELETE FROM sigra_tokens WHERE user_id = ?",
    "DELETE FROM sigra_ceremonies WHERE user_id = ?",
    "DELETE FROM sigra_totp WHERE user_id = ?",
    "DELETE FROM sigra_backup_codes WHERE user_id = ?",
    "DELETE FROM sigra_trusted_browsers WHERE user_id = ?",
    "DELETE FROM sigra_passkey_users WHERE user_id = ?",
];

/// Not among them: what is counted outlives a reclaim, or a stranger could count afresh by making an account of the address.
const ATTEMPTS: &str = "DELETE FROM sigra_attempts WHERE user_id = ?";

/// Nor these: nobody is to have the addresses an account has left before their time, but they are nobody's from then on.
const QUARANTINES: &str = "UPDATE sigra_quarantines SET holder_id = NULL WHERE holder_id = ?";

/// Deletes what an account that stays has, whatever capability made it.
pub(crate) fn delete(user: UserId) -> Batch {
    let mut batch = Batch::default();
    for delete in OWNED {
        batch.add(delete, [user.as_uuid().into()]);
    }
    batch
}

/// Deletes everything of an account that goes.
pub(crate) fn erase(user: UserId) -> Batch {
    let mut batch = delete(user);
    batch.add(ATTEMPTS, [user.as_uuid().into()]);
    batch.add(QUARANTINES, [user.as_uuid().into()]);
    batch
}
