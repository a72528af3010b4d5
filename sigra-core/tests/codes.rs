//! Codes that are mailed: each is good in the flow it was mailed for and in no other, of the same account too.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::factor::{FakeFactor, Hosted, hosted, pending};
use common::{ANN, email};
use sigra_core::config::ConfirmationMode;
use sigra_core::door::Step;
use sigra_core::evidence::Evidence;
use sigra_core::flows::{CodeOutcome, CodeRequested, Confirmed};
use sigra_core::id::UserId;
use sigra_core::mail::MailKind;
use sigra_core::password::Password;
use sigra_core::ports::{Hasher as _, NewAccount, Standing, WorkOrigin};
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_testing::PlainHasher;
use sigra_testing::scenario::{PASSWORD, TestHost};

/// The flows that take a code which was mailed to an account.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    /// Proves the address of an account that exists already, on the page where anybody can type a code.
    Confirmation,
    /// Proves it within a sign-in.
    SignIn,
    /// Allows a sign-in from an unknown device to set a second factor up.
    Enrollment,
}

const FLOWS: [Flow; 3] = [Flow::Confirmation, Flow::SignIn, Flow::Enrollment];

/// An account with a live code of each flow.
struct Codes {
    host: TestHost,
    ann: User,
    sign_in: RawToken,
    enrollment: RawToken,
    codes: [String; 3],
}

impl Codes {
    async fn mailed() -> Self {
        let app = FakeFactor::new("totp", Standing::Alone);
        let host = TestHost::builder()
            .config(|config| {
                config.registration.confirmation = ConfirmationMode::Deferred;
                config.second_factors.required = true;
            })
            .factor(Arc::new(app))
            .build();
        host.registered(ANN).await;
        let confirmation = host.mailed_code(ANN);
        let ann = common::stored(&host, ANN).await;

        let held = pending(&host, ANN).await;
        assert_eq!(held.steps.first(), Some(&Step::CONFIRM_EMAIL));
        let noted = host.sigra.sign_in_confirmation().mail_code(&held.token, &host.entry()).await.unwrap();
        assert_eq!(noted, CodeRequested::Noted);
        host.run_workers().await;
        let sign_in = (held.token, host.mailed_code_of(&MailKind::CONFIRM_CODE, ANN));

        prove(&host, &ann, true);
        let held = pending(&host, ANN).await;
        assert_eq!(held.steps, [Step::MFA_ENROLLMENT]);
        let noted = host.sigra.enrollment().mail_code(&held.token, &host.entry()).await.unwrap();
        assert_eq!(noted, CodeRequested::Noted);
        host.run_workers().await;
        let code = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
        let codes = [confirmation, sign_in.1, code];
        Self { host, ann, sign_in: sign_in.0, enrollment: held.token, codes }
    }

    fn code_of(&self, flow: Flow) -> &str {
        &self.codes[flow as usize]
    }

    /// Whether a flow takes a code, the account being what that flow is for.
    async fn takes(&self, flow: Flow, code: &str) -> bool {
        prove(&self.host, &self.ann, flow == Flow::Enrollment);
        let (sigra, entry) = (&self.host.sigra, self.host.entry());
        let outcome = match flow {
            Flow::Confirmation => {
                let confirmed = sigra.confirmation().by_code(ANN, code, &self.host.client()).await.unwrap();
                return matches!(confirmed, Confirmed::Proven(_));
            }
            Flow::SignIn => sigra.sign_in_confirmation().enter_code(&self.sign_in, code, &entry).await.unwrap(),
            Flow::Enrollment => sigra.enrollment().enter_code(&self.enrollment, code, &entry).await.unwrap(),
        };
        assert!(!matches!(outcome, CodeOutcome::NoPending), "{flow:?} must look at the code");
        matches!(outcome, CodeOutcome::Admitted(_))
    }
}

/// Has the account be one that is proven, or not: no flow of one kind takes anything of the other.
fn prove(host: &TestHost, user: &User, proven: bool) {
    host.store.edit_user(user.id, |user| user.confirmed_at = proven.then_some(user.created_at));
}

#[tokio::test]
async fn tk_14_a_code_is_refused_in_every_other_flow_of_the_account_and_stays_good_in_its_own() {
    for last in FLOWS {
        let codes = Codes::mailed().await;
        for flow in FLOWS {
            for of in FLOWS.into_iter().filter(|of| *of != flow) {
                // One in a million.
                if codes.code_of(of) != codes.code_of(flow) {
                    assert!(!codes.takes(flow, codes.code_of(of)).await, "{flow:?} takes a code of {of:?}");
                }
            }
        }
        assert!(codes.takes(last, codes.code_of(last)).await, "{last:?} has lost its own code");
    }
}

/// The fourth flow: a registration that waits for its proof. No account comes of it while the address has one, so that its
/// code has stayed good shows when that account is gone.
#[tokio::test]
async fn tk_14_a_code_of_a_registration_is_refused_within_a_sign_in_to_its_address() {
    for registers in [false, true] {
        let Hosted { host, .. } = hosted(true);
        host.registered(ANN).await;
        let registration = host.mailed_code(ANN);
        let ann = outright(&host).await;
        let held = pending(&host, ANN).await;
        let (enrollment, entry) = (host.sigra.enrollment(), host.entry());
        let _ = enrollment.mail_code(&held.token, &entry).await.unwrap();
        host.run_workers().await;
        let code = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
        let by_code = async |code: &str| host.sigra.confirmation().by_code(ANN, code, &host.client()).await.unwrap();
        if code == registration {
            continue;
        }
        let refused = enrollment.enter_code(&held.token, &registration, &entry).await.unwrap();
        assert!(matches!(refused, CodeOutcome::Wrong), "{refused:?}");
        assert_eq!(by_code(&code).await, Confirmed::Invalid);
        if registers {
            host.store.erase_user(ann);
            assert!(matches!(by_code(&registration).await, Confirmed::Created(_)), "it has lost its own code");
        } else {
            let taken = enrollment.enter_code(&held.token, &code, &entry).await.unwrap();
            assert!(matches!(taken, CodeOutcome::Admitted(_)), "it has lost its own code: {taken:?}");
        }
    }
}

/// Makes an account without a registration.
async fn outright(host: &TestHost) -> UserId {
    let now = host.sigra.clock().now();
    let password = Password::parse(PASSWORD).unwrap();
    let password = PlainHasher::new().hash(&password, WorkOrigin::Network(host.client().block())).await.unwrap();
    let account = NewAccount {
        id: UserId::new(now),
        email: email(ANN),
        password: Some(password),
        profile: serde_json::json!({}),
        confirmed_at: Some(now),
        created_at: now,
        quarantine: Vec::new(),
    };
    assert!(host.sigra.stores().accounts.create(&account, Evidence::none()).await.unwrap());
    account.id
}
