//! Secrets are read in one form each, and what is no secret is none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigra_core::id::SessionId;
use sigra_core::password::Password;
use sigra_core::secret::{Code, RawToken};
use sigra_core::time::Timestamp;
use sigra_crypto::{Argon2Params, RootSecrets};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };

    let token = RawToken::parse(text);
    assert_eq!(token.is_some(), is_token(text));
    if let Some(token) = token {
        assert_eq!(token.expose().as_str(), text);
    }

    let digits: String = text.chars().filter(|c| *c != ' ').collect();
    let is_code = text.len() <= 32 && digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let code = Code::parse(text);
    assert_eq!(code.is_some(), is_code);
    if let Some(code) = code {
        assert_eq!(code.expose().as_str(), digits);
    }

    if let Ok(password) = Password::parse(text) {
        assert!(password.expose().len() <= Password::MAX_BYTES);
        let again = Password::parse(password.expose()).expect("a password in its normal form");
        assert_eq!(again.expose(), password.expose());
    } else {
        assert!(text.len() > Password::MAX_BYTES / 3, "only long passwords are too long");
    }

    if let Ok(secrets) = RootSecrets::parse(text) {
        assert_eq!(format!("{secrets:?}"), format!("RootSecrets({} redacted)", text.split(',').count()));
        assert!(text.split(',').all(|part| part.trim().len() * 3 / 4 >= RootSecrets::MIN_BYTES));
    }
    if let Ok(params) = text.parse::<Argon2Params>() {
        assert_eq!(params.to_string().parse(), Ok(params));
        assert_eq!(Argon2Params::new(params.memory_kib(), params.passes(), params.lanes()), Ok(params));
    }
    if let Some(moment) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment), "{text}");
    }
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
});

/// 43 characters of base64url whose last one carries four bits.
fn is_token(text: &str) -> bool {
    text.len() == 43
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
}
