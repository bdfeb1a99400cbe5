//! What is said about results: `disputes`, `answers`, `evidence`, `withdraw`.

use std::collections::BTreeMap;

use altcha::Payload;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use data::digest::digest;
use data::envelope::{ANSWER_TYPE, WITHDRAWAL_TYPE};
use data::submission::{
    Dispute, DisputeAnswer, EVIDENCE_LIMIT_BYTES, Evidence, Receipt, SENTENCE_LIMIT, SignedRequest,
    TextRequest, Withdrawal,
};
use data::timings::{Timings, quantile};

use super::refused::{NoResult, OtherKey, TooMany, Unworked};
use super::submissions::{From, JsonBody, made};
use crate::app::App;
use crate::gate::fields::CLOCK_SKEW_MS;
use crate::gate::{Because, Refusal, proof, strict};
use crate::pages::report;
use crate::problem::{Problem, ProblemBody};
use crate::store::{Actor, Change, EventKind, Stored};
use crate::submit::{limited, now_ms};

/// What was written down.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Opened {
    /// Number of the dispute.
    dispute: u64,
    /// Where it stands, relative to this site.
    url: String,
}

/// What raw timings give, beside what the run says.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Recomputed {
    /// Whether every decode rate of the run follows from them.
    agrees: bool,
    /// One line for each point.
    lines: Vec<String>,
}

/// Raw timings as the probe keeps them.
#[derive(serde::Deserialize)]
struct RawTiming {
    workload: String,
    prompt_tokens: u32,
    streams: u32,
    timings: Timings,
}

/// How far a recomputed rate may be from the one that was sent: rounding, and how rounds of several streams are taken.
const RECOMPUTED_AGREES: f64 = 0.02;

fn unknown() -> Problem {
    Problem::from(Refusal::new(Because::Unknown, "There is no such result, or no such dispute that is open."))
}

fn sentence(says: &str) -> Result<(), Problem> {
    if says.chars().count() > SENTENCE_LIMIT {
        let says = format!("Say it in {SENTENCE_LIMIT} characters.");
        return Err(Refusal::new(Because::TooLarge, says).into());
    }
    Ok(())
}

/// What is said in a dispute must say something.
fn said(says: &str) -> Result<(), Problem> {
    if says.trim().is_empty() {
        return Err(Refusal::new(Because::Malformed, "Say in a sentence what is meant.").into());
    }
    sentence(says)
}

/// Checks the work and spends its nonce, by the same statement as limits: a token is a bucket that holds one.
async fn worked(app: &App, pow: &Payload, digest: &str) -> Result<(), Problem> {
    let now = now_ms();
    let (nonce, expires_ms) = proof::check(&app.submissions().judging.secrets.proof, Some(pow), digest, now)?;
    let once = crate::store::Limit { each_ms: (expires_ms - now).max(1), burst: 1 };
    match app.store().spend(&format!("nonce:{nonce}"), once, now).await? {
        Ok(()) => Ok(()),
        Err(_) => Err(Refusal::new(Because::Proof, "This proof of work was spent.").into()),
    }
}

fn change(kind: EventKind, actor: Actor, dispute: Option<u64>, says: &str) -> Change {
    Change { kind, actor, dispute, code: String::new(), says: says.to_owned() }
}

async fn say(app: &App, result: &str, change: &Change) -> Result<(u64, Stored), Problem> {
    let (number, _) = app.store().change(result, change, now_ms()).await?.ok_or_else(unknown)?;
    app.touch();
    Ok((number, report::stored(app, result).await?))
}

/// Doubts a result; anyone may.
#[utoipa::path(
    post,
    path = "/api/v1/disputes",
    operation_id = "dispute",
    tag = "submissions",
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 201, description = "The dispute is open", body = Opened),
        Unworked,
        NoResult,
        TooMany,
    )
)]
pub async fn dispute(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "dispute", 1).await?;
    let request: TextRequest<Payload> = strict::read(&body, "the request", &["text"])?;
    let doubt: Dispute = strict::read(request.text.as_bytes(), "the dispute", &["says"])?;
    said(&doubt.says)?;
    worked(&app, &request.pow, &digest(request.text.as_bytes())).await?;
    let opens = change(EventKind::Disputed, Actor::Anyone, None, &doubt.says);
    let (dispute, _) = say(&app, &doubt.result, &opens).await?;
    let url = format!("/r/{}#dispute-{dispute}", doubt.result);
    Ok(made(StatusCode::CREATED, &Opened { dispute, url }))
}

/// Opens a signed message about a result and sees that the key of that result signed it, just now.
pub(super) async fn by_submitter<T: serde::de::DeserializeOwned>(
    app: &App,
    body: &[u8],
    of_type: &'static str,
    about: impl Fn(&T) -> (&str, &str, i64),
) -> Result<(T, Stored), Problem> {
    let request: SignedRequest = strict::read(body, "the request", &["payload"])?;
    let payload = request
        .envelope
        .open_as(of_type)
        .map_err(|error| Refusal::new(Because::Signature, format!("{error}.")))?;
    let message: T = strict::read(&payload, "the message", &["says"])?;
    let (result, says, at_ms) = about(&message);
    sentence(says)?;
    if (at_ms - now_ms()).abs() > CLOCK_SKEW_MS {
        let says = "The message was signed more than ten minutes from now; set the clock and sign again.";
        return Err(Refusal::new(Because::Signature, says).into());
    }
    let stored = report::stored(app, result).await?;
    let keys: Vec<&str> = request.envelope.signatures.iter().map(|one| one.keyid.as_str()).collect();
    if stored.run.signing_key.is_empty() || keys != [stored.run.signing_key.as_str()] {
        let says = "The key that signed this did not sign the result.";
        return Err(Refusal::new(Because::Signature, says).into());
    }
    Ok((message, stored))
}

/// Answers a dispute, with the key that signed the result.
#[utoipa::path(
    post,
    path = "/api/v1/answers",
    operation_id = "answer",
    tag = "submissions",
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 201, description = "The answer stands", body = Opened),
        OtherKey,
        (status = 404, description = "No such dispute", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn answer(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "answer", 1).await?;
    let (answer, _): (DisputeAnswer, _) =
        by_submitter(&app, &body, ANSWER_TYPE, |m: &DisputeAnswer| (&m.result, &m.says, m.at_ms)).await?;
    said(&answer.says)?;
    let says = change(EventKind::Answered, Actor::Submitter, Some(answer.dispute), &answer.says);
    say(&app, &answer.result, &says).await?;
    let url = format!("/r/{}#dispute-{}", answer.result, answer.dispute);
    Ok(made(StatusCode::CREATED, &Opened { dispute: answer.dispute, url }))
}

/// Takes a result back, with the key that signed it. It stays visible as withdrawn.
#[utoipa::path(
    post,
    path = "/api/v1/withdraw",
    operation_id = "withdraw",
    tag = "submissions",
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 200, description = "It is withdrawn", body = Receipt),
        OtherKey,
        NoResult,
    )
)]
pub async fn withdraw(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "withdraw", 1).await?;
    let (withdrawal, mut stored): (Withdrawal, _) =
        by_submitter(&app, &body, WITHDRAWAL_TYPE, |m: &Withdrawal| (&m.result, &m.says, m.at_ms)).await?;
    // Twice is once.
    if stored.run.standing.base != data::submission::State::Withdrawn {
        let says = change(EventKind::Withdrawn, Actor::Submitter, None, &withdrawal.says);
        stored = say(&app, &withdrawal.result, &says).await?.1;
    }
    let run = &stored.run;
    Ok(made(
        StatusCode::OK,
        &Receipt {
            id: Some(run.id.clone()),
            url: Some(format!("/r/{}", run.id)),
            digest: run.digest.clone(),
            state: run.standing.state(),
            reasons: report::reasons(&stored),
            log_index: Some(run.log_index),
        },
    ))
}

/// Sends the raw timings of a run: their digest is checked, and every decode rate is computed anew, in public.
#[utoipa::path(
    post,
    path = "/api/v1/evidence",
    operation_id = "evidence",
    tag = "submissions",
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 201, description = "What they give", body = Recomputed),
        Unworked,
        NoResult,
        (status = 422, description = "Not the timings that were signed", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn evidence(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "evidence", 1).await?;
    let request: Evidence<Payload> = strict::read(&body, "the request", &["raw_timings"])?;
    if request.raw_timings.len() > EVIDENCE_LIMIT_BYTES {
        let says =
            format!("Raw timings of {} bytes; {EVIDENCE_LIMIT_BYTES} are read.", request.raw_timings.len());
        return Err(Refusal::new(Because::TooLarge, says).into());
    }
    let name = digest(request.raw_timings.as_bytes());
    worked(&app, &request.pow, &name).await?;
    let stored = report::stored(&app, &request.result).await?;
    if stored.run.raw_timings_sha256 != name {
        let says = "These are not the timings whose digest the run was signed with.";
        return Err(Refusal::new(Because::Claim, says).into());
    }
    let recomputed = recompute(&request.raw_timings, &stored)?;
    let verdict = if recomputed.agrees { "Every rate follows from them." } else { "They give other rates." };
    let says = format!("{} {verdict}", recomputed.lines.join(" "));
    say(&app, &request.result, &change(EventKind::Evidence, Actor::Submitter, None, &says)).await?;
    Ok(made(StatusCode::CREATED, &recomputed))
}

fn recompute(raw: &str, stored: &Stored) -> Result<Recomputed, Refusal> {
    let timings: Vec<RawTiming> = serde_json::from_str(raw).map_err(|error| {
        Refusal::new(Because::Malformed, format!("The raw timings have not the form that is read: {error}."))
    })?;
    let mut rates: BTreeMap<(String, u32, u32), Vec<f64>> = BTreeMap::new();
    for one in &timings {
        let point = (one.workload.clone(), one.prompt_tokens, one.streams);
        rates.entry(point).or_default().extend(one.timings.decode_tps());
    }
    let mut recomputed = Recomputed { agrees: true, lines: Vec::new() };
    let computed: Vec<_> =
        rates.iter().filter_map(|(point, rates)| Some((point, quantile(rates, 0.5)?, rates.len()))).collect();
    for metric in stored.metrics.iter().filter(|metric| metric.decode_tps.is_some()) {
        let told = metric.decode_tps.unwrap_or_default();
        let of_point = computed.iter().filter(|((workload, _, streams), _, _)| {
            *workload == metric.workload && *streams == metric.streams
        });
        // Several lengths of one workload: the nearest in length is the same point.
        let length = metric.prompt_tokens + metric.cached_tokens;
        let found = of_point.min_by_key(|((_, prompt, _), _, _)| prompt.abs_diff(length));
        match found {
            Some((_, rate, count)) => {
                let agrees = (rate / told - 1.0).abs() <= RECOMPUTED_AGREES;
                recomputed.agrees &= agrees;
                recomputed.lines.push(format!(
                    "{} at {} streams: {rate:.2} tok/s from {count} timings, the run says {told:.2}.",
                    metric.workload, metric.streams
                ));
            }
            None => {
                recomputed.agrees = false;
                recomputed.lines.push(format!("{}: no timings.", metric.workload));
            }
        }
    }
    Ok(recomputed)
}
