//! Results as they are read: one with all that was said about it, or all of them, a page at a time.

use data::submission::{EvidenceClass, State};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::change::{self, Actor, Change, Event, EventKind, Standing};
use super::{Store, StoreError};
use crate::gate::claim::Subject;

/// The facts of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// SHA-256 of its payload.
    pub digest: String,
    /// Its place in the log.
    pub log_index: u64,
    /// How it is backed.
    pub evidence: EvidenceClass,
    /// When it came, in milliseconds since 1970 (UTC).
    pub received_at_ms: i64,
    /// Day of the measurement.
    pub measured_on: String,
    /// The suite; empty for a paste.
    pub suite: String,
    /// Public key that signed; empty for a paste.
    pub signing_key: String,
    /// Who it votes for, as the store names them.
    pub voter: String,
    /// What ran where, as it was taken in.
    pub subject: Subject,
    /// SHA-256 of the raw timings; empty for a paste.
    pub raw_timings_sha256: String,
    /// Where it stands.
    pub standing: Standing,
}

/// Who a result without a machine's tag votes for: nobody is behind it twice. A stored tag is hexadecimal and never begins
/// so.
pub(super) fn anonymous(id: &str) -> String {
    format!("r{id}")
}

impl RunRow {
    /// Whether it was sent without a machine's tag: it votes for itself, and nothing ties it to others.
    pub fn is_anonymous(&self) -> bool {
        self.voter == anonymous(&self.id)
    }
}

/// One measured point of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The cell that it belongs to.
    pub cell: String,
    /// Whether it counts there.
    pub counts: bool,
    /// The suite's workload; empty for a paste.
    pub workload: String,
    /// Prompt tokens that were computed.
    pub prompt_tokens: u32,
    /// Tokens that were in the cache before.
    pub cached_tokens: u32,
    /// Tokens answered.
    pub output_tokens: u32,
    /// Streams.
    pub streams: u32,
    /// Decode, tokens a second and stream.
    pub decode_tps: Option<f64>,
    /// Prefill, tokens a second.
    pub prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// What the estimator expected of decode when it came, tokens a second.
    pub estimate_tps: Option<f64>,
    /// Remarks, joined by spaces.
    pub flags: String,
}

/// A result with everything about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its facts.
    pub run: RunRow,
    /// Its points.
    pub metrics: Vec<Metric>,
    /// What was said about it, in order.
    pub events: Vec<Event>,
    /// The bytes that were sent; none where they were erased.
    pub payload: Option<Vec<u8>>,
}

macro_rules! run_columns {
    () => {
        "SELECT run.id, run.digest, run.log_index, run.evidence, run.received_at_ms, run.measured_on, run.suite,
                run.signing_key, run.voter, run.device, run.devices, run.memory_gib, run.power_share, run.model,
                run.quant, run.size_bytes, run.model_digest, run.runtime, run.runtime_version, run.backend,
                run.offloaded, run.raw_timings, standing.base, standing.disputes, standing.events
         FROM run JOIN standing ON standing.run = run.id "
    };
}

fn run(row: &AnyRow) -> Result<RunRow, StoreError> {
    let evidence: String = row.try_get("evidence")?;
    let whole = |name: &str| -> Result<i64, StoreError> { Ok(row.try_get(name)?) };
    Ok(RunRow {
        id: row.try_get("id")?,
        digest: row.try_get("digest")?,
        log_index: whole("log_index")? as u64,
        evidence: EvidenceClass::from_name(&evidence)
            .ok_or(StoreError::Broken("an unknown class of evidence"))?,
        received_at_ms: whole("received_at_ms")?,
        measured_on: row.try_get("measured_on")?,
        suite: row.try_get("suite")?,
        signing_key: row.try_get("signing_key")?,
        voter: row.try_get("voter")?,
        subject: Subject {
            device: row.try_get("device")?,
            devices: whole("devices")? as u32,
            memory_gib: row.try_get("memory_gib")?,
            power_share: row.try_get("power_share")?,
            model: row.try_get("model")?,
            quant: row.try_get("quant")?,
            size_bytes: u64::try_from(whole("size_bytes")?).ok(),
            model_digest: row.try_get("model_digest")?,
            runtime: row.try_get("runtime")?,
            runtime_version: row.try_get("runtime_version")?,
            backend: row.try_get("backend")?,
            offloaded: Some(whole("offloaded")?).filter(|known| *known >= 0).map(|offloaded| offloaded == 1),
        },
        raw_timings_sha256: row.try_get("raw_timings")?,
        standing: change::standing(row)?,
    })
}

fn metric(row: &AnyRow) -> Result<Metric, StoreError> {
    let count = |name: &str| -> Result<u32, StoreError> { Ok(row.try_get::<i64, _>(name)? as u32) };
    Ok(Metric {
        cell: row.try_get("cell")?,
        counts: count("counts")? == 1,
        workload: row.try_get("workload")?,
        prompt_tokens: count("prompt_tokens")?,
        cached_tokens: count("cached_tokens")?,
        output_tokens: count("output_tokens")?,
        streams: count("streams")?,
        decode_tps: row.try_get("decode_tps")?,
        prefill_tps: row.try_get("prefill_tps")?,
        ttft_ms: row.try_get("ttft_ms")?,
        estimate_tps: row.try_get("estimate_tps")?,
        flags: row.try_get("flags")?,
    })
}

fn event(row: &AnyRow) -> Result<Event, StoreError> {
    let (kind, actor): (String, String) = (row.try_get("kind")?, row.try_get("actor")?);
    Ok(Event {
        number: row.try_get::<i64, _>("number")? as u64,
        at_ms: row.try_get("at_ms")?,
        change: Change {
            kind: EventKind::from_name(&kind).ok_or(StoreError::Broken("an unknown event"))?,
            actor: Actor::from_name(&actor).ok_or(StoreError::Broken("an unknown actor"))?,
            dispute: u64::try_from(row.try_get::<i64, _>("dispute")?).ok(),
            code: row.try_get("code")?,
            says: row.try_get("says")?,
        },
    })
}

const METRICS: &str =
    "SELECT cell, counts, workload, prompt_tokens, cached_tokens, output_tokens, streams, decode_tps,
        prefill_tps, ttft_ms, estimate_tps, flags FROM metric WHERE run = $1 ORDER BY point";

impl Store {
    /// A result by its id.
    pub async fn result(&self, id: &str) -> Result<Option<Stored>, StoreError> {
        let row = sqlx::query(concat!(run_columns!(), "WHERE run.id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let run = run(&row)?;
        let events = sqlx::query(
            "SELECT number, at_ms, kind, actor, dispute, code, says FROM event WHERE run = $1 ORDER BY number",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await?;
        let payload = sqlx::query("SELECT bytes FROM payload WHERE digest = $1")
            .bind(&run.digest)
            .fetch_optional(&self.pool)
            .await?;
        Ok(Some(Stored {
            metrics: self.metrics(id).await?,
            events: events.iter().map(event).collect::<Result<_, _>>()?,
            payload: payload.map(|row| row.try_get("bytes")).transpose()?,
            run,
        }))
    }

    async fn metrics(&self, id: &str) -> Result<Vec<Metric>, StoreError> {
        let rows = sqlx::query(METRICS).bind(id).fetch_all(&self.pool).await?;
        rows.iter().map(metric).collect()
    }

    /// Results in the order in which they came, from a place in the log on, at most `limit`, each with its points: a dump
    /// reads them page by page, in two statements each, and holds nothing up.
    pub async fn results_from(
        &self,
        log_index: u64,
        limit: u32,
    ) -> Result<Vec<(RunRow, Vec<Metric>)>, StoreError> {
        let rows =
            sqlx::query(concat!(run_columns!(), "WHERE run.log_index >= $1 ORDER BY run.log_index LIMIT $2"))
                .bind(log_index as i64)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await?;
        let runs: Vec<RunRow> = rows.iter().map(run).collect::<Result<_, _>>()?;
        let Some(last) = runs.last() else { return Ok(Vec::new()) };
        let points = sqlx::query(
            "SELECT metric.run, metric.cell, metric.counts, metric.workload, metric.prompt_tokens, metric.cached_tokens,
                    metric.output_tokens, metric.streams, metric.decode_tps, metric.prefill_tps, metric.ttft_ms,
                    metric.estimate_tps, metric.flags
             FROM run JOIN metric ON metric.run = run.id
             WHERE run.log_index >= $1 AND run.log_index <= $2 ORDER BY run.log_index, metric.point",
        )
        .bind(log_index as i64)
        .bind(last.log_index as i64)
        .fetch_all(&self.pool)
        .await?;
        let mut found: Vec<(RunRow, Vec<Metric>)> = runs.into_iter().map(|run| (run, Vec::new())).collect();
        let mut at = 0;
        for row in &points {
            let of: String = row.try_get("run")?;
            // Both are in the order of the log, and neither is ever changed; what came in between has no place here.
            while found.get(at).is_some_and(|(run, _)| run.id != of) {
                at += 1;
            }
            let (_, metrics) = found.get_mut(at).ok_or(StoreError::Broken("a point out of its order"))?;
            metrics.push(metric(row)?);
        }
        Ok(found)
    }

    /// Counts of results by state, for metrics.
    pub async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let rows = sqlx::query("SELECT base, COUNT(*) AS results FROM standing GROUP BY base ORDER BY base")
            .fetch_all(&self.pool)
            .await?;
        let count = |row: &AnyRow| -> Result<(State, u64), StoreError> {
            let base: String = row.try_get("base")?;
            let state = State::from_name(&base).ok_or(StoreError::Broken("an unknown state"))?;
            Ok((state, row.try_get::<i64, _>("results")? as u64))
        };
        rows.iter().map(count).collect()
    }
}
