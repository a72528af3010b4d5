//! What the suites do to an account behind the back of the ports.

use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use crate::ports::remove_account;
use crate::rows::{Account, id};
use crate::store::{KvStore, Step};
use crate::table::Writing;

impl KvStore {
    /// Sets the time an account was disabled, and nothing else. `false` when there is none.
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
            if !remove_account(tables, user)? {
                return Ok(Step::Nothing(false));
            }
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
