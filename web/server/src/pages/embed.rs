//! For other sites: a model on a machine in a frame, as a badge and as a picture; the element that draws the frame, and the
//! page that hands all of it out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data::query::{FieldError, Filters, Params};
use data::{Engine, Lookup};
use page::embed::{PairView, embed_error_page, embed_guide_page, embed_page};
use page::gather;
use page::messages::EN;
use page::picture::{pair_badge, pair_preview, unknown_badge, unknown_preview};
use page::{Query, Site};

use super::{beside, error_view, made_once, query_of, written};
use crate::app::App;
use crate::headers::Reach;
use crate::medians::{self, Snapshot};
use crate::origin;
use crate::problem::{Link, Problem};
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

/// `GET /embed/{device}/{model}`: the document inside the frame. What is wrong is said inside the frame too: a browser shows
/// nothing of a page that refuses to be framed.
async fn frame(
    State(app): State<App>,
    Path((device, model)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = query_of(&uri);
    let site = app.site();
    let (status, frame) = match named(&app, device, model, &query).await {
        Ok(pair) => {
            let html = written(embed_page(&pair, &query, &EN, site))?;
            (StatusCode::OK, Representation::new(HTML, html).caching(Caching::Hour))
        }
        Err(problem) => {
            let html = written(embed_error_page(&error_view(&problem), &EN, site))?;
            (problem.status(), Representation::new(HTML, html).caching(Caching::Never))
        }
    };
    let mut response = (status, frame).into_response();
    response.extensions_mut().insert(Reach::Framed);
    Ok(response)
}

/// `GET /badge/{device}/{model}.svg`. Who shows a picture shows no words beside it, so what is wrong is a picture as well, under
/// the status that it has.
async fn badge(
    State(app): State<App>,
    Path((device, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let model = name.strip_suffix(".svg").ok_or_else(Problem::not_found)?.to_owned();
    Ok(match named(&app, device, model, &query_of(&uri)).await {
        Ok(pair) => Representation::new(SVG, pair_badge(&pair, &EN)).caching(Caching::Hour).into_response(),
        Err(problem) => {
            let badge = Representation::new(SVG, unknown_badge(&EN)).caching(Caching::Never);
            (problem.status(), badge).into_response()
        }
    })
}

/// `GET /social/{device}/{model}.png`.
async fn preview(
    State(app): State<App>,
    Path((device, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let model = name.strip_suffix(".png").ok_or_else(Problem::not_found)?.to_owned();
    Ok(match named(&app, device, model, &query_of(&uri)).await {
        Ok(pair) => app.pictures().png(pair_preview(&pair, &EN)).await?.into_response(),
        Err(problem) => {
            // One picture for all that is wrong: strangers choose what stands in an address.
            let picture = app.pictures().png(unknown_preview(&EN)).await?.caching(Caching::Never);
            (problem.status(), picture).into_response()
        }
    })
}

/// The pair of an address; a name that nothing has is not found.
async fn named(app: &App, device: String, model: String, query: &Query) -> Result<PairView, Problem> {
    let catalog = app.catalog();
    let unknown = |folder: &str, asked: &str, lookup: &Lookup, name_of: &dyn Fn(&str) -> Option<String>| {
        let link = |id: &String| Some(Link { path: format!("{folder}{id}"), name: name_of(id)? });
        Problem::not_known(asked, lookup.suggestions().iter().filter_map(link).collect())
    };
    catalog.device(&device).map_err(|lookup| {
        let row = |id: &str| catalog.devices().iter().find(|row| row.id == id);
        unknown("/d/", &device, &lookup, &|id| row(id).map(|row| row.name.clone()))
    })?;
    catalog.model(&model).map_err(|lookup| {
        let row = |id: &str| catalog.models().iter().find(|row| row.id == id);
        unknown("/m/", &model, &lookup, &|id| row(id).map(|row| row.name.clone()))
    })?;
    let query = query.with("hardware", &device).with("model", &model);
    let snapshot = medians::current(app).await;
    let app = app.clone();
    beside(move || pair(app.engine(), &query, &snapshot)).await.map_err(Problem::from)
}

/// One device and one model of the catalogue, in the job that the query tells.
fn pair(engine: &Engine<'_>, query: &Query, snapshot: &Arc<Snapshot>) -> Result<PairView, Vec<FieldError>> {
    let params = Params::read_page(query.pairs())?;
    let filters = Filters::read(&params, engine.rules)?;
    let (rig, job) = engine.read(&params)?;
    let chosen = engine.choose(&params, &rig, &job)?;
    let [device] = rig.devices.as_slice() else {
        let message = EN.embed.one_device.to_owned();
        return Err(vec![FieldError::new("hardware", message)]);
    };
    let Some(row) = device.row else {
        let message = EN.embed.catalogued.to_owned();
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
