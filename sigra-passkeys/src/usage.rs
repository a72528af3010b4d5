//! Showing a passkey, whatever for.

use sigra_core::assurance::Method;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Notice, Notices};
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use crate::authenticators::authenticator_name;
use crate::ceremony::Bound;
use crate::config::SignCountPolicy;
use crate::events::{AUTHENTICATE_SUCCESS, DELETE, SIGN_COUNT_REGRESSION};
use crate::mails::PASSKEY_REMOVED;
use crate::passkey::Passkey;
use crate::ports::{FoundPasskey, PasskeyUse, Removed};
use crate::service::Inner;
use crate::verify::{Asserted, UserVerification};
use crate::wire::{AuthenticationResponse, Refused, ensure};

/// What a response must be.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The ceremony it belongs to.
    pub(crate) bound: Bound<'a>,
    /// Whose passkey it must be, where that is established.
    pub(crate) owner: Option<UserId>,
    pub(crate) uv: UserVerification,
}

/// What came of a response.
pub(crate) enum Shown {
    /// A passkey of this account was shown, and its use recorded.
    Right { user: Box<User>, methods: Vec<Method>, user_verified: bool },
    /// Not. With the account, once a passkey of one was named.
    Wrong { reason: &'static str, user: Option<Box<User>> },
}

impl Inner {
    /// Judges a response, and uses it up. Its ceremony is taken before anything else in the response is so much as read.
    pub(crate) async fn show(
        &self,
        response: &str,
        expected: Expected<'_>,
        notices: &dyn Notices,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<Shown, FlowError> {
        let wrong = |Refused(reason): Refused, user| Ok(Shown::Wrong { reason, user });
        let received = match AuthenticationResponse::receive(response) {
            Ok(received) => received,
            Err(refused) => return wrong(refused, None),
        };
        let Some(state) = self.ceremonies.take(expected.bound, &received.client_data.challenge, now).await? else {
            return wrong(Refused("unknown_ceremony"), None);
        };
        let response = match received.open() {
            Ok(response) => response,
            Err(refused) => return wrong(refused, None),
        };
        if !state.allows(&response.id) {
            return wrong(Refused("credential_not_allowed"), None);
        }
        let Some(found) = self.store.find(&response.id).await? else {
            self.verifier.spend(&response, &state.challenge(), expected.uv);
            return wrong(Refused("unknown_credential"), None);
        };
        // Verified in any case, so that the time does not tell which of the two is wrong.
        let verified = self.verifier.assertion(&response, &state.challenge(), &found.passkey, expected.uv);
        let verified = owns(&found, &response, expected.owner, state.is_for_somebody())
            .and(verified)
            .and_then(|asserted| ensure(found.user.disabled_at.is_none(), "disabled").map(|()| asserted));
        let asserted = match verified {
            Ok(asserted) => asserted,
            Err(refused) => return wrong(refused, Some(Box::new(found.user))),
        };
        if let Err(refused) = self.record(&found, &asserted, notices, client, now).await? {
            return wrong(refused, Some(Box::new(found.user)));
        }
        let methods = methods(&found.passkey, &asserted);
        Ok(Shown::Right { user: Box::new(found.user), methods, user_verified: asserted.user_verified })
    }

    /// Judges the counter and records the use.
    async fn record(
        &self,
        found: &FoundPasskey,
        asserted: &Asserted,
        notices: &dyn Notices,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<Result<(), Refused>, FlowError> {
        let FoundPasskey { passkey, user, .. } = found;
        let mut evidence = Evidence::none();
        let mut sign_count = asserted.sign_count;
        if regressed(passkey.sign_count, asserted.sign_count) {
            let policy = self.config.sign_count;
            let regression = AuditEvent::new(SIGN_COUNT_REGRESSION, now, client)
                .about(user.id)
                .with("passkey", passkey.id.to_string())
                .with("stored", passkey.sign_count)
                .with("shown", asserted.sign_count)
                .with("policy", policy.name());
            match policy {
                SignCountPolicy::Warn => {
                    sign_count = passkey.sign_count;
                    evidence = Evidence::event(regression);
                }
                SignCountPolicy::RequireReauthentication => {
                    self.log.append(Evidence::event(regression.failed("sign_count"))).await?;
                    return Ok(Err(Refused("sign_count")));
                }
                SignCountPolicy::Revoke => {
                    self.revoke(found, regression.failed("sign_count"), notices, client, now).await?;
                    return Ok(Err(Refused("sign_count")));
                }
            }
        }
        let mut event = AuditEvent::new(AUTHENTICATE_SUCCESS, now, client)
            .by(user.id)
            .with("passkey", passkey.id.to_string())
            .with("user_verified", asserted.user_verified);
        if passkey.backed_up != asserted.backed_up {
            event = event.with("backed_up", asserted.backed_up);
        }
        let used =
            PasskeyUse { counter_before: passkey.sign_count, sign_count, backed_up: asserted.backed_up, at: now };
        let first = self.store.record_use(passkey.id, &used, evidence.and_event(event)).await?;
        Ok(ensure(first, "used_beside"))
    }

    /// Removes a passkey there may be a copy of, be it the last one: its owner gets back in through the mailbox.
    async fn revoke(
        &self,
        found: &FoundPasskey,
        regression: AuditEvent,
        notices: &dyn Notices,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        let FoundPasskey { passkey, user, .. } = found;
        let evidence = |user: &User| {
            let delete = AuditEvent::new(DELETE, now, client)
                .about(user.id)
                .with("passkey", passkey.id.to_string())
                .with("why", "sign_count");
            let what = Some(authenticator_name(passkey.aaguid));
            let notice = Notice { kind: &PASSKEY_REMOVED, user, client, at: now, what, left: None };
            notices.add_notice(Evidence::event(regression.clone()).and_event(delete), &notice)
        };
        let mut epochs = user.epochs;
        loop {
            match self.store.remove(user.id, epochs, passkey.id, 0, &evidence).await? {
                Removed::Done(_) => return Ok(()),
                // What is done to the account beside this must not save the passkey.
                Removed::Stale => match self.store.find(&passkey.credential_id).await? {
                    Some(again) if again.user.epochs != epochs => epochs = again.user.epochs,
                    _ => break,
                },
                Removed::Unknown | Removed::Needed => break,
            }
        }
        Ok(self.log.append(Evidence::event(regression.clone())).await?)
    }
}

/// Whether the passkey is the account's that must show it (Web Authentication Level 3 §7.2 step 6). What was made here is
/// discoverable, so it comes with the handle; only where its account was known beforehand may it be missing.
fn owns(
    found: &FoundPasskey,
    response: &AuthenticationResponse,
    owner: Option<UserId>,
    for_somebody: bool,
) -> Result<(), Refused> {
    ensure(owner.is_none_or(|owner| owner == found.user.id), "other_user")?;
    match &response.user_handle {
        Some(handle) => ensure(handle == found.handle.as_bytes(), "user_handle"),
        None => ensure(for_somebody, "no_user_handle"),
    }
}

/// Whether a counter did not advance (§6.1.1). Two zeros are no counter.
const fn regressed(stored: u32, shown: u32) -> bool {
    (stored != 0 || shown != 0) && shown <= stored
}

/// The RFC 8176 methods: a key that cannot leave its hardware or one that can, and both factors where the user was verified.
fn methods(passkey: &Passkey, asserted: &Asserted) -> Vec<Method> {
    let key = Method::new(if passkey.backup_eligible { "swk" } else { "hwk" });
    let both = asserted.user_verified.then_some(Method::MULTI_FACTOR);
    std::iter::once(key).chain(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wa_10_equal_and_lower_counters_are_regressions_and_zeros_are_none() {
        let cases = [(0, 0, false), (0, 1, false), (5, 6, false), (5, 5, true), (5, 4, true), (5, 0, true)];
        for (stored, shown, expected) in cases {
            assert_eq!(regressed(stored, shown), expected, "{stored} then {shown}");
        }
    }
}
