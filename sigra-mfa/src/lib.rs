//! Second factors for sigra: time-based one-time passwords (RFC 6238), backup codes, and browsers that are trusted after
//! one was shown.

pub mod ports;
