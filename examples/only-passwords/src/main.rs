//! Hashing and judging passwords in a login of your own: `sigra-core` for the words, `sigra-crypto` for the work.

use std::collections::HashMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use sigra_core::client::IpBlock;
use sigra_core::email::EmailAddress;
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher, Overloaded, PasswordFault, PasswordPolicy, PolicyContext, Verified, WorkOrigin};
use sigra_crypto::{HashPool, HashingConfig, PasswordHasher, PolicyConfig, PoolConfig, RootSecrets, StandardPolicy};

/// Your login, with your table of addresses and hashes.
struct Login {
    hasher: PasswordHasher,
    policy: StandardPolicy,
    table: Mutex<HashMap<String, String>>,
}

impl Login {
    /// `secret` is 32 random bytes in base64. Keep it outside the database: without it no hash made here verifies.
    fn new(secret: &str) -> Result<Self, Box<dyn Error>> {
        let pool = Arc::new(HashPool::new(&PoolConfig::default())?);
        let words = PolicyConfig { product_words: vec![String::from("Garden")], ..PolicyConfig::default() };
        Ok(Self {
            hasher: PasswordHasher::new(pool.clone(), &HashingConfig::default(), &RootSecrets::parse(secret)?)?,
            policy: StandardPolicy::new(pool, &words)?,
            table: Mutex::default(),
        })
    }

    /// Stores a new password, or says everything that is wrong with it. [`Overloaded`] is a 503 with `Retry-After`.
    async fn set_password(
        &self,
        email: &EmailAddress,
        typed: &str,
        from: Option<IpAddr>,
    ) -> Result<Result<(), Vec<PasswordFault>>, Overloaded> {
        let Ok(password) = Password::parse(typed) else {
            return Ok(Err(vec![PasswordFault::TooLong]));
        };
        let origin = WorkOrigin::Network(IpBlock::of(from));
        let faults = self.policy.check(&password, &PolicyContext { email, words: &[] }, origin).await?;
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let hash = self.hasher.hash(&password, origin).await?;
        self.write(email, &hash);
        Ok(Ok(()))
    }

    /// Whether this is the password. An unknown address, or a password too long to be one, costs the same work.
    async fn verify(&self, email: &EmailAddress, typed: &str, from: Option<IpAddr>) -> Result<bool, Overloaded> {
        let origin = WorkOrigin::Network(IpBlock::of(from));
        let (password, stored) = (Password::parse(typed).ok(), self.read(email));
        let verified = self.hasher.verify(password.as_ref(), stored.as_ref(), origin).await?;
        if verified == (Verified::Match { stale: true })
            && let Some(password) = &password
        {
            // An imported bcrypt hash, other parameters or an older secret: only now is there something to hash anew.
            let hash = self.hasher.hash(password, origin).await?;
            self.write(email, &hash);
        }
        Ok(matches!(verified, Verified::Match { .. }))
    }

    fn read(&self, email: &EmailAddress) -> Option<PasswordHash> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(email.identity()).cloned().map(PasswordHash::new)
    }

    fn write(&self, email: &EmailAddress, hash: &PasswordHash) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.insert(email.identity().to_owned(), hash.expose().to_owned());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let login = Login::new(&RootSecrets::generate())?;
    let (ann, from) = (EmailAddress::parse("ann@example.org")?, Some("192.0.2.7".parse()?));

    println!("short: {:?}", login.set_password(&ann, "garden", from).await?);
    println!("good: {:?}", login.set_password(&ann, "violet tractor humming quietly", from).await?);
    println!("right: {}", login.verify(&ann, "violet tractor humming quietly", from).await?);
    println!("wrong: {}", login.verify(&ann, "violet tractor", from).await?);

    // A row that came along from another system, and what it is after the first sign-in.
    let bob = EmailAddress::parse("bob@example.org")?;
    login.write(&bob, &PasswordHash::new(String::from("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")));
    println!("imported: {}", login.verify(&bob, "abc123xyz", from).await?);
    println!("now: {}", login.read(&bob).map(|hash| hash.expose()[..10].to_owned()).unwrap_or_default());
    Ok(())
}
