//! Accepting connections, and letting go of them.
//!
//! `axum::serve` has no deadline for the head of a request, none for a client that does not read its answer, and no bound
//! on connections, so a few slow clients could hold it for ever. This loop has all three, and an end: after the signal
//! nothing new is taken, what is open is finished, and what is not finished in time is cut.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::client::Peer;
use crate::limits::Limits;
use crate::patience::Patient;

/// How long to wait after the system refused us a connection, as it does when files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every open request was finished.
    Drained,
    /// Some were cut after the drain time.
    Cut,
}

/// Serves until `stop` resolves, then drains.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Ended {
    let places = Arc::new(Semaphore::new(limits.connections as usize));
    let (stopping, _) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let (router, stopping) = (router.clone(), stopping.subscribe());
        tokio::spawn(async move {
            connection(stream, Peer(peer.ip()), router, limits, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    // Every place is free again when every connection has ended.
    match tokio::time::timeout(limits.drain, places.acquire_many(limits.connections)).await {
        Ok(_) => Ended::Drained,
        Err(_) => Ended::Cut,
    }
}

/// One connection, from its first request to its last.
async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let was_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&was_asked);
    let service = router.map_request(move |mut request: hyper::Request<_>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        request
    });
    let mut open = pin!(http1(limits).serve_connection(
        TokioIo::new(Patient::new(stream, limits.reading)),
        TowerToHyperService::new(service)
    ));
    // A client that goes away is no news, hence no look at the errors.
    tokio::select! {
        _ = &mut open => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    // Browsers open connections ahead of need: one that never asked has nothing to wait for.
    if was_asked.load(Ordering::Relaxed) {
        open.as_mut().graceful_shutdown();
        let _ = open.await;
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("the places are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return (stream, peer, place);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How one connection is read.
fn http1(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        // One read more than the longest head.
        .max_buf_size(limits.head_bytes + 16 * 1024);
    builder
}

/// Where a server listens, as a person types it into a browser.
pub fn address(bound: SocketAddr) -> String {
    format!("http://{bound}/")
}

/// Resolves when the process is asked to stop: by a terminal (SIGINT) or by whoever runs it (SIGTERM).
pub async fn asked_to_stop() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot hear the interrupt signal");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "cannot hear the terminate signal");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
