//! `/u/{name}` and `/contributors`: who signed in, and what their machines sent.

use std::sync::Arc;

use axum::extract::{Path, State};
use page::messages::EN;
use page::profile::{self as shown, Contributor, ProfileResult, ProfileView};

use super::written;
use crate::api::login::service;
use crate::app::App;
use crate::gate::day;
use crate::names::{self, MachineKey};
use crate::problem::Problem;
use crate::representation::{Caching, HTML, Representation};
use crate::store::{Contributed, Contribution};

/// Results of one profile that are listed.
const NEWEST: u32 = 100;
/// Profiles on the board.
const BOARD: u32 = 200;

/// The board as it was a moment ago.
pub type Kept = crate::kept::Kept<Vec<Contribution>>;

/// A profile with its newest results.
pub async fn found(app: &App, name: &str) -> Result<(Contribution, Vec<Contributed>), Problem> {
    service(app)?;
    let found = app.store().contribution(name).await?.ok_or_else(Problem::not_found)?;
    let results = app.store().contributed(&found.profile.subject, NEWEST).await?;
    Ok((found, results))
}

/// Everybody who has a profile, those with a vote in most setups first.
pub async fn board(app: &App) -> Arc<Vec<Contribution>> {
    app.contributors().current("profiles", async || app.store().contributions(BOARD).await.map(Some)).await
}

fn figures(of: &Contribution) -> Contributor {
    Contributor {
        name: of.profile.name.clone(),
        setups: of.setups,
        results: of.results,
        machines: of.machines,
        since: day::of_ms(of.profile.created_at_ms),
    }
}

/// `GET /u/{name}`.
pub(super) async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Representation, Problem> {
    let (found, results) = found(&app, &name).await?;
    let catalog = app.catalog();
    let result = |result: Contributed| ProfileResult {
        machine: MachineKey::read(&result.device).name(catalog),
        model: names::model(catalog, &result.model),
        how: names::how(catalog, &result.quant, &result.runtime, false),
        id: result.id,
        measured_on: result.measured_on,
        decode_tps: result.decode_tps,
        state: result.state,
        in_doubt: result.in_doubt,
    };
    let view = ProfileView {
        name: found.profile.name.clone(),
        place: service(&app)?.host().to_owned(),
        figures: figures(&found),
        results: results.into_iter().map(result).collect(),
    };
    let html = written(shown::profile_page(&view, &EN, app.site()))?;
    Ok(Representation::new(HTML, html).caching(Caching::Revalidate))
}

/// `GET /contributors`.
pub(super) async fn contributors(State(app): State<App>) -> Result<Representation, Problem> {
    service(&app)?;
    let rows: Vec<Contributor> = board(&app).await.iter().map(figures).collect();
    let html = written(shown::contributors_page(&rows, &EN, app.site()))?;
    Ok(Representation::new(HTML, html).caching(Caching::Revalidate))
}
