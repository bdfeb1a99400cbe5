//! One row of each kind: what a fact looks like, in the files under `data/` and in memory.
//!
//! `build.rs` compiles this same module, so that the shape of a row is written once.
//! Postcard carries rows to the browser: no field may be skipped on the way out.

mod hardware;
mod model;
mod quant;
mod rules;
pub(crate) mod sorted;
mod source;
mod suite;

pub use hardware::{DeviceClass, HardwareRow, Link, MadeFor, Processor};
pub use model::{Capability, GgufForm, LayerGroup, Mixer, ModelRow, OddRows};
pub use quant::{FallbackBits, MatrixFormat, QuantGroup, QuantLoss, QuantRow, Runtime};
pub use rules::{Defaults, RuleRows, RuntimeRow, StandInRow, UseRow};
use serde::{Deserialize, Serialize};
pub use source::SourceRow;
pub use suite::{SuiteRow, WorkloadRow};

/// All rows, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// Cited works.
    pub sources: Vec<SourceRow>,
    /// Devices, by file and then in file order.
    pub devices: Vec<HardwareRow>,
    /// Models, by file and then in file order.
    pub models: Vec<ModelRow>,
    /// Quantisations, best quality first within a group.
    pub quants: Vec<QuantRow>,
    /// Benchmark suites. They are packed behind all else: no browser runs one.
    #[serde(skip)]
    pub suites: Vec<SuiteRow>,
}
