//! The table of runs: what was measured, row by row, each with our estimate beside it, ready to be filtered, sorted and cut
//! into pages.
//!
//! [`Table`] is plain data that the server makes once ([`make`]) and browsers may load; [`select`] does the rest in both.

#[cfg(feature = "runs")]
mod estimate;
#[cfg(feature = "runs")]
pub mod make;
pub mod select;
#[cfg(all(test, feature = "runs"))]
mod tests;
pub mod trend;
pub mod wish;

use alloc::string::String;
use alloc::vec::Vec;

use estimator::Range;
use serde::{Deserialize, Serialize};

use crate::fnv::{FNV, fnv1a};

pub use select::{Picked, ReportCard, Selection};
pub use wish::{Sort, Wish};

/// What the shape of a table hashed to when this was built, ahead of its bytes: a page that was loaded before the server was
/// replaced must not misread the new one's.
static SHAPE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/table.shape"));

/// All rows that stand, those that were superseded among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Families of models, newest first: the order of groups.
    pub families: Vec<Family>,
    /// The rows, by family.
    pub rows: Vec<Row>,
    /// Workloads that figures may be of: the four shapes, then those of the suite.
    pub workloads: Vec<WorkloadNote>,
    /// What was measured more than once: keys of trends with the number of their rows.
    pub trends: Vec<(String, u32)>,
    /// Standard deviation of the logarithm of a speed between reports of one setup: a change within it is noise.
    pub noise: f64,
}

/// A heading of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// "Gemma-4".
    pub name: String,
    /// Month of release, `2026-04`; empty where not known.
    pub released: String,
    /// Runs that publishers count under it, where they do.
    pub published_runs: Option<u32>,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadNote {
    /// What filters call it: `short`.
    pub name: String,
    /// What it is, in a sentence.
    pub about: String,
    /// Whether it is one of the four shapes.
    pub shape: bool,
}

/// Who measured a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A campaign under `data/runs`.
    Curated,
    /// A submission: a signed run.
    Signed,
    /// A submission: pasted lines.
    Pasted,
}

impl Origin {
    /// As the API spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Curated => "curated",
            Origin::Signed => "signed",
            Origin::Pasted => "pasted",
        }
    }
}

/// Why a row has no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unestimated {
    /// The quantisation was not told.
    QuantUnknown,
    /// The catalogue has no row for the model.
    ModelUnknown,
    /// The catalogue has no row for the device, or cannot build this machine of it.
    DeviceUnknown,
    /// The runtime loads no such file, as far as we know.
    NotLoaded,
    /// It does not fit, as far as we know.
    TooBig,
    /// Tokens are guessed ahead, which the estimator does not model.
    Speculative,
}

impl Unestimated {
    /// As the API spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unestimated::QuantUnknown => "quant_unknown",
            Unestimated::ModelUnknown => "model_unknown",
            Unestimated::DeviceUnknown => "device_unknown",
            Unestimated::NotLoaded => "not_loaded",
            Unestimated::TooBig => "too_big",
            Unestimated::Speculative => "speculative",
        }
    }
}

/// One model on one setup at one concurrency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Index of its family.
    pub family: u32,
    /// The model as published, without its family.
    pub variant: String,
    /// Its id in the catalogue; empty where it has none.
    pub model: String,
    /// Quantisation as published.
    pub quant: String,
    /// Its id in the catalogue; empty where it has none.
    pub quant_id: String,
    /// Who made the quantised file; empty where not told.
    pub quant_creator: String,
    /// The device as published.
    pub hardware: String,
    /// Its id in the catalogue; empty where it has none.
    pub device: String,
    /// The rig's id; empty for a submission.
    pub rig: String,
    /// How many of it worked together.
    pub devices: u32,
    /// How they shared the model; empty for one.
    pub split: String,
    /// Power limit, watts, where one was set and is known in watts.
    pub power_limit_w: Option<u32>,
    /// Power limit as a share of stock; 1 without one.
    pub power_share: f64,
    /// The runtime as published: "llama.cpp".
    pub runtime: String,
    /// Its version or build.
    pub build: String,
    /// What drove the device: "cuda".
    pub backend: String,
    /// Requests side by side.
    pub concurrency: u32,
    /// How tokens were guessed ahead, in words; empty where none were.
    pub speculative: String,
    /// What was measured, a workload each.
    pub figures: Vec<Figure>,
    /// Why there is no estimate, where there is none.
    pub unestimated: Option<Unestimated>,
    /// Who measured it.
    pub origin: Origin,
    /// The campaign's id, or the result's.
    pub source: String,
    /// Whether the constants were fitted to it.
    pub fitted: bool,
    /// Day of the measurement; empty where not told.
    pub measured_on: String,
    /// Whether a later run replaced it: it then stands in trends alone.
    pub superseded: bool,
    /// A remark.
    pub note: String,
}

/// One figure of a row; speeds in tokens a second of one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Name of its workload; empty for a range over all shapes.
    pub workload: String,
    /// Lowest generated.
    pub low_tps: f64,
    /// Highest generated; equal for a single figure.
    pub high_tps: f64,
    /// Our estimate of it.
    pub estimate: Option<Range>,
    /// Of hidden reasoning, where told apart.
    pub reasoning_tps: Option<f64>,
    /// Of the visible answer, where told apart.
    pub answer_tps: Option<f64>,
}

impl Row {
    /// What tells this row from every other, as addresses carry it: 16 hexadecimal digits, the same as long as nothing of
    /// what was measured is renamed.
    #[must_use]
    pub fn key(&self) -> String {
        alloc::format!("{:016x}", self.hash())
    }

    /// The number that [`key`](Row::key) spells.
    fn hash(&self) -> u64 {
        let counts = [self.devices, self.concurrency, self.power_limit_w.unwrap_or_default()];
        let texts = [
            &self.source,
            &self.variant,
            &self.model,
            &self.quant,
            &self.quant_creator,
            &self.hardware,
            &self.device,
            &self.runtime,
            &self.build,
            &self.backend,
            &self.split,
            &self.speculative,
            &self.measured_on,
        ];
        // A zero ends each text, so that none can borrow from the next.
        let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0]));
        let bytes = bytes.chain(counts.into_iter().flat_map(u32::to_le_bytes));
        fnv1a(FNV, bytes)
    }

    /// The runtime as tables show it: "llama.cpp b9174 (cuda)".
    #[must_use]
    pub fn backend_words(&self) -> String {
        let mut words = self.runtime.clone();
        if !self.build.is_empty() {
            words.push(' ');
            words.push_str(&self.build);
        }
        if !self.backend.is_empty() {
            words.push_str(" (");
            words.push_str(&self.backend);
            words.push(')');
        }
        words
    }
}

impl Table {
    /// The family of a row.
    #[must_use]
    pub fn family(&self, row: &Row) -> Option<&Family> {
        self.families.get(row.family as usize)
    }
}

/// A table as it travels to a browser; none where there is no memory for it.
#[must_use]
pub fn to_bytes(table: &Table) -> Option<Vec<u8>> {
    postcard::to_extend(table, SHAPE.to_vec()).ok()
}

/// A table that travelled; none where it was cut off or made by another version.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Option<Table> {
    let table: Table = postcard::from_bytes(bytes.strip_prefix(SHAPE)?).ok()?;
    // Rows are counted by their families.
    table.rows.iter().all(|row| table.family(row).is_some()).then_some(table)
}

/// A range that holds both: for a row over several workloads.
#[must_use]
pub fn around(ranges: impl Iterator<Item = Range>) -> Option<Range> {
    let (mut low, mut high, mut logs, mut count) = (f64::INFINITY, 0.0_f64, 0.0, 0_u32);
    for range in ranges {
        low = low.min(range.low);
        high = high.max(range.high);
        logs += libm::log(range.mid);
        count += 1;
    }
    (count > 0).then(|| Range { low, mid: libm::exp(logs / f64::from(count)), high })
}
