//! What is written down about a request: its method, its route, its status, its time. Not who sent it, not what
//! it asked: an address or a query never reaches a log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing_subscriber::EnvFilter;

use crate::app::App;

/// The variable that says how much is written, in `tracing`'s terms.
const FILTER_VARIABLE: &str = "LLM_SPEED_LOG";

/// Starts writing JSON lines to standard error.
pub fn start() {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let written =
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    if written.is_err() {
        tracing::debug!("a log was already started in this process");
    }
}

/// Writes one line for each request, and counts it.
pub async fn requests(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let (status, took) = (response.status().as_u16(), start.elapsed());
    app.requests().note(route, status, took);
    tracing::info!(method = method.as_str(), route, status, ms = took.as_secs_f64() * 1e3, "request");
    response
}
