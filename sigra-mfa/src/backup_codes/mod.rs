//! Backup codes: what stands in for a factor that was lost.

mod code;
mod factor;
mod regenerate;

use sigra_core::assurance::Method;
use sigra_core::ports::FactorKind;

pub use code::BackupCode;
pub(crate) use factor::BackupCodeFactor;
pub use regenerate::RegenerateOutcome;

/// The kind of factor.
pub const BACKUP_CODE: FactorKind = FactorKind::new("backup_code");

/// A backup code was shown. RFC 8176 has no name for it.
pub(crate) const SHOWN: Method = Method::new("backup_code");
