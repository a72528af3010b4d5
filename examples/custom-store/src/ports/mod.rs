//! The ports, each in terms of rows.

mod accounts;
mod attempts;
mod ceremonies;
mod evidence;
mod housekeeping;
mod leases;
mod outbox;
mod registrations;
mod requests;
mod sessions;
mod tokens;

pub(crate) use evidence::record;
