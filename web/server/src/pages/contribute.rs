//! Contributing a paste. The browser reads it by itself; without scripts the server reads it, and keeps nothing.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use data::Engine;
use page::messages::EN;
use page::{Query, Site, gather};

use super::{answer, written};
use crate::app::App;
use crate::problem::Problem;
use crate::query_string;
use crate::representation::{Caching, HTML, Representation};
use crate::shelf::FIXED;

/// `GET /contribute`: the form.
pub async fn page(State(app): State<App>, uri: Uri) -> Result<Representation, Problem> {
    let make = |engine: &Engine<'_>, query: &Query, site: &Site| {
        written(page::contribute_page(&gather::contribute(engine, b"", query), "", query, &EN, site))
    };
    answer(app, uri, FIXED, make).await
}

/// `POST /contribute`: the same with what the form's text was read as.
pub async fn read(State(app): State<App>, form: Bytes) -> Result<Representation, Problem> {
    let made = tokio::task::spawn_blocking(move || {
        let fields = query_string::form(&form)?;
        let (mut text, mut query) = (String::new(), Query::default());
        for (name, value) in fields {
            match name.as_str() {
                "text" => text = value,
                _ => query = query.with(&name, value.trim()),
            }
        }
        let view = gather::contribute(app.engine(), text.as_bytes(), &query);
        let html = written(page::contribute_page(&view, &text, &query, &EN, app.site()))?;
        Ok(Representation::new(HTML, html).caching(Caching::Never))
    });
    made.await.unwrap_or_else(|gone| std::panic::resume_unwind(gone.into_panic()))
}
