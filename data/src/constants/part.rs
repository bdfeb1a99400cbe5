//! The shape of `data/constants.toml`, in the file and in memory. `build.rs` compiles this module too.

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Decode of one stream.
    Decode,
    /// Prefill.
    Prefill,
    /// Decode of several streams.
    Streams,
    /// Decode with a part in RAM.
    Offload,
    /// Decode on several devices.
    Exchange,
}

/// Devices that share terms: their overheads and efficiencies are alike enough to help each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Apple silicon's GPUs.
    Apple,
    /// NVIDIA cards.
    Nvidia,
    /// AMD cards.
    Amd,
    /// Intel cards.
    Intel,
    /// GPUs on the system's memory.
    Unified,
    /// Processors.
    Cpu,
    /// Phones.
    Mobile,
    /// All of the above together: for what was measured nowhere near.
    Any,
}

impl Group {
    /// All of them.
    pub const ALL: [Group; 8] = [
        Group::Apple,
        Group::Nvidia,
        Group::Amd,
        Group::Intel,
        Group::Unified,
        Group::Cpu,
        Group::Mobile,
        Group::Any,
    ];

    /// One word for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Group::Apple => "apple",
            Group::Nvidia => "nvidia",
            Group::Amd => "amd",
            Group::Intel => "intel",
            Group::Unified => "unified",
            Group::Cpu => "cpu",
            Group::Mobile => "mobile",
            Group::Any => "any",
        }
    }
}

/// A part of the time, by what its constant is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Seconds of reading weights at peak bandwidth, routed experts among them. The constant is one over the
    /// efficiency.
    Weights,
    /// Seconds of reading routed experts at peak bandwidth, on top of [`Term::Weights`].
    Experts,
    /// Seconds of reading the cache at peak bandwidth. The constant is one over the efficiency.
    Cache,
    /// The same on top, where attention is not fused.
    UnfusedCache,
    /// Milliseconds a step.
    Step,
    /// Milliseconds a layer, in each step or micro-batch.
    Layer,
    /// Further milliseconds a layer with routed experts.
    ExpertLayer,
    /// Further milliseconds a recurrent layer.
    RecurrentLayer,
    /// Further milliseconds a layer with latent attention.
    LatentLayer,
    /// Seconds of one token's arithmetic at the reference rate, where it does not hide behind the reading: on processors.
    /// The constant is one over the efficiency.
    Arithmetic,
    /// Seconds of arithmetic at the reference rate. The constant is one over the efficiency.
    Compute,
    /// Seconds of attention's arithmetic at the reference rate. The constant is one over the efficiency.
    Attention,
    /// The same on top, where attention is not fused.
    UnfusedAttention,
    /// Seconds that 100 tokens take at the reference rate, for each micro-batch: idle units.
    Saturation,
    /// Seconds that a token takes in every visited expert at the reference rate, for each micro-batch.
    ExpertSaturation,
    /// Milliseconds a further stream.
    Stream,
    /// Seconds of reading from RAM at its peak bandwidth, beyond what a processor takes that has all the work.
    Host,
    /// Milliseconds each time a step goes to the host and comes back, or from device to device.
    Crossing,
    /// Seconds of sending over the link at its peak. The constant is one over the efficiency.
    Link,
    /// Milliseconds each time devices that share every matrix add up what each worked out.
    AllReduce,
    /// Of prefill, the exponent of the power limit's share of stock; of decode, the share of stock power that a device draws
    /// while it reads. No part of the time, but fitted beside it.
    Power,
}

/// What an effect's levels are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The group of devices, in a fit of all together.
    Group,
    /// Who makes the device; of processors, the kind of instructions.
    Vendor,
    /// The same and the quantisation's family.
    VendorFamily,
    /// Stacked memory, or not.
    Memory,
    /// Apple's tier: base, pro, max, ultra.
    Tier,
    /// The device's generation.
    Generation,
    /// The device, with its core counts and memory sizes together.
    Device,
    /// The back end.
    Backend,
    /// Generation and back end.
    GenerationBackend,
    /// The runtime.
    Runtime,
    /// Runtime and back end.
    RuntimeBackend,
    /// Runtime and generation.
    RuntimeGeneration,
    /// The quantisation's family.
    Family,
    /// Generation and family.
    GenerationFamily,
    /// Back end and family.
    BackendFamily,
    /// Runtime and family.
    RuntimeFamily,
    /// When it was measured.
    Era,
    /// Back end and half year, with matrix library or driver where a source states one: some change fast.
    BackendPeriod,
    /// Where the figure comes from: a benchmark tool, or people's own runs.
    Origin,
    /// The operating system, where a source tells.
    System,
    /// Dense, or routed experts.
    Routing,
}

/// One level of an effect: its value, how uncertain that is (both in natural logs), rows behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level(pub f32, pub f32, pub u32);

/// An effect with its levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// What tells the levels apart.
    pub factor: Factor,
    /// The one part of the time that it changes; the whole of it where there is none.
    #[serde(default)]
    pub term: Option<Term>,
    /// How far levels lie from zero: their standard deviation, in natural logs. It is what a level without data has.
    pub sd: f64,
    /// By name; two facts are joined by `|`.
    #[serde(deserialize_with = "crate::row::sorted::map")]
    pub levels: LiteMap<String, Level>,
}

/// The fit of one figure on one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What was fitted.
    pub figure: Figure,
    /// On which devices.
    pub group: Group,
    /// Measurements behind it.
    pub rows: u32,
    /// Devices behind it.
    pub devices: u32,
    /// Noise of one measurement, in natural logs.
    pub noise_sd: f64,
    /// How many standard deviations below the middle 90 % intervals end, from held-out rows.
    pub low: f64,
    /// How many above.
    pub high: f64,
    /// The same two numbers for groups without a fit of their own that this one serves.
    #[serde(default, deserialize_with = "crate::row::sorted::map")]
    pub ends: LiteMap<Group, [f64; 2]>,
    /// Constants of the terms.
    #[serde(deserialize_with = "crate::row::sorted::map")]
    pub terms: LiteMap<Term, f64>,
    /// Picojoules that an operation takes: a card computes no faster than its power allows. 0 where nothing tells.
    #[serde(default)]
    pub picojoules: f64,
    /// Operations for each byte of bandwidth, by generation: for devices whose compute is not known; `*` for any other.
    #[serde(default, deserialize_with = "crate::row::sorted::map")]
    pub flop_per_byte: LiteMap<String, f64>,
    /// The effects.
    #[serde(default)]
    pub effects: Vec<Effect>,
}

/// Where the constants come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Day of the newest measurement that was used.
    pub date: String,
    /// Measurements read.
    pub rows_read: u32,
    /// Measurements used.
    pub rows_used: u32,
    /// Digest of the measurements that were read.
    pub input: String,
    /// Held-out scores by figure and class.
    #[serde(default)]
    pub scores: Vec<Score>,
}

/// How well a class is predicted when the device is left out of the fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// What was predicted.
    pub name: String,
    /// Rows.
    pub rows: u32,
    /// Devices.
    pub devices: u32,
    /// Median absolute error, as a share of the measured speed.
    pub median: f64,
    /// 90th percentile of it.
    pub p90: f64,
    /// R² of log speed.
    pub r2: f64,
    /// Mean over devices of their medians.
    pub macro_median: f64,
    /// Share of rows inside the 90 % interval.
    pub coverage: f64,
    /// Median of the interval's high end over its low end.
    pub width: f64,
}

/// All fitted constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Where they come from.
    pub provenance: Provenance,
    /// The fits.
    pub parts: Vec<Part>,
}
