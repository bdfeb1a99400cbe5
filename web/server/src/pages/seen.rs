//! A page with what was measured under it: the reports are read first, then the page is made beside them.

use std::sync::Arc;

use axum::http::Uri;
use data::Engine;
use page::measured::MeasuredView;
use page::{Query, Site};

use super::{answer, made_once, query_of};
use crate::app::App;
use crate::measured::{self, About};
use crate::medians::{self, Snapshot};
use crate::problem::Problem;
use crate::representation::Representation;

/// What was measured, as it is now.
pub(super) struct Seen {
    /// Medians of all cells.
    pub(super) snapshot: Arc<Snapshot>,
    /// What the page is about.
    pub(super) view: MeasuredView,
}

/// Makes a page with what was measured, or takes it from the shelf; one that lacks its reports is not kept.
pub(super) async fn with_reports(
    app: App,
    uri: Uri,
    about: About,
    make: impl FnOnce(&Engine<'_>, &Query, &Site, &Seen) -> Result<String, Problem> + Send + 'static,
) -> Result<Representation, Problem> {
    // First, since it clears the shelf of what has become old.
    let snapshot = medians::current(&app).await;
    let is_plain = query_of(&uri).pairs().next().is_none();
    if let Some(kept) = app.shelf().kept(uri.path(), snapshot.version()).filter(|_| is_plain) {
        return Ok(kept);
    }
    let seen = Seen { view: measured::view(&app, &snapshot, &about).await, snapshot };
    let (is_whole, version) = (!seen.view.away, seen.snapshot.version());
    let make = move |engine: &Engine<'_>, query: &Query, site: &Site| make(engine, query, site, &seen);
    if is_whole { answer(app, uri, version, make).await } else { made_once(app, query_of(&uri), make).await }
}
