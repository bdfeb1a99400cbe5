//! What people measured, as pages and programs see it: read from the store when it has changed, kept, compressed once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use data::medians::MedianIndex;
use data::submission::Medians;
use tokio::sync::Mutex;

use crate::app::App;
use crate::representation::Representation;
use crate::store::StoreError;

/// How old an answer may be before it is asked whether it still holds.
const FRESH: Duration = Duration::from_secs(1);
/// Making an answer anew may take this share of the time: with many cells it is made less often.
const SHARE: u32 = 10;

/// The cells at one moment.
#[derive(Debug)]
pub struct Snapshot {
    version: i64,
    /// By cell.
    pub index: MedianIndex,
    /// `GET /api/v1/medians`.
    pub answer: Representation,
}

/// The latest snapshot.
#[derive(Debug)]
pub struct Kept {
    latest: RwLock<Arc<Snapshot>>,
    /// Not asked again before this moment.
    next: Mutex<Instant>,
    /// Something came through this process: worth a look before time.
    stale: AtomicBool,
}

impl Default for Kept {
    fn default() -> Self {
        let answer = Representation::json(&Medians::default()).keep();
        Kept {
            latest: RwLock::new(Arc::new(Snapshot { version: -1, index: MedianIndex::default(), answer })),
            next: Mutex::new(Instant::now()),
            stale: AtomicBool::new(false),
        }
    }
}

impl Kept {
    fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something changed that this process knows of.
    pub fn touch(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }
}

/// The cells as they are, or as they were a moment ago: whoever asks while they are being read gets the last ones, and so
/// does everybody while the database is away.
pub async fn current(app: &App) -> Arc<Snapshot> {
    let kept = app.medians();
    let Ok(mut next) = kept.next.try_lock() else { return kept.latest() };
    let touched = kept.stale.swap(false, Ordering::Relaxed);
    if Instant::now() < *next && !touched {
        return kept.latest();
    }
    let begun = Instant::now();
    if let Err(error) = refresh(app).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "medians could not be read");
    }
    *next = Instant::now() + FRESH.max(begun.elapsed() * SHARE);
    kept.latest()
}

async fn refresh(app: &App) -> Result<(), StoreError> {
    let version = app.store().head().await?.version;
    if version == app.medians().latest().version {
        return Ok(());
    }
    let medians = Medians { cells: app.store().cells().await? };
    let made = tokio::task::spawn_blocking(move || {
        let answer = Representation::json(&medians).keep();
        Snapshot { version, index: MedianIndex::new(medians), answer }
    });
    let snapshot = made.await.map_err(|_| StoreError::Stopped)?;
    *app.medians().latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    // Pages that were kept show other medians, or other reports behind the same ones.
    app.shelf().clear();
    Ok(())
}
