//! Failures on demand.

use std::collections::{HashMap, HashSet};

use sigra_core::error::{StoreError, StoreErrorKind};

/// Which methods fail.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: HashMap<&'static str, usize>,
    always: HashSet<&'static str>,
    everything: bool,
}

pub(super) const OPERATIONS: &[&str] = &[
    "accounts.confirm",
    "accounts.create",
    "accounts.find",
    "accounts.find_by_email",
    "accounts.record_sign_in",
    "accounts.rescue",
    "accounts.reset_password",
    "accounts.rewrite_hash",
    "address_changes.arm",
    "address_changes.find",
    "address_changes.list",
    "address_changes.peek",
    "address_changes.peek_undo",
    "address_changes.pending",
    "address_changes.redeem",
    "address_changes.reserved_for",
    "address_changes.submit",
    "address_changes.undo",
    "address_changes.withdraw",
    "attempts.clear",
    "attempts.refund",
    "attempts.reserve",
    "audit.page",
    #[cfg(feature = "mfa")]
    "backup_codes.consume",
    #[cfg(feature = "mfa")]
    "backup_codes.count",
    #[cfg(feature = "mfa")]
    "backup_codes.disown",
    #[cfg(feature = "mfa")]
    "backup_codes.list",
    #[cfg(feature = "mfa")]
    "backup_codes.replace",
    "ceremonies.peek",
    "ceremonies.put",
    "ceremonies.take",
    "devices.find",
    "devices.list",
    "dormancy.due_looks",
    "dormancy.look",
    "evidence",
    "health.ping",
    "housekeeping.purge",
    "leases.release",
    "leases.renew",
    "leases.take",
    "lifecycle.cancel_deletion",
    "lifecycle.disable",
    "lifecycle.due_deletions",
    "lifecycle.enable",
    "lifecycle.erase",
    "lifecycle.schedule_deletion",
    "lifecycle.undo_deletion",
    "log.append",
    "outbox.abandon",
    "outbox.lease",
    "outbox.page",
    "outbox.requeue",
    "outbox.retry",
    "outbox.sent",
    #[cfg(feature = "passkeys")]
    "passkeys.count",
    #[cfg(feature = "passkeys")]
    "passkeys.disown",
    #[cfg(feature = "passkeys")]
    "passkeys.find",
    #[cfg(feature = "passkeys")]
    "passkeys.list",
    #[cfg(feature = "passkeys")]
    "passkeys.record_use",
    #[cfg(feature = "passkeys")]
    "passkeys.register",
    #[cfg(feature = "passkeys")]
    "passkeys.remove",
    #[cfg(feature = "passkeys")]
    "passkeys.rename",
    #[cfg(feature = "passkeys")]
    "passkeys.user_handle",
    "passwords.clear_required_change",
    "passwords.replace",
    "passwords.require_change",
    "passwords.withdraw",
    "profiles.replace",
    "quarantine.find",
    "quarantine.release",
    "registrations.armed",
    "registrations.find",
    "registrations.promote",
    "registrations.submit",
    "registrations.take_code_tries",
    "requests.lease",
    "requests.resolve",
    "requests.submit",
    "sessions.delete_pending",
    "sessions.elevate",
    "sessions.end_unfinished",
    "sessions.find",
    "sessions.find_pending",
    "sessions.insert",
    "sessions.insert_pending",
    "sessions.list",
    "sessions.revoke",
    "sessions.revoke_all",
    "sessions.rotate",
    "sessions.touch",
    "sessions.unfinished",
    "tokens.peek",
    "tokens.redeem",
    #[cfg(feature = "mfa")]
    "totp.activate",
    #[cfg(feature = "mfa")]
    "totp.advance_step",
    #[cfg(feature = "mfa")]
    "totp.begin",
    #[cfg(feature = "mfa")]
    "totp.disable",
    #[cfg(feature = "mfa")]
    "totp.disown",
    #[cfg(feature = "mfa")]
    "totp.find",
    #[cfg(feature = "mfa")]
    "trusted.find",
    #[cfg(feature = "mfa")]
    "trusted.insert",
    #[cfg(feature = "mfa")]
    "trusted.list",
    #[cfg(feature = "mfa")]
    "trusted.revoke",
    #[cfg(feature = "mfa")]
    "trusted.revoke_all",
    #[cfg(feature = "mfa")]
    "trusted.touch",
];

impl Faults {
    pub(super) fn next(&mut self, operation: &str) {
        *self.next.entry(known(operation)).or_default() += 1;
    }

    pub(super) fn always(&mut self, operation: &str) {
        self.always.insert(known(operation));
    }

    pub(super) fn everything(&mut self) {
        self.everything = true;
    }

    /// Fails if `operation` is to fail now.
    pub(super) fn strike(&mut self, operation: &str) -> Result<(), StoreError> {
        let operation = known(operation);
        let failure = Err(StoreError::new(StoreErrorKind::Unavailable, operation).because("the test said so"));
        if self.everything || self.always.contains(operation) {
            return failure;
        }
        match self.next.get_mut(operation).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                failure
            }
            None => Ok(()),
        }
    }
}

// A misspelt name would make a test pass that tests nothing.
fn known(operation: &str) -> &'static str {
    let found = OPERATIONS.iter().find(|known| **known == operation);
    found.unwrap_or_else(|| panic!("no method is called `{operation}`; there are {OPERATIONS:?}"))
}
