//! Changing what the host keeps about an account.

use serde_json::Value;

use super::{CurrentSession, InputFault};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::ports::{ProfileChange, ProfileReplaced};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// How deep a profile may be nested. Parsers stop at 128, and a profile is wrapped in other things.
const DEPTH: usize = 32;

/// Changing the profile of an account: the JSON object that holds what the host keeps about it.
///
/// A change says which profile it was made from, and is made only while the account has that one. So two that were made from the
/// same do not undo each other: one is made, the other is shown what the account has now.
#[derive(Clone, Copy)]
pub struct Profiles<'a>(pub(crate) &'a Inner);

/// What came of changing a profile.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum ProfileOutcome {
    /// The account has the new profile.
    Done(Box<User>),
    /// Another change came first. The account as it is: make the change anew from its profile, or show it.
    Changed(Box<User>),
    /// It is not a JSON object, or too large.
    Rejected(InputFault),
    /// The account changed beside this request and the session is over, or there is no such account.
    Superseded,
}

impl Profiles<'_> {
    /// Replaces the profile of the account of a session. `seen` is the one the new one was made from: that of
    /// [`CurrentSession::user`], or the one a form was filled with.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.profiles.replace")]
    pub async fn replace(
        &self,
        current: &CurrentSession,
        seen: &Value,
        profile: &Value,
        client: &ClientInfo,
    ) -> Result<ProfileOutcome, FlowError> {
        let (user, session) = (current.user().id, current.session());
        let event = AuditEvent::new(names::PROFILE_CHANGE, self.0.clock.now(), client).by(user).within(session.id);
        self.store(&ProfileChange { user, under: Some(session.epochs), seen, profile }, event).await
    }

    pub(super) async fn store(
        &self,
        change: &ProfileChange<'_>,
        event: AuditEvent,
    ) -> Result<ProfileOutcome, FlowError> {
        if !self.0.sound_profile(change.profile) {
            return Ok(ProfileOutcome::Rejected(InputFault::InvalidProfile));
        }
        let evidence = |_: &User| Evidence::event(event.clone());
        Ok(match self.0.stores.profiles.replace(change, &evidence).await? {
            ProfileReplaced::Done(user) => ProfileOutcome::Done(user),
            ProfileReplaced::Changed(user) => ProfileOutcome::Changed(user),
            ProfileReplaced::Stale => ProfileOutcome::Superseded,
        })
    }
}

impl Inner {
    /// Whether every store can keep this, and give it back.
    pub(super) fn sound_profile(&self, profile: &Value) -> bool {
        // Of bounded depth first: what follows goes down as deep.
        profile.is_object()
            && is_storable(profile, DEPTH)
            && profile.to_string().len() <= self.config.registration.max_profile_bytes
    }
}

/// No deeper than this, and without a NUL: PostgreSQL cannot store it, escaped or not.
fn is_storable(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(values) => values.iter().all(|value| is_storable(value, depth)),
        Value::Object(fields) => fields.iter().all(|(key, value)| !key.contains('\0') && is_storable(value, depth)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_nested_so_deep_and_no_deeper() {
        let nested = |depth: usize| (1..depth).fold(Value::from(1), |value, _| Value::from(vec![value]));
        assert!(is_storable(&nested(DEPTH), DEPTH));
        assert!(!is_storable(&nested(DEPTH + 1), DEPTH));
    }
}
