//! Which rows a figure is fitted to, and how much each counts.

use std::collections::BTreeMap;

use data::constants::{Factor, Figure, Group, Term};

use crate::clean::Reason;
use crate::observation::{Metric, Observation};

/// A vote: rows of one cell, as one.
#[derive(Clone, Debug)]
pub struct Vote<'o> {
    /// The cell's first row, which stands for all of them.
    pub row: &'o Observation,
    /// Median log of the measured speed: steps a second for decode, prompts a second for prefill.
    pub log_speed: f64,
    /// Rows in the cell.
    pub rows: u32,
    /// How much it counts.
    pub weight: f64,
    /// How much wider its noise is than that of benchmark tools.
    pub scale: f64,
    /// What each term's constant is multiplied with.
    pub work: Work,
}

/// What each term's constant is multiplied with, and seconds that are known before the fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// By term.
    pub terms: BTreeMap<Term, f64>,
    /// Seconds that other parts tell.
    pub fixed_s: f64,
    /// Seconds that it takes no longer than, where other parts tell: all streams one after another.
    pub at_most_s: Option<f64>,
}

impl Work {
    /// Seconds, where the terms come to `terms_s` and what is known to `fixed_s`.
    #[must_use]
    pub fn bounded(&self, terms_s: f64, fixed_s: f64) -> f64 {
        self.at_most_s.map_or(terms_s + fixed_s, |most| most.max(fixed_s).min(terms_s + fixed_s))
    }
}

/// The log of the speed that the figure's seconds stand for.
#[must_use]
pub fn log_rate(figure: Figure, row: &Observation, speed: f64) -> f64 {
    match figure {
        Figure::Prefill => libm::log(speed) - libm::log(row.setup.workload.new_tokens()),
        Figure::Streams => libm::log(speed) - libm::log(row.streams),
        _ => libm::log(speed),
    }
}

/// Rows of one cell have one vote, and a device's votes count with the root of their number together.
#[must_use]
pub fn votes<'o>(
    figure: Figure,
    rows: impl Iterator<Item = &'o Observation>,
    work: impl Fn(&Observation) -> Work,
) -> Vec<Vote<'o>> {
    let mut cells: BTreeMap<String, Vec<(&Observation, f64)>> = BTreeMap::new();
    for row in rows {
        let Some(speed) = row.speed else { continue };
        cells.entry(cell(row)).or_default().push((row, log_rate(figure, row, speed)));
    }
    // Runs through several libraries are told apart, but have one vote together.
    let mut variants: BTreeMap<String, f64> = BTreeMap::new();
    for rows in cells.values() {
        *variants.entry(plain_cell(rows[0].0)).or_default() += 1.0;
    }
    let mut by_device: BTreeMap<String, f64> = BTreeMap::new();
    for rows in cells.values() {
        *by_device.entry(device_of(rows[0].0)).or_default() += 1.0 / variants[&plain_cell(rows[0].0)];
    }
    let mut votes = Vec::new();
    for rows in cells.values() {
        let mut speeds: Vec<(f64, f64)> = rows.iter().map(|(row, speed)| (*speed, row.evidence)).collect();
        let row = rows[0].0;
        let evidence = rows.iter().map(|(row, _)| row.evidence).fold(0.0, f64::max);
        votes.push(Vote {
            row,
            log_speed: weighted_median(&mut speeds),
            rows: rows.len() as u32,
            weight: evidence / (variants[&plain_cell(row)] * libm::sqrt(by_device[&device_of(row)])),
            scale: 1.0,
            work: work(row),
        });
    }
    votes
}

/// The value at which half of the weight is reached.
fn weighted_median(values: &mut [(f64, f64)]) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    for (value, weight) in values.iter() {
        sum += weight;
        if sum > half {
            return *value;
        }
    }
    values.last().map_or(0.0, |(value, _)| *value)
}

fn device_of(row: &Observation) -> String {
    format!("{}|{}", row.group().name(), row.device.key)
}

fn cell(row: &Observation) -> String {
    format!("{}|{}", plain_cell(row), row.library)
}

/// What has one vote: rows of one device, model, quantisation, depth, backend, runtime, half year and part in RAM.
#[must_use]
pub fn plain_cell(row: &Observation) -> String {
    let bucket = |tokens: u32| (libm::log2(f64::from(tokens.max(1))) * 2.0).round();
    let w = &row.setup.workload;
    format!(
        "{}|{:?}|{}|{}|{}|{:?}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{:.2}|{:?}|{}|{:?}",
        row.device.key,
        row.metric,
        row.model_id,
        row.quant.to_lowercase(),
        bucket(w.context_tokens),
        bucket(w.prompt_tokens.saturating_sub(w.cached_tokens)),
        row.backend.name(),
        row.runtime,
        row.half_year,
        row.origin,
        row.system,
        row.head_on_host,
        row.unfused,
        row.micro_batch,
        row.streams,
        row.devices,
        row.device.bandwidth_gb_s,
        row.device.compute.f16_tflops,
        if row.prompts_read > 0.0 { bucket(row.generated as u32) } else { 0.0 },
        row.has(Reason::PartialOffload).then_some(row.offload),
    )
}

/// Kinds of source that differ in noise: benchmark tools, LocalScore, people's own runs, other runtimes.
pub const SOURCES: usize = 4;

/// The kind of source that a row is from; 0 is a benchmark tool on llama.cpp or its kin.
#[must_use]
pub fn source_kind(row: &Observation) -> usize {
    match () {
        () if row.runtime == "localscore" => 1,
        () if row.origin == "crowd" => 2,
        () if row.has(Reason::OtherRuntime) => 3,
        () => 0,
    }
}

/// Rows that a figure's fit uses.
#[must_use]
pub fn used(figure: Figure, row: &Observation) -> bool {
    let metric = if figure == Figure::Prefill { Metric::Prefill } else { Metric::Decode };
    // Where the prompt is no longer than the answer, its share of the time is small and told by prefill.
    let mostly_answer = row.prompt.is_some_and(|prompt| prompt <= row.generated);
    let allowed = match figure {
        Figure::Decode | Figure::Prefill => row.clean(),
        Figure::Streams => {
            row.streams > 1.0
                && (mostly_answer || !row.has(Reason::EndToEnd))
                && row.but([
                    Reason::OtherRuntime,
                    Reason::SeveralStreams,
                    Reason::PowerCap,
                    Reason::EndToEnd,
                    Reason::GuessedQuant,
                ])
        }
        Figure::Offload => {
            row.has(Reason::PartialOffload)
                && row.offload.stated()
                && row.but([
                    Reason::OtherRuntime,
                    Reason::PartialOffload,
                    Reason::ExceedsMemory,
                    Reason::Fork,
                ])
        }
        Figure::Exchange => {
            let layers_apart = row.source.to_lowercase().contains("xiongjiedai");
            let matrices_shared = row.shares_matrices && row.origin != "crowd";
            row.devices > 1.0
                && row.streams <= 1.0
                && (layers_apart || matrices_shared)
                && (mostly_answer || !row.has(Reason::EndToEnd))
                && row.but([Reason::SeveralDevices, Reason::OtherRuntime, Reason::PowerCap, Reason::EndToEnd])
        }
    };
    row.metric == metric && allowed && row.speed.is_some()
}

/// Whether a row tells about levels of this effect. Runs on strangers' machines and by other programs tell about those
/// programs; what a device can do is learnt from benchmark tools, except where next to nothing else was measured.
#[must_use]
pub fn speaks_for(row: &Observation, factor: Factor) -> bool {
    let about_device = matches!(
        factor,
        Factor::Device
            | Factor::Generation
            | Factor::GenerationBackend
            | Factor::GenerationFamily
            | Factor::Memory
            | Factor::Tier
            | Factor::Vendor
    );
    let scarce = matches!(row.group(), Group::Cpu | Group::Mobile);
    !about_device || scarce || source_kind(row) == 0
}
