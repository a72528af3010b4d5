//! sigra for [axum]: mounting, extractors and guards.
//!
//! Translation only. What a request may do, what it is answered and which cookies go along is decided in
//! [`sigra_http`], so everything here has a twin for every other framework.
//!
//! ```
//! use axum::{Router, routing::{get, post}};
//! use sigra_axum::{CurrentUser, mount, require_fresh};
//! use sigra_http::Surface;
//!
//! async fn hello(user: CurrentUser) -> String {
//!     format!("hello {}", user.email)
//! }
//!
//! async fn danger() {}
//!
//! fn app(surface: Surface) -> Router {
//!     let routes = Router::new()
//!         .route("/danger", post(danger).layer(require_fresh()))
//!         .route("/hello", get(hello));
//!     mount(routes, surface)
//! }
//! ```
//!
//! The peer's address comes from axum's [`ConnectInfo`](axum::extract::ConnectInfo), so serve the router with
//! `into_make_service_with_connect_info::<SocketAddr>()`. Without it every client is one and the same for the limits.

mod extract;
mod guard;
mod mount;

pub use extract::{CurrentSession, CurrentUser, MaybeSession, MaybeUser, Rejection, Scope};
pub use guard::{
    Guard, GuardLayer, require, require_aal, require_confirmed, require_fresh, require_mfa, require_mfa_enrolled,
    require_user,
};
pub use mount::{SigraLayer, SigraService, mount};
