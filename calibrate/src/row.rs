//! One published number as the measurement files hold it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, Serialize};

/// A row of a measurement file. Columns that a file does not have are empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeasurementRow {
    /// Whose collection it is from; the file's name where the file has no such column.
    pub source: String,
    /// Where in it: a key of `data/measurement-references.csv`, or a citation.
    pub source_ref: String,
    /// Year, month or day.
    pub date: String,
    /// As the source spells it.
    pub device: String,
    /// `apple`, `nvidia`, `amd`, `intel`, `cpu`, `mobile` or `unified_other`.
    pub device_class: String,
    /// Memory, GiB.
    #[serde(deserialize_with = "number")]
    pub device_mem_gib: Option<f64>,
    /// Bandwidth where the source states it, GB/s.
    #[serde(deserialize_with = "number")]
    pub device_bandwidth_gbs: Option<f64>,
    /// How many devices.
    #[serde(deserialize_with = "number")]
    pub n_devices: Option<f64>,
    /// What drives it.
    pub backend: String,
    /// The program.
    pub engine: String,
    /// Its version.
    pub engine_version: String,
    /// As the source spells it.
    pub model: String,
    /// Parameters, 10⁹.
    #[serde(deserialize_with = "number")]
    pub params_b: Option<f64>,
    /// Active parameters, 10⁹.
    #[serde(deserialize_with = "number")]
    pub active_params_b: Option<f64>,
    /// As the source spells it.
    pub quant: String,
    /// The file's size, GiB.
    #[serde(deserialize_with = "number")]
    pub model_size_gib: Option<f64>,
    /// Cache type.
    pub kv_type: String,
    /// 1, 0 or empty.
    #[serde(deserialize_with = "number")]
    pub flash_attn: Option<f64>,
    /// Prompt tokens.
    #[serde(deserialize_with = "number")]
    pub n_prompt: Option<f64>,
    /// Generated tokens.
    #[serde(deserialize_with = "number")]
    pub n_gen: Option<f64>,
    /// Tokens in the cache before.
    #[serde(deserialize_with = "number")]
    pub depth: Option<f64>,
    /// Streams.
    #[serde(deserialize_with = "number")]
    pub batch: Option<f64>,
    /// `decode` or `prefill`.
    pub metric: String,
    /// Measured tokens a second; may be empty where only a prediction is wanted.
    #[serde(deserialize_with = "number")]
    pub tok_s: Option<f64>,
    /// Flags and remarks.
    pub notes: String,
    /// How much it counts beside others of its cell; a published row counts 1. No column: submissions have it by their
    /// evidence.
    #[serde(skip)]
    pub evidence: Option<f64>,
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    let word = |yes: &str| text.eq_ignore_ascii_case(yes);
    Ok(match text {
        _ if word("true") => Some(1.0),
        _ if word("false") => Some(0.0),
        _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
    })
}

/// Rows of one file.
///
/// # Errors
///
/// When the file cannot be read, or is no CSV with a header.
pub fn read_file(path: &Path) -> Result<Vec<MeasurementRow>> {
    let file = fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rows = Vec::new();
    for row in csv::Reader::from_reader(file).deserialize() {
        let mut row: MeasurementRow =
            row.with_context(|| format!("{} is no measurement file with a header line", path.display()))?;
        if row.source.is_empty() {
            row.source.clone_from(&stem);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The CSV files in a folder, by name; or the one file that `path` is.
///
/// # Errors
///
/// When the folder cannot be read or holds no CSV file.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let listing = fs::read_dir(path).with_context(|| {
        format!("{} is no folder of measurements; name one with --measurements", path.display())
    })?;
    let mut found = Vec::new();
    for entry in listing {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            found.push(path);
        }
    }
    found.sort();
    anyhow::ensure!(!found.is_empty(), "{} holds no .csv file", path.display());
    Ok(found)
}

/// Rows of a folder's files, or of one file, in order.
///
/// # Errors
///
/// As [`files`] and [`read_file`].
pub fn read(path: &Path) -> Result<Vec<MeasurementRow>> {
    let mut rows = Vec::new();
    for file in files(path)? {
        rows.extend(read_file(&file)?);
    }
    Ok(rows)
}
