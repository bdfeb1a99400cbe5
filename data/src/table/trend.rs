//! How the speed of one device, model and quantisation went over runtime versions and days, superseded runs included.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Picked, Row, Table};

/// A step of a trend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<'t> {
    /// The row.
    pub picked: Picked<'t>,
    /// Its middle over that of the step before, where that ran the same way.
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
    rows.sort_by(|a, b| way(a.row, b.row).then_with(|| age(a.row, b.row)));
    let mut steps: Vec<Step<'t>> = Vec::new();
    for picked in rows {
        let alike = |step: &&Step<'t>| way(step.picked.row, picked.row) == Ordering::Equal;
        // Two runs of one version on one day are no step: a repeat, or a fine-tune of the same shape.
        let moved = |step: &&Step<'t>| when(step.picked.row) != when(picked.row);
        let before = steps.last().filter(alike).filter(moved);
        let change = before.map(|step| picked.middle_tps() / step.picked.middle_tps());
        // Two reports differ by what each of them scatters.
        let told = TOLD * core::f64::consts::SQRT_2 * table.noise;
        let apart = before.is_some_and(|step| {
            picked.low_tps > step.picked.high_tps || picked.high_tps < step.picked.low_tps
        });
        let beyond_noise = apart && change.is_some_and(|change| libm::fabs(libm::log(change)) > told);
        steps.push(Step { picked, change, beyond_noise });
    }
    steps
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
