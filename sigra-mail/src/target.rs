//! Where mail goes, as one setting of a host.

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use sigra_core::mail::Mailer;

use crate::console::ConsoleMailer;
use crate::dir::DirMailer;
use crate::eml::Sender;
#[cfg(feature = "smtp")]
use crate::smtp::{InvalidSmtpUrl, SmtpMailer, SmtpUrl};

/// Where mail goes: `dir:PATH`, `console`, or `smtp://…` and `smtps://…` with the feature `smtp`.
///
/// ```
/// use sigra_mail::MailTarget;
///
/// let target: MailTarget = "dir:./mail".parse()?;
/// assert!(target.is_for_development());
/// # Ok::<_, sigra_mail::InvalidTarget>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MailTarget {
    /// A folder; see [`DirMailer`].
    Dir(PathBuf),
    /// The terminal; see [`ConsoleMailer`].
    Console,
    /// An SMTP server; see [`SmtpMailer`].
    #[cfg(feature = "smtp")]
    Smtp(SmtpUrl),
}

impl MailTarget {
    /// What [`MailTarget::parse`] accepts, for the message of a host that refuses its setting.
    pub const ACCEPTED: &str = if cfg!(feature = "smtp") {
        "dir:PATH, console, smtp://user:password@host:port?tls=required or smtps://user:password@host:port"
    } else {
        "dir:PATH or console"
    };

    /// Reads a setting.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`], which quotes nothing of the text: there may be a password in it.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        if text == "console" {
            return Ok(Self::Console);
        }
        if let Some(path) = text.strip_prefix("dir:") {
            return if path.is_empty() { Err(InvalidTarget::NoPath) } else { Ok(Self::Dir(path.into())) };
        }
        let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if scheme != "smtp" && scheme != "smtps" {
            return Err(InvalidTarget::Unknown);
        }
        #[cfg(feature = "smtp")]
        return Ok(Self::Smtp(text.parse()?));
        #[cfg(not(feature = "smtp"))]
        Err(InvalidTarget::WithoutSmtp)
    }

    /// Whether mail stays on this machine, where nobody it is for reads it.
    #[must_use]
    pub const fn is_for_development(&self) -> bool {
        matches!(self, Self::Dir(_) | Self::Console)
    }

    /// Makes the mailer.
    ///
    /// # Errors
    ///
    /// When the folder cannot be created, or TLS cannot be set up.
    pub fn open(self, sender: Sender) -> Result<Arc<dyn Mailer>, OpenError> {
        Ok(match self {
            Self::Dir(path) => Arc::new(DirMailer::new(path, sender).map_err(OpenError::new)?),
            Self::Console => Arc::new(ConsoleMailer::new(sender)),
            #[cfg(feature = "smtp")]
            Self::Smtp(url) => Arc::new(SmtpMailer::new(url, sender)?),
        })
    }
}

impl FromStr for MailTarget {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        Self::parse(text)
    }
}

/// The setting names nowhere mail can go. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// Neither of the known forms.
    #[error("not a place mail can go to")]
    Unknown,
    /// `dir:` and nothing behind it.
    #[error("`dir:` without a path")]
    NoPath,
    /// SMTP is not compiled in.
    #[error("this program was built without SMTP")]
    WithoutSmtp,
    /// SMTP, but not like that.
    #[cfg(feature = "smtp")]
    #[error(transparent)]
    Smtp(#[from] InvalidSmtpUrl),
}

/// A mailer could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the mailer could not be set up: {0}")]
pub struct OpenError(Box<dyn Error + Send + Sync>);

impl OpenError {
    pub(crate) fn new(cause: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_parse_into_their_targets() {
        assert!(matches!(MailTarget::parse("console"), Ok(MailTarget::Console)));
        assert!(matches!(MailTarget::parse("dir:/tmp/mail"), Ok(MailTarget::Dir(path)) if path == *"/tmp/mail"));
        for bad in ["", "Console", "file:/tmp", "/tmp/mail", "mail.example:25"] {
            assert_eq!(MailTarget::parse(bad).unwrap_err(), InvalidTarget::Unknown, "{bad:?}");
        }
        assert_eq!(MailTarget::parse("dir:").unwrap_err(), InvalidTarget::NoPath);
    }

    #[cfg(feature = "smtp")]
    #[test]
    fn pw_30_smtp_settings_parse_and_hide_their_credentials() {
        let target = MailTarget::parse("smtp://canary:canary@127.0.0.1:1025").unwrap();
        assert!(!target.is_for_development());
        assert!(!format!("{target:?}").contains("canary"));
        let error = MailTarget::parse("smtp://canary:canary@host?tls=no").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[cfg(not(feature = "smtp"))]
    #[test]
    fn smtp_that_is_not_compiled_in_is_named() {
        assert_eq!(MailTarget::parse("smtps://mail.example").unwrap_err(), InvalidTarget::WithoutSmtp);
    }
}
