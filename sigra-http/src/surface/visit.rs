//! One request and who is behind it, found out only when somebody asks.

use std::net::IpAddr;
use std::sync::Arc;

use crate::head::Head;
use futures_util::lock::Mutex;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use sigra_core::client::ClientInfo;
use sigra_core::door::Entry;
use sigra_core::error::FlowError;
use sigra_core::flows::CurrentSession;
use sigra_core::secret::RawToken;

use super::Inner;

/// One request: the facts of its client, its cookies, and its session, which is looked up at most once and only when
/// somebody asks.
///
/// Cheap to clone; clones share what was looked up.
#[derive(Clone)]
pub struct Visit {
    inner: Arc<Inner>,
    request: Arc<Request>,
}

struct Request {
    client: ClientInfo,
    session: Option<String>,
    pending: Option<RawToken>,
    device: Option<RawToken>,
    trust: Option<RawToken>,
    current: Mutex<Looked>,
}

#[derive(Default)]
enum Looked {
    #[default]
    NotYet,
    Up(Option<Arc<CurrentSession>>),
}

impl Visit {
    pub(super) fn new(inner: Arc<Inner>, head: Head<'_>, peer: Option<IpAddr>) -> Self {
        let ip = peer.map(|peer| inner.proxies.client_ip(peer, head.headers));
        let user_agent =
            head.headers.get(http::header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let request_id = uuid::Uuid::new_v4().to_string();
        let client = ClientInfo::new(ip, user_agent.as_deref(), Some(&request_id));
        let cookies = &inner.cookies;
        let request = Request {
            client,
            session: cookies.session.read(head.headers).map(str::to_owned),
            pending: cookies.pending.read_token(head.headers),
            device: cookies.device.read_token(head.headers),
            trust: cookies.trust.read_token(head.headers),
            current: Mutex::default(),
        };
        Self { inner, request: Arc::new(request) }
    }

    /// The facts of the client.
    #[must_use]
    pub fn client(&self) -> &ClientInfo {
        &self.request.client
    }

    /// The id the request has in the log and in problem documents.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request.client.request_id.as_deref().unwrap_or_default()
    }

    /// The session behind the request, if there is a good one.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work. Nobody is recognized then.
    pub async fn current(&self) -> Result<Option<Arc<CurrentSession>>, FlowError> {
        let Some(cookie) = &self.request.session else {
            return Ok(None);
        };
        let mut looked = self.request.current.lock().await;
        if let Looked::Up(current) = &*looked {
            return Ok(current.clone());
        }
        let current = self.inner.sigra.sessions().resolve(cookie, self.client()).await?.map(Arc::new);
        *looked = Looked::Up(current.clone());
        Ok(current)
    }

    /// The session, if somebody has asked for it and there is one.
    pub(super) fn looked_up(&self) -> Option<Arc<CurrentSession>> {
        match &*self.request.current.try_lock()? {
            Looked::Up(current) => current.clone(),
            Looked::NotYet => None,
        }
    }

    /// What the client of a sign-in brings along.
    pub(crate) async fn entry(&self, remember: bool) -> Result<Entry, FlowError> {
        let session = self.current().await?.map(|current| current.session().id);
        Ok(Entry {
            client: self.client().clone(),
            session,
            device: self.request.device.clone(),
            trust: self.request.trust.clone(),
            remember,
        })
    }

    /// The token of a pending sign-in the request carries.
    pub(crate) fn pending(&self) -> Option<&RawToken> {
        self.request.pending.as_ref()
    }

    /// The token of a device the request carries.
    pub(crate) fn device(&self) -> Option<&RawToken> {
        self.request.device.as_ref()
    }

    /// See [`HostRequest::finish`](super::HostRequest::finish).
    pub(super) async fn finish(&self, headers: &mut HeaderMap) {
        let looked = self.request.current.lock().await;
        let Looked::Up(Some(current)) = &*looked else {
            return;
        };
        let Some(token) = current.rotated() else {
            return;
        };
        let name = &self.inner.cookies.session;
        let prefix = format!("{}=", name.as_str());
        let already = |value: &HeaderValue| value.as_bytes().starts_with(prefix.as_bytes());
        if !headers.get_all(SET_COOKIE).iter().any(already) {
            let lifetime = self.inner.session_lifetime(current.session());
            headers.append(SET_COOKIE, name.issue(token, lifetime));
        }
    }
}
