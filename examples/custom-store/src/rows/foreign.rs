//! The stored form of structures of `sigra-core`, by `serde(remote)`: a field that is added there does not compile here
//! until it is stored too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sigra_core::address_change::AddressChange;
use sigra_core::assurance::Assurance;
use sigra_core::audit::Outcome;
use sigra_core::client::{ClientInfo, Place};
use sigra_core::email::EmailAddress;
use sigra_core::id::{
    DeviceId, EventId, MailId, OrganizationId, PendingId, RegistrationId, RequestId, SessionId, UserId,
};
use sigra_core::mail::{MailKind, OutgoingMail};
use sigra_core::ports::{Ceremony, Mac, Quarantined, RecordedEvent, Sealed};
use sigra_core::registration::{
    AddressRequest, ConfirmationCode, MailedToken, PendingRegistration, RequestKind, TokenOwner,
};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::session::{Device, PendingSignIn, Session};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

#[derive(Serialize, Deserialize)]
#[serde(remote = "User")]
pub(super) struct UserDef {
    id: UserId,
    email: EmailAddress,
    confirmed_at: Option<Timestamp>,
    has_password: bool,
    password_changed_at: Option<Timestamp>,
    password_change_required_at: Option<Timestamp>,
    profile: Value,
    epochs: Epochs,
    disabled_at: Option<Timestamp>,
    deletion_due_at: Option<Timestamp>,
    created_at: Timestamp,
    last_sign_in_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Device")]
pub(super) struct DeviceDef {
    id: DeviceId,
    user: UserId,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "MailedToken")]
pub(super) struct MailedTokenDef {
    #[serde(with = "digest")]
    digest: Digest,
    #[serde(with = "purpose")]
    purpose: Purpose,
    #[serde(with = "TokenOwnerDef")]
    owner: TokenOwner,
    email: EmailAddress,
    created_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ceremony")]
pub(super) struct CeremonyDef {
    #[serde(with = "digest")]
    key: Digest,
    user: Option<UserId>,
    #[serde(with = "sealed")]
    state: Sealed,
    created_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PendingRegistration")]
pub(super) struct PendingRegistrationDef {
    id: RegistrationId,
    email: EmailAddress,
    #[serde(with = "sealed")]
    sealed: Sealed,
    client: ClientInfo,
    created_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ConfirmationCode")]
pub(super) struct ConfirmationCodeDef {
    registration: RegistrationId,
    #[serde(with = "mac")]
    mac: Mac,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Quarantined")]
pub(super) struct QuarantinedDef {
    #[serde(with = "mac")]
    key: Mac,
    holder: Option<UserId>,
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AddressRequest")]
pub(super) struct AddressRequestDef {
    id: RequestId,
    #[serde(with = "RequestKindDef")]
    kind: RequestKind,
    email: EmailAddress,
    client: ClientInfo,
    created_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AddressChange")]
pub(super) struct AddressChangeDef {
    id: RequestId,
    user: UserId,
    session: SessionId,
    epochs: Epochs,
    old: EmailAddress,
    new: EmailAddress,
    requested_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Session")]
pub(super) struct SessionDef {
    id: SessionId,
    user: UserId,
    assurance: Assurance,
    epochs: Epochs,
    remembered: bool,
    fresh_until: Option<Timestamp>,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    rotated_at: Timestamp,
    idle_expires_at: Timestamp,
    expires_at: Timestamp,
    client: ClientInfo,
    place: Option<Place>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PendingSignIn")]
pub(super) struct PendingSignInDef {
    id: PendingId,
    user: UserId,
    assurance: Assurance,
    epochs: Epochs,
    remember: bool,
    opens_sudo: bool,
    // Rows from before it were not told.
    #[serde(default)]
    tell_unfinished: bool,
    client: ClientInfo,
    created_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OutgoingMail")]
pub(super) struct OutgoingMailDef {
    id: MailId,
    #[serde(with = "mail_kind")]
    kind: MailKind,
    to: EmailAddress,
    #[serde(with = "sealed")]
    facts: Sealed,
    created_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RecordedEvent")]
pub(super) struct RecordedEventDef {
    id: EventId,
    name: String,
    at: Timestamp,
    #[serde(with = "OutcomeDef")]
    outcome: Outcome,
    actor: Option<UserId>,
    subject: Option<UserId>,
    organization: Option<OrganizationId>,
    session: Option<SessionId>,
    client: ClientInfo,
    reason: Option<String>,
    metadata: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "TokenOwner")]
enum TokenOwnerDef {
    Registration(RegistrationId),
    User { id: UserId, epochs: Option<Epochs> },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RequestKind")]
enum RequestKindDef {
    Register(RegistrationId),
    ResendConfirmation,
    MagicLink,
    ResetPassword,
    RescueReset,
    LockNotice,
    ChangeEmail,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Outcome")]
enum OutcomeDef {
    Success,
    Failure,
}

/// How a type is stored that has another form to be stored in.
macro_rules! stored_as {
    ($($module:ident: $type:ty as $form:ty, $write:expr, $read:expr;)+) => {$(
        pub(super) mod $module {
            use super::*;

            pub(in crate::rows) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> $form = $write;
                write(value).serialize(to)
            }

            pub(in crate::rows) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let read: fn($form) -> Option<$type> = $read;
                read(<$form>::deserialize(from)?).ok_or_else(|| serde::de::Error::custom("not a stored value"))
            }
        }
    )+};
}

stored_as! {
    digest: Digest as String, |digest| base64(digest.as_bytes()), |text| bytes(&text).map(Digest::from_bytes);
    mac: Mac as String, |mac| base64(mac.as_bytes()), |text| bytes(&text).map(Mac::from_bytes);
    sealed: Sealed as String,
        |sealed| base64(sealed.as_bytes()),
        |text| STANDARD_NO_PAD.decode(text).ok().map(Sealed::from_bytes);
    purpose: Purpose as String, |purpose| purpose.name().to_owned(), |name| Some(Purpose::from_stored(&name));
    mail_kind: MailKind as String, |kind| kind.as_str().to_owned(), |name| Some(MailKind::from_stored(name));
}

fn base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}
