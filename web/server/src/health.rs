//! Is it alive, is it ready, and what does a problem mean.

use std::time::Duration;

use axum::extract::{Path, State};

use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::representation::{Caching, Representation, TEXT};

/// How long the database may take to say that it is there.
const READY: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process answers.
pub async fn healthz() -> Representation {
    Representation::new(TEXT, "ok\n").caching(Caching::Never)
}

/// `GET /readyz`: the database answers too.
pub async fn readyz(State(app): State<App>) -> Result<Representation, Problem> {
    let not_ready = || Problem::new(Kind::NotReady, Kind::NotReady.explanation());
    match tokio::time::timeout(READY, app.store().meta()).await {
        Ok(Ok(_)) => Ok(Representation::new(TEXT, "ready\n").caching(Caching::Never)),
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "not ready");
            Err(not_ready())
        }
        Err(_) => {
            tracing::error!("not ready: the database took longer than {READY:?}");
            Err(not_ready())
        }
    }
}

/// `GET /problems/{slug}`: what the `type` of a problem means.
pub async fn problem(Path(slug): Path<String>) -> Result<Representation, Problem> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.slug() == slug).ok_or_else(Problem::not_found)?;
    Ok(Representation::new(TEXT, format!("{}\n\n{}\n", kind.title(), kind.explanation())))
}
