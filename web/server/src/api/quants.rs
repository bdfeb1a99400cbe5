//! `GET /api/v1/quants`: every quantisation.

use axum::extract::{RawQuery, State};
use data::row::{QuantRow, Runtime};
use utoipa::ToSchema;

use super::sources::{Source, cited};
use crate::app::App;
use crate::problem::Problem;
use crate::representation::Representation;
use crate::shelf::FIXED;

/// One quantisation.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct Quant<'a> {
    /// What `quant` takes, never reused.
    #[schema(example = "q4_k_m")]
    id: &'a str,
    /// As its tools write it.
    name: &'a str,
    /// Bits a weight over a whole file of a usual model, as measured on files.
    bits_per_weight: f64,
    /// 0 to 100: higher is closer to the published weights.
    quality: u8,
    /// What it costs, in a word.
    #[schema(example = "small")]
    loss: &'a str,
    /// Who loads it: values that `runtime` takes.
    runtimes: Vec<&'a str>,
    /// Other names that `quant` takes for it.
    aliases: &'a [String],
    /// Where its figures were read, as `source` or `source:place`; `sources` of the list says what that is.
    sources: &'a [String],
    /// What was recalled rather than read, in words.
    unverified: Option<&'a str>,
}

/// Every quantisation, and the works that their figures were read in.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct QuantList<'a> {
    /// The quantisations.
    quants: Vec<Quant<'a>>,
    /// What they cite.
    sources: Vec<Source<'a>>,
}

impl<'a> From<&'a QuantRow> for Quant<'a> {
    fn from(row: &'a QuantRow) -> Self {
        Quant {
            id: &row.id,
            name: &row.name,
            bits_per_weight: row.bits_per_weight,
            quality: row.quality,
            loss: row.loss.word(),
            runtimes: row.runtimes.iter().copied().map(Runtime::name).collect(),
            aliases: &row.aliases,
            sources: &row.sources,
            unverified: row.unverified.as_deref(),
        }
    }
}

/// Every quantisation that the estimator knows, with who loads it.
#[utoipa::path(
    get,
    path = "/api/v1/quants",
    operation_id = "quants",
    tag = "catalogue",
    responses(
        (status = 200, description = "Every quantisation", body = QuantList),
        (status = 400, description = "A parameter was given", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    super::refuse_parameters(query.as_deref())?;
    app.shelf().get_or_make("/api/v1/quants", FIXED, || {
        let rows = app.catalog().quants();
        let sources = cited(app.catalog(), rows.iter().flat_map(|row| &row.sources));
        Ok(Representation::json(&QuantList { quants: rows.iter().map(Quant::from).collect(), sources }))
    })
}
