//! Hashing and verifying passwords on the pool.

mod settings;
mod stored;

use std::hint::black_box;
use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as PhcString, Salt};
use argon2::{Algorithm, Argon2, KeyId as PhcKeyId, ParamsBuilder, Version};
use async_trait::async_trait;
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher, Overloaded, Verified, WorkOrigin};
use zeroize::Zeroizing;

use crate::config::ConfigFaults;
use crate::params::Argon2Params;
use crate::pool::{HashPool, Memory, OutOfMemory};
use crate::root_secrets::{PurposeKeys, RootSecrets, random};

pub use settings::HashingConfig;
use stored::Stored;

/// The [`Hasher`]: Argon2id (RFC 9106) with a pepper, on a [`HashPool`].
///
/// A hash is a PHC string, `$argon2id$v=19$m=19456,t=2,p=1,keyid=…$salt$hash`. The pepper is the secret value *K* of
/// RFC 9106 §3.1, a key derived from the root secrets; `keyid` names it. Without the root secrets a stolen hash cannot
/// be tried against any password. A hash whose `keyid` is no longer in the list matches nothing.
///
/// Also verified are Argon2 hashes of any variant and version without a `keyid`, as other software writes them, and with
/// the feature `bcrypt` those of `$2a$`, `$2b$` and `$2y$`. Both are stale, as is every hash made in another way than a
/// new one would be. bcrypt looks at the first 72 bytes of a password only, and so does the verification of its hashes.
///
/// A verification that can only fail does the work of a new hash, so that an unknown account takes as long as a known
/// one. A hash under other parameters takes its own time until it is rewritten.
pub struct PasswordHasher {
    pool: Arc<HashPool>,
    recipe: Arc<Recipe>,
}

impl PasswordHasher {
    /// A hasher with the peppers of `secrets`.
    ///
    /// # Errors
    ///
    /// Every fault of the configuration.
    pub fn new(pool: Arc<HashPool>, config: &HashingConfig, secrets: &RootSecrets) -> Result<Self, ConfigFaults> {
        ConfigFaults::check(config.faults())?;
        let recipe = Recipe { config: config.clone(), peppers: secrets.keys("password-pepper") };
        Ok(Self { pool, recipe: Arc::new(recipe) })
    }

    /// Runs `work` on the pool with the memory of one of its threads.
    async fn on_pool<T, F>(&self, origin: WorkOrigin, work: F) -> Result<T, Overloaded>
    where
        T: Send + 'static,
        F: FnOnce(&Recipe, &mut Memory) -> Result<T, OutOfMemory> + Send + 'static,
    {
        let recipe = Arc::clone(&self.recipe);
        let outcome = self.pool.run_with_memory(origin, move |memory| work(&recipe, memory)).await?;
        outcome.map_err(|OutOfMemory| self.pool.overloaded())
    }
}

#[async_trait]
impl Hasher for PasswordHasher {
    async fn hash(&self, password: &Password, origin: WorkOrigin) -> Result<PasswordHash, Overloaded> {
        let password = password.clone();
        self.on_pool(origin, move |recipe, memory| recipe.hash(&password, memory)).await
    }

    async fn verify(
        &self,
        password: Option<&Password>,
        hash: Option<&PasswordHash>,
        origin: WorkOrigin,
    ) -> Result<Verified, Overloaded> {
        let (password, hash) = (password.cloned(), hash.cloned());
        self.on_pool(origin, move |recipe, memory| recipe.verify(password.as_ref(), hash.as_ref(), memory)).await
    }
}

/// How new hashes are made, and which old ones are still taken.
struct Recipe {
    config: HashingConfig,
    peppers: PurposeKeys,
}

impl Recipe {
    fn hash(&self, password: &Password, memory: &mut Memory) -> Result<PasswordHash, OutOfMemory> {
        let salt = random::<{ Argon2Params::SALT_LEN }>();
        let output = self.compute(password.expose().as_bytes(), &salt, memory)?;
        let mut params = ParamsBuilder::new();
        let costs = self.config.argon2;
        let key_id = PhcKeyId::new(self.peppers.first().id().as_bytes()).expect("a key id is shorter than 8 bytes");
        params.m_cost(costs.memory_kib()).t_cost(costs.passes()).p_cost(costs.lanes()).keyid(key_id);
        let params = params.build().expect("the parameters are valid without a key id, which is no cost");
        let text = PhcString {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).expect("the longest parameters fit a PHC string"),
            salt: Some(Salt::new(&salt).expect("16 bytes are a valid salt")),
            hash: Some(Output::new(&*output).expect("32 bytes are a valid output")),
        };
        Ok(PasswordHash::new(text.to_string()))
    }

    fn verify(
        &self,
        password: Option<&Password>,
        hash: Option<&PasswordHash>,
        memory: &mut Memory,
    ) -> Result<Verified, OutOfMemory> {
        // Without a password the same work is done on an empty one, and its outcome is ignored.
        let typed = password.map_or(&[][..], |password| password.expose().as_bytes());
        let stale = match hash.map_or(Stored::Foreign, |hash| Stored::read(hash.expose(), self)) {
            Stored::Argon2(stored) => stored.matches(typed, self, memory)?.then_some(stored.stale()),
            #[cfg(feature = "bcrypt")]
            Stored::Bcrypt(text) => bcrypt::verify(typed, text).unwrap_or(false).then_some(true),
            Stored::Foreign => {
                // A salt decides which memory is touched in which order. One that never changed would take its own time.
                let salt = random::<{ Argon2Params::SALT_LEN }>();
                black_box(self.compute(typed, &salt, memory)?);
                None
            }
        };
        Ok(match (stale, password) {
            (Some(stale), Some(_)) => Verified::Match { stale },
            _ => Verified::Mismatch,
        })
    }

    /// Computes as for a new hash.
    fn compute(&self, password: &[u8], salt: &[u8], memory: &mut Memory) -> Result<Zeroizing<Fresh>, OutOfMemory> {
        let pepper: &[u8] = self.peppers.first().expose();
        let params = self.config.argon2.to_argon2();
        let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)
            .expect("a pepper of 32 bytes is no longer than 4 GiB");
        let mut output = Zeroizing::new([0; Argon2Params::OUTPUT_LEN]);
        self.fill(&argon2, password, salt, &mut *output, memory)?;
        Ok(output)
    }

    /// Computes into `output`. The salt has at least 8 bytes, and the output is as long as the parameters say.
    fn fill(
        &self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
        memory: &mut Memory,
    ) -> Result<(), OutOfMemory> {
        let needed = argon2.params().block_count();
        let usual = self.config.argon2.to_argon2().block_count();
        memory.lend(needed, usual, argon2.params().t_cost(), |blocks| {
            argon2
                .hash_password_into_with_memory(password, salt, output, blocks)
                .expect("salt, output and memory fit the parameters");
        })
    }
}

type Fresh = [u8; Argon2Params::OUTPUT_LEN];

#[cfg(test)]
mod tests;
