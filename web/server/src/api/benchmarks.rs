//! `GET /api/v1/benchmarks`: the table of runs, filtered, sorted and paged.

use axum::extract::{RawQuery, State};
use data::Catalog;
use data::query::FieldError;
use data::table::wish::{MOST_PER_PAGE, PARAMETERS, Wish};
use data::table::{Figure, Picked, ReportCard, Selection, Table};
use page::messages::EN;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use crate::app::App;
use crate::problem::Problem;
use crate::query_string;
use crate::representation::Representation;
use crate::table::cell;

/// The parameters, as `data` publishes them.
pub struct Published;

impl utoipa::IntoParams for Published {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |(name, what): &(&str, &str)| {
            let counts = matches!(*name, "concurrency" | "page" | "per_page");
            let of = if counts { Type::Integer } else { Type::String };
            ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Query)
                .required(utoipa::openapi::Required::False)
                .description(Some(*what))
                .schema(Some(ObjectBuilder::new().schema_type(SchemaType::Type(of)).build()))
                .build()
        };
        PARAMETERS.iter().map(parameter).collect()
    }
}

/// A range of the estimator, tokens a second of one stream.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct EstimateBody {
    /// The low end of the 90 % range.
    low: f64,
    /// Its middle.
    mid: f64,
    /// The high end.
    high: f64,
}

/// One figure of a row, tokens a second of one stream.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct FigureBody<'a> {
    /// Its workload; null for a range over all four shapes.
    workload: Option<&'a str>,
    /// Lowest.
    gen_tps_low: f64,
    /// Highest.
    gen_tps_high: f64,
    /// Our estimate.
    estimate: Option<EstimateBody>,
    /// Of hidden reasoning, where told apart.
    reasoning_tps: Option<f64>,
    /// Of the visible answer, where told apart.
    answer_tps: Option<f64>,
}

/// One model on one setup at one concurrency.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct RunBody<'a> {
    /// Family of models, as its publisher heads it.
    family: &'a str,
    /// The model within it, as published.
    variant: &'a str,
    /// Its id in the catalogue.
    model: Option<&'a str>,
    /// Quantisation as published.
    quant: &'a str,
    /// Its id in the catalogue.
    quant_id: Option<&'a str>,
    /// Who made the quantised file.
    quant_creator: Option<&'a str>,
    /// The device as published.
    hardware: &'a str,
    /// Its id in the catalogue.
    device: &'a str,
    /// How many of it worked together.
    devices: u32,
    /// How they shared the model: `layers` or `tensor`.
    split: Option<&'a str>,
    /// Power limit in watts.
    power_limit_w: Option<u32>,
    /// Power limit as a share of the maker's; 1 without one.
    power_share: f64,
    /// Runtime.
    runtime: &'a str,
    /// Its version or build.
    build: &'a str,
    /// What drove the device.
    backend: &'a str,
    /// Requests side by side.
    concurrency: u32,
    /// How tokens were guessed ahead.
    speculative: Option<&'a str>,
    /// Lowest generated tokens a second of one stream, over the figures that are asked for.
    gen_tps_low: f64,
    /// Highest.
    gen_tps_high: f64,
    /// Lowest tokens a second of hidden reasoning, over the same figures; null where none tells reasoning and answer apart.
    reasoning_tps_low: Option<f64>,
    /// Highest.
    reasoning_tps_high: Option<f64>,
    /// Lowest tokens a second of the visible answer; null where none tells them apart.
    answer_tps_low: Option<f64>,
    /// Highest.
    answer_tps_high: Option<f64>,
    /// Our estimate over the same.
    estimate: Option<EstimateBody>,
    /// Why there is none: `quant_unknown`, `model_unknown`, `device_unknown`, `not_loaded`, `too_big` or `speculative`.
    unestimated: Option<&'static str>,
    /// Measured over estimate, middle over middle.
    ratio: Option<f64>,
    /// Whether the constants were fitted to this row.
    fitted: bool,
    /// The figures by workload.
    figures: Vec<FigureBody<'a>>,
    /// Who measured: `curated`, `signed` or `pasted`.
    origin: &'static str,
    /// The campaign, or the id of the result.
    source: &'a str,
    /// Day of the measurement.
    measured_on: Option<&'a str>,
    /// A remark.
    note: Option<&'a str>,
}

/// A family and how many of its rows are asked for.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct FamilyBody<'a> {
    /// Its name.
    name: &'a str,
    /// Month of release.
    released: Option<&'a str>,
    /// Runs that its publisher counts.
    published_runs: Option<u32>,
    /// Rows that are asked for.
    rows: usize,
}

/// How our estimates did on the rows that are asked for.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct ReportCardBody {
    /// Rows with an estimate.
    rows: usize,
    /// Median of measured over estimate; null without rows.
    median_ratio: Option<f64>,
    /// Median of the error as a share of what was measured; null without rows.
    median_error: Option<f64>,
    /// Rows whose measurement lies in our range.
    within: usize,
    /// Rows that the constants were fitted to: they test nothing.
    fitted: usize,
}

/// A page of the table.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct RunList<'a> {
    /// Rows that are asked for.
    total: usize,
    /// The page, from 1.
    page: usize,
    /// How many there are.
    pages: usize,
    /// Rows of a page.
    per_page: usize,
    /// What to ask as `after` for the next page; null on the last one.
    next: Option<String>,
    /// What to ask as `before` for the page before; null on the first one.
    previous: Option<String>,
    /// How our estimates did on all of them.
    report_card: ReportCardBody,
    /// The families, newest first.
    families: Vec<FamilyBody<'a>>,
    /// The rows of this page.
    rows: Vec<RunBody<'a>>,
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn estimate(range: Option<estimator::Range>) -> Option<EstimateBody> {
    range.map(|range| EstimateBody { low: range.low, mid: range.mid, high: range.high })
}

impl<'a> From<&'a Figure> for FigureBody<'a> {
    fn from(figure: &'a Figure) -> Self {
        FigureBody {
            workload: some(&figure.workload),
            gen_tps_low: figure.low_tps,
            gen_tps_high: figure.high_tps,
            estimate: estimate(figure.estimate),
            reasoning_tps: figure.reasoning_tps,
            answer_tps: figure.answer_tps,
        }
    }
}

fn body<'a>(table: &'a Table, picked: &Picked<'a>) -> RunBody<'a> {
    let row = picked.row;
    RunBody {
        family: table.family(row).map_or("", |family| family.name.as_str()),
        variant: &row.variant,
        model: some(&row.model),
        quant: &row.quant,
        quant_id: some(&row.quant_id),
        quant_creator: some(&row.quant_creator),
        hardware: &row.hardware,
        device: &row.device,
        devices: row.devices,
        split: some(&row.split),
        power_limit_w: row.power_limit_w,
        power_share: row.power_share,
        runtime: &row.runtime,
        build: &row.build,
        backend: &row.backend,
        concurrency: row.concurrency,
        speculative: some(&row.speculative),
        gen_tps_low: picked.low_tps,
        gen_tps_high: picked.high_tps,
        reasoning_tps_low: picked.reasoning_tps.map(|(low, _)| low),
        reasoning_tps_high: picked.reasoning_tps.map(|(_, high)| high),
        answer_tps_low: picked.answer_tps.map(|(low, _)| low),
        answer_tps_high: picked.answer_tps.map(|(_, high)| high),
        estimate: estimate(picked.estimate),
        unestimated: row.unestimated.map(data::table::Unestimated::name),
        ratio: picked.ratio(),
        fitted: row.fitted,
        figures: row.figures.iter().map(FigureBody::from).collect(),
        origin: row.origin.name(),
        source: &row.source,
        measured_on: some(&row.measured_on),
        note: some(&row.note),
    }
}

/// What a query asks of the table, and whether it asks for pages of a size; unknown parameters and values are refused. A model
/// or a device of the catalogue is known, though no row may have it yet.
pub fn asked(query: Option<&str>, table: &Table, catalog: &Catalog) -> Result<(Wish, bool), Problem> {
    let pairs = query_string::pairs(query.unwrap_or_default())?;
    let get = |name: &str| {
        pairs.iter().find(|(known, value)| known == name && !value.is_empty()).map_or("", |(_, value)| value)
    };
    let (mut wish, mut wrong) = Wish::read(get, table);
    let (model, device) = (get("model"), get("hardware"));
    wrong.retain(|error| {
        let is = |field: &str, known: bool| error.field == field && known;
        if is("model", catalog.models().iter().any(|row| row.id == model)) {
            wish.model = model.to_owned();
        } else if is("hardware", catalog.devices().iter().any(|row| row.id == device)) {
            wish.hardware = device.to_owned();
        } else {
            return true;
        }
        false
    });
    let known = |name: &str| PARAMETERS.iter().any(|(known, _)| *known == name);
    wrong.extend(pairs.iter().filter(|(name, _)| !known(name)).map(|(name, _)| {
        let names = PARAMETERS.iter().map(|(name, _)| (*name).to_owned()).collect();
        FieldError::with_near(name, EN.api.unknown.to_owned(), names)
    }));
    if wrong.is_empty() { Ok((wish, !get("per_page").is_empty())) } else { Err(Problem::parameters(wrong)) }
}

/// What was measured, run by run: published campaigns and submissions together, each with our estimate beside it.
///
/// Speeds are tokens a second of one stream. A row is one model on one setup at one concurrency; without `shape` its
/// speed is a range over all of its workloads. `/benchmarks.json` answers the same, and `/benchmarks.csv` as CSV.
#[utoipa::path(
    get,
    path = "/api/v1/benchmarks",
    operation_id = "benchmarks",
    tag = "submissions",
    params(Published),
    responses(
        (status = 200, description = "A page of the table", body = RunList),
        (status = 400, description = "Parameters that cannot be used", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    let snapshot = crate::benchmarks::current(&app).await;
    let table = &snapshot.table;
    let (wish, _) = asked(query.as_deref(), table, app.catalog())?;
    let selection = Selection::new(table, &wish);
    let card = ReportCard::of(&selection.all);
    let some_rows = card.rows > 0;
    let families = table.families.iter().zip(&selection.counts).map(|(family, rows)| FamilyBody {
        name: &family.name,
        released: some(&family.released),
        published_runs: family.published_runs,
        rows: *rows,
    });
    Ok(Representation::json(&RunList {
        total: selection.all.len(),
        page: selection.page,
        pages: selection.pages,
        per_page: selection.per_page,
        next: selection.next(),
        previous: selection.previous(),
        report_card: ReportCardBody {
            rows: card.rows,
            median_ratio: some_rows.then_some(card.median_ratio),
            median_error: some_rows.then_some(card.median_error),
            within: card.within,
            fitted: card.fitted,
        },
        families: families.collect(),
        rows: selection.shown().iter().map(|picked| body(table, picked)).collect(),
    }))
}

/// The columns of the CSV, named as the JSON's fields.
const COLUMNS: [&str; 31] = [
    "family",
    "variant",
    "model",
    "quant",
    "quant_id",
    "quant_creator",
    "hardware",
    "device",
    "devices",
    "split",
    "power_limit_w",
    "power_share",
    "runtime",
    "build",
    "backend",
    "concurrency",
    "speculative",
    "gen_tps_low",
    "gen_tps_high",
    "reasoning_tps_low",
    "reasoning_tps_high",
    "answer_tps_low",
    "answer_tps_high",
    "estimate",
    "unestimated",
    "ratio",
    "fitted",
    "origin",
    "source",
    "measured_on",
    "note",
];

/// The rows as CSV: all of them, or the page that is asked for.
pub fn csv(table: &Table, wish: &Wish, paged: bool) -> String {
    let selection =
        Selection::new(table, &Wish { per_page: wish.per_page.min(MOST_PER_PAGE), ..wish.clone() });
    let rows = if paged { selection.shown() } else { &selection.all };
    let mut names: Vec<&str> = COLUMNS.to_vec();
    // A range takes three columns.
    let at = COLUMNS.iter().position(|name| *name == "estimate").unwrap_or_default();
    names.splice(at..=at, ["estimate_low", "estimate_mid", "estimate_high"]);
    let mut text = names.join(",") + "\r\n";
    for picked in rows {
        let value = serde_json::to_value(body(table, picked)).unwrap_or_default();
        let mut cells = Vec::with_capacity(names.len());
        for column in COLUMNS {
            match column {
                "estimate" => {
                    cells.extend(["low", "mid", "high"].map(|end| cell(&value["estimate"][end])));
                }
                _ => cells.push(cell(&value[column])),
            }
        }
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}
