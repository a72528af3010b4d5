//! A way to a server that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes on what comes to an address of its own, until it is cut.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Silent,
    Cut,
}

impl Line {
    /// A line to a server, as host and port. It lasts as long as the runtime.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, watched) = watch::channel(State::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server.clone(), watched.clone()));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and every new one at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Keeps every connection, and passes nothing on any more.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Passes on what comes over new connections. Those there were have ended.
    pub fn restore(&self) {
        self.state.send_replace(State::Open);
    }
}

async fn pass_on(mut client: TcpStream, server: String, mut state: watch::Receiver<State>) {
    let now = *state.borrow_and_update();
    match now {
        State::Cut => return,
        State::Silent => {}
        State::Open => {
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => return,
                changed = state.changed() => if changed.is_err() || *state.borrow() == State::Cut { return },
            }
            // The server learns nothing of the silence either, until it is over.
            let _ = state.wait_for(|state| *state != State::Silent).await;
            return;
        }
    }
    let _ = state.wait_for(|state| *state != State::Silent).await;
}
