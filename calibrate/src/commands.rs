//! The commands, without their command line.

use std::path::Path;

use anyhow::{Context, Result};
use data::Catalog;
use data::constants::{Figure, Fitted};

use crate::extra::Base;
use crate::folds::By;
use crate::observation::{Observation, Reader};
use crate::predict::Predictor;
use crate::refit::{FIGURES, flop_per_byte, kind, name, observe, predictions, refit, refit_figure, to_toml};
use crate::row::{MeasurementRow, files};

/// A digest of the measurement files: FNV-1a, 64 bits, over names and bytes in order.
///
/// # Errors
///
/// When a file cannot be read.
pub fn digest(measurements: &Path) -> Result<String> {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash = OFFSET;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for path in files(measurements)? {
        take(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default().as_bytes());
        take(&std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?);
    }
    Ok(format!("fnv1a64:{hash:016x}"))
}

/// Fits, and gives the text of the constants file.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn refit_text(rows: &[MeasurementRow], input: &str, progress: impl FnMut(&str)) -> Result<String> {
    to_toml(&refit(rows, input.to_owned(), progress)?.fitted)
}

/// What `refit` is asked.
pub struct Refit<'a> {
    /// Folder of measurement files, or one file.
    pub measurements: &'a Path,
    /// A dump of the server.
    pub submissions: Option<&'a Path>,
    /// Where the constants go.
    pub out: &'a Path,
    /// Folder for a report.
    pub report: Option<&'a Path>,
}

/// Fits, writes constants and report, and says in a sentence what was done.
///
/// With submissions the constants are written only where held-out scores get better beyond noise: what strangers send
/// must earn its place.
///
/// # Errors
///
/// When a file cannot be read or written, or a fit does not end at a minimum.
pub fn run_refit(asked: &Refit<'_>, mut progress: impl FnMut(&str)) -> Result<String> {
    let mut rows = crate::row::read(asked.measurements)?;
    let mut input = digest(asked.measurements)?;
    if let Some(path) = asked.submissions {
        let submitted = crate::submissions::read(path)?;
        progress(&format!(
            "{} submitted rows; {} lines not accepted, {} second votes left out",
            submitted.rows.len(),
            submitted.not_accepted,
            submitted.second_votes
        ));
        input = format!("{input} {}", digest(path)?);
        rows.extend(submitted.rows);
    }
    let old: Option<Fitted> =
        std::fs::read_to_string(asked.out).ok().and_then(|text| toml::from_str(&text).ok());
    let outcome = refit(&rows, input, progress)?;
    if let Some(folder) = asked.report {
        crate::report::write(folder, &outcome, old.as_ref())?;
    }
    let scores = &outcome.fitted.provenance.scores;
    if let (Some(old), Some(_)) = (&old, asked.submissions)
        && !crate::report::warranted(&old.provenance.scores, scores)
    {
        return Ok(format!(
            "not warranted: held-out scores do not get better beyond noise; {} stays as it is",
            asked.out.display()
        ));
    }
    std::fs::write(asked.out, to_toml(&outcome.fitted)?)
        .with_context(|| format!("{} cannot be written", asked.out.display()))?;
    Ok(format!("wrote {}", asked.out.display()))
}

/// Scores files with the committed constants, in words or as JSON.
///
/// # Errors
///
/// When a file cannot be read.
pub fn score_files(files: &[std::path::PathBuf], json: bool) -> Result<String> {
    let mut rows = Vec::new();
    for path in files {
        rows.extend(crate::row::read(path)?);
    }
    let standing = crate::standing::standing(&rows, Fitted::embedded())?;
    if json { Ok(serde_json::to_string_pretty(&standing)?) } else { Ok(standing.text()) }
}

/// Writes every row of `measurements` to `out` with `status`, `predicted_tok_s`, `low_tok_s` and `high_tok_s`.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn predict(measurements: &Path, out: &Path) -> Result<()> {
    let predictor = Predictor::new(Fitted::embedded()).context("the built-in constants lack a figure")?;
    let reader = Reader::new(Catalog::embedded())?;
    let mut input = csv::Reader::from_path(measurements)
        .with_context(|| format!("{} cannot be opened", measurements.display()))?;
    let mut output =
        csv::Writer::from_path(out).with_context(|| format!("{} cannot be written", out.display()))?;
    let header = input.headers()?.clone();
    let mut wide = header.clone();
    for column in ["status", "predicted_tok_s", "low_tok_s", "high_tok_s"] {
        wide.push_field(column);
    }
    output.write_record(&wide)?;
    for (index, record) in input.records().enumerate() {
        let mut record = record?;
        let mut row: MeasurementRow = record.deserialize(Some(&header))?;
        // Whatever was measured must not reach the prediction.
        row.tok_s = None;
        match reader.read(index, &row) {
            Ok(observation) => {
                let range = predictor.predict(&observation);
                record.push_field("ok");
                for value in [range.middle, range.low, range.high] {
                    record.push_field(&format!("{:.6}", libm::exp(value)));
                }
            }
            Err(reason) => {
                record.push_field(reason.words());
                for _ in 0..3 {
                    record.push_field("");
                }
            }
        }
        output.write_record(&record)?;
    }
    output.flush()?;
    Ok(())
}

/// Refits leaving one device (or model) out at a time, and prints how well what was left out is predicted.
///
/// # Errors
///
/// When the measurements cannot be read or a fit does not end at a minimum.
pub fn cross_validate(
    files: &[std::path::PathBuf],
    by: By,
    figures: &[String],
    worst: Option<&str>,
) -> Result<()> {
    let mut rows = Vec::new();
    for path in files {
        rows.extend(crate::row::read(path)?);
    }
    let observed = observe(&rows)?;
    let by_index: std::collections::BTreeMap<usize, &Observation> =
        observed.rows.iter().map(|row| (row.index, row)).collect();
    let flop_per_byte = flop_per_byte(Catalog::embedded(), &observed.rows);
    let mut base = Base::default();
    for figure in FIGURES {
        let wanted = figures.is_empty() || figures.iter().any(|wanted| wanted == name(figure));
        // Further figures stand on the first two.
        if !wanted && !matches!(figure, Figure::Decode | Figure::Prefill) {
            continue;
        }
        let refitted = refit_figure(figure, &observed.rows, &flop_per_byte, Some(&base), by)?;
        let predicted = predictions(figure, &refitted);
        let mut groups: std::collections::BTreeMap<String, Vec<&crate::score::Predicted>> =
            Default::default();
        for row in &predicted {
            let observation = by_index[&row.index];
            let deep = if observation.setup.workload.context_tokens >= 8000 { " deep" } else { "" };
            let name = format!("{} {} {}", name(figure), row.class, kind(observation));
            groups.entry(name.clone()).or_default().push(row);
            if !deep.is_empty() && kind(observation) == "llama.cpp" {
                groups.entry(format!("{name}{deep}")).or_default().push(row);
            }
        }
        for (name, rows) in &groups {
            let s = crate::score::score(name, rows);
            println!(
                "{:36} {:5} rows {:3} devices  median {:5.1} %  p90 {:6.1} %  R2 {:6.3}  by device {:5.1} %  coverage {:.2}  width {:.2}",
                s.name,
                s.rows,
                s.devices,
                s.median * 100.0,
                s.p90 * 100.0,
                s.r2,
                s.macro_median * 100.0,
                s.coverage,
                s.width
            );
        }
        if let Some(class) = worst {
            for (group, part) in &refitted.parts {
                if group.name() != class {
                    continue;
                }
                println!("noise {} low {} high {} {:?}", part.noise_sd, part.low, part.high, part.terms);
                for effect in &part.effects {
                    let levels: Vec<String> =
                        effect.levels.iter().map(|(name, level)| format!("{name}={:.2}", level.0)).collect();
                    println!(
                        "  {:?} {:?} sd {:.3}: {}",
                        effect.factor,
                        effect.term,
                        effect.sd,
                        levels.join(" ")
                    );
                }
            }
            let mut worst: Vec<_> = predicted.iter().filter(|row| row.class == class).collect();
            worst.sort_by(|a, b| (b.middle - b.measured).abs().total_cmp(&(a.middle - a.measured).abs()));
            for row in worst.iter().take(45) {
                let o = by_index[&row.index];
                println!(
                    "{:+.2} {:8.1} {:22} {:34} {:12} {:7} {:10} {:4} ctx {:6} new {:6} {} {:.2} GiB {} | {}",
                    row.measured - row.middle,
                    libm::exp(row.measured),
                    o.device.key,
                    rows[o.index].model,
                    o.quant,
                    o.backend.name(),
                    o.runtime,
                    o.era,
                    o.setup.workload.context_tokens,
                    o.setup.workload.new_tokens(),
                    if o.unfused { "unfused" } else { "fused" },
                    o.setup.weights.total_bytes() / 1_073_741_824.0,
                    o.model_id,
                    o.source
                );
            }
        }
        base.keep(figure, refitted.parts);
    }
    Ok(())
}
