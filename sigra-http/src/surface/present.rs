//! Putting answers into words and headers.

use crate::head::Head;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use sigra_core::config::ConfirmationMode;

use super::{Surface, Visit};
use crate::body_out::ResponseBody;
use crate::fault::{Face, Fault, allow};
use crate::headers::{self, CLEAR_SITE_DATA, Kind};
use crate::notice::Notice;
use crate::pages::Above;
use crate::path::Match;
use crate::problem::{FaultCode, Problem, whole_seconds};
use crate::reply::{Reply, ReplyBody};
use crate::return_to::ReturnTo;
use crate::views::{ErrorView, Link, View};
use crate::wording;

impl Surface {
    /// A reply as a response.
    pub(super) fn present(&self, reply: Reply, head: Head<'_>, visit: &Visit) -> Response<ResponseBody> {
        let Reply { status, body, cookies, clear_cache, retry_after } = reply;
        let kind = if matches!(body, ReplyBody::Asset { .. }) { Kind::Asset } else { Kind::Plain };
        let mut response = match body {
            ReplyBody::Empty => Response::new(ResponseBody::empty()),
            ReplyBody::Json(value) => typed(value.to_string(), "application/json"),
            ReplyBody::Asset { bytes, content_type } => typed(bytes.to_owned(), content_type),
            ReplyBody::Stream { body, content_type, file } => {
                let mut response = Response::new(body);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
                let disposition =
                    file.and_then(|file| HeaderValue::try_from(format!("attachment; filename=\"{file}\"")).ok());
                response.headers_mut().extend(disposition.map(|value| (CONTENT_DISPOSITION, value)));
                response
            }
            ReplyBody::SeeOther(path) => see_other(&path),
            ReplyBody::Page(view) => match self.page(&view, head, visit) {
                Ok(page) => page,
                Err(error) => {
                    let id = visit.request_id();
                    tracing::error!(
                        name: "sigra.http.not_rendered",
                        request_id = id,
                        error = &error as &dyn std::error::Error,
                        "a page could not be rendered"
                    );
                    return self.secured(Problem::new(FaultCode::Internal).with_request_id(id).into_response(), kind);
                }
            },
        };
        *response.status_mut() = status;
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        if let Some(after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, whole_seconds(after));
        }
        if clear_cache {
            response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
        }
        self.secured(response, kind)
    }

    /// A fault as a response: a redirect to where it can be mended, a page, or a problem document.
    pub(crate) fn present_fault(
        &self,
        fault: Fault,
        face: Face,
        head: Head<'_>,
        visit: &Visit,
    ) -> Response<ResponseBody> {
        if let Fault::Ending(fault, cookie) = fault {
            let mut response = self.present_fault(*fault, face, head, visit);
            response.headers_mut().append(SET_COOKIE, cookie);
            return response;
        }
        if let Fault::Internal(error) | Fault::StorageBusy(error) = &fault {
            let id = visit.request_id();
            tracing::error!(
                name: "sigra.http.failed",
                request_id = id,
                error = error as &dyn std::error::Error,
                "a request failed"
            );
        }
        let mut response = match face {
            Face::Json => self.fault_document(&fault, visit),
            Face::Html => match fault {
                Fault::Unauthenticated => see_other(&self.detour("/login", head)),
                Fault::NotFresh => see_other(&self.detour("/sudo", head)),
                Fault::NoPending(ref back) => self.sign_in_again(back.as_ref()),
                Fault::FactorMissing if self.serves("/settings/mfa") => see_other(&self.path("/settings/mfa")),
                _ => self.fault_page(&fault, head, visit),
            },
        };
        if let Fault::MethodNotAllowed(methods) = &fault {
            allow(methods, response.headers_mut());
        }
        self.secured(response, Kind::Plain)
    }

    fn fault_document(&self, fault: &Fault, visit: &Visit) -> Response<ResponseBody> {
        let problem = Problem::new(fault.code()).with_status(fault.status()).with_retry_after(fault.retry_after());
        match fault {
            Fault::Validation(errors) => problem.with_errors(errors.clone()),
            _ if fault.code() == FaultCode::Internal => problem.with_request_id(visit.request_id()),
            _ => problem,
        }
        .into_response()
    }

    fn fault_page(&self, fault: &Fault, head: Head<'_>, visit: &Visit) -> Response<ResponseBody> {
        let code = fault.code();
        let (sentence, next) = wording::of_fault(code);
        let next = next.filter(|(below, _)| self.serves(below));
        let view = ErrorView {
            status: fault.status().as_u16(),
            title: code.title().to_owned(),
            sentence: sentence.to_owned(),
            next: next.map(|(below, text)| Link { href: self.path(below), text: text.to_owned() }),
            request_id: (code == FaultCode::Internal).then(|| visit.request_id().to_owned()),
        };
        let mut response =
            self.page(&View::from(view), head, visit).unwrap_or_else(|_| self.fault_document(fault, visit));
        *response.status_mut() = fault.status();
        if let Some(after) = fault.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, whole_seconds(after));
        }
        response
    }

    fn page(
        &self,
        view: &View,
        head: Head<'_>,
        visit: &Visit,
    ) -> Result<Response<ResponseBody>, crate::pages::RenderError> {
        let notice = Notice::read(&self.inner.cookies.notice, head.headers);
        let deferred = self.inner.sigra.config().registration.confirmation == ConfirmationMode::Deferred;
        let current = visit.looked_up().filter(|current| deferred && current.user().confirmed_at.is_none());
        let unconfirmed = current.as_ref().map(|current| current.user().email.as_str());
        let above = Above { notice: notice.map(Notice::sentence), unconfirmed };
        let html = self.inner.pages.render_above(view, above)?;
        let mut response = typed(html, "text/html; charset=utf-8");
        if notice.is_some() {
            response.headers_mut().append(SET_COOKIE, self.inner.cookies.notice.clear());
        }
        Ok(response)
    }

    /// To the sign-in page, which says that a sign-in is over, and keeps where it was to lead.
    fn sign_in_again(&self, back: Option<&ReturnTo>) -> Response<ResponseBody> {
        let login = self.path("/login");
        let mut response = see_other(&back.map_or(login.clone(), |back| back.carried_by(&login)));
        response.headers_mut().append(SET_COOKIE, Notice::SignInOver.over(&self.inner.cookies.notice));
        response
    }

    /// The way to a page that mends a fault, and back: to the page that was asked for, or to the one a form was on.
    fn detour(&self, below: &str, head: Head<'_>) -> String {
        let back = match *head.method {
            Method::GET | Method::HEAD => head.uri.path_and_query().map(|asked| asked.as_str()),
            _ => self.page_of_form(head.uri.path()),
        };
        let path = self.path(below);
        match back.and_then(ReturnTo::parse) {
            Some(back) => back.carried_by(&path),
            None => path,
        }
    }

    /// The page a form of ours stands on: the nearest one at or above the path it posts to.
    fn page_of_form<'p>(&self, action: &'p str) -> Option<&'p str> {
        let mut path = action;
        while let Some(below) = path.strip_prefix(self.prefix()).filter(|below| !below.is_empty()) {
            if self.serves(below) {
                return Some(path);
            }
            path = &path[..path.rfind('/')?];
        }
        None
    }

    /// Whether there is a page below the prefix.
    fn serves(&self, below: &str) -> bool {
        matches!(self.inner.router.find(&Method::GET, below), Match::Found { .. })
    }

    pub(crate) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.inner.config.prefix)
    }

    fn secured(&self, mut response: Response<ResponseBody>, kind: Kind) -> Response<ResponseBody> {
        let hsts = self.inner.public_url.is_https().then_some(self.inner.config.hsts_secs);
        headers::secure(response.headers_mut(), kind, hsts);
        response
    }

    /// The answer to a request for a host name that is not loopback, when only loopback is served: 421.
    ///
    /// A page elsewhere can make its own name resolve to a loopback address (DNS rebinding); it cannot change the `Host`
    /// header its requests carry.
    pub(super) fn misdirected(&self, head: Head<'_>) -> Option<Response<ResponseBody>> {
        if !self.inner.loopback_only {
            return None;
        }
        let named = head.uri.authority().map(|authority| authority.as_str()).or_else(|| {
            let mut hosts = head.headers.get_all(http::header::HOST).iter();
            let only = hosts.next()?.to_str().ok()?;
            hosts.next().is_none().then_some(only)
        });
        if named.is_some_and(crate::public_url::host_header_is_loopback) {
            return None;
        }
        let mut response = typed(String::from("misdirected request\n"), "text/plain; charset=utf-8");
        *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        Some(without_body_for_head(head.method, self.secured(response, Kind::Plain)))
    }
}

/// Answers `HEAD` as `GET`, its length included (RFC 9110 §9.3.2), without the body.
pub(super) fn without_body_for_head(method: &Method, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    if *method == Method::HEAD {
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = ResponseBody::empty();
    }
    response
}

fn typed(body: String, content_type: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn see_other(path: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::from_str(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response
}
