//! Mailed tokens and known devices.

use std::cmp::Reverse;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{DeviceStore, LiveToken, TokenStore};
use sigra_core::registration::{MailedToken, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;

use super::accounts::reclaim;
use crate::error::Fault;
use crate::rows::{Account, KnownDevice, Registration, Token, id};
use crate::store::{KvStore, Step};
use crate::table::{Readable, Tables, Writing, under};

#[async_trait]
impl TokenStore for KvStore {
    async fn peek(&self, digest: Digest, now: Timestamp) -> Result<Option<LiveToken>, StoreError> {
        self.read("TokenStore::peek", move |tables| live_token(tables, digest, now)).await
    }

    async fn redeem(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, LiveToken>,
    ) -> Result<Option<LiveToken>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(mut live) = live_token(tables, digest, now)? else {
                return Ok(Step::Nothing(None));
            };
            tables.remove::<Token>(digest.as_bytes())?;
            if let Some(user) = &mut live.user {
                live.reclaimed = reclaim(tables, user.id, now)?;
                *user = tables.get::<Account>(id!(user.id))?.ok_or(Fault::Corrupt("accounts"))?.user;
            }
            Ok(Step::Done(Some(live)))
        };
        self.write("TokenStore::redeem", step, |live| live.as_ref().map(evidence).unwrap_or_default()).await
    }
}

#[async_trait]
impl DeviceStore for KvStore {
    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<Device>, StoreError> {
        self.read("DeviceStore::find", move |tables| {
            let known = tables.get::<KnownDevice>(digest.as_bytes())?;
            Ok(known.map(|known| known.device).filter(|device| now < device.expires_at))
        })
        .await
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Device>, StoreError> {
        self.read("DeviceStore::list", move |tables| {
            let mut own = Vec::new();
            for known in tables.walk::<KnownDevice>(KnownDevice::BY_USER, under(id!(user)))? {
                own.push(known?.device);
            }
            own.retain(|device| now < device.expires_at);
            own.sort_by_key(|device| Reverse((device.last_seen_at, device.id)));
            own.truncate(Device::AT_MOST as usize);
            Ok(own)
        })
        .await
    }
}

/// The token, if it can be redeemed.
pub(super) fn live_token<T: Readable>(
    tables: &Tables<T>,
    digest: Digest,
    now: Timestamp,
) -> Result<Option<LiveToken>, Fault> {
    let Some(Token(token)) = tables.get(digest.as_bytes())?.filter(|Token(token)| now < token.expires_at) else {
        return Ok(None);
    };
    let TokenOwner::User { id, epochs } = token.owner else {
        return Ok(Some(LiveToken { token, user: None, reclaimed: false }));
    };
    let Some(Account { user, .. }) = tables.get(id!(id))? else {
        return Ok(None);
    };
    // A rescue token counts under any epochs.
    let live = user.stands(epochs.unwrap_or(user.epochs)) && user.email.identity() == token.email.identity();
    Ok(live.then_some(LiveToken { token, user: Some(user), reclaimed: false }))
}

/// Stores a token, unless its owner is gone or has other epochs by now.
pub(super) fn add_token(
    tables: &mut Writing<'_>,
    token: MailedToken,
    older_expire_at: Option<Timestamp>,
) -> Result<(), Fault> {
    let arms = match token.owner {
        TokenOwner::Registration(id) => match tables.get::<Registration>(id!(id))? {
            Some(registration) => Some(registration),
            None => return Ok(()),
        },
        TokenOwner::User { id, epochs } => match tables.get::<Account>(id!(id))? {
            Some(account) if epochs.is_none_or(|epochs| epochs == account.user.epochs) => None,
            _ => return Ok(()),
        },
    };
    if let Some(end) = older_expire_at {
        for mut older in tokens_of(tables, &token.owner)? {
            if older.0.purpose == token.purpose && older.0.expires_at > end {
                older.0.expires_at = end;
                tables.put(&older)?;
            }
        }
    }
    tables.insert(&Token(token))?;
    match arms {
        Some(registration) => tables.put(&Registration { armed: true, ..registration }),
        None => Ok(()),
    }
}

/// Forgets every device of an account but one.
pub(super) fn forget_devices(tables: &mut Writing<'_>, user: UserId, kept: Option<Digest>) -> Result<(), Fault> {
    let devices: Vec<KnownDevice> = tables.walk(KnownDevice::BY_USER, under(id!(user)))?.collect::<Result<_, _>>()?;
    for device in devices.iter().filter(|device| Some(device.digest) != kept) {
        tables.remove::<KnownDevice>(device.digest.as_bytes())?;
    }
    Ok(())
}

/// Forgets the account's tokens that are no rescue tokens.
pub(super) fn forget_tokens(tables: &mut Writing<'_>, user: UserId) -> Result<(), Fault> {
    for Token(token) in tokens_of(tables, &TokenOwner::User { id: user, epochs: None })? {
        if matches!(token.owner, TokenOwner::User { epochs: Some(_), .. }) {
            tables.remove::<Token>(token.digest.as_bytes())?;
        }
    }
    Ok(())
}

/// Every token of an owner, whatever its epochs.
pub(super) fn tokens_of<T: Readable>(tables: &Tables<T>, owner: &TokenOwner) -> Result<Vec<Token>, Fault> {
    tables.walk(Token::BY_OWNER, under(&Token::owner_key(owner)))?.collect()
}
