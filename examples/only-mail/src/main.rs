//! Mail in sigra's words from a flow of your own: sign-in links, `sigra-core` for the token, `sigra-mail` for the rest.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use sigra_core::email::EmailAddress;
use sigra_core::id::MailId;
use sigra_core::mail::{Composer, Facts, MailKind, Mailer};
use sigra_core::secret::{Digest, Purpose, RawToken};
use sigra_core::time::{Clock, SystemClock, Timestamp};
use sigra_mail::{Links, MailTarget, Sender, Templates};

/// Your links that sign in, with your table of them.
struct SignInLinks {
    templates: Templates,
    mailer: Arc<dyn Mailer>,
    clock: SystemClock,
    table: HashMap<Digest, (EmailAddress, Timestamp)>,
}

impl SignInLinks {
    /// How long a link is good for.
    const VALID: Duration = Duration::from_secs(600);

    fn new(target: &str) -> Result<Self, Box<dyn Error>> {
        let links = Links::new().link("magic_link", "https://garden.example/sign-in/{token}");
        let sender = Sender::new("Garden", EmailAddress::parse("no-reply@garden.example")?);
        Ok(Self {
            templates: Templates::builder("Garden", links).only(&[MailKind::MAGIC_LINK]).build()?,
            mailer: MailTarget::parse(target)?.open(sender)?,
            clock: SystemClock::new(),
            table: HashMap::new(),
        })
    }

    /// Mails a link. What is kept is the digest of its token, which signs nobody in.
    async fn send(&mut self, to: &EmailAddress) -> Result<(), Box<dyn Error>> {
        let (now, token) = (self.clock.now(), RawToken::random());
        let facts = Facts { at: Some(now), valid_secs: Some(Self::VALID.as_secs()), ..Facts::default() };
        let facts = facts.with_token("magic_link", &token);
        let mail = self.templates.compose(MailId::new(now), &MailKind::MAGIC_LINK, to, &facts)?;
        self.table.insert(token.digest(Purpose::MAGIC_LINK), (to.clone(), now + Self::VALID));
        Ok(self.mailer.send(&mail).await?)
    }

    /// Who the token of a link signs in, once.
    fn redeem(&mut self, token: &str) -> Option<EmailAddress> {
        let digest = RawToken::parse(token)?.digest(Purpose::MAGIC_LINK);
        let (email, expires_at) = self.table.remove(&digest)?;
        (self.clock.now() < expires_at).then_some(email)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut links = SignInLinks::new("console")?;
    links.send(&EmailAddress::parse("ann@example.org")?).await?;
    println!("a made-up token: {:?}", links.redeem(&"A".repeat(RawToken::TEXT_LEN)));
    Ok(())
}
