//! Mail as the flows see it: facts sealed into an outbox row with the change that owes them, composed and sent later.

mod facts;
mod message;

pub use facts::{Facts, MailKind, OutgoingMail};
pub use message::{ComposeError, Composer, MailError, MailFault, Mailer, Message};
