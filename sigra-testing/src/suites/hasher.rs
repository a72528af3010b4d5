//! [`Hasher`].

use sigra_core::client::IpBlock;
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher, Verified, WorkOrigin};

/// Runs every check of this suite in turn.
pub async fn all(hasher: &dyn Hasher) {
    a_password_matches_its_own_hash_alone(hasher).await;
    what_cannot_be_verified_never_matches(hasher).await;
}

/// PW-04, PW-08, PW-21: every byte counts, whatever the length, and equal passwords have different hashes.
pub async fn a_password_matches_its_own_hash_alone(hasher: &dyn Hasher) {
    let origin = WorkOrigin::KnownDevice;
    for text in ["correct horse battery staple".to_owned(), "🦀".repeat(256), " \0 ".to_owned(), "a".repeat(1_024)] {
        let hash = hasher.hash(&password(&text), origin).await.unwrap();
        let verified = hasher.verify(Some(&password(&text)), Some(&hash), origin).await.unwrap();
        assert_eq!(verified, Verified::Match { stale: false });
        let mut other: Vec<char> = text.chars().collect();
        *other.last_mut().expect("no password is empty") = 'b';
        let other: String = other.into_iter().collect();
        for wrong in [other.as_str(), &text.to_uppercase(), &text[..text.len() - 4.min(text.len())], ""] {
            if wrong != text {
                let verified = hasher.verify(Some(&password(wrong)), Some(&hash), origin).await.unwrap();
                assert_eq!(verified, Verified::Mismatch, "{wrong:?} passed for {text:?}");
            }
        }
        let again = hasher.hash(&password(&text), origin).await.unwrap();
        assert_ne!(hash.expose(), again.expose());
        assert!(!hash.expose().contains(&text));
    }
}

/// No password, no hash, or a hash of no known kind: a mismatch, not an error.
pub async fn what_cannot_be_verified_never_matches(hasher: &dyn Hasher) {
    let origin = WorkOrigin::Network(IpBlock::of(None));
    let (typed, hash) = (password("typed"), hasher.hash(&password("typed"), origin).await.unwrap());
    for broken in
        ["", "*", "!", "typed", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$$", "$2b$10$", "$unknown$v=1$a$b"]
    {
        let broken = PasswordHash::new(broken.to_owned());
        let verified = hasher.verify(Some(&typed), Some(&broken), origin).await.unwrap();
        assert_eq!(verified, Verified::Mismatch, "{:?}", broken.expose());
    }
    assert_eq!(hasher.verify(None, Some(&hash), origin).await.unwrap(), Verified::Mismatch);
    assert_eq!(hasher.verify(Some(&typed), None, origin).await.unwrap(), Verified::Mismatch);
    assert_eq!(hasher.verify(None, None, origin).await.unwrap(), Verified::Mismatch);
}

fn password(text: &str) -> Password {
    Password::parse(text).expect("the suite's passwords are short enough")
}
