//! A database with many runs.

use std::path::Path;

use anyhow::{Context, Result};
use data::digest::unhex32;
use data::merkle::{Edge, leaf};
use sqlx::{Any, AssertSqlSafe, Transaction};

use crate::bare::opened;

/// Stores so many runs, fifty to a cell, by the database's own arithmetic.
pub async fn fill(folder: &Path, runs: u64) -> Result<()> {
    let pool = opened(folder).await?;
    let engine = data::Engine::embedded();
    let (devices, models) = (engine.catalog.devices(), engine.catalog.models());
    let cells = (runs / 50).max(1);
    let mut line = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "CREATE TEMP TABLE wanted (number INTEGER PRIMARY KEY, device TEXT, model TEXT, depth INTEGER)",
    )
    .execute(&mut *line)
    .await?;
    for number in 0..cells {
        let device = &devices[number as usize % devices.len()].id;
        let model = &models[(number as usize / devices.len()) % models.len()].id;
        sqlx::query("INSERT INTO wanted VALUES ($1, $2, $3, 2048)")
            .bind(number as i64)
            .bind(device)
            .bind(model)
            .execute(&mut *line)
            .await?;
    }
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {})", runs - 1);
    let cell = "w.device || '|' || w.model || '|q4_k_m|llama.cpp|2048|1'";
    for statement in [
        format!(
            "INSERT INTO run {numbers} SELECT 'run' || i, printf('%064x', i), i, 'run', 'signed', 1, '2026-11-22', 'suite-v1', '', 'v' || i, w.device, 1, 24.0, NULL, w.model, 'q4_k_m', 1, '', 'llama.cpp', 'b', 'cuda', 0, '' FROM n JOIN wanted AS w ON w.number = n.i % {cells}"
        ),
        format!(
            "INSERT INTO metric {numbers} SELECT 'run' || i, 0, {cell}, 'v' || i, 1, 'W1', 128, 0, 256, 1, 50.0 + i % 7, NULL, NULL, 50.0, '' FROM n JOIN wanted AS w ON w.number = n.i % {cells}"
        ),
        format!(
            "INSERT INTO event {numbers} SELECT 'run' || i, 0, 1, 'accepted', 'server', -1, '', '' FROM n"
        ),
        format!("INSERT INTO standing {numbers} SELECT 'run' || i, 'accepted', 0, 1 FROM n"),
        format!(
            "INSERT INTO vote {numbers} SELECT {cell}, 'v' || i, 1, 1, 50.0 + i % 7, NULL FROM n JOIN wanted AS w ON w.number = n.i % {cells}"
        ),
        format!(
            "INSERT INTO cell SELECT {cell}, w.device, w.model, 'q4_k_m', 'llama.cpp', 2048, 1, 0, 50, 50, 53.0, 50.0, 56.0, NULL, 0 FROM wanted AS w WHERE true ON CONFLICT DO NOTHING"
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *line).await?;
    }
    log(&mut line, runs).await?;
    line.commit().await?;
    pool.close().await;
    Ok(())
}

/// The log over these runs, so that the next submission continues it.
async fn log(line: &mut Transaction<'static, Any>, runs: u64) -> Result<()> {
    let mut edge = Edge::default();
    for number in 0..runs {
        let digest = unhex32(&format!("{number:064x}")).context("a digest")?;
        for (place, hash) in edge.append(leaf(&digest)) {
            sqlx::query("INSERT INTO log_node (level, position, hash) VALUES ($1, $2, $3)")
                .bind(i64::from(place.level))
                .bind(place.position as i64)
                .bind(&hash[..])
                .execute(&mut **line)
                .await?;
        }
    }
    sqlx::query("UPDATE log_head SET size = $1, peaks = $2, version = version + 1")
        .bind(edge.size as i64)
        .bind(edge.peaks.concat())
        .execute(&mut **line)
        .await?;
    Ok(())
}
