//! Recording sign-ins.

use std::sync::LazyLock;

use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement, Value};
use sigra_core::ports::{SignIn, SignInDevice, SignInRecorded};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::user::User;

use crate::batch::Batch;
use crate::error::Fault;
use crate::rows::{Positions, user_columns};
use crate::store::Tx;
use crate::{columns, dialect};

/// Something, and the account as long as what was proven counts.
macro_rules! standing {
    ($something:literal) => {
        concat!(
            "SELECT ",
            $something,
            ", ",
            user_columns!(),
            " FROM sigra_users u WHERE u.id = ? AND u.security_epoch = ? AND u.factor_epoch = ? \
             AND u.disabled_at IS NULL"
        )
    };
}

const STANDING: &str = standing!("0");
const STANDING_AND_RETIRED: &str =
    standing!("CASE WHEN EXISTS (SELECT 1 FROM sigra_session_retired_tokens r WHERE r.digest = ?) THEN 1 ELSE 0 END");
const SIGNED_IN: &str = "UPDATE sigra_users SET last_sign_in_at = ? WHERE id = ?";
const SIGNED_IN_AND_CLEARED: &str = "UPDATE sigra_users SET attempts_cleared_at = CASE WHEN attempts_cleared_at > ? \
                                     THEN attempts_cleared_at ELSE ? END, last_sign_in_at = ? WHERE id = ?";
const NEW_DEVICE: &str = "INSERT INTO sigra_devices (id, token_digest, user_id, created_at, last_seen_at, expires_at) \
                          VALUES (?, ?, ?, ?, ?, ?)";
/// Forgets all devices of an account but a new one and those last seen, so many less one. MySQL takes a LIMIT in a subquery
/// only one level further down. SQLite prepares a statement anew each time its LIMIT is a parameter, so it is none.
static OLD_DEVICES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "DELETE FROM sigra_devices WHERE user_id = ? AND id <> ? AND id NOT IN (SELECT id FROM \
         (SELECT id FROM sigra_devices WHERE user_id = ? AND id <> ? ORDER BY last_seen_at DESC, id DESC LIMIT {}) kept)",
        Device::AT_MOST - 1,
    )
});
const KNOWN_DEVICE: &str = "UPDATE sigra_devices SET last_seen_at = ?, expires_at = ? WHERE id = ? AND user_id = ?";

/// The account of a sign-in, if its epochs are still those of the proof and it is not disabled; keeps that true until the
/// transaction ends.
pub(crate) async fn standing(tx: &Tx, sign_in: &SignIn) -> Result<Option<User>, Fault> {
    let row = tx.query_one_raw(question(tx.get_database_backend(), STANDING, None, sign_in)).await?;
    answer(row.as_ref(), sign_in)
}

/// As [`standing`], for a session whose token no rotation may have retired; the unique index refuses one that is current.
pub(crate) async fn standing_with_new_token(tx: &Tx, sign_in: &SignIn, token: Digest) -> Result<Option<User>, Fault> {
    let row = tx.query_one_raw(with_new_token(tx.get_database_backend(), sign_in, token)).await?;
    answer(row.as_ref(), sign_in)
}

/// What [`standing_with_new_token`] asks.
pub(crate) fn with_new_token(backend: DbBackend, sign_in: &SignIn, token: Digest) -> Statement {
    question(backend, STANDING_AND_RETIRED, Some(columns::digest(token).into()), sign_in)
}

fn question(backend: DbBackend, sql: &str, something: Option<Value>, sign_in: &SignIn) -> Statement {
    let conditions = [sign_in.user.as_uuid().into(), sign_in.epochs.security.into(), sign_in.epochs.factor.into()];
    let sql = [sql, dialect::for_update(backend)].concat();
    dialect::statement(backend, &sql, something.into_iter().chain(conditions))
}

/// What the row says that was selected, if there was one.
pub(crate) fn answer(row: Option<&QueryResult>, sign_in: &SignIn) -> Result<Option<User>, Fault> {
    let Some(row) = row else {
        return Ok(None);
    };
    let mut row = Positions::of(row);
    if row.next::<i32>()? == 1 {
        return Err(Fault::Conflict);
    }
    Ok(Some(row.user(sign_in.user.as_uuid())?))
}

/// Notes the time of a sign-in and its device, in `batch`; `user` is as it was before.
pub(crate) fn note(batch: &mut Batch, sign_in: &SignIn, mut user: User) -> SignInRecorded {
    let previous_sign_in_at = user.last_sign_in_at;
    // Another host's clock may be ahead.
    user.last_sign_in_at = previous_sign_in_at.max(Some(sign_in.at));
    let (last, id, at) =
        (columns::micros(user.last_sign_in_at).into(), user.id.as_uuid().into(), sign_in.at.as_micros());
    if sign_in.clears_attempts {
        batch.add(SIGNED_IN_AND_CLEARED, [at.into(), at.into(), last, id]);
    } else {
        batch.add(SIGNED_IN, [last, id]);
    }
    match &sign_in.device {
        SignInDevice::Known { id, expires_at } => batch.add(
            KNOWN_DEVICE,
            [
                sign_in.at.as_micros().into(),
                expires_at.as_micros().into(),
                id.as_uuid().into(),
                sign_in.user.as_uuid().into(),
            ],
        ),
        SignInDevice::New { digest, device } => {
            let (id, owner) = (device.id.as_uuid(), device.user.as_uuid());
            batch.add(
                NEW_DEVICE,
                [
                    id.into(),
                    columns::digest(*digest).into(),
                    owner.into(),
                    device.created_at.as_micros().into(),
                    device.last_seen_at.as_micros().into(),
                    device.expires_at.as_micros().into(),
                ],
            );
            batch.add(OLD_DEVICES.as_str(), [owner.into(), id.into(), owner.into(), id.into()]);
        }
    }
    SignInRecorded { user, previous_sign_in_at, crowded_out: Vec::new() }
}
