//! Golden scenarios: what every adapter answers over HTTP, written once.
//!
//! An adapter implements [`Subject`] over whatever its framework calls a service, and runs [`all`]. Over every framework
//! the same request then has the same status, the same set of header names, the same headers and the same body.
//!
//! # What the adapter mounts
//!
//! The function given to [`all`] gets a [`Surface`] and answers an application with its routes and seven of its own:
//!
//! | route | demands | answers |
//! |---|---|---|
//! | `GET /me` | a user, through the adapter's extractor or guard | 200, `text/plain; charset=utf-8`, the address |
//! | `POST /host/fresh` | a fresh session, through the adapter's guard | 204 |
//! | `GET /host/mfa` | two factors, through the adapter's guard | 200, `text/plain; charset=utf-8`, `two factors` |
//! | `GET /host/confirmed` | a proven address, through the adapter's guard | 200, `text/plain; charset=utf-8`, `confirmed` |
//! | `GET /host/enrolled` | an account with a second factor, through the adapter's guard | 200, `text/plain; charset=utf-8`, `enrolled` |
//! | `GET` and `POST /host/maybe` | nothing; asks who it is | 200, `text/plain; charset=utf-8`, the address or `nobody` |
//! | `GET` and `POST /host/free` | nothing; never asks | 200, `text/plain; charset=utf-8`, `free` |
//!
//! Their own answers carry no other header than `Content-Type`. What is refused is answered by the surface.
//!
//! # What is not compared
//!
//! `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` belong to whoever writes the message. `Content-Length`
//! must be right where it is there, and the same for `HEAD` and `GET`. A request is passed with exactly the headers it
//! has: one without a `Content-Length` stands for a body of unknown length.

mod answer;
mod ask;
mod browser;
mod host;
mod scenarios;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use sigra_core::Stores;
use sigra_http::Surface;

pub use answer::Answer;
pub use ask::Ask;
pub use browser::Browser;
pub use host::{GoldenHost, Knobs};
pub use scenarios::scenarios;

/// An application over some framework, with the routes of the [module](self).
#[async_trait]
pub trait Subject: Send + Sync {
    /// Answers one request that came over a connection from `peer`, or over one whose peer is not known.
    ///
    /// Panics when the body breaks off, since it did not arrive.
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes>;
}

/// What scenarios run over: an adapter, and the storage behind it. Every function of a [`Surface`] is one, in memory.
pub trait Mount: Send + Sync {
    /// Mounts a surface and the host's routes.
    fn mount(&self, surface: Surface) -> Box<dyn Subject>;

    /// Ports without any content, for one more host. Up to four hosts are used side by side.
    ///
    /// The default is `None`: a [`MemoryStore`](crate::MemoryStore) for each. Otherwise the scenarios that make a store
    /// fail on purpose, or reach into it, are left out.
    fn stores(&self) -> Option<Stores> {
        None
    }
}

impl<F: Fn(Surface) -> S + Send + Sync, S: Subject + 'static> Mount for F {
    fn mount(&self, surface: Surface) -> Box<dyn Subject> {
        Box::new(self(surface))
    }
}

#[async_trait]
impl<S: Subject + ?Sized> Subject for Box<S> {
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        self.as_ref().call(request, peer).await
    }
}

/// A [`Mount`] of whatever kind.
pub type Make<'m> = dyn Mount + 'm;

/// One scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, with the ids of the requirements it proves.
    pub name: &'static str,
    run: for<'a> fn(&'a Make<'a>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

impl Scenario {
    /// Runs it.
    ///
    /// # Panics
    ///
    /// When an answer is another than it should be.
    pub async fn run(&self, make: &Make<'_>) {
        (self.run)(make).await;
    }
}

/// Runs every scenario.
///
/// # Panics
///
/// After the last one, when some failed. Their names are in the message, what went wrong was printed before.
pub async fn all(make: &Make<'_>) {
    all_but(&[], make).await;
}

/// Runs every scenario but some, each of which is named with the reason why it cannot be run.
///
/// # Panics
///
/// As [`all`], and when there is no scenario of such a name.
pub async fn all_but(skipped: &[(&str, &str)], make: &Make<'_>) {
    let all = scenarios();
    for (name, _) in skipped {
        assert!(all.iter().any(|scenario| scenario.name == *name), "there is no scenario `{name}`");
    }
    let mut failed = Vec::new();
    let in_memory = make.stores().is_none();
    let scenarios: Vec<_> = all
        .iter()
        .filter(|scenario| in_memory || !scenarios::needs_memory(scenario.name))
        .filter(|scenario| skipped.iter().all(|(name, _)| *name != scenario.name))
        .collect();
    for scenario in &scenarios {
        if AssertUnwindSafe(scenario.run(make)).catch_unwind().await.is_err() {
            failed.push(scenario.name);
        }
    }
    assert!(failed.is_empty(), "{} of {} scenarios failed: {}", failed.len(), scenarios.len(), failed.join(", "));
}
