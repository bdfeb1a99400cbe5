//! Reads the TOML files under `data/` into rows. `build.rs` compiles this module too.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::capability::CapabilityRule;
use super::gguf_form;
use crate::row::{HardwareRow, ModelRow, QuantRow, Rows, SourceRow, SuiteRow};

/// Why a file under `data/` could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is missing, or may not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no TOML, or no row of its kind.
    #[error("{}: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Where and why, in the words of the TOML reader.
        message: String,
    },
}

/// `data/hardware/*.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareFile {
    /// The rows.
    pub device: Vec<HardwareRow>,
}

/// `data/models/*.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// The rows.
    pub model: Vec<ModelRow>,
}

/// `data/quants.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantFile {
    /// The rows.
    pub quant: Vec<QuantRow>,
}

/// `data/sources.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// The rows.
    pub source: Vec<SourceRow>,
}

/// Reads every row under `dir`, the folder `data/` of the project. The order is that of file names.
///
/// # Errors
/// The first file that cannot be read or is not of its shape, by its path.
pub fn rows(dir: &Path) -> Result<Rows, FileError> {
    let mut rows = Rows {
        sources: parse::<SourceFile>(&dir.join("sources.toml"))?.source,
        quants: parse::<QuantFile>(&dir.join("quants.toml"))?.quant,
        ..Rows::default()
    };
    for path in toml_files(&dir.join("hardware"))? {
        rows.devices.extend(parse::<HardwareFile>(&path)?.device);
    }
    for path in toml_files(&dir.join("models"))? {
        rows.models.extend(parse::<ModelFile>(&path)?.model);
    }
    parse::<CapabilityRule>(&dir.join("capability.toml"))?.apply(&mut rows.models);
    gguf_form::apply(&mut rows.models, &rows.quants);
    for path in toml_files(&dir.join("suites"))? {
        rows.suites.push(parse::<SuiteRow>(&path)?);
    }
    Ok(rows)
}

/// The TOML files of one folder, by name.
///
/// # Errors
/// When the folder cannot be read, by its path.
pub fn toml_files(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    files_in(dir, "toml")
}

/// The files of one folder that end so, by name.
///
/// # Errors
/// When the folder cannot be read, by its path.
pub fn files_in(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, FileError> {
    let io = |source| FileError::Io { path: dir.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The text of one file.
///
/// # Errors
/// When it cannot be read or is not UTF-8, by its path.
pub fn text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| FileError::Io { path: path.to_owned(), source })
}

/// One file as `T`.
///
/// # Errors
/// When it cannot be read or has not this shape, by its path.
pub fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    toml::from_str(&text(path)?)
        .map_err(|error| FileError::Form { path: path.to_owned(), message: error.to_string() })
}
