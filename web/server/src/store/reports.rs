//! Single reports behind medians and boards: only those that count.

use data::submission::EvidenceClass;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Store, StoreError};

/// One measured point of a result that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Id of the result.
    pub run: String,
    /// SHA-256 of its payload.
    pub digest: String,
    /// How it is backed.
    pub evidence: EvidenceClass,
    /// Day of the measurement.
    pub measured_on: String,
    /// Who it votes for.
    pub voter: String,
    /// Its cell.
    pub cell: String,
    /// The suite's workload; empty for a paste.
    pub workload: String,
    /// Tokens of the prompt, those in the cache included.
    pub prompt_tokens: u32,
    /// Of them in the cache before.
    pub cached_tokens: u32,
    /// Tokens answered, each stream.
    pub output_tokens: u32,
    /// Streams.
    pub streams: u32,
    /// Decode, tokens a second and stream.
    pub decode_tps: f64,
    /// Prefill, tokens a second.
    pub prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// What the estimator expected of decode when it came, tokens a second.
    pub estimate_tps: Option<f64>,
}

macro_rules! reports {
    ($rest:literal) => {
        concat!(
            "SELECT run.id, run.digest, run.evidence, run.measured_on, metric.voter, metric.cell, metric.workload,
                    metric.prompt_tokens, metric.cached_tokens, metric.output_tokens, metric.streams,
                    metric.decode_tps, metric.prefill_tps, metric.ttft_ms, metric.estimate_tps
             FROM metric JOIN run ON run.id = metric.run JOIN standing ON standing.run = metric.run
             WHERE metric.counts = 1 AND metric.decode_tps IS NOT NULL
               AND standing.base IN ('accepted', 'reinstated') AND ",
            $rest
        )
    };
}

fn report(row: &AnyRow) -> Result<Report, StoreError> {
    let count = |name: &str| -> Result<u32, StoreError> { Ok(row.try_get::<i64, _>(name)? as u32) };
    let evidence: String = row.try_get("evidence")?;
    Ok(Report {
        run: row.try_get("id")?,
        digest: row.try_get("digest")?,
        evidence: EvidenceClass::from_name(&evidence)
            .ok_or(StoreError::Broken("an unknown class of evidence"))?,
        measured_on: row.try_get("measured_on")?,
        voter: row.try_get("voter")?,
        cell: row.try_get("cell")?,
        workload: row.try_get("workload")?,
        prompt_tokens: count("prompt_tokens")? + count("cached_tokens")?,
        cached_tokens: count("cached_tokens")?,
        output_tokens: count("output_tokens")?,
        streams: count("streams")?,
        decode_tps: row.try_get("decode_tps")?,
        prefill_tps: row.try_get("prefill_tps")?,
        ttft_ms: row.try_get("ttft_ms")?,
        estimate_tps: row.try_get("estimate_tps")?,
    })
}

impl Store {
    /// The newest reports of a cell, newest first, at most `limit`.
    pub async fn reports(&self, cell: &str, limit: u32) -> Result<Vec<Report>, StoreError> {
        let rows = sqlx::query(reports!(
            "metric.cell = $1 ORDER BY run.received_at_ms DESC, run.log_index DESC, metric.point LIMIT $2"
        ))
        .bind(cell)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(report).collect()
    }

    /// Every report of a suite's workload, in the order in which they came.
    pub async fn reports_of(&self, suite: &str, workload: &str) -> Result<Vec<Report>, StoreError> {
        let rows = sqlx::query(reports!(
            "metric.workload = $1 AND run.suite = $2 ORDER BY run.log_index, metric.point"
        ))
        .bind(workload)
        .bind(suite)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(report).collect()
    }

    /// Ids of results that count, with places in the log from `from` up to before `to`.
    pub async fn counting_ids(&self, from: u64, to: u64) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT run.id FROM run JOIN standing ON standing.run = run.id
             WHERE run.log_index >= $1 AND run.log_index < $2 AND standing.base IN ('accepted', 'reinstated')
             ORDER BY run.log_index",
        )
        .bind(from as i64)
        .bind(to as i64)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    /// What was sent, by its digest; none where it was erased.
    pub async fn payload(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT bytes FROM payload WHERE digest = $1")
            .bind(digest)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| row.try_get("bytes")).transpose()?)
    }
}
