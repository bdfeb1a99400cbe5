//! What is shown of many results at once, kept as they come: each submitter's vote, and each cell's median.

use std::collections::BTreeSet;

use data::submission::{MEDIAN_FROM, MedianCell};
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::{Store, StoreError};
use crate::gate::judge::Reports;
use crate::gate::plausible::median;

/// The latest reports that a new one is compared with: more would not narrow anything.
const COMPARED: i64 = 200;

/// What others and the same submitter say of a cell.
pub(super) async fn reports(
    line: &mut sqlx::AnyConnection,
    cell: &str,
    voter: &str,
) -> Result<Reports, StoreError> {
    let rows = sqlx::query(
        "SELECT voter, decode_tps, prefill_tps FROM vote WHERE cell = $1 ORDER BY at_ms DESC, voter LIMIT $2",
    )
    .bind(cell)
    .bind(COMPARED)
    .fetch_all(&mut *line)
    .await?;
    let mut reports = Reports::default();
    for row in rows {
        if row.try_get::<String, _>("voter")? != voter {
            reports.decode_tps.extend(row.try_get::<Option<f64>, _>("decode_tps")?);
            reports.prefill_tps.extend(row.try_get::<Option<f64>, _>("prefill_tps")?);
        }
    }
    let own = sqlx::query("SELECT decode_tps FROM vote WHERE cell = $1 AND voter = $2")
        .bind(cell)
        .bind(voter)
        .fetch_optional(&mut *line)
        .await?;
    reports.own_decode_tps = own.map(|row| row.try_get("decode_tps")).transpose()?.flatten();
    Ok(reports)
}

/// Counts a voter anew in a cell, by all of its results there that count, and the cell after it.
pub(super) async fn recount(
    line: &mut Transaction<'static, Any>,
    cell: &str,
    voter: &str,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT metric.decode_tps, metric.prefill_tps, run.evidence, run.received_at_ms
         FROM metric JOIN run ON run.id = metric.run JOIN standing ON standing.run = metric.run
         WHERE metric.cell = $1 AND metric.voter = $2 AND metric.counts = 1
           AND standing.base IN ('accepted', 'reinstated')",
    )
    .bind(cell)
    .bind(voter)
    .fetch_all(&mut **line)
    .await?;
    sqlx::query("DELETE FROM vote WHERE cell = $1 AND voter = $2")
        .bind(cell)
        .bind(voter)
        .execute(&mut **line)
        .await?;
    if !rows.is_empty() {
        let (mut decode, mut prefill, mut signed, mut at_ms) = (Vec::new(), Vec::new(), false, 0);
        for row in &rows {
            decode.extend(row.try_get::<Option<f64>, _>("decode_tps")?);
            prefill.extend(row.try_get::<Option<f64>, _>("prefill_tps")?);
            signed |= row.try_get::<String, _>("evidence")? == "signed";
            at_ms = at_ms.max(row.try_get::<i64, _>("received_at_ms")?);
        }
        sqlx::query(
            "INSERT INTO vote (cell, voter, at_ms, signed, decode_tps, prefill_tps)
             VALUES ($1, $2, $3, $4, NULLIF($5, CAST(-1 AS DOUBLE PRECISION)), NULLIF($6, CAST(-1 AS DOUBLE PRECISION)))",
        )
        .bind(cell)
        .bind(voter)
        .bind(at_ms)
        .bind(i64::from(signed))
        .bind(present(median(&decode)))
        .bind(present(median(&prefill)))
        .execute(&mut **line)
        .await?;
    }
    refresh(line, cell).await
}

/// A figure, or -1 for none: a missing one has no type of its own on its way to PostgreSQL.
pub(super) fn present(value: Option<f64>) -> f64 {
    value.unwrap_or(-1.0)
}

/// Writes down what is shown of a cell. Its count is of those who tell a decode speed: that is what the median is of.
async fn refresh(line: &mut Transaction<'static, Any>, cell: &str) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(decode_tps) AS decodes, COUNT(prefill_tps) AS prefills,
                COUNT(CASE WHEN signed = 1 AND decode_tps IS NOT NULL THEN 1 END) AS signed,
                MIN(decode_tps) AS low, MAX(decode_tps) AS high
         FROM vote WHERE cell = $1",
    )
    .bind(cell)
    .fetch_one(&mut **line)
    .await?;
    let (decodes, prefills): (i64, i64) = (row.try_get("decodes")?, row.try_get("prefills")?);
    let decode = middle(line, cell, Figure::Decode, decodes).await?;
    let prefill = middle(line, cell, Figure::Prefill, prefills).await?;
    let key = CellKey::of(cell)?;
    sqlx::query(
        "INSERT INTO cell (cell, device, model, quant, runtime, depth_tokens, streams, speculative, count, signed,
                           decode_tps, decode_low, decode_high, prefill_tps, prefills)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                 NULLIF($11, CAST(-1 AS DOUBLE PRECISION)), NULLIF($12, CAST(-1 AS DOUBLE PRECISION)),
                 NULLIF($13, CAST(-1 AS DOUBLE PRECISION)), NULLIF($14, CAST(-1 AS DOUBLE PRECISION)), $15)
         ON CONFLICT (cell) DO UPDATE SET count = EXCLUDED.count, signed = EXCLUDED.signed,
             decode_tps = EXCLUDED.decode_tps, decode_low = EXCLUDED.decode_low,
             decode_high = EXCLUDED.decode_high, prefill_tps = EXCLUDED.prefill_tps, prefills = EXCLUDED.prefills",
    )
    .bind(cell)
    .bind(key.device)
    .bind(key.model)
    .bind(key.quant)
    .bind(key.runtime)
    .bind(key.depth_tokens)
    .bind(key.streams)
    .bind(i64::from(key.speculative))
    .bind(decodes)
    .bind(row.try_get::<i64, _>("signed")?)
    .bind(present(decode))
    .bind(present(row.try_get("low")?))
    .bind(present(row.try_get("high")?))
    .bind(present(prefill))
    .bind(prefills)
    .execute(&mut **line)
    .await?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Figure {
    Decode,
    Prefill,
}

/// The median of a figure over the votes of a cell, out of its index.
async fn middle(
    line: &mut Transaction<'static, Any>,
    cell: &str,
    figure: Figure,
    count: i64,
) -> Result<Option<f64>, StoreError> {
    if count == 0 {
        return Ok(None);
    }
    let statement = match figure {
        Figure::Decode => {
            "SELECT decode_tps AS speed FROM vote WHERE cell = $1 AND decode_tps IS NOT NULL
             ORDER BY decode_tps LIMIT $2 OFFSET $3"
        }
        Figure::Prefill => {
            "SELECT prefill_tps AS speed FROM vote WHERE cell = $1 AND prefill_tps IS NOT NULL
             ORDER BY prefill_tps LIMIT $2 OFFSET $3"
        }
    };
    let rows = sqlx::query(statement)
        .bind(cell)
        .bind(2 - count % 2)
        .bind((count - 1) / 2)
        .fetch_all(&mut **line)
        .await?;
    let speeds: Vec<f64> = rows.iter().map(|row| row.try_get("speed")).collect::<Result<_, _>>()?;
    Ok(median(&speeds))
}

/// The parts of a cell's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellKey<'a> {
    /// Machine.
    pub device: &'a str,
    /// Model id.
    pub model: &'a str,
    /// Quantisation id.
    pub quant: &'a str,
    /// The runtime.
    pub runtime: &'a str,
    /// Depth bucket, by its longest context in tokens.
    pub depth_tokens: i64,
    /// Streams.
    pub streams: i64,
    /// Whether speculation was on.
    pub speculative: bool,
}

impl<'a> CellKey<'a> {
    /// The key without depth and streams: what all cells of one setup share.
    pub fn setup(&self) -> String {
        let CellKey { device, model, quant, runtime, speculative, .. } = self;
        format!("{device}|{model}|{quant}|{runtime}|{speculative}")
    }

    /// Reads a key.
    pub fn of(cell: &'a str) -> Result<Self, StoreError> {
        let parts: Vec<&str> = cell.split('|').collect();
        let number = |text: &str| text.parse().map_err(|_| StoreError::Broken("a cell without a depth"));
        match parts[..] {
            [device, model, quant, runtime, depth, streams, ref rest @ ..] if rest.len() <= 1 => {
                Ok(CellKey {
                    device,
                    model,
                    quant,
                    runtime,
                    depth_tokens: number(depth)?,
                    streams: number(streams)?,
                    speculative: rest == ["speculative"],
                })
            }
            _ => Err(StoreError::Broken("a cell of another form")),
        }
    }
}

/// The cells that a result is in, each once.
pub(super) async fn cells_of(
    line: &mut Transaction<'static, Any>,
    run: &str,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let rows = sqlx::query("SELECT cell, voter FROM metric WHERE run = $1 AND counts = 1")
        .bind(run)
        .fetch_all(&mut **line)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("cell")?, row.try_get("voter")?))).collect()
}

impl Store {
    /// The cells of a model on a device, by their keys.
    pub async fn cells_of_device(
        &self,
        device: &str,
        model: &str,
    ) -> Result<Vec<(String, MedianCell)>, StoreError> {
        let rows = sqlx::query(
            "SELECT cell, device, model, quant, runtime, depth_tokens, streams, speculative, count, signed,
                    decode_tps, decode_low, decode_high, prefill_tps, prefills
             FROM cell WHERE device = $1 AND model = $2",
        )
        .bind(device)
        .bind(model)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("cell")?, cell(row)?))).collect()
    }

    /// What each machine with a signed run says of a cell's decode, tokens a second, the latest first. Runs without a tag
    /// are no machines: nothing tells one from the other.
    pub async fn signed_votes(&self, cell: &str) -> Result<Vec<f64>, StoreError> {
        let rows = sqlx::query(
            "SELECT decode_tps FROM vote
             WHERE cell = $1 AND signed = 1 AND decode_tps IS NOT NULL AND voter NOT LIKE 'r%'
             ORDER BY at_ms DESC, voter LIMIT $2",
        )
        .bind(cell)
        .bind(COMPARED)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("decode_tps")?)).collect()
    }

    /// Every cell that has a report, by setup.
    pub async fn cells(&self) -> Result<Vec<MedianCell>, StoreError> {
        let rows = sqlx::query(
            "SELECT device, model, quant, runtime, depth_tokens, streams, speculative, count, signed,
                    decode_tps, decode_low, decode_high, prefill_tps, prefills
             FROM cell WHERE count > 0",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut cells: Vec<MedianCell> = rows.iter().map(cell).collect::<Result<_, _>>()?;
        cells.sort_by(MedianCell::by_setup);
        Ok(cells)
    }
}

fn cell(row: &AnyRow) -> Result<MedianCell, StoreError> {
    let number = |name: &str| -> Result<u32, StoreError> {
        u32::try_from(row.try_get::<i64, _>(name)?).map_err(|_| StoreError::Broken("a count of another size"))
    };
    let count = number("count")?;
    let shown = count >= MEDIAN_FROM;
    let speed = |name: &str| -> Result<Option<f64>, StoreError> { Ok(row.try_get(name)?) };
    let range = speed("decode_low")?.zip(speed("decode_high")?).map(|(low, high)| [low, high]);
    Ok(MedianCell {
        device: row.try_get("device")?,
        model: row.try_get("model")?,
        quant: row.try_get("quant")?,
        runtime: row.try_get("runtime")?,
        depth_tokens: number("depth_tokens")?,
        streams: number("streams")?,
        speculative: row.try_get::<i64, _>("speculative")? == 1,
        count,
        signed: number("signed")?,
        decode_tps: speed("decode_tps")?.filter(|_| shown),
        decode_range: range.filter(|_| shown),
        prefill_tps: speed("prefill_tps")?
            .filter(|_| number("prefills").is_ok_and(|count| count >= MEDIAN_FROM)),
    })
}
