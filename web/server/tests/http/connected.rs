//! A server on a port of its own, and bytes sent to it over real connections.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use server::{App, Ended, Limits};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::args;

/// A server that listens until it is told to stop.
pub struct Running {
    pub addr: SocketAddr,
    pub stop: oneshot::Sender<()>,
    pub ended: JoinHandle<Ended>,
    _data: TempDir,
}

impl Running {
    /// Starts one with an empty database, more arguments, and the routes that a test makes.
    pub async fn start(
        more: &[&str],
        limits: Limits,
        router: impl FnOnce(&App, Limits) -> Router,
    ) -> Running {
        let data = tempfile::tempdir().unwrap();
        let app = App::open(&args(&data, more)).await.unwrap();
        let router = router(&app, limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server::serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Running { addr, stop, ended, _data: data }
    }
}

/// Sends bytes and reads until the server closes.
pub async fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // It may refuse and close before it was sent all.
    let _ = stream.write_all(bytes).await;
    read(&mut stream).await
}

/// Reads until the server closes.
pub async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let within = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
    // A reset after the answer still leaves what was read, to the middle of a letter at worst.
    let _ = within.await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}
