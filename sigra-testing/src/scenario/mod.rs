//! A complete host for tests: sigra over in-memory stores and fakes, with the situations tests start from.
//!
//! ```
//! use sigra_core::flows::ResetOutcome;
//! use sigra_core::mail::MailKind;
//! use sigra_testing::scenario::TestHost;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let host = TestHost::new();
//! let ann = host.confirmed("ann@example.org").await;
//! let session = host.signed_in(&ann).await;
//! assert!(host.resolve(&session.cookie()).await.is_some());
//!
//! let _ = host.sigra.reset().request("ann@example.org", &host.client()).await.unwrap();
//! host.run_workers().await;
//! let link = host.mailed_token(&MailKind::RESET_PASSWORD, "ann@example.org");
//! let outcome = host.sigra.reset().redeem(&link, "a different long password", &host.client()).await.unwrap();
//! assert!(matches!(outcome, ResetOutcome::Done(_)));
//! assert!(host.resolve(&session.cookie()).await.is_none());
//! # }
//! ```

mod builder;
#[cfg(feature = "passkeys")]
mod passkeys;
#[cfg(feature = "mfa")]
mod second_factors;
#[cfg(feature = "http")]
mod surface;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sigra_core::client::ClientInfo;
use sigra_core::door::{Admission, Entry, Granted};
use sigra_core::email::EmailAddress;
use sigra_core::flows::{
    Confirmed, CurrentSession, LoginOutcome, PasswordAttempt, RegistrationForm, Submitted, SudoOutcome,
};
use sigra_core::mail::MailKind;
use sigra_core::secret::RawToken;
use sigra_core::session::Session;
use sigra_core::user::User;
use sigra_core::{Sigra, Stores};

pub use builder::{TestHostBuilder, TestParts};
#[cfg(feature = "mfa")]
pub use second_factors::SoftApp;
#[cfg(feature = "http")]
pub use surface::PUBLIC_URL;

use crate::{CaptureMailer, ManualClock, MemoryStore, PlainHasher, TestVault};

/// The password of everybody a [`TestHost`] registers.
pub const PASSWORD: &str = "a long enough password";

/// A password that is nobody's.
pub const WRONG_PASSWORD: &str = "not the right password";

/// A complete [`Sigra`] with its parts in reach, and shortcuts to the situations tests start from.
///
/// `S` is the handle of the storage: a [`MemoryStore`], or whatever [`TestHost::over`] was given. The shortcuts go
/// through the flows, so they work over every storage, and they panic when something stands in their way.
#[derive(Clone, Debug)]
pub struct TestHost<S = MemoryStore> {
    /// What is tested.
    pub sigra: Sigra,
    /// The storage's own handle.
    pub store: S,
    /// The time. Nothing happens by itself while it stands still.
    pub clock: ManualClock,
    /// The mail that was sent.
    pub mailer: CaptureMailer,
    /// The work that was hashed. Idle when the builder was given another hasher.
    pub hasher: PlainHasher,
    /// Opens what was sealed.
    pub vault: TestVault,
}

impl TestHost {
    /// A host over a [`MemoryStore`], with the default configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts a host over a [`MemoryStore`].
    pub fn builder() -> TestHostBuilder {
        let store = MemoryStore::new();
        let stores = store.stores();
        Self::over(store, stores)
    }
}

impl Default for TestHost {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> TestHost<S> {
    /// Starts a host over any storage: its ports, and a handle the tests will want to have.
    pub fn over(store: S, stores: Stores) -> TestHostBuilder<S> {
        TestHostBuilder::new(store, stores)
    }

    /// A client with a network address and a browser.
    #[must_use]
    pub fn client(&self) -> ClientInfo {
        client(7)
    }

    /// What that client brings along when it signs in: nothing but itself.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry { client: self.client(), ..Entry::default() }
    }

    /// Moves the time on by so many seconds.
    pub fn advance(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// Lets the workers answer requests and send mail until nothing is left that is due.
    ///
    /// # Panics
    ///
    /// When the workers cannot work, or never come to an end.
    pub async fn run_workers(&self) {
        for _ in 0..1_000 {
            if self.sigra.workers().run_once().await.expect("the workers must be able to work").is_idle() {
                return;
            }
        }
        panic!("the workers never come to an end")
    }

    /// An address with a submitted registration whose mail was sent and not answered.
    ///
    /// # Panics
    ///
    /// When the submission is not accepted.
    pub async fn registered(&self, email: &str) {
        self.registered_with(email, PASSWORD).await;
    }

    /// As [`TestHost::registered`], with another password.
    ///
    /// # Panics
    ///
    /// When the submission is not accepted.
    pub async fn registered_with(&self, email: &str, password: &str) {
        let client = self.client();
        let form = RegistrationForm { email, password, profile: None, client: &client };
        let submitted = self.sigra.registration().submit(form).await.expect("a registration must be submitted");
        assert_eq!(submitted, Submitted::Accepted);
        self.run_workers().await;
    }

    /// An account with a proven address and [`PASSWORD`], never signed in.
    ///
    /// # Panics
    ///
    /// When the account cannot be made, as when it exists.
    pub async fn confirmed(&self, email: &str) -> User {
        self.registered(email).await;
        let token = self.mailed_token(&MailKind::CONFIRM_EMAIL, email);
        match self.sigra.confirmation().by_token(&token, &self.client()).await {
            Ok(Confirmed::Created(user) | Confirmed::Proven(user)) => *user,
            other => panic!("{email} must be confirmed: {other:?}"),
        }
    }

    /// Submits a password, from a browser that brings nothing along.
    ///
    /// # Panics
    ///
    /// When no decision is reached.
    pub async fn login(&self, email: &str, password: &str) -> LoginOutcome {
        self.login_with(email, password, &self.entry()).await
    }

    /// Submits a password.
    ///
    /// # Panics
    ///
    /// When no decision is reached.
    pub async fn login_with(&self, email: &str, password: &str, entry: &Entry) -> LoginOutcome {
        let attempt = PasswordAttempt { email, password, entry };
        self.sigra.login().password(attempt).await.expect("a sign-in must be decided")
    }

    /// A session of this user with [`PASSWORD`], from a new browser. Its sudo window is open.
    ///
    /// # Panics
    ///
    /// When the user is not let in.
    pub async fn signed_in(&self, user: &User) -> SignedIn {
        self.signed_in_with(user, &self.entry()).await
    }

    /// A session of this user with [`PASSWORD`], from the browser described.
    ///
    /// # Panics
    ///
    /// When the user is not let in.
    pub async fn signed_in_with(&self, user: &User, entry: &Entry) -> SignedIn {
        SignedIn::of(self.login_with(user.email.as_str(), PASSWORD, entry).await)
    }

    /// A remembered session of this user, from a new browser. Its sudo window is closed.
    ///
    /// # Panics
    ///
    /// When the user is not let in.
    pub async fn remembered(&self, user: &User) -> SignedIn {
        self.signed_in_with(user, &Entry { remember: true, ..self.entry() }).await
    }

    /// The session after its user authenticated again: its sudo window is open, its token is another.
    ///
    /// # Panics
    ///
    /// When the session is over or the password is not [`PASSWORD`].
    pub async fn fresh(&self, session: &SignedIn) -> SignedIn {
        let current = self.resolve(&session.cookie()).await.expect("the session must be good");
        match self.sigra.sudo().password(&current, PASSWORD, &self.client()).await {
            Ok(SudoOutcome::Granted { token, session: elevated }) => {
                SignedIn { session: *elevated, token, ..session.clone() }
            }
            other => panic!("the session must become fresh: {other:?}"),
        }
    }

    /// A session of this user whose sudo window has just closed. Moves the time on.
    ///
    /// # Panics
    ///
    /// When the user is not let in.
    pub async fn stale(&self, user: &User) -> SignedIn {
        let session = self.signed_in(user).await;
        self.advance(self.sigra.config().sessions.sudo_secs.get().into());
        session
    }

    /// Wrong passwords for an address, from strangers' browsers, until attempts are locked.
    ///
    /// # Panics
    ///
    /// When a wrong password lets somebody in.
    pub async fn locked(&self, email: &str) {
        for _ in 0..=self.sigra.config().lockout.strangers.free {
            let outcome = self.login(email, WRONG_PASSWORD).await;
            assert!(matches!(outcome, LoginOutcome::InvalidCredentials), "{outcome:?}");
        }
    }

    /// The session a cookie names, if it is good.
    ///
    /// # Panics
    ///
    /// When the storage cannot tell.
    pub async fn resolve(&self, cookie: &str) -> Option<CurrentSession> {
        self.sigra.sessions().resolve(cookie, &self.client()).await.expect("a session must be looked up")
    }

    /// The token in the last mail of a kind to an address, as it stands in the link.
    ///
    /// # Panics
    ///
    /// When there is no such mail, with a list of what was sent.
    #[must_use]
    pub fn mailed_token(&self, kind: &MailKind, email: &str) -> String {
        let page = match kind.as_str() {
            "confirm_email" => "confirm",
            page @ ("magic_link" | "reset_password") => page,
            "email_change_confirm" => "email_change",
            "email_change_notice" | "email_changed" => "email_change_cancel",
            "deletion_scheduled" => "reactivate",
            _ => "not_me",
        };
        match self.mailer.token(kind, &address(email), page) {
            Some(token) => token.expose().to_string(),
            None => panic!("no link in a `{kind}` for {email}; sent were:\n{}", self.sent()),
        }
    }

    /// The code in the last confirmation mail to an address.
    ///
    /// # Panics
    ///
    /// When there is no such mail, with a list of what was sent.
    #[must_use]
    pub fn mailed_code(&self, email: &str) -> String {
        self.mailed_code_of(&MailKind::CONFIRM_EMAIL, email)
    }

    /// The code in the last mail of a kind to an address.
    ///
    /// # Panics
    ///
    /// When there is no such mail, with a list of what was sent.
    #[must_use]
    pub fn mailed_code_of(&self, kind: &MailKind, email: &str) -> String {
        match self.mailer.code(kind, &address(email)) {
            Some(code) => code.expose().to_string(),
            None => panic!("no code in a `{kind}` for {email}; sent were:\n{}", self.sent()),
        }
    }

    /// How many mails of a kind were sent to an address.
    ///
    /// # Panics
    ///
    /// When the address is none.
    #[must_use]
    pub fn count_mailed(&self, kind: &MailKind, email: &str) -> usize {
        self.mailer.sent_to(&address(email)).iter().filter(|message| message.kind == *kind).count()
    }

    fn sent(&self) -> String {
        self.mailer.sent().iter().map(|message| format!("  {} to {}\n", message.kind, message.to)).collect()
    }
}

/// A client with its own network address, told apart by a number.
#[must_use]
pub fn client(number: u8) -> ClientInfo {
    let ip = IpAddr::V4(Ipv4Addr::new(198, 51, 100, number));
    ClientInfo::new(Some(ip), Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), None)
}

/// A session somebody holds.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session as it was minted.
    pub session: Session,
    /// Its token.
    pub token: RawToken,
    /// The device token the browser was given, if it was given one.
    pub device: Option<RawToken>,
}

impl SignedIn {
    /// Takes the session out of a sign-in that was completed.
    ///
    /// # Panics
    ///
    /// When it was not.
    #[must_use]
    pub fn of(outcome: LoginOutcome) -> Self {
        match outcome {
            LoginOutcome::Admitted(Admission::Granted(granted)) => (*granted).into(),
            other => panic!("the sign-in must be completed: {other:?}"),
        }
    }

    /// The value of the session cookie.
    #[must_use]
    pub fn cookie(&self) -> String {
        self.token.expose().to_string()
    }

    /// What this browser brings along the next time it signs in, after signing out.
    #[must_use]
    pub fn returning(&self, client: ClientInfo) -> Entry {
        Entry { client, device: self.device.clone(), ..Entry::default() }
    }
}

impl From<Granted> for SignedIn {
    fn from(Granted { user, session, token, device }: Granted) -> Self {
        Self { user, session, token, device }
    }
}

fn address(email: &str) -> EmailAddress {
    EmailAddress::parse(email).unwrap_or_else(|_| panic!("{email:?} must be an address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_situation_is_what_it_says() {
        let host = TestHost::new();
        host.registered("eve@example.org").await;
        assert!(host.store.users().is_empty());
        assert_eq!(host.mailed_code("eve@example.org").len(), 6);

        let ann = host.confirmed("ann@example.org").await;
        let fresh = host.signed_in(&ann).await;
        assert!(fresh.session.is_fresh(host.sigra.clock().now()));
        let stale = host.stale(&ann).await;
        assert!(!stale.session.is_fresh(host.sigra.clock().now()));
        assert!(host.resolve(&stale.cookie()).await.is_some());
        let again = host.fresh(&stale).await;
        assert!(again.session.is_fresh(host.sigra.clock().now()));
        assert!(host.resolve(&stale.cookie()).await.is_none());
        let remembered = host.remembered(&ann).await;
        assert!(remembered.session.remembered && remembered.session.fresh_until.is_none());

        host.locked("ann@example.org").await;
        assert!(matches!(host.login("ann@example.org", PASSWORD).await, LoginOutcome::InvalidCredentials));
    }

    #[tokio::test]
    #[should_panic(expected = "no link in a `magic_link` for ann@example.org; sent were:\n  confirm_email to ann@")]
    async fn a_missing_mail_is_told_with_what_there_is() {
        let host = TestHost::new();
        host.registered("ann@example.org").await;
        let _ = host.mailed_token(&MailKind::MAGIC_LINK, "ann@example.org");
    }

    #[tokio::test]
    async fn another_storage_can_take_the_place_of_the_memory() {
        let (sessions, others) = (MemoryStore::new(), MemoryStore::new());
        let host = TestHost::over("two stores", Stores { audit: sessions.stores().audit, ..others.stores() }).build();
        host.confirmed("ann@example.org").await;
        assert_eq!((host.store, others.users().len()), ("two stores", 1));
        assert!(host.sigra.stores().audit.page(None, None, 10).await.unwrap().is_empty());
    }
}
