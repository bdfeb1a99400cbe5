//! Files that the pages load: the ones in this binary, and the WASM package beside it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use axum::extract::{Path as UrlPath, RawQuery, State};

use crate::app::App;
use crate::lean;
use crate::problem::Problem;
use crate::representation::{Caching, Representation, content_hash};

/// Scripts are modules.
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! embedded {
    ($($name:literal as $media_type:expr),+ $(,)?) => {
        &[$(($name, $media_type, include_bytes!(concat!("../../assets/", $name)))),+]
    };
}

/// The files under `web/assets` that are sent, with their types, scripts without their comments; `style.css` is sent as the pages
/// make it of its parts.
const EMBEDDED: &[(&str, &str, &[u8])] = embedded![
    "contribute.js" as SCRIPT,
    "dispute.js" as SCRIPT,
    "icon.svg" as "image/svg+xml",
    "loader.js" as SCRIPT,
    "proof.js" as SCRIPT,
    "worker.js" as SCRIPT,
];

/// What a file of the WASM package is. `application/wasm` lets browsers compile while they load.
const PACKAGE_TYPES: &[(&str, &str)] = &[
    ("wasm", "application/wasm"),
    ("js", SCRIPT),
    // TypeScript's types, for other sites.
    ("ts", "text/plain; charset=utf-8"),
    ("json", "application/json"),
    ("rows", "application/octet-stream"),
];

/// Why the WASM package could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the WASM package in {}; build it with `cargo xtask wasm`, or leave out --wasm-dir", path.display())]
pub struct PackageError {
    path: PathBuf,
    source: std::io::Error,
}

/// Files by name, compressed once, each with the version that its address may carry.
#[derive(Debug, Default)]
pub struct Files {
    by_name: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    version: String,
    answer: Representation,
}

impl Files {
    /// The files in this binary.
    pub fn embedded() -> Self {
        let mut files = Files::default();
        for (name, media_type, bytes) in EMBEDDED {
            // What is no script is no text either, as far as we look.
            let lean = std::str::from_utf8(bytes).ok().filter(|_| *media_type == SCRIPT).map(lean::script);
            let bytes = lean.map_or_else(|| bytes.to_vec(), String::into_bytes);
            files.add(name, Representation::new(media_type, bytes));
        }
        files.add("style.css", Representation::new("text/css; charset=utf-8", page::stylesheet()));
        files
    }

    /// The files of a WASM package; those of no known type are left out.
    pub fn package(dir: &Path) -> Result<Self, PackageError> {
        let mut files = Files::default();
        let mut read = || -> std::io::Result<()> {
            for entry in std::fs::read_dir(dir)? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                let media_type = path.extension().and_then(|extension| media_type(extension.to_str()?));
                if let (Some(name), Some(media_type), true) = (name, media_type, path.is_file()) {
                    let plain = std::fs::read(&path)?;
                    let packed = packed(&path, &plain);
                    files.insert(name, Representation::new(media_type, plain).keep_with(packed));
                }
            }
            Ok(())
        };
        read().map_err(|source| PackageError { path: dir.to_owned(), source })?;
        Ok(files)
    }

    fn add(&mut self, name: &str, answer: Representation) {
        self.insert(name, answer.keep());
    }

    fn insert(&mut self, name: &str, answer: Representation) {
        let version = content_hash(answer.plain());
        self.by_name.insert(name.to_owned(), File { version, answer });
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The address of a file with its version, under which it may be kept for ever; empty where there is no such file.
    pub fn address(&self, folder: &str, name: &str) -> String {
        self.version(name).map(|version| format!("{folder}{name}?v={version}")).unwrap_or_default()
    }

    /// The version of a file: it changes with every byte.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|file| file.version.as_str())
    }

    /// The file, kept for ever by clients that asked for this very version, and checked each time by others.
    fn get(&self, name: &str, query: Option<&str>) -> Result<Representation, Problem> {
        let file = self.by_name.get(name).ok_or_else(Problem::not_found)?;
        let is_pinned = query.and_then(|query| query.strip_prefix("v=")) == Some(&file.version);
        let caching = if is_pinned { Caching::Immutable } else { Caching::Revalidate };
        Ok(file.answer.clone().caching(caching))
    }
}

/// A file's bytes as `NAME.gz` beside it holds them, packed harder than we would; none where there is no such file, or one of
/// other bytes.
fn packed(path: &Path, plain: &[u8]) -> Option<Vec<u8>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    let packed = std::fs::read(name).ok()?;
    let mut unpacked = Vec::with_capacity(plain.len());
    flate2::read::GzDecoder::new(packed.as_slice())
        .take(plain.len() as u64 + 1)
        .read_to_end(&mut unpacked)
        .ok()?;
    (unpacked == plain).then_some(packed)
}

fn media_type(extension: &str) -> Option<&'static str> {
    PACKAGE_TYPES.iter().find(|(known, _)| *known == extension).map(|(_, media_type)| *media_type)
}

/// `GET /assets/{name}`.
pub async fn asset(
    State(app): State<App>,
    UrlPath(name): UrlPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    app.assets().get(&name, query.as_deref())
}

/// `GET /wasm/{name}`.
pub async fn package(
    State(app): State<App>,
    UrlPath(name): UrlPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    app.package().get(&name, query.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_assets_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let files = Files::embedded();
        assert_eq!(there, files.by_name.keys().cloned().collect::<Vec<_>>());
        assert!(!files.is_empty());
    }

    #[test]
    fn what_is_packed_already_is_sent_as_it_is_unless_it_is_of_other_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let plain = b"\0asm and so on, and so on, and so on".repeat(90);
        for (name, held) in [("true_bg.wasm", plain.as_slice()), ("stale_bg.wasm", b"other")] {
            std::fs::write(dir.path().join(name), &plain).unwrap();
            let packed = crate::encoding::Encoding::Gzip.encode(held, crate::encoding::Effort::Once);
            std::fs::write(dir.path().join(format!("{name}.gz")), packed).unwrap();
        }
        let is_ready = |name: &str| packed(&dir.path().join(name), &plain).is_some();
        assert!(is_ready("true_bg.wasm") && !is_ready("stale_bg.wasm") && !is_ready("none_bg.wasm"));
        let files = Files::package(dir.path()).unwrap();
        assert_eq!(files.by_name.keys().collect::<Vec<_>>(), ["stale_bg.wasm", "true_bg.wasm"]);
    }

    #[test]
    fn a_pinned_version_holds_for_ever_and_a_stale_one_does_not() {
        let mut files = Files::default();
        files.add("a.css", Representation::new("text/css; charset=utf-8", "body{}"));
        let version = files.version("a.css").unwrap().to_owned();
        let caching = |query: Option<&str>| files.get("a.css", query).unwrap().cache_control();
        assert_eq!(caching(Some(&format!("v={version}"))), Caching::Immutable.header());
        for query in [None, Some("v=old"), Some(""), Some(version.as_str())] {
            assert_eq!(caching(query), Caching::Revalidate.header(), "{query:?}");
        }
        assert!(files.get("b.css", None).is_err());
    }

    #[test]
    fn a_package_is_its_known_files_and_no_path_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.js"), "1").unwrap();
        std::fs::write(dir.path().join("a_bg.wasm"), b"\0asm").unwrap();
        std::fs::write(dir.path().join("notes.secret"), "no").unwrap();
        std::fs::create_dir(dir.path().join("folder.js")).unwrap();
        let files = Files::package(dir.path()).unwrap();
        assert_eq!(files.get("a_bg.wasm", None).unwrap().media_type(), "application/wasm");
        assert_eq!(files.by_name.keys().collect::<Vec<_>>(), ["a.js", "a_bg.wasm"]);
        assert!(files.get("../a.js", None).is_err());

        let error = Files::package(&dir.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("cargo xtask wasm"), "{error}");
    }
}
