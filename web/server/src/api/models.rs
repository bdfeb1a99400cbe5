//! `GET /api/v1/models`: every model.

use axum::extract::{RawQuery, State};
use data::row::{Capability, ModelRow};
use utoipa::ToSchema;

use super::sources::{Source, cited};
use crate::app::App;
use crate::problem::Problem;
use crate::representation::Representation;
use crate::shelf::FIXED;

/// One model. A figure that is not known is `null`.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct Model<'a> {
    /// What `model` takes, never reused.
    #[schema(example = "llama-3.1-8b")]
    id: &'a str,
    /// As its maker writes it.
    name: &'a str,
    /// Which models it belongs with.
    family: &'a str,
    /// Repository on Hugging Face.
    hf_repo: Option<&'a str>,
    /// Parameters of the language model, in 10⁹.
    params_b: f64,
    /// Parameters that one token uses, in 10⁹.
    active_params_b: f64,
    /// How many layers it has.
    layers: u32,
    /// Routed experts in one layer; `null` in a dense model.
    experts: Option<u32>,
    /// Routed experts that one token visits; `null` in a dense model.
    active_experts: Option<u32>,
    /// Tokens of context that it was made for.
    native_context_tokens: u32,
    /// Licence, as the repository tags it.
    license: Option<&'a str>,
    /// Month of release.
    #[schema(example = "2024-07")]
    released: Option<&'a str>,
    /// How good it is held to be, and on what ground.
    capability: Ground<'a>,
    /// Other names that `model` takes for it.
    aliases: &'a [String],
    /// Where its figures were read, as `source` or `source:place`; `sources` of the list says what that is.
    sources: &'a [String],
    /// What was recalled rather than read, in words.
    unverified: Option<&'a str>,
}

/// How good a model is held to be.
#[derive(Debug, serde::Serialize, ToSchema)]
#[schema(as = Capability)]
pub struct Ground<'a> {
    /// 0 to 100, on one scale for all models.
    score: f64,
    /// LMArena's rating that the score is anchored to; `null` where the score is editorial.
    arena_elo: Option<u16>,
    /// What it rests on: the table of ratings, or the ground of an editorial score.
    basis: &'a str,
    /// Where that was read: a key of `sources`, with the place in it behind a colon.
    source: &'a str,
}

/// Every model, and the works that their figures were read in.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct ModelList<'a> {
    /// The models.
    models: Vec<Model<'a>>,
    /// What they cite.
    sources: Vec<Source<'a>>,
}

impl<'a> From<&'a Capability> for Ground<'a> {
    fn from(capability: &'a Capability) -> Self {
        let (arena_elo, basis, source) = match capability {
            Capability::Arena { elo, source, .. } => (Some(*elo), source, source),
            Capability::Editorial { basis, source, .. } => (None, basis, source),
        };
        Ground { score: capability.score(), arena_elo, basis, source }
    }
}

impl<'a> From<&'a ModelRow> for Model<'a> {
    fn from(row: &'a ModelRow) -> Self {
        Model {
            id: &row.id,
            name: &row.name,
            family: &row.family,
            hf_repo: row.hf_repo.as_deref(),
            params_b: row.params_b,
            active_params_b: row.active_params_b,
            layers: row.layer_count(),
            experts: row.experts.map(|experts| experts.total),
            active_experts: row.experts.map(|experts| experts.active),
            native_context_tokens: row.native_context_tokens,
            license: row.license.as_deref(),
            released: row.released.as_deref(),
            capability: Ground::from(&row.capability),
            aliases: &row.aliases,
            sources: &row.sources,
            unverified: row.unverified.as_deref(),
        }
    }
}

/// Every model that the estimator knows, with its figures and their sources.
#[utoipa::path(
    get,
    path = "/api/v1/models",
    operation_id = "models",
    tag = "catalogue",
    responses(
        (status = 200, description = "Every model", body = ModelList),
        (status = 400, description = "A parameter was given", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    super::refuse_parameters(query.as_deref())?;
    app.shelf().get_or_make("/api/v1/models", FIXED, || {
        let rows = app.catalog().models();
        let sources = cited(app.catalog(), rows.iter().flat_map(|row| &row.sources));
        Ok(Representation::json(&ModelList { models: rows.iter().map(Model::from).collect(), sources }))
    })
}
