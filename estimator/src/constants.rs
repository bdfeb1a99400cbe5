//! The fitted numbers, always passed in: `data` resolves them for a device, backend, runtime and quantisation.
//!
//! There is no `Default`: a constant without a measurement behind it does not exist.

use crate::cache::CacheLayout;
use crate::hardware::{ComputeFormat, MAX_DEVICES, MemoryRules};
use crate::placement::BufferRules;

/// How far a speed may lie from the middle, as half-widths in natural-log space of a 90 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Spread {
    /// Below the middle: `low = mid × e^(−down)`.
    pub down: f64,
    /// Above the middle: `high = mid × e^up`.
    pub up: f64,
}

impl Spread {
    /// No spread at all.
    pub const NONE: Spread = Spread { down: 0.0, up: 0.0 };

    /// Both causes at once, independent of each other.
    #[must_use]
    pub fn and(self, other: Spread) -> Spread {
        let both = |a: f64, b: f64| libm::sqrt(a * a + b * b);
        Spread { down: both(self.down, other.down), up: both(self.up, other.up) }
    }
}

/// Decode on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DecodeConstants {
    /// Share of peak bandwidth at which weights are read, above 0 and at most 1.
    pub bandwidth_efficiency: f64,
    /// Share of peak bandwidth at which routed experts are read, above 0 and at most 1: many small matrices.
    pub expert_bandwidth_efficiency: f64,
    /// Share of peak bandwidth at which the cache is read, above 0 and at most 1.
    pub cache_efficiency: f64,
    /// Seconds for each step, whatever the model.
    pub step_overhead_s: f64,
    /// Seconds for each layer in a step.
    pub layer_overhead_s: f64,
    /// Further seconds for each layer with routed experts.
    pub expert_layer_overhead_s: f64,
    /// Further seconds for each recurrent layer.
    pub recurrent_layer_overhead_s: f64,
    /// Further seconds for each layer with latent attention.
    pub latent_layer_overhead_s: f64,
    /// Seconds that each further stream adds to a step.
    pub stream_overhead_s: f64,
    /// Share of peak f16 compute at which further streams are worked through, above 0 and at most 1.
    pub compute_efficiency: f64,
    /// Power that the device draws while it reads weights and cache, as a share of its stock limit; 0 where no limit tells.
    pub power_draw: f64,
    /// Spread of one stream's speed.
    pub spread: Spread,
    /// Further spread with several streams.
    pub streams_spread: Spread,
}

/// Prefill on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PrefillConstants {
    /// The format in which this runtime multiplies on this generation.
    pub format: ComputeFormat,
    /// Share of that format's peak rate that is reached on long prompts, above 0 and at most 1.
    pub compute_efficiency: f64,
    /// Reached rate where the maker's peak is not known, in 10¹² operations a second.
    pub fallback_tflops: f64,
    /// Share of the reached rate at which attention's quadratic part runs, above 0.
    pub attention_efficiency: f64,
    /// Tokens by which each micro-batch is longer in effect than in fact: short ones leave units idle.
    pub saturation_tokens: f64,
    /// The same for each expert that a micro-batch visits: its share of the tokens rarely fills a tile.
    pub expert_saturation_tokens: f64,
    /// Seconds for each layer in each micro-batch.
    pub layer_overhead_s: f64,
    /// Further seconds for each recurrent layer in each micro-batch.
    pub recurrent_layer_overhead_s: f64,
    /// Share of peak bandwidth at which a micro-batch reads the weights, above 0; above 1 where most of the reading hides
    /// behind the arithmetic.
    pub bandwidth_efficiency: f64,
    /// Power that the device draws while it reads prompts, as a share of its stock limit; 0 where no limit tells.
    pub power_draw: f64,
    /// Spread of the speed.
    pub spread: Spread,
}

/// Both phases on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeviceConstants {
    /// Decode.
    pub decode: DecodeConstants,
    /// Prefill.
    pub prefill: PrefillConstants,
}

/// Work that is left to the host, and the way there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OffloadConstants {
    /// Share of the host's peak RAM bandwidth at which its layers are read, above 0 and at most 1.
    pub host_efficiency: f64,
    /// Seconds for each place where a step goes to the host and comes back.
    pub split_overhead_s: f64,
    /// Share of the link's peak at which weights are sent to the device during prefill, above 0 and at most 1.
    pub link_efficiency: f64,
    /// Further spread of decode and prefill.
    pub spread: Spread,
}

/// Several devices.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExchangeConstants {
    /// Seconds for one hand-over from a device to the next, beside the bytes sent.
    pub latency_s: f64,
    /// Seconds for one exchange among devices that share every matrix, beside the bytes sent.
    pub all_reduce_s: f64,
    /// Share of the link's peak that hand-overs reach, above 0 and at most 1.
    pub link_efficiency: f64,
    /// Further spread of decode and prefill.
    pub spread: Spread,
}

/// How a runtime holds and feeds a model. Numbers come from `data/rules.toml`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RuntimeRules {
    /// The cache's layout.
    pub layout: CacheLayout,
    /// Tokens that one pass of prefill takes at most.
    pub micro_batch: u32,
    /// Whether the embedding table stays in RAM when the layers go to a card.
    pub embedding_on_host: bool,
    /// What of a model that a card has no room for can be left in RAM.
    pub offload: Offload,
    /// What the runtime itself takes on each device, in GiB.
    pub reserve_gib: f64,
    /// Whether logits are kept for a whole micro-batch, or for one token of each stream.
    pub logits_for_all: bool,
    /// The compute buffer.
    pub buffer: BufferRules,
}

/// What a runtime can leave in RAM beside a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Offload {
    /// Nothing: a model fits or does not run.
    Nothing,
    /// Whole layers.
    Layers,
    /// Whole layers, or the routed experts of layers.
    Experts,
}

/// All of the above, resolved for one setup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// By device, in the order of the machine's devices.
    pub devices: [DeviceConstants; MAX_DEVICES],
    /// The host's part.
    pub offload: OffloadConstants,
    /// Several devices.
    pub exchange: ExchangeConstants,
    /// Usable memory.
    pub memory: MemoryRules,
    /// The runtime's habits.
    pub runtime: RuntimeRules,
}
