#![doc = include_str!("../README.md")]

#[doc(inline)]
pub use sigra_core as core;
#[doc(no_inline)]
pub use sigra_core::config::Config;
#[doc(no_inline)]
pub use sigra_core::email::EmailAddress;
#[doc(no_inline)]
pub use sigra_core::error::{FlowError, StoreError};
#[doc(no_inline)]
pub use sigra_core::id::{SessionId, UserId};
#[doc(no_inline)]
pub use sigra_core::session::Session;
#[doc(no_inline)]
pub use sigra_core::user::User;
#[doc(no_inline)]
pub use sigra_core::{Essentials, Sigra, SigraBuilder, Stores};

#[cfg(feature = "axum")]
#[doc(inline)]
pub use sigra_axum as axum;
#[cfg(feature = "crypto")]
#[doc(inline)]
pub use sigra_crypto as crypto;
#[cfg(feature = "http")]
#[doc(inline)]
pub use sigra_http as http;
#[cfg(feature = "mail")]
#[doc(inline)]
pub use sigra_mail as mail;
#[cfg(feature = "mfa")]
#[doc(inline)]
pub use sigra_mfa as mfa;
#[cfg(feature = "net")]
#[doc(inline)]
pub use sigra_net as net;
#[cfg(feature = "passkeys")]
#[doc(inline)]
pub use sigra_passkeys as passkeys;
#[cfg(feature = "poem")]
#[doc(inline)]
pub use sigra_poem as poem;
#[cfg(feature = "seaorm")]
#[doc(inline)]
pub use sigra_store_seaorm as seaorm;
#[cfg(feature = "testing")]
#[doc(inline)]
pub use sigra_testing as testing;

#[cfg(all(doctest, feature = "axum", feature = "crypto", feature = "mail", feature = "sqlite"))]
#[doc = include_str!("../../docs/guides/getting-started.md")]
struct GettingStarted;

#[cfg(all(doctest, feature = "metrics"))]
#[doc = include_str!("../../docs/guides/telemetry.md")]
struct Telemetry;

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../README.md")]
struct Readme;
