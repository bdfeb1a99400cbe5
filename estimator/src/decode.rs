//! Seconds for one decode step: the bytes read, the work done and the fixed costs, device by device.

use crate::cache;
use crate::constants::{Constants, DeviceConstants};
use crate::hardware::{Device, HardwareClass, Machine, Split};
use crate::model::{LayerKind, Model};
use crate::placement::Spill;
use crate::prefill::reached_flops_s;
use crate::setup::{Setup, Workload};
use crate::units::{BILLION, GB, TERA};
use crate::weights::Weights;

/// What a step's time goes to, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepTime {
    /// Reading weights on the devices.
    pub weights_s: f64,
    /// Reading the cache on the devices.
    pub cache_s: f64,
    /// Arithmetic of further streams, which no longer hides behind the reading.
    pub compute_s: f64,
    /// Fixed costs.
    pub overhead_s: f64,
    /// Reading what lies in RAM, and going there.
    pub host_s: f64,
    /// Exchange between devices.
    pub link_s: f64,
}

impl StepTime {
    /// All of it, in seconds.
    #[must_use]
    pub fn total_s(&self) -> f64 {
        self.weights_s + self.cache_s + self.compute_s + self.overhead_s + self.host_s + self.link_s
    }
}

/// Floating-point operations of attention for one new token with `context` tokens behind it.
#[must_use]
pub fn attention_flops(model: &Model, context: f64) -> f64 {
    model
        .layers
        .groups()
        .iter()
        .map(|g| f64::from(g.count) * attention_flops_per_past_token(g.kind) * seen(g.kind, context))
        .sum()
}

/// Operations for each past token that a new one attends to: a product with its key, a sum of its value.
pub(crate) fn attention_flops_per_past_token(kind: LayerKind) -> f64 {
    match kind {
        LayerKind::Full { heads, key_dim, value_dim, .. }
        | LayerKind::Window { heads, key_dim, value_dim, .. } => {
            2.0 * f64::from(heads) * (f64::from(key_dim) + f64::from(value_dim))
        }
        LayerKind::Latent { heads, rank, rope_dim } => {
            2.0 * f64::from(heads) * (2.0 * f64::from(rank) + f64::from(rope_dim))
        }
        LayerKind::Recurrent { .. } => 0.0,
    }
}

fn seen(kind: LayerKind, context: f64) -> f64 {
    match kind {
        LayerKind::Window { window, .. } => context.min(f64::from(window)),
        _ => context,
    }
}

/// What one step reads and computes for the whole model, before it is shared out among devices: what the constants
/// are multiplied with, and so what they are fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Weights that every token reads, without the output head.
    pub layer_bytes: f64,
    /// Routed experts that the streams are expected to visit.
    pub routed_bytes: f64,
    /// The output head, and a row of the embedding table for each stream.
    pub head_bytes: f64,
    /// Cache of all streams.
    pub cache_bytes: f64,
    /// Arithmetic of all streams, in operations.
    pub flops: f64,
    /// Layers.
    pub layers: f64,
    /// Of these, with routed experts.
    pub expert_layers: f64,
    /// Of these, recurrent.
    pub recurrent_layers: f64,
    /// Of these, with latent attention.
    pub latent_layers: f64,
}

impl Load {
    /// The load of one step of all streams.
    #[must_use]
    pub fn of(setup: &Setup) -> Load {
        let Setup { model, weights, cache, workload, .. } = setup;
        let streams = workload.parallel();
        let context = f64::from(workload.context_tokens);
        let visited = model.experts.map_or(0.0, |e| e.visited_share(streams));
        Load {
            layer_bytes: weights.dense_bytes,
            routed_bytes: weights.routed_bytes * visited,
            head_bytes: weights.projection_bytes() + weights.embedding_row_bytes * streams,
            cache_bytes: cache::read_bytes(model, *cache, context) * streams,
            flops: streams * (weight_flops(model) + attention_flops(model, context)),
            layers: f64::from(model.layers.count()),
            expert_layers: f64::from(model.expert_layers()),
            recurrent_layers: model.layers_where(|kind| matches!(kind, LayerKind::Recurrent { .. })),
            latent_layers: model.layers_where(|kind| matches!(kind, LayerKind::Latent { .. })),
        }
    }
}

/// Operations of one token in all matrices: two for each weight that it is multiplied with.
fn weight_flops(model: &Model) -> f64 {
    let lookups = if model.tied_embeddings { 0.0 } else { model.embedding_params() };
    2.0 * (model.active_params_b * BILLION - lookups).max(0.0)
}

/// Operations of one token in all matrices, for each byte of them that it reads.
#[must_use]
pub fn weight_flops_per_byte(model: &Model, weights: &Weights) -> f64 {
    let visited = model.experts.map_or(0.0, |experts| experts.visited_share(1.0));
    let read = weights.dense_bytes
        + weights.routed_bytes * visited
        + weights.projection_bytes()
        + weights.embedding_row_bytes;
    weight_flops(model) / read.max(1.0)
}

/// Shares of each kind of byte that the host holds.
struct HostPart {
    layers: f64,
    routed: f64,
    /// How often a step leaves the device and comes back.
    crossings: f64,
}

impl HostPart {
    fn of(spill: Option<Spill>) -> HostPart {
        match spill {
            None => HostPart { layers: 0.0, routed: 0.0, crossings: 0.0 },
            Some(Spill::Layers { on_device, on_host }) => {
                let share = f64::from(on_host) / f64::from((on_device + on_host).max(1));
                HostPart { layers: share, routed: share, crossings: f64::from(on_host.min(1)) }
            }
            Some(Spill::Experts { on_host, of }) => HostPart {
                layers: 0.0,
                routed: f64::from(on_host) / f64::from(of.max(1)),
                crossings: f64::from(on_host),
            },
        }
    }
}

impl Load {
    fn host_bytes(&self, host: &HostPart) -> f64 {
        (self.layer_bytes + self.cache_bytes) * host.layers + self.routed_bytes * host.routed
    }
}

/// Time of one step for all streams, with `spill` in RAM.
///
/// Streams can always be served one after another, so `S` of them take no longer than `S` steps of one: what fitted
/// constants charge for further streams ends there.
#[must_use]
pub(crate) fn step(setup: &Setup, shares: &[f64], spill: Option<Spill>, constants: &Constants) -> StepTime {
    let time = together(setup, shares, spill, constants);
    let streams = setup.workload.parallel();
    if streams <= 1.0 {
        return time;
    }
    let one = Setup { workload: Workload { streams: 1, ..setup.workload }, ..*setup };
    let in_turn_s = streams * together(&one, shares, spill, constants).total_s();
    let further_overhead_s = (streams - 1.0) * constants.devices[0].decode.stream_overhead_s;
    let further_s = time.compute_s + further_overhead_s;
    let kept = 1.0 - ((time.total_s() - in_turn_s) / further_s).clamp(0.0, 1.0);
    if kept >= 1.0 || further_s <= 0.0 {
        return time;
    }
    StepTime {
        compute_s: time.compute_s * kept,
        overhead_s: time.overhead_s - further_overhead_s * (1.0 - kept),
        ..time
    }
}

/// The same where all streams go through every step together.
fn together(setup: &Setup, shares: &[f64], spill: Option<Spill>, constants: &Constants) -> StepTime {
    let load = Load::of(setup);
    let host = HostPart::of(spill);
    let machine = &setup.machine;
    let devices = machine.devices();
    let streams = setup.workload.parallel();

    let mut sum = StepTime::default();
    let mut slowest = StepTime::default();
    let mut slowest_read_bytes_s = f64::INFINITY;
    for (index, (device, share)) in devices.iter().zip(shares).enumerate() {
        let c = &constants.devices[index].decode;
        let peak = device.bandwidth_gb_s * GB;
        let head = head_share(machine, index) * load.head_bytes;
        let layers = share * load.layer_bytes * (1.0 - host.layers) + head;
        let routed = share * load.routed_bytes * (1.0 - host.routed);
        let cache = share * load.cache_bytes * (1.0 - host.layers);
        let mut here = StepTime {
            weights_s: layers / (peak * c.bandwidth_efficiency)
                + routed / (peak * c.expert_bandwidth_efficiency),
            cache_s: cache / (peak * c.cache_efficiency),
            // Arithmetic that moves to the host is done no faster there.
            compute_s: share * further_compute_s(&load, streams, device, &constants.devices[index]),
            // Devices that share every matrix go through every layer.
            overhead_s: (if machine.split == Split::Tensor { 1.0 } else { *share })
                * (load.layers * c.layer_overhead_s
                    + load.expert_layers * c.expert_layer_overhead_s
                    + load.recurrent_layers * c.recurrent_layer_overhead_s
                    + load.latent_layers * c.latent_layer_overhead_s),
            ..StepTime::default()
        };
        let limited = c.power_draw / device.power_share;
        let busy_s = here.weights_s + here.cache_s + here.compute_s;
        let idle_s = here.overhead_s + if index == 0 { c.step_overhead_s } else { 0.0 };
        let longer = stretch(limited, busy_s, idle_s);
        here.weights_s *= longer;
        here.cache_s *= longer;
        here.compute_s *= longer;
        if here.total_s() > slowest.total_s() {
            slowest = here;
        }
        sum = add(sum, here);
        let least = c.bandwidth_efficiency.min(c.cache_efficiency).min(c.expert_bandwidth_efficiency);
        slowest_read_bytes_s = slowest_read_bytes_s.min(peak * least / limited.max(1.0));
    }

    let mut time = if machine.split == Split::Tensor { slowest } else { sum };
    let first = &constants.devices[0].decode;
    time.overhead_s += first.step_overhead_s + (streams - 1.0) * first.stream_overhead_s;
    time.link_s = exchange_s(setup, constants);
    let host_bytes = load.host_bytes(&host);
    // RAM never serves a layer faster than the device that it was taken from.
    let host_bytes_s =
        (machine.host.bandwidth_gb_s * GB * constants.offload.host_efficiency).min(slowest_read_bytes_s);
    time.host_s = host_bytes / host_bytes_s + host.crossings * constants.offload.split_overhead_s;
    time
}

/// By what a power limit makes the busy seconds of a device longer that would draw `limited` times the limit in them: its
/// joules come in at the limit's rate, also while it waits.
pub(crate) fn stretch(limited: f64, busy_s: f64, idle_s: f64) -> f64 {
    (limited - idle_s / busy_s.max(f64::MIN_POSITIVE)).max(1.0)
}

/// The least time in which any software could do the step: peak bandwidth, peak compute, no fixed cost.
#[must_use]
pub(crate) fn roofline_s(setup: &Setup, shares: &[f64], spill: Option<Spill>) -> f64 {
    let load = Load::of(setup);
    let host = HostPart::of(spill);
    let machine = &setup.machine;
    let device_s = machine.devices().iter().zip(shares).enumerate().map(|(index, (device, share))| {
        let bytes = share
            * ((load.layer_bytes + load.cache_bytes) * (1.0 - host.layers)
                + load.routed_bytes * (1.0 - host.routed))
            + head_share(machine, index) * load.head_bytes;
        let work = share * (1.0 - host.layers) * load.flops;
        let compute =
            device.compute.f16_tflops.map_or(0.0, |peak| work / (fastest_tflops(device, peak) * TERA));
        (bytes / (device.bandwidth_gb_s * GB)).max(compute)
    });
    let on_devices =
        if machine.split == Split::Tensor { device_s.fold(0.0, f64::max) } else { device_s.sum() };
    let host_bytes = load.host_bytes(&host);
    let fastest =
        machine.devices().iter().map(|d| d.bandwidth_gb_s).fold(machine.host.bandwidth_gb_s, f64::max);
    let host_peak = if host_bytes > 0.0 { machine.host.bandwidth_gb_s.min(fastest) } else { fastest };
    on_devices + host_bytes / (host_peak * GB)
}

/// The device's fastest stated format, in 10¹² operations a second.
pub(crate) fn fastest_tflops(device: &Device, f16: f64) -> f64 {
    let c = &device.compute;
    [c.int8_tops, c.fp8_tflops, c.fp4_tflops].into_iter().flatten().fold(f16, f64::max)
}

/// Which part of the output head device `index` reads: all of it on the last, an equal part of it under tensor split.
pub(crate) fn head_share(machine: &Machine, index: usize) -> f64 {
    let count = machine.devices().len();
    match machine.split {
        Split::Tensor => 1.0 / count as f64,
        _ if index + 1 == count => 1.0,
        _ => 0.0,
    }
}

/// Arithmetic of all streams but the first, whose arithmetic hides behind the reading of weights. Graphics whose rate is
/// stated work at a share of it; a processor, or a device whose maker states none, as fast as it reads prompts.
fn further_compute_s(load: &Load, streams: f64, device: &Device, c: &DeviceConstants) -> f64 {
    let stated = device.compute.f16_tflops.filter(|_| device.class != HardwareClass::Cpu);
    let flops_s = stated.map_or_else(
        || reached_flops_s(device, &c.prefill),
        |peak| peak * TERA * c.decode.compute_efficiency,
    );
    load.flops * (1.0 - 1.0 / streams) / flops_s
}

/// How often devices exchange what they worked out in one pass through the layers, and the seconds of each time beside the
/// bytes: after attention and after the feed-forward part of each layer where they share every matrix, else once from a device
/// to the next.
pub(crate) fn handovers(setup: &Setup, constants: &Constants) -> (f64, f64) {
    let further = setup.machine.devices().len() as f64 - 1.0;
    match setup.machine.split {
        Split::Tensor if further > 0.0 => {
            (2.0 * f64::from(setup.model.layers.count()), constants.exchange.all_reduce_s)
        }
        _ => (further, constants.exchange.latency_s),
    }
}

/// Hand-overs between devices in one step.
fn exchange_s(setup: &Setup, constants: &Constants) -> f64 {
    let (handovers, latency_s) = handovers(setup, constants);
    let bytes = f64::from(setup.model.hidden_size) * 2.0 * setup.workload.parallel();
    let link = setup.machine.device_link_gb_s * GB * constants.exchange.link_efficiency;
    handovers * (latency_s + bytes / link)
}

fn add(a: StepTime, b: StepTime) -> StepTime {
    StepTime {
        weights_s: a.weights_s + b.weights_s,
        cache_s: a.cache_s + b.cache_s,
        compute_s: a.compute_s + b.compute_s,
        overhead_s: a.overhead_s + b.overhead_s,
        host_s: a.host_s + b.host_s,
        link_s: a.link_s + b.link_s,
    }
}
