//! From facts to a message, and from a message to the wire.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use super::{Facts, MailKind};
use crate::email::EmailAddress;
use crate::id::MailId;

/// A mail, worded. Redacted when printed: it holds links and codes.
#[derive(Clone)]
pub struct Message {
    /// The outbox row it came from. `Message-ID` is made from it.
    pub id: MailId,
    /// Becomes the header `X-Sigra-Kind`.
    pub kind: MailKind,
    /// The one recipient.
    pub to: EmailAddress,
    /// One line.
    pub subject: String,
    /// The plain text part. Links and codes stand alone on their line.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Words mails.
pub trait Composer: Send + Sync {
    /// Words one mail.
    ///
    /// # Contract
    ///
    /// Pure: the same facts give the same words. Values are escaped in HTML and left alone in text. The subject is one
    /// line.
    ///
    /// # Errors
    ///
    /// When the kind is unknown or a template is broken. The mail is abandoned.
    fn compose(&self, id: MailId, kind: &MailKind, to: &EmailAddress, facts: &Facts) -> Result<Message, ComposeError>;
}

/// A mail could not be worded.
#[derive(Debug, thiserror::Error)]
#[error("no mail could be composed for `{kind}`")]
pub struct ComposeError {
    /// The kind in question.
    pub kind: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// Delivers messages.
///
/// # Contract
///
/// `Ok` means the message was handed over for good. Delivery is at least once: after a crash the same message, with the
/// same id, may come again, and a mailer that can recognize it should. The message is not logged.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Delivers one message.
    ///
    /// # Errors
    ///
    /// [`MailError`] tells whether trying again can help.
    async fn send(&self, message: &Message) -> Result<(), MailError>;
}

/// A message was not delivered: the word that is kept for the operator, and what is logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Trying again later may help: refused connection, time-out, a 4xx reply.
    #[error("the mail could not be handed over now")]
    Temporary(MailFault, #[source] Box<dyn Error + Send + Sync>),
    /// Trying again cannot help: a 5xx reply, an address the transport rejects.
    #[error("the mail was refused")]
    Permanent(MailFault, #[source] Box<dyn Error + Send + Sync>),
}

/// What went wrong with a mail, in one fixed word. It is stored and shown, so it never holds what a server said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailFault(Cow<'static, str>);

impl MailFault {
    /// The server, or the folder, could not be reached.
    pub const UNREACHABLE: Self = Self::new("unreachable");
    /// There was no answer in time.
    pub const TIMED_OUT: Self = Self::new("timed_out");
    /// No secure connection came about.
    pub const INSECURE: Self = Self::new("insecure");
    /// The credentials were refused.
    pub const CREDENTIALS: Self = Self::new("credentials");
    /// Refused for now, as by a 4xx reply.
    pub const DEFERRED: Self = Self::new("deferred");
    /// Refused for good, as by a 5xx reply.
    pub const REFUSED: Self = Self::new("refused");
    /// The server lacks what this takes: for such an address, or to be signed in to.
    pub const UNSUPPORTED: Self = Self::new("unsupported");
    /// It was no longer worth sending.
    pub const EXPIRED: Self = Self::new("expired");
    /// Its facts did not open.
    pub const UNREADABLE: Self = Self::new("unreadable");
    /// It could not be worded.
    pub const NOT_COMPOSED: Self = Self::new("not_composed");

    /// A word of another mailer's: lower-case ASCII with underscores, at most 32 bytes.
    #[must_use]
    pub const fn new(word: &'static str) -> Self {
        Self(Cow::Borrowed(word))
    }

    /// A word that storage returned.
    #[must_use]
    pub const fn from_stored(word: String) -> Self {
        Self(Cow::Owned(word))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
