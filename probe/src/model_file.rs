//! Which model is it really? The file's own digest, kept so that hundreds of gigabytes are read only once.
//!
//! A large file takes longer to read than a run may take: [`Reading`] stops where it is told to and goes on later, so that
//! nothing is read while something is measured.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use data::envelope::{digest, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::interrupt;
use crate::runs;

/// Bytes of the beginning that have a digest of their own.
const PREFIX_BYTES: u64 = 1 << 20;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 4 << 20;

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

/// A model's files on their way to their digests.
pub struct Reading {
    parts: Vec<Part>,
    data_folder: PathBuf,
    /// Of the first MiB of the first file.
    prefix: String,
    /// The part that is being read.
    open: Option<Open>,
    /// Bytes that were read here, and the time that it took.
    bytes: u64,
    took: Duration,
}

/// One of a model's files.
struct Part {
    path: PathBuf,
    /// What the cache knows it by: another one as soon as the file is written to.
    key: String,
    size_bytes: u64,
    /// From the cache, or read here.
    found: Option<Digests>,
}

/// A file of which a part was read.
struct Open {
    file: File,
    head: Vec<u8>,
    whole: Sha256,
    bytes: u64,
}

impl Reading {
    /// Of a model in one file or several, in their order. Nothing is read but the first MiB, which has its digest then.
    ///
    /// # Errors
    /// When one of them is not there or cannot be read.
    pub fn begin(paths: &[PathBuf], data_folder: &Path) -> io::Result<Reading> {
        let cache = cache(data_folder);
        let part = |path: &PathBuf| -> io::Result<Part> {
            let (key, size_bytes) = key(path)?;
            let found = cache.get(&key).cloned();
            Ok(Part { path: path.clone(), key, size_bytes, found })
        };
        let parts: Vec<Part> = paths.iter().map(part).collect::<io::Result<_>>()?;
        let prefix = match parts.first() {
            Some(Part { found: Some(known), .. }) => known.prefix.clone(),
            Some(first) => digest(&Open::new(&first.path)?.head),
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        let data_folder = data_folder.to_owned();
        Ok(Reading { parts, data_folder, prefix, open: None, bytes: 0, took: Duration::ZERO })
    }

    /// Reads on, at least one piece, until all is read or the moment has come.
    ///
    /// # Errors
    /// When a file cannot be read or was written to meanwhile, or Ctrl-C came.
    pub fn go_on(&mut self, until: Option<Instant>) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        while let Some(part) = self.parts.iter_mut().find(|part| part.found.is_none()) {
            let mut open = self.open.take().map_or_else(|| Open::new(&part.path), Ok)?;
            let (begun, before) = (Instant::now(), open.bytes);
            let is_done = open.go_on(until, &mut buffer);
            self.took += begun.elapsed();
            self.bytes += open.bytes - before;
            if !is_done? {
                self.open = Some(open);
                return Ok(());
            }
            if key(&part.path)?.0 != part.key {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it was written to while it was read",
                ));
            }
            let found = open.digests();
            keep(&self.data_folder, &part.key, &found);
            part.found = Some(found);
        }
        Ok(())
    }

    /// The digests, once all is read: of the first MiB of the first file, over all files' digests as lines of hexadecimal,
    /// and their sizes together. One file's are its own.
    pub fn digests(&self) -> Option<Digests> {
        let all: Vec<&Digests> = self.parts.iter().map(|part| part.found.as_ref()).collect::<Option<_>>()?;
        if let [only] = all.as_slice() {
            return Some((*only).clone());
        }
        let lines: String = all.iter().map(|part| format!("{}\n", part.whole)).collect();
        let (prefix, whole) = (self.prefix.clone(), digest(lines.as_bytes()));
        Some(Digests { prefix, whole, size_bytes: self.size_bytes() })
    }

    /// Digest of the first MiB of the first file.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Size of all files in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size_bytes).sum()
    }

    /// Bytes that are still to be read.
    pub fn left_bytes(&self) -> u64 {
        let unread = self.parts.iter().filter(|part| part.found.is_none()).map(|part| part.size_bytes);
        let begun = self.open.as_ref().map_or(0, |open| open.bytes);
        unread.sum::<u64>().saturating_sub(begun)
    }

    /// Seconds that the rest takes at the rate so far; none where that is not known.
    pub fn left_s(&self) -> Option<f64> {
        let seconds = self.took.as_secs_f64();
        match self.left_bytes() {
            0 => Some(0.0),
            left => (seconds > 0.0 && self.bytes > 0).then(|| left as f64 / self.bytes as f64 * seconds),
        }
    }
}

impl Open {
    /// With its first MiB.
    fn new(path: &Path) -> io::Result<Open> {
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        (&mut file).take(PREFIX_BYTES).read_to_end(&mut head)?;
        let mut whole = Sha256::new();
        whole.update(&head);
        let bytes = head.len() as u64;
        Ok(Open { file, head, whole, bytes })
    }

    /// Whether it was read to its end.
    fn go_on(&mut self, until: Option<Instant>, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            if interrupt::requested() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
            }
            match self.file.read(buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.whole.update(&buffer[..count]);
                    self.bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
        }
    }

    fn digests(self) -> Digests {
        Digests { prefix: digest(&self.head), whole: hex(&self.whole.finalize()), size_bytes: self.bytes }
    }
}

fn cache_path(data_folder: &Path) -> PathBuf {
    data_folder.join("digests.json")
}

/// What is known of files, by their keys. A cache that is missing or damaged is an empty one.
fn cache(data_folder: &Path) -> BTreeMap<String, Digests> {
    let bytes = fs::read(cache_path(data_folder)).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Without the cache the next run reads the file again: no reason to fail this one.
fn keep(data_folder: &Path, key: &str, found: &Digests) {
    let mut cache = cache(data_folder);
    cache.insert(key.to_owned(), found.clone());
    if let Ok(bytes) = serde_json::to_vec(&cache) {
        let _ = runs::write_whole(&cache_path(data_folder), &bytes);
    }
}

/// What a file is known by, and its size: not even the cache names files.
fn key(path: &Path) -> io::Result<(String, u64)> {
    let meta = fs::metadata(path)?;
    let modified = meta.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let text = format!("{}\n{}\n{modified}\n{}", path.display(), meta.len(), inode(&meta));
    Ok((digest(text.as_bytes()), meta.len()))
}

#[cfg(unix)]
fn inode(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(paths: &[PathBuf], data_folder: &Path) -> io::Result<Digests> {
        let mut reading = Reading::begin(paths, data_folder)?;
        reading.go_on(None)?;
        Ok(reading.digests().expect("all was read"))
    }

    #[test]
    fn a_split_model_is_identified_by_all_its_parts() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [1, 2].map(|part| folder.path().join(format!("m-{part:05}-of-00002.gguf")));
        let write = |texts: [&str; 2]| {
            for (path, text) in paths.iter().zip(texts) {
                fs::write(path, text).unwrap();
            }
            all(&paths, folder.path()).unwrap()
        };
        let (one, other) = (write(["GGUF", "first"]), write(["GGUF", "another"]));
        assert_eq!((one.size_bytes, other.size_bytes), (9, 11));
        assert_eq!(one.prefix, digest(b"GGUF"));
        assert!(one.whole != other.whole && one.whole != digest(b"GGUF"), "the second part counts");
        assert_eq!(all(&paths[..1], folder.path()).unwrap().whole, digest(b"GGUF"));
        fs::remove_file(&paths[1]).unwrap();
        assert!(all(&paths, folder.path()).is_err(), "a part is missing");
        assert!(all(&[], folder.path()).is_err(), "there is no file");
    }

    #[test]
    fn digests_are_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = [folder.path().join("m.gguf")];
        fs::write(&path[0], b"GGUF").unwrap();
        let first = all(&path, folder.path()).unwrap();
        assert_eq!(first.whole, digest(b"GGUF"));
        assert_eq!(first.prefix, first.whole);
        let cache = fs::read_to_string(folder.path().join("digests.json")).unwrap();
        assert!(!cache.contains("m.gguf"), "not even the cache names files");
        // A cached entry is believed: change it and see it come back.
        fs::write(folder.path().join("digests.json"), cache.replace(&first.whole, "cached")).unwrap();
        let known = Reading::begin(&path, folder.path()).unwrap();
        assert_eq!((known.left_bytes(), known.left_s()), (0, Some(0.0)), "nothing is left to be read");
        assert_eq!(known.digests().unwrap().whole, "cached");
        fs::write(&path[0], b"GGUF2").unwrap();
        assert_eq!(all(&path, folder.path()).unwrap().whole, digest(b"GGUF2"));
    }

    #[test]
    fn a_large_file_is_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES).map(|at| (at / 1000) as u8).collect();
        let paths = ["a.gguf", "b.gguf"].map(|name| folder.path().join(name));
        fs::write(&paths[0], &bytes).unwrap();
        fs::write(&paths[1], b"GGUF").unwrap();
        let mut reading = Reading::begin(&paths, folder.path()).unwrap();
        assert_eq!((reading.left_s(), reading.digests()), (None, None), "no rate is known yet");
        assert_eq!(reading.prefix(), digest(&bytes[..PREFIX_BYTES as usize]));
        let now = Instant::now();
        let mut left = vec![reading.left_bytes()];
        while reading.digests().is_none() {
            // The moment has always come: one piece a call.
            reading.go_on(Some(now)).unwrap();
            left.push(reading.left_bytes());
            assert!(reading.left_s().is_some_and(f64::is_finite));
        }
        assert_eq!(left[0], bytes.len() as u64 + 4);
        assert!(left.len() > 3 && left.is_sorted_by(|a, b| a > b), "{left:?}");
        let lines = format!("{}\n{}\n", digest(&bytes), digest(b"GGUF"));
        assert_eq!(reading.digests().unwrap().whole, digest(lines.as_bytes()));
    }

    #[test]
    fn a_file_that_is_written_to_meanwhile_has_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = [folder.path().join("m.gguf")];
        fs::write(&path[0], vec![7; 2 * PIECE_BYTES]).unwrap();
        let mut reading = Reading::begin(&path, folder.path()).unwrap();
        reading.go_on(Some(Instant::now())).unwrap();
        File::options().append(true).open(&path[0]).unwrap().set_len(3).unwrap();
        let error = reading.go_on(None).unwrap_err().to_string();
        assert!(error.contains("written to"), "{error}");
        assert_eq!(reading.digests(), None);
        assert!(!folder.path().join("digests.json").exists(), "nothing wrong is kept");
    }
}
