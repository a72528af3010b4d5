//! From a request to its endpoint, past everything that can stop it.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use crate::head::Head;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body::Body;
use sigra_core::ports::{Bucket, RateDecision};

use super::present::without_body_for_head;
use super::{LimitBucket, Surface, Visit};
use crate::body::{self, Fields};
use crate::body_out::ResponseBody;
use crate::call::Call;
use crate::fault::{Face, Fault};
use crate::headers;
use crate::path::{Match, Params};
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::route::Route;

impl Surface {
    /// Answers one request to a path below the prefix.
    ///
    /// In this order: the route is found (404, 405); an unsafe method keeps the origin rule (403); the network block has
    /// not asked too often (429); the body is read (413, 415, 400); the caller meets the route's requirement (401, 403,
    /// or a redirect); the endpoint answers.
    ///
    /// `peer` is the address of the TCP connection. Nothing panics on any input.
    pub async fn handle<B>(&self, request: Request<B>, peer: Option<IpAddr>) -> Response<ResponseBody>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let head = Head::from(&parts);
        if let Some(answer) = self.misdirected(head) {
            return answer;
        }
        let visit = self.visit(head, peer);
        let answered = AssertUnwindSafe(self.answer(head, body, &visit)).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|_| self.present_panic(head, &visit));
        visit.finish(response.headers_mut()).await;
        without_body_for_head(head.method, response)
    }

    /// A port of the host's panicked. The process lives, and the client learns no more than of any other failure.
    fn present_panic(&self, head: Head<'_>, visit: &Visit) -> Response<ResponseBody> {
        tracing::error!(name: "sigra.http.panicked", request_id = visit.request_id(), "a request panicked");
        self.present_fault(FaultCode::Internal.into(), self.face_of(head), head, visit)
    }

    async fn answer<B>(&self, head: Head<'_>, body: B, visit: &Visit) -> Response<ResponseBody>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let below = head.uri.path().strip_prefix(self.prefix());
        let (route, params) = match below.map_or(Match::NotFound, |path| self.inner.router.find(head.method, path)) {
            Match::Found { index, params } => (self.inner.routes[index], params),
            Match::WrongMethod(allowed) => {
                return self.present_fault(Fault::MethodNotAllowed(allowed), self.face_of(head), head, visit);
            }
            Match::NotFound => {
                return self.present_fault(FaultCode::NotFound.into(), self.face_of(head), head, visit);
            }
        };
        let mut response = match self.run(route, params, head, body, visit).await {
            Ok(reply) => self.present(reply, head, visit),
            Err(fault) => self.present_fault(fault, route.face, head, visit),
        };
        if route.path.contains("{token}") {
            headers::withhold_referrer(response.headers_mut());
        }
        response
    }

    async fn run<B>(
        &self,
        route: &'static Route,
        params: Params,
        head: Head<'_>,
        body: B,
        visit: &Visit,
    ) -> Result<Reply, Fault>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.same_origin(head, visit)?;
        self.within_limit(route.limit, visit).await?;
        let fields = read_fields(route, head, body).await?;
        let mut call = Call { surface: self, visit, head, params, fields, current: None };
        call.current = match self.judge(route.requirement, head, visit).await {
            Err(Fault::NoPending(_)) => return Err(call.no_pending()),
            judged => judged?,
        };
        (route.endpoint.0)(call).await
    }

    /// Counts the request against its network block's limit.
    async fn within_limit(&self, limit: LimitBucket, visit: &Visit) -> Result<(), Fault> {
        let bucket = Bucket {
            name: limit.name(),
            key: visit.client().block().to_string(),
            limit: limit.quota(&self.inner.config.limits),
        };
        match self.inner.sigra.limits().take(&*self.inner.limiter, &bucket, visit.client()).await? {
            RateDecision::Granted => Ok(()),
            RateDecision::Refused { retry_after } => {
                // Not louder: there are as many as somebody likes to send.
                tracing::debug!(
                    name: "sigra.http.rate_limited",
                    request_id = visit.request_id(),
                    limit = limit.name(),
                    "refused a request beyond a limit"
                );
                Err(Fault::RateLimited(retry_after))
            }
        }
    }

    /// How a path that has no route is answered.
    fn face_of(&self, head: Head<'_>) -> Face {
        let below = head.uri.path().strip_prefix(self.prefix()).unwrap_or_default();
        if below == "/api" || below.starts_with("/api/") { Face::Json } else { Face::Html }
    }
}

async fn read_fields<B>(route: &Route, head: Head<'_>, body: B) -> Result<Fields, Fault>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if crate::origin::is_safe(head.method) {
        return Ok(Fields::default());
    }
    let accepted = match route.face {
        Face::Html => body::Accepted::Form,
        Face::Json => body::Accepted::Json,
    };
    let bytes: Bytes = body::read(head.headers, body).await.map_err(FaultCode::from)?;
    Ok(body::parse(head.headers, &bytes, accepted).map_err(FaultCode::from)?)
}
