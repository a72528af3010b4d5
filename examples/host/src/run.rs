//! A host's process, from its start to its end.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::host::{Host, shut_down};
use crate::logging;
use crate::settings::{Settings, SettingsError, environment, listen_address};

/// How long requests in flight are waited for when the host is asked to end. One that a client never sends to its end
/// would hold it up for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections wait to be accepted, unless the system allows fewer. With the 128 that `TcpListener::bind` asks for,
/// a burst of sign-ins makes the system drop connections before the host can refuse any politely.
const BACKLOG: u32 = 4_096;

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
    let listener = listen(address).map_err(|error| {
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

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A host that starts again does not wait for the connections of the one before. On Windows it would share the port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

// The other systems allow 128 and less.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_burst_of_connections_waits_to_be_accepted() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let burst: Vec<_> = (0..400).map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(1))).collect();
        assert_eq!(burst.iter().filter(|connection| connection.is_ok()).count(), 400);
    }
}
