//! The traits a host can implement.
//!
//! Each has a *Contract* section. No method has a default: a safety-critical method with a default is how an
//! implementation gets it wrong. The published suites of `sigra-testing` tell whether an implementation keeps its
//! contract, races included.

mod accounts;
mod audit;
mod ceremonies;
mod factors;
mod hasher;
mod limits;
mod outbox;
mod services;
mod sessions;
mod surroundings;
mod vault;

pub use accounts::{
    AccountRecord, AccountStore, DeviceStore, LiveToken, NewAccount, PasswordReset, Promotion, RegistrationStore,
    RequestStore, SignIn, SignInDevice, SignInRecorded, TokenStore,
};
pub use audit::{AuditReader, RecordedEvent};
pub use ceremonies::{Ceremony, CeremonyStore};
pub use factors::{
    Factor, FactorCheck, FactorKind, FactorRequirement, FactorVerdict, Notice, Notices, Occasion, Standing, TrustToken,
    TrustedBrowsers,
};
pub use hasher::{Hasher, Overloaded, PasswordFault, PasswordPolicy, PolicyContext, Verified, WorkOrigin};
pub use limits::{
    AttemptKey, AttemptOwner, AttemptPolicy, AttemptStore, Bucket, Quota, RateDecision, RateLimiter, Reservation,
    Reserved,
};
pub use outbox::{EvidenceLog, Housekeeping, LeasedMail, OutboxStore};
pub use services::{BreachedPasswords, MailDomains, Unanswered};
pub use sessions::{FoundSession, Minted, SessionStore};
pub use surroundings::{DeviceDescriber, GeoIp, Happened, Health, Hooks, NoGeoIp, NoHooks};
pub use vault::{Mac, Opened, Sealed, Vault, VaultError};
