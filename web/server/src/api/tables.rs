//! `GET /api/v1/tables/{table}.json` and `.csv`: every table of the site as a file, under one set of rules.

use axum::extract::{Path, RawQuery, State};
use data::Engine;
use data::query::{FILTERS, FieldError, PARAMETERS};
use data::row::Runtime;
use page::view::{Card, Subject};
use page::{Query, gather};
use serde_json::{Value, json};

use super::refuse_parameters;
use crate::app::App;
use crate::board::Entry;
use crate::medians::{self, Snapshot};
use crate::pages::{beside, leaderboard};
use crate::problem::{Problem, ProblemBody};
use crate::query_string;
use crate::representation::Representation;
use crate::table::{Form, Table};

/// A table as a file: `models`, `hardware`, `quants`, `medians`, `fits` or `leaderboard`, each as `.json` (an array of
/// objects) or `.csv` with the same columns.
///
/// `fits` takes the parameters of a page and `hardware` (every model on that machine), or `model` (every machine with
/// that model). `leaderboard` takes `suite`, `workload`, `prompt`, `streams`, `class`, `model` and `sort`. The others take
/// none.
#[utoipa::path(
    get,
    path = "/api/v1/tables/{file}",
    operation_id = "table",
    tag = "catalogue",
    params(("file" = String, Path, description = "name of the table and its form", example = "models.csv")),
    responses(
        (status = 200, description = "The table", body = [serde_json::Value]),
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

fn models(catalog: &data::Catalog) -> Table {
    let row = |row: &data::row::ModelRow| {
        let elo = match row.capability {
            data::row::Capability::Arena { elo, .. } => Some(elo),
            data::row::Capability::Editorial { .. } => None,
        };
        vec![
            json!(row.id),
            json!(row.name),
            json!(row.family),
            json!(row.hf_repo),
            json!(row.params_b),
            json!(row.active_params_b),
            json!(row.layer_count()),
            json!(row.native_context_tokens),
            json!(row.license),
            json!(row.released),
            json!(row.capability.score()),
            json!(elo),
            json!(row.sources.join(" ")),
        ]
    };
    Table {
        columns: &[
            "id",
            "name",
            "family",
            "hf_repo",
            "params_b",
            "active_params_b",
            "layers",
            "native_context_tokens",
            "license",
            "released",
            "capability",
            "arena_elo",
            "sources",
        ],
        rows: catalog.models().iter().map(row).collect(),
    }
}

fn hardware(catalog: &data::Catalog) -> Table {
    let row = |row: &data::row::HardwareRow| {
        let sizes: Vec<String> = row.memory_gib.iter().map(ToString::to_string).collect();
        vec![
            json!(row.id),
            json!(row.name),
            json!(row.vendor),
            json!(gather::class_name(row)),
            json!(row.generation),
            json!(sizes.join(" ")),
            json!(row.bandwidth_gb_s),
            json!(row.compute_f16_tflops),
            json!(row.tdp_w),
            json!(row.release_year),
            json!(row.sources.join(" ")),
        ]
    };
    Table {
        columns: &[
            "id",
            "name",
            "vendor",
            "class",
            "generation",
            "memory_gib",
            "bandwidth_gb_s",
            "compute_f16_tflops",
            "tdp_w",
            "release_year",
            "sources",
        ],
        rows: catalog.devices().iter().map(row).collect(),
    }
}

fn quants(catalog: &data::Catalog) -> Table {
    let row = |row: &data::row::QuantRow| {
        let runtimes: Vec<&str> = row.runtimes.iter().copied().map(Runtime::name).collect();
        vec![
            json!(row.id),
            json!(row.name),
            json!(row.bits_per_weight),
            json!(row.quality),
            json!(row.loss.word()),
            json!(runtimes.join(" ")),
            json!(row.sources.join(" ")),
        ]
    };
    Table {
        columns: &["id", "name", "bits_per_weight", "quality", "loss", "runtimes", "sources"],
        rows: catalog.quants_by_quality().map(row).collect(),
    }
}

fn cells(snapshot: &Snapshot) -> Table {
    let row = |cell: &data::submission::MedianCell| {
        vec![
            json!(cell.device),
            json!(cell.model),
            json!(cell.quant),
            json!(cell.runtime),
            json!(cell.depth_tokens),
            json!(cell.streams),
            json!(cell.speculative),
            json!(cell.count),
            json!(cell.signed),
            json!(cell.decode_tps),
            json!(cell.decode_range.map(|[low, _]| low)),
            json!(cell.decode_range.map(|[_, high]| high)),
            json!(cell.prefill_tps),
        ]
    };
    Table {
        columns: &[
            "device",
            "model",
            "quant",
            "runtime",
            "depth_tokens",
            "streams",
            "speculative",
            "count",
            "signed",
            "decode_tps",
            "decode_low_tps",
            "decode_high_tps",
            "prefill_tps",
        ],
        rows: snapshot.index.cells().map(|(_, cell)| row(cell)).collect(),
    }
}

fn board(entries: &[Entry]) -> Table {
    let row = |(at, entry): (usize, &Entry)| {
        vec![
            json!(entry.is_ranked().then_some(at + 1)),
            json!(entry.device),
            json!(entry.model),
            json!(entry.quant),
            json!(entry.runtime),
            json!(entry.speculative),
            json!(entry.count),
            json!(entry.signed),
            json!(entry.decode_tps.mid),
            json!(entry.decode_tps.low),
            json!(entry.decode_tps.high),
            json!(entry.prefill_tps),
            json!(entry.ttft_ms),
            json!(entry.ratio),
            json!(entry.newest.0),
            json!(entry.newest.1),
        ]
    };
    Table {
        columns: &[
            "place",
            "device",
            "model",
            "quant",
            "runtime",
            "speculative",
            "count",
            "signed",
            "decode_tps",
            "decode_low_tps",
            "decode_high_tps",
            "prefill_tps",
            "ttft_ms",
            "measured_by_estimate",
            "newest_result",
            "newest_on",
        ],
        rows: entries.iter().enumerate().map(row).collect(),
    }
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
    gather::measured(&mut cards, &snapshot.index);
    Ok(Table { columns: FITS, rows: cards.iter().map(fit).collect() })
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

const FITS: &[&str] = &[
    "device",
    "model",
    "quant",
    "verdict",
    "decode_low_tps",
    "decode_mid_tps",
    "decode_high_tps",
    "prefill_mid_tps",
    "ttft_mid_ms",
    "memory_gib",
    "usable_gib",
    "context_tokens",
    "streams",
    "capability",
    "arena_elo",
    "measured_tps",
    "measured_count",
];

fn fit(card: &Card) -> Vec<Value> {
    let answer = &card.answer;
    let about = match &card.subject {
        Subject::Model(model) => Some(model),
        Subject::Device(_) | Subject::File(_) => None,
    };
    vec![
        json!(answer.setup.hardware.join("+")),
        json!(answer.setup.model),
        json!(answer.setup.quant),
        json!(answer.placement),
        json!(answer.decode_tps.map(|range| range.low)),
        json!(answer.decode_tps.map(|range| range.mid)),
        json!(answer.decode_tps.map(|range| range.high)),
        json!(answer.prefill_tps.map(|range| range.mid)),
        json!(answer.ttft_ms.map(|range| range.mid)),
        json!(answer.footprint_gib.total),
        json!(answer.footprint_gib.usable),
        json!(answer.setup.context),
        json!(answer.setup.streams),
        json!(about.map(|model| model.score)),
        json!(about.and_then(|model| model.elo)),
        json!(card.measured.and_then(|by| by.decode_tps)),
        json!(card.measured.map_or(0, |by| by.count)),
    ]
}
