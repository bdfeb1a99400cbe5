//! The files under `data/`: read, and written in their one legal form.

mod capability;
mod gguf_form;
mod read;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

pub use read::{FileError, rows};
use read::{HardwareFile, ModelFile, QuantFile, SourceFile, parse, text, toml_files};

use crate::catalog::Catalog;
use crate::row::SuiteRow;

/// The catalogue of the files under `dir`, the folder `data/` of the project.
///
/// # Errors
/// The first file that cannot be read or is not of its shape, by its path.
pub fn load(dir: &Path) -> Result<Catalog, FileError> {
    rows(dir).map(Catalog::new)
}

/// Every file under `dir` whose text is not its one legal form, with that form.
///
/// Comment lines at the head of a file are kept; a comment elsewhere is no fact and is dropped: what is to be said
/// of a row stands in it.
///
/// # Errors
/// The first file that cannot be read or is not of its shape, by its path.
fn not_canonical(dir: &Path) -> Result<Vec<(PathBuf, String)>, FileError> {
    let mut forms: Vec<(PathBuf, String)> = Vec::new();
    for path in toml_files(&dir.join("hardware"))? {
        forms.push((path.clone(), write::hardware(&parse::<HardwareFile>(&path)?.device)));
    }
    for path in toml_files(&dir.join("models"))? {
        forms.push((path.clone(), write::models(&parse::<ModelFile>(&path)?.model)));
    }
    for path in toml_files(&dir.join("suites"))? {
        forms.push((path.clone(), write::suite(&parse::<SuiteRow>(&path)?)));
    }
    let quants = dir.join("quants.toml");
    forms.push((quants.clone(), write::quants(&parse::<QuantFile>(&quants)?.quant)));
    let sources = dir.join("sources.toml");
    forms.push((sources.clone(), write::sources(&parse::<SourceFile>(&sources)?.source)));

    let mut other = Vec::new();
    for (path, form) in forms {
        let now = text(&path)?;
        let head: String = now.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
        let legal = if head.is_empty() { form } else { format!("{head}\n{form}") };
        if now != legal {
            other.push((path, legal));
        }
    }
    Ok(other)
}

/// Writes every file under `dir` in its one legal form; returns those that were not.
///
/// # Errors
/// The first file that cannot be read or written, or is not of its shape, by its path.
pub fn bless(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let other = not_canonical(dir)?;
    for (path, form) in &other {
        fs::write(path, form).map_err(|source| FileError::Io { path: path.clone(), source })?;
    }
    Ok(other.into_iter().map(|(path, _)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn every_file_is_in_its_one_legal_form() {
        let other = not_canonical(data()).expect("the files are read");
        let names: Vec<_> = other.iter().map(|(path, _)| path.display().to_string()).collect();
        assert!(names.is_empty(), "run `cargo xtask bless`: {}", names.join(", "));
    }

    #[test]
    fn the_embedded_rows_are_those_of_the_files() {
        assert_eq!(load(data()).expect("the files are read").rows(), Catalog::embedded().rows());
    }

    #[test]
    fn a_bad_file_is_named_with_the_place() {
        let file = "[[device]]\nid = \"x\"\nbandwith_gb_s = 1\n";
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.toml");
        fs::write(&path, file).expect("written");
        let error = parse::<HardwareFile>(&path).err().expect("a misspelt key").to_string();
        assert!(error.contains("x.toml") && error.contains("bandwith_gb_s"), "{error}");
    }

    #[test]
    fn bless_restores_the_legal_form_and_keeps_the_head() {
        let dir = tempfile::tempdir().expect("a folder");
        for folder in ["hardware", "models", "suites"] {
            fs::create_dir(dir.path().join(folder)).expect("made");
        }
        for file in ["quants.toml", "sources.toml", "models/gpt-oss.toml"] {
            fs::copy(data().join(file), dir.path().join(file)).expect("copied");
        }
        let legal = text(&data().join("models/gpt-oss.toml")).expect("read");
        let path = dir.path().join("models/gpt-oss.toml");
        let messy =
            format!("# The two of August 2025.\n{}", legal.replace(" = ", "=").replacen("\n\n", "\n", 1));
        fs::write(&path, messy).expect("written");
        assert_eq!(bless(dir.path()).expect("blessed"), std::slice::from_ref(&path));
        assert_eq!(text(&path).expect("read"), format!("# The two of August 2025.\n\n{legal}"));
        assert!(bless(dir.path()).expect("blessed").is_empty());
    }
}
