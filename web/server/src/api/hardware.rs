//! `GET /api/v1/hardware`: every device.

use axum::extract::{RawQuery, State};
use data::row::{DeviceClass, HardwareRow};
use utoipa::ToSchema;

use super::sources::{Source, cited};
use crate::app::App;
use crate::problem::Problem;
use crate::representation::Representation;
use crate::shelf::FIXED;

/// One device. A figure that is not known is `null`.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct Hardware<'a> {
    /// What `hardware` takes, never reused.
    #[schema(example = "rtx-3090")]
    id: &'a str,
    /// As its maker writes it.
    name: &'a str,
    /// Who makes it, in lower case.
    vendor: &'a str,
    /// What kind of machine it is.
    #[schema(value_type = Class)]
    class: DeviceClass,
    /// Architecture, in lower case.
    generation: Option<&'a str>,
    /// Memory sizes that it is sold with, in GiB (2³⁰ bytes), ascending; empty where you say how much RAM there is.
    memory_gib: &'a [f64],
    /// Peak memory bandwidth, in GB/s (10⁹ bytes).
    bandwidth_gb_s: f64,
    /// Dense f16 compute without sparsity, in TFLOPS.
    compute_f16_tflops: Option<f64>,
    /// Stock power limit, in watts.
    tdp_w: Option<u32>,
    /// Year of release.
    release_year: Option<u16>,
    /// Other names that `hardware` takes for it.
    aliases: &'a [String],
    /// Where its figures were read, as `source` or `source:place`; `sources` of the list says what that is.
    sources: &'a [String],
    /// What was recalled rather than read, in words.
    unverified: Option<&'a str>,
}

/// The kinds of machine.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the values of `class`")]
pub enum Class {
    /// Apple silicon.
    Apple,
    /// A card with its own memory.
    DiscreteGpu,
    /// A GPU beside the processor, on the same memory.
    Unified,
    /// A processor.
    Cpu,
    /// A phone or tablet.
    Mobile,
}

/// Every device, and the works that their figures were read in.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct HardwareList<'a> {
    /// The devices.
    hardware: Vec<Hardware<'a>>,
    /// What they cite.
    sources: Vec<Source<'a>>,
}

impl<'a> From<&'a HardwareRow> for Hardware<'a> {
    fn from(row: &'a HardwareRow) -> Self {
        Hardware {
            id: &row.id,
            name: &row.name,
            vendor: &row.vendor,
            class: row.class,
            generation: row.generation.as_deref(),
            memory_gib: &row.memory_gib,
            bandwidth_gb_s: row.bandwidth_gb_s,
            compute_f16_tflops: row.compute_f16_tflops,
            tdp_w: row.tdp_w,
            release_year: row.release_year,
            aliases: &row.aliases,
            sources: &row.sources,
            unverified: row.unverified.as_deref(),
        }
    }
}

/// Every device that the estimator knows, with its figures and their sources.
#[utoipa::path(
    get,
    path = "/api/v1/hardware",
    operation_id = "hardware",
    tag = "catalogue",
    responses(
        (status = 200, description = "Every device", body = HardwareList),
        (status = 400, description = "A parameter was given", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    super::refuse_parameters(query.as_deref())?;
    app.shelf().get_or_make("/api/v1/hardware", FIXED, || {
        let rows = app.catalog().devices();
        let sources = cited(app.catalog(), rows.iter().flat_map(|row| &row.sources));
        Ok(Representation::json(&HardwareList {
            hardware: rows.iter().map(Hardware::from).collect(),
            sources,
        }))
    })
}
