//! The state between the options and the response.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sigra_core::error::FlowError;
use sigra_core::id::{SessionId, UserId};
use sigra_core::ports::{Ceremony, CeremonyStore, Occasion, Vault};
use sigra_core::secret::{Digest, Purpose, RawToken};
use sigra_core::time::{Clock, Timestamp};

use crate::passkey::CredentialId;

/// Ceremonies: begun with a challenge nobody can guess, and taken by whoever brings that challenge back, in the place it
/// was given out for, once.
pub(crate) struct Ceremonies {
    pub(crate) store: Arc<dyn CeremonyStore>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lifetime: Duration,
}

/// What a ceremony is for, and what it is bound to. Part of its key: brought to another purpose, user, session, sign-in or
/// browser, a challenge is unknown.
#[derive(Clone, Copy)]
pub(crate) enum Bound<'a> {
    /// Adding a passkey to this account, in this session.
    Registration(UserId, SessionId),
    /// Signing in, in this browser.
    SignIn(&'a RawToken),
    /// Showing a factor of this account on this occasion.
    SecondFactor(UserId, Occasion),
}

/// The state of a ceremony.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    challenge: String,
    allowed: Option<Vec<String>>,
}

/// A challenge: 256 bits from the operating system's generator.
pub(crate) type Challenge = [u8; 32];

const BROWSER: Purpose = Purpose::new("passkey_browser");

impl Ceremonies {
    /// Begins a ceremony. Where `allowed` is given, no other credential can end it.
    pub(crate) async fn begin(
        &self,
        bound: Bound<'_>,
        allowed: Option<&[CredentialId]>,
    ) -> Result<Challenge, FlowError> {
        let challenge = random();
        let key = bound.key(&challenge);
        let state = State {
            challenge: URL_SAFE_NO_PAD.encode(challenge),
            allowed: allowed.map(|ids| ids.iter().map(|id| URL_SAFE_NO_PAD.encode(id.as_bytes())).collect()),
        };
        let plain = serde_json::to_vec(&state).unwrap_or_default();
        let now = self.clock.now();
        let state = self.vault.seal(&context(key), &plain);
        let ceremony = Ceremony { key, user: bound.user(), state, created_at: now, expires_at: now + self.lifetime };
        self.store.put(&ceremony).await?;
        Ok(challenge)
    }

    /// Takes the ceremony a challenge belongs to. Whatever comes of it afterwards, nobody gets it again.
    pub(crate) async fn take(
        &self,
        bound: Bound<'_>,
        challenge: &[u8],
        now: Timestamp,
    ) -> Result<Option<State>, FlowError> {
        let key = bound.key(challenge);
        let Some(ceremony) = self.store.take(key, now).await? else { return Ok(None) };
        let opened = self.vault.open(&context(key), &ceremony.state)?;
        Ok(serde_json::from_slice(opened.plain.expose()).ok())
    }
}

impl State {
    /// The challenge that was given out.
    pub(crate) fn challenge(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.challenge).unwrap_or_default()
    }

    /// Whether the credential may end the ceremony.
    pub(crate) fn allows(&self, id: &CredentialId) -> bool {
        let Some(allowed) = &self.allowed else { return true };
        allowed.contains(&URL_SAFE_NO_PAD.encode(id.as_bytes()))
    }

    /// Whether it was known beforehand who would answer.
    pub(crate) const fn is_for_somebody(&self) -> bool {
        self.allowed.is_some()
    }
}

impl Bound<'_> {
    fn key(self, challenge: &[u8]) -> Digest {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(b"sigra.passkeys.ceremony");
        match self {
            Self::Registration(user, session) => {
                part(b"registration");
                part(user.as_uuid().as_bytes());
                part(session.as_uuid().as_bytes());
            }
            Self::SignIn(browser) => {
                part(b"sign_in");
                part(browser.digest(BROWSER).as_bytes());
            }
            Self::SecondFactor(user, occasion) => {
                part(b"second_factor");
                part(user.as_uuid().as_bytes());
                match occasion {
                    Occasion::SignIn(pending) => {
                        part(b"sign_in");
                        part(pending.as_uuid().as_bytes());
                    }
                    Occasion::Session(session) => {
                        part(b"session");
                        part(session.as_uuid().as_bytes());
                    }
                }
            }
        }
        part(challenge);
        Digest::from_bytes(hash.finalize().into())
    }

    const fn user(self) -> Option<UserId> {
        match self {
            Self::Registration(user, _) | Self::SecondFactor(user, _) => Some(user),
            // Not even where the address given is somebody's: the rows must not differ.
            Self::SignIn(_) => None,
        }
    }
}

fn context(key: Digest) -> String {
    format!("sigra_ceremonies.state.{}", URL_SAFE_NO_PAD.encode(key.as_bytes()))
}

/// Bytes from the operating system's generator.
///
/// # Panics
///
/// When the operating system has no randomness to give. Nothing in an authentication system is safe to continue then.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sigra_core::id::PendingId;

    use super::*;

    #[test]
    fn wa_01_a_challenge_has_another_key_for_each_purpose_and_binding() {
        let (now, challenge, browser) = (Timestamp::EPOCH, random::<32>(), RawToken::random());
        let (user, other) = (UserId::new(now), UserId::new(now));
        let session = SessionId::new(now);
        let same = PendingId::from_uuid(session.as_uuid());
        let bindings = [
            Bound::Registration(user, session),
            Bound::Registration(other, session),
            Bound::Registration(user, SessionId::new(now)),
            Bound::SignIn(&browser),
            Bound::SignIn(&RawToken::random()),
            Bound::SecondFactor(user, Occasion::Session(session)),
            Bound::SecondFactor(other, Occasion::Session(session)),
            Bound::SecondFactor(user, Occasion::SignIn(same)),
        ];
        let keys: HashSet<_> = bindings.iter().map(|bound| bound.key(&challenge)).collect();
        assert_eq!(keys.len(), bindings.len());
        assert_eq!(Bound::SignIn(&browser).key(&challenge), Bound::SignIn(&browser).key(&challenge));
    }

    #[test]
    fn wa_01_challenges_have_256_bits_and_do_not_repeat() {
        let seen: HashSet<Challenge> = (0..10_000).map(|_| random()).collect();
        assert_eq!(seen.len(), 10_000);
    }
}
