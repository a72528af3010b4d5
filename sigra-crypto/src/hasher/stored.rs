//! Reading a stored hash, before anything is spent on it.

use argon2::password_hash::phc::{Output, PasswordHash as PhcString, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::Recipe;
use crate::params::Argon2Params;
use crate::pool::{Memory, OutOfMemory};

/// What a stored text is.
pub(super) enum Stored<'a> {
    /// An Argon2 hash within the ceilings, made without pepper or with one of ours.
    Argon2(Box<StoredArgon2<'a>>),
    /// A bcrypt hash within the ceiling.
    #[cfg(feature = "bcrypt")]
    Bcrypt(&'a str),
    /// Anything else.
    Foreign,
}

impl<'a> Stored<'a> {
    pub(super) fn read(text: &'a str, recipe: &'a Recipe) -> Self {
        #[cfg(feature = "bcrypt")]
        if is_bcrypt(text, recipe.config.max_bcrypt_cost) {
            return Self::Bcrypt(text);
        }
        StoredArgon2::read(text, recipe).map_or(Self::Foreign, |stored| Self::Argon2(Box::new(stored)))
    }
}

pub(super) struct StoredArgon2<'a> {
    argon2: Argon2<'a>,
    salt: Salt,
    output: Output,
    stale: bool,
}

impl<'a> StoredArgon2<'a> {
    fn read(text: &str, recipe: &'a Recipe) -> Option<Self> {
        let phc = PhcString::new(text).ok()?;
        let algorithm = Algorithm::try_from(phc.algorithm.as_str()).ok()?;
        // The reference implementation reads a hash without version as 1.0.
        let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        if ["m", "t", "p"].iter().any(|name| phc.params.get(*name).is_none()) {
            return None;
        }
        let params = Params::try_from(&phc).ok()?;
        let config = &recipe.config;
        if params.m_cost() > config.max_memory_kib
            || params.t_cost() > config.max_passes
            || params.p_cost() > config.max_lanes
        {
            return None;
        }
        let (salt, output) = (phc.salt?, phc.hash?);
        let key = match params.keyid() {
            [] => None,
            id => Some(recipe.peppers.find(id)?),
        };
        let current_key = key.map(|key| key.id()) == Some(recipe.peppers.first().id());
        let stale = !current_key
            || algorithm != Algorithm::Argon2id
            || version != Version::V0x13
            || costs(&params) != costs(&config.argon2.to_argon2())
            || !params.data().is_empty()
            || salt.len() != Argon2Params::SALT_LEN
            || output.len() != Argon2Params::OUTPUT_LEN;
        let argon2 = match key {
            Some(key) => Argon2::new_with_secret(key.expose(), algorithm, version, params).ok()?,
            None => Argon2::new(algorithm, version, params),
        };
        Some(Self { argon2, salt, output, stale })
    }

    pub(super) fn matches(&self, password: &[u8], recipe: &Recipe, memory: &mut Memory) -> Result<bool, OutOfMemory> {
        let mut computed = Zeroizing::new([0; Output::MAX_LENGTH]);
        let computed = &mut computed[..self.output.len()];
        recipe.fill(&self.argon2, password, &self.salt, computed, memory)?;
        Ok(computed.ct_eq(self.output.as_bytes()).into())
    }

    pub(super) const fn stale(&self) -> bool {
        self.stale
    }
}

fn costs(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

#[cfg(feature = "bcrypt")]
fn is_bcrypt(text: &str, max_cost: u32) -> bool {
    // The library would read a cost of `+4`.
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix))
        && text.as_bytes().get(4).is_some_and(u8::is_ascii_digit)
        && text.parse::<bcrypt::HashParts>().is_ok_and(|parts| (4..=max_cost).contains(&parts.get_cost()))
}
