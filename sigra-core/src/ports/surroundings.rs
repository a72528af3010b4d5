//! What the host knows: places, devices, and what it wants to hear about.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::client::Place;
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
/// Called once by the process that made the change, after the commit. A process that dies in between does not call:
/// what must not be lost belongs into the store's in-transaction hook. An error is logged and changes nothing.
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
    /// The owner disowned a sign-in; every session ended.
    Rescued(&'a User),
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
