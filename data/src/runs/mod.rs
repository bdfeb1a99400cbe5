//! What was measured and published run by run: campaigns, the rigs they ran on, and those that are planned.
//!
//! The files are YAML (`data/runs/`, `data/rigs/`, `data/queued.yaml`); `build.rs` reads them, so no program carries a reader.

pub mod check;
mod row;
#[cfg(feature = "schema")]
pub mod schema;

use std::sync::OnceLock;

pub use row::{
    CampaignRow, FamilyRow, PointRow, QueuedRow, RigDeviceRow, RigRow, RunRow, RunRows, SetupRow,
    SpeculativeRow,
};

/// The files, as `build.rs` packed them.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/runs.packed"));

/// The suite whose workloads are the shapes of a run.
pub const SHAPES: &str = "shapes-v1";

impl RunRows {
    /// The campaigns that were built in. Unpacked on first use, then kept.
    #[must_use]
    pub fn embedded() -> &'static RunRows {
        static EMBEDDED: OnceLock<RunRows> = OnceLock::new();
        EMBEDDED.get_or_init(|| postcard::from_bytes(BYTES).expect("build.rs packed rows of this very shape"))
    }

    /// A rig by its id.
    #[must_use]
    pub fn rig(&self, id: &str) -> Option<&RigRow> {
        self.rigs.iter().find(|rig| rig.id == id)
    }
}

impl RigRow {
    /// One of its devices by its id in the catalogue.
    #[must_use]
    pub fn device(&self, hardware: &str) -> Option<&RigDeviceRow> {
        self.devices.iter().find(|device| device.hardware == hardware)
    }
}
