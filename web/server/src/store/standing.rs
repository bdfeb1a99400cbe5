//! Every result that counts, for the table of runs.

use data::submission::Apart;
use data::table::make::{Report, ReportPoint};
use sqlx::Row;

use super::{Store, StoreError};

impl Store {
    /// Results that count, in the order in which they came; one report for each number of streams of a result, and for
    /// speculation apart.
    pub async fn standing_reports(&self) -> Result<Vec<Report>, StoreError> {
        let rows = sqlx::query(
            "SELECT run.id, run.evidence, run.measured_on, run.device, run.memory_gib, run.power_share, run.model,
                    run.quant, run.runtime, run.runtime_version, run.backend, metric.cell, metric.workload,
                    metric.prompt_tokens, metric.cached_tokens, metric.output_tokens, metric.streams,
                    metric.decode_tps, apart.reasoning_tps, apart.answer_tps
             FROM metric JOIN run ON run.id = metric.run JOIN standing ON standing.run = metric.run
             LEFT JOIN apart ON apart.run = metric.run AND apart.point = metric.point
             WHERE metric.counts = 1 AND metric.decode_tps IS NOT NULL
               AND standing.base IN ('accepted', 'reinstated')
             ORDER BY run.log_index, metric.streams, metric.point",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut reports: Vec<Report> = Vec::new();
        for row in &rows {
            let text = |name: &str| -> Result<String, StoreError> { Ok(row.try_get(name)?) };
            let count = |name: &str| -> Result<u32, StoreError> { Ok(row.try_get::<i64, _>(name)? as u32) };
            let id = text("id")?;
            let streams = count("streams")?;
            let speculative = text("cell")?.ends_with("|speculative");
            let same =
                |last: &Report| last.id == id && last.streams == streams && last.speculative == speculative;
            if !reports.last().is_some_and(same) {
                reports.push(Report {
                    signed: text("evidence")? != "pasted",
                    measured_on: text("measured_on")?,
                    device: text("device")?,
                    memory_gib: row.try_get("memory_gib")?,
                    power_share: row.try_get("power_share")?,
                    model: text("model")?,
                    quant: text("quant")?,
                    runtime: text("runtime")?,
                    build: text("runtime_version")?,
                    backend: text("backend")?,
                    streams,
                    speculative,
                    points: Vec::new(),
                    id,
                });
            }
            let cached_tokens = count("cached_tokens")?;
            let point = ReportPoint {
                workload: text("workload")?,
                prompt_tokens: count("prompt_tokens")? + cached_tokens,
                cached_tokens,
                output_tokens: count("output_tokens")?,
                decode_tps: row.try_get("decode_tps")?,
                apart: row
                    .try_get::<Option<f64>, _>("reasoning_tps")?
                    .zip(row.try_get("answer_tps")?)
                    .map(|(reasoning_tps, answer_tps)| Apart { reasoning_tps, answer_tps }),
            };
            if let Some(last) = reports.last_mut() {
                last.points.push(point);
            }
        }
        Ok(reports)
    }
}
