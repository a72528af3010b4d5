//! What an endpoint answers.

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::body_out::ResponseBody;
use crate::views::View;

/// What an endpoint answers, before it is put into words and headers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: ReplyBody,
    pub(crate) cookies: Vec<HeaderValue>,
    pub(crate) clear_cache: bool,
    pub(crate) retry_after: Option<Duration>,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub(crate) enum ReplyBody {
    Empty,
    Json(Value),
    Asset {
        bytes: &'static str,
        content_type: &'static str,
    },
    /// What is written while it is read. With the name of the file it is meant for.
    Stream {
        body: ResponseBody,
        content_type: &'static str,
        file: Option<&'static str>,
    },
    Page(Box<View>),
    SeeOther(String),
}

impl Reply {
    pub(crate) fn json(status: StatusCode, value: Value) -> Self {
        Self::new(status, ReplyBody::Json(value))
    }

    pub(crate) fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT, ReplyBody::Empty)
    }

    pub(crate) fn page(view: impl Into<View>) -> Self {
        Self::new(StatusCode::OK, ReplyBody::Page(Box::new(view.into())))
    }

    pub(crate) fn see_other(path: impl Into<String>) -> Self {
        Self::new(StatusCode::SEE_OTHER, ReplyBody::SeeOther(path.into()))
    }

    pub(crate) fn asset(bytes: &'static str, content_type: &'static str) -> Self {
        Self::new(StatusCode::OK, ReplyBody::Asset { bytes, content_type })
    }

    pub(crate) fn stream(body: ResponseBody, content_type: &'static str) -> Self {
        Self::new(StatusCode::OK, ReplyBody::Stream { body, content_type, file: None })
    }

    /// For a stream that browsers are to keep as a file.
    pub(crate) fn attached_as(mut self, name: &'static str) -> Self {
        if let ReplyBody::Stream { file, .. } = &mut self.body {
            *file = Some(name);
        }
        self
    }

    fn new(status: StatusCode, body: ReplyBody) -> Self {
        Self { status, body, cookies: Vec::new(), clear_cache: false, retry_after: None }
    }

    /// The same cookies on a redirect.
    pub(crate) fn into_see_other(self, path: impl Into<String>) -> Self {
        Self { status: StatusCode::SEE_OTHER, body: ReplyBody::SeeOther(path.into()), ..self }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn cookie(mut self, cookie: HeaderValue) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// A further member of a JSON object.
    #[cfg(feature = "mfa")]
    pub(crate) fn with_member(mut self, name: &str, value: Value) -> Self {
        if let ReplyBody::Json(Value::Object(members)) = &mut self.body {
            members.insert(name.to_owned(), value);
        }
        self
    }

    pub(crate) fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }

    /// Ends what the browser cached while somebody was signed in.
    pub(crate) fn clear_cache(mut self) -> Self {
        self.clear_cache = true;
        self
    }
}
