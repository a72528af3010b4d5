//! A host's process, from its start to its end.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::host::{Host, shut_down};
use crate::logging;
use crate::settings::{Settings, SettingsError, environment, listen_address};

/// How long requests in flight are waited for when the host is asked to end. One that a client never sends to its end
/// would hold it up for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells when the process is asked to end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Completes when the process is asked to end.
    pub async fn asked(mut self) {
        _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Runs a host: reads the settings, listens, assembles it, tells its public URL, works in the background, and has `serve`
/// answer requests on `framework` until the process is asked to end. `serve` takes no new connection from then on, and
/// comes to its end when those it has are done.
///
/// The exit code is 0 after that, and 2 after an error, which is told on stderr.
pub async fn run(
    framework: &str,
    default_address: &str,
    serve: impl AsyncFnOnce(TcpListener, Host, Stop) -> io::Result<()>,
) -> ExitCode {
    match try_run(framework, default_address, serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn try_run(
    framework: &str,
    default_address: &str,
    serve: impl AsyncFnOnce(TcpListener, Host, Stop) -> io::Result<()>,
) -> Result<(), Box<dyn Error>> {
    let env = environment()?;
    logging::start(env)?;
    let address = listen_address(env, default_address)?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        SettingsError::new("SIGRA_LISTEN", format!("{address}: {error}"), "an address and port that are free")
    })?;
    let settings = Settings::read(env, listener.local_addr()?)?;
    let (url, notices) = (settings.public_url.clone(), settings.notices.clone());
    let host = Host::open(settings).await?;

    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        _ = shut_down().await;
        stop.send_replace(true);
    });
    println!("sigra example on {framework}: {url}");
    notices.iter().for_each(|notice| println!("{notice}"));

    let worker = tokio::spawn(host.clone().work(stopped.clone()));
    let stop = Stop(stopped);
    tokio::select! {
        ended = serve(listener, host, stop.clone()) => ended?,
        () = async {
            stop.asked().await;
            tokio::time::sleep(PATIENCE).await;
        } => eprintln!("warning: gave up on requests that did not come to an end"),
    }
    worker.await?;
    Ok(())
}
