//! Second factors.

mod backup_codes;
mod totp;
mod trusted;
