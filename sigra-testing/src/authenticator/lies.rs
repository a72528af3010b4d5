//! Ways to misbehave.

/// Ways in which a [`SoftAuthenticator`](super::SoftAuthenticator) or its browser misbehaves. None of them by default, and a
/// host should refuse each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lies {
    /// Another origin than the page's.
    pub origin: Option<String>,
    /// The page is in a frame of another origin (`crossOrigin`).
    pub cross_origin: bool,
    /// The origin of the page around that frame (`topOrigin`).
    pub top_origin: Option<String>,
    /// Another `type` in the client data.
    pub ceremony: Option<String>,
    /// Another challenge than was given.
    pub challenge: Option<Vec<u8>>,
    /// Another relying party than was asked for.
    pub rp_id: Option<String>,
    /// A byte after the end of the authenticator data.
    pub trailing_bytes: bool,
    /// A value after the end of the attestation object.
    pub trailing_cbor: bool,
    /// It says it is backed up, be it eligible or not (`BS` without `BE`).
    pub backed_up_regardless: bool,
    /// It says the opposite of what it said about eligibility when the credential was made (`BE`).
    pub flips_backup_eligibility: bool,
    /// Another signature counter than its own.
    pub sign_count: Option<u32>,
    /// Another algorithm in the public key than the one it is for.
    pub algorithm: Option<i64>,
    /// Another credential id than it would draw or show.
    pub credential_id: Option<Vec<u8>>,
    /// Another user handle than the credential's; `Some(None)` for none.
    pub user_handle: Option<Option<Vec<u8>>>,
    /// It signs with a key that is not the credential's.
    pub forges_signature: bool,
    /// It makes a credential although it has one that is excluded.
    pub ignores_exclusion: bool,
    /// It shows a credential that is not among the allowed ones.
    pub ignores_allowed: bool,
}
