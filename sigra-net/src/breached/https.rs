//! A client over hyper and rustls.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::HOST;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Answer, Get, GetError, HttpGet};

/// An [`HttpGet`] over hyper, with TLS by rustls and the trust store of the operating system.
///
/// Opens a connection for each request: a host that registers so many people that this shows brings a client with a pool.
/// Knows no proxy. Plain `http` is for loopback addresses only. Needs a tokio runtime.
#[derive(Clone)]
pub struct HttpsClient {
    tls: TlsConnector,
}

impl HttpsClient {
    /// Loads the trust store.
    ///
    /// # Errors
    ///
    /// When the operating system has none that can be used.
    pub fn new() -> Result<Self, HttpsClientError> {
        // Named, so that nothing depends on which provider a process made its default, or on its having one.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| HttpsClientError(Box::new(error)))?
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }
}

impl std::fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpsClient").finish_non_exhaustive()
    }
}

/// There are no certificates to trust.
#[derive(Debug, thiserror::Error)]
#[error("the trust store of the operating system cannot be used")]
pub struct HttpsClientError(#[source] Box<dyn std::error::Error + Send + Sync>);

#[async_trait]
impl HttpGet for HttpsClient {
    async fn get(&self, get: &Get<'_>) -> Result<Answer, GetError> {
        let uri: Uri = get.url.parse().map_err(|_| GetError::failed("the url cannot be read"))?;
        let host = uri.host().ok_or_else(|| GetError::failed("the url has no host"))?;
        let name = host.trim_start_matches('[').trim_end_matches(']');
        match uri.scheme_str() {
            Some("https") => {
                let server = ServerName::try_from(name.to_owned()).map_err(GetError::failed)?;
                let stream = connect(name, uri.port_u16().unwrap_or(443)).await?;
                exchange(self.tls.connect(server, stream).await.map_err(GetError::failed)?, &uri, get).await
            }
            Some("http") if is_loopback(name) => {
                exchange(connect(name, uri.port_u16().unwrap_or(80)).await?, &uri, get).await
            }
            _ => Err(GetError::failed("the url is neither https nor http to a loopback address")),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, GetError> {
    TcpStream::connect((host, port)).await.map_err(GetError::failed)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    uri: &Uri,
    get: &Get<'_>,
) -> Result<Answer, GetError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(GetError::failed)?;
    // Ends when the sender and the body are gone, which they are once this future is done or dropped.
    tokio::spawn(connection);
    let mut request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()));
    if let Some(authority) = uri.authority() {
        request = request.header(HOST, authority.as_str());
    }
    for (name, value) in get.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(GetError::failed)?;
    let response = sender.send_request(request).await.map_err(GetError::failed)?;
    let status = response.status().as_u16();
    match Limited::new(response.into_body(), get.max_bytes).collect().await {
        Ok(body) => Ok(Answer { status, body: body.to_bytes().to_vec() }),
        Err(error) if error.is::<LengthLimitError>() => Err(GetError::TooLarge),
        Err(error) => Err(GetError::Failed(error)),
    }
}
