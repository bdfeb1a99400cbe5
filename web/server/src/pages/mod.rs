//! The pages: the address is the question, `web/page` finds the answer and writes it down.
//!
//! A page without a query is the same for everybody and is kept; one with a query is made each time. Making one
//! takes milliseconds of arithmetic, so it is done beside the threads that serve connections.

mod benchmarks;
mod contribute;
mod embed;
pub mod leaderboard;
mod lines;
mod map;
mod seen;
pub mod setup;

use std::fmt::Display;

pub mod privacy;
pub mod profile;
pub mod report;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data::{Catalog, Engine, Lookup};
use page::messages::EN;
use page::{ErrorView, Query, Site, gather};

use crate::app::App;
use crate::args::Origin;
use crate::assets::Files;
use crate::headers::Reach;
use crate::measured::About;
use crate::medians;
use crate::problem::{Kind, Link, Problem};
use crate::representation::{Caching, HTML, Representation};
use crate::shelf::FIXED;
use seen::{Seen, with_reports};

/// The estimator's documentation: the page shows the very text that the crate is documented with.
const METHODOLOGY: &str = include_str!("../../../../estimator/METHODOLOGY.md");

/// Every page.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .route("/m/{id}", get(model))
        .route("/d/{id}", get(device))
        .route("/compare", get(compare))
        .route("/medians.lines", get(lines::lines))
        .route("/benchmarks", get(benchmarks::page))
        .route("/benchmarks.json", get(crate::api::benchmarks::list))
        .route("/benchmarks.csv", get(benchmarks::as_csv))
        .route("/benchmarks.rows", get(benchmarks::rows))
        .route("/gguf", get(gguf))
        .route("/contribute", get(contribute::page).post(contribute::read))
        .route("/methodology", get(methodology))
        .route("/about", get(about))
        .route("/privacy", get(privacy::page))
        .route("/privacy.json", get(privacy::json))
        .route("/r/{id}", get(report::page))
        .route("/u/{name}", get(profile::page))
        .route(page::profile::BOARD, get(profile::contributors))
        .route("/badge/{name}", get(report::picture))
        .route("/social/r/{name}", get(report::preview))
        .route(page::leaderboard::PATH, get(leaderboard::page))
        .route("/sitemap.xml", get(map::sitemap))
        .route("/sitemap/{name}", get(map::part))
        .route("/robots.txt", get(map::robots))
        .merge(embed::routes())
}

/// What every page needs to know of its site.
pub fn site(catalog: &Catalog, assets: &Files, origin: Option<&Origin>) -> Site {
    Site {
        origin: origin.map(|origin| origin.as_str().to_owned()).unwrap_or_default(),
        style: assets.address("/assets/", "style.css"),
        loader: assets.address("/assets/", "loader.js"),
        contribute: assets.address("/assets/", "contribute.js"),
        dispute: assets.address("/assets/", "dispute.js"),
        choices: gather::choices(catalog),
    }
}

/// `GET /`: all models on one machine.
async fn home(State(app): State<App>, uri: Uri) -> Result<Representation, Problem> {
    let snapshot = medians::current(&app).await;
    let version = snapshot.version();
    let make = move |engine: &Engine<'_>, query: &Query, site: &Site| {
        let mut view = gather::home(engine, query);
        gather::measured_of_all(&mut view, gather::in_index(&snapshot.index));
        written(page::home_page(&view, query, &EN, site))
    };
    answer(app, uri, version, make).await
}

/// `GET /m/{id}`: a model, the machines that run it, and how fast.
async fn model(State(app): State<App>, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let catalog = app.catalog();
    if !catalog.models().iter().any(|row| row.id == id) {
        let name_of = |id: &str| catalog.models().iter().find(|row| row.id == id).map(|row| row.name.clone());
        return elsewhere("/m/", &id, &uri, catalog.model(&id).map(|row| row.id.as_str()), name_of);
    }
    let about = About::Model { machine: setup::machine(app.engine(), &query_of(&uri)), id: id.clone() };
    let make = move |engine: &Engine<'_>, query: &Query, site: &Site, seen: &Seen| {
        let mut view = gather::model(engine, &id, query).ok_or_else(Problem::not_found)?;
        gather::measured(&mut view.cards, gather::in_index(&seen.snapshot.index));
        written(page::model_page(&view, &seen.view, query, &EN, site))
    };
    with_reports(app, uri, about, make).await.map(IntoResponse::into_response)
}

/// `GET /d/{id}`: a device, and what runs on it.
async fn device(State(app): State<App>, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let catalog = app.catalog();
    if !catalog.devices().iter().any(|row| row.id == id) {
        let name_of =
            |id: &str| catalog.devices().iter().find(|row| row.id == id).map(|row| row.name.clone());
        return elsewhere("/d/", &id, &uri, catalog.device(&id).map(|row| row.id.as_str()), name_of);
    }
    let about = About::Device(id.clone());
    let make = move |engine: &Engine<'_>, query: &Query, site: &Site, seen: &Seen| {
        let mut view = gather::device(engine, &id, query).ok_or_else(Problem::not_found)?;
        gather::measured_of_all(&mut view.models, gather::in_index(&seen.snapshot.index));
        written(page::device_page(&view, &seen.view, query, &EN, site))
    };
    with_reports(app, uri, about, make).await.map(IntoResponse::into_response)
}

/// `GET /compare`: setups side by side. A query that asks for a list, as a machine's or a model's page does, leads to the first
/// setups of that list.
async fn compare(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let query = query_of(&uri);
    let engine = *app.engine();
    if let Some(first) = beside(move || gather::first_of_list(&engine, &query)).await {
        return to(&first, StatusCode::SEE_OTHER);
    }
    let about = About::Setups(setup::all(app.engine(), &query_of(&uri)));
    let make = |engine: &Engine<'_>, query: &Query, site: &Site, seen: &Seen| {
        written(page::compare_page(&gather::compare(engine, query), &seen.view, query, &EN, site))
    };
    with_reports(app, uri, about, make).await.map(IntoResponse::into_response)
}

/// `GET /gguf`: any model, by the header of its file, which the browser reads from wherever it lies.
async fn gguf(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let make = |engine: &Engine<'_>, query: &Query, site: &Site| {
        written(page::gguf_page(&gather::file(engine, query, &gather::Reading::Nothing), query, &EN, site))
    };
    let mut response = answer(app, uri, FIXED, make).await?.into_response();
    response.extensions_mut().insert(Reach::AnyHttps);
    Ok(response)
}

/// `GET /methodology`: the equations, and the constants in use.
async fn methodology(State(app): State<App>, uri: Uri) -> Result<Representation, Problem> {
    let make = |engine: &Engine<'_>, _: &Query, site: &Site| {
        written(page::method_page(&gather::method(engine, METHODOLOGY, &EN), &EN, site))
    };
    answer(app, uri, FIXED, make).await
}

/// `GET /about`: what this is, and what happens to what people type.
async fn about(State(app): State<App>, uri: Uri) -> Result<Representation, Problem> {
    answer(app, uri, FIXED, |_: &Engine<'_>, _: &Query, site: &Site| written(page::about_page(&EN, site)))
        .await
}

/// A problem as people read it.
pub fn error(problem: &Problem, site: &Site) -> Representation {
    // A page about an error must not fail: without its markup there is still its sentence.
    let html =
        page::error_page(&error_view(problem), &EN, site).unwrap_or_else(|_| EN.error.wrong.to_owned());
    Representation::new(HTML, html).caching(Caching::Never)
}

/// What went wrong, as pages are told it.
fn error_view(problem: &Problem) -> ErrorView {
    match problem.kind() {
        Kind::NotFound => match problem.unknown() {
            Some((what, near)) => ErrorView::NotKnown {
                what: what.to_owned(),
                near: near.iter().map(|link| (link.path.clone(), link.name.clone())).collect(),
            },
            None => ErrorView::NotFound,
        },
        Kind::TimedOut | Kind::Overloaded | Kind::NotReady | Kind::Internal => ErrorView::Ours,
        _ => ErrorView::Bad(problem.detail().to_owned()),
    }
}

/// The query of an address as pages read it.
fn query_of(uri: &Uri) -> Query {
    Query::parse(uri.query().unwrap_or_default())
}

/// Makes a page of what is of this version, or takes it from the shelf.
async fn answer(
    app: App,
    uri: Uri,
    version: i64,
    make: impl FnOnce(&Engine<'_>, &Query, &Site) -> Result<String, Problem> + Send + 'static,
) -> Result<Representation, Problem> {
    let query = query_of(&uri);
    let is_plain = query.pairs().next().is_none();
    if let Some(kept) = app.shelf().kept(uri.path(), version).filter(|_| is_plain) {
        return Ok(kept);
    }
    if !is_plain {
        return made_once(app, query, make).await;
    }
    beside(move || {
        app.shelf().get_or_make(uri.path(), version, || {
            make(app.engine(), &query, app.site()).map(|html| Representation::new(HTML, html))
        })
    })
    .await
}

/// Makes a page that is not kept.
async fn made_once(
    app: App,
    query: Query,
    make: impl FnOnce(&Engine<'_>, &Query, &Site) -> Result<String, Problem> + Send + 'static,
) -> Result<Representation, Problem> {
    beside(move || make(app.engine(), &query, app.site()).map(|html| Representation::new(HTML, html))).await
}

/// Runs what takes time beside the threads that serve connections.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let made = tokio::task::spawn_blocking(work);
    // A panic there is a panic here: the layer above makes an answer of it.
    made.await.unwrap_or_else(|gone| std::panic::resume_unwind(gone.into_panic()))
}

/// A page that could not be written is our fault, and the log says why.
fn written(html: Result<String, impl Display>) -> Result<String, Problem> {
    html.map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Problem::new(Kind::Internal, Kind::Internal.explanation())
    })
}

/// Sends people on to another page of ours.
fn to(address: &str, status: StatusCode) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(address).map_err(|_| Problem::not_found())?;
    Ok((status, [(header::LOCATION, location)]).into_response())
}

/// The way to what is meant by a name that is no id: another name of a row leads to its page, and one that is near
/// some rows to a page that offers them.
fn elsewhere(
    folder: &str,
    asked: &str,
    uri: &Uri,
    found: Result<&str, Lookup>,
    name_of: impl Fn(&str) -> Option<String>,
) -> Result<Response, Problem> {
    match found {
        Ok(id) => {
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            to(&format!("{folder}{id}{query}"), StatusCode::PERMANENT_REDIRECT)
        }
        Err(lookup) => {
            let link = |id: &String| Some(Link { path: format!("{folder}{id}"), name: name_of(id)? });
            Err(Problem::not_known(asked, lookup.suggestions().iter().filter_map(link).collect()))
        }
    }
}
