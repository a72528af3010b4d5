//! A hasher that takes no time and remembers who asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher, Overloaded, Verified, WorkOrigin};

/// A hasher for tests: one round of SHA-256, which protects nobody's password. Clones share everything.
///
/// It keeps a record of its work, so a test can tell that an unknown account costs as much as a known one, and it can
/// pretend to be overloaded. Hashes of an earlier generation match and are stale.
#[derive(Clone, Debug, Default)]
pub struct PlainHasher {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    generation: u32,
    salts: u64,
    overloads: usize,
    jobs: Vec<Job>,
}

/// One piece of work a [`PlainHasher`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it was.
    pub kind: JobKind,
    /// Whose it was.
    pub origin: WorkOrigin,
}

/// What a [`PlainHasher`] was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// To hash.
    Hash,
    /// To verify, whether or not there was anything to compare with.
    Verify,
}

impl PlainHasher {
    /// A hasher that has done nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything it did, oldest first. Refused work is not part of it.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        self.lock().jobs.clone()
    }

    /// Everything it did since this was last asked, oldest first.
    pub fn take_jobs(&self) -> Vec<Job> {
        std::mem::take(&mut self.lock().jobs)
    }

    /// Refuses the next `times` pieces of work.
    pub fn overload(&self, times: usize) {
        self.lock().overloads = times;
    }

    /// Makes every hash made until now stale.
    pub fn next_generation(&self) {
        self.lock().generation += 1;
    }

    fn work(&self, kind: JobKind, origin: WorkOrigin) -> Result<MutexGuard<'_, State>, Overloaded> {
        let mut state = self.lock();
        if state.overloads > 0 {
            state.overloads -= 1;
            return Err(Overloaded { retry_after: Duration::from_secs(1) });
        }
        state.jobs.push(Job { kind, origin });
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Hasher for PlainHasher {
    async fn hash(&self, password: &Password, origin: WorkOrigin) -> Result<PasswordHash, Overloaded> {
        let mut state = self.work(JobKind::Hash, origin)?;
        state.salts += 1;
        Ok(PasswordHash::new(hash(state.generation, state.salts, password)))
    }

    async fn verify(
        &self,
        password: Option<&Password>,
        stored: Option<&PasswordHash>,
        origin: WorkOrigin,
    ) -> Result<Verified, Overloaded> {
        let state = self.work(JobKind::Verify, origin)?;
        let (Some(password), Some((stored, (generation, salt)))) =
            (password, stored.and_then(|stored| Some((stored, parameters(stored)?))))
        else {
            return Ok(Verified::Mismatch);
        };
        if hash(generation, salt, password) != stored.expose() {
            return Ok(Verified::Mismatch);
        }
        Ok(Verified::Match { stale: generation != state.generation })
    }
}

fn hash(generation: u32, salt: u64, password: &Password) -> String {
    let mut sha = Sha256::new();
    sha.update(salt.to_be_bytes());
    sha.update(password.expose());
    let hex: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("$plain$g={generation}$s={salt}${hex}")
}

fn parameters(stored: &PasswordHash) -> Option<(u32, u64)> {
    let (generation, rest) = stored.expose().strip_prefix("$plain$g=")?.split_once("$s=")?;
    let (salt, _) = rest.split_once('$')?;
    Some((generation.parse().ok()?, salt.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use sigra_core::client::IpBlock;

    use super::*;

    const ORIGIN: WorkOrigin = WorkOrigin::KnownDevice;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn pw_21_equal_passwords_have_different_hashes_and_only_theirs_match() {
        let hasher = PlainHasher::new();
        let one = hasher.hash(&password("a"), ORIGIN).await.unwrap();
        let two = hasher.hash(&password("a"), ORIGIN).await.unwrap();
        assert_ne!(one.expose(), two.expose());
        let fresh = Verified::Match { stale: false };
        assert_eq!(hasher.verify(Some(&password("a")), Some(&two), ORIGIN).await, Ok(fresh));
        assert_eq!(hasher.verify(Some(&password("b")), Some(&two), ORIGIN).await, Ok(Verified::Mismatch));
        hasher.next_generation();
        let stale = Verified::Match { stale: true };
        assert_eq!(hasher.verify(Some(&password("a")), Some(&one), ORIGIN).await, Ok(stale));
    }

    #[tokio::test]
    async fn every_verification_is_a_job_and_overload_is_not() {
        let hasher = PlainHasher::new();
        let stranger = WorkOrigin::Network(IpBlock::of(None));
        let foreign = PasswordHash::new("$argon2id$".to_owned());
        assert_eq!(hasher.verify(None, None, stranger).await, Ok(Verified::Mismatch));
        assert_eq!(hasher.verify(Some(&password("a")), Some(&foreign), ORIGIN).await, Ok(Verified::Mismatch));
        hasher.overload(1);
        assert!(hasher.hash(&password("a"), ORIGIN).await.is_err());
        let job = |origin| Job { kind: JobKind::Verify, origin };
        assert_eq!(hasher.take_jobs(), [job(stranger), job(ORIGIN)]);
        assert_eq!(hasher.jobs(), []);
    }
}
