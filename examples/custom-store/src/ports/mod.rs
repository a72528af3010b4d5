//! The ports, each in terms of rows.

mod accounts;
mod address_changes;
mod attempts;
mod ceremonies;
mod dormancy;
mod evidence;
mod housekeeping;
mod leases;
mod lifecycle;
mod outbox;
mod passwords;
mod profiles;
mod quarantine;
mod registrations;
mod requests;
mod sessions;
mod tokens;

pub(crate) use evidence::record;
pub(crate) use lifecycle::remove_account;
