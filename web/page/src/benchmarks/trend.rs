//! What was measured more than once: speed over runtime versions and days.

use data::table::trend::{self, Step};
use data::table::{Picked, Table};

use super::{PATH, span};
use crate::card::plain;
use crate::messages::Messages;
use crate::query::Query;

/// Trends that are offered: those with most rows.
const OFFERED: usize = 12;

/// The section as the template wants it.
pub(super) struct Trends {
    /// What the chosen trend is of; empty where none is chosen.
    pub(super) name: String,
    pub(super) steps: Vec<Line>,
    /// Others: address, name, rows.
    pub(super) offers: Vec<(String, String, u32)>,
    /// The address without a trend.
    pub(super) all: String,
}

/// One step.
pub(super) struct Line {
    pub(super) version: String,
    pub(super) measured_on: String,
    pub(super) concurrency: u32,
    pub(super) bar: String,
    pub(super) speed: String,
    pub(super) change: String,
    pub(super) verdict: &'static str,
    pub(super) is_told: bool,
    pub(super) is_superseded: bool,
}

pub(super) fn trends(table: &Table, query: &Query, m: &Messages) -> Trends {
    let chosen = query.get("trend");
    let steps = if chosen.is_empty() { Vec::new() } else { trend::steps(table, chosen) };
    let fastest = steps.iter().map(|step| step.picked.high_tps).fold(0.0, f64::max);
    let slowest = steps.iter().map(|step| step.picked.low_tps).fold(f64::INFINITY, f64::min);
    let offers = table.trends.iter().take(OFFERED).filter_map(|(key, count)| {
        let row = table.rows.iter().find(|row| trend::key(row) == *key)?;
        let name = super::name(table, &Picked::of(row, "")?);
        Some((query.link(PATH, &[("trend", key)]), name, *count))
    });
    Trends {
        name: match (chosen, steps.first()) {
            ("", _) => String::new(),
            (_, Some(step)) => super::name(table, &step.picked),
            (_, None) => m.benchmarks.trend_none.to_owned(),
        },
        steps: steps.iter().map(|step| line(step, (slowest / 1.5, fastest * 1.5), m)).collect(),
        offers: if chosen.is_empty() { offers.collect() } else { Vec::new() },
        all: query.link(PATH, &[("trend", "")]),
    }
}

fn line(step: &Step<'_>, track: (f64, f64), m: &Messages) -> Line {
    let (w, row) = (&m.benchmarks, step.picked.row);
    let middle = step.picked.middle_tps();
    let range = estimator::Range { low: step.picked.low_tps, mid: middle, high: step.picked.high_tps };
    Line {
        version: row.backend_words(),
        measured_on: if row.measured_on.is_empty() {
            w.date_unknown.to_owned()
        } else {
            row.measured_on.clone()
        },
        concurrency: row.concurrency,
        bar: chart::range_bar(plain(range), track, chart::Verdict::Runs, None, None),
        speed: span(step.picked.low_tps, step.picked.high_tps),
        change: step.change.map(|change| format!("{:+.0} %", 100.0 * (change - 1.0))).unwrap_or_default(),
        verdict: match (step.change, step.beyond_noise) {
            (None, _) => w.first_of_its_way,
            (Some(_), true) => w.beyond_noise,
            (Some(_), false) => w.within_noise,
        },
        is_told: step.beyond_noise,
        is_superseded: row.superseded,
    }
}
