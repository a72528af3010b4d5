//! Extractors: who is behind a request.

use std::ops::Deref;
use std::sync::Arc;

use poem::{Error, FromRequest, Request, RequestBody, Result};
use sigra_core::flows;
use sigra_core::principal;
use sigra_core::user::User;
use sigra_http::{HostRequest, Requirement};

use crate::answer::{head, translate};

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

impl<'a> FromRequest<'a> for CurrentSession {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(session(request).await?))
    }
}

impl<'a> FromRequest<'a> for CurrentUser {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(session(request).await?))
    }
}

impl<'a> FromRequest<'a> for MaybeUser {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(look(request).await?.map(CurrentUser)))
    }
}

impl<'a> FromRequest<'a> for MaybeSession {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(look(request).await?.map(CurrentSession)))
    }
}

impl<'a> FromRequest<'a> for Scope {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(session(request).await?.scope()))
    }
}

async fn session(request: &Request) -> Result<Arc<flows::CurrentSession>> {
    let session = HostRequest::session(request.data(), head(request)).await;
    session.map_err(|answer| Error::from_response(translate(*answer)))
}

/// Applies the origin rule and looks the session up without demanding one.
async fn look(request: &Request) -> Result<Option<Arc<flows::CurrentSession>>> {
    let found = HostRequest::demand(request.data(), Requirement::OPTIONAL, head(request)).await;
    found.map_err(|answer| Error::from_response(translate(*answer)))
}
