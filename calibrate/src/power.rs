//! What a power limit costs: the share of stock power that a card draws while it reads, and while it computes.

use std::collections::BTreeMap;

use data::constants::{Figure, Group, Term};
use estimator::HardwareClass;

use crate::clean::Reason;
use crate::extra::{Parts, decode_seconds, part_of, prompt_seconds};
use crate::features::Rates;
use crate::fitting::rounded;
use crate::observation::{Metric, Observation};
use crate::score::quantile;

/// A limit above this share of stock says too little to count.
const FAR_ENOUGH: f64 = 0.85;

/// Fewer rows than this are no evidence.
const ENOUGH_ROWS: usize = 10;

/// Nor is one card's curve over fewer limits than this.
const ENOUGH_LIMITS: usize = 4;

/// Steps in which the drawn share is looked for, from none to all of stock.
const STEPS: u32 = 100;

/// The groups whose devices have a power limit of their own.
const CARDS: [Group; 4] = [Group::Nvidia, Group::Amd, Group::Intel, Group::Any];

/// Sets what a power limit costs in the parts of cards.
///
/// A capped row enters no other fit, so this is the whole of what it tells.
pub fn set_power(figure: Figure, parts: &mut Parts, rows: &[Observation]) {
    let metric = match figure {
        Figure::Decode => Metric::Decode,
        Figure::Prefill => Metric::Prefill,
        _ => return,
    };
    let cards: Vec<&Observation> = rows
        .iter()
        .filter(|row| row.metric == metric && row.device.class == HardwareClass::DiscreteGpu)
        .filter(|row| row.streams <= 1.0 && row.devices <= 1.0 && row.speed.is_some())
        .filter(|row| row.but([Reason::PowerCap]))
        .collect();
    let told = match metric {
        Metric::Decode => drawn_reading(parts, &cards),
        Metric::Prefill => drawn_computing(parts, &cards),
    };
    if let Some(share) = told {
        set(parts, rounded(share));
    }
}

fn set(parts: &mut Parts, value: f64) {
    for group in CARDS {
        if let Some(part) = parts.get_mut(&group) {
            part.terms.insert(Term::Power, value);
        }
    }
}

/// By all that limits told: the middle of decode is known well enough that one limit a card says something.
fn drawn_reading(parts: &mut Parts, cards: &[&Observation]) -> Option<f64> {
    let capped: Vec<&&Observation> = cards.iter().filter(|row| row.power_share < FAR_ENOUGH).collect();
    let mut devices: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
    for row in &capped {
        devices.entry(row.device.key.as_str()).or_default().push(row);
    }
    let off = |parts: &Parts, rows: &[&Observation]| {
        rows.iter().map(|row| error(row, decode_seconds(part_of(parts, row), row)).abs()).sum::<f64>()
            / rows.len() as f64
    };
    (capped.len() >= ENOUGH_ROWS).then(|| least(parts, &devices.into_values().collect::<Vec<_>>(), off))
}

/// By curves of one card, model and source over several limits, each against its own middle: that of prompts is uncertain by
/// more than a limit costs.
fn drawn_computing(parts: &mut Parts, cards: &[&Observation]) -> Option<f64> {
    let mut curves: BTreeMap<[&str; 4], Vec<&Observation>> = BTreeMap::new();
    for row in cards {
        let curve = [row.source.as_str(), row.device.key.as_str(), row.model_id.as_str(), row.quant.as_str()];
        curves.entry(curve).or_default().push(row);
    }
    let curves: Vec<_> = curves
        .into_values()
        .filter(|rows| {
            let mut limits: Vec<f64> = rows.iter().map(|row| row.power_share).collect();
            limits.sort_by(f64::total_cmp);
            limits.dedup();
            limits.iter().filter(|share| **share < FAR_ENOUGH).count() >= ENOUGH_LIMITS
        })
        .collect();
    let off = |parts: &Parts, rows: &[&Observation]| {
        let seconds = |row: &Observation| {
            let part = part_of(parts, row);
            prompt_seconds(part, row, Rates::of(part)) / row.setup.workload.new_tokens()
        };
        let mut errors: Vec<f64> = rows.iter().map(|row| error(row, seconds(row))).collect();
        let middle = quantile(&mut errors, 0.5);
        errors.iter().map(|error| (error - middle).abs()).sum::<f64>() / errors.len() as f64
    };
    (!curves.is_empty()).then(|| least(parts, &curves, off))
}

/// How far a row's time a token lies from its speed, in logarithms.
fn error(row: &Observation, seconds: f64) -> f64 {
    libm::log(row.speed.unwrap_or(1.0) * seconds)
}

/// The share that leaves the least error, each group of rows with one vote; the smallest of those that do equally well.
fn least(
    parts: &mut Parts,
    groups: &[Vec<&Observation>],
    off: impl Fn(&Parts, &[&Observation]) -> f64,
) -> f64 {
    let mut best = (f64::INFINITY, 0.0);
    for share in (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS)) {
        set(parts, share);
        let loss: f64 = groups.iter().map(|rows| off(parts, rows)).sum();
        if loss < best.0 {
            best = (loss, share);
        }
    }
    best.1
}
