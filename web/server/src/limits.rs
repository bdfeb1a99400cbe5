//! How much one request, and all requests together, may take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::problem::{Kind, Problem};

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a path and its query. The longest of our own links is under a tenth of it.
    pub url_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// How long a handler may take.
    pub handling: Duration,
    /// Requests that are handled at once; more are turned away rather than queued.
    pub in_flight: usize,
    /// Connections that are open at once; more wait in the system's queue.
    pub connections: u32,
    /// How long a client may take to send the head of a request, idle time before it included.
    pub head: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// How long open requests may go on after the signal to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            url_bytes: 8 * 1024,
            body_bytes: 64 * 1024,
            handling: Duration::from_secs(10),
            in_flight: 256,
            connections: 10_000,
            head: Duration::from_secs(15),
            head_bytes: 32 * 1024,
            drain: Duration::from_secs(20),
        }
    }
}

/// Refuses a request whose address is longer than we read.
pub async fn url(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let bytes = uri.path().len() + uri.query().map_or(0, str::len);
    if bytes <= limits.url_bytes {
        return next.run(request).await;
    }
    let detail = format!("The address has {bytes} bytes; we read up to {}.", limits.url_bytes);
    Problem::new(Kind::TooLarge, detail).with_status(StatusCode::URI_TOO_LONG).into_response()
}

/// Turns a request away when as many as we take are being handled.
pub async fn in_flight(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.try_acquire() else {
        return Problem::new(Kind::Overloaded, "The server is handling as many requests as it takes.")
            .retry_after_s(1)
            .into_response();
    };
    next.run(request).await
}
