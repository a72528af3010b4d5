use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use proptest::prelude::*;
use sigra_core::client::IpBlock;

use super::*;
use crate::pool::{PoolConfig, PoolStats};

const ORIGIN: WorkOrigin = WorkOrigin::KnownDevice;

struct Bench {
    pool: Arc<HashPool>,
    secrets: String,
    config: HashingConfig,
}

impl Bench {
    fn new(argon2: &str) -> Self {
        let pool = PoolConfig { threads: Some(2), queue_per_thread: 256, ..PoolConfig::default() };
        let config =
            HashingConfig { argon2: argon2.parse().unwrap(), max_memory_kib: 1_024, ..HashingConfig::default() };
        Self { pool: Arc::new(HashPool::new(&pool).unwrap()), secrets: RootSecrets::generate().to_string(), config }
    }

    fn hasher(&self) -> PasswordHasher {
        let secrets = RootSecrets::parse(&self.secrets).unwrap();
        PasswordHasher::new(Arc::clone(&self.pool), &self.config, &secrets).unwrap()
    }

    /// What one verification cost: jobs, and blocks filled.
    async fn cost(&self, typed: Option<&Password>, hash: Option<&str>) -> (Verified, u64, u64) {
        let before = self.pool.stats();
        let hash = hash.map(stored);
        let verified = self.hasher().verify(typed, hash.as_ref(), ORIGIN).await.unwrap();
        let after = self.pool.stats();
        (verified, after.finished - before.finished, after.argon2_blocks_filled - before.argon2_blocks_filled)
    }

    async fn verify(&self, typed: &str, hash: &str) -> Verified {
        self.cost(Some(&password(typed)), Some(hash)).await.0
    }

    async fn hash(&self, typed: &str) -> String {
        self.hasher().hash(&password(typed), ORIGIN).await.unwrap().expose().to_owned()
    }
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

const FRESH: Verified = Verified::Match { stale: false };
const STALE: Verified = Verified::Match { stale: true };

/// From the tests of the reference implementation.
const REFERENCE: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

#[tokio::test]
async fn argon2id_meets_rfc_9106_section_5_3() {
    let bench = Bench::new("m=8,t=1,p=1");
    let recipe = Arc::clone(&bench.hasher().recipe);
    let tag = bench.pool.run_with_memory(ORIGIN, move |memory| {
        let data = argon2::AssociatedData::new(&[4; 12]).unwrap();
        let params = ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(data).output_len(32).build().unwrap();
        let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];
        recipe.fill(&argon2, &[1; 32], &[2; 16], &mut tag, memory).unwrap();
        tag
    });
    let expected = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e,
        0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    ];
    assert_eq!(tag.await.unwrap(), expected);
}

#[tokio::test]
async fn pw_20_the_default_hash_is_a_phc_string_of_argon2id() {
    let bench = Bench { config: HashingConfig::default(), ..Bench::new("m=8,t=1,p=1") };
    let text = bench.hash("correct horse battery").await;
    assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="), "{text}");
    let phc = PhcString::new(&text).unwrap();
    assert_eq!((phc.salt.unwrap().len(), phc.hash.unwrap().len()), (16, 32));
    assert_eq!(bench.verify("correct horse battery", &text).await, FRESH);
    assert_eq!(bench.verify("correct horse batterz", &text).await, Verified::Mismatch);
}

#[tokio::test]
async fn pw_21_one_password_never_hashes_the_same_twice() {
    let bench = Bench::new("m=8,t=1,p=1");
    assert_ne!(bench.hash("password").await, bench.hash("password").await);
}

#[tokio::test]
async fn pw_04_every_byte_of_a_long_password_counts() {
    let bench = Bench::new("m=8,t=1,p=1");
    for length in [64, 73, 128, 256, 1_024] {
        let long = "a".repeat(length);
        let hash = bench.hash(&long).await;
        assert_eq!(bench.verify(&long, &hash).await, FRESH);
        let changed = format!("{}b", &long[1..]);
        assert_eq!(bench.verify(&changed, &hash).await, Verified::Mismatch, "{length}");
    }
}

#[tokio::test]
async fn pw_22_hashes_made_in_another_way_verify_and_are_stale() {
    let mut bench = Bench::new("m=64,t=2,p=1");
    for other in ["m=32,t=2,p=1", "m=128,t=2,p=1", "m=64,t=1,p=1", "m=64,t=3,p=1", "m=64,t=2,p=2"] {
        bench.config.argon2 = other.parse().unwrap();
        let hash = bench.hash("password").await;
        assert_eq!(bench.verify("password", &hash).await, FRESH, "{other}");
        bench.config.argon2 = "m=64,t=2,p=1".parse().unwrap();
        assert_eq!(bench.verify("password", &hash).await, STALE, "{other}");
        assert_eq!(bench.verify("passwore", &hash).await, Verified::Mismatch, "{other}");
    }
}

#[tokio::test]
async fn pw_22_variants_versions_lengths_and_imports_without_pepper_verify_and_are_stale() {
    let bench = Bench::new("m=64,t=2,p=1");
    assert_eq!(bench.verify("password", REFERENCE).await, STALE);
    let import = |algorithm: Algorithm, version: Version, salt: &[u8], length: usize| {
        let params = argon2::Params::new(64, 2, 1, Some(length)).unwrap();
        let argon2 = Argon2::new(algorithm, version, params);
        argon2::PasswordHasher::hash_password_with_salt(&argon2, b"password", salt).unwrap().to_string()
    };
    let salt = [7; 16];
    for text in [
        import(Algorithm::Argon2id, Version::V0x13, &salt, 32),
        import(Algorithm::Argon2i, Version::V0x13, &salt, 32),
        import(Algorithm::Argon2d, Version::V0x13, &salt, 32),
        import(Algorithm::Argon2id, Version::V0x10, &salt, 32),
        import(Algorithm::Argon2id, Version::V0x10, &salt, 32).replace("v=16$", ""),
        import(Algorithm::Argon2id, Version::V0x13, &[7; 8], 32),
        import(Algorithm::Argon2id, Version::V0x13, &salt, 16),
        import(Algorithm::Argon2id, Version::V0x13, &salt, 64),
    ] {
        assert_eq!(bench.verify("password", &text).await, STALE, "{text}");
        assert_eq!(bench.verify("passwore", &text).await, Verified::Mismatch, "{text}");
    }
}

#[tokio::test]
async fn pw_23_stored_parameters_above_the_ceiling_are_refused_without_allocating() {
    let bench = Bench::new("m=64,t=2,p=1");
    let rest = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for costs in [
        "m=4194304,t=2,p=1",
        "m=4294967295,t=1,p=1",
        "m=256,t=1000000,p=1",
        "m=256,t=4294967295,p=1",
        "m=1025,t=1,p=1",
        "m=256,t=17,p=1",
        "m=256,t=1,p=9",
        "m=256,t=1,p=16777215",
    ] {
        let text = format!("$argon2id$v=19${costs}{rest}");
        let cost = bench.cost(Some(&password("password")), Some(&text)).await;
        assert_eq!(cost, (Verified::Mismatch, 1, 64 * 2), "{costs}: the work of a new hash, and no more");
    }
    assert!(bench.pool.stats().peak_memory_kib <= 2 * 64, "{:?}", bench.pool.stats());
}

#[tokio::test]
async fn memory_for_an_unusual_hash_is_given_back() {
    let bench = Bench::new("m=64,t=2,p=1");
    assert_eq!(bench.verify("password", REFERENCE).await, STALE);
    let stats = bench.pool.stats();
    assert_eq!((stats.peak_memory_kib, stats.memory_kib), (256, 64));
}

#[tokio::test]
async fn pw_24_without_the_pepper_nothing_verifies() {
    let mut bench = Bench::new("m=8,t=1,p=1");
    let hash = bench.hash("password").await;
    let pepper = std::mem::replace(&mut bench.secrets, RootSecrets::generate().to_string());
    assert_eq!(bench.verify("password", &hash).await, Verified::Mismatch);

    // Nor does it for somebody who cuts the key id off and tries the bare function.
    let start = hash.find(",keyid=").unwrap();
    let end = start + hash[start..].find('$').unwrap();
    let bare = format!("{}{}", &hash[..start], &hash[end..]);
    assert_eq!(bench.verify("password", &bare).await, Verified::Mismatch);

    bench.secrets = pepper;
    assert_eq!(bench.verify("password", &hash).await, FRESH);
}

#[tokio::test]
async fn pw_24_rotating_the_pepper_keeps_old_users_signing_in() {
    let mut bench = Bench::new("m=8,t=1,p=1");
    let hash = bench.hash("password").await;
    let old = bench.secrets.clone();
    let new = RootSecrets::generate();
    bench.secrets = format!("{},{old}", *new);
    assert_eq!(bench.verify("password", &hash).await, STALE);
    let rewritten = bench.hash("password").await;
    assert_eq!(bench.verify("password", &rewritten).await, FRESH);

    bench.secrets = new.to_string();
    assert_eq!(bench.verify("password", &rewritten).await, FRESH);
    assert_eq!(bench.verify("password", &hash).await, Verified::Mismatch, "the old key is gone");
}

#[tokio::test]
async fn th_16_what_cannot_match_costs_what_a_real_verification_costs() {
    let bench = Bench::new("m=64,t=2,p=1");
    let hash = bench.hash("password").await;
    let (right, wrong, long) = (password("password"), password("wrong"), password(&"x".repeat(300)));
    assert_eq!(bench.cost(Some(&right), Some(&hash)).await, (FRESH, 1, 128));
    let failed = (Verified::Mismatch, 1, 128);
    assert_eq!(bench.cost(Some(&wrong), Some(&hash)).await, failed);
    assert_eq!(bench.cost(Some(&long), Some(&hash)).await, failed);
    assert_eq!(bench.cost(Some(&right), None).await, failed, "no account");
    assert_eq!(bench.cost(None, None).await, failed, "no account, over-long password");
    assert_eq!(bench.cost(None, Some(&hash)).await, failed, "over-long password");
    for foreign in
        ["", "!", "$2b$12$abc", "$scrypt$ln=1$a$b", "$argon2id$", "$argon2id$v=19$m=64$c29tZXNhbHQ$AAAA", "x\0é"]
    {
        assert_eq!(bench.cost(Some(&right), Some(foreign)).await, failed, "{foreign:?}");
    }
    let unknown_key = Bench::new("m=8,t=1,p=1").hash("password").await;
    assert_eq!(bench.cost(Some(&right), Some(&unknown_key)).await, failed);
}

#[tokio::test]
async fn an_empty_password_without_a_typed_one_never_matches() {
    let bench = Bench::new("m=8,t=1,p=1");
    let hash = bench.hash("").await;
    assert_eq!(bench.verify("", &hash).await, FRESH);
    assert_eq!(bench.cost(None, Some(&hash)).await.0, Verified::Mismatch);
}

#[tokio::test]
async fn pw_25_sixty_four_hashes_hold_the_memory_of_two_threads() {
    let bench = Bench::new("m=64,t=1,p=1");
    let hash = stored(&bench.hash("password").await);
    let hasher = Arc::new(bench.hasher());
    // Both threads hash at once at least here.
    let both = Arc::new(Barrier::new(2));
    let meet = || {
        let both = Arc::clone(&both);
        bench.pool.run_with_memory(ORIGIN, move |memory| memory.lend(64, 64, 1, |_| both.wait().is_leader()).unwrap())
    };
    let (one, other) = (meet(), meet());
    let mut one = Box::pin(one);
    assert!(is_pending(one.as_mut()));
    other.await.unwrap();
    one.await.unwrap();
    let jobs: Vec<_> = (0..64)
        .map(|_| {
            let (hasher, hash) = (Arc::clone(&hasher), hash.clone());
            tokio::spawn(async move { hasher.verify(Some(&password("password")), Some(&hash), ORIGIN).await })
        })
        .collect();
    for job in jobs {
        assert_eq!(job.await.unwrap(), Ok(FRESH));
    }
    let PoolStats { finished, peak_running, peak_memory_kib, .. } = bench.pool.stats();
    assert_eq!((finished, peak_running, peak_memory_kib), (67, 2, 2 * 64));
}

/// Blocks the only thread of a pool with one place for each lane, until the sender is dropped.
fn blocked_pool() -> (Arc<HashPool>, mpsc::Sender<()>) {
    let config = PoolConfig { threads: Some(1), queue_per_thread: 2, retry_after_seconds: 3, ..PoolConfig::default() };
    let pool = Arc::new(HashPool::new(&config).unwrap());
    let (release, wait) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel::<()>();
    let mut blocker = Box::pin(pool.run(ORIGIN, move || {
        drop(started);
        let _ = wait.recv();
    }));
    assert!(is_pending(blocker.as_mut()));
    let _ = running.recv();
    drop(blocker);
    (pool, release)
}

fn is_pending<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[tokio::test]
async fn pw_25_a_full_pool_refuses_at_once() {
    let (pool, release) = blocked_pool();
    let bench = Bench { pool, ..Bench::new("m=8,t=1,p=1") };
    let (hasher, typed) = (bench.hasher(), password("password"));
    let network = WorkOrigin::Network(IpBlock::of(None));
    let mut waiting = hasher.verify(Some(&typed), None, network);
    assert!(is_pending(waiting.as_mut()));
    let overloaded = Overloaded { retry_after: Duration::from_secs(3) };
    assert_eq!(hasher.verify(Some(&typed), None, network).await, Err(overloaded));
    assert_eq!(hasher.hash(&typed, network).await.err(), Some(overloaded));
    drop(release);
    assert_eq!(waiting.await, Ok(Verified::Mismatch));
}

#[tokio::test(flavor = "current_thread")]
async fn pw_26_the_executor_runs_on_while_passwords_are_hashed() {
    let (pool, release) = blocked_pool();
    let bench = Bench { pool, ..Bench::new("m=8,t=1,p=1") };
    let ticks = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ticks);
    // The pool can begin only after the executor has done a hundred other things.
    let ticker = tokio::spawn(async move {
        for _ in 0..100 {
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
        drop(release);
    });
    bench.hash("password").await;
    assert_eq!(ticks.load(Ordering::Relaxed), 100);
    ticker.await.unwrap();
}

#[test]
fn parameters_above_the_ceilings_make_no_hasher() {
    let bench = Bench::new("m=8,t=1,p=1");
    let config = HashingConfig { max_memory_kib: 7, ..bench.config.clone() };
    let secrets = RootSecrets::parse(&bench.secrets).unwrap();
    let faults = PasswordHasher::new(Arc::clone(&bench.pool), &config, &secrets).err().unwrap();
    assert_eq!(faults.faults(), ["max_memory_kib must be at least the m=8 of argon2"]);
}

#[cfg(feature = "bcrypt")]
mod imported_bcrypt {
    use super::*;

    #[tokio::test]
    async fn pw_22_bcrypt_hashes_verify_and_are_stale() {
        let bench = Bench::new("m=8,t=1,p=1");
        // From the tests of crypt_blowfish.
        let known = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            let text = known.replace("$2a$", prefix);
            assert_eq!(bench.verify("U*U", &text).await, STALE, "{prefix}");
            assert_eq!(bench.verify("U*V", &text).await, Verified::Mismatch, "{prefix}");
            assert_eq!(bench.cost(None, Some(&text)).await.0, Verified::Mismatch);
        }
        assert_eq!(bench.verify("U*U", &known.replace("$2a$", "$2x$")).await, Verified::Mismatch);
    }

    #[tokio::test]
    async fn passwords_beyond_72_bytes_verify_as_bcrypt_cut_them() {
        let bench = Bench::new("m=8,t=1,p=1");
        let long = "é".repeat(50);
        let text = bcrypt::hash(&long, 4).unwrap();
        assert_eq!(bench.verify(&long, &text).await, STALE);
        assert_eq!(bench.verify(&long[..72], &text).await, STALE);
        assert_eq!(bench.verify(&long[..70], &text).await, Verified::Mismatch);
        assert_eq!(bench.verify(&"é".repeat(512), &text).await, STALE);
    }

    #[tokio::test]
    async fn pw_23_a_cost_above_the_ceiling_is_refused_at_the_cost_of_a_new_hash() {
        let bench = Bench::new("m=8,t=1,p=1");
        let hash = bcrypt::hash("password", 4).unwrap();
        for cost in ["15", "31", "32", "99", "03", "00"] {
            let text = hash.replace("$04$", &format!("${cost}$"));
            let cost = bench.cost(Some(&password("password")), Some(&text)).await;
            assert_eq!(cost, (Verified::Mismatch, 1, 8), "{text}");
        }
    }

    #[tokio::test]
    async fn malformed_hashes_and_nul_bytes_match_nothing() {
        let bench = Bench::new("m=8,t=1,p=1");
        let hash = bcrypt::hash("password", 4).unwrap();
        for text in [
            "$2b$".to_owned(),
            format!("$2b$04$é{}", &hash[9..]),
            format!("$2b$0é{}", &hash[7..]),
            hash.replace("$04$", "$+4$"),
            hash[..59].to_owned(),
            format!("{hash}\0"),
            format!("{}\0", &hash[..59]),
        ] {
            assert_eq!(bench.verify("password", &text).await, Verified::Mismatch, "{text}");
        }
        assert_eq!(bench.verify("password\0more", &hash).await, Verified::Mismatch);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn never_panics(text: &str) -> bool {
    let bench = Bench::new("m=8,t=1,p=1");
    let verified = block_on(bench.verify("password", text));
    verified == Verified::Mismatch && bench.pool.stats().panicked == 0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn pw_23_no_stored_text_panics_or_matches(text in ".{0,120}") {
        prop_assert!(never_panics(&text));
    }

    #[test]
    fn pw_23_no_text_like_a_hash_panics_or_matches(
        text in r"\$(argon2(id|i|d)|2[abxy])(\$v=[0-9]{1,3})?\$(m=[0-9]{1,3},t=[0-9]{1,2},p=[0-9],?(keyid|data)?=?[a-zA-Z0-9]{0,12}|[0-9]{2})(\$[A-Za-z0-9+/é]{0,24}){0,3}"
    ) {
        prop_assert!(never_panics(&text));
    }
}
