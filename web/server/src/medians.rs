//! What people measured, as pages and programs see it: read from the store when it has changed, kept, compressed once.

use std::sync::Arc;

use data::medians::MedianIndex;
use data::submission::Medians;

use crate::app::App;
use crate::kept::WAITED_FOR;
use crate::representation::Representation;
use crate::store::StoreError;

/// The cells at one moment.
#[derive(Debug)]
pub struct Snapshot {
    version: i64,
    /// By cell.
    pub index: MedianIndex,
    /// `GET /api/v1/medians`.
    pub answer: Representation,
}

impl Snapshot {
    /// Which state of the database it is of: another after everything that was said.
    pub fn version(&self) -> i64 {
        self.version
    }
}

/// The latest snapshot.
pub type Kept = crate::kept::Kept<Snapshot>;

impl Default for Kept {
    fn default() -> Self {
        let answer = Representation::json(&Medians::default()).keep();
        Kept::new(Snapshot { version: -1, index: MedianIndex::default(), answer })
    }
}

/// The cells as they are, or as they were a moment ago.
pub async fn current(app: &App) -> Arc<Snapshot> {
    let latest = app.medians().latest();
    if latest.index.len() <= WAITED_FOR {
        return app.medians().current(NAME, async || refresh(app).await).await;
    }
    let app = app.clone();
    tokio::spawn(async move { app.medians().unhurried(NAME, async || refresh(&app).await).await });
    latest
}

/// What the log calls them.
const NAME: &str = "medians";

async fn refresh(app: &App) -> Result<Option<Snapshot>, StoreError> {
    let version = app.store().head().await?.version;
    if version == app.medians().latest().version {
        return Ok(None);
    }
    let medians = Medians { cells: app.store().cells().await? };
    let made = tokio::task::spawn_blocking(move || {
        let answer = Representation::json(&medians).keep();
        Snapshot { version, index: MedianIndex::new(medians), answer }
    });
    let snapshot = made.await.map_err(|_| StoreError::Stopped)?;
    // Pages that were kept show other medians, or other reports behind the same ones.
    app.shelf().clear();
    Ok(Some(snapshot))
}
