//! For other sites: a model on a machine in a frame, as a badge and as a picture; the element that draws the frame, and the
//! page that hands all of it out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data::Engine;
use data::query::{FieldError, Filters, Params};
use page::embed::{PairView, embed_guide_page, embed_page};
use page::gather;
use page::messages::EN;
use page::picture::{pair_badge, pair_preview};
use page::{Query, Site};

use super::{beside, made_once, query_of, written};
use crate::app::App;
use crate::headers::Reach;
use crate::medians::{self, Snapshot};
use crate::origin;
use crate::problem::Problem;
use crate::representation::{Caching, HTML, Representation, SVG};

/// The element that other sites load.
const ELEMENT: &str = include_str!("../../embed/can-it-run.js");

/// What the page of snippets begins with.
const EXAMPLE: [(&str, &str); 2] = [("hardware", "rtx-3090"), ("model", "qwen3-30b-a3b")];

/// The addresses.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/embed", get(guide))
        .route("/embed/can-it-run.js", get(element))
        .route("/embed/{device}/{model}", get(frame))
        .route("/badge/{device}/{name}", get(badge))
        .route("/social/{device}/{name}", get(preview))
}

/// `GET /embed`: the snippets.
async fn guide(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let snapshot = medians::current(&app).await;
    let origin = origin::of(&app, &headers);
    let make = move |engine: &Engine<'_>, query: &Query, site: &Site| {
        let asked = if query.get("hardware").is_empty() && query.get("model").is_empty() {
            EXAMPLE.iter().fold(query.clone(), |query, (name, value)| query.with(name, value))
        } else {
            query.clone()
        };
        let (pair, problems) = match pair(engine, &asked, &snapshot) {
            Ok(pair) => (Some(pair), Vec::new()),
            Err(problems) => (None, problems),
        };
        written(embed_guide_page(pair.as_ref(), &problems, &origin, query, &EN, site))
    };
    // Not kept: its snippets name the address that it was asked under.
    let mut response = made_once(app, query_of(&uri), make).await?.into_response();
    response.extensions_mut().insert(Reach::Frames);
    Ok(response)
}

/// `GET /embed/can-it-run.js`.
async fn element() -> Representation {
    Representation::new("text/javascript; charset=utf-8", ELEMENT).caching(Caching::Hour)
}

/// `GET /embed/{device}/{model}`: the document inside the frame.
async fn frame(
    State(app): State<App>,
    Path((device, model)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = query_of(&uri);
    let (app, pair) = named(app, device, model, &query).await?;
    let html = written(embed_page(&pair, &query, &EN, app.site()))?;
    let mut response = Representation::new(HTML, html).caching(Caching::Hour).into_response();
    response.extensions_mut().insert(Reach::Framed);
    Ok(response)
}

/// `GET /badge/{device}/{model}.svg`.
async fn badge(
    State(app): State<App>,
    Path((device, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Representation, Problem> {
    let model = name.strip_suffix(".svg").ok_or_else(Problem::not_found)?.to_owned();
    let (_, pair) = named(app, device, model, &query_of(&uri)).await?;
    Ok(Representation::new(SVG, pair_badge(&pair, &EN)).caching(Caching::Hour))
}

/// `GET /social/{device}/{model}.png`.
async fn preview(
    State(app): State<App>,
    Path((device, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Representation, Problem> {
    let model = name.strip_suffix(".png").ok_or_else(Problem::not_found)?.to_owned();
    let (app, pair) = named(app, device, model, &query_of(&uri)).await?;
    app.pictures().png(pair_preview(&pair, &EN)).await
}

/// The pair of an address; a name that nothing has is not found.
async fn named(app: App, device: String, model: String, query: &Query) -> Result<(App, PairView), Problem> {
    app.catalog().device(&device).map_err(|_| Problem::not_found())?;
    app.catalog().model(&model).map_err(|_| Problem::not_found())?;
    let query = query.with("hardware", &device).with("model", &model);
    let snapshot = medians::current(&app).await;
    beside(move || {
        let pair = pair(app.engine(), &query, &snapshot)?;
        Ok((app, pair))
    })
    .await
}

/// One device and one model of the catalogue, in the job that the query tells.
fn pair(engine: &Engine<'_>, query: &Query, snapshot: &Arc<Snapshot>) -> Result<PairView, Vec<FieldError>> {
    let params = Params::read_page(query.pairs())?;
    let filters = Filters::read(&params, engine.rules)?;
    let (rig, job) = engine.read(&params)?;
    let chosen = engine.choose(&params, &rig, &job)?;
    let [device] = rig.devices.as_slice() else {
        let message = "A frame shows one device; name one.".to_owned();
        return Err(vec![FieldError::new("hardware", message)]);
    };
    let Some(row) = device.row else {
        let message = "A frame shows a device of the catalogue; name one.".to_owned();
        return Err(vec![FieldError::new("hardware", message)]);
    };
    let answer = engine.answer(&rig, &job, &chosen);
    Ok(PairView {
        device_id: row.id.clone(),
        device: row.name.clone(),
        model_id: chosen.model.id.clone(),
        model: chosen.model.name.clone(),
        quant: chosen.quant.name.clone(),
        minimum_tps: filters.min_tps,
        measured: gather::in_index(&snapshot.index)(&answer.setup),
        answer,
    })
}
