//! The API, version 1: JSON for programs, the same numbers as the pages.
//!
//! What is sent has types of its own, apart from the rows that it is made of: a row may change its shape with the
//! files, version 1 of the API may not.

pub mod benchmarks;
mod bodies;
mod disputes;
mod estimate;
mod hardware;
pub mod log;
pub mod login;
mod models;
mod quants;
mod refused;
mod results;
mod sources;
pub mod submissions;
mod tables;

pub use bodies::ProofOfWork;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use data::query::FieldError;
use page::messages::EN;
use utoipa::OpenApi;
use utoipa::openapi::Responses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Problem;
use crate::query_string;
use crate::representation::Representation;
use crate::shelf::FIXED;

/// Where the API's own description lies.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// What the description says before it comes to addresses.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "llm-speed",
        description = "Which model runs on which machine, and how fast: estimates with honest ranges.\n\n\
            Sizes in GiB are 2³⁰ bytes, bandwidths in GB/s are 10⁹ bytes a second, speeds are tokens a second. \
            Every answer carries an ETag; errors are problem details (RFC 9457).",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "estimate", description = "Answers for one setup."),
        (name = "catalogue", description = "What is known of devices, models and quantisations."),
        (name = "submissions", description = "Results that people measured, and what is said about them."),
        (name = "profiles", description = "Who signed in, where that is set up, and what their machines sent."),
        (name = "log", description = "Proof that no result was changed or left out."),
    ),
    components(schemas(
        crate::problem::ProblemBody,
        data::submission::Submission,
        data::submission::Paste,
        data::submission::Dispute,
        data::submission::DisputeAnswer,
        data::submission::Withdrawal,
        data::submission::MachineClaim,
    ))
)]
struct Description;

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(estimate::estimate))
        .routes(routes!(hardware::list))
        .routes(routes!(models::list))
        .routes(routes!(quants::list))
        .routes(routes!(tables::table))
        .routes(routes!(submissions::challenge))
        .routes(routes!(submissions::runs))
        .routes(routes!(submissions::pastes))
        .routes(routes!(disputes::dispute))
        .routes(routes!(disputes::answer))
        .routes(routes!(disputes::evidence))
        .routes(routes!(disputes::withdraw))
        .routes(routes!(results::result))
        .routes(routes!(results::medians))
        .routes(routes!(results::export))
        .routes(routes!(benchmarks::list))
        .routes(routes!(login::invite))
        .routes(routes!(login::redeem))
        .routes(routes!(login::claim))
        .routes(routes!(login::unlink))
        .routes(routes!(login::one))
        .routes(routes!(login::board))
        .routes(routes!(log::inclusion))
        .routes(routes!(log::consistency))
}

/// Every address under `/api/v1`.
pub fn routes() -> Router<App> {
    let (router, _) = documented().split_for_parts();
    router
        .route(DOCUMENT, get(openapi))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/key", get(log::key))
}

/// The description of the API, OpenAPI 3.1.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = documented().split_for_parts().1;
    for path in document.paths.paths.values_mut() {
        for operation in
            [&mut path.get, &mut path.post, &mut path.put, &mut path.delete].into_iter().flatten()
        {
            if operation.request_body.is_some() {
                refusals_of_bodies(&mut operation.responses);
            }
        }
    }
    document
}

/// What every address that takes a body may say of it.
const OF_BODIES: [(u16, &str); 3] = [
    (400, "Not in the form that is read"),
    (413, "Too large"),
    (415, "Not of the type that is read, or compressed"),
];

/// Writes it beside what each of them says of its own.
fn refusals_of_bodies(responses: &mut Responses) {
    for (status, why) in OF_BODIES {
        let (status, refusal) = refused::problem(status, why);
        responses.responses.entry(status).or_insert(refusal);
    }
}

/// `GET /api/v1/openapi.json`.
async fn openapi(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    refuse_parameters(query.as_deref())?;
    app.shelf().get_or_make(DOCUMENT, FIXED, || Ok(Representation::json(&document())))
}

/// Refuses any parameter, for addresses that take none: one that is passed over would look as if it had worked.
pub fn refuse_parameters(query: Option<&str>) -> Result<(), Problem> {
    match query_string::pairs(query.unwrap_or_default())?.first() {
        None => Ok(()),
        Some((name, _)) => Err(Problem::parameters(vec![FieldError::new(name, EN.api.none.to_owned())])),
    }
}

/// A parameter that cannot be used.
fn bad(field: &str, message: &str) -> Problem {
    Problem::parameters(vec![FieldError::new(field, message.to_owned())])
}

/// The values of exactly these parameters.
fn exactly<const N: usize>(query: Option<&str>, names: [&str; N]) -> Result<[Option<String>; N], Problem> {
    let mut values = [const { None }; N];
    for (key, value) in query_string::pairs(query.unwrap_or_default())? {
        let place = names.iter().position(|name| *name == key);
        match place.map(|place| &mut values[place]) {
            Some(empty @ None) => *empty = Some(value),
            Some(_) => return Err(bad(&key, EN.api.twice)),
            None => return Err(bad(&key, EN.api.other)),
        }
    }
    Ok(values)
}
