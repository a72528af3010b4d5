//! Second factors, and the browsers that are trusted after one was shown.

mod backup_codes;
mod totp;
mod trusted;
