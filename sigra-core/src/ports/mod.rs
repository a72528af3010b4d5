//! The traits a host can implement.
//!
//! Each has a *Contract* section. No method has a default: a safety-critical method with a default is how an
//! implementation gets it wrong. The published suites of `sigra-testing` tell whether an implementation keeps its
//! contract, races included.

mod accounts;
mod address_changes;
mod audit;
mod ceremonies;
mod dormancy;
mod factors;
mod hasher;
mod housekeeping;
mod lifecycle;
mod limits;
mod outbox;
mod passwords;
mod profiles;
mod quarantine;
mod services;
mod sessions;
mod surroundings;
mod vault;

pub use accounts::{
    AccountRecord, AccountStore, DeviceStore, LiveToken, NewAccount, Promotion, Recovered, RegistrationStore,
    RequestStore, SignIn, SignInDevice, SignInRecorded, TokenStore,
};
pub use address_changes::AddressChangeStore;
pub use audit::{AuditReader, RecordedEvent};
pub use ceremonies::{Ceremony, CeremonyStore};
pub use dormancy::{
    DormancyLook, DormancyLooked, DormancyRecord, DormancyRule, DormancyStore, DormancyVerdict, DueLook,
};
pub use factors::{
    Factor, FactorCheck, FactorKind, FactorRequirement, FactorVerdict, Notice, Notices, Occasion, Standing, TrustToken,
    TrustedBrowsers,
};
pub use hasher::{Hasher, Overloaded, PasswordFault, PasswordPolicy, PolicyContext, Verified, WorkOrigin};
pub use housekeeping::{Housekeeping, LeaseStore, RowKind};
pub use lifecycle::{AccountData, DueDeletion, Erasure, LifecycleStore};
pub use limits::{
    AttemptKey, AttemptOwner, AttemptPolicy, AttemptStore, Bucket, Quota, RateDecision, RateLimiter, Reservation,
    Reserved,
};
pub use outbox::{EvidenceLog, LeasedMail, MailRecord, MailState, OutboxReader, OutboxStore, Requeued};
pub use passwords::{PasswordStore, Replaced, Replacement};
pub use profiles::{ProfileChange, ProfileReplaced, ProfileStore};
pub use quarantine::{QuarantineStore, Quarantined};
pub use services::{BreachedPasswords, MailDomains, Unanswered};
pub use sessions::{FoundSession, Minted, SessionStore};
pub use surroundings::{DeviceDescriber, GeoIp, Happened, Health, Hooks, NoGeoIp, NoHooks};
pub use vault::{Mac, Opened, Sealed, Vault, VaultError};
