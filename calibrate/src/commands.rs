//! The commands, without their command line.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use data::Catalog;
use data::constants::Fitted;
use data::fnv::{FNV, fnv1a};

use crate::observation::Reader;
use crate::predict::Predictor;
use crate::refit::{refit, to_toml};
use crate::row::{MeasurementRow, files};

/// A digest of everything that a fit reads: FNV-1a, 64 bits, over names and bytes of the measurement files in order, then
/// over what each row is read as. A device, a name or a rule that no measurement meets changes nothing in it.
///
/// # Errors
///
/// When a file cannot be read.
pub fn digest(measurements: &Path) -> Result<String> {
    let reader = Reader::new(Catalog::embedded())?;
    let mut read = Digest(of_files(measurements)?);
    for (index, row) in crate::row::read(measurements)?.iter().enumerate() {
        write!(read, "{:?}", reader.read(index, row))?;
    }
    Ok(written(read.0))
}

/// Takes text in without keeping it.
struct Digest(u64);

impl std::fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 = fnv1a(self.0, text.bytes());
        Ok(())
    }
}

fn written(hash: u64) -> String {
    format!("fnv1a64:{hash:016x}")
}

/// Names and bytes of the files of a folder in order, or of one file.
fn of_files(files_of: &Path) -> Result<u64> {
    let mut hash = FNV;
    for path in files(files_of)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        hash = fnv1a(hash, name.bytes());
        let bytes = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        hash = fnv1a(hash, bytes);
    }
    Ok(hash)
}

/// Fits, and gives the text of the constants file.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn refit_text(rows: &[MeasurementRow], input: &str, progress: impl FnMut(&str)) -> Result<String> {
    to_toml(&refit(rows, input.to_owned(), false, progress)?.fitted)
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
        input = format!("{input} {}", written(of_files(path)?));
        rows.extend(submitted.rows);
    }
    let old: Option<Fitted> =
        std::fs::read_to_string(asked.out).ok().and_then(|text| toml::from_str(&text).ok());
    let outcome = refit(&rows, input, asked.report.is_some(), progress)?;
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
