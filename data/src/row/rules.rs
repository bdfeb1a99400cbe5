//! `data/rules.toml`: what systems and runtimes keep for themselves, and what we assume where nobody says.

use estimator::{BufferRules, MemoryRules, Offload};
use litemap::LiteMap;
use serde::{Deserialize, Serialize};

/// What we assume where nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Tokens in the cache while decoding.
    pub context_tokens: u32,
    /// Requests at once.
    pub streams: u32,
    /// RAM of a desktop, GiB.
    pub host_ram_gib: f64,
    /// RAM of a phone or tablet where nobody says, GiB.
    pub mobile_ram_gib: f64,
    /// Its bandwidth, GB/s.
    pub host_bandwidth_gb_s: f64,
    /// Link of a card whose row has none, GB/s.
    pub host_link_gb_s: f64,
    /// Share of memory that a unified NVIDIA machine, which has no carve-out, gives to its GPU.
    pub unified_nvidia_share: f64,
    /// The least speed at which a quantisation is offered first, tokens a second.
    pub minimum_tps: f64,
    /// The most streams that the inverse question looks at.
    pub most_streams: u32,
}

/// What a quantisation that a runtime does not load is replaced by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandInRow {
    /// So many points of quality count as much as a file e times as large.
    pub quality_points: f64,
    /// Quantisations that files are seldom published in, ids with blanks between: these never stand in.
    pub seldom: String,
}

/// How a runtime holds and feeds a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeRow {
    /// Backends that it has, with blanks between. Lists of words are texts here and below: a browser then needs no code
    /// of its own to unpack them.
    pub backends: String,
    /// Generations and classes of devices that it does not run on all the same.
    #[serde(default)]
    pub without: String,
    /// Types that it keeps its cache in.
    pub cache: String,
    /// Whether keys and values are of one type.
    pub one_cache_type: bool,
    /// Whether logits are kept for a whole micro-batch.
    pub logits_for_all: bool,
    /// Cache slots come in multiples of this.
    pub pad_tokens: f64,
    /// Whether sliding windows cap their layers' cache.
    pub windows_capped: bool,
    /// Tokens in one pass of prefill.
    pub micro_batch: u32,
    /// Whether the embedding table stays in RAM beside a card.
    pub embedding_on_host: bool,
    /// Whether several devices of one kind share every matrix unless asked otherwise; else each has whole layers.
    #[serde(default)]
    pub tensor_split: bool,
    /// What of a model that a card has no room for can be left in RAM.
    pub offload: Offload,
    /// What it takes on a card, GiB.
    pub reserve_card_gib: f64,
    /// What it takes in RAM, GiB.
    pub reserve_ram_gib: f64,
    /// What it leaves unused of a device's memory, as a share.
    pub reserve_share: f64,
}

/// The job that a use stands for, where its parts are not given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseRow {
    /// Tokens in the cache while decoding.
    pub context_tokens: u32,
    /// Tokens in the prompt.
    pub prompt_tokens: u32,
    /// Leading tokens of it that are cached.
    pub cached_tokens: u32,
    /// Requests at once.
    pub streams: u32,
}

/// All rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRows {
    /// What we assume where nobody says.
    pub defaults: Defaults,
    /// What systems keep.
    pub memory: MemoryRules,
    /// Which backends drive a device, each line `maker class generations: backends`, `any` for any maker; no generations
    /// are all of them. The first that fits a device counts.
    pub driven: Vec<String>,
    /// What stands in for a quantisation that a runtime does not load.
    pub stand_in: StandInRow,
    /// By runtime's name.
    #[serde(deserialize_with = "super::sorted::map")]
    pub runtimes: LiteMap<String, RuntimeRow>,
    /// The compute buffer.
    pub buffer: BufferRules,
    /// By use's name.
    #[serde(deserialize_with = "super::sorted::map")]
    pub uses: LiteMap<String, UseRow>,
}
