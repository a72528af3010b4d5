//! Second factors for sigra: time-based one-time passwords (RFC 6238), backup codes, and browsers that are trusted after
//! one was shown.
//!
//! [`Mfa`] is the handle. It is made before the [`Sigra`](sigra_core::Sigra) it serves, which is then given its factors:
//!
//! ```
//! use sigra_core::SigraBuilder;
//! use sigra_core::config::ConfigFaults;
//! use sigra_mfa::{Mfa, MfaConfig, MfaParts};
//!
//! fn with_second_factors(builder: SigraBuilder, parts: MfaParts) -> Result<(SigraBuilder, Mfa), ConfigFaults> {
//!     let mfa = Mfa::new(parts, MfaConfig { issuer: "Acme".to_owned(), ..MfaConfig::default() })?;
//!     let builder = builder
//!         .factor(mfa.totp_factor())
//!         .factor(mfa.backup_code_factor())
//!         .trusted_browsers(mfa.trusted_browsers())
//!         .export_sections(mfa.export_sections());
//!     Ok((builder, mfa))
//! }
//! ```
//!
//! From then on whoever has set up an authenticator app must show a code, whatever the way in. Showing one, counting wrong
//! ones and locking is shared with other kinds of factors and lives in `sigra-core`:
//! [`SecondFactors`](sigra_core::flows::SecondFactors). What this crate does is setting up, renewing and taking away.

mod assurance;
mod backup_codes;
mod config;
mod events;
mod export;
mod mails;
mod mfa;
pub mod ports;
mod telemetry;
mod totp;
mod trusted;

pub use assurance::{lowered, proves, raised, shown};
pub use backup_codes::{BACKUP_CODE, BackupCode, RegenerateOutcome};
pub use config::MfaConfig;
pub use events::{EVENTS, names};
pub use mails::{BACKUP_CODE_USED, BACKUP_CODES_REGENERATED, MAILS, MFA_DISABLED, MFA_ENABLED};
pub use mfa::{Mfa, MfaParts, MfaStatus};
pub use telemetry::OPERATIONS;
pub use totp::{BeginOutcome, ConfirmOutcome, DisableOutcome, TOTP, TotpSetup};

#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/mfa.md")]
struct Guide;
