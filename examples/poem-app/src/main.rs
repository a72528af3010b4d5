//! A host on poem.

mod connections;

use std::process::ExitCode;

use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::{self, StatusCode};
use poem::web::Data;
use poem::{Endpoint, EndpointExt as _, IntoResponse as _, Response, ResponseParts, Route, Server, get, handler};
use sigra_example_host::{Host, pages, run};
use sigra_http::{Face, Requirement};
use sigra_poem::{CurrentSession, MaybeSession, mount, require};

use connections::Connections;

fn app(host: &Host) -> impl Endpoint + 'static {
    let routes = Route::new()
        .at("/", get(home))
        .at("/healthz", get(health))
        .at("/me", get(me.with(require(Requirement::USER.answering(Face::Json)))))
        .at("/favicon.ico", get(favicon))
        .at("/dev/mail", get(sent_mails))
        .data(host.clone())
        .catch_error(async |_: NotFoundError| StatusCode::NOT_FOUND)
        .catch_error(async |_: MethodNotAllowedError| {
            // Every route above is read only.
            StatusCode::METHOD_NOT_ALLOWED.with_header("allow", "GET,HEAD")
        });
    mount(routes, host.surface.clone())
}

#[handler]
async fn home(Data(host): Data<&Host>, MaybeSession(current): MaybeSession) -> Response {
    translate(pages::home(host, current.as_deref()))
}

#[handler]
async fn health(Data(host): Data<&Host>) -> Response {
    translate(pages::health(host).await)
}

#[handler]
async fn me(current: CurrentSession) -> Response {
    translate(pages::me(&current))
}

#[handler]
async fn favicon() -> Response {
    translate(pages::favicon())
}

#[handler]
async fn sent_mails(Data(host): Data<&Host>) -> Response {
    translate(pages::mails(host))
}

fn translate(page: http::Response<String>) -> Response {
    let (parts, body) = page.into_parts();
    let http::response::Parts { status, version, headers, extensions, .. } = parts;
    Response::from_parts(ResponseParts { status, version, headers, extensions }, body.into())
}

#[tokio::main]
async fn main() -> ExitCode {
    run("poem", "127.0.0.1:3001", async |listener, host, stop| {
        let server = Server::new_with_acceptor(Connections::new(listener)?);
        server.run_with_graceful_shutdown(app(&host), stop.asked(), None).await
    })
    .await
}
