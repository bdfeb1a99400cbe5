//! Submitting: `challenge`, `runs`, `pastes`.

use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data::digest::unhex32;
use data::query::FieldError;
use data::submission::{Receipt, RunRequest, TextRequest};
use page::messages::EN;

use super::bodies::ProofOfWork;
use super::exactly;
use super::refused::{OfSubmission, TooMany};
use crate::app::App;
use crate::client::{self, NOWHERE, Peer};
use crate::problem::{Kind, Problem, ProblemBody};
use crate::representation::{Caching, Representation};
use crate::submit::{self, Body};

/// The client's network address.
#[derive(Clone, Copy, Debug)]
pub struct From(pub IpAddr);

impl FromRequestParts<App> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(NOWHERE);
        Ok(From(client::address(&parts.headers, peer, app.submissions().proxies)))
    }
}

/// A body that says it is JSON and is not compressed.
pub struct JsonBody(pub Bytes);

impl FromRequest<App> for JsonBody {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        is_json(request.headers()).map_err(IntoResponse::into_response)?;
        Bytes::from_request(request, app).await.map(JsonBody).map_err(IntoResponse::into_response)
    }
}

/// Refuses what is no plain JSON: a compressed body could be any size.
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let is = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = is(header::CONTENT_TYPE).unwrap_or_default();
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    if !bare.eq_ignore_ascii_case("application/json") || is(header::CONTENT_ENCODING).is_some() {
        let detail = EN.problem.plain_json;
        return Err(Problem::new(Kind::Form, detail).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    Ok(())
}

/// A new thing that was made.
pub(super) fn made(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let mut response = Representation::json(body).caching(Caching::Never).into_response();
    *response.status_mut() = status;
    response
}

/// Proof of work to do for a payload.
///
/// ALTCHA's second version, deterministic: `parameters.data.digest` is the digest that was asked for. Good for twenty
/// minutes, for that payload, once. It is the harder the more was submitted from one network address.
#[utoipa::path(
    get,
    path = "/api/v1/challenge",
    operation_id = "challenge",
    tag = "submissions",
    params(("digest" = String, Query, description = "SHA-256 of the payload, 64 lower-case hexadecimal digits", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
    responses(
        (status = 200, description = "The challenge", body = super::bodies::WorkChallenge),
        (status = 400, description = "No digest", body = ProblemBody, content_type = "application/problem+json"),
        TooMany,
    )
)]
pub async fn challenge(
    State(app): State<App>,
    From(from): From,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    let [digest] = exactly(query.as_deref(), ["digest"])?;
    let digest = digest.filter(|digest| unhex32(digest).is_some());
    let Some(digest) = digest else {
        return Err(Problem::parameters(vec![FieldError::new("digest", EN.api.digest.to_owned())]));
    };
    let challenge = submit::challenge(&app, &digest, from).await?;
    Ok(Representation::json(&challenge).caching(Caching::Never))
}

/// Submits a signed run.
///
/// The body is `{"envelope": …, "pow": …}`: a DSSE envelope of type `application/vnd.llm-speed.run+json`, signed with
/// Ed25519, whose payload is the JSON of a `Submission`, and proof of work for the digest of that payload. With `dry_run=1` nothing is kept, and `pow` may be null.
#[utoipa::path(
    post,
    path = "/api/v1/runs",
    operation_id = "submit_run",
    tag = "submissions",
    params(("dry_run" = Option<String>, Query, description = "1 or true: say what would be said, and keep nothing; 0 or false: submit", example = "1")),
    request_body = RunRequest<ProofOfWork>,
    responses(
        (status = 200, description = "What would be said", body = Receipt),
        (status = 201, description = "It was taken", body = Receipt),
        OfSubmission,
    )
)]
pub async fn runs(
    State(app): State<App>,
    From(from): From,
    RawQuery(query): RawQuery,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    take(&app, from, query.as_deref(), &body, Body::Run).await
}

/// Submits lines that a runtime printed.
///
/// The body is `{"text": …, "pow": …}`; `text` is the JSON of a `Paste`, and the proof of work is for its digest.
#[utoipa::path(
    post,
    path = "/api/v1/pastes",
    operation_id = "submit_paste",
    tag = "submissions",
    params(("dry_run" = Option<String>, Query, description = "1 or true: say what would be said, and keep nothing; 0 or false: submit", example = "1")),
    request_body = TextRequest<ProofOfWork>,
    responses(
        (status = 200, description = "What would be said", body = Receipt),
        (status = 201, description = "It was taken", body = Receipt),
        OfSubmission,
    )
)]
pub async fn pastes(
    State(app): State<App>,
    From(from): From,
    RawQuery(query): RawQuery,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    take(&app, from, query.as_deref(), &body, Body::Paste).await
}

/// Whether nothing is to be kept; whoever writes it in a way that is not read must not submit by it.
fn dry_run(query: Option<&str>) -> Result<bool, Problem> {
    let [dry_run] = exactly(query, ["dry_run"])?;
    match dry_run.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => {
            let message = EN.api.dry_run(&format!("{other:?}"));
            Err(Problem::parameters(vec![FieldError::new("dry_run", message)]))
        }
    }
}

async fn take(
    app: &App,
    from: IpAddr,
    query: Option<&str>,
    body: &[u8],
    what: Body,
) -> Result<Response, Problem> {
    let dry = dry_run(query)?;
    let receipt = submit::submit(app, body.to_vec(), what, from, dry).await?;
    Ok(made(if dry { StatusCode::OK } else { StatusCode::CREATED }, &receipt))
}
