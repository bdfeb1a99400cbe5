//! One campaign of measurements, and the machines that it ran on: `data/runs/*.yaml`, `data/rigs/*.yaml`, `data/queued.yaml`.
//!
//! `build.rs` compiles this same module, so that the shape of a file is written once. Postcard carries it: no field may be
//! skipped on the way out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All campaigns, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRows {
    /// Machines, by file name.
    pub rigs: Vec<RigRow>,
    /// Campaigns, by file name.
    pub campaigns: Vec<CampaignRow>,
    /// Campaigns that are planned.
    pub queued: Vec<QueuedRow>,
}

/// A machine, described once and in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RigRow {
    /// Stable key: "quad-3090".
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is and how it is used, in a sentence or three.
    pub about: String,
    /// What runs can use of it: cards, or the chip with its memory.
    pub devices: Vec<RigDeviceRow>,
    /// Its processor, as the maker writes it.
    #[serde(default)]
    pub cpu: Option<String>,
    /// Motherboard.
    #[serde(default)]
    pub board: Option<String>,
    /// Main memory: size, kind, modules.
    #[serde(default)]
    pub memory: Option<String>,
    /// Disks.
    #[serde(default)]
    pub storage: Option<String>,
    /// Case.
    #[serde(default)]
    pub chassis: Option<String>,
    /// Power supplies.
    #[serde(default)]
    pub psu: Option<String>,
    /// How cards are connected, where not straight in a slot.
    #[serde(default)]
    pub risers: Vec<String>,
    /// How a card gets to the runtime, where a container or a virtual machine lies between.
    #[serde(default)]
    pub passthrough: Option<String>,
    /// Operating system.
    #[serde(default)]
    pub os: Option<String>,
    /// Version of the graphics driver.
    #[serde(default)]
    pub driver: Option<String>,
    /// Where all this was read: `source` or `source:place`.
    pub source: String,
}

/// A device of a rig, and how many of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RigDeviceRow {
    /// Its id in the catalogue; of a processor that the catalogue does not name, a name of its own.
    pub hardware: String,
    /// Memory bandwidth as the probe measured it, for a processor that the catalogue does not name, in GB/s.
    #[serde(default)]
    pub bandwidth_gb_s: Option<f64>,
    /// Memory beside it, in GiB.
    #[serde(default)]
    pub memory_gib: Option<f64>,
    /// What tables call it: "GeForce RTX 3090 · 24 GiB".
    pub shown: String,
    /// How many are in the machine.
    #[serde(default = "one")]
    pub count: u32,
    /// The very product: maker of the card, part number.
    #[serde(default)]
    pub product: Option<String>,
    /// Power limit that is set, watts.
    #[serde(default)]
    pub power_limit_w: Option<u32>,
    /// The product's own limit as sold, watts; of the maker's reference it is in the catalogue.
    #[serde(default)]
    pub stock_power_w: Option<u32>,
}

/// One campaign: measurements made and published together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CampaignRow {
    /// Stable key, which is the file's name: "published-table".
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What readers must know of it.
    pub about: String,
    /// Where it was published: `source` or `source:place`.
    pub source: String,
    /// Day of the measurements, `2026-11-22`; a run may have its own. None where it was not published.
    #[serde(default)]
    pub measured_on: Option<String>,
    /// Whether the constants were fitted to these figures: then our error on them is no test.
    pub fitted: bool,
    /// What runs ran on, by a name of this file.
    pub setups: BTreeMap<String, SetupRow>,
    /// The runs, by family of model.
    pub families: Vec<FamilyRow>,
}

/// A rig's device, what ran on it, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetupRow {
    /// The rig's id.
    pub rig: String,
    /// Which of its devices, by its id in the catalogue.
    pub hardware: String,
    /// How many of it work together. More than one is tagged, and is a cell of its own.
    #[serde(default = "one")]
    pub devices: u32,
    /// How several share a model: `layers` or `tensor`.
    #[serde(default)]
    pub split: Option<String>,
    /// The runtime as people write it: "llama.cpp", "vLLM".
    pub runtime: String,
    /// Its version or build.
    pub build: String,
    /// What drives the device: `cuda`, `rocm`, `vulkan`, `metal`, `sycl`, `cpu`.
    pub backend: String,
    /// Version of the graphics driver, where it is not the rig's.
    #[serde(default)]
    pub driver: Option<String>,
    /// Options that matter to speed, as they were typed.
    #[serde(default)]
    pub flags: Option<String>,
}

/// Runs of one family of models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FamilyRow {
    /// As its heading was published: "Gemma-4".
    pub name: String,
    /// Month of its release, `2026-04`.
    pub released: String,
    /// How many runs the publisher counts, where it does: setups times shapes.
    #[serde(default)]
    pub published_runs: Option<u32>,
    /// The runs; none where only the heading was published.
    #[serde(default)]
    pub runs: Vec<RunRow>,
}

/// One model on one setup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RunRow {
    /// Key within the campaign, for runs that others refer to.
    #[serde(default)]
    pub id: Option<String>,
    /// The model as published, without its family: "26B-A4B-it".
    pub variant: String,
    /// Its id in the catalogue; none where the catalogue has no row for it.
    #[serde(default)]
    pub model: Option<String>,
    /// Quantisation as published; "unknown" where the publisher says so.
    pub quant: String,
    /// Who made the quantised file: "unsloth", "bartowski".
    #[serde(default)]
    pub quant_creator: Option<String>,
    /// Which of the campaign's setups.
    pub on: String,
    /// Tokens guessed ahead, and by what. Tagged, and a cell of its own.
    #[serde(default)]
    pub speculative: Option<SpeculativeRow>,
    /// Day of the measurement, where it is not the campaign's.
    #[serde(default)]
    pub measured_on: Option<String>,
    /// What was measured.
    pub points: Vec<PointRow>,
    /// The run that replaced this one: `campaign/id`.
    #[serde(default)]
    pub superseded_by: Option<String>,
    /// A remark for readers.
    #[serde(default)]
    pub note: Option<String>,
}

/// How tokens are guessed ahead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SpeculativeRow {
    /// `mtp` (the model's own heads), `draft` (a smaller model) or `ngram` (the text itself).
    pub method: String,
    /// The smaller model, for `draft`.
    #[serde(default)]
    pub draft: Option<String>,
    /// Tokens guessed at a time.
    #[serde(default)]
    pub tokens: Option<u32>,
}

/// One measured figure with what belongs to it. Speeds are tokens a second of one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PointRow {
    /// Shape of the workload, by its name in the suite `shapes-v1`; none for a range over all four.
    #[serde(default)]
    pub shape: Option<String>,
    /// Requests side by side.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub concurrency: u32,
    /// Generated tokens a second of each stream: one figure, or lowest and highest.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2)))]
    pub gen_tps: Vec<f64>,
    /// The same of all streams together.
    #[serde(default)]
    pub aggregate_tps: Option<f64>,
    /// Prompt tokens read a second.
    #[serde(default)]
    pub prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    #[serde(default)]
    pub ttft_ms: Option<f64>,
    /// Tokens of hidden reasoning a second, where they were told apart.
    #[serde(default)]
    pub reasoning_tps: Option<f64>,
    /// Tokens of the visible answer a second, where they were told apart.
    #[serde(default)]
    pub answer_tps: Option<f64>,
}

/// A campaign that is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QueuedRow {
    /// Stable key.
    pub id: String,
    /// What is to be measured, in a few words.
    pub name: String,
    /// What it takes, and what holds it up.
    pub about: String,
    /// Where it was announced: `source` or `source:place`.
    pub source: String,
}

fn one() -> u32 {
    1
}

impl PointRow {
    /// Lowest and highest generated tokens a second; the same twice for one figure.
    #[must_use]
    pub fn range_tps(&self) -> (f64, f64) {
        let low = self.gen_tps.first().copied().unwrap_or_default();
        (low, self.gen_tps.last().copied().unwrap_or(low))
    }
}

impl CampaignRow {
    /// Every run with its family.
    pub fn runs(&self) -> impl Iterator<Item = (&FamilyRow, &RunRow)> {
        self.families.iter().flat_map(|family| family.runs.iter().map(move |run| (family, run)))
    }
}
