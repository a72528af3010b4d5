//! Second factors: the ports of sigra-mfa.

mod backup_codes;
mod totp;
mod trusted;
