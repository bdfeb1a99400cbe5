//! Tables of what was measured, of what is missing, and of who measured it.

use data::query::FieldError;
use data::table::trend::{self, Step};
use page::benchmarks::WantedCell;
use page::messages::EN;
use serde_json::json;

use crate::board::Entry;
use crate::gate::day;
use crate::medians::Snapshot;
use crate::problem::Problem;
use crate::store::Contribution;
use crate::table::Table;

/// Medians of every cell.
pub(super) fn cells(snapshot: &Snapshot) -> Table {
    let mut cells: Vec<_> = snapshot.index.cells().map(|(_, cell)| cell).collect();
    cells.sort_by(|a, b| a.by_setup(b));
    Table::of(
        cells,
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

/// A leaderboard.
pub(super) fn board(entries: &[Entry]) -> Table {
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
pub(super) fn wanted(cells: &[WantedCell]) -> Table {
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
pub(super) fn trends(table: &data::table::Table, wanted: &str) -> Result<Table, Problem> {
    let keys: Vec<&str> = match wanted {
        "" => table.trends.iter().map(|(key, _)| key.as_str()).collect(),
        key => vec![key],
    };
    let steps: Vec<(&str, Step<'_>)> = keys
        .into_iter()
        .flat_map(|key| trend::steps(table, key).into_iter().map(move |step| (key, step)))
        .collect();
    if !wanted.is_empty() && steps.is_empty() {
        let message = EN.api.trend(wanted);
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
            ("same_day_reports", |(_, step)| json!(step.reports)),
            ("same_day_median_tps", |(_, step)| json!(step.stop.mid)),
            ("repeat", |(_, step)| json!(step.is_repeat)),
            ("change", |(_, step)| json!(step.change)),
            ("beyond_noise", |(_, step)| json!(step.beyond_noise)),
            ("superseded", |(_, step)| json!(step.picked.row.superseded)),
            ("origin", |(_, step)| json!(step.picked.row.origin.name())),
            ("source", |(_, step)| json!(step.picked.row.source)),
        ],
    ))
}

/// Who has a profile, those with a vote in most setups first.
pub(super) fn contributors(rows: &[Contribution]) -> Table {
    Table::of(
        rows,
        &[
            ("name", |row| json!(row.profile.name)),
            ("setups", |row| json!(row.setups)),
            ("results", |row| json!(row.results)),
            ("machines", |row| json!(row.machines)),
            ("since", |row| json!(day::of_ms(row.profile.created_at_ms))),
        ],
    )
}
