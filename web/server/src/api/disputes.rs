//! What is said about results: `disputes`, `answers`, `evidence`, `withdraw`.

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
use page::messages::EN;

use super::bodies::ProofOfWork;
use super::refused::{NoResult, OtherKey, TooMany, Unworked};
use super::submissions::{From, JsonBody, made};
use crate::app::App;
use crate::gate::evidence::{Recomputed, recompute};
use crate::gate::fields::CLOCK_SKEW_MS;
use crate::gate::plausible::same_again;
use crate::gate::{Because, Refusal, proof, strict};
use crate::pages::report;
use crate::problem::{Problem, ProblemBody};
use crate::store::{Actor, Change, Changed, EventKind, Metric, Stored};
use crate::submit::{limited, now_ms};

/// What was written down.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Opened {
    /// Number of the dispute.
    dispute: u64,
    /// Where it stands, relative to this site.
    url: String,
}

fn unknown() -> Problem {
    Problem::from(Refusal::new(Because::Unknown, EN.dispute.unknown))
}

fn sentence(says: &str) -> Result<(), Problem> {
    if says.chars().count() > SENTENCE_LIMIT {
        let says = EN.dispute.shorter(&SENTENCE_LIMIT.to_string());
        return Err(Refusal::new(Because::TooLarge, says).into());
    }
    Ok(())
}

/// What is said in a dispute must say something.
fn said(says: &str) -> Result<(), Problem> {
    if says.trim().is_empty() {
        return Err(Refusal::new(Because::Malformed, EN.dispute.empty).into());
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
        Err(_) => Err(Refusal::new(Because::Proof, EN.dispute.spent).into()),
    }
}

fn change(kind: EventKind, actor: Actor, dispute: Option<u64>, says: &str) -> Change {
    Change { kind, actor, dispute, code: String::new(), says: says.to_owned() }
}

async fn say(app: &App, result: &str, change: &Change) -> Result<(u64, Stored), Problem> {
    match app.store().change(result, change, now_ms()).await? {
        Changed::Done(number, _) => {
            app.touch();
            Ok((number, report::stored(app, result).await?))
        }
        Changed::Repeated(_) => {
            let mut refusal = Refusal::new(Because::Repeated, EN.dispute.repeated);
            refusal.instance = Some(format!("/r/{result}"));
            Err(refusal.into())
        }
        Changed::TakenBack => Err(Refusal::new(Because::Claim, EN.dispute.taken_back).into()),
        Changed::Unknown => Err(unknown()),
    }
}

/// Doubts a result; anyone may.
///
/// `text` is the JSON of a `Dispute`, and the proof of work is for its digest.
#[utoipa::path(
    post,
    path = "/api/v1/disputes",
    operation_id = "dispute",
    tag = "submissions",
    request_body = TextRequest<ProofOfWork>,
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
    let request: TextRequest<Payload> = strict::read(&body, EN.gate.the_request, &["text"])?;
    let doubt: Dispute = strict::read(request.text.as_bytes(), EN.dispute.the_dispute, &["says"])?;
    said(&doubt.says)?;
    worked(&app, &request.pow, &digest(request.text.as_bytes())).await?;
    let opens = change(EventKind::Disputed, Actor::Anyone, None, &doubt.says);
    let (dispute, _) = say(&app, &doubt.result, &opens).await?;
    let url = format!("/r/{}#dispute-{dispute}", doubt.result);
    Ok(made(StatusCode::CREATED, &Opened { dispute, url }))
}

/// A message that the key of its result signed, just now.
pub(super) struct Signed<T> {
    /// What it says.
    pub(super) message: T,
    /// SHA-256 of the bytes that were signed.
    pub(super) digest: String,
    /// The result that it is about.
    pub(super) stored: Stored,
}

/// Opens a signed message about a result and sees that the key of that result signed it, just now.
pub(super) async fn by_submitter<T: serde::de::DeserializeOwned>(
    app: &App,
    body: &[u8],
    of_type: &'static str,
    about: impl Fn(&T) -> (&str, &str, i64),
) -> Result<Signed<T>, Problem> {
    let request: SignedRequest = strict::read(body, EN.gate.the_request, &["payload"])?;
    let payload = request
        .envelope
        .open_as(of_type)
        .map_err(|error| Refusal::new(Because::Signature, format!("{error}.")))?;
    let message: T = strict::read(&payload, EN.dispute.the_message, &["says"])?;
    let (result, says, at_ms) = about(&message);
    sentence(says)?;
    if (at_ms - now_ms()).abs() > CLOCK_SKEW_MS {
        let says = EN.dispute.clock;
        return Err(Refusal::new(Because::Signature, says).into());
    }
    let stored = report::stored(app, result).await?;
    let keys: Vec<&str> = request.envelope.signatures.iter().map(|one| one.keyid.as_str()).collect();
    if stored.run.signing_key.is_empty() || keys != [stored.run.signing_key.as_str()] {
        let says = EN.dispute.other_key;
        return Err(Refusal::new(Because::Signature, says).into());
    }
    Ok(Signed { message, digest: digest(&payload), stored })
}

/// Answers a dispute, with the key that signed the result.
///
/// The envelope is of type `application/vnd.llm-speed.answer+json`, its payload the JSON of a `DisputeAnswer`. Where that
/// names a later result that `reproduces` this one, the server compares them and says what it found.
#[utoipa::path(
    post,
    path = "/api/v1/answers",
    operation_id = "answer",
    tag = "submissions",
    request_body = SignedRequest,
    responses(
        (status = 201, description = "The answer stands", body = Opened),
        OtherKey,
        (status = 404, description = "No such dispute", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The same message was taken before", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The result that it names does not reproduce this one", body = ProblemBody, content_type = "application/problem+json"),
        TooMany,
    )
)]
pub async fn answer(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "answer", 1).await?;
    let Signed { message: answer, digest, stored } =
        by_submitter(&app, &body, ANSWER_TYPE, |m: &DisputeAnswer| (&m.result, &m.says, m.at_ms)).await?;
    said(&answer.says)?;
    let says = match &answer.reproduces {
        Some(later) => format!("{}\n{}", answer.says, reproduced(&app, &stored, later).await?),
        None => answer.says.clone(),
    };
    // Whoever reads the message on its way may send it once more; it is written down once.
    let says =
        Change { code: digest, ..change(EventKind::Answered, Actor::Submitter, Some(answer.dispute), &says) };
    say(&app, &answer.result, &says).await?;
    let url = format!("/r/{}#dispute-{}", answer.result, answer.dispute);
    Ok(made(StatusCode::CREATED, &Opened { dispute: answer.dispute, url }))
}

/// What a later result says of the one that is doubted, point by point.
async fn reproduced(app: &App, doubted: &Stored, later: &str) -> Result<String, Problem> {
    let refused = |says: String| Problem::from(Refusal::new(Because::Claim, says));
    let stored = app.store().result(later).await?;
    let stored = stored.ok_or_else(|| refused(EN.dispute.no_later(later)))?;
    if stored.run.log_index <= doubted.run.log_index {
        return Err(refused(EN.dispute.earlier(later)));
    }
    let state = stored.run.standing.base;
    if !matches!(state, data::submission::State::Accepted | data::submission::State::Reinstated) {
        return Err(refused(EN.dispute.proves_nothing(later, state.name())));
    }
    let rules = &app.submissions().judging.rules;
    let pairs = doubted.metrics.iter().filter_map(|one| {
        let same = |other: &&Metric| other.cell == one.cell && other.workload == one.workload;
        Some((one, one.decode_tps?, stored.metrics.iter().find(same)?.decode_tps?))
    });
    let lines: Vec<String> = pairs
        .clone()
        .map(|(one, before, after)| {
            EN.dispute.after_before(&format!("{after:.2}"), &format!("{before:.2}"), &one.workload)
        })
        .collect();
    if lines.is_empty() {
        return Err(refused(EN.dispute.other_setup(later)));
    }
    if let Some((one, before, after)) =
        pairs.clone().find(|(_, before, after)| !same_again(*after, *before, rules))
    {
        let (after, before) = (format!("{after:.2}"), format!("{before:.2}"));
        return Err(refused(EN.dispute.not_reproduced(&after, &before, later, &one.workload)));
    }
    Ok(EN.dispute.reproduced(later, &lines.join(", ")))
}

/// Takes a result back, with the key that signed it. It stays visible as withdrawn.
///
/// The envelope is of type `application/vnd.llm-speed.withdrawal+json`, its payload the JSON of a `Withdrawal`.
#[utoipa::path(
    post,
    path = "/api/v1/withdraw",
    operation_id = "withdraw",
    tag = "submissions",
    request_body = SignedRequest,
    responses(
        (status = 200, description = "It is withdrawn", body = Receipt),
        OtherKey,
        NoResult,
        TooMany,
    )
)]
pub async fn withdraw(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "withdraw", 1).await?;
    let Signed { message: withdrawal, mut stored, .. } =
        by_submitter(&app, &body, WITHDRAWAL_TYPE, |m: &Withdrawal| (&m.result, &m.says, m.at_ms)).await?;
    let says = change(EventKind::Withdrawn, Actor::Submitter, None, &withdrawal.says);
    // Twice is once; after a maintainer, the submitter has the last word.
    if app.store().change(&withdrawal.result, &says, now_ms()).await? != Changed::TakenBack {
        app.touch();
        stored = report::stored(&app, &withdrawal.result).await?;
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

/// Sends the raw timings of a run: their digest is checked, and speeds, gaps between tokens and times to the first are computed
/// anew, in public. What is not is named.
#[utoipa::path(
    post,
    path = "/api/v1/evidence",
    operation_id = "evidence",
    tag = "submissions",
    request_body = Evidence<ProofOfWork>,
    responses(
        (status = 200, description = "What they give; they were sent before", body = Recomputed),
        (status = 201, description = "What they give", body = Recomputed),
        Unworked,
        NoResult,
        TooMany,
        (status = 422, description = "Not the timings that were signed", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn evidence(
    State(app): State<App>,
    From(from): From,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    limited(&app, from, "evidence", 1).await?;
    let request: Evidence<Payload> = strict::read(&body, EN.gate.the_request, &["raw_timings"])?;
    if request.raw_timings.len() > EVIDENCE_LIMIT_BYTES {
        let bytes = request.raw_timings.len().to_string();
        let says = EN.dispute.timings_bytes(&bytes, &EVIDENCE_LIMIT_BYTES.to_string());
        return Err(Refusal::new(Because::TooLarge, says).into());
    }
    let name = digest(request.raw_timings.as_bytes());
    worked(&app, &request.pow, &name).await?;
    let stored = report::stored(&app, &request.result).await?;
    if stored.run.raw_timings_sha256 != name {
        let says = EN.dispute.other_timings;
        return Err(Refusal::new(Because::Claim, says).into());
    }
    let run = report::sent(&stored).ok_or_else(|| Refusal::new(Because::Claim, EN.dispute.erased))?;
    let recomputed = recompute(&request.raw_timings, &run, &app.submissions().judging.rules)?;
    // Nobody signs timings when they are sent: whoever has them may.
    let says = Change { code: name, ..change(EventKind::Evidence, Actor::Anyone, None, &recomputed.says()) };
    match app.store().change(&request.result, &says, now_ms()).await? {
        Changed::Unknown => Err(unknown()),
        Changed::Repeated(_) | Changed::TakenBack => Ok(made(StatusCode::OK, &recomputed)),
        Changed::Done(..) => {
            app.touch();
            Ok(made(StatusCode::CREATED, &recomputed))
        }
    }
}
