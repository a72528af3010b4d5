//! What is recorded, and what never is.

use sigra_core::audit::EventName;
use sigra_mfa::{EVENTS, RegenerateOutcome, names};

use crate::support::{ANN, Enrolled, Host, WRONG_BACKUP_CODE, granted};

/// Does everything this crate does, and tells the secrets that went through it.
async fn everything(host: &Host) -> Vec<String> {
    let Enrolled { user, app, backup_codes, .. } = host.enrolled(ANN).await;
    let client = host.client();
    assert!(matches!(host.confirm_with(&user, "000000").await, sigra_mfa::ConfirmOutcome::AlreadyEnrolled));
    let (mut secrets, mut used) = (backup_codes.clone(), vec![app.0.clone()]);
    let pending = host.challenged(&user).await;
    let _ = host.answer(&pending.token, "backup_code", WRONG_BACKUP_CODE).await;
    granted(host.answer(&pending.token, "backup_code", &backup_codes[0]).await);
    let who = Enrolled { session: host_session(host, &user, &backup_codes[1]).await, user, app, backup_codes };
    let (_, trust) = host.trusted(&who).await;
    used.push(trust.token.expose().to_string());
    let id = host.mfa.list_trusted(&who.user).await.unwrap()[0].id;
    assert!(host.mfa.revoke_trusted(&who.user, id, &client).await.unwrap());
    host.mfa.revoke_all_trusted(&who.user, &client).await.unwrap();
    host.advance(30);
    let code = who.app.code(host.now());
    let made = host.mfa.regenerate_backup_codes(&host.sigra, &who.user, Some(&code), false, &client).await.unwrap();
    let RegenerateOutcome::Regenerated { codes } = made else { panic!("{made:?}") };
    secrets.extend(codes.iter().map(|code| code.expose().to_string()));
    let last = codes[0].expose();
    let outcome = host.mfa.disable(&host.sigra, &who.user, "backup_code", &last, &client).await.unwrap();
    let sigra_mfa::DisableOutcome::Disabled { user } = outcome else { panic!("{outcome:?}") };
    let app = host.begin(&user).await;
    let _ = host.confirm_with(&user, &app.wrong_code(host.now())).await;
    host.confirm(&user, &app).await;
    used.push(app.0);
    host.run_workers().await;
    let link = host.mailed_token(&sigra_mfa::MFA_ENABLED, ANN);
    assert!(host.sigra.not_me().redeem(&link, &client).await.unwrap());
    secrets.extend(secrets.clone().iter().map(|code| code.replace('-', "")));
    secrets.extend(used);
    secrets
}

async fn host_session(host: &Host, user: &sigra_core::user::User, code: &str) -> sigra_testing::scenario::SignedIn {
    granted(host.answer(&host.challenged(user).await.token, "backup_code", code).await).into()
}

#[tokio::test]
async fn au_12_every_event_is_written_by_something() {
    let host = Host::new();
    everything(&host).await;
    let written = host.store.events();
    let missing: Vec<&EventName> =
        EVENTS.iter().filter(|name| !written.iter().any(|event| event.name == name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn mf_16_pw_30_no_secret_is_recorded() {
    let host = Host::new();
    let secrets = everything(&host).await;
    assert!(secrets.len() > 20);
    let trail = format!("{:?}", host.store.events());
    assert!(trail.contains(names::BACKUP_CODE_USED.as_str()));
    for secret in secrets {
        assert!(!trail.contains(&secret), "{secret} was recorded");
    }
}
