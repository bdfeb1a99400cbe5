//! How much one request, and all requests together, may take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use data::submission::{EVIDENCE_LIMIT_BYTES, PASTE_LIMIT_BYTES};
use http_body_util::Limited;
use page::messages::EN;
use tokio::sync::Semaphore;

use crate::problem::{Kind, Problem};

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a path and its query. The longest of our own links is under a tenth of it.
    pub url_bytes: usize,
    /// Bytes of a request's body, but for those addresses that take more (`body_bytes_of`).
    pub body_bytes: usize,
    /// How long a handler may take.
    pub handling: Duration,
    /// Requests that are handled at once; more are turned away rather than queued.
    pub in_flight: usize,
    /// Connections that are open at once; more wait in the system's queue.
    pub connections: u32,
    /// How long a client may take to send the head of a request, idle time before it included.
    pub head: Duration,
    /// How long a client may leave an answer lying: time for each 16 KiB of it, then the connection is closed.
    pub reading: Duration,
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
            reading: Duration::from_secs(30),
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
    let detail = EN.problem.address_bytes(&bytes.to_string(), &limits.url_bytes.to_string());
    Problem::new(Kind::TooLarge, detail).with_status(StatusCode::URI_TOO_LONG).into_response()
}

/// What an address takes in its body: a signed run in base64, a paste or raw timings in JSON's escapes, each with its
/// proof of work. Other addresses take `usual`.
fn body_bytes_of(path: &str, usual: usize) -> usize {
    match path {
        "/api/v1/runs" => data::envelope::PAYLOAD_LIMIT_BYTES / 3 * 4 + (8 << 10),
        "/api/v1/pastes" => 2 * PASTE_LIMIT_BYTES,
        // A form escapes most signs of a log in three bytes.
        "/contribute" => 4 * PASTE_LIMIT_BYTES,
        "/api/v1/evidence" => 2 * EVIDENCE_LIMIT_BYTES,
        _ => usual,
    }
}

/// Refuses a body that is longer than its address takes: at once where it says so, else when that much was read.
pub async fn body(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let most = body_bytes_of(request.uri().path(), limits.body_bytes);
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|value| value.parse::<usize>().ok()).is_some_and(|bytes| bytes > most) {
        let detail = EN.problem.body_bytes(&most.to_string());
        return Problem::new(Kind::TooLarge, detail).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, most)))).await
}

/// Places of requests that are being handled. Those that send something have their own: bodies that do not come, each held
/// open until its deadline, must not keep anybody from reading.
#[derive(Debug)]
pub struct Places {
    reading: Semaphore,
    sending: Semaphore,
}

impl Places {
    /// As many as the limits say, and half as many for requests with a body.
    pub fn of(limits: Limits) -> Self {
        let sending = (limits.in_flight / 2).max(1);
        Places { reading: Semaphore::new(limits.in_flight), sending: Semaphore::new(sending) }
    }
}

/// Turns a request away when as many as we take are being handled.
pub async fn in_flight(State(places): State<Arc<Places>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let places = if reads { &places.reading } else { &places.sending };
    let Ok(_place) = places.try_acquire() else {
        return Problem::new(Kind::Overloaded, EN.problem.in_flight).retry_after_s(1).into_response();
    };
    next.run(request).await
}
