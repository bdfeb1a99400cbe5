//! The transparency log: its signed checkpoint, and proofs that nothing was changed.

use axum::extract::{RawQuery, State};
use data::checkpoint::{Checkpoint, public_key};
use data::digest::hex;
use data::merkle::Hash;
use page::messages::EN;

use super::{bad, exactly};
use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::representation::{Caching, Representation, TEXT};

/// The log's name in its checkpoints.
pub const ORIGIN: &str = "llm-speed/log";

/// That a payload is in the log (RFC 6962).
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Inclusion {
    /// The leaf's index, from 0.
    index: u64,
    /// Size of the tree that the proof is for.
    size: u64,
    /// Hashes from the leaf to the root, in hexadecimal.
    hashes: Vec<String>,
}

/// That a later tree continues an earlier one (RFC 6962).
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Consistency {
    /// The earlier size.
    from: u64,
    /// The later size.
    to: u64,
    /// Hashes of the proof, in hexadecimal.
    hashes: Vec<String>,
}

fn words(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| hex(hash)).collect()
}

/// The checkpoint as it is now, signed.
async fn signed_checkpoint(app: &App) -> Result<String, Problem> {
    let edge = app.store().head().await?.edge;
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: edge.size, root: edge.root() };
    Ok(checkpoint.sign(&app.submissions().judging.secrets.log_seed))
}

/// `GET /log/checkpoint`: a signed note.
pub async fn checkpoint(State(app): State<App>) -> Result<Representation, Problem> {
    Ok(Representation::new(TEXT, signed_checkpoint(&app).await?).caching(Caching::Never))
}

/// `GET /log/key`: the public key of the checkpoints, in hexadecimal.
pub async fn key(State(app): State<App>) -> Representation {
    let key = public_key(&app.submissions().judging.secrets.log_seed);
    Representation::new(TEXT, format!("{}\n", hex(&key)))
}

fn number(name: &str, value: Option<&str>) -> Result<Option<u64>, Problem> {
    value.map(|text| text.parse().map_err(|_| bad(name, EN.api.number))).transpose()
}

/// The size that was named, or the log's own.
async fn own_where_not_given(app: &App, name: &str, value: Option<String>) -> Result<u64, Problem> {
    match number(name, value.as_deref())? {
        Some(size) => Ok(size),
        None => Ok(app.store().head().await?.edge.size),
    }
}

/// Proof that a payload is in the log.
#[utoipa::path(
    get,
    path = "/api/v1/log/inclusion",
    operation_id = "inclusion",
    tag = "log",
    params(
        ("digest" = String, Query, description = "SHA-256 of the payload, in hexadecimal", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("size" = Option<u64>, Query, description = "size of the tree; the log's own where not given", example = "100"),
    ),
    responses(
        (status = 200, description = "The proof", body = Inclusion),
        (status = 400, description = "Not so large yet", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such payload", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn inclusion(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    let [digest, size] = exactly(query.as_deref(), ["digest", "size"])?;
    let digest = digest.ok_or_else(|| bad("digest", EN.api.payload))?;
    let index = app.store().log_index(&digest).await?.ok_or_else(Problem::not_found)?;
    let size = own_where_not_given(&app, "size", size).await?;
    let hashes = app.store().inclusion(index, size).await?;
    let hashes = hashes.ok_or_else(|| bad("size", EN.api.size))?;
    Ok(Representation::json(&Inclusion { index, size, hashes: words(&hashes) }))
}

/// Proof that the log only grew.
#[utoipa::path(
    get,
    path = "/api/v1/log/consistency",
    operation_id = "consistency",
    tag = "log",
    params(
        ("from" = u64, Query, description = "the earlier size, at least 1", example = "1"),
        ("to" = Option<u64>, Query, description = "the later size; the log's own where not given", example = "2"),
    ),
    responses(
        (status = 200, description = "The proof", body = Consistency),
        (status = 400, description = "No sizes of this log", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn consistency(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    let [from, to] = exactly(query.as_deref(), ["from", "to"])?;
    let from = number("from", from.as_deref())?.ok_or_else(|| bad("from", EN.api.earlier))?;
    let to = own_where_not_given(&app, "to", to).await?;
    let hashes = app.store().consistency(from, to).await?;
    let hashes = hashes.ok_or_else(|| bad("from", EN.api.sizes))?;
    Ok(Representation::json(&Consistency { from, to, hashes: words(&hashes) }))
}
