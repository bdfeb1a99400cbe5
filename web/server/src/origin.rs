//! Under which address people reach this server.

use axum::http::{HeaderMap, header};

use crate::app::App;
use crate::args::Origin;

/// Scheme and host, `https://example.org`: as `--public-url` says, else as the request was sent; empty where neither can be
/// read.
///
/// A page that is kept must not be made of what one request says of itself.
pub fn of(app: &App, headers: &HeaderMap) -> String {
    let configured = &app.site().origin;
    if !configured.is_empty() {
        return configured.clone();
    }
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = text(header::HeaderName::from_static("x-forwarded-proto"));
    let scheme = if forwarded == Some("https") { "https" } else { "http" };
    // Read as an origin is: a host, and nothing that could be markup.
    let origin = text(header::HOST).and_then(|host| format!("{scheme}://{host}").parse::<Origin>().ok());
    origin.map(|origin| origin.as_str().to_owned()).unwrap_or_default()
}
