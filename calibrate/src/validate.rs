//! `score --cv`: refits leaving one device or model out at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data::Catalog;
use data::constants::Figure;
use serde::Serialize;

use crate::extra::Base;
use crate::folds::By;
use crate::observation::Observation;
use crate::refit::{FIGURES, Observed, flop_per_byte, kind, name, observe, predictions, refit_figure};
use crate::row::MeasurementRow;
use crate::score::{Detail, Predicted, detail};
use crate::standing::line;

/// What is asked of a cross-validation.
pub struct Asked<'a> {
    /// Measurement files, or folders of them.
    pub files: &'a [PathBuf],
    /// What is left out.
    pub by: By,
    /// Figures to score; all where none is named.
    pub figures: &'a [String],
    /// Where each held-out cell is written, as CSV.
    pub cells: Option<&'a Path>,
}

/// A held-out cell beside its prediction: what residuals are looked at by.
#[derive(Serialize)]
struct Cell<'a> {
    figure: &'a str,
    class: &'a str,
    kind: &'a str,
    device: &'a str,
    vendor: &'a str,
    generation: &'a str,
    bandwidth_gb_s: f64,
    memory_gib: Option<f64>,
    backend: &'a str,
    runtime: &'a str,
    model: &'a str,
    model_row: &'a str,
    quant: &'a str,
    family: &'a str,
    size_gib: f64,
    params_b: f64,
    active_params_b: f64,
    context: u32,
    prompt: u32,
    streams: f64,
    fused: bool,
    period: &'a str,
    date: &'a str,
    source: &'a str,
    notes: &'a str,
    measured: f64,
    predicted: f64,
    low: f64,
    high: f64,
    log_off: f64,
}

fn cell<'a>(
    figure: Figure,
    row: &'a Observation,
    read: &'a MeasurementRow,
    predicted: &'a Predicted,
) -> Cell<'a> {
    Cell {
        figure: name(figure),
        class: &predicted.class,
        kind: kind(row),
        device: &row.device.key,
        vendor: &row.device.vendor,
        generation: &row.device.generation,
        bandwidth_gb_s: row.device.bandwidth_gb_s,
        memory_gib: row.device.memory_gib,
        backend: row.backend.name(),
        runtime: row.runtime,
        model: &read.model,
        model_row: &row.model_id,
        quant: &row.quant,
        family: row.family,
        size_gib: row.setup.weights.total_bytes() / estimator::units::GIB,
        params_b: row.setup.model.params_b,
        active_params_b: row.setup.model.active_params_b,
        context: row.setup.workload.context_tokens,
        prompt: row.setup.workload.prompt_tokens,
        streams: row.streams,
        fused: !row.unfused,
        period: &row.period,
        date: &row.date,
        source: &row.source,
        notes: &read.notes,
        measured: libm::exp(predicted.measured),
        predicted: libm::exp(predicted.middle),
        low: libm::exp(predicted.low),
        high: libm::exp(predicted.high),
        log_off: predicted.measured - predicted.middle,
    }
}

/// Classes of a held-out row: its own, and decode at depth.
fn classes_of(figure: Figure, row: &Observation, class: &str) -> Vec<String> {
    let own = format!("{} {class} {}", name(figure), kind(row));
    let deep = figure == Figure::Decode && row.setup.workload.context_tokens >= 8192;
    let deep = deep.then(|| format!("{own} at 8k and deeper"));
    std::iter::once(own).chain(deep).collect()
}

/// Refits leaving one device (or model) out at a time, and says how well what was left out is predicted.
///
/// # Errors
///
/// When the measurements cannot be read, a fit does not end at a minimum, or the cells cannot be written.
pub fn cross_validate(asked: &Asked<'_>) -> Result<Vec<Detail>> {
    let mut rows = Vec::new();
    for path in asked.files {
        rows.extend(crate::row::read(path)?);
    }
    let Observed { rows: observed, .. } = observe(&rows)?;
    let by_index: BTreeMap<usize, &Observation> = observed.iter().map(|row| (row.index, row)).collect();
    let flop_per_byte = flop_per_byte(Catalog::embedded(), &observed);
    let mut base = Base::default();
    let mut found = Vec::new();
    let cells = asked.cells.map(|path| {
        csv::Writer::from_path(path).with_context(|| format!("{} cannot be written", path.display()))
    });
    let mut cells = cells.transpose()?;
    for figure in FIGURES {
        let wanted = asked.figures.is_empty() || asked.figures.iter().any(|wanted| wanted == name(figure));
        // Further figures stand on the first two.
        if !wanted && !matches!(figure, Figure::Decode | Figure::Prefill) {
            continue;
        }
        let refitted = refit_figure(figure, &observed, &flop_per_byte, Some(&base), asked.by)?;
        let predicted = predictions(figure, &refitted, &refitted.held);
        let mut classes: BTreeMap<String, Vec<&Predicted>> = BTreeMap::new();
        for row in predicted.iter().filter(|_| wanted) {
            let observation = by_index[&row.index];
            for class in classes_of(figure, observation, &row.class) {
                classes.entry(class).or_default().push(row);
            }
            if let Some(writer) = &mut cells {
                writer.serialize(cell(figure, observation, &rows[row.index], row))?;
            }
        }
        found.extend(classes.iter().map(|(name, rows)| detail(name, rows)));
        base.keep(figure, refitted.parts);
    }
    if let Some(mut writer) = cells {
        writer.flush()?;
    }
    Ok(found)
}

/// The scores in lines, or as JSON.
///
/// # Errors
///
/// When a score is no number.
pub fn text(found: &[Detail], json: bool) -> Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(found)?);
    }
    Ok(found.iter().map(line).collect::<Vec<_>>().join("\n"))
}
