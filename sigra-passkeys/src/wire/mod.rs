//! What browsers send, read strictly: anything but one well-formed value, and nothing after it, is refused.

mod attestation;
mod authenticator_data;
mod cbor;
mod client_data;
pub(crate) mod fuzz;
mod json;
mod key;
mod response;

pub(crate) use attestation::AttestationObject;
pub(crate) use authenticator_data::AuthenticatorData;
pub(crate) use client_data::{CeremonyType, ClientData};
pub(crate) use key::{Algorithm, PublicKey};
pub(crate) use response::{AuthenticationResponse, RegistrationResponse};

/// Why something is refused, as a fixed word for the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

impl Refused {
    /// It does not read as what it should be.
    pub(crate) const MALFORMED: Self = Self("malformed");
}

/// Refuses, with a reason, what does not hold.
pub(crate) fn ensure(holds: bool, reason: &'static str) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused(reason)) }
}
