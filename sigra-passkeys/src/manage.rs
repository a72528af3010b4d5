//! Renaming and removing passkeys.

use sigra_core::Sigra;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::id::PasskeyId;
use sigra_core::ports::Notice;
use sigra_core::telemetry::operation;
use sigra_core::user::User;

use crate::authenticators::authenticator_name;
use crate::events::{DELETE, RENAME};
use crate::mails::PASSKEY_REMOVED;
use crate::ports::Removed;
use crate::service::Passkeys;

/// What came of renaming a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RenameOutcome {
    /// It is called so now.
    Renamed,
    /// A name has 1 to 64 characters, none of them a control character.
    Invalid,
    /// The account has no such passkey.
    Unknown,
}

/// What came of removing a passkey.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum RemoveOutcome {
    /// It was removed. Every session of the account but the one that [carries on](sigra_core::flows::Sessions::carry_on) is
    /// dead.
    Removed {
        /// The account as it is now.
        user: Box<User>,
    },
    /// It is the last way to sign in.
    Needed,
    /// The account has no such passkey.
    Unknown,
    /// The account has changed since it was read.
    Stale,
}

impl Passkeys {
    /// Renames a passkey of the account.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.passkeys.rename")]
    pub async fn rename(
        &self,
        user: &User,
        id: PasskeyId,
        nickname: &str,
        client: &ClientInfo,
    ) -> Result<RenameOutcome, FlowError> {
        let Some(nickname) = nickname_of(nickname) else { return Ok(RenameOutcome::Invalid) };
        let event = AuditEvent::new(RENAME, self.inner.clock.now(), client).by(user.id).with("passkey", id.to_string());
        let renamed = self.inner.store.rename(user.id, id, &nickname, Evidence::event(event)).await?;
        Ok(if renamed { RenameOutcome::Renamed } else { RenameOutcome::Unknown })
    }

    /// Removes a passkey of the account, unless nothing else is left to sign in with. The caller has made sure that the session
    /// is fresh, and lets it [carry on](sigra_core::flows::Sessions::carry_on) afterwards.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passkeys.remove")]
    pub async fn remove(
        &self,
        sigra: &Sigra,
        user: &User,
        id: PasskeyId,
        client: &ClientInfo,
    ) -> Result<RemoveOutcome, FlowError> {
        let passkeys = self.inner.store.list(user.id).await?;
        let Some(passkey) = passkeys.iter().find(|passkey| passkey.id == id) else {
            return Ok(RemoveOutcome::Unknown);
        };
        let ways = sigra.second_factors().ways_in(user).await?;
        // Counted on both sides of the ways in, so that nothing done beside this makes a passkey look like another way.
        let count = self.inner.store.count(user.id).await?.max(u32::try_from(passkeys.len()).unwrap_or(u32::MAX));
        // Whatever is left besides passkeys will do; without it one of them stays, which the storage sees to.
        let keep = u32::from(ways <= count);
        let now = self.inner.clock.now();
        let what = authenticator_name(passkey.aaguid);
        let evidence = |user: &User| {
            let event = AuditEvent::new(DELETE, now, client).by(user.id).with("passkey", id.to_string());
            let notice = Notice { kind: &PASSKEY_REMOVED, user, client, at: now, what: Some(what), left: None };
            sigra.second_factors().notice(Evidence::event(event), &notice)
        };
        Ok(match self.inner.store.remove(user.id, user.epochs, id, keep, &evidence).await? {
            Removed::Done(user) => RemoveOutcome::Removed { user },
            Removed::Needed => RemoveOutcome::Needed,
            Removed::Unknown => RemoveOutcome::Unknown,
            Removed::Stale => RemoveOutcome::Stale,
        })
    }
}

/// A nickname as it is stored. `None` for what cannot be one.
pub(crate) fn nickname_of(typed: &str) -> Option<String> {
    let trimmed = typed.trim();
    let fits = (1..=64).contains(&trimmed.chars().take(65).count());
    (fits && !trimmed.chars().any(char::is_control)).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicknames_are_trimmed_short_and_plain() {
        assert_eq!(nickname_of("  my phone\t").as_deref(), Some("my phone"));
        assert_eq!(nickname_of(&"é".repeat(64)).unwrap().chars().count(), 64);
        for bad in ["", " ", "a\nb", "a\u{7f}", "\u{0}", &"x".repeat(65)] {
            assert_eq!(nickname_of(bad), None, "{bad:?}");
        }
    }
}
