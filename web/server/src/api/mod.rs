//! The API, version 1: JSON for programs, the same numbers as the pages.

use axum::Router;

use crate::app::App;

/// Every address under `/api/v1`.
pub fn routes() -> Router<App> {
    Router::new()
}
