//! The flows of the core over this store, from registering to signing in.

use std::sync::Arc;
use std::time::Duration;

use sigra_core::client::ClientInfo;
use sigra_core::door::{Admission, Entry};
use sigra_core::flows::{Confirmed, LoginOutcome, PasswordAttempt, RegistrationForm, Submitted};
use sigra_core::mail::MailKind;
use sigra_core::{Essentials, Sigra};
use sigra_store_seaorm::DurableRateLimiter;
use sigra_testing::{AcceptAllPolicy, CaptureMailer, ManualClock, PlainComposer, PlainHasher, TestVault};

use crate::support::{NOW, count, email, fixture};

#[tokio::test]
async fn a_registration_is_proven_signed_in_and_signed_out() {
    let f = fixture().await;
    let (clock, mailer) = (Arc::new(ManualClock::at(NOW)), Arc::new(CaptureMailer::new()));
    let essentials = Essentials {
        hasher: Arc::new(PlainHasher::new()),
        policy: Arc::new(AcceptAllPolicy),
        vault: Arc::new(TestVault::default()),
        composer: Arc::new(PlainComposer),
        mailer: mailer.clone(),
        mail_budget: Arc::new(DurableRateLimiter::new(f.store.clone())),
    };
    let sigra = Sigra::builder(f.store.stores(), essentials).clock(clock.clone()).build().unwrap();
    let (ann, client) = (email("ann@example.org"), ClientInfo::default());

    let form =
        RegistrationForm { email: "ann@example.org", password: "a long enough one", profile: None, client: &client };
    assert_eq!(sigra.registration().submit(form).await.unwrap(), Submitted::Accepted);
    assert_eq!(count(&f.pool, "sigra_users").await, 0, "nobody exists before the address is proven");
    let report = sigra.workers().run_once().await.unwrap();
    assert_eq!((report.answered, report.sent, report.failed), (1, 1, 0));

    let token = mailer.token(&MailKind::CONFIRM_EMAIL, &ann, "confirm").unwrap();
    let confirmed = sigra.confirmation().by_token(&token.expose(), &client).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Created(_)), "{confirmed:?}");
    assert!(matches!(sigra.confirmation().by_token(&token.expose(), &client).await.unwrap(), Confirmed::Invalid));

    let entry = Entry::default();
    let attempt = |password| PasswordAttempt { email: "Ann@Example.org", password, entry: &entry };
    assert!(matches!(sigra.login().password(attempt("not it")).await.unwrap(), LoginOutcome::InvalidCredentials));
    let outcome = sigra.login().password(attempt("a long enough one")).await.unwrap();
    let LoginOutcome::Admitted(Admission::Granted(granted)) = outcome else { panic!("{outcome:?}") };

    clock.advance(Duration::from_secs(61));
    let current = sigra.sessions().resolve(&granted.token.expose(), &client).await.unwrap().unwrap();
    assert_eq!(current.session().id, granted.session.id);
    let listed = sigra.sessions().list(current.user()).await.unwrap();
    assert_eq!(listed[0].last_seen_at, sigra.clock().now(), "activity was written");
    sigra.sessions().sign_out(&current, &client).await.unwrap();
    assert!(sigra.sessions().resolve(&granted.token.expose(), &client).await.unwrap().is_none());

    let events = sigra.stores().audit.page(Some(current.user().id), None, 50).await.unwrap();
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    for name in ["auth.register.success", "auth.login.failure", "auth.login.success", "auth.logout"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let older = sigra.stores().audit.page(Some(current.user().id), Some(events[0].id), 50).await.unwrap();
    assert_eq!(older, events[1..]);
}
