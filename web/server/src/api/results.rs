//! Reading: `results/{id}`, `medians` and `export`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use data::submission::{EvidenceClass, Medians, Reason};
use page::messages::EN;

use super::refused::NoResult;
use super::{bad, exactly, refuse_parameters};
use crate::app::App;
use crate::dump::{self, Form};
use crate::medians;
use crate::pages::report;
use crate::problem::{Problem, ProblemBody};
use crate::representation::Representation;
use crate::store::{Event, Metric};

/// A result, with everything about it that is public.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ResultBody {
    /// Its id.
    id: String,
    /// Its page.
    url: String,
    /// Where it stands.
    state: data::submission::State,
    /// Disputes that are open, whatever its state.
    open_disputes: u32,
    /// How it is backed.
    evidence_class: EvidenceClass,
    /// When it came, in milliseconds since 1970 (UTC).
    received_at_ms: i64,
    /// Day of the measurement.
    measured_on: String,
    /// The suite; empty for a paste.
    suite: String,
    /// Device ids joined by `+`; `@70%` behind them where power was limited.
    device: String,
    /// Model id.
    model: String,
    /// Quantisation id.
    quant: String,
    /// Runtime.
    runtime: String,
    /// Its version.
    runtime_version: String,
    /// The profile that its machine belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// Its points.
    points: Vec<PointBody>,
    /// Why it stands where it does, and remarks.
    reasons: Vec<Reason>,
    /// What was said, in order.
    events: Vec<EventBody>,
    /// SHA-256 of what was sent.
    digest: String,
    /// Its place in the log.
    log_index: u64,
    /// What was sent, without the machine's tag; null where it was erased.
    sent: serde_json::Value,
}

/// One measured point.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct PointBody {
    /// The workload; empty for a paste.
    workload: String,
    /// Prompt tokens that were computed.
    prompt_tokens: u32,
    /// Tokens that were in the cache before.
    cached_tokens: u32,
    /// Tokens answered, each stream.
    output_tokens: u32,
    /// Streams.
    streams: u32,
    /// Decode, tokens a second and stream.
    decode_tps: Option<f64>,
    /// What the estimator expected of it when it came.
    estimate_tps: Option<f64>,
    /// Prefill, tokens a second.
    prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    ttft_ms: Option<f64>,
    /// Whether it counts in the median of its cell.
    counts: bool,
    /// Remarks, joined by spaces.
    flags: String,
}

/// Something that was said.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EventBody {
    /// Its number, from 0.
    number: u64,
    /// When, in milliseconds since 1970 (UTC).
    at_ms: i64,
    /// What: `accepted`, `disputed` …
    kind: String,
    /// Who: `submitter`, `server`, `maintainer`, `anyone`.
    actor: String,
    /// The dispute that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<u64>,
    /// A word for programs.
    code: String,
    /// A sentence.
    says: String,
}

impl From<&Metric> for PointBody {
    fn from(metric: &Metric) -> Self {
        PointBody {
            workload: metric.workload.clone(),
            prompt_tokens: metric.prompt_tokens,
            cached_tokens: metric.cached_tokens,
            output_tokens: metric.output_tokens,
            streams: metric.streams,
            decode_tps: metric.decode_tps,
            estimate_tps: metric.estimate_tps,
            prefill_tps: metric.prefill_tps,
            ttft_ms: metric.ttft_ms,
            counts: metric.counts,
            flags: metric.flags.clone(),
        }
    }
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        EventBody {
            number: event.number,
            at_ms: event.at_ms,
            kind: event.change.kind.name().to_owned(),
            actor: event.change.actor.name().to_owned(),
            dispute: event.change.dispute,
            code: event.change.code.clone(),
            says: event.change.says.clone(),
        }
    }
}

/// What was sent, without what tells machines apart.
fn public(payload: Option<&[u8]>) -> serde_json::Value {
    let mut sent: serde_json::Value =
        payload.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    if let Some(fields) = sent.as_object_mut() {
        fields.remove("tag");
    }
    sent
}

/// One result.
#[utoipa::path(
    get,
    path = "/api/v1/results/{id}",
    operation_id = "result",
    tag = "submissions",
    params(("id" = String, Path, description = "the result's id", example = "abcdefghijkmnpqrstuv")),
    responses(
        (status = 200, description = "The result", body = ResultBody),
        NoResult,
    )
)]
pub async fn result(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    refuse_parameters(query.as_deref())?;
    let stored = report::stored(&app, &id).await?;
    let run = &stored.run;
    Ok(Representation::json(&ResultBody {
        url: format!("/r/{}", run.id),
        state: run.standing.state(),
        open_disputes: run.standing.disputes,
        evidence_class: run.evidence,
        received_at_ms: run.received_at_ms,
        measured_on: run.measured_on.clone(),
        suite: run.suite.clone(),
        device: run.subject.device.clone(),
        model: run.subject.model.clone(),
        quant: run.subject.quant.clone(),
        runtime: run.subject.runtime.clone(),
        runtime_version: run.subject.runtime_version.clone(),
        profile: report::profile(&app, run).await?,
        points: stored.metrics.iter().map(PointBody::from).collect(),
        reasons: report::reasons(&stored),
        events: stored.events.iter().map(EventBody::from).collect(),
        digest: run.digest.clone(),
        log_index: run.log_index,
        sent: public(stored.payload.as_deref()),
        id: stored.run.id.clone(),
    }))
}

/// Medians of every cell that has a report: a cell is a device, model, quantisation and runtime at one depth.
#[utoipa::path(
    get,
    path = "/api/v1/medians",
    operation_id = "medians",
    tag = "submissions",
    responses(
        (status = 200, description = "Every cell", body = Medians),
        (status = 400, description = "A parameter was given", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn medians(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    refuse_parameters(query.as_deref())?;
    Ok(medians::current(&app).await.answer.clone())
}

/// The dump: every point of every result that anyone may look at, one a line, as they stand now.
#[utoipa::path(
    get,
    path = "/api/v1/export",
    operation_id = "export",
    tag = "submissions",
    params(("form" = Option<String>, Query, description = "jsonl, the usual, or csv", example = "csv")),
    responses(
        (status = 200, description = "The dump", content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = 400, description = "Another form", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn export(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let [form] = exactly(query.as_deref(), ["form"])?;
    match form.as_deref() {
        None | Some("jsonl") => dump::answer(app, Form::Jsonl),
        Some("csv") => dump::answer(app, Form::Csv),
        Some(_) => Err(bad("form", EN.api.dump)),
    }
}
