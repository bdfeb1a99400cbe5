//! Work of the figures that stand on decode: several streams, part in RAM, several devices.

use std::collections::BTreeMap;

use data::constants::{Figure, Group, Part, Term};
use estimator::units::{GB, TERA};
use estimator::{Setup, decode};

use crate::features::{Rates, decode_work, host_load, prefill_work, rate_flops_s};
use crate::observation::{Metric, Observation};
use crate::recipe::recipe;
use crate::votes::Work;

const MS: f64 = 1e-3;

/// The parts that other figures stand on, by group.
pub type Parts = BTreeMap<Group, Part>;

/// The finished parts that further figures stand on.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// Decode of one stream.
    pub decode: Parts,
    /// Prefill.
    pub prefill: Parts,
}

impl Base {
    /// Keeps a figure's parts, where others stand on them.
    pub fn keep(&mut self, figure: Figure, parts: Parts) {
        match figure {
            Figure::Decode => self.decode = parts,
            Figure::Prefill => self.prefill = parts,
            Figure::Streams | Figure::Offload | Figure::Exchange => {}
        }
    }
}

/// The part for a row.
#[must_use]
pub fn part_of<'p>(parts: &'p Parts, row: &Observation) -> &'p Part {
    parts.get(&row.group()).unwrap_or_else(|| &parts[&Group::Any])
}

/// Seconds of a decode step by the decode part, effects included.
///
/// As in the engine, nothing is read faster than the memory's peak, arithmetic on the way included, and the joules of a step
/// come in no faster than a power limit lets them.
#[must_use]
pub fn decode_seconds(part: &Part, row: &Observation) -> f64 {
    let (busy, fixed) = step(part, row);
    limited(part, row, busy, fixed)
}

/// The same where devices that share every matrix read a part each, and go through every layer.
#[must_use]
pub fn apart_seconds(part: &Part, row: &Observation) -> f64 {
    let (busy, fixed) = step(part, row);
    limited(part, row, if row.shares_matrices { busy / row.devices } else { busy }, fixed)
}

fn limited(part: &Part, row: &Observation, busy: f64, fixed: f64) -> f64 {
    (busy + fixed).max(part.term(Term::Power) / row.power_share * busy)
}

/// Seconds of reading, with the arithmetic on the way, and of what is fixed.
fn step(part: &Part, row: &Observation) -> (f64, f64) {
    let effects = part.effects_of(&row.facts());
    let work = |term| decode_work(row, term, Rates::of(part)).max(0.0);
    let time = |term| part.term(term) * effects.slower(term) * work(term);
    let read = |term, with| (time(term) + time(with)).max(work(term));
    let others = part.terms.iter().map(|(term, _)| match term {
        Term::Weights | Term::Arithmetic | Term::Experts | Term::Cache | Term::Attention => 0.0,
        term => time(*term),
    });
    let weights = read(Term::Weights, Term::Arithmetic) + time(Term::Experts);
    (weights + read(Term::Cache, Term::Attention), others.sum::<f64>())
}

/// Seconds of one step of each stream, one after another: together they are never slower.
#[must_use]
pub fn in_turn_s(parts: &Parts, row: &Observation) -> f64 {
    let mut one = row.clone();
    one.setup.workload.streams = 1;
    one.streams = 1.0;
    row.streams * apart_seconds(part_of(parts, row), &one)
}

/// Seconds of a prompt by the prefill part, effects included, as the engine has them: the joules come in no faster than a power
/// limit lets them, and devices that share every matrix compute a part each and go through every layer.
#[must_use]
pub fn prompt_seconds(part: &Part, row: &Observation, rates: Rates<'_>) -> f64 {
    let effects = part.effects_of(&row.facts());
    let (mut busy, mut fixed) = (0.0, 0.0);
    for (term, constant) in &part.terms {
        let work = prefill_work(row, *term, rates);
        let seconds = if work > 0.0 { constant * effects.slower(*term) * work } else { 0.0 };
        match term {
            Term::Layer | Term::RecurrentLayer => fixed += seconds,
            _ => busy += seconds,
        }
    }
    limited(part, row, if row.shares_matrices { busy / row.devices } else { busy }, fixed)
}

/// For a rate over a time in which prompts are read: their seconds for each token that a stream generates.
#[must_use]
pub fn prompt_share_s(prefill: &Parts, row: &Observation) -> f64 {
    let Some(prompt) = row.prompt.filter(|_| row.prompts_read > 0.0) else { return 0.0 };
    let mut read = row.clone();
    read.metric = Metric::Prefill;
    read.setup.workload.prompt_tokens = prompt as u32;
    read.setup.workload.cached_tokens = 0;
    let part = part_of(prefill, &read);
    prompt_seconds(part, &read, Rates::of(part)) * row.prompts_read / row.generated
}

/// Work of a row for a figure. `base` are the finished parts, for the figures that stand on them.
#[must_use]
pub fn work(figure: Figure, row: &Observation, rates: Rates<'_>, base: Option<&Base>) -> Work {
    let terms = |of: &dyn Fn(Term) -> f64| {
        recipe(figure, row.group()).terms.iter().map(|(term, _)| (*term, of(*term))).collect()
    };
    match (figure, base) {
        (Figure::Prefill, _) => {
            Work { terms: terms(&|term| prefill_work(row, term, rates)), ..Work::default() }
        }
        (Figure::Streams, Some(base)) => {
            let together = decode_seconds(part_of(&base.decode, row), row);
            let in_turn = in_turn_s(&base.decode, row).max(together);
            let prompts = prompt_share_s(&base.prefill, row);
            Work {
                terms: terms(&|term| streams_work(row, term)),
                fixed_s: (together + further_as_prompts_s(&base.prefill, row)).min(in_turn) + prompts,
                at_most_s: Some(in_turn + prompts),
            }
        }
        (Figure::Offload, Some(base)) => {
            let (bytes, crossings) = host_load(row);
            let ram = row.offload.host_bandwidth_gb_s.unwrap_or(row.setup.machine.host.bandwidth_gb_s) * GB;
            Work {
                terms: terms(&|term| match term {
                    Term::Host => bytes / ram,
                    Term::Crossing => crossings * MS,
                    _ => 0.0,
                }),
                // Work that is left to a processor goes no faster than where it has all: the term is what comes on top.
                fixed_s: device_seconds(&base.decode, row, bytes)
                    + processors_inverse(&base.decode) * bytes / ram,
                at_most_s: None,
            }
        }
        (Figure::Exchange, Some(base)) => Work {
            terms: terms(&|term| exchange_work(row, term, 1.0, row.streams)),
            fixed_s: apart_seconds(part_of(&base.decode, row), row) + prompt_share_s(&base.prefill, row),
            at_most_s: None,
        },
        _ => Work { terms: terms(&|term| decode_work(row, term, rates)), ..Work::default() },
    }
}

/// Work of the terms that several devices add to `passes` through the layers, with `tokens` in all.
#[must_use]
pub fn exchange_work(row: &Observation, term: Term, passes: f64, tokens: f64) -> f64 {
    let further = row.devices - 1.0;
    let all_reduces = 2.0 * f64::from(row.setup.model.layers.count());
    let times = if row.shares_matrices { all_reduces } else { further };
    match term {
        Term::Crossing if !row.shares_matrices => passes * further * MS,
        Term::AllReduce if row.shares_matrices => passes * all_reduces * MS,
        Term::Link => {
            let bytes = f64::from(row.setup.model.hidden_size) * 2.0 * tokens * times;
            bytes / (row.setup.machine.device_link_gb_s * GB)
        }
        _ => 0.0,
    }
}

/// Work of the terms that several streams add to a step.
#[must_use]
pub fn streams_work(row: &Observation, term: Term) -> f64 {
    let load = decode::Load::of(&row.setup);
    match term {
        Term::Stream => (row.streams - 1.0) * MS,
        Term::Compute => {
            stated_tflops(row).map_or(0.0, |peak| load.flops * (1.0 - 1.0 / row.streams) / (peak * TERA))
        }
        _ => 0.0,
    }
}

/// The rate at a share of which further streams are computed, as the estimator has it.
fn stated_tflops(row: &Observation) -> Option<f64> {
    row.device.compute.f16_tflops.filter(|_| row.group() != Group::Cpu)
}

/// Seconds of further streams' arithmetic where it goes as fast as prompts are read: on processors, and where the maker
/// states no rate.
#[must_use]
pub fn further_as_prompts_s(prefill: &Parts, row: &Observation) -> f64 {
    if stated_tflops(row).is_some() {
        return 0.0;
    }
    let part = part_of(prefill, row);
    let per_work = part.term(Term::Compute) * part.effects_of(&row.facts()).slower(Term::Compute);
    let flops = decode::Load::of(&row.setup).flops * (1.0 - 1.0 / row.streams);
    per_work * flops / rate_flops_s(row, Rates::of(part))
}

/// Seconds that a processor by itself takes for each second of reading its memory at the peak.
#[must_use]
pub fn processors_inverse(decode: &Parts) -> f64 {
    decode.get(&Group::Cpu).map_or(1.0, |part| part.term(Term::Weights).max(1.0))
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
    apart_seconds(part_of(parts, row), &on_card)
}
