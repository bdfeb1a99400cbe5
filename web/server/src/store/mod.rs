//! The database. The only room that speaks SQL; it knows nothing of HTTP.
//!
//! SQLite, one file in the data directory. Statements go through `sqlx`'s `Any` driver and are written with
//! `$1 … $n`, which every backend reads, so that a second backend is another directory under `migrations/`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyPool, Executor, Row};

/// The name of the database in the data directory.
pub const FILE_NAME: &str = "llm-speed.sqlite3";

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// Set on every connection. `recursive_triggers` closes a trap: without it `INSERT OR REPLACE` deletes a row and no
/// trigger hears of it.
const SQLITE_PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 5000;
    PRAGMA foreign_keys = ON;
    PRAGMA recursive_triggers = ON;
";

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
    /// The file cannot be opened.
    #[error("cannot open the database {}; is the directory writable, and the file a database?", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The file is of another version, or was changed by hand.
    #[error("cannot bring the database {} up to date; it may be from a newer version of this server", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the driver says.
        source: MigrateError,
    },
    /// A statement failed.
    #[error("the database refused a statement")]
    Query(#[from] sqlx::Error),
}

/// An open database, up to date.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
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
        let url = sqlite_url(&path).ok_or_else(|| StoreError::Name { path: data_dir.to_owned() })?;

        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SQLITE_PRAGMAS).await.map(|_| ()) })
            })
            .connect(&url)
            .await
            .map_err(|source| StoreError::Open { path: path.clone(), source })?;
        SQLITE.run(&pool).await.map_err(|source| StoreError::Migrate { path, source })?;
        Ok(Store { pool })
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

    /// Waits for what is under way, writes the log back into the file, and closes it.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The address of a SQLite file that is created where it is not there.
fn sqlite_url(path: &Path) -> Option<String> {
    // A question mark would start the options, a hash the fragment, and a percent sign an escape.
    let path = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("sqlite://{path}?mode=rwc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("new/ä dir? 100% #1");
        let first = Store::open(&data_dir).await.unwrap();
        let made = first.meta().await.unwrap();
        assert!(made.created_at_ms > 1_700_000_000_000, "{made:?}");
        assert_eq!(made.schema_version, SQLITE.iter().map(|migration| migration.version).max().unwrap());
        first.close().await;
        assert!(data_dir.join(FILE_NAME).is_file());
        assert!(first.meta().await.is_err(), "a closed database is not ready");

        let again = Store::open(&data_dir).await.unwrap();
        assert_eq!(again.meta().await.unwrap(), made);
    }

    #[tokio::test]
    async fn every_connection_has_the_pragmas() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut connection = store.pool.acquire().await.unwrap();
            for (pragma, wanted) in [("synchronous", 2_i64), ("recursive_triggers", 1), ("foreign_keys", 1)] {
                let row = sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}")))
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                assert_eq!(row.get::<i64, _>(0), wanted, "{pragma}");
            }
            let row = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
            assert_eq!(row.get::<String, _>(0), "wal");
            held.push(connection);
        }
    }

    #[tokio::test]
    async fn the_row_that_says_what_it_is_cannot_be_changed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        for statement in [
            "UPDATE meta SET created_at_ms = 1",
            "DELETE FROM meta",
            "INSERT OR REPLACE INTO meta (one, created_at_ms) VALUES (1, 1)",
            "INSERT INTO meta (one, created_at_ms) VALUES (2, 1)",
        ] {
            assert!(sqlx::query(statement).execute(&store.pool).await.is_err(), "{statement}");
        }
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused_with_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(FILE_NAME),
            "no database at all, and long enough to be read as one".repeat(40),
        )
        .unwrap();
        let error = Store::open(dir.path()).await.unwrap_err();
        assert!(error.to_string().contains("cannot open the database"), "{error}");

        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Store::open(&file).await.unwrap_err();
        assert!(error.to_string().contains("--data-dir"), "{error}");
    }
}
