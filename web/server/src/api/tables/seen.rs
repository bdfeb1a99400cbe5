//! Tables of what a page shows of what people measured: its curves, its agent traces, and the points of one result.

use data::Engine;
use data::query::FieldError;
use page::Query;
use page::measured::{MeasuredCurve, MeasuredView, Trace};
use page::messages::EN;
use page::view::MOST_SETUPS;
use serde_json::json;

use crate::measured::About;
use crate::pages::setup;
use crate::problem::Problem;
use crate::store::{Metric, RunRow};
use crate::table::Table;

/// What a query is about, as its page is: a model (on a machine, where one is named), a device, or setups side by side.
pub(super) fn about(engine: &Engine<'_>, query: &Query) -> Result<About, Problem> {
    let wrong = |error: FieldError| Problem::parameters(vec![error]);
    let numbered = (1..=MOST_SETUPS).any(|n| !query.get(&format!("model{n}")).is_empty());
    let (model, hardware) = (query.get("model"), query.get("hardware"));
    if numbered {
        return Ok(About::Setups(setup::all(engine, query)));
    }
    if !model.is_empty() {
        let row = engine.catalog.model(model).map_err(|lookup| wrong(lookup.at("model", model)))?;
        let machine = setup::machine(engine, query);
        if machine.is_none() && !hardware.is_empty() {
            engine.catalog.device(hardware).map_err(|lookup| wrong(lookup.at("hardware", hardware)))?;
        }
        return Ok(About::Model { id: row.id.clone(), machine });
    }
    if !hardware.is_empty() {
        let row = engine.catalog.device(hardware).map_err(|lookup| wrong(lookup.at("hardware", hardware)))?;
        return Ok(About::Device(row.id.clone()));
    }
    Err(wrong(FieldError::new("model", EN.api.subject.to_owned())))
}

/// One point of one curve.
struct Point<'a> {
    over: &'static str,
    curve: &'a MeasuredCurve,
    at: &'a page::measured::CurvePoint,
}

/// Speed against context, and against requests at once: of each, and of all together.
pub(super) fn curves(view: &MeasuredView) -> Table {
    let all =
        [("context_tokens", &view.decay), ("streams", &view.streams), ("streams_together", &view.aggregate)];
    let points = all.into_iter().flat_map(|(over, curves)| {
        curves.iter().flat_map(move |curve| curve.points.iter().map(move |at| Point { over, curve, at }))
    });
    Table::of(
        points,
        &[
            ("over", |point| json!(point.over)),
            ("machine", |point| json!(point.curve.setup.machine.0)),
            ("model", |point| json!(point.curve.setup.model.0)),
            ("how", |point| json!(point.curve.setup.how)),
            ("submitters", |point| json!(point.at.count)),
            ("at", |point| json!(point.at.at)),
            ("low_tps", |point| json!(point.at.decode_tps.low)),
            ("median_tps", |point| json!(point.at.decode_tps.mid)),
            ("high_tps", |point| json!(point.at.decode_tps.high)),
            ("estimate_low_tps", |point| json!(point.at.estimate_tps.map(|range| range.low))),
            ("estimate_mid_tps", |point| json!(point.at.estimate_tps.map(|range| range.mid))),
            ("estimate_high_tps", |point| json!(point.at.estimate_tps.map(|range| range.high))),
        ],
    )
}

/// Runs of the agent's trace.
pub(super) fn traces(view: &MeasuredView) -> Table {
    let columns: [crate::table::Column<&Trace>; 12] = [
        ("result", |trace| json!(trace.id)),
        ("machine", |trace| json!(trace.setup.machine.0)),
        ("model", |trace| json!(trace.setup.model.0)),
        ("how", |trace| json!(trace.setup.how)),
        ("measured_on", |trace| json!(trace.measured_on)),
        ("turns", |trace| json!(trace.turns)),
        ("turn_p50_ms", |trace| json!(trace.p50_ms)),
        ("turn_p95_ms", |trace| json!(trace.p95_ms)),
        ("whole_ms", |trace| json!(trace.wall_ms)),
        ("output_tokens", |trace| json!(trace.output_tokens)),
        ("last_prompt_tokens", |trace| json!(trace.prompt_tokens)),
        ("cache_share", |trace| json!(trace.cache_share)),
    ];
    Table::of(&view.traces, &columns)
}

/// The points of one result.
pub(super) fn result(run: &RunRow, metrics: &[Metric]) -> Table {
    Table::of(
        metrics.iter().map(|metric| (run, metric)),
        &[
            ("result", |(run, _)| json!(run.id)),
            ("measured_on", |(run, _)| json!(run.measured_on)),
            ("suite", |(run, _)| json!(run.suite)),
            ("device", |(run, _)| json!(run.subject.device)),
            ("model", |(run, _)| json!(run.subject.model)),
            ("quant", |(run, _)| json!(run.subject.quant)),
            ("runtime", |(run, _)| json!(run.subject.runtime)),
            ("runtime_version", |(run, _)| json!(run.subject.runtime_version)),
            ("workload", |(_, metric)| json!(metric.workload)),
            ("prompt_tokens", |(_, metric)| json!(metric.prompt_tokens)),
            ("cached_tokens", |(_, metric)| json!(metric.cached_tokens)),
            ("output_tokens", |(_, metric)| json!(metric.output_tokens)),
            ("streams", |(_, metric)| json!(metric.streams)),
            ("decode_tps", |(_, metric)| json!(metric.decode_tps)),
            ("estimate_tps", |(_, metric)| json!(metric.estimate_tps)),
            ("prefill_tps", |(_, metric)| json!(metric.prefill_tps)),
            ("ttft_ms", |(_, metric)| json!(metric.ttft_ms)),
            ("counts", |(_, metric)| json!(metric.counts)),
            ("flags", |(_, metric)| json!(metric.flags)),
        ],
    )
}
