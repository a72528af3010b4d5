//! Contenders that have all read before any of them writes.

use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PendingId, UserId};
use sigra_core::ports::{Factor, FactorCheck, FactorVerdict, Mac, NoGeoIp, Occasion};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_mfa::ports::{
    Activated, Activation, BackupCodeCount, BackupCodeStore, PendingTotp, Removal, StoredTotp, TotpStore,
};
use sigra_mfa::{BACKUP_CODE_USED, Mfa, MfaConfig, MfaParts};
use sigra_testing::MemoryStore;
use tokio::sync::Barrier;

use crate::support::{ANN, Enrolled, Host, at_once};

const CONTENDERS: usize = 16;

/// A store whose readers wait for each other.
struct Gathered {
    store: MemoryStore,
    all_have_read: Barrier,
}

#[async_trait]
impl TotpStore for Gathered {
    async fn find(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        let found = self.store.find(user).await;
        self.all_have_read.wait().await;
        found
    }

    async fn begin(&self, pending: &PendingTotp, evidence: Evidence) -> Result<bool, StoreError> {
        self.store.begin(pending, evidence).await
    }

    async fn activate(
        &self,
        activation: &Activation<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Activated, StoreError> {
        self.store.activate(activation, evidence).await
    }

    async fn advance_step(&self, user: UserId, step: u64) -> Result<bool, StoreError> {
        self.store.advance_step(user, step).await
    }

    async fn disable(&self, removal: &Removal, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        self.store.disable(removal, evidence).await
    }

    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<bool, StoreError> {
        TotpStore::disown(&self.store, user, since, evidence).await
    }
}

#[async_trait]
impl BackupCodeStore for Gathered {
    async fn list(&self, user: UserId) -> Result<Vec<Mac>, StoreError> {
        let listed = BackupCodeStore::list(&self.store, user).await;
        self.all_have_read.wait().await;
        listed
    }

    async fn count(&self, user: UserId) -> Result<BackupCodeCount, StoreError> {
        BackupCodeStore::count(&self.store, user).await
    }

    async fn consume(
        &self,
        user: UserId,
        code: &Mac,
        at: Timestamp,
        evidence: EvidenceFor<'_, u32>,
    ) -> Result<Option<u32>, StoreError> {
        self.store.consume(user, code, at, evidence).await
    }

    async fn replace(
        &self,
        user: UserId,
        epochs: Epochs,
        codes: &[Mac],
        now: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.store.replace(user, epochs, codes, now, evidence).await
    }

    async fn disown(&self, user: UserId, since: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        BackupCodeStore::disown(&self.store, user, since, evidence).await
    }
}

/// Second factors over the host's own storage, whose readers wait for each other.
fn gathered(host: &Host) -> Mfa {
    let store = Arc::new(Gathered { store: host.store.clone(), all_have_read: Barrier::new(CONTENDERS) });
    let stored = Arc::new(host.store.clone());
    let parts = MfaParts {
        totp: store.clone(),
        backup_codes: store,
        trusted: stored.clone(),
        vault: Arc::new(host.vault.clone()),
        clock: Arc::new(host.clock.clone()),
        log: stored,
        geo: Arc::new(NoGeoIp),
    };
    Mfa::new(parts, MfaConfig::default()).unwrap()
}

/// How many of sixteen checks of one response are accepted.
async fn accepted(host: &Host, factor: Arc<dyn Factor>, user: &User, response: &str) -> usize {
    let verdicts = at_once(CONTENDERS, |_| {
        let (host, factor, user, response) = (host.clone(), factor.clone(), user.clone(), response.to_owned());
        async move {
            let (client, now, notices) = (host.client(), host.now(), host.sigra.second_factors());
            let occasion = Occasion::SignIn(PendingId::new(now));
            let (user, response, client) = (&user, response.as_str(), &client);
            factor.check(&FactorCheck { user, response, occasion, client, now, notices: &notices }).await.unwrap()
        }
    })
    .await;
    verdicts.iter().filter(|verdict| matches!(verdict, FactorVerdict::Accepted { .. })).count()
}

#[tokio::test]
async fn mf_03_of_sixteen_who_found_a_code_right_one_uses_it_up() {
    let host = Host::new();
    let Enrolled { user, app, .. } = host.enrolled(ANN).await;
    let code = app.code(host.now());
    assert_eq!(accepted(&host, gathered(&host).totp_factor(), &user, &code).await, 1);
}

#[tokio::test]
async fn mf_17_of_sixteen_who_found_a_backup_code_right_one_uses_it_up() {
    let host = Host::new();
    let Enrolled { user, backup_codes, .. } = host.enrolled(ANN).await;
    assert_eq!(accepted(&host, gathered(&host).backup_code_factor(), &user, &backup_codes[0]).await, 1);
    assert_eq!(host.owed(&BACKUP_CODE_USED).len(), 1);
}
