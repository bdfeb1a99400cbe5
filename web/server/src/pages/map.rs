//! `/sitemap.xml` and `/robots.txt`: what search engines may read, and where it is.

use axum::extract::{Path, State};
use axum::http::HeaderMap;

use crate::app::App;
use crate::origin;
use crate::problem::{Kind, Problem};
use crate::representation::{Representation, TEXT};
use crate::store::StoreError;

/// XML, always UTF-8.
const XML: &str = "application/xml; charset=utf-8";

/// Most addresses in one sitemap, by the protocol (sitemaps.org).
const MOST: u64 = 50_000;

/// Pages that are neither a row's nor a result's.
const PAGES: [&str; 10] = [
    "/",
    "/compare",
    "/benchmarks",
    "/gguf",
    "/contribute",
    "/leaderboard",
    "/embed",
    "/methodology",
    "/about",
    "/privacy",
];

/// `GET /sitemap.xml`: every page, or where the lists of them are.
pub(super) async fn sitemap(State(app): State<App>, headers: HeaderMap) -> Result<Representation, Problem> {
    let origin = origin::of(&app, &headers);
    let log_size = app.store().head().await.map_err(|error| unread(&error))?.edge.size;
    let pages = pages(&app);
    if log_size + pages.len() as u64 <= MOST {
        let results = results(&app, 0, MOST).await?;
        return Ok(list(&origin, pages.into_iter().chain(results)));
    }
    let parts = (0..=log_size.div_ceil(MOST)).map(|part| format!("{origin}/sitemap/{part}.xml"));
    let items: String = parts.map(|address| format!("<sitemap><loc>{address}</loc></sitemap>\n")).collect();
    Ok(xml("sitemapindex", &items))
}

/// `GET /sitemap/{part}.xml`: part 0 has the pages, the others the results, fifty thousand places of the log each.
pub(super) async fn part(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Representation, Problem> {
    let number = name.strip_suffix(".xml").and_then(|number| number.parse::<u64>().ok());
    let number = number.filter(|number| *number < u64::from(u32::MAX)).ok_or_else(Problem::not_found)?;
    let origin = origin::of(&app, &headers);
    match number.checked_sub(1) {
        None => Ok(list(&origin, pages(&app).into_iter())),
        Some(before) => {
            let results = results(&app, before * MOST, number * MOST).await?;
            if results.is_empty() {
                return Err(Problem::not_found());
            }
            Ok(list(&origin, results.into_iter()))
        }
    }
}

/// `GET /robots.txt`: everything may be read but the API, whose every answer is on a page too.
pub(super) async fn robots(State(app): State<App>, headers: HeaderMap) -> Representation {
    let origin = origin::of(&app, &headers);
    Representation::new(TEXT, format!("User-agent: *\nDisallow: /api/\n\nSitemap: {origin}/sitemap.xml\n"))
}

fn pages(app: &App) -> Vec<String> {
    let catalog = app.catalog();
    let models = catalog.models().iter().map(|row| format!("/m/{}", row.id));
    let devices = catalog.devices().iter().map(|row| format!("/d/{}", row.id));
    PAGES.iter().map(|path| (*path).to_owned()).chain(models).chain(devices).collect()
}

/// Pages of the results that count, by their places in the log.
async fn results(app: &App, from: u64, to: u64) -> Result<Vec<String>, Problem> {
    let ids = app.store().counting_ids(from, to).await.map_err(|error| unread(&error))?;
    Ok(ids.into_iter().map(|id| format!("/r/{id}")).collect())
}

fn unread(error: &StoreError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "the log could not be read");
    Problem::new(Kind::NotReady, Kind::NotReady.explanation())
}

/// Addresses hold what ids are made of and nothing that XML would have to escape.
fn list(origin: &str, paths: impl Iterator<Item = String>) -> Representation {
    let items: String = paths.map(|path| format!("<url><loc>{origin}{path}</loc></url>\n")).collect();
    xml("urlset", &items)
}

fn xml(element: &str, items: &str) -> Representation {
    let space = "http://www.sitemaps.org/schemas/sitemap/0.9";
    Representation::new(
        XML,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{element} xmlns=\"{space}\">\n{items}</{element}>\n"
        ),
    )
}
