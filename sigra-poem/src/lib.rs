//! sigra for [poem]: mounting, extractors and guards.
//!
//! Translation only. What a request may do, what it is answered and which cookies go along is decided in
//! [`sigra_http`], so everything here has a twin for every other framework.
//!
//! ```
//! use poem::{Endpoint, EndpointExt as _, Response, Route, get, handler, post};
//! use sigra_http::Surface;
//! use sigra_poem::{CurrentUser, mount, require_fresh};
//!
//! #[handler]
//! async fn hello(user: CurrentUser) -> String {
//!     format!("hello {}", user.email)
//! }
//!
//! #[handler]
//! async fn danger() {}
//!
//! fn app(surface: Surface) -> impl Endpoint<Output = Response> {
//!     let routes = Route::new()
//!         .at("/danger", post(danger.with(require_fresh())))
//!         .at("/hello", get(hello));
//!     mount(routes, surface)
//! }
//! ```
//!
//! The peer's address is the one of the connection, which poem's server tells. Over a Unix socket there is none, and every
//! client is one and the same for the limits.
//!
//! # What poem does differently
//!
//! - An `Option` around an extractor is `None` whatever went wrong, so it takes a store that is away, or a request from
//!   another origin, for nobody. Use [`MaybeUser`] and [`MaybeSession`], which answer those.
//! - An extractor refuses with a [`poem::Error`] that holds the whole answer. A `catch_all_error` between the route and
//!   [`mount`] replaces it; so does a `Result` around the extractor.
//! - An answer to `HEAD` that poem makes of one to `GET` has no `Content-Length`.

mod answer;
mod extract;
mod guard;
mod mount;

pub use extract::{CurrentSession, CurrentUser, MaybeSession, MaybeUser, Scope};
pub use guard::{
    Guard, GuardMiddleware, require, require_aal, require_confirmed, require_fresh, require_mfa, require_mfa_enrolled,
    require_user,
};
pub use mount::{SigraEndpoint, mount};
