//! One device, and what runs on it.

use data::Engine;

use super::{class_name, home, sources};
use crate::query::Query;
use crate::view::{DeviceNote, DeviceView};

/// A device's view by its id; `None` where no device has it.
#[must_use]
pub fn device(engine: &Engine<'_>, id: &str, query: &Query) -> Option<DeviceView> {
    let row = engine.catalog.devices().iter().find(|row| row.id == id)?;
    let models = home(engine, &query.with("hardware", id));
    Some(DeviceView {
        device: DeviceNote {
            id: row.id.clone(),
            name: row.name.clone(),
            class: class_name(row).to_owned(),
            memory_gib: row.usual_memory_gib().unwrap_or_default(),
            bandwidth_gb_s: row.bandwidth_gb_s,
        },
        memory_sizes_gib: row.memory_gib.clone(),
        memory_kind: row.memory_kind.clone(),
        compute_f16_tflops: row.compute_f16_tflops,
        power_w: row.tdp_w,
        release_year: row.release_year,
        sources: sources(engine, &row.sources),
        unverified: row.unverified.clone(),
        models,
    })
}
