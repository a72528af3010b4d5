//! Accounts that nobody uses.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::ports::{DormancyLook, DormancyLooked, DormancyRecord, DormancyStore, DormancyVerdict, DueLook};
use sigra_core::time::Timestamp;

use super::accounts::raise_epoch;
use crate::rows::{Account, id, time};
use crate::store::{KvStore, Step};
use crate::table::Writing;

#[async_trait]
impl DormancyStore for KvStore {
    async fn due_looks(&self, now: Timestamp, after: Option<DueLook>, limit: u32) -> Result<Vec<DueLook>, StoreError> {
        // The key after that one: no other lies between.
        let key = |due: DueLook| [&time(due.look_at)[..], id!(due.user), &[0]].concat();
        let part = after.map(key).unwrap_or_default()..[&time(now)[..], &[0xff; 17]].concat();
        self.read("DormancyStore::due_looks", move |tables| {
            let due = tables.walk::<Account>(Account::BY_LOOK, part)?.take(limit as usize);
            let looks = due.map(|account| {
                let Account { user, dormancy, .. } = account?;
                Ok(DueLook { look_at: DormancyRecord::from(dormancy).look_at, user: user.id })
            });
            looks.collect()
        })
        .await
    }

    async fn look(
        &self,
        look: &DormancyLook,
        evidence: EvidenceFor<'_, DormancyLooked>,
    ) -> Result<Option<DormancyLooked>, StoreError> {
        let look = *look;
        let step = move |tables: &mut Writing<'_>| {
            let Some(mut account) = tables.get::<Account>(id!(look.user))? else {
                return Ok(Step::Nothing(None));
            };
            let Some(looked) = look.judge(account.user.clone(), &account.dormancy.into()) else {
                return Ok(Step::Nothing(None));
            };
            account.dormancy = looked.record.into();
            tables.put(&account)?;
            if looked.verdict == DormancyVerdict::Disable {
                raise_epoch(tables, look.user, None, |account| account.user.disabled_at = looked.user.disabled_at)?;
            }
            Ok(Step::Done(Some(looked)))
        };
        self.write("DormancyStore::look", step, |looked| looked.as_ref().map(evidence).unwrap_or_default()).await
    }
}
