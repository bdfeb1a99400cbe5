//! A model as a folder of safetensors files: only their headers are read, whatever their size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use data::envelope::hex;
use data::gguf::ModelShape;
use data::safetensors;
use sha2::{Digest, Sha256};

use crate::driver::Env;

/// No header is longer; what says so is no safetensors file.
const HEADER_LIMIT_BYTES: u64 = 100 << 20;

/// What a folder's headers tell.
#[derive(Clone, Debug)]
pub struct Folder {
    /// SHA-256 over the headers of all its files, in the order of their names: names, shapes and types of all tensors.
    pub digest: String,
    /// Size of the files in bytes.
    pub size_bytes: u64,
    /// The model's shape, where its configuration is one that we know.
    pub shape: Option<ModelShape>,
}

/// The folder that a runtime's name for a model leads to: a path, or a repository in Hugging Face's cache.
pub fn find(name: &str, env: Env) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    if !files(&path).is_empty() {
        return Some(path);
    }
    let home = env.get("HOME").or_else(|| env.get("USERPROFILE")).map(PathBuf::from);
    let cache = env.get("HF_HUB_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env.get("HF_HOME")?).join("hub")));
    let cache = cache.or_else(|| Some(home?.join(".cache/huggingface/hub")))?;
    let snapshots = cache.join(format!("models--{}", name.replace('/', "--"))).join("snapshots");
    let newest = fs::read_dir(snapshots)
        .ok()?
        .flatten()
        .filter(|entry| !files(&entry.path()).is_empty())
        .max_by_key(|entry| entry.metadata().and_then(|meta| meta.modified()).ok())?;
    Some(newest.path())
}

/// Its safetensors files, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"))
        .collect();
    files.sort();
    files
}

/// Reads the headers.
///
/// # Errors
/// When a file cannot be read, or is cut short or none of its kind.
pub fn read(folder: &Path) -> io::Result<Folder> {
    let mut hash = Sha256::new();
    let mut size_bytes = 0;
    let mut headers = Vec::new();
    for path in files(folder) {
        let (prefix, length) = header(&path)?;
        hash.update(&prefix);
        size_bytes += length;
        headers.push(safetensors::read(&prefix, Some(length)).ok());
    }
    let headers: Option<Vec<_>> = headers.into_iter().collect();
    let config = fs::read_to_string(folder.join("config.json")).ok();
    let shape = headers.zip(config).and_then(|(headers, config)| safetensors::model(&config, &headers).ok());
    Ok(Folder { digest: hex(&hash.finalize()), size_bytes, shape })
}

/// A file's length field and header, and its size.
fn header(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut prefix = vec![0; 8];
    file.read_exact(&mut prefix)?;
    let mut field = [0; 8];
    field.copy_from_slice(&prefix);
    let length = u64::from_le_bytes(field);
    if length > HEADER_LIMIT_BYTES || length + 8 > size {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no whole safetensors file"));
    }
    file.take(length).read_to_end(&mut prefix)?;
    Ok((prefix, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, header: &str) {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[7; 64]);
        fs::write(folder.join(name), bytes).unwrap();
    }

    #[test]
    fn headers_make_the_digest_and_weights_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let header = r#"{"a":{"dtype":"BF16","shape":[4,8],"data_offsets":[0,64]}}"#;
        write(folder.path(), "model.safetensors", header);
        let first = read(folder.path()).unwrap();
        assert_eq!(first.size_bytes, 8 + header.len() as u64 + 64);
        let mut bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
        *bytes.last_mut().unwrap() = 8;
        fs::write(folder.path().join("model.safetensors"), &bytes).unwrap();
        assert_eq!(read(folder.path()).unwrap().digest, first.digest);
        write(folder.path(), "model.safetensors", &header.replace("[4,8]", "[8,4]"));
        assert_ne!(read(folder.path()).unwrap().digest, first.digest);
        fs::write(folder.path().join("model.safetensors"), [255; 20]).unwrap();
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn a_name_leads_to_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let snapshot = home.path().join("models--org--tiny/snapshots/abc");
        fs::create_dir_all(&snapshot).unwrap();
        write(&snapshot, "model.safetensors", "{}");
        assert_eq!(find(snapshot.to_str().unwrap(), Env(|_| None)), Some(snapshot.clone()));
        assert_eq!(find("org/absent", Env(|_| None)), None);
    }
}
