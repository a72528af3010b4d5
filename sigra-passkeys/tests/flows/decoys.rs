//! What addresses without passkeys look like.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::ports::{Ceremony, CeremonyStore};
use sigra_core::secret::{Digest, RawToken};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_passkeys::events::{AUTHENTICATE_FAILURE, REGISTER_FAILURE};
use sigra_passkeys::ports::{Disowned, FoundPasskey, PasskeyStore, PasskeyUse, Registered, Removed};
use sigra_passkeys::{CredentialId, FinishOutcome, Passkey, PasskeyConfig, PasskeyParts, Passkeys, UserHandle};
use sigra_testing::MemoryStore;
use sigra_testing::authenticator::SoftAuthenticator;
use sigra_testing::scenario::TestHost;
use sigra_testing::timing::Trials;

use crate::support::{ORIGIN, ParseAddress as _, World, is_rejected};

const ANN: &str = "ann@example.org";

async fn named(world: &World, email: &str) -> Value {
    world.request_options(Some(email), &RawToken::random()).await["allowCredentials"].take()
}

fn id_of(descriptor: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(descriptor["id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn wa_14_decoys_are_the_same_each_time_and_for_each_spelling_of_an_address() {
    let world = World::new();
    let first = named(&world, "nobody@example.org").await;
    world.host.advance(86_400 * 365);
    assert_eq!(named(&world, "nobody@example.org").await, first);
    assert_eq!(named(&world, "Nobody@EXAMPLE.org").await, first);
    assert_eq!(named(&World::new(), "nobody@example.org").await, first, "after a restart, with the same root secret");
    assert_ne!(named(&world, "somebody@example.org").await, first);
}

#[tokio::test]
async fn wa_14_an_account_without_passkeys_keeps_the_decoys_of_its_address() {
    let world = World::new();
    let before = named(&world, ANN).await;
    world.user(ANN).await;
    assert_eq!(named(&world, ANN).await, before);
}

#[tokio::test]
async fn wa_14_decoys_have_the_shape_of_passkeys() {
    let world = World::new();
    let mut phone = SoftAuthenticator::synced();
    world.register(&world.user(ANN).await, &mut phone).await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let browser = RawToken::random();
    let known = world.request_options(Some(ANN), &browser).await;
    let unknown = world.request_options(Some("nobody@example.org"), &browser).await;
    assert_eq!(keys(&known), keys(&unknown));
    assert_eq!(keys(&known["allowCredentials"][0]), keys(&unknown["allowCredentials"][0]));

    let (mut ids, mut counts, mut lengths) = (HashSet::new(), HashSet::new(), HashSet::new());
    for number in 0..200 {
        let decoys = named(&world, &format!("nobody{number}@example.org")).await;
        let decoys = decoys.as_array().unwrap();
        counts.insert(decoys.len());
        for decoy in decoys {
            assert_eq!(
                (decoy["type"].as_str(), keys(decoy)),
                (Some("public-key"), keys(&known["allowCredentials"][0]))
            );
            assert!(!decoy["transports"].as_array().unwrap().is_empty());
            lengths.insert(id_of(decoy).len());
            assert!(ids.insert(id_of(decoy)), "no decoy comes twice");
        }
    }
    assert_eq!(counts, HashSet::from([1, 2]));
    assert_eq!(lengths, HashSet::from([16, 20, 32, 48, 64]));
}

#[tokio::test]
async fn wa_14_a_decoy_cannot_be_registered_just_as_a_passkey_of_somebody_cannot() {
    let world = World::config(|config| config.at_most = 1);
    let (ann, bob) = (world.user(ANN).await, world.user("bob@example.org").await);
    world.register(&ann, &mut SoftAuthenticator::synced()).await;
    let (taken, decoy) = (named(&world, ANN).await, named(&world, "nobody@example.org").await);
    let at = world.session(&bob).await;
    let mut responses = Vec::new();
    for descriptor in [&taken[0], &decoy[0], &named(&world, "bob@example.org").await[0]] {
        let mut thiefs = SoftAuthenticator::synced();
        thiefs.lies.credential_id = Some(id_of(descriptor));
        assert_eq!(world.try_register(&bob, &mut thiefs).await, FinishOutcome::Duplicate, "{descriptor}");
        assert_eq!(world.event(REGISTER_FAILURE).reason.as_deref(), Some("duplicate"));
        responses.push(thiefs.create(&world.creation_options(&at).await, ORIGIN).unwrap());
    }
    assert!(world.passkeys.list(&bob).await.unwrap().is_empty());
    world.register(&bob, &mut SoftAuthenticator::synced()).await;
    for response in responses {
        assert_eq!(world.finish(&at, &response).await, FinishOutcome::Duplicate, "nor while there is no room");
    }
}

#[tokio::test]
async fn wa_14_an_answer_with_a_decoy_is_refused_as_an_unknown_passkey_is() {
    let world = World::new();
    let mut phone = SoftAuthenticator::synced();
    world.register(&world.user(ANN).await, &mut phone).await;
    phone.lies.ignores_allowed = true;
    let browser = RawToken::random();
    let options = world.request_options(Some("nobody@example.org"), &browser).await;
    phone.lies.credential_id = Some(id_of(&options["allowCredentials"][0]));
    let response = phone.get(&options, ORIGIN).unwrap();
    assert!(is_rejected(&world.finish_sign_in(&response, &browser).await));
    assert_eq!(world.event(AUTHENTICATE_FAILURE).reason.as_deref(), Some("unknown_credential"));
}

#[tokio::test]
async fn wa_14_known_and_unknown_addresses_cost_the_same_calls() {
    let counting = Counting::default();
    let builder = TestHost::builder();
    let parts = builder.parts();
    let counted = Arc::new(counting.clone());
    let parts = PasskeyParts {
        store: counted.clone(),
        ceremonies: counted,
        vault: Arc::new(parts.vault),
        clock: Arc::new(parts.clock),
        log: parts.stores.log,
    };
    let passkeys = Passkeys::new(parts, PasskeyConfig::for_public_url(ORIGIN).unwrap()).unwrap();
    let host = builder.factor(passkeys.factor()).build();
    let ann = host.confirmed(ANN).await;
    host.confirmed("bob@example.org").await;
    counting.give(&ann);

    let mut seen = Vec::new();
    for email in [ANN, "bob@example.org", "nobody@example.org"] {
        // Both need the account; a storage without it answers neither.
        host.store.fail_next("accounts.find_by_email");
        let browser = RawToken::random();
        let address = email.parse_address();
        assert!(passkeys.start_sign_in(&host.sigra, Some(&address), &browser).await.is_err());
        counting.reset();
        passkeys.start_sign_in(&host.sigra, Some(&address), &browser).await.unwrap();
        seen.push(counting.calls());
    }
    assert_eq!(seen, [[1, 1, 0], [1, 1, 0], [1, 1, 0]], "one list, one ceremony, nothing else");
}

#[test]
fn wa_14_an_answer_with_a_decoy_takes_as_long_as_one_with_a_passkey() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = World::new();
    let mut phone = SoftAuthenticator::synced();
    runtime.block_on(async { world.register(&world.user(ANN).await, &mut phone).await });
    phone.lies.user_handle = Some(None);
    phone.lies.forges_signature = true;
    phone.lies.ignores_allowed = true;
    // A tenth of a millisecond is less than a signature takes, and more than else differs.
    let trials = Trials { samples: 60, least: Duration::from_micros(100), ..Trials::default() };
    let apart = trials.run(&[(ANN, "nobody@example.org")], |email| {
        let browser = RawToken::random();
        let response = runtime.block_on(async {
            let options = world.request_options(Some(email), &browser).await;
            phone.lies.credential_id = Some(id_of(&options["allowCredentials"][0]));
            phone.get(&options, ORIGIN).unwrap()
        });
        let start = Instant::now();
        let outcome = runtime.block_on(world.finish_sign_in(&response, &browser));
        let took = start.elapsed();
        assert!(is_rejected(&outcome));
        took
    });
    assert_eq!(apart, []);
}

/// Stores that count their calls. There is one passkey, or none.
#[derive(Clone, Default)]
struct Counting {
    inner: MemoryStore,
    passkey: Arc<std::sync::Mutex<Option<Passkey>>>,
    lists: Arc<AtomicUsize>,
    puts: Arc<AtomicUsize>,
    others: Arc<AtomicUsize>,
}

impl Counting {
    fn give(&self, user: &User) {
        let passkey = Passkey {
            id: PasskeyId::new(Timestamp::EPOCH),
            user: user.id,
            credential_id: CredentialId::new(vec![7; 20]).unwrap(),
            public_key: Vec::new(),
            sign_count: 0,
            backup_eligible: true,
            backed_up: true,
            transports: vec!["internal".to_owned()],
            aaguid: uuid::Uuid::nil(),
            nickname: "Passkey".to_owned(),
            created_at: Timestamp::EPOCH,
            last_used_at: None,
        };
        *self.passkey.lock().unwrap() = Some(passkey);
    }

    fn reset(&self) {
        for counter in [&self.lists, &self.puts, &self.others] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    fn calls(&self) -> [usize; 3] {
        [&self.lists, &self.puts, &self.others].map(|counter| counter.load(Ordering::Relaxed))
    }

    fn other(&self) -> &MemoryStore {
        self.others.fetch_add(1, Ordering::Relaxed);
        &self.inner
    }
}

#[async_trait]
impl CeremonyStore for Counting {
    async fn put(&self, ceremony: &Ceremony) -> Result<(), StoreError> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        assert_eq!(ceremony.user, None, "the row does not tell either");
        self.inner.put(ceremony).await
    }

    async fn peek(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.other().peek(key, now).await
    }

    async fn take(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.other().take(key, now).await
    }
}

#[async_trait]
impl PasskeyStore for Counting {
    async fn user_handle(&self, user: UserId, candidate: UserHandle) -> Result<UserHandle, StoreError> {
        self.other().user_handle(user, candidate).await
    }

    async fn find(&self, credential: &CredentialId) -> Result<Option<FoundPasskey>, StoreError> {
        PasskeyStore::find(self.other(), credential).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let passkey = self.passkey.lock().unwrap().clone();
        Ok(passkey.filter(|passkey| passkey.user == user).into_iter().collect())
    }

    async fn count(&self, user: UserId) -> Result<u32, StoreError> {
        PasskeyStore::count(self.other(), user).await
    }

    async fn register(
        &self,
        passkey: &Passkey,
        epochs: Epochs,
        at_most: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Registered, StoreError> {
        self.other().register(passkey, epochs, at_most, evidence).await
    }

    async fn record_use(&self, id: PasskeyId, used: &PasskeyUse, evidence: Evidence) -> Result<bool, StoreError> {
        self.other().record_use(id, used, evidence).await
    }

    async fn rename(
        &self,
        user: UserId,
        id: PasskeyId,
        nickname: &str,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.other().rename(user, id, nickname, evidence).await
    }

    async fn remove(
        &self,
        user: UserId,
        id: PasskeyId,
        keep: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Removed, StoreError> {
        self.other().remove(user, id, keep, evidence).await
    }

    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, Disowned>,
    ) -> Result<u64, StoreError> {
        PasskeyStore::disown(self.other(), user, since, evidence).await
    }
}
