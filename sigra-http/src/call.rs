//! What an endpoint is called with.

use std::sync::Arc;
use std::time::Duration;

use crate::head::Head;
use http::HeaderValue;
use sigra_core::Sigra;
use sigra_core::client::ClientInfo;
use sigra_core::config::Config;
use sigra_core::door::Entry;
use sigra_core::flows::CurrentSession;
use sigra_core::session::Session;

use crate::body::Fields;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::path::Params;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::return_to::ReturnTo;
use crate::surface::{Cookies, Surface, Visit};

/// What an endpoint is called with: the request, parsed and past its guards.
pub(crate) struct Call<'a> {
    pub(crate) surface: &'a Surface,
    pub(crate) visit: &'a Visit,
    pub(crate) head: Head<'a>,
    pub(crate) params: Params,
    pub(crate) fields: Fields,
    pub(crate) current: Option<Arc<CurrentSession>>,
}

impl Call<'_> {
    pub(crate) fn sigra(&self) -> &Sigra {
        &self.surface.inner.sigra
    }

    pub(crate) fn config(&self) -> &Config {
        self.sigra().config()
    }

    pub(crate) fn cookies(&self) -> &Cookies {
        &self.surface.inner.cookies
    }

    pub(crate) fn client(&self) -> &ClientInfo {
        self.visit.client()
    }

    /// The session of a route that requires one.
    pub(crate) fn signed_in(&self) -> Result<&CurrentSession, Fault> {
        self.current.as_deref().ok_or(Fault::Unauthenticated)
    }

    /// The text of a field; empty when it is missing. Another type than text is a malformed body.
    pub(crate) fn text(&self, field: &str) -> Result<&str, Fault> {
        match self.fields.text(field) {
            Ok(text) => Ok(text.unwrap_or_default()),
            Err(_) => Err(FaultCode::Malformed.into()),
        }
    }

    /// The value of a check box or a boolean; false when it is missing.
    pub(crate) fn flag(&self, field: &str) -> Result<bool, Fault> {
        self.fields.flag(field).map_err(|_| FaultCode::Malformed.into())
    }

    /// A parameter of the query; `None` when it is missing or empty. One that comes twice is malformed.
    pub(crate) fn query(&self, name: &str) -> Result<Option<String>, Fault> {
        let query = self.head.uri.query().unwrap_or_default();
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(FaultCode::Malformed.into()),
            (value, None) => Ok(value.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())),
        }
    }

    /// A segment of the path.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    /// Where a sign-in leads: `return_to` from the form or the query, if it is a local path.
    pub(crate) fn return_to(&self) -> Option<ReturnTo> {
        let typed = self.fields.text("return_to").ok().flatten().map(str::to_owned);
        let asked = typed.or_else(|| {
            let query = self.head.uri.query().unwrap_or_default();
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "return_to")
                .map(|(_, value)| value.into_owned())
        });
        asked.as_deref().and_then(ReturnTo::parse)
    }

    /// The pending sign-in of a route that requires one.
    pub(crate) fn pending(&self) -> Result<&sigra_core::secret::RawToken, Fault> {
        self.visit.pending().ok_or_else(|| self.no_pending())
    }

    /// That there is no pending sign-in, or that it does not owe this step first.
    pub(crate) fn no_pending(&self) -> Fault {
        Fault::NoPending(self.return_to())
    }

    /// Tells a response that cannot be read from one that is not accepted, before an attempt is counted or anything is used
    /// up. What is typed always reads.
    pub(crate) fn must_read(&self, method: &str, response: &str) -> Result<(), Fault> {
        let mut readers = self.surface.inner.readers.iter();
        match readers.find(|(name, _)| *name == method) {
            Some((_, reads)) if !reads(response) => Err(FaultCode::Malformed.into()),
            _ => Ok(()),
        }
    }

    /// What the client of a sign-in brings along.
    pub(crate) async fn entry(&self, remember: bool) -> Result<Entry, Fault> {
        Ok(self.visit.entry(remember).await?)
    }

    pub(crate) fn session_lifetime(&self, session: &Session) -> Option<Duration> {
        self.surface.inner.session_lifetime(session)
    }

    /// A path below the prefix.
    pub(crate) fn path(&self, below: &str) -> String {
        self.surface.path(below)
    }

    /// A path below the prefix, which keeps where a sign-in leads.
    pub(crate) fn led_by(&self, below: &str) -> String {
        let path = self.path(below);
        self.return_to().map_or(path.clone(), |back| back.carried_by(&path))
    }

    /// The cookie that carries a notice over a redirect.
    pub(crate) fn notice(&self, notice: Notice) -> HeaderValue {
        notice.over(&self.cookies().notice)
    }

    /// To the sign-in page, with a notice.
    pub(crate) fn to_login(&self, notice: Notice) -> Reply {
        Reply::see_other(self.path("/login")).cookie(self.notice(notice))
    }
}
