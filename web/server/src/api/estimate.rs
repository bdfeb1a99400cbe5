//! `GET /api/v1/estimate`: one setup in, its answer out.

use axum::extract::{RawQuery, State};
use data::answer::Answer;
use data::query::{PARAMETERS, Params};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use crate::app::App;
use crate::problem::Problem;
use crate::query_string;
use crate::representation::Representation;

/// The parameters, as `data` publishes them: one list for the page, the API, the CLI and this description.
pub struct Published;

impl utoipa::IntoParams for Published {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        PARAMETERS.iter().map(|(name, what)| parameter(name, what)).collect()
    }
}

fn parameter(name: &str, what: &str) -> Parameter {
    let form = form(name);
    let schema =
        ObjectBuilder::new().schema_type(SchemaType::Type(form.of.clone())).pattern(form.pattern).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(utoipa::openapi::Required::False)
        .description(Some(what))
        .schema(Some(schema))
        .example(Some(form.example.into()))
        .build()
}

/// How a parameter is written.
struct Form {
    of: Type,
    pattern: Option<&'static str>,
    example: &'static str,
}

/// Counts of tokens as people write them.
const TOKENS: &str = "^[0-9][0-9.,_]*[kKmM]?$";

#[rustfmt::skip]
fn form(name: &str) -> Form {
    let (of, pattern, example) = match name {
        "hardware"           => (Type::String, None, "rtx-3090"),
        "model"              => (Type::String, None, "llama-3.1-8b"),
        "quant"              => (Type::String, None, "q4_k_m"),
        "class"              => (Type::String, None, "discrete_gpu"),
        "split"              => (Type::String, None, "layers"),
        "kv" | "kv_v"        => (Type::String, None, "q8_0"),
        "runtime"            => (Type::String, None, "llama.cpp"),
        "backend"            => (Type::String, None, "cuda"),
        "use"                => (Type::String, None, "chat"),
        "devices"            => (Type::Integer, None, "2"),
        "streams"            => (Type::Integer, None, "4"),
        "context" | "prompt" => (Type::String, Some(TOKENS), "8k"),
        "cached"             => (Type::String, Some(TOKENS), "1024"),
        "power"              => (Type::String, Some("^[0-9.]+ ?[wW]?$"), "0.8"),
        "target_tps"         => (Type::Number, None, "20"),
        "bandwidth_gb_s"     => (Type::Number, None, "936"),
        "memory_gib"         => (Type::Number, None, "24"),
        "usable_gib"         => (Type::Number, None, "22"),
        "compute_f16_tflops" => (Type::Number, None, "71"),
        "host_ram_gib"       => (Type::Number, None, "64"),
        "host_bandwidth_gb_s" => (Type::Number, None, "80"),
        other => panic!("say in api/estimate.rs how the parameter {other:?} is written"),
    };
    Form { of, pattern, example }
}

/// Whether a model runs on a machine, how fast, and what that rests on.
///
/// Every parameter but `model` has a default; instead of `hardware`, `bandwidth_gb_s` and `memory_gib` describe a
/// machine of your own. Ids and every known name are taken. Speeds are `null` where it does not run.
#[utoipa::path(
    get,
    path = "/api/v1/estimate",
    operation_id = "estimate",
    tag = "estimate",
    params(Published),
    responses(
        (status = 200, description = "The answer", body = Answer),
        (
            status = 400,
            description = "Parameters that cannot be used, with what comes close",
            body = crate::problem::ProblemBody,
            content_type = "application/problem+json"
        ),
    )
)]
pub async fn estimate(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    let pairs = query_string::pairs(query.as_deref().unwrap_or_default())?;
    let params = Params::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let engine = app.engine();
    let (rig, job) = engine.read(&params)?;
    let chosen = engine.choose(&params, &rig, &job)?;
    Ok(Representation::json(&engine.answer(&rig, &job, &chosen)))
}
