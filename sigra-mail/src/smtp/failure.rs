//! What went wrong, without a word of what the server said.

use std::error::Error;
use std::fmt;
use std::io;

use sigra_core::mail::{MailError, MailFault};

use crate::words::one_line;

/// Why an SMTP server did not take a message.
///
/// Names the reply code and the enhanced status code (RFC 3463), never the text of a reply: servers quote credentials,
/// addresses and links in it.
#[derive(Debug)]
pub struct SmtpFailure(Reason);

#[derive(Debug)]
enum Reason {
    Reply { code: u16, enhanced: Option<String> },
    Silent,
    Unreachable(io::Error),
    Tls(String),
    Client(String),
    Other,
}

impl SmtpFailure {
    /// The three-digit reply code, when the server answered.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self.0 {
            Reason::Reply { code, .. } => Some(code),
            _ => None,
        }
    }

    pub(super) const fn silent() -> Self {
        Self(Reason::Silent)
    }

    pub(super) fn of(error: &lettre::transport::smtp::Error) -> Self {
        if let Some(code) = error.status() {
            return Self(Reason::Reply { code: code.into(), enhanced: enhanced(error) });
        }
        if error.is_tls() {
            return Self(Reason::Tls(one_line(&error.to_string())));
        }
        if error.is_client() {
            // lettre's own words, about what it cannot do.
            return Self(Reason::Client(one_line(&error.to_string())));
        }
        match io_error(error) {
            Some(cause) if cause.kind() == io::ErrorKind::TimedOut => Self(Reason::Silent),
            // A handshake that fails, over a certificate for one, is an error of the connection to lettre.
            Some(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                Self(Reason::Tls(one_line(&cause.to_string())))
            }
            Some(cause) => Self(Reason::Unreachable(io::Error::new(cause.kind(), one_line(&cause.to_string())))),
            None => Self(Reason::Other),
        }
    }

    pub(super) fn into_mail_error(self, envelope_is_ascii: bool) -> MailError {
        let permanent = match &self.0 {
            // RFC 4954 §6: what is refused is this client, whose credentials somebody can mend, not this mail.
            Reason::Reply { code: 530 | 534 | 535 | 538, .. } => false,
            Reason::Reply { code, .. } => *code >= 500,
            // A local part beyond ASCII, and a server without SMTPUTF8 (RFC 6531).
            Reason::Client(_) => !envelope_is_ascii,
            Reason::Silent | Reason::Unreachable(_) | Reason::Tls(_) | Reason::Other => false,
        };
        let fault = self.fault();
        if permanent {
            MailError::Permanent(fault, Box::new(self))
        } else {
            MailError::Temporary(fault, Box::new(self))
        }
    }

    fn fault(&self) -> MailFault {
        match &self.0 {
            Reason::Reply { code: 530 | 534 | 535 | 538, .. } => MailFault::CREDENTIALS,
            Reason::Reply { code: 500.., .. } => MailFault::REFUSED,
            Reason::Reply { .. } => MailFault::DEFERRED,
            Reason::Silent => MailFault::TIMED_OUT,
            Reason::Unreachable(_) | Reason::Other => MailFault::UNREACHABLE,
            Reason::Tls(_) => MailFault::INSECURE,
            Reason::Client(words) if words.contains("STARTTLS") => MailFault::INSECURE,
            Reason::Client(_) => MailFault::UNSUPPORTED,
        }
    }
}

impl fmt::Display for SmtpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Reply { code, enhanced: Some(enhanced) } => write!(f, "the mail server answered {code} {enhanced}"),
            Reason::Reply { code, enhanced: None } => write!(f, "the mail server answered {code}"),
            Reason::Silent => f.write_str("the mail server did not answer in time"),
            Reason::Unreachable(cause) => write!(f, "no connection to the mail server: {cause}"),
            Reason::Tls(cause) => write!(f, "no secure connection to the mail server: {cause}"),
            Reason::Client(cause) => write!(f, "the mail server lacks what is needed: {cause}"),
            Reason::Other => f.write_str("the mail server hung up, or cannot be understood"),
        }
    }
}

impl Error for SmtpFailure {}

/// `5.1.1` and the like, when a reply's text begins with one.
fn enhanced(error: &lettre::transport::smtp::Error) -> Option<String> {
    let text = error.source()?.to_string();
    let first = text.split_ascii_whitespace().next()?;
    let parts: Vec<_> = first.split('.').collect();
    let numeric = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(numeric)).then(|| first.to_owned())
}

fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
