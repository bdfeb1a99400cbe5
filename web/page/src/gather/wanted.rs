//! Which measurements would narrow our ranges most.
//!
//! A range is as wide as what it rests on is thin, and many devices rest on the same: those of a generation that was
//! never measured, those of a class. One measurement helps all of them. So each group of evidence is asked for the device
//! and model with the widest range, and groups are ranked by that width, in logarithms, times the devices in them.

use std::collections::{BTreeMap, HashSet};

use data::answer::{Evidence, Scope};
use data::asking::Asking;
use data::query::{Job, Rig};
use data::row::{HardwareRow, ModelRow, QuantRow};
use data::subject::{Matter, shape};
use data::table::Table;
use data::{Engine, engine};
use estimator::Placement;

use crate::benchmarks::WantedCell;

/// The quantisation that is asked for: the one that most people run.
const QUANT: &str = "q4_k_m";
/// How many are asked for.
const MOST: usize = 12;

/// The most wanted measurements; `table` says what there is already.
#[must_use]
pub fn wanted(engine: &Engine<'_>, table: &Table) -> Vec<WantedCell> {
    let Ok(quant) = engine.catalog.quant(QUANT) else { return Vec::new() };
    // Models that people measure: those of the table.
    let measured: HashSet<&str> = table.rows.iter().map(|row| row.model.as_str()).collect();
    let models: Vec<&ModelRow> =
        engine.catalog.models().iter().filter(|model| measured.contains(model.id.as_str())).collect();
    let have: HashSet<(&str, &str)> =
        table.rows.iter().map(|row| (row.device.as_str(), row.model.as_str())).collect();
    let mut groups: BTreeMap<String, (usize, Option<WantedCell>)> = BTreeMap::new();
    for device in engine.catalog.devices() {
        let rig = Rig::of_row(device, engine.rules);
        let job = Job::usual(&rig, engine.rules);
        let mut asking = Asking::new(engine, &rig, &job);
        let mut counted = HashSet::new();
        for model in &models {
            let brief = asking.brief(&Matter::of(model, shape(model), quant, job.runtime));
            let whole = brief.estimate.placement == Placement::Whole;
            let Some(speeds) = brief.estimate.speeds.filter(|_| whole) else { continue };
            let group = groups.entry(evidence_of(device, brief.evidence.decode)).or_default();
            // A device is one page, however many models run on it.
            if counted.insert(brief.evidence.decode.scope) {
                group.0 += 1;
            }
            if have.contains(&(device.id.as_str(), model.id.as_str())) {
                continue;
            }
            let width = (speeds.decode_tps.high / speeds.decode_tps.low).ln();
            if width.is_finite() && group.1.as_ref().is_none_or(|best| width > best.gain) {
                let mut cell = cell(device, model, quant, &brief, speeds.decode_tps);
                cell.gain = width;
                group.1 = Some(cell);
            }
        }
    }
    let mut wanted: Vec<WantedCell> = groups
        .into_values()
        .filter_map(|(pages, cell)| {
            let cell = cell?;
            Some(WantedCell { pages, gain: cell.gain * pages as f64, ..cell })
        })
        .collect();
    wanted.sort_by(|a, b| b.gain.total_cmp(&a.gain).then_with(|| a.device.cmp(&b.device)));
    wanted.truncate(MOST);
    wanted
}

/// The group of evidence that a device rests on: itself, its generation, or its class.
fn evidence_of(device: &HardwareRow, evidence: Evidence) -> String {
    let class = super::class_name(device);
    match evidence.scope {
        Scope::Device => format!("device {}", device.id),
        Scope::Generation => {
            format!("generation {} {}", device.vendor, device.generation.as_deref().unwrap_or(""))
        }
        Scope::Class => format!("class {} {class}", device.vendor),
        Scope::Uncalibrated => format!("nothing {class}"),
    }
}

fn cell(
    device: &HardwareRow,
    model: &ModelRow,
    quant: &QuantRow,
    brief: &engine::Brief,
    range: estimator::Range,
) -> WantedCell {
    // Files are named after the model, not after the form that it was published in.
    let file = model.hf_repo.as_deref().and_then(|repo| repo.rsplit('/').next()).unwrap_or(&model.id);
    let file = file.trim_end_matches("-BF16").trim_end_matches("-FP8");
    WantedCell {
        device: (device.id.clone(), device.name.clone()),
        model: (model.id.clone(), model.name.clone()),
        quant: quant.name.clone(),
        range,
        rests_on: brief.evidence.decode,
        pages: 0,
        gain: 0.0,
        command: format!("llm-speed-probe bench --shapes --model {file}-{}.gguf", quant.name),
    }
}
