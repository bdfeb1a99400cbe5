//! The pages.

use axum::Router;

use crate::app::App;
use crate::problem::Problem;
use crate::representation::{Caching, Representation, TEXT};

/// Every page.
pub fn routes() -> Router<App> {
    Router::new()
}

/// A problem as people read it.
pub fn error(problem: &Problem) -> Representation {
    Representation::new(TEXT, problem.detail().to_owned()).caching(Caching::Never)
}
