//! `GET /api/v1/tables/{table}.json` and `.csv`: every table of the site as a file, under one set of rules.

use axum::extract::{Path, RawQuery, State};
use data::Engine;
use data::query::{FILTERS, FieldError, PARAMETERS};
use data::row::{Capability, ModelRow, Runtime};
use data::table::trend::{self, Step};
use page::benchmarks::WantedCell;
use page::view::{Card, Subject};
use page::{Query, gather};
use serde_json::json;

use super::refuse_parameters;
use crate::app::App;
use crate::benchmarks;
use crate::board::Entry;
use crate::medians::{self, Snapshot};
use crate::pages::{beside, leaderboard};
use crate::problem::{Problem, ProblemBody};
use crate::query_string;
use crate::representation::Representation;
use crate::table::{Form, Table};

/// A table as a file: `models`, `hardware`, `quants`, `medians`, `fits`, `leaderboard`, `wanted` or `trends`, each as
/// `.json` (an array of objects) or `.csv` with the same columns.
///
/// `fits` takes the parameters of a page and `hardware` (every model on that machine), or `model` (every machine with
/// that model). `leaderboard` takes `suite`, `workload`, `prompt`, `streams`, `class`, `model` and `sort`. `trends` takes
/// `trend`, as addresses of `/benchmarks` spell it, and without it holds them all. The others take none. The table of runs is
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
        "models" => Some(models),
        "hardware" => Some(hardware),
        "quants" => Some(quants),
        _ => None,
    };
    if let Some(make) = fixed {
        refuse_parameters(query.as_deref())?;
        return app
            .shelf()
            .get_or_make(&format!("/api/v1/tables/{file}"), || Ok(make(catalog).written(form)));
    }
    match name {
        "medians" => {
            refuse_parameters(query.as_deref())?;
            let snapshot = medians::current(&app).await;
            Ok(beside(move || cells(&snapshot).written(form)).await)
        }
        "wanted" => {
            refuse_parameters(query.as_deref())?;
            let snapshot = benchmarks::current(&app).await;
            Ok(beside(move || wanted(snapshot.around(&app).wanted).written(form)).await)
        }
        "trends" => {
            let query = known(query.as_deref(), |name| name == "trend")?;
            let snapshot = benchmarks::current(&app).await;
            beside(move || Ok(trends(&snapshot.table, query.get("trend"))?.written(form))).await
        }
        "leaderboard" => {
            let query = known(query.as_deref(), |name| LEADERBOARD.contains(&name))?;
            let (_, entries) = leaderboard::entries(&app, &query).await?;
            Ok(board(&entries).written(form))
        }
        "fits" => {
            let query = known(query.as_deref(), |name| {
                PARAMETERS.iter().chain(FILTERS).any(|(known, _)| *known == name)
            })?;
            let snapshot = medians::current(&app).await;
            beside(move || Ok(fits(app.engine(), &query, &snapshot)?.written(form))).await
        }
        _ => Err(Problem::not_found()),
    }
}

/// What a leaderboard takes.
const LEADERBOARD: [&str; 7] = ["suite", "workload", "prompt", "streams", "class", "model", "sort"];

/// The query, where all of its names are known.
fn known(query: Option<&str>, is_known: impl Fn(&str) -> bool) -> Result<Query, Problem> {
    let mut read = Query::default();
    for (name, value) in query_string::pairs(query.unwrap_or_default())? {
        if !is_known(&name) {
            let message = "There is no such parameter.".to_owned();
            return Err(Problem::parameters(vec![FieldError::new(&name, message)]));
        }
        read = read.with(&name, value.trim());
    }
    Ok(read)
}

/// What a score rests on, and where that was read.
fn ground(row: &ModelRow) -> (&str, &str) {
    match &row.capability {
        Capability::Arena { source, .. } => ("", source),
        Capability::Editorial { basis, source, .. } => (basis, source),
    }
}

fn models(catalog: &data::Catalog) -> Table {
    Table::of(
        catalog.models(),
        &[
            ("id", |row| json!(row.id)),
            ("name", |row| json!(row.name)),
            ("family", |row| json!(row.family)),
            ("hf_repo", |row| json!(row.hf_repo)),
            ("params_b", |row| json!(row.params_b)),
            ("active_params_b", |row| json!(row.active_params_b)),
            ("layers", |row| json!(row.layer_count())),
            ("native_context_tokens", |row| json!(row.native_context_tokens)),
            ("license", |row| json!(row.license)),
            ("released", |row| json!(row.released)),
            ("capability", |row| json!(row.capability.score())),
            ("arena_elo", |row| json!(elo(row))),
            ("capability_basis", |row| json!(ground(row).0)),
            ("capability_source", |row| json!(ground(row).1)),
            ("sources", |row| json!(row.sources.join(" "))),
        ],
    )
}

/// Points of a model in the arena; none where its score is by rule.
fn elo(row: &ModelRow) -> Option<u16> {
    match row.capability {
        Capability::Arena { elo, .. } => Some(elo),
        Capability::Editorial { .. } => None,
    }
}

/// Several values in one cell.
fn words<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

fn hardware(catalog: &data::Catalog) -> Table {
    Table::of(
        catalog.devices(),
        &[
            ("id", |row| json!(row.id)),
            ("name", |row| json!(row.name)),
            ("vendor", |row| json!(row.vendor)),
            ("class", |row| json!(gather::class_name(row))),
            ("generation", |row| json!(row.generation)),
            ("memory_gib", |row| json!(words(&row.memory_gib))),
            ("bandwidth_gb_s", |row| json!(row.bandwidth_gb_s)),
            ("compute_f16_tflops", |row| json!(row.compute_f16_tflops)),
            ("tdp_w", |row| json!(row.tdp_w)),
            ("release_year", |row| json!(row.release_year)),
            ("sources", |row| json!(row.sources.join(" "))),
        ],
    )
}

fn quants(catalog: &data::Catalog) -> Table {
    Table::of(
        catalog.quants_by_quality(),
        &[
            ("id", |row| json!(row.id)),
            ("name", |row| json!(row.name)),
            ("bits_per_weight", |row| json!(row.bits_per_weight)),
            ("quality", |row| json!(row.quality)),
            ("loss", |row| json!(row.loss.word())),
            ("runtimes", |row| json!(words(row.runtimes.iter().copied().map(Runtime::name)))),
            ("sources", |row| json!(row.sources.join(" "))),
        ],
    )
}

fn cells(snapshot: &Snapshot) -> Table {
    Table::of(
        snapshot.index.cells().map(|(_, cell)| cell),
        &[
            ("device", |cell| json!(cell.device)),
            ("model", |cell| json!(cell.model)),
            ("quant", |cell| json!(cell.quant)),
            ("runtime", |cell| json!(cell.runtime)),
            ("depth_tokens", |cell| json!(cell.depth_tokens)),
            ("streams", |cell| json!(cell.streams)),
            ("speculative", |cell| json!(cell.speculative)),
            ("count", |cell| json!(cell.count)),
            ("signed", |cell| json!(cell.signed)),
            ("decode_tps", |cell| json!(cell.decode_tps)),
            ("decode_low_tps", |cell| json!(cell.decode_range.map(|[low, _]| low))),
            ("decode_high_tps", |cell| json!(cell.decode_range.map(|[_, high]| high))),
            ("prefill_tps", |cell| json!(cell.prefill_tps)),
        ],
    )
}

fn board(entries: &[Entry]) -> Table {
    Table::of(
        entries.iter().enumerate(),
        &[
            ("place", |(at, entry)| json!(entry.is_ranked().then_some(at + 1))),
            ("device", |(_, entry)| json!(entry.device)),
            ("model", |(_, entry)| json!(entry.model)),
            ("quant", |(_, entry)| json!(entry.quant)),
            ("runtime", |(_, entry)| json!(entry.runtime)),
            ("speculative", |(_, entry)| json!(entry.speculative)),
            ("count", |(_, entry)| json!(entry.count)),
            ("signed", |(_, entry)| json!(entry.signed)),
            ("decode_tps", |(_, entry)| json!(entry.decode_tps.mid)),
            ("decode_low_tps", |(_, entry)| json!(entry.decode_tps.low)),
            ("decode_high_tps", |(_, entry)| json!(entry.decode_tps.high)),
            ("prefill_tps", |(_, entry)| json!(entry.prefill_tps)),
            ("ttft_ms", |(_, entry)| json!(entry.ttft_ms)),
            ("measured_by_estimate", |(_, entry)| json!(entry.ratio)),
            ("newest_result", |(_, entry)| json!(entry.newest.0)),
            ("newest_on", |(_, entry)| json!(entry.newest.1)),
        ],
    )
}

/// What is missing, the most wanted first.
fn wanted(cells: &[WantedCell]) -> Table {
    Table::of(
        cells,
        &[
            ("device", |cell| json!(cell.device.0)),
            ("model", |cell| json!(cell.model.0)),
            ("quant", |cell| json!(cell.quant)),
            ("decode_low_tps", |cell| json!(cell.range.low)),
            ("decode_mid_tps", |cell| json!(cell.range.mid)),
            ("decode_high_tps", |cell| json!(cell.range.high)),
            ("devices_that_gain", |cell| json!(cell.pages)),
            ("command", |cell| json!(cell.command)),
        ],
    )
}

/// The steps of one trend, or of all.
fn trends(table: &data::table::Table, wanted: &str) -> Result<Table, Problem> {
    let keys: Vec<&str> = match wanted {
        "" => table.trends.iter().map(|(key, _)| key.as_str()).collect(),
        key => vec![key],
    };
    let steps: Vec<(&str, Step<'_>)> = keys
        .into_iter()
        .flat_map(|key| trend::steps(table, key).into_iter().map(move |step| (key, step)))
        .collect();
    if !wanted.is_empty() && steps.is_empty() {
        let message =
            format!("Nothing was measured of \"{wanted}\": write device,model,quantisation by their ids.");
        let near = table.trends.iter().take(8).map(|(key, _)| key.clone()).collect();
        return Err(Problem::parameters(vec![FieldError::with_near("trend", message, near)]));
    }
    Ok(Table::of(
        &steps,
        &[
            ("trend", |(key, _)| json!(key)),
            ("device", |(_, step)| json!(step.picked.row.device)),
            ("model", |(_, step)| json!(step.picked.row.model)),
            ("quant", |(_, step)| json!(step.picked.row.quant)),
            ("runtime", |(_, step)| json!(step.picked.row.runtime)),
            ("build", |(_, step)| json!(step.picked.row.build)),
            ("backend", |(_, step)| json!(step.picked.row.backend)),
            ("concurrency", |(_, step)| json!(step.picked.row.concurrency)),
            ("measured_on", |(_, step)| json!(step.picked.row.measured_on)),
            ("gen_tps_low", |(_, step)| json!(step.picked.low_tps)),
            ("gen_tps_high", |(_, step)| json!(step.picked.high_tps)),
            ("change", |(_, step)| json!(step.change)),
            ("beyond_noise", |(_, step)| json!(step.beyond_noise)),
            ("superseded", |(_, step)| json!(step.picked.row.superseded)),
            ("origin", |(_, step)| json!(step.picked.row.origin.name())),
            ("source", |(_, step)| json!(step.picked.row.source)),
        ],
    ))
}

/// Every model on one machine, or every machine with one model: the cards of all pages of that list.
fn fits(engine: &Engine<'_>, query: &Query, snapshot: &Snapshot) -> Result<Table, Problem> {
    let model = query.get("model");
    let mut cards: Vec<Card> = Vec::new();
    if model.is_empty() {
        every_page(query, |query| {
            let view = gather::home(engine, query);
            if view.machine.is_none() && view.problems.is_empty() {
                let message = "Name a machine, or a model.".to_owned();
                return Err(vec![FieldError::new("hardware", message)]);
            }
            if !view.problems.is_empty() {
                return Err(view.problems);
            }
            cards.extend(view.cards);
            Ok(view.pages.of)
        })?;
    } else {
        let id = engine.catalog.model(model).map_err(|lookup| vec![lookup.at("model", model)])?.id.clone();
        every_page(&query.with("model", ""), |query| {
            let view = gather::model(engine, &id, query).ok_or_else(Vec::new)?;
            if !view.problems.is_empty() {
                return Err(view.problems);
            }
            cards.extend(view.cards);
            Ok(view.pages.of)
        })?;
    }
    gather::measured(&mut cards, gather::in_index(&snapshot.index));
    Ok(fitting(&cards))
}

/// Asks for one page of a list after the other.
fn every_page(
    query: &Query,
    mut page: impl FnMut(&Query) -> Result<usize, Vec<FieldError>>,
) -> Result<(), Problem> {
    let (mut number, mut of) = (0, 1);
    while number < of {
        number += 1;
        of = page(&query.with("page", &number.to_string()))?;
    }
    Ok(())
}

/// The model that a card is about; none where it is about a device or a file.
fn model_of(card: &Card) -> Option<&page::view::ModelNote> {
    match &card.subject {
        Subject::Model(model) => Some(model),
        Subject::Device(_) | Subject::File(_) => None,
    }
}

fn fitting(cards: &[Card]) -> Table {
    Table::of(
        cards,
        &[
            ("device", |card| json!(card.answer.setup.hardware.join("+"))),
            ("model", |card| json!(card.answer.setup.model)),
            ("quant", |card| json!(card.answer.setup.quant)),
            ("verdict", |card| json!(card.answer.placement)),
            ("decode_low_tps", |card| json!(card.answer.decode_tps.map(|range| range.low))),
            ("decode_mid_tps", |card| json!(card.answer.decode_tps.map(|range| range.mid))),
            ("decode_high_tps", |card| json!(card.answer.decode_tps.map(|range| range.high))),
            ("prefill_mid_tps", |card| json!(card.answer.prefill_tps.map(|range| range.mid))),
            ("ttft_mid_ms", |card| json!(card.answer.ttft_ms.map(|range| range.mid))),
            ("memory_gib", |card| json!(card.answer.footprint_gib.total)),
            ("usable_gib", |card| json!(card.answer.footprint_gib.usable)),
            ("context_tokens", |card| json!(card.answer.setup.context)),
            ("streams", |card| json!(card.answer.setup.streams)),
            ("capability", |card| json!(model_of(card).map(|model| model.score))),
            ("arena_elo", |card| json!(model_of(card).and_then(|model| model.elo))),
            ("measured_tps", |card| json!(card.measured.and_then(|by| by.decode_tps))),
            ("measured_count", |card| json!(card.measured.map_or(0, |by| by.count))),
        ],
    )
}
