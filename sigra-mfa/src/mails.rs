//! The mails of this crate.

use sigra_core::mail::MailKind;

/// An authenticator app was set up.
pub const MFA_ENABLED: MailKind = MailKind::new("mfa_enabled");
/// The authenticator app was taken away.
pub const MFA_DISABLED: MailKind = MailKind::new("mfa_disabled");
/// A backup code was used. Says how many are left.
pub const BACKUP_CODE_USED: MailKind = MailKind::new("backup_code_used");
/// The backup codes were replaced.
pub const BACKUP_CODES_REGENERATED: MailKind = MailKind::new("backup_codes_regenerated");

/// Every kind this crate sends.
pub const MAILS: &[MailKind] = &[MFA_ENABLED, MFA_DISABLED, BACKUP_CODE_USED, BACKUP_CODES_REGENERATED];

#[cfg(test)]
mod tests {
    use sigra_core::email::EmailAddress;
    use sigra_core::id::MailId;
    use sigra_core::mail::{Composer as _, Facts};
    use sigra_core::secret::RawToken;
    use sigra_core::time::Timestamp;
    use sigra_mail::{Links, Templates};

    use super::*;

    #[test]
    fn every_kind_has_embedded_words() {
        let templates = Templates::builder("Acme", Links::mounted_at("https://app.example/auth")).build().unwrap();
        let to = EmailAddress::parse("ann@example.org").unwrap();
        for kind in MAILS {
            let facts = Facts { left: Some(2), ..Facts::default() }.with_token("not_me", &RawToken::random());
            let message = templates.compose(MailId::new(Timestamp::EPOCH), kind, &to, &facts).unwrap();
            assert!(message.text.contains("https://app.example/auth/not-me/"), "{kind}");
        }
    }
}
