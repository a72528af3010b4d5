//! What a way in has verified.

use crate::assurance::{Aal, Assurance, Method};
use crate::time::Timestamp;
use crate::user::User;

/// The ways in. Each ends in a [`Proof`] and at the door.
///
/// Tests match this exhaustively: a further way cannot be added without saying what assurance it leads to for every kind
/// of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WayIn {
    /// Address and password.
    Password,
    /// A link in a mail.
    MagicLink,
    /// A passkey.
    Passkey,
    /// One that a host brings, by a name of its own.
    Other(&'static str),
}

impl WayIn {
    /// The name in the audit trail.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MagicLink => "magic_link",
            Self::Passkey => "passkey",
            Self::Other(name) => name,
        }
    }
}

/// The claim that a user was authenticated just now, with the epochs read together with what was verified.
///
/// Whoever makes one vouches for it. It signs nobody in by itself: the [door](super::Door) judges it, and minting fails
/// once the account's epochs have moved on.
#[derive(Clone, Debug)]
#[must_use = "a proof does nothing until it is handed to the door"]
pub struct Proof {
    pub(super) way: WayIn,
    pub(super) user: User,
    pub(super) assurance: Assurance,
    pub(super) opens_sudo: bool,
}

impl Proof {
    /// `user` must be the record that was read together with what was verified. Its epochs are those the sign-in is minted
    /// under, or not at all.
    pub fn new(way: WayIn, user: &User, aal: Aal, methods: Vec<Method>, at: Timestamp) -> Self {
        Self { way, user: user.clone(), assurance: Assurance { aal, methods, at }, opens_sudo: true }
    }

    /// The session this leads to is not fresh: sensitive actions ask again.
    pub fn not_fresh(mut self) -> Self {
        self.opens_sudo = false;
        self
    }
}

/// What was shown in a step of a pending sign-in.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The methods used.
    pub methods: Vec<Method>,
    /// The level the sign-in reaches with them.
    pub aal: Aal,
}
