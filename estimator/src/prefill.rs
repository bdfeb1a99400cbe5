//! Seconds to read a prompt: arithmetic, the weights read once for each micro-batch, and fixed costs.

use crate::constants::{Constants, PrefillConstants};
use crate::decode::{attention_flops_per_past_token, fastest_tflops, handovers, stretch};
use crate::hardware::{Device, Split};
use crate::model::{LayerKind, Model};
use crate::setup::Setup;
use crate::units::{BILLION, GB, TERA};

/// Operations of attention for `new` tokens after `cached` ones: each sees all before it, within its window.
#[must_use]
pub fn attention_flops(model: &Model, cached: f64, new: f64) -> f64 {
    let pairs = |kind: LayerKind| match kind {
        LayerKind::Window { window, .. } => {
            let window = f64::from(window);
            // Tokens before the window is full see a growing past, the others see the window.
            let growing = (window - cached).clamp(0.0, new);
            growing * cached + growing * growing / 2.0 + (new - growing) * window
        }
        _ => new * cached + new * new / 2.0,
    };
    model
        .layers
        .groups()
        .iter()
        .map(|g| f64::from(g.count) * attention_flops_per_past_token(g.kind) * pairs(g.kind))
        .sum()
}

/// Parameters that each prompt token is multiplied with: the active ones less the tables, since a prompt needs
/// no logits but its last token's.
#[must_use]
pub fn linear_params(model: &Model) -> f64 {
    let tables = if model.tied_embeddings { 1.0 } else { 2.0 };
    let active = model.active_params_b * BILLION;
    (active - tables * model.embedding_params()).max(0.0)
}

/// The rate reached on long prompts, in operations a second.
pub(crate) fn reached_flops_s(device: &Device, c: &PrefillConstants) -> f64 {
    let tflops = match device.compute.peak_tflops(c.format) {
        Some(peak) => peak * c.compute_efficiency,
        None => c.fallback_tflops,
    };
    tflops * TERA
}

/// What reading a prompt computes and moves for the whole model: what the constants are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Passes over the weights.
    pub batches: f64,
    /// Products with the weights, in operations.
    pub linear_flops: f64,
    /// The same for one token.
    pub flops_each_token: f64,
    /// Products of one token with every expert that a micro-batch is expected to visit, in operations.
    pub visited_expert_flops: f64,
    /// Attention, in operations.
    pub attention_flops: f64,
    /// Weights that one micro-batch reads.
    pub read_bytes: f64,
    /// Layers.
    pub layers: f64,
    /// Of these, recurrent.
    pub recurrent_layers: f64,
}

impl Load {
    /// The load of a prompt that is read `micro_batch` tokens at a time.
    #[must_use]
    pub fn of(setup: &Setup, micro_batch: u32) -> Load {
        let Setup { model, weights, workload, .. } = setup;
        let new = workload.new_tokens();
        let cached = f64::from(workload.cached_tokens.min(workload.prompt_tokens));
        let size = f64::from(micro_batch.max(1)).min(new);
        let flops_each_token = 2.0 * linear_params(model);
        let visited = model.experts.map_or(0.0, |e| e.visited_share(size));
        Load {
            batches: libm::ceil(new / size),
            linear_flops: flops_each_token * new,
            flops_each_token,
            visited_expert_flops: 2.0 * model.routed_params() * visited,
            attention_flops: attention_flops(model, cached, new),
            read_bytes: weights.dense_bytes + weights.routed_bytes * visited,
            layers: f64::from(model.layers.count()),
            recurrent_layers: model.layers_where(|kind| matches!(kind, LayerKind::Recurrent { .. })),
        }
    }
}

/// Seconds for the prompt; the `overflow_bytes` that the devices have no room for cross the link for each micro-batch.
#[must_use]
pub(crate) fn prompt_s(setup: &Setup, shares: &[f64], overflow_bytes: f64, constants: &Constants) -> f64 {
    let Setup { workload, machine, .. } = setup;
    let new = workload.new_tokens();
    let load = Load::of(setup, constants.runtime.micro_batch);
    let batches = load.batches;

    let time = |index: usize, device: &Device, share: f64| {
        let c = &constants.devices[index].prefill;
        let rate = reached_flops_s(device, c);
        let multiply = load.linear_flops
            + batches
                * (load.flops_each_token * c.saturation_tokens
                    + load.visited_expert_flops * c.expert_saturation_tokens);
        let attend = load.attention_flops / c.attention_efficiency;
        let read = batches * load.read_bytes / (device.bandwidth_gb_s * GB * c.bandwidth_efficiency);
        let overhead = batches
            * (load.layers * c.layer_overhead_s + load.recurrent_layers * c.recurrent_layer_overhead_s);
        let busy = share * ((multiply + attend) / rate + read);
        // Devices that share every matrix go through every layer.
        let idle = overhead * if machine.split == Split::Tensor { 1.0 } else { share };
        busy * stretch(c.power_draw / device.power_share, busy, idle) + idle
    };
    let each = machine.devices().iter().zip(shares).enumerate().map(|(i, (d, s))| time(i, d, *s));
    let on_devices = if machine.split == Split::Tensor { each.fold(0.0, f64::max) } else { each.sum() };

    let link_gb_s = machine.devices().iter().map(|d| d.host_link_gb_s).fold(f64::INFINITY, f64::min);
    let crossing = batches * overflow_bytes / (link_gb_s * GB * constants.offload.link_efficiency);
    on_devices + crossing + exchange_s(setup, constants, new, batches)
}

/// The least time in which any software could read the prompt.
#[must_use]
pub(crate) fn roofline_s(setup: &Setup, shares: &[f64]) -> f64 {
    let Setup { model, workload, machine, .. } = setup;
    let new = workload.new_tokens();
    let cached = f64::from(workload.cached_tokens.min(workload.prompt_tokens));
    let flops = 2.0 * linear_params(model) * new + attention_flops(model, cached, new);
    let each = machine.devices().iter().zip(shares).map(|(device, share)| {
        let peak = device.compute.f16_tflops.map(|f16| fastest_tflops(device, f16));
        share * peak.map_or(0.0, |tflops| flops / (tflops * TERA))
    });
    if machine.split == Split::Tensor { each.fold(0.0, f64::max) } else { each.sum() }
}

fn exchange_s(setup: &Setup, constants: &Constants, new: f64, batches: f64) -> f64 {
    let (handovers, latency_s) = handovers(setup, constants);
    let bytes = f64::from(setup.model.hidden_size) * 2.0 * new;
    let link = setup.machine.device_link_gb_s * GB * constants.exchange.link_efficiency;
    handovers * (batches * latency_s + bytes / link)
}
