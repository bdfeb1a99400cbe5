//! What only a file has.

use sqlx::Row;

use super::*;
use crate::store::{CONNECTIONS, FILE_NAME, SQLITE, StoreError};

#[tokio::test]
async fn every_connection_has_the_pragmas() {
    let own = Own::sqlite().await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut connection = own.store.pool.acquire().await.unwrap();
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

/// As on a full disk: SQLite itself ends the transaction, and the driver's own end of it fails.
#[tokio::test]
async fn a_transaction_that_sqlite_ended_takes_no_connection_with_it() {
    let own = Own::sqlite().await.unwrap();
    sqlx::query("CREATE TABLE one (number INTEGER PRIMARY KEY)").execute(&own.store.pool).await.unwrap();
    sqlx::query("INSERT INTO one VALUES (1)").execute(&own.store.pool).await.unwrap();
    for _ in 0..2 * CONNECTIONS {
        let mut line = own.store.begin().await.unwrap();
        let again = sqlx::query("INSERT OR ROLLBACK INTO one VALUES (1)").execute(&mut *line).await;
        assert!(again.unwrap_err().to_string().contains("UNIQUE"));
    }
    own.store.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_folder_may_be_called_anything() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("new/ä dir? 100% #1");
    let store = Store::open(&data_dir).await.unwrap();
    let newest = SQLITE.iter().map(|migration| migration.version).max().unwrap();
    assert_eq!(store.meta().await.unwrap().schema_version, newest);
    assert!(data_dir.join(FILE_NAME).is_file());
}

#[tokio::test]
async fn what_is_no_database_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let text = "no database at all, and long enough to be read as one".repeat(40);
    std::fs::write(dir.path().join(FILE_NAME), text).unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(error.to_string().contains("cannot open the database"), "{error}");

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file).await.unwrap_err();
    assert!(error.to_string().contains("cannot create the data directory"), "{error}");
    assert!(matches!(Store::open_url("mysql://x").await, Err(StoreError::Url)));
    let error = Store::open_url("postgres://me:secret@127.0.0.1:1/none").await.unwrap_err();
    assert!(
        !error.to_string().contains("secret") && error.to_string().contains("127.0.0.1:1/none"),
        "{error}"
    );
}
