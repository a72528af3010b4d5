//! The golden scenarios over real connections, between hyper's server and hyper's client.

mod support;

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use sigra_example_custom_adapter::service;
use sigra_http::{HttpConfig, Surface};
use sigra_testing::golden::{self, Subject};
use sigra_testing::scenario::TestHost;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What hyper's server or client does not let through, so that no adapter sees it.
const NOT_ON_A_WIRE: [(&str, &str); 4] = [
    ("bodies::pw_05_one_byte_more", "the server answers and closes while the client still sends"),
    ("malformed::pw_05_too_large", "the server answers and closes while the client still sends"),
    ("malformed::odd_headers", "the server answers 400 to a Content-Length that is no number"),
    ("targets::asterisk_and_authority_form", "the client turns a connection into a tunnel after CONNECT"),
];

struct Wire(Surface);

#[async_trait]
impl Subject for Wire {
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        let stream = connect(&self.0, peer).await;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("the server must be there");
        tokio::spawn(connection);
        let answer = sender.send_request(request.map(Full::new)).await.expect("the server must answer");
        let (parts, body) = answer.into_parts();
        Response::from_parts(parts, body.collect().await.expect("the answer must be whole").to_bytes())
    }
}

/// A connection to a server that believes it came from `peer`.
async fn connect(surface: &Surface, peer: Option<IpAddr>) -> TcpStream {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port must be free");
    let address = listener.local_addr().expect("it is bound");
    let service = service(surface.clone(), peer, support::routes);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("somebody connects");
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    });
    TcpStream::connect(address).await.expect("the listener is bound")
}

#[tokio::test]
async fn every_golden_scenario_that_a_wire_can_carry() {
    golden::all_but(&NOT_ON_A_WIRE, &|surface| Box::new(Wire(surface))).await;
}

/// Sends bytes as they are, and reads the answer's head.
async fn raw(request: &str) -> String {
    let public_url = "https://app.example.org".parse().expect("it is an origin");
    let surface = Surface::builder(TestHost::new().sigra, public_url).config(HttpConfig::default()).accounts();
    let surface = surface.build().expect("the surface is sound");
    let mut stream = connect(&surface, None).await;
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("the server answers"), 0, "no whole head came");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn pw_05_what_announces_itself_as_too_large_is_not_waited_for() {
    let head = "POST /auth/api/v1/login HTTP/1.1\r\nHost: app.example.org\r\nContent-Type: application/json\r\n";
    let answer = raw(&format!("{head}Content-Length: 1048576\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn targets_in_absolute_form_name_the_same_route() {
    let answer = raw("GET https://app.example.org/auth/login HTTP/1.1\r\nHost: app.example.org\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
