//! What the database does by itself: the same inserts, without the server.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use server::store::{FILE_NAME, Store};
use sqlx::{AnyPool, AssertSqlSafe};

use crate::sample;

/// What a statement binds.
enum Value {
    Id,
    Name,
    Bytes,
    Number,
}
use Value::{Bytes, Id, Name, Number};

/// Transactions a second of the same rows, one transaction a run, with no server and no decision.
pub async fn bare_loop(pool: &AnyPool, begin: &'static str, count: usize) -> Result<f64> {
    let run = sample::run(1, 100.0);
    let payload = serde_json::to_vec(&run)?;
    let begun = Instant::now();
    for number in 0..count {
        let mut line = pool.begin_with(begin).await?;
        let (id, name) = (format!("run{number}"), format!("{number:064x}"));
        // Each with what it binds, in order: PostgreSQL wants every parameter to be used.
        let statements: [(&'static str, &[Value]); 8] = [
            ("INSERT INTO payload (digest, bytes, signatures) VALUES ($1, $2, '')", &[Name, Bytes]),
            (
                "INSERT INTO run VALUES ($1, $2, $3, 'run', 'signed', 1, '2026-11-22', 'suite-v1', '', 'v', 'rtx-3090', 1, 24.0, NULL, 'llama-3.1-8b', 'q4_k_m', 1, '', 'llama.cpp', 'b', 'cuda', 0, '')",
                &[Id, Name, Number],
            ),
            (
                "INSERT INTO metric VALUES ($1, 0, 'c', 'v', 1, 'W1', 128, 0, 256, 1, 100.0, NULL, NULL, 100.0, '')",
                &[Id],
            ),
            ("INSERT INTO event VALUES ($1, 0, 1, 'accepted', 'server', -1, '', '')", &[Id]),
            ("INSERT INTO event VALUES ($1, 1, 1, 'remark', 'server', -1, 'file_unverified', '')", &[Id]),
            ("INSERT INTO standing VALUES ($1, 'accepted', 0, 2)", &[Id]),
            ("INSERT INTO nonce VALUES ($1, 1)", &[Id]),
            ("INSERT INTO log_node VALUES (0, $1, $2)", &[Number, Bytes]),
        ];
        for (statement, values) in statements {
            let mut query = sqlx::query(statement);
            for value in values {
                query = match value {
                    Id => query.bind(&id),
                    Name => query.bind(&name),
                    Bytes => query.bind(&payload[..]),
                    Number => query.bind(number as i64),
                };
            }
            query.execute(&mut *line).await?;
        }
        line.commit().await?;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// A database of ours, and a pool on it with the same settings.
pub async fn opened(folder: &Path) -> Result<AnyPool> {
    let store = Store::open(folder).await?;
    store.close().await;
    let path: PathBuf = folder.join(FILE_NAME);
    let pool = sqlx::any::AnyPoolOptions::new()
        .max_connections(1)
        .connect(&format!("sqlite://{}", path.display()))
        .await?;
    for pragma in ["journal_mode = WAL", "synchronous = FULL", "recursive_triggers = ON"] {
        sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_all(&pool).await?;
    }
    Ok(pool)
}

/// The same of a PostgreSQL database.
pub async fn opened_url(url: &str) -> Result<AnyPool> {
    let store = Store::open_url(url).await?;
    store.close().await;
    let pool = sqlx::any::AnyPoolOptions::new().max_connections(1).connect(url).await?;
    sqlx::query("SET synchronous_commit = on").execute(&pool).await?;
    Ok(pool)
}
