//! What nobody may do to the tables, whoever speaks SQL.

use sqlx::Row;

use super::*;
use crate::store::{Backend, FILE_NAME};

/// Statements that change or remove what was written once.
const FORBIDDEN: &[&str] = &[
    "UPDATE run SET model = 'other'",
    "DELETE FROM run",
    "UPDATE metric SET decode_tps = 1",
    "DELETE FROM metric",
    "UPDATE apart SET answer_tps = 1",
    "DELETE FROM apart",
    "UPDATE event SET says = 'nothing'",
    "DELETE FROM event",
    "UPDATE payload SET signatures = 'forged'",
    "DELETE FROM payload",
    "UPDATE log_node SET level = 7",
    "DELETE FROM log_node",
    "UPDATE log_head SET size = 0",
    "DELETE FROM log_head",
    "UPDATE signing_key SET hardware = ''",
    "UPDATE machine_tag SET hardware = ''",
    "DELETE FROM machine_tag",
    "UPDATE banned_key SET says = 'nothing'",
    "DELETE FROM banned_key",
    "UPDATE erasure SET digest = 'other'",
    "DELETE FROM erasure",
    "DELETE FROM standing",
    "UPDATE standing SET run = 'other'",
    "UPDATE standing SET events = 0",
    "UPDATE standing SET base = 'accepted'",
    "UPDATE standing SET base = 'accepted', events = events + 1",
    "UPDATE standing SET events = events + 2",
    "UPDATE log_head SET peaks = NULL",
    "UPDATE log_head SET version = 0",
    "UPDATE log_head SET size = size + 1",
    "UPDATE secret SET value = value",
    "DELETE FROM secret",
    "UPDATE meta SET created_at_ms = 1",
    "DELETE FROM meta",
];

/// Ways to replace a row without updating or deleting it.
const REPLACING: &[(Backend, &str)] = &[
    (Backend::Sqlite, "INSERT OR REPLACE INTO payload SELECT digest, bytes, 'forged' FROM payload"),
    (
        Backend::Sqlite,
        "INSERT OR REPLACE INTO event SELECT run, number, at_ms, kind, actor, dispute, code, 'forged' FROM event",
    ),
    (Backend::Sqlite, "REPLACE INTO apart SELECT run, point, 1.0, 1.0 FROM apart"),
    (Backend::Sqlite, "REPLACE INTO log_node SELECT level, position, hash FROM log_node"),
    (Backend::Sqlite, "INSERT OR REPLACE INTO log_head VALUES (1, 0, x'', 0)"),
    (Backend::Sqlite, "INSERT OR REPLACE INTO machine_tag SELECT tag, 'other' FROM machine_tag"),
    (Backend::Sqlite, "INSERT OR REPLACE INTO banned_key SELECT key, at_ms, 'forged' FROM banned_key"),
    (Backend::Sqlite, "INSERT OR REPLACE INTO erasure SELECT * FROM erasure"),
    (Backend::Sqlite, "INSERT OR REPLACE INTO meta (one, created_at_ms) VALUES (1, 1)"),
    (
        Backend::Postgres,
        "INSERT INTO payload SELECT digest, bytes, 'forged' FROM payload ON CONFLICT (digest) DO UPDATE SET signatures = 'forged'",
    ),
    (Backend::Postgres, "TRUNCATE run CASCADE"),
    (Backend::Postgres, "TRUNCATE payload"),
    (Backend::Postgres, "TRUNCATE apart"),
    (Backend::Postgres, "TRUNCATE event"),
    (Backend::Postgres, "TRUNCATE machine_tag"),
    (Backend::Postgres, "TRUNCATE banned_key"),
    (Backend::Postgres, "TRUNCATE erasure"),
    (Backend::Postgres, "TRUNCATE log_node"),
    (Backend::Postgres, "TRUNCATE log_head"),
    (Backend::Postgres, "TRUNCATE standing"),
    (Backend::Sqlite, "UPDATE log_head SET peaks = x''"),
    (Backend::Sqlite, "UPDATE log_head SET peaks = zeroblob(32)"),
    (Backend::Sqlite, "INSERT OR REPLACE INTO standing VALUES ('one', 'withdrawn', 0, 9)"),
    (Backend::Postgres, "UPDATE log_head SET peaks = ''"),
];

/// A row in every table that is written once: a statement that finds none would do nothing, and look allowed.
async fn fill(own: &Own) {
    let judging = own.judging(30).await;
    for (who, id) in [(1, "one"), (2, "two")] {
        let run = sample::reasoned(sample::run(who, sample::estimated("rtx-3090")));
        let taken = own.store.take(&[arrival(candidate(who, &run), id, id)], &judging).await.unwrap();
        assert!(taken[0].is_ok(), "{taken:?}");
    }
    assert!(own.store.erase("two", "asked for by the submitter", now_ms()).await.unwrap());
    own.store.ban_key("ab", "it signed what was made up", now_ms()).await.unwrap();
}

/// The database refuses a statement, and its own rule is why.
async fn refused(pool: &sqlx::AnyPool, statement: &'static str) {
    let says = match sqlx::query(statement).execute(pool).await {
        Ok(done) => panic!("{statement}: done, {} rows", done.rows_affected()),
        Err(error) => error.to_string(),
    };
    let rules = ["append-only", "has this row", "only grows", "written once", "is kept", "moves with"];
    // A column that must not be empty may say so before its table's rule does.
    let is_empty = statement.contains("= NULL") && says.to_lowercase().contains("null");
    assert!(is_empty || rules.iter().any(|rule| says.contains(rule)), "{statement}: {says}");
}

on_both! {
    async fn what_was_written_once_stays(own: &Own) {
        fill(own).await;
        let before = own.store.result("one").await.unwrap().unwrap();
        for statement in FORBIDDEN {
            refused(&own.store.pool, statement).await;
        }
        for (backend, statement) in REPLACING {
            if *backend == own.store.backend() {
                refused(&own.store.pool, statement).await;
            }
        }
        assert_eq!(own.store.result("one").await.unwrap().unwrap(), before);
    }

    /// A column that nobody has decided about is a failure.
    async fn every_column_is_public_or_private(own: &Own) {
        let statement = match own.store.backend() {
            Backend::Sqlite => "SELECT m.name || '.' || p.name AS name FROM sqlite_master AS m
                JOIN pragma_table_info(m.name) AS p WHERE m.type = 'table' AND m.name NOT LIKE '%sqlx%'",
            Backend::Postgres => "SELECT CAST(table_name || '.' || column_name AS TEXT) AS name FROM information_schema.columns
                WHERE table_schema = 'public' AND table_name NOT LIKE '%sqlx%'",
        };
        let rows = sqlx::query(statement).fetch_all(&own.store.pool).await.unwrap();
        let mut there: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
        there.sort();
        let listed = crate::dump::COLUMNS.iter().flat_map(|(table, _, columns)| columns.iter().map(move |column| format!("{table}.{column}")));
        let mut listed: Vec<String> = listed.collect();
        listed.sort();
        assert_eq!(there, listed);
    }

    async fn a_database_is_made_once_and_found_again(own: &Own) {
        let made = own.store.meta().await.unwrap();
        assert!(made.created_at_ms > 1_700_000_000_000, "{made:?}");
        assert_eq!(made.schema_version, 6);
        let keys = own.store.secrets().await.unwrap();
        let again = own.another().await;
        assert_eq!(again.meta().await.unwrap(), made);
        let found = again.secrets().await.unwrap();
        assert_eq!((found.log_seed, found.pepper), (keys.log_seed, keys.pepper));
        again.close().await;
        assert!(again.meta().await.is_err(), "a closed database is not ready");
    }

    async fn erased_bytes_leave_their_place_in_the_log(own: &Own) {
        let judging = own.judging(30).await;
        let run = sample::run(1, sample::estimated("rtx-3090"));
        let taken = own.store.take(&[arrival(candidate(1, &run), "a", "one")], &judging).await.unwrap();
        let digest = taken[0].as_ref().unwrap().digest.clone();
        let head = own.store.head().await.unwrap();
        assert!(own.store.erase("one", "asked for by the submitter", now_ms()).await.unwrap());
        assert!(!own.store.erase("one", "again", now_ms()).await.unwrap());
        // Nothing takes the place of what was erased.
        let other = sqlx::query("INSERT INTO payload (digest, bytes, signatures) SELECT $1, hash, '' FROM log_node")
            .bind(&digest)
            .execute(&own.store.pool)
            .await;
        assert!(other.unwrap_err().to_string().contains("was erased"));
        let after = own.store.result("one").await.unwrap().unwrap();
        assert_eq!(after.payload, None);
        assert_eq!(own.store.head().await.unwrap().edge, head.edge);
        assert_eq!(own.store.log_index(&digest).await.unwrap(), Some(0));
    }
}

/// The guard holds where the pragma that SQLite needs was forgotten, as it is by most tools.
#[tokio::test]
async fn replacing_is_refused_without_the_pragma_too() {
    let own = Own::sqlite().await.unwrap();
    fill(&own).await;
    let url = format!("sqlite://{}", own.dir.path().join(FILE_NAME).display());
    let other = sqlx::AnyPool::connect(&url).await.unwrap();
    for (backend, statement) in REPLACING {
        if *backend == Backend::Sqlite && !statement.contains("meta") {
            refused(&other, statement).await;
        }
    }
    other.close().await;
}
