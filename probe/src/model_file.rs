//! Which model is it really? The file's own digest, kept so that hundreds of gigabytes are read only once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use data::envelope::{digest, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::interrupt;
use crate::runs;

/// Bytes of the beginning that have a digest of their own.
const PREFIX_BYTES: u64 = 1 << 20;

/// Files above this are said to be read: it takes seconds.
const LARGE_BYTES: u64 = 2_000_000_000;

/// Digests of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Of its first MiB.
    pub prefix: String,
    /// Of all of it.
    pub whole: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// The digests of a file, out of the cache where it has not changed since.
///
/// # Errors
/// When it cannot be read, or Ctrl-C came.
pub fn digests(path: &Path, data_folder: &Path) -> io::Result<Digests> {
    let meta = fs::metadata(path)?;
    let modified = meta.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let key = digest(format!("{}\n{}\n{modified}\n{}", path.display(), meta.len(), inode(&meta)).as_bytes());
    let cache_path = data_folder.join("digests.json");
    // A cache that is missing or damaged is an empty one.
    let mut cache: BTreeMap<String, Digests> =
        fs::read(&cache_path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    if let Some(known) = cache.get(&key) {
        return Ok(known.clone());
    }
    if meta.len() > LARGE_BYTES {
        let gigabytes = meta.len() as f64 / 1e9;
        eprintln!("reading {gigabytes:.1} GB once, to identify the model by its digest");
    }
    let found = read(path, meta.len())?;
    cache.insert(key, found.clone());
    // Without the cache the next run reads the file again: no reason to fail this one.
    if let Ok(bytes) = serde_json::to_vec(&cache) {
        let _ = runs::write_whole(&cache_path, &bytes);
    }
    Ok(found)
}

/// The digests of a model in several files: of the first MiB of the first, over all files' digests as lines of hexadecimal,
/// and their sizes together. One file's are its own.
///
/// # Errors
/// As [`digests`], of any of them.
pub fn all_digests(paths: &[PathBuf], data_folder: &Path) -> io::Result<Digests> {
    let parts: Vec<Digests> =
        paths.iter().map(|path| digests(path, data_folder)).collect::<Result<_, _>>()?;
    let Some((first, others)) = parts.split_first() else { return Err(io::ErrorKind::NotFound.into()) };
    if others.is_empty() {
        return Ok(first.clone());
    }
    let lines: String = parts.iter().map(|part| format!("{}\n", part.whole)).collect();
    Ok(Digests {
        prefix: first.prefix.clone(),
        whole: digest(lines.as_bytes()),
        size_bytes: parts.iter().map(|part| part.size_bytes).sum(),
    })
}

#[cfg(unix)]
fn inode(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

fn read(path: &Path, size_bytes: u64) -> io::Result<Digests> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(PREFIX_BYTES).read_to_end(&mut head)?;
    let mut whole = Sha256::new();
    whole.update(&head);
    let mut buffer = vec![0; 4 << 20];
    loop {
        if interrupt::requested() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
        }
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        whole.update(&buffer[..count]);
    }
    Ok(Digests { prefix: digest(&head), whole: hex(&whole.finalize()), size_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_model_is_identified_by_all_its_parts() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [1, 2].map(|part| folder.path().join(format!("m-{part:05}-of-00002.gguf")));
        let write = |texts: [&str; 2]| {
            for (path, text) in paths.iter().zip(texts) {
                fs::write(path, text).unwrap();
            }
            all_digests(&paths, folder.path()).unwrap()
        };
        let (one, other) = (write(["GGUF", "first"]), write(["GGUF", "another"]));
        assert_eq!((one.size_bytes, other.size_bytes), (9, 11));
        assert_eq!(one.prefix, digest(b"GGUF"));
        assert!(one.whole != other.whole && one.whole != digest(b"GGUF"), "the second part counts");
        assert_eq!(all_digests(&paths[..1], folder.path()).unwrap().whole, digest(b"GGUF"));
        fs::remove_file(&paths[1]).unwrap();
        assert!(all_digests(&paths, folder.path()).is_err(), "a part is missing");
    }

    #[test]
    fn digests_are_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        fs::write(&path, b"GGUF").unwrap();
        let first = digests(&path, folder.path()).unwrap();
        assert_eq!(first.whole, digest(b"GGUF"));
        assert_eq!(first.prefix, first.whole);
        let cache = fs::read_to_string(folder.path().join("digests.json")).unwrap();
        assert!(!cache.contains("m.gguf"), "not even the cache names files");
        // A cached entry is believed: change it and see it come back.
        fs::write(folder.path().join("digests.json"), cache.replace(&first.whole, "cached")).unwrap();
        assert_eq!(digests(&path, folder.path()).unwrap().whole, "cached");
        fs::write(&path, b"GGUF2").unwrap();
        assert_eq!(digests(&path, folder.path()).unwrap().whole, digest(b"GGUF2"));
    }
}
