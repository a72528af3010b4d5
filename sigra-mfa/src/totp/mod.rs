//! Time-based one-time passwords (RFC 6238).

mod disable;
mod enroll;
mod factor;
mod qr;
mod secret;
mod setup;

use sigra_core::assurance::Method;
use sigra_core::ports::FactorKind;

pub use disable::DisableOutcome;
pub use enroll::{BeginOutcome, ConfirmOutcome};
pub(crate) use factor::{ShownTotp, TotpFactor};
pub use setup::TotpSetup;

/// The kind of factor.
pub const TOTP: FactorKind = FactorKind::new("totp");

/// A one-time password was shown (RFC 8176 `otp`).
pub(crate) const OTP: Method = Method::new("otp");
