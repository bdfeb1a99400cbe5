//! Tables of what is known: models, devices, quantisations, and the machines and plans of campaigns.

use data::row::{Capability, ModelRow, Runtime};
use data::runs::{RigDeviceRow, RigRow, RunRows};
use page::gather;
use serde_json::json;

use crate::table::Table;

/// Every model.
pub(super) fn models(catalog: &data::Catalog) -> Table {
    Table::of(
        catalog.models(),
        &[
            ("id", |row| json!(row.id)),
            ("name", |row| json!(row.name)),
            ("family", |row| json!(row.family)),
            ("hf_repo", |row| json!(row.hf_repo)),
            ("params_b", |row| json!(row.params_b)),
            ("active_params_b", |row| json!(row.active_params_b)),
            ("layers", |row| json!(row.layer_count())),
            ("native_context_tokens", |row| json!(row.native_context_tokens)),
            ("license", |row| json!(row.license)),
            ("released", |row| json!(row.released)),
            ("capability", |row| json!(row.capability.score())),
            ("arena_elo", |row| json!(elo(row))),
            ("capability_basis", |row| json!(ground(row).0)),
            ("capability_source", |row| json!(ground(row).1)),
            ("sources", |row| json!(row.sources.join(" "))),
        ],
    )
}

/// Every device.
pub(super) fn hardware(catalog: &data::Catalog) -> Table {
    Table::of(
        catalog.devices(),
        &[
            ("id", |row| json!(row.id)),
            ("name", |row| json!(row.name)),
            ("vendor", |row| json!(row.vendor)),
            ("class", |row| json!(gather::class_name(row))),
            ("generation", |row| json!(row.generation)),
            ("memory_gib", |row| json!(words(&row.memory_gib))),
            ("bandwidth_gb_s", |row| json!(row.bandwidth_gb_s)),
            ("compute_f16_tflops", |row| json!(row.compute_f16_tflops)),
            ("tdp_w", |row| json!(row.tdp_w)),
            ("release_year", |row| json!(row.release_year)),
            ("sources", |row| json!(row.sources.join(" "))),
        ],
    )
}

/// Every quantisation, the best first.
pub(super) fn quants(catalog: &data::Catalog) -> Table {
    Table::of(
        catalog.quants_by_quality(),
        &[
            ("id", |row| json!(row.id)),
            ("name", |row| json!(row.name)),
            ("bits_per_weight", |row| json!(row.bits_per_weight)),
            ("quality", |row| json!(row.quality)),
            ("loss", |row| json!(row.loss.word())),
            ("runtimes", |row| json!(words(row.runtimes.iter().copied().map(Runtime::name)))),
            ("sources", |row| json!(row.sources.join(" "))),
        ],
    )
}

/// Every device of every machine that campaigns ran on.
pub(super) fn rigs(runs: &RunRows) -> Table {
    let devices = runs.rigs.iter().flat_map(|rig| rig.devices.iter().map(move |device| (rig, device)));
    Table::of(
        devices,
        &[
            ("rig", |(rig, _): &(&RigRow, &RigDeviceRow)| json!(rig.id)),
            ("name", |(rig, _)| json!(rig.name)),
            ("device", |(_, device)| json!(device.hardware)),
            ("count", |(_, device)| json!(device.count)),
            ("product", |(_, device)| json!(device.product)),
            ("power_limit_w", |(_, device)| json!(device.power_limit_w)),
            ("stock_power_w", |(_, device)| json!(device.stock_power_w)),
            ("cpu", |(rig, _)| json!(rig.cpu)),
            ("board", |(rig, _)| json!(rig.board)),
            ("memory", |(rig, _)| json!(rig.memory)),
            ("storage", |(rig, _)| json!(rig.storage)),
            ("chassis", |(rig, _)| json!(rig.chassis)),
            ("psu", |(rig, _)| json!(rig.psu)),
            ("risers", |(rig, _)| json!(rig.risers.join(", "))),
            ("passthrough", |(rig, _)| json!(rig.passthrough)),
            ("os", |(rig, _)| json!(rig.os)),
            ("driver", |(rig, _)| json!(rig.driver)),
            ("source", |(rig, _)| json!(rig.source)),
        ],
    )
}

/// Campaigns that are planned.
pub(super) fn queued(runs: &RunRows) -> Table {
    Table::of(
        &runs.queued,
        &[
            ("id", |plan| json!(plan.id)),
            ("name", |plan| json!(plan.name)),
            ("about", |plan| json!(plan.about)),
            ("source", |plan| json!(plan.source)),
        ],
    )
}

/// What a score rests on, and where that was read.
fn ground(row: &ModelRow) -> (&str, &str) {
    match &row.capability {
        Capability::Arena { source, .. } => ("", source),
        Capability::Editorial { basis, source, .. } => (basis, source),
    }
}

/// Points of a model in the arena; none where its score is by rule.
fn elo(row: &ModelRow) -> Option<u16> {
    match row.capability {
        Capability::Arena { elo, .. } => Some(elo),
        Capability::Editorial { .. } => None,
    }
}

/// Several values in one cell.
fn words<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}
