//! The one form in which every mailer hands a message over: an Internet message (RFC 5322) with a text and an HTML part.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use sigra_core::email::EmailAddress;
use sigra_core::mail::{MailError, MailFault, Message};

use crate::words::{one_line, owed_at};

/// Who the mails are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: String,
    address: EmailAddress,
}

impl Sender {
    /// A sender with a name people read; an empty name leaves the address alone. Control characters are taken out of it.
    ///
    /// The address is also where delivery failures are reported to, and its domain is part of every `Message-ID`.
    #[must_use]
    pub fn new(name: &str, address: EmailAddress) -> Self {
        Self { name: one_line(name).trim().to_owned(), address }
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> &EmailAddress {
        &self.address
    }
}

/// The bytes of the message as a mail server or a `.eml` file takes them, lines ended by CRLF.
///
/// The same message gives the same bytes: `Message-ID` and `Date` come from its id. Headers are ASCII whatever the
/// message says, and no value can start another header. A part that is ASCII is not encoded, so its links stay on their
/// lines; any other is quoted-printable. For mailers that hand messages to an API.
///
/// # Errors
///
/// [`MailError::Permanent`] when an address is not one a message can carry.
pub fn to_eml(sender: &Sender, message: &Message) -> Result<Vec<u8>, MailError> {
    Ok(build(sender, message)?.formatted())
}

pub(crate) fn build(sender: &Sender, message: &Message) -> Result<lettre::Message, MailError> {
    let from = address(&sender.address)?;
    let to = address(&message.to)?;
    let envelope = Envelope::new(Some(from.clone()), vec![to.clone()]).map_err(permanent)?;
    let name = (!sender.name.is_empty()).then(|| sender.name.clone());
    let at = Duration::from_micros(owed_at(message.id).as_micros().unsigned_abs());
    lettre::Message::builder()
        .envelope(envelope)
        .message_id(Some(format!("<{}@{}>", message.id, sender.address.domain())))
        .date(UNIX_EPOCH + at)
        .from(Mailbox::new(name, from))
        .to(Mailbox::new(None, to))
        .subject(one_line(&message.subject).trim())
        .raw_header(extra("X-Sigra-Kind", message.kind.as_str()))
        .raw_header(extra("Auto-Submitted", "auto-generated"))
        .multipart(
            MultiPart::alternative()
                .boundary(format!("sigra-{}", message.id))
                .singlepart(part(ContentType::TEXT_PLAIN, &message.text))
                .singlepart(part(ContentType::TEXT_HTML, &message.html)),
        )
        .map_err(permanent)
}

/// The address with the domain as A-labels, which every mail server can route.
fn address(address: &EmailAddress) -> Result<Address, MailError> {
    Address::new(address.local_part(), address.domain()).map_err(permanent)
}

fn permanent(error: impl std::error::Error + Send + Sync + 'static) -> MailError {
    MailError::Permanent(MailFault::UNSUPPORTED, Box::new(error))
}

fn extra(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value))
}

fn part(content_type: ContentType, text: &str) -> SinglePart {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    SinglePart::builder().header(content_type).body(encoded(lines))
}

fn encoded(lines: String) -> Body {
    // RFC 5322 §2.1.1: 998 characters a line. lettre itself would break lines from 76 on.
    let plain =
        lines.bytes().all(|byte| byte.is_ascii() && byte != 0) && lines.split('\n').all(|line| line.len() <= 998);
    if plain {
        let wire = lines.replace('\n', "\r\n").into_bytes();
        return Body::dangerous_pre_encoded(wire, ContentTransferEncoding::SevenBit);
    }
    Body::new_with_encoding(lines, ContentTransferEncoding::QuotedPrintable).expect("quoted-printable takes any text")
}
