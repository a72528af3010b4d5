//! The HTTP surface of sigra, without a framework.
//!
//! A [`Surface`] turns an [`http::Request`] with any [`http_body::Body`], plus the peer's address, into an
//! [`http::Response`]. Everything a framework could do differently is decided here: routes, the
//! [origin rule](origin), cookies, limits, guards, headers, pages and problem documents. What is left to an adapter is
//! translation.
//!
//! ```
//! # use sigra_core::Sigra;
//! use http::Request;
//! use sigra_http::{PublicUrl, Surface};
//!
//! # async fn run(sigra: Sigra) -> Result<(), Box<dyn std::error::Error>> {
//! let public_url: PublicUrl = "https://app.example".parse()?;
//! let surface = Surface::builder(sigra, public_url).accounts().build()?;
//!
//! let request = Request::get("/auth/login").body(http_body_util::Empty::<bytes::Bytes>::new())?;
//! let response = surface.handle(request, Some([192, 0, 2, 1].into())).await;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```

mod accounts;
mod assets;
pub mod body;
mod body_out;
mod call;
pub mod client_ip;
pub mod cookie;
mod deletion;
mod email_change;
mod escape;
mod export;
mod fault;
mod head;
mod headers;
mod history;
mod media_type;
#[cfg(feature = "mfa")]
mod mfa;
mod notice;
pub mod origin;
pub mod pages;
#[cfg(feature = "passkeys")]
mod passkeys;
mod passwords;
pub mod path;
pub mod problem;
pub mod public_url;
mod reply;
pub mod return_to;
mod route;
mod second_factors;
#[cfg(any(feature = "mfa", feature = "passkeys"))]
mod security;
mod shown;
mod surface;
pub mod views;
mod wording;

/// The crate the types of principals, sessions and assurance come from, so that an adapter depends on this crate alone.
pub use sigra_core;

pub use body_out::{BodyFault, ResponseBody};
pub use client_ip::TrustedProxies;
pub use fault::Face;
pub use head::Head;
pub use pages::Pages;
pub use public_url::PublicUrl;
pub use route::{Route, Verb};
pub use surface::{
    Caller, GuardDecision, HostRequest, HttpConfig, LimitBucket, Limits, Requirement, Surface, SurfaceBuilder,
    SurfaceFaults, Visit,
};
