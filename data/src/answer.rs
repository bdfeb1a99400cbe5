//! The published estimate object: what page, API, CLI and browser print for one setup.
//!
//! Plain numbers with a short code for each thing that has a word for it; sentences are the page's business.

use alloc::string::String;
use alloc::vec::Vec;

use estimator::{Bound, Range};
use serde::{Deserialize, Serialize};

/// What was asked, as it was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asked {
    /// Device ids, one for each device in the machine; `own` for figures that were typed in.
    pub hardware: Vec<String>,
    /// Model id, or the file's name where a file was read.
    pub model: String,
    /// Quantisation id.
    pub quant: String,
    /// Where another quantisation was asked for that the runtime does not load.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quant_asked: Option<String>,
    /// Tokens in each stream's cache while it decodes.
    pub context: u32,
    /// Tokens in the prompt.
    pub prompt: u32,
    /// Leading tokens of it that the cache already holds.
    pub cached: u32,
    /// Cache type of keys.
    pub kv: String,
    /// Cache type of values.
    pub kv_v: String,
    /// Requests at once.
    pub streams: u32,
    /// Runtime.
    pub runtime: String,
    /// Software that drives the device: `cuda`, `rocm`, `vulkan`, `metal`, `sycl`, `cpu`.
    pub backend: String,
    /// RAM of the host, GiB.
    pub host_ram_gib: f64,
    /// Bandwidth of the host's RAM, GB/s.
    pub host_bandwidth_gb_s: f64,
    /// Memory of the devices together, GiB.
    pub memory_gib: f64,
    /// Bandwidth of each device, GB/s.
    pub bandwidth_gb_s: Vec<f64>,
    /// Power limit as a share of stock.
    pub power: f64,
}

/// The verdict, as the API spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All on the device.
    Whole,
    /// Part of it in RAM.
    Offloaded,
    /// Does not run.
    TooBig,
}

impl Verdict {
    /// The API's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Whole => "whole",
            Verdict::Offloaded => "offloaded",
            Verdict::TooBig => "too_big",
        }
    }
}

/// Memory by part, GiB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FootprintGib {
    /// Weights.
    pub weights: f64,
    /// Key-value cache and recurrent state, all streams.
    pub kv_cache: f64,
    /// Scratch memory of one pass.
    pub compute_buffer: f64,
    /// The runtime itself.
    pub runtime: f64,
    /// All of the above.
    pub total: f64,
    /// What of it lies in RAM.
    pub host: f64,
    /// Memory that a model may use on the devices.
    pub usable: f64,
}

/// Where measurements come from that a figure rests on, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This very device.
    Device,
    /// Devices of its generation.
    Generation,
    /// Devices of its class.
    Class,
    /// Nothing was measured: a value from the maker's figures alone.
    Uncalibrated,
}

impl Scope {
    /// The API's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Device => "device",
            Scope::Generation => "generation",
            Scope::Class => "class",
            Scope::Uncalibrated => "uncalibrated",
        }
    }
}

/// What one figure rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// Measurements that it was fitted to.
    pub rows: u32,
    /// Of what.
    pub scope: Scope,
}

/// What each figure rests on; the last three only where the setup has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EvidenceByFigure {
    /// Decode speed of one stream.
    pub decode: Evidence,
    /// Prefill speed, and so the time to the first token.
    pub prefill: Evidence,
    /// The runtime's factor against llama.cpp.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runtime: Option<Evidence>,
    /// Several streams.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub streams: Option<Evidence>,
    /// Part in RAM.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offload: Option<Evidence>,
}

/// What lies in RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SpillAnswer {
    /// Whole layers.
    Layers {
        /// Layers on the devices.
        on_device: u32,
        /// Layers in RAM.
        on_host: u32,
    },
    /// The routed experts of some layers.
    Experts {
        /// Layers whose experts are in RAM.
        on_host: u32,
        /// Layers that have experts.
        of: u32,
    },
}

/// The same question asked the other way round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Inverse {
    /// The longest context with which it lies whole on the devices, up to the model's own.
    pub longest_context: Option<u32>,
    /// The most streams with which it does, up to 256.
    pub most_streams: Option<u32>,
    /// The best quantisation that lies whole on the devices (an id).
    pub best_quant: Option<String>,
    /// Bandwidth in GB/s that each device would need for `target_tps`.
    pub bandwidth_needed_gb_s: Option<f64>,
    /// Why there is none, where no bandwidth is enough.
    #[serde(default)]
    pub no_bandwidth: Option<String>,
    /// The decode speed that the two lines above are about, tokens a second.
    pub target_tps: f64,
}

/// The smallest change that would make it run, where it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Remedy {
    /// A smaller cache type at the same context.
    CacheType {
        /// For keys and values.
        kv: String,
    },
    /// A smaller quantisation.
    Quant {
        /// Its id.
        quant: String,
    },
    /// A shorter context.
    Context {
        /// Tokens.
        context: u32,
    },
    /// More memory on the device, or in the machine.
    Memory {
        /// GiB in all.
        memory_gib: f64,
    },
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// What was asked, as it was understood.
    pub setup: Asked,
    /// Tokens a second while answering, each stream; absent when it does not run.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<documented::Range>))]
    pub decode_tps: Option<Range>,
    /// Tokens a second while answering, all streams together.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<documented::Range>))]
    pub aggregate_tps: Option<Range>,
    /// Prompt tokens a second.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<documented::Range>))]
    pub prefill_tps: Option<Range>,
    /// Milliseconds from the prompt to the first token.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<documented::Range>))]
    pub ttft_ms: Option<Range>,
    /// The verdict.
    pub placement: Verdict,
    /// What lies in RAM, where something does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spill: Option<SpillAnswer>,
    /// Memory by part, GiB.
    pub footprint_gib: FootprintGib,
    /// What a decode step's time mostly goes to.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<documented::Bound>))]
    pub bound_by: Option<Bound>,
    /// What to type to run it so, one argument each.
    pub flags: Vec<String>,
    /// The same question the other way round.
    pub inverse: Inverse,
    /// The smallest change that would make it run, where it does not run whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<Remedy>,
    /// What each figure rests on.
    pub evidence: EvidenceByFigure,
    /// What to know before relying on the answer, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// Facts about device or model that were recalled rather than read, in words.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unverified: Vec<String>,
}

/// The estimator's own types as the API's description names them: the estimator knows nothing of descriptions.
#[cfg(feature = "openapi")]
#[expect(dead_code, reason = "only described, never made")]
mod documented {
    /// A figure with its range: nine of ten measurements are expected between `low` and `high`.
    #[derive(utoipa::ToSchema)]
    pub struct Range {
        /// The low end.
        low: f64,
        /// The middle.
        mid: f64,
        /// The high end.
        high: f64,
    }

    /// What a decode step's time mostly goes to.
    #[derive(utoipa::ToSchema, serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Bound {
        /// Reading weights.
        Bandwidth,
        /// Reading the cache.
        KvCache,
        /// Fixed costs.
        Overhead,
        /// Arithmetic.
        Compute,
        /// Reading RAM.
        HostRam,
        /// Exchange between devices.
        Link,
    }
}
