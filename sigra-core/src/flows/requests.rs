//! Requests made by address: answered alike for every address, before anything is looked up.

use crate::audit::{AuditEvent, EventName};
use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::RequestId;
use crate::registration::{AddressRequest, RequestKind};
use crate::sigra::Inner;

/// What came of a request by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Requested {
    /// It was noted. Whether a mail follows, only its recipient learns.
    Noted,
    /// The text is not an address.
    InvalidEmail,
}

impl Inner {
    /// A request row made now.
    pub(crate) fn address_request(
        &self,
        kind: RequestKind,
        email: &EmailAddress,
        client: &ClientInfo,
    ) -> AddressRequest {
        let now = self.clock.now();
        AddressRequest {
            id: RequestId::new(now),
            kind,
            email: email.clone(),
            client: client.clone(),
            created_at: now,
            expires_at: now + self.config.requests.pending_secs.span(),
        }
    }

    /// Notes a request with one row, the same for every address.
    pub(crate) async fn note_request(
        &self,
        kind: RequestKind,
        event: EventName,
        typed: &str,
        client: &ClientInfo,
    ) -> Result<Requested, FlowError> {
        let Ok(email) = EmailAddress::parse(typed) else {
            return Ok(Requested::InvalidEmail);
        };
        let request = self.address_request(kind, &email, client);
        let evidence = Evidence::event(AuditEvent::new(event, request.created_at, client));
        self.stores.requests.submit(&request, evidence).await?;
        Ok(Requested::Noted)
    }
}
