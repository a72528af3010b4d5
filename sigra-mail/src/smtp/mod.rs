//! Mail over SMTP (RFC 5321).

mod failure;
mod url;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use sigra_core::mail::{MailError, Mailer, Message};

pub use self::failure::SmtpFailure;
pub use self::url::{InvalidSmtpUrl, SmtpUrl};
use crate::eml::{Sender, build};
use crate::target::OpenError;

/// Hands mail to an SMTP server, over a new connection for each message.
///
/// Needs a tokio runtime with time and IO when it sends, none when it is made. TLS is rustls with the trust store of the
/// operating system; it uses the process's default crypto provider when there is one, `ring` otherwise, and installs
/// none.
///
/// A 4xx reply, an unreachable or silent server and refused credentials are [`MailError::Temporary`]; any other 5xx reply
/// and an address the server cannot take are [`MailError::Permanent`].
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    url: SmtpUrl,
    sender: Sender,
    timeout: Duration,
}

impl SmtpMailer {
    /// How long one message may take, from connecting to the server's last answer, unless
    /// [`SmtpMailer::with_timeout`] says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Mails `sender`'s messages through the server of `url`. Does not connect yet.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up, as when the system trusts no certificate authority.
    pub fn new(url: SmtpUrl, sender: Sender) -> Result<Self, OpenError> {
        if !url.is_encrypted() && !url.is_loopback() {
            tracing::warn!(
                name: "sigra.smtp.unencrypted",
                host = url.host(),
                "mail, with the sign-in links in it, goes to its server unencrypted"
            );
        }
        let transport = builder(&url, &sender).map_err(OpenError::new)?.timeout(Some(Self::TIMEOUT)).build();
        Ok(Self { transport, url, sender, timeout: Self::TIMEOUT })
    }

    /// Sets how long one message may take.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("url", &self.url).field("sender", &self.sender).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let mail = build(&self.sender, message)?;
        let envelope_is_ascii = mail.envelope().to().iter().all(|to| AsRef::<str>::as_ref(to).is_ascii());
        // lettre bounds connecting by a time-out, reading an answer by none.
        match tokio::time::timeout(self.timeout, self.transport.send(mail)).await {
            Ok(Ok(_accepted)) => Ok(()),
            Ok(Err(error)) => Err(SmtpFailure::of(&error).into_mail_error(envelope_is_ascii)),
            Err(_elapsed) => Err(SmtpFailure::silent().into_mail_error(envelope_is_ascii)),
        }
    }
}

fn builder(url: &SmtpUrl, sender: &Sender) -> Result<AsyncSmtpTransportBuilder, lettre::transport::smtp::Error> {
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())?;
    if url.names_the_client() {
        return Ok(builder);
    }
    Ok(builder.hello_name(ClientId::Domain(sender.address().domain().to_owned())))
}
