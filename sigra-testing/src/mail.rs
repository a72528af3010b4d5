//! A mailer that keeps what it is given, and a composer without templates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::{ComposeError, Composer, Facts, MailError, MailFault, MailKind, Mailer, Message};
use sigra_core::secret::{Code, RawToken};

/// A mailer that delivers to a list. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct CaptureMailer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Message>,
    temporary: usize,
    permanent: usize,
}

impl CaptureMailer {
    /// A mailer that was given nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything delivered, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        self.lock().sent.clone()
    }

    /// Everything delivered to an address, oldest first.
    #[must_use]
    pub fn sent_to(&self, to: &EmailAddress) -> Vec<Message> {
        self.lock().sent.iter().filter(|message| message.to == *to).cloned().collect()
    }

    /// Everything delivered since this was last asked, oldest first.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.lock().sent)
    }

    /// The last mail of a kind to an address.
    #[must_use]
    pub fn last(&self, kind: &MailKind, to: &EmailAddress) -> Option<Message> {
        self.sent_to(to).into_iter().rev().find(|message| message.kind == *kind)
    }

    /// The token of `page` in the last mail of a kind to an address, as a [`PlainComposer`] wrote it.
    #[must_use]
    pub fn token(&self, kind: &MailKind, to: &EmailAddress, page: &str) -> Option<RawToken> {
        RawToken::parse(fact(&self.last(kind, to)?.text, page)?)
    }

    /// The code in the last mail of a kind to an address, as a [`PlainComposer`] wrote it.
    #[must_use]
    pub fn code(&self, kind: &MailKind, to: &EmailAddress) -> Option<Code> {
        Code::parse(fact(&self.last(kind, to)?.text, "code")?)
    }

    /// Fails the next `times` deliveries in a way that trying again may mend.
    pub fn fail_temporarily(&self, times: usize) {
        self.lock().temporary = times;
    }

    /// Fails the next `times` deliveries for good. Comes before [`CaptureMailer::fail_temporarily`].
    pub fn fail_permanently(&self, times: usize) {
        self.lock().permanent = times;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for CaptureMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let mut state = self.lock();
        if state.permanent > 0 {
            state.permanent -= 1;
            return Err(MailError::Permanent(MailFault::REFUSED, "550 the test said no".into()));
        }
        if state.temporary > 0 {
            state.temporary -= 1;
            return Err(MailError::Temporary(MailFault::DEFERRED, "451 the test said later".into()));
        }
        state.sent.push(message.clone());
        Ok(())
    }
}

/// Words mails without templates: the subject is the kind, the text one `name: value` line for each fact.
///
/// Tokens are lines named after their page, as in `reset_password: …`; a code is `code: …`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainComposer;

impl Composer for PlainComposer {
    fn compose(&self, id: MailId, kind: &MailKind, to: &EmailAddress, facts: &Facts) -> Result<Message, ComposeError> {
        let tokens = facts.tokens.iter().map(|(page, token)| (page.as_str(), token.to_string()));
        let others = [
            ("code", facts.code.as_ref().map(|code| code.to_string())),
            ("at", facts.at.map(|at| at.to_string())),
            ("valid_secs", facts.valid_secs.map(|secs| secs.to_string())),
            ("code_valid_secs", facts.code_valid_secs.map(|secs| secs.to_string())),
            ("device", facts.device.clone()),
            ("place", facts.place.clone()),
            ("ip", facts.ip.clone()),
        ];
        let others = others.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let text: String = tokens.chain(others).map(|(name, value)| format!("{name}: {value}\n")).collect();
        Ok(Message { id, kind: kind.clone(), to: to.clone(), subject: kind.to_string(), text, html: String::new() })
    }
}

fn fact<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use sigra_core::secret::Purpose;
    use sigra_core::time::Timestamp;

    use super::*;

    fn compose(token: &RawToken, code: &Code) -> Message {
        let to = EmailAddress::parse("ann@example.org").unwrap();
        let facts = Facts::default().with_token("confirm", token).with_code(code);
        PlainComposer.compose(MailId::new(Timestamp::EPOCH), &MailKind::CONFIRM_EMAIL, &to, &facts).unwrap()
    }

    #[tokio::test]
    async fn what_was_mailed_can_be_taken_out_again() {
        let mailer = CaptureMailer::new();
        let (token, code) = (RawToken::random(), Code::random());
        mailer.send(&compose(&RawToken::random(), &Code::random())).await.unwrap();
        let message = compose(&token, &code);
        mailer.send(&message).await.unwrap();
        let (kind, to) = (MailKind::CONFIRM_EMAIL, message.to);
        let found = mailer.token(&kind, &to, "confirm").unwrap();
        assert_eq!(found.digest(Purpose::SESSION), token.digest(Purpose::SESSION));
        assert_eq!(mailer.code(&kind, &to).unwrap().as_bytes(), code.as_bytes());
        assert!(mailer.token(&kind, &to, "reset_password").is_none());
        assert!(mailer.last(&MailKind::NEW_DEVICE, &to).is_none());
        assert_eq!(mailer.take().len(), 2);
        assert!(mailer.sent().is_empty());
    }

    #[tokio::test]
    async fn deliveries_fail_as_often_as_told() {
        let mailer = CaptureMailer::new();
        let message = compose(&RawToken::random(), &Code::random());
        mailer.fail_temporarily(1);
        mailer.fail_permanently(1);
        assert!(matches!(mailer.send(&message).await, Err(MailError::Permanent(..))));
        assert!(matches!(mailer.send(&message).await, Err(MailError::Temporary(..))));
        assert!(mailer.send(&message).await.is_ok());
        assert_eq!(mailer.sent().len(), 1);
    }
}
