//! The host that the golden scenarios describe.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use sigra_example_custom_adapter::{Answer, Instead, require, signed_in};
use sigra_http::{Requirement, ResponseBody};

pub(crate) async fn routes<B>(request: Request<B>) -> Result<Answer, Instead<B>> {
    match (request.method().as_str(), request.uri().path()) {
        ("GET" | "HEAD", "/me") => Ok(text(signed_in(&request).await?.user().email.as_str())),
        ("POST", "/host/fresh") => {
            require(&request, Requirement::FRESH).await?;
            let mut answer = Response::new(ResponseBody::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Ok(answer)
        }
        ("GET", "/host/mfa") => {
            require(&request, Requirement::MFA).await?;
            Ok(text("two factors"))
        }
        ("GET", "/host/confirmed") => {
            require(&request, Requirement::CONFIRMED).await?;
            Ok(text("confirmed"))
        }
        ("GET", "/host/enrolled") => {
            require(&request, Requirement::MFA_ENROLLED).await?;
            Ok(text("enrolled"))
        }
        ("GET" | "HEAD" | "POST", "/host/maybe") => match require(&request, Requirement::OPTIONAL).await? {
            Some(session) => Ok(text(session.user().email.as_str())),
            None => Ok(text("nobody")),
        },
        ("GET" | "HEAD" | "POST", "/host/free") => Ok(text("free")),
        _ => Err(Instead::NoRoute(Box::new(request))),
    }
}

fn text(text: &str) -> Answer {
    let mut answer = Response::new(ResponseBody::full(text.to_owned()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
