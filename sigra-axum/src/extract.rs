//! Extractors: who is behind a request.

use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use sigra_http::sigra_core::flows;
use sigra_http::sigra_core::principal;
use sigra_http::sigra_core::user::User;
use sigra_http::{Head, HostRequest, Requirement, ResponseBody};

/// The session behind the request. Whoever has none is sent to sign in, or gets 401.
#[derive(Clone, Debug)]
pub struct CurrentSession(Arc<flows::CurrentSession>);

impl Deref for CurrentSession {
    type Target = flows::CurrentSession;

    fn deref(&self) -> &flows::CurrentSession {
        &self.0
    }
}

/// The user behind the request. Whoever has no session is sent to sign in, or gets 401.
#[derive(Clone, Debug)]
pub struct CurrentUser(Arc<flows::CurrentSession>);

impl Deref for CurrentUser {
    type Target = User;

    fn deref(&self) -> &User {
        self.0.user()
    }
}

/// The user behind the request, if there is one.
#[derive(Clone, Debug)]
pub struct MaybeUser(pub Option<CurrentUser>);

/// The session behind the request, if there is one.
#[derive(Clone, Debug)]
pub struct MaybeSession(pub Option<CurrentSession>);

/// Who acts, and within what. Whoever has no session is sent to sign in, or gets 401.
#[derive(Clone, Debug)]
pub struct Scope(pub principal::Scope);

impl<S: Send + Sync> FromRequestParts<S> for CurrentSession {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(HostRequest::session(parts.extensions.get(), Head::from(&*parts)).await?))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentSession {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(look(parts).await?.map(Self))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeSession {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(look(parts).await?.map(CurrentSession)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(HostRequest::session(parts.extensions.get(), Head::from(&*parts)).await?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeUser {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(look(parts).await?.map(CurrentUser)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Scope {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(HostRequest::session(parts.extensions.get(), Head::from(&*parts)).await?.scope()))
    }
}

/// The answer to a request that an extractor did not let through.
#[derive(Debug)]
pub struct Rejection(Box<http::Response<ResponseBody>>);

impl From<Box<http::Response<ResponseBody>>> for Rejection {
    fn from(answer: Box<http::Response<ResponseBody>>) -> Self {
        Self(answer)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.map(Body::new)
    }
}

/// Applies the origin rule and looks the session up without demanding one.
async fn look(parts: &Parts) -> Result<Option<Arc<flows::CurrentSession>>, Rejection> {
    Ok(HostRequest::demand(parts.extensions.get(), Requirement::OPTIONAL, Head::from(parts)).await?)
}
