//! Mail onto the terminal, for development.

use std::io::{self, Write};

use async_trait::async_trait;
use sigra_core::mail::{MailError, MailFault, Mailer, Message};

use crate::eml::{Sender, build};

/// Prints the headers and the text part of each mail to stdout.
///
/// For development: the links it prints sign people in.
#[derive(Debug)]
pub struct ConsoleMailer {
    sender: Sender,
}

impl ConsoleMailer {
    /// Prints mails from `sender`.
    #[must_use]
    pub const fn new(sender: Sender) -> Self {
        Self { sender }
    }
}

#[async_trait]
impl Mailer for ConsoleMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let shown = shown(&self.sender, message)?;
        let mut out = io::stdout().lock();
        out.write_all(shown.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| MailError::Temporary(MailFault::UNREACHABLE, Box::new(error)))
    }
}

fn shown(sender: &Sender, message: &Message) -> Result<String, MailError> {
    let headers = build(sender, message)?.headers().to_string().replace("\r\n", "\n");
    // A terminal obeys control characters.
    let text: String = message.text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    Ok(format!("{RULE}\n{headers}\n{}\n{RULE}\n", text.trim_end()))
}

const RULE: &str = "----------------------------------------------------------------";

#[cfg(test)]
mod tests {
    use sigra_core::email::EmailAddress;
    use sigra_core::id::MailId;
    use sigra_core::mail::MailKind;
    use sigra_core::time::Timestamp;

    use super::*;

    #[test]
    fn cs_13_a_mail_is_shown_with_its_headers_and_without_escapes() {
        let sender = Sender::new("Acme", EmailAddress::parse("post@acme.example").unwrap());
        let message = Message {
            id: MailId::new(Timestamp::EPOCH),
            kind: MailKind::MAGIC_LINK,
            to: EmailAddress::parse("ann@example.org").unwrap(),
            subject: "Hello".to_owned(),
            text: "first\nhttps://acme.example/x\n\u{1b}[2Jlast\n".to_owned(),
            html: String::new(),
        };
        let shown = shown(&sender, &message).unwrap();
        assert!(shown.contains("\nTo: ann@example.org\n"), "{shown}");
        assert!(shown.contains("\nX-Sigra-Kind: magic_link\n"), "{shown}");
        assert!(shown.contains("\n\nfirst\nhttps://acme.example/x\n[2Jlast\n"), "{shown}");
    }
}
