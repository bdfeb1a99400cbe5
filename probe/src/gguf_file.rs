//! A model's own files: only headers are read, whatever their size.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use data::gguf::{self, GgufError, Header, ModelShape, Part};

/// Bytes that are read at first: the header of a small model.
const FIRST_READ_BYTES: u64 = 4 << 20;

/// The exact model in a file, or in all parts of a split one of which any was named.
///
/// # Errors
/// In words: which file, and what is wrong with it.
pub fn shape(path: &Path) -> Result<ModelShape> {
    let headers: Vec<Header> = parts(path).iter().map(|part| header(part)).collect::<Result<_>>()?;
    gguf::model(&headers).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// Whether a file says that it makes no text: by its architecture and how it pools, whatever its name. One that cannot be
/// read says nothing.
pub fn is_mute(path: &Path) -> bool {
    let headers: Result<Vec<Header>> = parts(path).iter().map(|part| header(part)).collect();
    headers.is_ok_and(|headers| matches!(gguf::model(&headers), Err(GgufError::NotText(_))))
}

/// All files of a model: itself, or by the names of a split one's parts.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match Part::of(&name) {
        Some(part) => (1..=part.count)
            .map(|number| path.with_file_name(format!("{}-{number:05}-of-{:05}.gguf", part.stem, part.count)))
            .collect(),
        None => vec![path.to_owned()],
    }
}

fn header(path: &Path) -> Result<Header> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    let mut wanted = FIRST_READ_BYTES;
    loop {
        (&mut file).take(wanted.saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes)?;
        match gguf::read(&bytes, Some(size)) {
            // Doubling saves going back for every few bytes.
            Err(GgufError::NeedMore { bytes_at_least }) => wanted = bytes_at_least.max(2 * wanted),
            result => return result.map_err(|error| anyhow!("{}: {error}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_model_is_all_its_parts() {
        let names: Vec<PathBuf> = parts(Path::new("/m/big-Q4_K_M-00002-of-00003.gguf"));
        let expected = [1, 2, 3].map(|n| PathBuf::from(format!("/m/big-Q4_K_M-{n:05}-of-00003.gguf")));
        assert_eq!(names, expected);
        assert_eq!(parts(Path::new("m.gguf")), [PathBuf::from("m.gguf")]);
    }

    #[test]
    fn what_makes_no_text_is_told_by_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let file = |architecture: &str| {
            let path = folder.path().join("all-minilm-q8_0.gguf");
            let mut bytes = b"GGUF\x03\0\0\0".to_vec();
            // No tensors and one key, whose value is a text (type 8).
            bytes.extend([0u64, 1].map(u64::to_le_bytes).concat());
            bytes.extend(20u64.to_le_bytes());
            bytes.extend(b"general.architecture\x08\0\0\0");
            bytes.extend((architecture.len() as u64).to_le_bytes());
            bytes.extend(architecture.as_bytes());
            // Where the tensors would begin.
            bytes.resize(bytes.len().next_multiple_of(32), 0);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(is_mute(&file("bert")) && !is_mute(&file("llama")));
        assert!(!is_mute(&folder.path().join("absent.gguf")));
    }

    #[test]
    fn what_is_no_gguf_is_said_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        std::fs::write(&path, b"<!doctype html><html>").unwrap();
        let error = shape(&path).unwrap_err().to_string();
        assert!(error.contains("m.gguf") && error.len() > 20, "{error}");
        assert!(shape(&folder.path().join("absent.gguf")).is_err());
    }
}
