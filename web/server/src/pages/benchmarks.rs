//! The table of runs: the page, the same rows as CSV, and the whole of it for browsers that sort by themselves.

use axum::extract::{RawQuery, State};
use axum::http::Uri;
use data::table::Wish;
use page::benchmarks::benchmarks_page;
use page::messages::EN;

use super::{beside, query_of, written};
use crate::api::benchmarks::{asked, csv};
use crate::app::App;
use crate::benchmarks;
use crate::problem::Problem;
use crate::representation::{HTML, Representation};

/// Comma-separated values (RFC 4180), UTF-8.
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// Keys of a place in the table: written by us, so that one that is none was broken on its way.
const KEYS: [&str; 2] = ["after", "before"];

/// `GET /benchmarks`: what was measured, run by run. What people choose and mistype is told on the page; a broken key leads to
/// no page.
pub async fn page(State(app): State<App>, uri: Uri) -> Result<Representation, Problem> {
    let snapshot = benchmarks::current(&app).await;
    beside(move || {
        let query = query_of(&uri);
        let (_, mut wrong) = Wish::read(|name| query.get(name), &snapshot.table);
        wrong.retain(|error| KEYS.contains(&error.field.as_str()));
        if !wrong.is_empty() {
            return Err(Problem::parameters(wrong));
        }
        let around = snapshot.around(&app);
        let html = benchmarks_page(&snapshot.table, &around, &query, &EN, app.site());
        Ok(Representation::new(HTML, written(html)?))
    })
    .await
}

/// `GET /benchmarks.csv`: every row that is asked for, or a page of them where `per_page` says how large.
pub async fn as_csv(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    let snapshot = benchmarks::current(&app).await;
    beside(move || {
        let (wish, paged) = asked(query.as_deref(), &snapshot.table, app.catalog())?;
        Ok(Representation::new(CSV, csv(&snapshot.table, &wish, paged)))
    })
    .await
}

/// `GET /benchmarks.rows`: the table as the page's module reads it.
pub async fn rows(State(app): State<App>) -> Result<Representation, Problem> {
    let snapshot = benchmarks::current(&app).await;
    beside(move || snapshot.packed().ok_or_else(Problem::not_found)).await
}
