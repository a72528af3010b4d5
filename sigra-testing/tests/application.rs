//! The kit carries an application from registration to a session, and through a database that goes away.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

use std::sync::Arc;
use std::time::Duration;

use sigra_core::audit::names;
use sigra_core::client::ClientInfo;
use sigra_core::door::{Admission, Entry};
use sigra_core::email::EmailAddress;
use sigra_core::flows::{Confirmed, LoginOutcome, PasswordAttempt, RegistrationForm, Submitted};
use sigra_core::mail::MailKind;
use sigra_core::{Essentials, MemoryRateLimiter, Sigra};
use sigra_testing::audited::{assert_audited, assert_none_audited};
use sigra_testing::{CaptureMailer, ManualClock, MemoryStore, MinLengthPolicy, PlainComposer, PlainHasher, TestVault};

const ADDRESS: &str = "ann@example.org";
const PASSWORD: &str = "correct horse battery staple";

struct Application {
    sigra: Sigra,
    store: MemoryStore,
    clock: ManualClock,
    mailer: CaptureMailer,
}

fn application() -> Application {
    let (store, clock, mailer) = (MemoryStore::new(), ManualClock::default(), CaptureMailer::new());
    let essentials = Essentials {
        hasher: Arc::new(PlainHasher::new()),
        policy: Arc::new(MinLengthPolicy(15)),
        vault: Arc::new(TestVault::default()),
        composer: Arc::new(PlainComposer),
        mailer: Arc::new(mailer.clone()),
        mail_budget: Arc::new(MemoryRateLimiter::default()),
    };
    let sigra = Sigra::builder(store.stores(), essentials).clock(Arc::new(clock.clone())).build().unwrap();
    Application { sigra, store, clock, mailer }
}

impl Application {
    async fn register(&self) {
        let client = ClientInfo::default();
        let form = RegistrationForm { email: ADDRESS, password: PASSWORD, profile: None, client: &client };
        assert!(matches!(self.sigra.registration().submit(form).await.unwrap(), Submitted::Accepted));
    }

    async fn confirm(&self) {
        let token = self.mailer.token(&MailKind::CONFIRM_EMAIL, &address(), "confirm").expect("it was mailed");
        let confirmed = self.sigra.confirmation().by_token(&token.expose(), &ClientInfo::default()).await.unwrap();
        assert!(matches!(confirmed, Confirmed::Created(_)));
    }

    async fn log_in(&self) -> Result<LoginOutcome, sigra_core::error::FlowError> {
        let entry = Entry::default();
        self.sigra.login().password(PasswordAttempt { email: ADDRESS, password: PASSWORD, entry: &entry }).await
    }
}

fn address() -> EmailAddress {
    EmailAddress::parse(ADDRESS).unwrap()
}

#[tokio::test]
async fn an_account_is_registered_confirmed_and_signed_in() {
    let app = application();
    app.register().await;
    app.mailer.fail_temporarily(1);
    assert_eq!(app.sigra.workers().run_once().await.unwrap().retried, 1);
    app.clock.advance(Duration::from_secs(600));
    assert_eq!(app.sigra.workers().run_once().await.unwrap().sent, 1);
    app.confirm().await;
    let LoginOutcome::Admitted(Admission::Granted(granted)) = app.log_in().await.unwrap() else {
        panic!("the password is right");
    };
    assert_eq!(granted.user, app.store.users()[0]);
    let event = assert_audited(&app.store, names::LOGIN_SUCCESS, |event| event.actor == Some(granted.user.id)).await;
    assert_eq!(event.session, Some(granted.session.id));
    let settled = &app.store.outbox()[0];
    assert!(settled.sent_at.is_some() && settled.mail.facts.as_bytes().is_empty(), "facts are wiped once sent");
}

#[tokio::test]
async fn au_03_a_sign_in_that_cannot_be_recorded_does_not_happen() {
    let app = application();
    app.register().await;
    let _ = app.sigra.workers().run_once().await.unwrap();
    app.confirm().await;
    app.store.fail_always("evidence");
    assert!(app.log_in().await.is_err());
    app.store.heal();
    let user = app.store.users().remove(0);
    assert_eq!(user.last_sign_in_at, None);
    assert_none_audited(&app.store, names::LOGIN_SUCCESS, |_| true).await;
    assert!(app.sigra.stores().sessions.list(user.id, 10).await.unwrap().is_empty());
    assert!(matches!(app.log_in().await.unwrap(), LoginOutcome::Admitted(_)));
}
