//! What each term's constant is multiplied with, by row: exactly the loads that the estimator multiplies.

use data::constants::{Group, Part, Term, reference, sustained};
use estimator::units::{GB, TERA};
use estimator::{decode, prefill};

use crate::observation::Observation;
use litemap::LiteMap;

const MS: f64 = 1e-3;

/// Seconds (or milliseconds' worth) of each term of a decode step of one stream.
#[must_use]
pub fn decode_work(row: &Observation, term: Term, rates: Rates<'_>) -> f64 {
    let load = decode::Load::of(&row.setup);
    let peak = row.device.bandwidth_gb_s * GB;
    match term {
        Term::Weights => (load.layer_bytes + load.routed_bytes + load.head_bytes) / peak,
        Term::Experts => load.routed_bytes / peak,
        Term::Cache => load.cache_bytes / peak,
        Term::UnfusedCache if row.unfused => load.cache_bytes / peak,
        Term::Step => MS,
        Term::Layer => load.layers * MS,
        Term::ExpertLayer => load.expert_layers * MS,
        Term::RecurrentLayer => load.recurrent_layers * MS,
        Term::LatentLayer => load.latent_layers * MS,
        Term::Arithmetic => (load.flops / row.streams - attention_flops(row)) / rate_flops_s(row, rates),
        Term::Attention => attention_flops(row) / rate_flops_s(row, rates),
        Term::Host => head_on_host_s(row),
        _ => 0.0,
    }
}

/// One token's attention over what is behind it, in operations.
fn attention_flops(row: &Observation) -> f64 {
    decode::attention_flops(&row.setup.model, f64::from(row.setup.workload.context_tokens))
}

/// Seconds (or milliseconds' worth) of each term of a prompt.
#[must_use]
pub fn prefill_work(row: &Observation, term: Term, rates: Rates<'_>) -> f64 {
    let load = prefill::Load::of(&row.setup, row.micro_batch);
    let rate = rate_flops_s(row, rates);
    let peak = row.device.bandwidth_gb_s * GB;
    match term {
        Term::Compute => load.linear_flops / rate,
        Term::Attention => load.attention_flops / rate,
        Term::UnfusedAttention if row.unfused => load.attention_flops / rate,
        Term::Saturation => load.batches * load.flops_each_token * 100.0 / rate,
        Term::ExpertSaturation => load.batches * load.visited_expert_flops / rate,
        Term::Weights => load.batches * load.read_bytes / peak,
        Term::Layer => load.batches * load.layers * MS,
        Term::RecurrentLayer => load.batches * load.recurrent_layers * MS,
        Term::Host => head_on_host_s(row),
        _ => 0.0,
    }
}

/// Seconds of reading the output head from RAM, where a program leaves it there.
fn head_on_host_s(row: &Observation) -> f64 {
    let bytes = if row.head_on_host { row.setup.weights.projection_bytes() } else { 0.0 };
    bytes / (row.setup.machine.host.bandwidth_gb_s * GB)
}

/// Bytes that one step reads from RAM, and how often it goes there, as far as the row states it.
#[must_use]
pub fn host_load(row: &Observation) -> (f64, f64) {
    let load = decode::Load::of(&row.setup);
    let model = &row.setup.model;
    let offload = &row.offload;
    let layers = load.layers.max(1.0);
    let expert_layers = load.expert_layers.max(1.0);
    let routed = row.setup.weights.routed_bytes;
    if let Some(bytes) = offload.host_bytes.filter(|_| routed > 0.0) {
        // Of what lies in RAM, routed experts are read in part, by as much as a token visits of them.
        let share = (bytes / routed).min(1.0);
        return (load.routed_bytes * share, expert_layers * share);
    }
    if offload.all_experts && model.experts.is_some() {
        return (load.routed_bytes, expert_layers);
    }
    if let Some(on_host) = offload.expert_layers_on_host.filter(|_| model.experts.is_some()) {
        let share = (on_host / expert_layers).min(1.0);
        return (load.routed_bytes * share, expert_layers * share);
    }
    if let Some(on_device) = offload.layers_on_device {
        let share = (1.0 - on_device / layers).clamp(0.0, 1.0);
        return (
            (load.layer_bytes + load.routed_bytes + load.cache_bytes) * share,
            if share > 0.0 { 1.0 } else { 0.0 },
        );
    }
    (0.0, 0.0)
}

/// What tells how fast a device computes.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    /// Operations for each byte of bandwidth, by generation, for devices whose compute is not known; `cpu` for processors,
    /// `*` for any other.
    pub flop_per_byte: &'a LiteMap<String, f64>,
    /// Picojoules that an operation takes.
    pub picojoules: f64,
}

impl<'a> Rates<'a> {
    /// As a part has it.
    #[must_use]
    pub fn of(part: &'a Part) -> Self {
        Rates { flop_per_byte: &part.flop_per_byte, picojoules: part.picojoules }
    }
}

/// The reference rate of a row's device, in operations a second, within its power.
#[must_use]
pub fn rate_flops_s(row: &Observation, rates: Rates<'_>) -> f64 {
    let device = &row.device;
    match reference(&device.compute, row.program, row.matrix_format) {
        Some(known) => {
            known.tflops * TERA * sustained(rates.picojoules, device.class, known.tflops, device.tdp_w)
        }
        None => {
            let table = rates.flop_per_byte;
            let name = if row.group() == Group::Cpu { Group::Cpu.name() } else { &device.generation };
            let ratio = table.get(name).or_else(|| table.get("*")).copied();
            device.bandwidth_gb_s * GB * ratio.unwrap_or(1.0)
        }
    }
}
