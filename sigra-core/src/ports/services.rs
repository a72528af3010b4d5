//! Services outside that a host may have asked: lists of breached passwords, the domain name system.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use crate::password::Password;

/// Knows passwords from data breaches.
///
/// # Contract
///
/// - Neither the password nor anything it can be found by leaves the process. A range protocol that tells a few bits of a
///   hash is fine.
/// - Every call ends in a bounded time, within what a person waits for a form. What takes longer is [`Unanswered`].
/// - Not knowing is [`Unanswered`], never `false`. What happens then is the configuration's to say.
#[async_trait]
pub trait BreachedPasswords: Send + Sync {
    /// Whether the password is known from a breach, as a whole.
    async fn is_breached(&self, password: &Password) -> Result<bool, Unanswered>;
}

/// Knows which domains take mail.
///
/// # Contract
///
/// - The answer depends on the domain alone, never on who has an address in it.
/// - Every call ends in a bounded time, within what a person waits for a form. What takes longer is [`Unanswered`].
/// - `false` is for domains that say so, or that do not exist. Not knowing is [`Unanswered`].
#[async_trait]
pub trait MailDomains: Send + Sync {
    /// Whether mail to `domain` has somewhere to go. The domain is given as A-labels, as
    /// [`EmailAddress::domain`](crate::email::EmailAddress::domain) has it.
    async fn takes_mail(&self, domain: &str) -> Result<bool, Unanswered>;
}

/// A service could not be asked, or gave no answer that can be used.
///
/// Its reason goes to the audit trail and its source to the log, so neither may hold anything of what was asked.
#[derive(Debug)]
pub struct Unanswered {
    reason: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Unanswered {
    /// No answer, for a reason given as a fixed word such as `timed_out`.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self { reason, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Why, as a fixed word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer: {}", self.reason)
    }
}

impl Error for Unanswered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
