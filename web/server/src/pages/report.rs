//! `/r/{id}` and `/badge/{id}.svg`: one result.

use axum::extract::{Path, State};
use data::Catalog;
use data::fingerprint::Fingerprint;
use data::submission::{MEDIAN_FROM, Submission};
use page::messages::EN;
use page::picture::{report_badge, report_preview};
use page::report::{Ladder, Reasoning, ReportPoint, ReportView, Said, report_page};

use super::written;
use crate::app::App;
use crate::gate::{day, plausible};
use crate::names::{self, MachineKey};
use crate::problem::Problem;
use crate::representation::{Caching, HTML, Representation, SVG};
use crate::store::{Event, EventKind, Metric, RunRow, Stored};

/// `GET /r/{id}`.
pub(super) async fn page(State(app): State<App>, Path(id): Path<String>) -> Result<Representation, Problem> {
    let view = view(&app, &id).await?;
    let html = written(report_page(&view, &EN, app.site()))?;
    Ok(Representation::new(HTML, html).caching(Caching::Revalidate))
}

/// `GET /badge/{id}.svg`.
pub(super) async fn picture(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Representation, Problem> {
    let id = name.strip_suffix(".svg").ok_or_else(Problem::not_found)?;
    let view = view(&app, id).await?;
    Ok(Representation::new(SVG, report_badge(&view, &EN)))
}

/// `GET /social/r/{id}.png`.
pub(super) async fn preview(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Representation, Problem> {
    let id = name.strip_suffix(".png").ok_or_else(Problem::not_found)?;
    let view = view(&app, id).await?;
    app.pictures().png(report_preview(&view, &EN)).await
}

/// A result by its id.
pub async fn stored(app: &App, id: &str) -> Result<Stored, Problem> {
    app.store().result(id).await?.ok_or_else(Problem::not_found)
}

async fn view(app: &App, id: &str) -> Result<ReportView, Problem> {
    let stored = stored(app, id).await?;
    let medians = app.store().cells_of_device(&stored.run.subject.device, &stored.run.subject.model).await?;
    let sent = sent(&stored);
    let mut points = Vec::new();
    for metric in &stored.metrics {
        let median = medians.iter().find(|(key, _)| *key == metric.cell).map(|(_, cell)| cell);
        let median = median.and_then(|cell| Some((cell.decode_tps?, cell.count)));
        let median = median.filter(|(_, count)| *count >= MEDIAN_FROM);
        points.push(point(metric, median, sent.as_ref()));
    }
    let ladder = ladder(app, &stored.metrics).await?;
    let by = profile(app, &stored.run).await?.unwrap_or_default();
    Ok(ReportView { by, ..described(app.catalog(), &stored, points, ladder) })
}

/// Name of the profile that a run's machine belongs to, where people can sign in.
pub async fn profile(app: &App, run: &RunRow) -> Result<Option<String>, Problem> {
    match app.identity() {
        Some(_) => Ok(app.store().profile_of_machine(&run.voter).await?),
        None => Ok(None),
    }
}

async fn ladder(app: &App, metrics: &[Metric]) -> Result<Ladder, Problem> {
    let first = metrics.iter().find_map(|metric| Some((metric, metric.decode_tps?)));
    let Some((metric, tps)) = first else { return Ok(Ladder::Single) };
    let votes = app.store().signed_votes(&metric.cell).await?;
    Ok(match plausible::agreeing(tps, &votes, &app.submissions().judging.rules) {
        0 | 1 => Ladder::Single,
        2 => Ladder::Reproduced,
        _ => Ladder::Independent,
    })
}

/// The run as it was sent; none of a paste, and where it was erased.
pub fn sent(stored: &Stored) -> Option<Submission> {
    stored.payload.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok())
}

/// Reasoning and answer of a point apart, as the run tells it.
fn reasoning(metric: &Metric, sent: Option<&Submission>) -> Option<Reasoning> {
    let prompt = metric.prompt_tokens + metric.cached_tokens;
    let result = sent?.workloads.iter().find(|result| {
        result.skipped.is_none()
            && (result.workload.as_str(), result.streams) == (metric.workload.as_str(), metric.streams)
            && result.prompt_tokens.unwrap_or(result.target_prompt_tokens) == prompt
    })?;
    let tokens = result.reasoning_tokens.filter(|tokens| *tokens > 0)?;
    Some(Reasoning {
        tokens,
        answer_tokens: metric.output_tokens.saturating_sub(tokens),
        first_answer_ms: result.first_answer_ms,
        answer_tps: result.answer_tps,
    })
}

fn point(metric: &Metric, median: Option<(f64, u32)>, sent: Option<&Submission>) -> ReportPoint {
    ReportPoint {
        workload: metric.workload.clone(),
        prompt_tokens: metric.prompt_tokens + metric.cached_tokens,
        output_tokens: metric.output_tokens,
        streams: metric.streams,
        decode_tps: metric.decode_tps,
        estimate_tps: metric.estimate_tps,
        prefill_tps: metric.prefill_tps,
        ttft_ms: metric.ttft_ms,
        median,
        reasoning: reasoning(metric, sent),
        flags: metric.flags.clone(),
    }
}

fn described(catalog: &Catalog, stored: &Stored, points: Vec<ReportPoint>, ladder: Ladder) -> ReportView {
    let run = &stored.run;
    let subject = &run.subject;
    let machine = MachineKey::read(&subject.device);
    let first = machine.ids.first().copied().unwrap_or_default();
    let (device, device_href) = machine.name(catalog);
    let (model, model_page) = names::model(catalog, &subject.model);
    let opened = |event: &Event| {
        (event.change.kind == EventKind::Disputed).then_some(event.number).or(event.change.dispute)
    };
    let is_open = |event: &Event| {
        let settles = |later: &Event| {
            later.change.kind == EventKind::Settled && later.change.dispute == Some(event.number)
        };
        event.change.kind == EventKind::Disputed && !stored.events.iter().any(settles)
    };
    ReportView {
        id: run.id.clone(),
        state: run.standing.state(),
        in_doubt: run.standing.in_doubt(),
        evidence: run.evidence,
        device,
        device_href,
        model,
        model_href: if model_page.is_empty() { model_page } else { format!("{model_page}?hardware={first}") },
        quant: names::quant(catalog, &subject.quant).to_owned(),
        runtime: format!("{} {}", subject.runtime, subject.runtime_version).trim_end().to_owned(),
        measured_on: run.measured_on.clone(),
        suite: run.suite.clone(),
        surroundings: surroundings(stored),
        points,
        reasons: reasons(stored),
        ladder,
        by: String::new(),
        thread: stored
            .events
            .iter()
            .skip(1)
            .filter(|event| event.change.kind != EventKind::Remark)
            .map(|event| Said {
                number: event.number,
                at: moment(event.at_ms),
                dispute: opened(event),
                kind: event.change.kind.name(),
                actor: event.change.actor.name(),
                says: event.change.says.clone(),
                open: is_open(event),
            })
            .collect(),
        log_index: run.log_index,
        digest: run.digest.clone(),
        erased: stored.payload.is_none(),
    }
}

/// What the gate remarked.
pub fn reasons(stored: &Stored) -> Vec<data::submission::Reason> {
    let remarks = stored.events.iter().filter(|event| event.change.kind == EventKind::Remark);
    remarks
        .map(|event| data::submission::Reason {
            code: event.change.code.clone(),
            says: event.change.says.clone(),
        })
        .collect()
}

/// `2026-11-22 10:05` of a moment.
fn moment(at_ms: i64) -> String {
    let minutes = at_ms.rem_euclid(day::DAY_MS) / 60_000;
    format!("{} {:02}:{:02}", day::of_ms(at_ms), minutes / 60, minutes % 60)
}

fn surroundings(stored: &Stored) -> Vec<(String, String)> {
    let Some(run) = sent(stored) else { return Vec::new() };
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut fact = |what: &str, value: Option<String>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (what.to_owned(), value)));
    };
    let Fingerprint { gpus, cpu, ram, os, enclosure, .. } = &run.fingerprint;
    for gpu in gpus {
        let memory = gpu.memory_gib.map(|gib| format!(", {gib:.1} GiB")).unwrap_or_default();
        let driver = gpu.driver.as_ref().map(|driver| format!(", driver {driver}")).unwrap_or_default();
        let limit = match (gpu.power_limit_w, gpu.power_limit_default_w) {
            (Some(now), Some(stock)) if (now - stock).abs() >= 1.0 => format!(", {now:.0} of {stock:.0} W"),
            _ => String::new(),
        };
        fact("GPU", Some(format!("{}{memory}{driver}{limit}", gpu.name)));
    }
    fact("CPU", Some(cpu.model.clone()));
    fact("RAM", Some(format!("{:.0} GiB", ram.total_gib)));
    fact("RAM, GB/s", ram.read_gb_s.map(|rate| format!("{rate:.1}")));
    fact("OS", Some(format!("{} {}", os.name, os.kernel).trim().to_owned()));
    fact("VM", enclosure.virtual_machine.clone());
    fact("Container", enclosure.container.clone());
    fact("GGUF", Some(run.model.reference.clone()));
    fact("SHA-256", run.model.digest.clone());
    fact("llm-speed-probe", Some(run.probe.clone()));
    facts
}
