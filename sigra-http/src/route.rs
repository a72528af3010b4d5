//! Routes as data: one static table a capability.

use std::pin::Pin;

use http::Method;

use crate::call::Call;
use crate::fault::{Face, Fault};
use crate::reply::Reply;
use crate::surface::{LimitBucket, Requirement};

/// One route. The tables drive dispatch, guards, limits, documentation and the test that tries every route with every
/// kind of caller; an endpoint in no table cannot be reached.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method. `GET` answers `HEAD` too.
    pub method: Verb,
    /// The path below the prefix, with `{name}` for one segment.
    pub path: &'static str,
    /// Pages or JSON.
    pub face: Face,
    /// What is demanded of the caller.
    pub requirement: Requirement,
    /// What it counts against.
    pub limit: LimitBucket,
    /// What it does, in a few words.
    pub about: &'static str,
    pub(crate) endpoint: Endpoint,
}

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are HTTP's own")]
pub enum Verb {
    Get,
    Post,
    Patch,
    Delete,
}

impl Verb {
    /// The method.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// What answers a route.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint(pub(crate) EndpointFn);

pub(crate) type EndpointFn = for<'a> fn(Call<'a>) -> EndpointFuture<'a>;
pub(crate) type EndpointFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send + 'a>>;

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Endpoint")
    }
}

/// Makes a [`Route`] of an async endpoint function.
macro_rules! route {
    ($method:ident $path:literal, $face:ident, $requirement:ident, $limit:ident, $about:literal, $endpoint:path) => {
        $crate::route::Route {
            method: $crate::route::Verb::$method,
            path: $path,
            face: $crate::fault::Face::$face,
            requirement: $crate::surface::Requirement::$requirement,
            limit: $crate::surface::LimitBucket::$limit,
            about: $about,
            endpoint: $crate::route::Endpoint(|call| Box::pin($endpoint(call))),
        }
    };
}

pub(crate) use route;
