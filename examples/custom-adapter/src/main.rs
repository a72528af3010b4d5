//! A host on plain hyper.

use std::error::Error;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use sigra_example_custom_adapter::{Answer, Instead, require, service, signed_in};
use sigra_example_host::{Host, Settings, environment, listen_address, shut_down, start_logging};
use sigra_http::{Requirement, ResponseBody};
use tokio::net::TcpListener;
use tokio::sync::watch;

async fn routes(request: Request<Incoming>) -> Result<Answer, Instead<Incoming>> {
    let text = match (request.method().as_str(), request.uri().path()) {
        ("GET" | "HEAD", "/") => match require(&request, Requirement::OPTIONAL).await? {
            Some(session) => format!("hello {}", session.user().email),
            None => String::from("hello stranger; go to /auth/register or /auth/login"),
        },
        ("GET" | "HEAD", "/garden") => format!("the garden of {}", signed_in(&request).await?.user().email),
        ("POST", "/garden/burn") => {
            require(&request, Requirement::FRESH).await?;
            String::from("burnt")
        }
        _ => return Err(Instead::NoRoute(Box::new(request))),
    };
    Ok(Response::new(ResponseBody::full(text)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let env = environment()?;
    start_logging(env)?;
    let listener = TcpListener::bind(listen_address(env, "127.0.0.1:3002")?).await?;
    let settings = Settings::read(env, listener.local_addr()?)?;
    println!("sigra example on hyper: {}", settings.public_url);
    settings.notices.iter().for_each(|notice| println!("{notice}"));
    let host = Host::open(settings).await?;

    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(host.clone().work(stopped));
    let accept = async {
        loop {
            let (stream, peer) = listener.accept().await?;
            let service = service(host.surface.clone(), Some(peer.ip()), routes);
            let mut http = http1::Builder::new();
            let connection = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke off");
                }
            });
        }
    };
    let ended: std::io::Result<()> = tokio::select! {
        ended = accept => ended,
        ended = shut_down() => ended,
    };
    stop.send_replace(true);
    worker.await?;
    Ok(ended?)
}
