//! The database. The only room that speaks SQL; it knows nothing of HTTP.
//!
//! SQLite, one file in the data directory, or PostgreSQL. Statements go through `sqlx`'s `Any` driver and are written with
//! `$1 … $n`, which both read, in the SQL that both speak; what differs is the migrations, and how a transaction that
//! writes begins. Everything that writes begins by taking the log's head, so writers stand in line, in one process or in
//! several, and what is read after that holds until the end.

mod address;
mod backup;
mod cells;
mod change;
mod files;
mod intake;
mod keep;
mod ledger;
mod limit;
mod profiles;
mod reports;
mod results;
mod secrets;
mod standing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Any, AnyPool, Connection, Executor, Row, Transaction};

use crate::args::Args;
use crate::private;

pub use address::Addresses;
pub use backup::BackupError;
pub use cells::CellKey;
pub use change::{Actor, Change, Changed, Event, EventKind, Standing};
pub use intake::{Arrival, Intake, Judging};
pub use ledger::Head;
pub use limit::Limit;
pub use profiles::{Contributed, Contribution, Profile};
pub use reports::Report;
pub use results::{Metric, RunRow, Stored};
pub use secrets::Secrets;

/// The name of the database in the data directory.
pub const FILE_NAME: &str = "llm-speed.sqlite3";

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Set on every connection. `recursive_triggers` closes a trap: without it `INSERT OR REPLACE` deletes a row and no
/// trigger hears of it.
const SQLITE_PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 5000;
    PRAGMA foreign_keys = ON;
    PRAGMA recursive_triggers = ON;
";

/// What was acknowledged is on disk, also where an administrator thought otherwise.
const POSTGRES_SETTINGS: &str =
    "SET synchronous_commit = on; SET lock_timeout = '5s'; SET client_min_messages = warning;";

/// Connections kept: SQLite has one writer, and readers are few, since rendered pages are kept.
const CONNECTIONS: u32 = 8;
/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);

/// Why the database could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory is not there and cannot be made.
    #[error("cannot create the data directory {}; name another with --data-dir", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A path that cannot be written as an address.
    #[error("the data directory {} is not UTF-8; name another with --data-dir", path.display())]
    Name {
        /// The path.
        path: PathBuf,
    },
    /// An address that is none of PostgreSQL.
    #[error("--database-url is postgres://user@host/name; without it, a file in --data-dir is used")]
    Url,
    /// The database cannot be opened.
    #[error("cannot open the database {place}; is it there, writable, and a database?")]
    Open {
        /// Where it lies; of a server without what is secret in its address.
        place: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A command on nothing.
    #[error(
        "there is no database of llm-speed-server in {place}; name with --data-dir or --database-url what the server serves from"
    )]
    Absent {
        /// Where one was looked for.
        place: String,
    },
    /// The database is of another version, or was changed by hand.
    #[error("cannot bring the database {place} up to date; it may be from a newer version of this server")]
    Migrate {
        /// Where it lies.
        place: String,
        /// What the driver says.
        source: MigrateError,
    },
    /// A statement failed.
    #[error("the database refused a statement")]
    Query(#[from] sqlx::Error),
    /// What is stored cannot be what we stored.
    #[error("the database holds {0}, which this server never wrote")]
    Broken(&'static str),
    /// The system has no randomness for keys.
    #[error("the system has no randomness for keys")]
    Chance,
    /// The one who writes has stopped.
    #[error("the server is stopping")]
    Stopped,
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// An open database, up to date.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    backend: Backend,
    /// Where it lies, as messages name it.
    place: String,
}

/// What a database says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// When it was created, in milliseconds since 1970, UTC.
    pub created_at_ms: i64,
    /// The number of the last migration that it went through.
    pub schema_version: i64,
}

impl Store {
    /// Opens the database in `data_dir`, creating the directory and the file where they are not there, and brings
    /// it up to date.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data_dir)
            .map_err(|source| StoreError::Directory { path: data_dir.to_owned(), source })?;
        let path = data_dir.join(FILE_NAME);
        // What SQLite makes beside it takes after it. A file that cannot be made is told by the driver below.
        let _ = private::create_new(&path);
        Store::connect(&path_url(&path)?, path.display().to_string(), Backend::Sqlite)
            .await?
            .up_to_date()
            .await
    }

    /// Opens a database of a PostgreSQL server (`postgres://…`) and brings it up to date.
    pub async fn open_url(url: &str) -> Result<Self, StoreError> {
        Store::connect_url(url).await?.up_to_date().await
    }

    /// The database that the command line names, for a server: it is made where there is none.
    pub async fn of(args: &Args) -> Result<Store, StoreError> {
        match &args.database_url {
            Some(url) => Store::open_url(url).await,
            None => Store::open(&args.data_dir).await,
        }
    }

    /// The same for a command: it must be there, or a name with a slip in it would be answered out of nothing.
    pub async fn existing(args: &Args) -> Result<Store, StoreError> {
        let path = args.data_dir.join(FILE_NAME);
        let store = match &args.database_url {
            Some(url) => Store::connect_url(url).await?,
            None if path.is_file() => Store::peek(&path, path.display().to_string()).await?,
            None => return Err(StoreError::Absent { place: args.data_dir.display().to_string() }),
        };
        let is_ours = store.is_ours().await;
        store.close().await;
        if !is_ours? {
            return Err(StoreError::Absent { place: store.place });
        }
        Store::of(args).await
    }

    /// Opens a file to look at it: whosever it is, it stays as it was.
    async fn peek(path: &Path, place: String) -> Result<Self, StoreError> {
        Store::connect_with("PRAGMA query_only = ON;", &path_url(path)?, place, Backend::Sqlite).await
    }

    async fn connect_url(url: &str) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::Url);
        }
        // The password stays out of messages.
        let place = url.rsplit('@').next().and_then(|place| place.split('?').next()).unwrap_or_default();
        Store::connect(url, place.to_owned(), Backend::Postgres).await
    }

    async fn connect(url: &str, place: String, backend: Backend) -> Result<Self, StoreError> {
        let settings = match backend {
            Backend::Sqlite => SQLITE_PRAGMAS,
            Backend::Postgres => POSTGRES_SETTINGS,
        };
        Store::connect_with(settings, url, place, backend).await
    }

    async fn connect_with(
        settings: &'static str,
        url: &str,
        place: String,
        backend: Backend,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(settings).await.map(|_| ()) })
            })
            // SQLite ends a transaction by itself where the disk is full; the driver's own end then fails, and it believes
            // for ever that the transaction is open. Such a connection is closed, and a new one takes its place.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect(url)
            .await
            .map_err(|source| StoreError::Open { place: place.clone(), source })?;
        Ok(Store { pool, backend, place })
    }

    async fn up_to_date(self) -> Result<Self, StoreError> {
        let migrations = match self.backend {
            Backend::Sqlite => &SQLITE,
            Backend::Postgres => &POSTGRES,
        };
        match migrations.run(&self.pool).await {
            Ok(()) => Ok(self),
            Err(source) => Err(StoreError::Migrate { place: self.place, source }),
        }
    }

    /// Whether results are kept in it.
    async fn is_ours(&self) -> Result<bool, StoreError> {
        let row = sqlx::query(match self.backend {
            Backend::Sqlite => {
                "SELECT COUNT(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = 'run'"
            }
            Backend::Postgres => {
                "SELECT COUNT(*) AS tables FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = 'run'"
            }
        })
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get::<i64, _>("tables")? > 0)
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// What the database says about itself: that it answers this is what "ready" means.
    pub async fn meta(&self) -> Result<Meta, StoreError> {
        let row = sqlx::query(
            "SELECT created_at_ms, (SELECT MAX(version) FROM _sqlx_migrations WHERE success) AS version
             FROM meta WHERE one = 1",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Meta { created_at_ms: row.try_get("created_at_ms")?, schema_version: row.try_get("version")? })
    }

    /// A transaction that may write: it has the line to itself from here on.
    async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(match self.backend {
            Backend::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Backend::Postgres => self.pool.begin_with("BEGIN").await?,
        })
    }

    /// Waits for what is under way, writes the log back into the file, and closes it.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The address of a SQLite file.
fn path_url(path: &Path) -> Result<String, StoreError> {
    // A question mark would start the options, a hash the fragment, and a percent sign an escape.
    let text = path.to_str().ok_or_else(|| StoreError::Name { path: path.to_owned() })?;
    let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("sqlite://{text}?mode=rw"))
}
