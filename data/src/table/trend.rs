//! How the speed of one device, model and quantisation went over runtime versions and days, superseded runs included.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use estimator::Range;

use super::select::median;
use super::{Picked, Row, Table};

/// A measurement of a trend, and the stop that it is part of: all that ran the same way with one version on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<'t> {
    /// The row.
    pub picked: Picked<'t>,
    /// The stop's lowest, median and highest speed.
    pub stop: Range,
    /// How many measurements the stop has.
    pub reports: usize,
    /// Whether another of them comes before: a repeat, or a fine-tune of the same shape, and no step in time.
    pub is_repeat: bool,
    /// The stop's median over that of the stop before, where that ran the same way; of a repeat none.
    pub change: Option<f64>,
    /// Whether the change is more than chance makes.
    pub beyond_noise: bool,
}

/// Standard deviations of a difference from which a change is told: one in twenty is chance.
const TOLD: f64 = 1.96;

/// What a trend is of, as an address spells it: device, model and quantisation.
#[must_use]
pub fn key(row: &Row) -> String {
    let quant = if row.quant_id.is_empty() { &row.quant } else { &row.quant_id };
    alloc::format!("{},{},{quant}", row.device, row.model)
}

/// The rows of a trend, oldest first; of each way to run it by itself.
#[must_use]
pub fn steps<'t>(table: &'t Table, wanted: &str) -> Vec<Step<'t>> {
    let mut rows: Vec<Picked<'t>> = table
        .rows
        .iter()
        .filter(|row| !row.model.is_empty() && key(row) == wanted)
        .filter_map(|row| Picked::of(row, ""))
        .collect();
    // Versions that count alike and are spelt differently stay apart.
    let by_stop = |a: &Row, b: &Row| age(a, b).then_with(|| a.build.cmp(&b.build));
    rows.sort_by(|a, b| way(a.row, b.row).then_with(|| by_stop(a.row, b.row)));
    let mut steps: Vec<Step<'t>> = Vec::new();
    for alike in rows.chunk_by(|a, b| way(a.row, b.row) == Ordering::Equal) {
        let stops = || alike.chunk_by(|a, b| when(a.row) == when(b.row));
        let scatter = scatter(stops()).max(table.noise);
        let mut before: Option<Stop> = None;
        for rows in stops() {
            let stop = Stop::of(rows);
            let change = before.map(|before| stop.middle_tps / before.middle_tps);
            let beyond_noise = before.zip(change).is_some_and(|(before, change)| {
                let apart = stop.low_tps > before.high_tps || stop.high_tps < before.low_tps;
                let chance = scatter * libm::sqrt(stop.variance() + before.variance());
                apart && libm::fabs(libm::log(change)) > TOLD * chance
            });
            let fold = |first: f64, keep: fn(f64, f64) -> f64, of: fn(&Picked<'_>) -> f64| {
                rows.iter().map(of).fold(first, keep)
            };
            let range = Range {
                low: fold(f64::INFINITY, f64::min, |row| row.low_tps),
                mid: stop.middle_tps,
                high: fold(0.0, f64::max, |row| row.high_tps),
            };
            steps.extend(rows.iter().enumerate().map(|(at, picked)| Step {
                picked: *picked,
                stop: range,
                reports: rows.len(),
                is_repeat: at > 0,
                change: change.filter(|_| at == 0),
                beyond_noise: beyond_noise && at == 0,
            }));
            before = Some(stop);
        }
    }
    steps
}

/// What is compared of a stop: the medians over its measurements, so that one odd machine among them makes no change.
#[derive(Clone, Copy)]
struct Stop {
    low_tps: f64,
    middle_tps: f64,
    high_tps: f64,
    reports: usize,
}

impl Stop {
    fn of(rows: &[Picked<'_>]) -> Stop {
        let middle = |of: fn(&Picked<'_>) -> f64| median(rows.iter().map(of));
        Stop {
            low_tps: middle(|row| row.low_tps),
            middle_tps: median(rows.iter().map(Picked::middle_tps)),
            high_tps: middle(|row| row.high_tps),
            reports: rows.len(),
        }
    }

    /// The variance of its median, as a share of that of one measurement: of many normal ones π/2 times that of their mean.
    fn variance(self) -> f64 {
        let of_median = if self.reports < 3 { 1.0 } else { core::f64::consts::FRAC_PI_2 };
        of_median / self.reports as f64
    }
}

/// Standard deviation of the logarithm of a speed within stops, over all stops of a way; 0 where nothing was repeated.
fn scatter<'p, 't: 'p>(stops: impl Iterator<Item = &'p [Picked<'t>]>) -> f64 {
    let (mut squares, mut freedom) = (0.0, 0.0_f64);
    for rows in stops {
        let count = rows.len() as f64;
        let logs = || rows.iter().map(|row| libm::log(row.middle_tps()));
        let mean = logs().sum::<f64>() / count;
        squares += logs().map(|log| (log - mean) * (log - mean)).sum::<f64>();
        freedom += count - 1.0;
    }
    if freedom > 0.0 { libm::sqrt(squares / freedom) } else { 0.0 }
}

/// Whether two rows can be compared: they ran the same way.
#[must_use]
pub fn alike(a: &Row, b: &Row) -> bool {
    way(a, b) == Ordering::Equal
}

/// Rows that can be compared with each other: the same runtime, backend, number of devices, power, concurrency, and the
/// same workloads.
fn way(a: &Row, b: &Row) -> Ordering {
    let workloads = |row: &Row| -> Vec<String> { row.figures.iter().map(|f| f.workload.clone()).collect() };
    (&a.runtime, &a.backend, a.devices, &a.split, a.concurrency, &a.speculative)
        .cmp(&(&b.runtime, &b.backend, b.devices, &b.split, b.concurrency, &b.speculative))
        .then_with(|| a.power_share.total_cmp(&b.power_share))
        .then_with(|| workloads(a).cmp(&workloads(b)))
}

/// Older first: by day, then by version.
#[must_use]
pub fn age(a: &Row, b: &Row) -> Ordering {
    a.measured_on.cmp(&b.measured_on).then_with(|| version(&a.build).cmp(&version(&b.build)))
}

/// What a step of a trend is a step in: version and day.
#[must_use]
pub fn when(row: &Row) -> (&str, &str) {
    (&row.build, &row.measured_on)
}

/// The numbers in a version: `b9174` and `0.21.0` compare as people count.
fn version(build: &str) -> Vec<u64> {
    build.split(|sign: char| !sign.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// Trends with at least two steps of one runtime and backend, by their keys, each with the number of its rows; most rows
/// first.
#[must_use]
pub fn keys(rows: &[Row]) -> Vec<(String, u32)> {
    /// The first version and day of each way to run, and whether another followed.
    type Ways<'r> = BTreeMap<(&'r str, &'r str), ((&'r str, &'r str), bool)>;
    let mut found: BTreeMap<String, (u32, Ways<'_>)> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.model.is_empty() && !row.device.is_empty()) {
        let (count, ways) = found.entry(key(row)).or_default();
        *count += 1;
        let (first, moved) = ways.entry((&row.runtime, &row.backend)).or_insert((when(row), false));
        *moved |= *first != when(row);
    }
    let moved = |(_, ways): &(u32, Ways<'_>)| ways.values().any(|(_, moved)| *moved);
    let several = found.into_iter().filter(|(_, trend)| moved(trend));
    let mut several: Vec<(String, u32)> = several.map(|(key, (count, _))| (key, count)).collect();
    several.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
    several
}
