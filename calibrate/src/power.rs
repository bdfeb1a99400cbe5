//! What a power limit costs: of decode, the share of stock power that a card draws while it reads; of prefill, an exponent.

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

/// Steps in which the drawn share is looked for, from none to all of stock.
const STEPS: u32 = 100;

/// The groups whose devices have a power limit of their own.
const CARDS: [Group; 4] = [Group::Nvidia, Group::Amd, Group::Intel, Group::Any];

/// Sets what a power limit costs in the parts of cards.
///
/// A capped row enters no other fit, so this is the whole of what it tells.
pub fn set_power(figure: Figure, parts: &mut Parts, rows: &[Observation]) {
    let (metric, told): (_, fn(&mut Parts, &[&Observation]) -> f64) = match figure {
        Figure::Decode => (Metric::Decode, drawn),
        Figure::Prefill => (Metric::Prefill, exponent),
        _ => return,
    };
    let capped: Vec<&Observation> = rows
        .iter()
        .filter(|row| row.metric == metric && row.device.class == HardwareClass::DiscreteGpu)
        .filter(|row| row.power_share < FAR_ENOUGH && row.streams <= 1.0 && row.devices <= 1.0)
        .filter(|row| row.but([Reason::PowerCap]) && row.speed.is_some())
        .collect();
    if capped.len() >= ENOUGH_ROWS {
        let value = rounded(told(parts, &capped));
        set(parts, value);
    }
}

fn set(parts: &mut Parts, value: f64) {
    for group in CARDS {
        if let Some(part) = parts.get_mut(&group) {
            part.terms.insert(Term::Power, value);
        }
    }
}

/// The share of stock power drawn while reading that leaves the least absolute error of log speed, each device with one
/// vote; the smallest of those that do equally well.
fn drawn(parts: &mut Parts, capped: &[&Observation]) -> f64 {
    let shares = (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS));
    let mut best = (f64::INFINITY, 0.0);
    for share in shares {
        set(parts, share);
        let mut devices: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for row in capped {
            let error = libm::log(row.speed.unwrap_or(1.0) * decode_seconds(part_of(parts, row), row));
            devices.entry(row.device.key.as_str()).or_default().push(error.abs());
        }
        let mean = |errors: &Vec<f64>| errors.iter().sum::<f64>() / errors.len() as f64;
        let loss: f64 = devices.values().map(mean).sum();
        if loss < best.0 {
            best = (loss, share);
        }
    }
    best.1
}

/// The median over capped rows of log speed lost over log power lost.
fn exponent(parts: &mut Parts, capped: &[&Observation]) -> f64 {
    let mut exponents: Vec<f64> = capped
        .iter()
        .map(|row| {
            let part = part_of(parts, row);
            let unlimited = row.setup.workload.new_tokens() / prompt_seconds(part, row, Rates::of(part));
            libm::log(row.speed.unwrap_or(unlimited) / unlimited) / libm::log(row.power_share)
        })
        .collect();
    quantile(&mut exponents, 0.5).max(0.0)
}
