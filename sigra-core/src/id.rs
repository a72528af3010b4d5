//! Row identities: one newtype per entity over UUIDv7.
//!
//! A UUIDv7 sorts by creation time, within a millisecond by the order one process made them in, and leaks both. It names a row; it never proves anything, so no id is ever a
//! credential.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU16, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random;
use crate::time::Timestamp;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id whose time part is `at`.
            #[must_use]
            pub fn new(at: Timestamp) -> Self {
                Self(v7(at))
            }

            /// Wraps an id that storage returned.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the id.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

ids! {
    /// An account.
    UserId;
    /// A session.
    SessionId;
    /// A sign-in that still owes a step.
    PendingId;
    /// A submitted registration whose address is not proven yet.
    RegistrationId;
    /// A request made by address ("mail me a link") that no worker has answered yet.
    RequestId;
    /// A browser an account has signed in from.
    DeviceId;
    /// A row of the audit trail.
    EventId;
    /// A mail in the outbox. Its `Message-ID` is made from it.
    MailId;
    /// An organization.
    OrganizationId;
    /// A lease a worker holds on a row.
    LeaseId;
    /// A passkey of an account.
    PasskeyId;
    /// A browser that may sign in without a second factor.
    TrustedBrowserId;
}

/// The text is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

fn v7(at: Timestamp) -> Uuid {
    // RFC 9562 §6.2, method 1: without a counter, what one step writes within a millisecond would be read in any order.
    static COUNTER: AtomicU16 = AtomicU16::new(0);
    let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or(0);
    let mut bytes = random::bytes::<10>();
    // The version takes the upper four bits.
    bytes[..2].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation_and_round_trip_through_text() {
        let earlier = UserId::new(Timestamp::from_secs(1_000));
        let later = UserId::new(Timestamp::from_secs(2_000));
        assert!(earlier < later);
        assert_eq!(earlier.to_string().parse(), Ok(earlier));
        assert_eq!("nonsense".parse::<UserId>(), Err(InvalidId));
    }

    #[test]
    fn ids_of_one_moment_keep_their_order() {
        let ids: Vec<_> = (0..100).map(|_| EventId::new(Timestamp::EPOCH)).collect();
        // The counter starts over once in 4,096 ids.
        let falls = ids.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        assert!(falls <= 1, "{falls}");
        assert_eq!(ids[0].as_uuid().get_version_num(), 7);
    }
}
