//! `/update/…`: a signed manifest and the files that it names, out of a folder. Whether they are to be believed is for
//! those who fetch them: a signature is checked where it is pinned, not where it is served.

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use data::update::{MANIFEST, MANIFEST_LIMIT_BYTES, Manifest, stays_inside};
use page::messages::EN;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::app::App;
use crate::dump;
use crate::problem::{Kind, Problem};

/// Bytes read at once.
const PIECE: usize = 64 << 10;
/// Pieces that may wait for a slow reader.
const WAITING: usize = 4;
/// What the signature's name ends with.
pub const SIGNATURE: &str = "manifest.json.minisig";

/// A folder with a manifest.
#[derive(Clone, Debug)]
pub struct Updates {
    folder: PathBuf,
}

/// Why a folder cannot be published.
#[derive(Debug, thiserror::Error)]
#[error("--update-dir {}: {says}; `llm-speed-server manifest make` writes such a folder", folder.display())]
pub struct UpdateError {
    folder: PathBuf,
    says: String,
}

impl Updates {
    /// The folder, once it holds a manifest with its signature and every file that it names.
    ///
    /// # Errors
    /// What is missing.
    pub fn open(folder: PathBuf) -> Result<Self, UpdateError> {
        let wrong = |says: String| UpdateError { folder: folder.clone(), says };
        let manifest = read(&folder).map_err(wrong)?;
        let named = manifest.files().map(|(path, _)| path).chain([SIGNATURE]);
        for path in named {
            if !folder.join(path).is_file() {
                return Err(wrong(format!("{path} is not there")));
            }
        }
        Ok(Updates { folder })
    }

    /// The file at a path, where the manifest names it; read anew each time, so that a new manifest needs no restart.
    async fn file(&self, path: String) -> Result<(tokio::fs::File, u64), Problem> {
        let folder = self.folder.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let own = [MANIFEST, SIGNATURE].contains(&path.as_str());
            let is_named =
                own || read(&folder).is_ok_and(|manifest| manifest.files().any(|(one, _)| one == path));
            let file = is_named.then(|| std::fs::File::open(folder.join(&path)).ok()).flatten()?;
            let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
            Some((tokio::fs::File::from_std(file), length))
        });
        opened
            .await
            .unwrap_or_else(|gone| std::panic::resume_unwind(gone.into_panic()))
            .ok_or_else(Problem::not_found)
    }
}

/// The manifest of a folder, with paths that stay in it.
///
/// # Errors
/// In words, what is wrong with it.
pub fn read(folder: &Path) -> Result<Manifest, String> {
    let path = folder.join(MANIFEST);
    let bytes = std::fs::read(&path).map_err(|error| format!("{MANIFEST}: {error}"))?;
    if bytes.len() > MANIFEST_LIMIT_BYTES {
        return Err(format!("{MANIFEST} is longer than the {MANIFEST_LIMIT_BYTES} bytes that probes read"));
    }
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| format!("{MANIFEST}: {error}"))?;
    if let Some((path, _)) = manifest.files().find(|(path, _)| !stays_inside(path)) {
        return Err(format!("{MANIFEST} names {path:?}, which leads out of the folder"));
    }
    Ok(manifest)
}

/// `GET /update/{path}`.
pub async fn file(State(app): State<App>, UrlPath(path): UrlPath<String>) -> Result<Response, Problem> {
    let none = || Problem::new(Kind::NotFound, EN.problem.no_updates);
    let (mut file, length) = app.updates().ok_or_else(none)?.file(path).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            match (&mut file).take(PIECE as u64).read_to_end(&mut piece).await {
                Ok(0) => return,
                Ok(_) if sender.send(Ok(Bytes::from(piece))).await.is_err() => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "a published file was cut short");
                    return;
                }
            }
        }
    });
    let mut response = Response::new(Body::new(dump::Pieces(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    Ok(response)
}
