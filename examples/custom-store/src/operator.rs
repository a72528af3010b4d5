//! What an operator does to an account, and no port does yet.

use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::registration::TokenOwner;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use crate::error::Fault;
use crate::rows::{Account, KnownDevice, Pending, StoredCeremony, StoredSession, Token, id};
use crate::store::{KvStore, Step};
use crate::table::{Row, Writing, under};

impl KvStore {
    /// Disables an account. `false` when there is none.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn disable(&self, user: UserId, at: Timestamp) -> Result<bool, StoreError> {
        self.edit("KvStore::disable", user, move |user| user.disabled_at = Some(at)).await
    }

    /// Raises the factor epoch of an account, as adding or removing a second factor does. `false` when there is none.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn raise_factor_epoch(&self, user: UserId) -> Result<bool, StoreError> {
        self.edit("KvStore::raise_factor_epoch", user, |user| user.epochs.factor += 1).await
    }

    /// Deletes an account and every row that refers to it. `false` when there is none. Its counters of attempts go with the next
    /// purge; the audit trail and the mail that is owed stay.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn erase(&self, user: UserId) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            if tables.remove::<Account>(id!(user))?.is_none() {
                return Ok(Step::Nothing(false));
            }
            remove_belongings(tables, user)?;
            Ok(Step::Done(true))
        };
        self.write("KvStore::erase", step, |_| Evidence::none()).await
    }

    async fn edit(
        &self,
        operation: &'static str,
        id: UserId,
        edit: impl FnOnce(&mut User) + Send + 'static,
    ) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(mut account) = tables.get::<Account>(id!(id))? else {
                return Ok(Step::Nothing(false));
            };
            edit(&mut account.user);
            tables.put(&account)?;
            Ok(Step::Done(true))
        };
        self.write(operation, step, |_| Evidence::none()).await
    }
}

/// Deletes every row that refers to an account.
pub(crate) fn remove_belongings(tables: &mut Writing<'_>, user: UserId) -> Result<(), Fault> {
    remove_all::<KnownDevice>(tables, KnownDevice::BY_USER, id!(user))?;
    remove_all::<StoredSession>(tables, StoredSession::BY_USER, id!(user))?;
    remove_all::<Pending>(tables, Pending::BY_USER, id!(user))?;
    remove_all::<StoredCeremony>(tables, StoredCeremony::BY_USER, id!(user))?;
    let owner = TokenOwner::User { id: user, epochs: None };
    remove_all::<Token>(tables, Token::BY_OWNER, &Token::owner_key(&owner))
}

/// Deletes the rows an index has under a key.
fn remove_all<R: Row>(tables: &mut Writing<'_>, index: &'static str, key: &[u8]) -> Result<(), Fault> {
    let rows: Vec<R> = tables.walk(index, under(key))?.collect::<Result<_, _>>()?;
    for row in &rows {
        tables.remove::<R>(&row.key())?;
    }
    Ok(())
}
