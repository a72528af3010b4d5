//! A test host over HTTP.

use std::sync::Arc;

use sigra_core::Unlimited;
use sigra_core::user::User;
use sigra_http::cookie::CookieName;
use sigra_http::{PublicUrl, Surface};

use super::{SignedIn, TestHost};

/// Where [`TestHost::surface`] is reached.
pub const PUBLIC_URL: &str = "http://localhost:3000";

impl<S> TestHost<S> {
    /// The HTTP surface of this host at [`PUBLIC_URL`], with the routes of accounts below `/auth` and without request
    /// limits. For another prefix, address or limit assemble one over [`TestHost::sigra`].
    ///
    /// # Panics
    ///
    /// Never, as long as the default surface is sound.
    #[must_use]
    pub fn surface(&self) -> Surface {
        let builder = Surface::builder(self.sigra.clone(), public_url()).rate_limiter(Arc::new(Unlimited)).accounts();
        builder.build().unwrap_or_else(|faults| panic!("the surface must be sound: {faults}"))
    }

    /// The `Cookie` header of a new browser in which this user has just signed in with [`PASSWORD`](super::PASSWORD), for
    /// [`TestHost::surface`]. Its sudo window is open.
    ///
    /// # Panics
    ///
    /// When the user is not let in.
    pub async fn cookie_for(&self, user: &User) -> String {
        self.signed_in(user).await.cookie_header(&public_url())
    }
}

impl SignedIn {
    /// The `Cookie` header that brings this session to a surface at `public_url`.
    ///
    /// # Panics
    ///
    /// When no cookie may be set there: over `http` on anything but a loopback host.
    #[must_use]
    pub fn cookie_header(&self, public_url: &PublicUrl) -> String {
        let name = CookieName::new("sigra_session", public_url).expect("a public URL must be https or loopback");
        format!("{}={}", name.as_str(), self.cookie())
    }
}

fn public_url() -> PublicUrl {
    PUBLIC_URL.parse().expect("it is an origin")
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use http::{Request, StatusCode};

    use super::*;

    async fn session_check(surface: &Surface, cookie: &str) -> StatusCode {
        let request = Request::get("/auth/api/v1/session").header(COOKIE, cookie);
        surface.handle(request.body(String::new()).unwrap(), None).await.status()
    }

    #[tokio::test]
    async fn the_cookie_is_what_the_surface_reads() {
        let host = TestHost::new();
        let (ann, surface) = (host.confirmed("ann@example.org").await, host.surface());
        let cookie = host.cookie_for(&ann).await;
        assert_eq!(session_check(&surface, &cookie).await, StatusCode::OK);
        assert_eq!(session_check(&surface, "sigra_session=another").await, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn over_https_the_cookie_has_the_name_of_https() {
        let host = TestHost::new();
        let public_url: PublicUrl = "https://app.example.org".parse().unwrap();
        let surface = Surface::builder(host.sigra.clone(), public_url.clone()).accounts().build().unwrap();
        let session = host.signed_in(&host.confirmed("ann@example.org").await).await;
        let header = session.cookie_header(&public_url);
        assert!(header.starts_with("__Host-sigra_session="));
        assert_eq!(session_check(&surface, &header).await, StatusCode::OK);
        let bare = session.cookie_header(&PUBLIC_URL.parse().unwrap());
        assert_eq!(session_check(&surface, &bare).await, StatusCode::UNAUTHORIZED);
    }
}
