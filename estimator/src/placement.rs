//! Where a model lies: whole on the device, part in RAM, or nowhere.

use crate::cache;
use crate::constants::{Constants, Offload, RuntimeRules};
use crate::decode;
use crate::hardware::{HardwareClass, MAX_DEVICES, Machine, Split};
use crate::model::{LayerKind, Model};
use crate::setup::{Setup, Workload};
use crate::units::GIB;

/// How the scratch memory of one pass is counted. Numbers come from `data/rules.toml`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct BufferRules {
    /// Bytes of each number in it.
    pub element_bytes: f64,
    /// Bytes for each cached token and micro-batch token: the attention mask.
    pub mask_bytes: f64,
    /// Rows of the residual stream that live at once.
    pub hidden_rows: f64,
    /// Rows as wide as the feed-forward block that live at once, beside the residual ones.
    pub feed_forward_rows: f64,
    /// Rows as wide as queries and keys together that live at once, beside the residual ones.
    pub attention_rows: f64,
}

/// What is left to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spill {
    /// Whole layers, with their cache.
    Layers {
        /// How many stay on the device.
        on_device: u32,
        /// How many are in RAM.
        on_host: u32,
    },
    /// The routed experts of so many layers; everything else stays on the device.
    Experts {
        /// Layers whose experts are in RAM.
        on_host: u32,
        /// Layers that have experts.
        of: u32,
    },
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Placement {
    /// All on the device or devices.
    Whole,
    /// Part of it in the host's RAM.
    Offloaded(Spill),
    /// Does not run.
    TooBig,
}

/// Bytes by part. `weights`, `kv_cache`, `compute_buffer` and `runtime` are what the devices would hold if all
/// lay on them; `host` is what of it lies in RAM instead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// Weights.
    pub weights: f64,
    /// Key-value cache and recurrent state of all streams.
    pub kv_cache: f64,
    /// Scratch memory of one pass, on all devices together.
    pub compute_buffer: f64,
    /// The runtime itself, on all devices together.
    pub runtime: f64,
    /// Of the above, what the host holds.
    pub host: f64,
    /// Memory that a model may use, on all devices together.
    pub usable: f64,
}

impl Footprint {
    /// All parts together, in bytes.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.weights + self.kv_cache + self.compute_buffer + self.runtime
    }
}

/// Scratch memory of one pass on one device, in bytes: the mask, and the widest moment of the pass, which is a
/// feed-forward block, the experts, an attention, or the output head.
#[must_use]
pub fn compute_buffer_bytes(model: &Model, runtime: &RuntimeRules, workload: &Workload) -> f64 {
    let (rules, layout) = (&runtime.buffer, runtime.layout);
    let slots = cache::slots(workload.held_tokens(), layout);
    let tokens = f64::from(runtime.micro_batch).min(slots);
    let mut mask_slots = [0.0_f64; 2];
    let mut attention_width = 0.0_f64;
    for group in model.layers.groups() {
        attention_width = attention_width.max(attention_elements(group.kind, rules));
        match group.kind {
            LayerKind::Window { window, .. } => {
                mask_slots[1] = mask_slots[1].max(cache::window_slots(slots, window, layout, tokens));
            }
            LayerKind::Full { .. } | LayerKind::Latent { .. } => mask_slots[0] = slots,
            LayerKind::Recurrent { .. } => {}
        }
    }
    let mask = tokens * rules.mask_bytes * (mask_slots[0] + mask_slots[1]);
    let hidden = rules.hidden_rows * f64::from(model.hidden_size);
    let feed_forward = rules.feed_forward_rows * model.feed_forward_width();
    let wide = feed_forward.max(expert_elements(model, rules)).max(attention_width);
    let rows_of_logits = if runtime.logits_for_all { tokens } else { workload.parallel() };
    let head = rows_of_logits * f64::from(model.vocab_size) + tokens * hidden;
    mask + rules.element_bytes * (tokens * (hidden + wide)).max(head)
}

/// Elements that one token's attention holds at its widest, beside the residual rows.
fn attention_elements(kind: LayerKind, rules: &BufferRules) -> f64 {
    match kind {
        LayerKind::Full { heads, kv_heads, key_dim, .. }
        | LayerKind::Window { heads, kv_heads, key_dim, .. } => {
            rules.attention_rows * (f64::from(heads) + f64::from(kv_heads)) * f64::from(key_dim)
        }
        // Per head: the query as projected (its plain part is twice the rotary one in all models known), the same
        // absorbed into the latent space, its rotated part, and both of those joined.
        LayerKind::Latent { heads, rank, rope_dim } => {
            let (rank, rope) = (f64::from(rank), f64::from(rope_dim));
            f64::from(heads) * (3.0 * rope + rank + rope + (rank + rope))
        }
        LayerKind::Recurrent { .. } => 0.0,
    }
}

/// Elements that one token's routed experts hold at their widest: gate, up and their product, and the outputs of all
/// experts visited, which take the place of gate and up where they fit there.
fn expert_elements(model: &Model, rules: &BufferRules) -> f64 {
    let Some(experts) = model.experts else { return 0.0 };
    let hidden = f64::from(model.hidden_size);
    let layers = f64::from(model.expert_layers().max(1));
    let width = model.routed_params() * experts.visited_share(1.0) / (3.0 * hidden * layers);
    let outputs = f64::from(experts.active) * hidden;
    rules.feed_forward_rows * width + if outputs > 2.0 * width { outputs } else { 0.0 }
}

/// Shares of the layers by device, summing to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shares {
    shares: [f64; MAX_DEVICES],
    count: usize,
}

impl Shares {
    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.shares[..self.count]
    }
}

/// What a setup needs and what its machine has: the ground that verdict and speeds stand on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) shares: Shares,
    /// Bytes that layers and cache may take on all devices, in the given shares.
    layer_room: f64,
    /// Bytes of layers and cache.
    layer_bytes: f64,
    /// Bytes of one expert layer's routed experts.
    expert_layer_bytes: f64,
    /// RAM beside the system, in bytes.
    host_room: f64,
    /// Weights that are in RAM in any case.
    host_always: f64,
    offload: Offload,
    layers: u32,
    expert_layers: u32,
    pub(crate) footprint: Footprint,
}

impl Room {
    pub(crate) fn of(setup: &Setup, constants: &Constants) -> Room {
        let Setup { machine, model, weights, cache, workload } = setup;
        let devices = machine.devices();
        let rules = &constants.runtime;
        let micro_batch = f64::from(rules.micro_batch);
        let kv = cache::held_bytes(
            model,
            *cache,
            rules.layout,
            workload.held_tokens(),
            workload.parallel(),
            micro_batch,
        );
        let scratch = compute_buffer_bytes(model, rules, workload);
        let reserve = rules.reserve_gib * GIB;
        let all_discrete = devices.iter().all(|d| d.class == HardwareClass::DiscreteGpu);

        // The output head goes with the last device; an embedding table in RAM costs a card nothing.
        let table = if rules.embedding_on_host && all_discrete { 0.0 } else { weights.embedding_bytes };
        let head = if table == 0.0 { weights.projection_bytes() } else { weights.head_bytes + table };
        let layers_and_cache = weights.dense_bytes + weights.routed_bytes + kv;

        let mut usable = [0.0; MAX_DEVICES];
        let mut room = [0.0; MAX_DEVICES];
        for (index, device) in devices.iter().enumerate() {
            usable[index] = constants.memory.usable_gib(device) * GIB;
            room[index] = usable[index] - scratch - reserve - head * decode::head_share(machine, index);
        }
        let shares = shares(machine, &usable);
        let layer_room = tightest(shares.as_slice(), &room);

        let count = devices.len() as f64;
        let layers = model.layers.count().max(1);
        let expert_layers = model.expert_layers();
        Room {
            shares,
            layer_room,
            layer_bytes: layers_and_cache,
            expert_layer_bytes: weights.routed_bytes / f64::from(expert_layers.max(1)),
            host_room: constants.memory.usable_ram_gib(machine.host.memory_gib) * GIB,
            host_always: if table == 0.0 { weights.embedding_bytes } else { 0.0 },
            offload: if all_discrete { rules.offload } else { Offload::Nothing },
            layers,
            expert_layers,
            footprint: Footprint {
                weights: weights.dense_bytes + weights.routed_bytes + head,
                kv_cache: kv,
                compute_buffer: scratch * count,
                runtime: reserve * count,
                host: 0.0,
                usable: usable[..devices.len()].iter().sum(),
            },
        }
    }

    /// Whether all of it lies on the devices.
    pub(crate) fn fits_whole(&self) -> bool {
        self.layer_bytes <= self.layer_room
    }

    /// Bytes of layers and cache that the devices have no room for.
    pub(crate) fn overflow_bytes(&self) -> f64 {
        (self.layer_bytes - self.layer_room).max(0.0)
    }

    /// By layer: as many layers on the devices as there is room for.
    pub(crate) fn by_layer(&self) -> Option<Spill> {
        if self.offload < Offload::Layers || self.layer_room < 0.0 {
            return None;
        }
        let one = self.layer_bytes / f64::from(self.layers);
        let on_device = (libm::floor(self.layer_room / one) as u32).min(self.layers);
        let spill = Spill::Layers { on_device, on_host: self.layers - on_device };
        self.ram_holds(spill).then_some(spill)
    }

    /// By experts: as few layers' experts in RAM as it takes.
    pub(crate) fn by_experts(&self) -> Option<Spill> {
        if self.offload < Offload::Experts || self.expert_layers == 0 || self.layer_room < 0.0 {
            return None;
        }
        let on_host = libm::ceil(self.overflow_bytes() / self.expert_layer_bytes);
        if on_host > f64::from(self.expert_layers) {
            return None;
        }
        let spill = Spill::Experts { on_host: on_host as u32, of: self.expert_layers };
        self.ram_holds(spill).then_some(spill)
    }

    /// Bytes in RAM under `spill`.
    pub(crate) fn spilled_bytes(&self, spill: Spill) -> f64 {
        match spill {
            Spill::Layers { on_host, .. } => self.layer_bytes * f64::from(on_host) / f64::from(self.layers),
            Spill::Experts { on_host, .. } => self.expert_layer_bytes * f64::from(on_host),
        }
    }

    fn ram_holds(&self, spill: Spill) -> bool {
        self.spilled_bytes(spill) + self.host_always <= self.host_room
    }
}

/// Shares of the layers by device. They depend on the machine alone, so a heavier model never moves layers to a
/// faster card.
fn shares(machine: &Machine, usable: &[f64; MAX_DEVICES]) -> Shares {
    let count = machine.devices().len();
    let weights = match machine.split {
        Split::LayersByMemory => *usable,
        Split::LayersByShare(given) => given,
        Split::Tensor => [1.0; MAX_DEVICES],
    };
    let all: f64 = weights[..count].iter().map(|w| w.max(0.0)).sum();
    let mut shares = [0.0; MAX_DEVICES];
    for (share, weight) in shares[..count].iter_mut().zip(weights) {
        *share = if all > 0.0 { weight.max(0.0) / all } else { 1.0 / count as f64 };
    }
    Shares { shares, count }
}

/// The most bytes that can be shared out so without overfilling any device.
fn tightest(shares: &[f64], room: &[f64; MAX_DEVICES]) -> f64 {
    shares
        .iter()
        .zip(room)
        .filter(|(share, _)| **share > 0.0)
        .map(|(share, room)| room / share)
        .fold(f64::INFINITY, f64::min)
}
