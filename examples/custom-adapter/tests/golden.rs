//! The golden scenarios over this adapter, without a socket.

mod support;

use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use sigra_example_custom_adapter::serve;
use sigra_http::Surface;
use sigra_testing::golden::{self, Subject};

struct Direct(Surface);

#[async_trait]
impl Subject for Direct {
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        let head = request.method() == Method::HEAD;
        let answer = serve(&self.0, peer, request.map(Full::new), support::routes).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body in memory does not break off").to_bytes();
        // hyper leaves the body out when it writes an answer to HEAD.
        Response::from_parts(parts, if head { Bytes::new() } else { body })
    }
}

#[tokio::test]
async fn every_golden_scenario() {
    golden::all(&|surface| Box::new(Direct(surface))).await;
}
