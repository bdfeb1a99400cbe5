//! The table of runs, campaigns and submissions together: made when the store has changed, and kept.

use std::sync::{Arc, OnceLock};

use data::runs::RunRows;
use data::table::Table;
use data::table::make::Maker;
use page::benchmarks::{Around, Offers, WantedCell};
use page::gather;

use crate::app::App;
use crate::kept::WAITED_FOR;
use crate::representation::Representation;
use crate::store::StoreError;

/// Up to this many rows browsers may sort by themselves; of a larger table the server sends pages.
const CARRIED: usize = 5000;

/// The table at one moment.
#[derive(Debug)]
pub struct Snapshot {
    version: i64,
    /// The table.
    pub table: Table,
    wanted: OnceLock<Vec<WantedCell>>,
    offers: OnceLock<Offers>,
    packed: OnceLock<Option<Representation>>,
}

/// The latest table, and what makes the next.
#[derive(Debug)]
pub struct Kept {
    latest: crate::kept::Kept<Snapshot>,
    maker: Arc<Maker>,
}

impl Kept {
    /// Begins with no table; the first who asks makes it.
    pub fn new(engine: data::Engine<'static>) -> Self {
        let maker = Arc::new(Maker::new(engine, RunRows::embedded()));
        Kept { latest: crate::kept::Kept::new(Snapshot::new(-1, Table::default())), maker }
    }

    /// Something changed that this process knows of.
    pub fn touch(&self) {
        self.latest.touch();
    }
}

impl Snapshot {
    fn new(version: i64, table: Table) -> Self {
        Snapshot { version, table, wanted: OnceLock::new(), offers: OnceLock::new(), packed: OnceLock::new() }
    }

    /// What stands around the table: the same for all who ask, whatever they ask.
    pub fn around(&self, app: &App) -> Around<'_> {
        let wanted = self.wanted.get_or_init(|| gather::wanted_runs(app.engine(), &self.table));
        let offers = self.offers.get_or_init(|| Offers::of(&self.table));
        Around { runs: RunRows::embedded(), wanted, offers }
    }

    /// The whole table for browsers that sort by themselves; none where it is too large for that.
    pub fn packed(&self) -> Option<Representation> {
        let pack = || {
            let bytes = data::table::to_bytes(&self.table).filter(|_| self.table.rows.len() <= CARRIED)?;
            Some(Representation::new("application/octet-stream", bytes).keep())
        };
        self.packed.get_or_init(pack).clone()
    }
}

/// The table as it is, or as it was a moment ago.
pub async fn current(app: &App) -> Arc<Snapshot> {
    let latest = app.benchmarks().latest.latest();
    if latest.table.rows.len() <= WAITED_FOR {
        return app.benchmarks().latest.current(NAME, async || refresh(app).await).await;
    }
    let app = app.clone();
    tokio::spawn(async move { app.benchmarks().latest.unhurried(NAME, async || refresh(&app).await).await });
    latest
}

/// What the log calls it.
const NAME: &str = "the table of runs";

async fn refresh(app: &App) -> Result<Option<Snapshot>, StoreError> {
    let version = app.store().head().await?.version;
    if version == app.benchmarks().latest.latest().version {
        return Ok(None);
    }
    let reports = app.store().standing_reports().await?;
    let maker = Arc::clone(&app.benchmarks().maker);
    let made = tokio::task::spawn_blocking(move || Snapshot::new(version, maker.table(&reports)));
    made.await.map(Some).map_err(|_| StoreError::Stopped)
}
