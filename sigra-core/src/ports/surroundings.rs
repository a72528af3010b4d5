//! What the host knows: places, devices, and what it wants to hear about.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::client::Place;
use crate::email::EmailAddress;
use crate::error::StoreError;
use crate::id::SessionId;
use crate::user::User;

/// Knows where network addresses are.
pub trait GeoIp: Send + Sync {
    /// Looks an address up. Not knowing is not an error.
    fn place(&self, ip: IpAddr) -> Option<Place>;
}

/// Knows no place.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGeoIp;

impl GeoIp for NoGeoIp {
    fn place(&self, _: IpAddr) -> Option<Place> {
        None
    }
}

/// Words a `User-Agent` for people.
pub trait DeviceDescriber: Send + Sync {
    /// A short description, as in "Firefox on Linux". Made of the describer's own words only, never of the header's:
    /// it is shown in pages and mails.
    fn describe(&self, user_agent: Option<&str>) -> String;
}

/// Called after changes have committed.
///
/// # Contract
///
/// Called at most once a change, by the process that made it, after the commit and before the caller is answered. A process
/// that dies in between does not call, nor does a caller that goes away: what must not be lost belongs into the store's
/// in-transaction hook. An error is logged and changes nothing.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Something happened.
    async fn after_commit(&self, happened: &Happened<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// What a hook hears about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Happened<'a> {
    /// An account was created.
    Registered(&'a User),
    /// The address of an account was proven by what was mailed for it, some time after the account was created.
    Confirmed(&'a User),
    /// A sign-in was completed.
    SignedIn(&'a User, SessionId),
    /// A user signed out.
    SignedOut(&'a User, SessionId),
    /// A password was replaced by reset.
    PasswordReset(&'a User),
    /// A password was changed, or a first one set, by its owner: in a session, or in the middle of signing in.
    PasswordChanged(&'a User),
    /// The owner disowned a sign-in; every session ended.
    Rescued(&'a User),
    /// An account has another address, by a change or by undoing one; with it the address it had until then.
    EmailChanged(&'a User, &'a EmailAddress),
    /// The deletion of an account was scheduled; every session ended.
    DeletionScheduled(&'a User),
    /// A scheduled deletion was taken back.
    DeletionCancelled(&'a User),
    /// An account was deleted. This is what it was.
    Deleted(&'a User),
    /// An account was disabled, by an operator or because nobody had used it; every session ended.
    Disabled(&'a User),
    /// An operator enabled an account.
    Enabled(&'a User),
    /// The mailbox of an unproven account was shown by other means than its registration's: the password, sessions and
    /// factors from before are gone. What a stranger may have left with the host is the host's to drop.
    Reclaimed(&'a User),
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    async fn after_commit(&self, _: &Happened<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

/// Tells whether the storage answers, for health checks.
#[async_trait]
pub trait Health: Send + Sync {
    /// Touches the storage.
    async fn ping(&self) -> Result<(), StoreError>;
}
