//! Granting a sign-in: the session, the record of the sign-in and their evidence, in one transaction.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Value};
#[cfg(feature = "sqlite")]
use sea_orm::{DbBackend, Statement};
use sigra_core::evidence::EvidenceFor;
use sigra_core::ports::{Minted, SignInRecorded};
use sigra_core::session::NewSession;
use sigra_core::user::User;

use super::{pending, row};
use crate::batch::Batch;
use crate::entity::session::{Column, Entity, Model};
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::own::Connection;
use crate::store::Tx;
use crate::{evidence, sign_ins};

const INSERT: &str = "INSERT INTO sigra_sessions (id, token_digest, user_id, assurance, security_epoch, factor_epoch, \
                      remembered, fresh_until, created_at, last_seen_at, rotated_at, idle_expires_at, expires_at, \
                      client, place) VALUES ";
const DELETE: &str = "DELETE FROM sigra_sessions WHERE id = ?";

/// Mints a session, or says why not and has changed nothing.
pub(super) async fn grant(
    tx: &Tx,
    new: &NewSession,
    evidence: EvidenceFor<'_, SignInRecorded>,
) -> Result<Minted<SignInRecorded>, Fault> {
    let Some(user) = sign_ins::standing_with_new_token(tx, new.sign_in(), new.digest()).await? else {
        return Ok(Minted::Stale);
    };
    if let Some(promoted) = new.replaces().pending
        && !pending::promote(tx, promoted, new.session().user).await?
    {
        return Ok(Minted::PendingGone);
    }
    let (mut batch, mut recorded) = rest(new, user);
    if new.is_limited() {
        // The account is locked: whoever signs in to it beside this one waits, and counts this one.
        let theirs = Entity::find().filter(Column::UserId.eq(new.session().user.as_uuid())).all(&**tx).await?;
        let theirs: Vec<_> = theirs.into_iter().map(super::session).collect::<Result<_, _>>()?;
        recorded.crowded_out = new.crowds_out(&theirs);
        for ended in &recorded.crowded_out {
            batch.add(DELETE, [ended.as_uuid().into()]);
        }
    }
    evidence::finish(tx, batch, &evidence(&recorded)).await?;
    Ok(Minted::Done(recorded))
}

/// As [`grant`], of an unlimited session that takes no pending sign-in's place, on a connection of the store's own.
#[cfg(feature = "sqlite")]
pub(super) async fn grant_on(
    mut connection: Connection,
    new: &NewSession,
    evidence: EvidenceFor<'_, SignInRecorded>,
) -> Result<(Minted<SignInRecorded>, Connection), Fault> {
    let mut question = sign_ins::with_new_token(DbBackend::Sqlite, new.sign_in(), new.digest());
    question.sql.insert_str(0, "BEGIN IMMEDIATE; ");
    let rows = connection.rows(question).await?;
    let Some(user) = sign_ins::answer(rows.first(), new.sign_in())? else {
        connection.execute(Statement::from_string(DbBackend::Sqlite, "ROLLBACK")).await?;
        return Ok((Minted::Stale, connection));
    };
    let (mut batch, recorded) = rest(new, user);
    evidence::add(&mut batch, &evidence(&recorded), DbBackend::Sqlite);
    batch.add("COMMIT", []);
    connection.execute(batch.joined(DbBackend::Sqlite)).await?;
    Ok((Minted::Done(recorded), connection))
}

/// What is written besides evidence once the account stands.
fn rest(new: &NewSession, user: User) -> (Batch, SignInRecorded) {
    let mut batch = Batch::default();
    let recorded = sign_ins::note(&mut batch, new.sign_in(), user);
    batch.insert(INSERT, [values(row(new.session(), new.digest()))].into_iter());
    if let Some(replaced) = new.replaces().session {
        batch.add(DELETE, [replaced.as_uuid().into()]);
    }
    (batch, recorded)
}

fn values(row: Model) -> [Value; 15] {
    [
        row.id.into(),
        row.token_digest.into(),
        row.user_id.into(),
        row.assurance.into(),
        row.security_epoch.into(),
        row.factor_epoch.into(),
        row.remembered.into(),
        row.fresh_until.into(),
        row.created_at.into(),
        row.last_seen_at.into(),
        row.rotated_at.into(),
        row.idle_expires_at.into(),
        row.expires_at.into(),
        row.client.into(),
        row.place.into(),
    ]
}
