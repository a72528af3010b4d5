//! The rules for new passwords.

mod common;
mod settings;
mod similar;

use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::password::Password;
use sigra_core::ports::{Overloaded, PasswordFault, PasswordPolicy, PolicyContext, WorkOrigin};
use zeroize::Zeroizing;
use zxcvbn::matching::patterns::MatchPattern;

use crate::config::ConfigFaults;
use crate::pool::HashPool;

pub use settings::PolicyConfig;

/// The [`PasswordPolicy`] of NIST SP 800-63B-4 §3.1.1.2, with an estimate of guesses on top.
///
/// Length in code points; the whole password compared with the common list and with the words of its account; zxcvbn over
/// the first 100 code points. No rule about kinds of characters. Runs on a [`HashPool`]. Never answers
/// [`PasswordFault::TooLong`], which [`Password::parse`] sees to, nor [`PasswordFault::Breached`], which takes a service:
/// a policy over both adds its own faults to these.
pub struct StandardPolicy {
    pool: Arc<HashPool>,
    config: Arc<PolicyConfig>,
}

impl StandardPolicy {
    /// What zxcvbn is given to look at, and the longest of its words, in code points.
    const ESTIMATED: usize = 100;

    /// A policy whose work runs on `pool`.
    ///
    /// # Errors
    ///
    /// Every fault of the configuration.
    pub fn new(pool: Arc<HashPool>, config: &PolicyConfig) -> Result<Self, ConfigFaults> {
        ConfigFaults::check(config.faults())?;
        Ok(Self { pool, config: Arc::new(config.clone()) })
    }
}

#[async_trait]
impl PasswordPolicy for StandardPolicy {
    async fn check(
        &self,
        password: &Password,
        context: &PolicyContext<'_>,
        origin: WorkOrigin,
    ) -> Result<Vec<PasswordFault>, Overloaded> {
        let password = password.clone();
        let config = Arc::clone(&self.config);
        let words = words(context, &config);
        self.pool.run(origin, move || faults(&password, &words, &config)).await
    }
}

fn faults(password: &Password, words: &[String], config: &PolicyConfig) -> Vec<PasswordFault> {
    let mut faults = Vec::new();
    let minimum = config.required_length();
    if password.code_points() < minimum {
        faults.push(PasswordFault::TooShort { minimum });
    }
    if config.check_common && common::is_common(password.expose()) {
        faults.push(PasswordFault::Common);
    }
    if similar::is_similar(password.expose(), words) {
        faults.push(PasswordFault::Similar);
    }
    if config.zxcvbn_min_score > 0 && is_weak(password, words, config.zxcvbn_min_score) {
        faults.push(PasswordFault::Weak);
    }
    faults
}

/// Whether zxcvbn scores the password below `min_score`, and found a pattern in it. It counts ten guesses for each
/// character in no pattern, so it gives no password of eight characters a 3; one without a pattern is as good as its
/// length allows, and the length is another rule's.
fn is_weak(password: &Password, words: &[String], min_score: u8) -> bool {
    let estimated: Zeroizing<String> =
        Zeroizing::new(password.expose().chars().take(StandardPolicy::ESTIMATED).collect());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(&estimated, &words);
    let without_pattern = estimate.sequence().iter().all(|part| matches!(part.pattern, MatchPattern::BruteForce));
    u8::from(estimate.score()) < min_score && !without_pattern
}

/// The words of the account and the product, as they were written.
fn words(context: &PolicyContext<'_>, config: &PolicyConfig) -> Vec<String> {
    let (email, domain) = (context.email, context.email.domain());
    let local = email.local_part();
    let without_tag = local.split_once('+').map(|(base, _)| base);
    let organization = domain.split_once('.').map(|(label, _)| label);
    [email.as_str(), email.identity(), local, domain]
        .into_iter()
        .chain(without_tag)
        .chain(organization)
        .chain(context.words.iter().copied())
        .chain(config.product_words.iter().map(String::as_str))
        .map(|word| word.chars().take(StandardPolicy::ESTIMATED).collect())
        .collect()
}

#[cfg(test)]
mod tests;
