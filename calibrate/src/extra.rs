//! Work of the figures that stand on decode: several streams, part in RAM, several devices.

use std::collections::BTreeMap;

use data::constants::{Figure, Group, Part, Term};
use estimator::units::GB;
use estimator::{Setup, decode};

use crate::features::{Intensity, decode_work, host_load, prefill_work, rate_flops_s};
use crate::fit::Work;
use crate::observation::Observation;
use crate::recipe::recipe;

const MS: f64 = 1e-3;

/// The parts that other figures stand on, by group.
pub type Parts = BTreeMap<Group, Part>;

/// The part for a row.
#[must_use]
pub fn part_of<'p>(parts: &'p Parts, row: &Observation) -> &'p Part {
    parts.get(&row.group()).unwrap_or_else(|| &parts[&Group::Any])
}

/// Seconds of a decode step by the decode part, effects included.
#[must_use]
pub fn decode_seconds(part: &Part, row: &Observation) -> f64 {
    let mut seconds = 0.0;
    for (term, constant) in &part.terms {
        seconds += constant * decode_work(row, *term);
    }
    seconds * libm::exp(-part.effects_of(&row.facts()).value)
}

/// Work of a row for a figure. `decode` are the finished decode parts, for the figures that stand on them.
#[must_use]
pub fn work(figure: Figure, row: &Observation, intensity: &Intensity, decode: Option<&Parts>) -> Work {
    let terms = |of: &dyn Fn(Term) -> f64| {
        recipe(figure, Group::Any).terms.iter().map(|(term, _)| (*term, of(*term))).collect()
    };
    match (figure, decode) {
        (Figure::Prefill, _) => {
            Work { terms: terms(&|term| prefill_work(row, term, intensity)), fixed_s: 0.0 }
        }
        (Figure::Streams, Some(parts)) => Work {
            terms: terms(&|term| streams_work(row, term, intensity)),
            fixed_s: decode_seconds(part_of(parts, row), row),
        },
        (Figure::Offload, Some(parts)) => {
            let (bytes, crossings) = host_load(row);
            let ram = row.offload.host_bandwidth_gb_s.unwrap_or(row.setup.machine.host.bandwidth_gb_s) * GB;
            Work {
                terms: terms(&|term| match term {
                    Term::Host => bytes / ram,
                    Term::Crossing => crossings * MS,
                    _ => 0.0,
                }),
                fixed_s: device_seconds(parts, row, bytes),
            }
        }
        (Figure::Exchange, Some(parts)) => Work {
            terms: terms(&|term| match term {
                Term::Crossing => (row.devices - 1.0) * MS,
                Term::Link => {
                    let bytes = f64::from(row.setup.model.hidden_size) * 2.0 * (row.devices - 1.0);
                    bytes / (row.setup.machine.device_link_gb_s * GB)
                }
                _ => 0.0,
            }),
            fixed_s: decode_seconds(part_of(parts, row), row),
        },
        _ => Work { terms: terms(&|term| decode_work(row, term)), fixed_s: 0.0 },
    }
}

/// Work of the terms that several streams add to a step.
#[must_use]
pub fn streams_work(row: &Observation, term: Term, intensity: &Intensity) -> f64 {
    let load = decode::Load::of(&row.setup);
    match term {
        Term::Stream => (row.streams - 1.0) * MS,
        Term::Compute => load.flops * (1.0 - 1.0 / row.streams) / rate_flops_s(row, intensity),
        _ => 0.0,
    }
}

/// Seconds of the card's part of a step, when `host_bytes` of the routed experts (or layers) are read from RAM.
#[must_use]
pub fn device_seconds(parts: &Parts, row: &Observation, host_bytes: f64) -> f64 {
    let load = decode::Load::of(&row.setup);
    let whole = load.layer_bytes + load.routed_bytes;
    let share = if load.routed_bytes > 0.0 { host_bytes / load.routed_bytes } else { host_bytes / whole };
    let mut on_card = row.clone();
    let Setup { weights, .. } = &mut on_card.setup;
    if load.routed_bytes > 0.0 {
        weights.routed_bytes *= 1.0 - share.min(1.0);
    } else {
        weights.dense_bytes *= 1.0 - share.min(1.0);
    }
    decode_seconds(part_of(parts, row), &on_card)
}
