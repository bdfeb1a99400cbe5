//! What was measured, as a page asks for it that renders itself: `GET /medians.lines`.

use axum::extract::State;
use axum::http::Uri;
use data::medians;

use super::{beside, query_of, setup};
use crate::app::App;
use crate::medians::current;
use crate::representation::{Representation, TEXT};

/// The medians that the page at `path` can show: those of the machine in the query, or of the model or the device that
/// the page is about. Nothing where it is about none.
pub async fn lines(State(app): State<App>, uri: Uri) -> Representation {
    let snapshot = current(&app).await;
    beside(move || {
        let query = query_of(&uri);
        let about = query.get("path").trim_start_matches('/').split_once('/');
        let machine = setup::machine(app.engine(), &query);
        let cells = snapshot.index.cells().filter(|(_, cell)| match about {
            Some(("m", model)) => cell.model == model,
            // With a power limit the same device has another name.
            Some(("d", device)) => cell.device.split(['@', '+']).next() == Some(device),
            _ => machine.as_deref() == Some(&cell.device),
        });
        Representation::new(TEXT, medians::lines(cells))
    })
    .await
}
