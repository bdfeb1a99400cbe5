//! `GET /api/v1/tables/{table}.json` and `.csv`: every table of the site as a file, under one set of rules.

mod catalogue;
mod fits;
mod measured;
mod method;
mod seen;

use axum::extract::{Path, RawQuery, State};
use data::query::{FieldError, is_filter, is_parameter};
use data::runs::RunRows;
use page::Query;
use page::messages::EN;

use super::login::service;
use super::refuse_parameters;
use crate::app::App;
use crate::pages::{beside, leaderboard, profile, report};
use crate::problem::{Kind, Problem, ProblemBody};
use crate::representation::Representation;
use crate::shelf::FIXED;
use crate::table::{Form, Table};
use crate::{benchmarks, medians, query_string};

/// A table as a file: `models`, `hardware`, `quants`, `medians`, `fits`, `quantisations`, `compare`, `curves`, `traces`, `result`,
/// `leaderboard`, `wanted`, `trends`, `queued`, `rigs`, `scores`, `losses`, `constants` or `contributors`, each as `.json` (an array of objects) or `.csv` with the same columns.
///
/// `fits` takes the parameters of a page and `hardware` (every model on that machine), or `model` (every machine with
/// that model; `kind` keeps one class of them, `q` those with a name). `compare` takes those of its page, `hardware1`, `model1` and so on. `leaderboard` takes `suite`, `workload`, `prompt`, `streams`, `class`, `model` and `sort`. `trends` takes
/// `trend`, as addresses of `/benchmarks` spell it, and without it holds them all. `quantisations` takes the parameters of a page with
/// `model` and `hardware`. `curves` and `traces` are what people measured of a `model`, on `hardware`, of both, or of the setups of
/// a comparison. `result` takes the `id` of one and holds its points. The others take none. The table of runs is
/// `/api/v1/benchmarks` and `/benchmarks.csv`.
#[utoipa::path(
    get,
    path = "/api/v1/tables/{file}",
    operation_id = "table",
    tag = "catalogue",
    params(("file" = String, Path, description = "name of the table and its form", example = "models.csv")),
    responses(
        (status = 200, description = "The table", content(([serde_json::Value] = "application/json"), (String = "text/csv"))),
        (status = 400, description = "Parameters that cannot be used", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such table", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn table(
    State(app): State<App>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    let (name, form) = Form::of(&file).ok_or_else(Problem::not_found)?;
    let catalog = app.catalog();
    let fixed: Option<fn(&data::Catalog) -> Table> = match name {
        "models" => Some(catalogue::models),
        "hardware" => Some(catalogue::hardware),
        "quants" => Some(catalogue::quants),
        "rigs" => Some(|_| catalogue::rigs(RunRows::embedded())),
        "queued" => Some(|_| catalogue::queued(RunRows::embedded())),
        _ => None,
    };
    let of_method: Option<fn(&data::Engine<'_>) -> Table> = match name {
        "scores" => Some(method::scores),
        "losses" => Some(method::losses),
        "constants" => Some(method::constants),
        _ => None,
    };
    if let Some(make) = of_method {
        refuse_parameters(query.as_deref())?;
        return Ok(make(app.engine()).written(form));
    }
    if let Some(make) = fixed {
        refuse_parameters(query.as_deref())?;
        return app
            .shelf()
            .get_or_make(&format!("/api/v1/tables/{file}"), FIXED, || Ok(make(catalog).written(form)));
    }
    match name {
        "medians" => {
            refuse_parameters(query.as_deref())?;
            let snapshot = medians::current(&app).await;
            Ok(beside(move || measured::cells(&snapshot).written(form)).await)
        }
        "wanted" => {
            refuse_parameters(query.as_deref())?;
            let snapshot = benchmarks::current(&app).await;
            Ok(beside(move || measured::wanted(snapshot.around(&app).wanted).written(form)).await)
        }
        "trends" => {
            let query = known(query.as_deref(), |name| name == "trend")?;
            let snapshot = benchmarks::current(&app).await;
            beside(move || Ok(measured::trends(&snapshot.table, query.get("trend"))?.written(form))).await
        }
        "leaderboard" => {
            let query = known(query.as_deref(), |name| page::leaderboard::PARAMETERS.contains(&name))?;
            let entries = leaderboard::entries(&app, &query).await?;
            Ok(measured::board(&entries).written(form))
        }
        "fits" => {
            let query = known(query.as_deref(), |name| name == "kind" || is_asked(name))?;
            let snapshot = medians::current(&app).await;
            beside(move || Ok(fits::fits(app.engine(), &query, &snapshot)?.written(form))).await
        }
        "compare" => {
            let query = known(query.as_deref(), |name| is_parameter(name) || is_of_setup(name))?;
            beside(move || Ok(fits::compare(app.engine(), &query)?.written(form))).await
        }
        "quantisations" => {
            let query = known(query.as_deref(), |name| name == "kind" || is_asked(name))?;
            beside(move || Ok(fits::quantisations(app.engine(), &query)?.written(form))).await
        }
        "curves" | "traces" => {
            let query = known(query.as_deref(), |name| is_asked(name) || is_of_setup(name))?;
            let about = seen::about(app.engine(), &query)?;
            let snapshot = medians::current(&app).await;
            let view = crate::measured::view(&app, &snapshot, &about).await;
            if view.away {
                return Err(Problem::new(Kind::NotReady, Kind::NotReady.explanation()));
            }
            let table = if name == "curves" { seen::curves(&view) } else { seen::traces(&view) };
            Ok(table.written(form))
        }
        "result" => {
            let query = known(query.as_deref(), |name| name == "id")?;
            let stored = report::stored(&app, query.get("id")).await?;
            Ok(seen::result(&stored.run, &stored.metrics).written(form))
        }
        "contributors" => {
            refuse_parameters(query.as_deref())?;
            service(&app)?;
            Ok(measured::contributors(&profile::board(&app).await).written(form))
        }
        _ => Err(Problem::not_found()),
    }
}

/// Whether a parameter is one of a question or of its filters.
fn is_asked(name: &str) -> bool {
    is_parameter(name) || is_filter(name)
}

/// Whether a parameter is one of a setup's own on the page of comparisons: `hardware1`, `context6`.
fn is_of_setup(name: &str) -> bool {
    page::numbered(name).is_some()
}

/// The query, where all of its names are known.
fn known(query: Option<&str>, is_known: impl Fn(&str) -> bool) -> Result<Query, Problem> {
    let mut read = Query::default();
    for (name, value) in query_string::pairs(query.unwrap_or_default())? {
        if !is_known(&name) {
            return Err(Problem::parameters(vec![FieldError::new(&name, EN.api.unknown.to_owned())]));
        }
        read = read.with(&name, value.trim());
    }
    Ok(read)
}
