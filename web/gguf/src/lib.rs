//! The page about any model in the browser: the headers of its files are read here, from this machine or another, and it is
//! estimated by the code that estimates the catalogue's. A module of its own, since no other page reads files.

mod hub;
mod listing;
mod open;
mod opened;
mod source;

use browser::known;
use page::{Query, gather, messages};
use wasm_bindgen::prelude::*;
use web_sys::File;

/// The page about any model.
const PATH: &str = "/gguf";

/// Takes what is known of devices, models and constants: the bytes of `llm_speed.rows`.
///
/// Throws an `Error` when the file is of another version or damaged.
#[wasm_bindgen]
pub fn load(rows: &[u8]) -> Result<(), JsError> {
    known::load(rows).map_err(JsError::from)
}

/// What belongs into `#results` of the page at `path` for this query string: the region that the server renders, with what
/// was read since. Undefined for other pages, and before [`load`].
#[wasm_bindgen(js_name = renderResults)]
pub fn render_results(path: &str, query: &str) -> Option<String> {
    let engine = known::engine().filter(|_| path == PATH)?;
    let query = Query::parse(query);
    let view = opened::with(|reading| gather::file(&engine, &query, reading));
    page::gguf_results(&view, path, &query, &messages::EN).ok()
}

/// What belongs into `#suggest`: the machine that this may be; undefined where the browser says too little.
#[wasm_bindgen(js_name = renderSuggestion)]
pub async fn render_suggestion(path: String, query: String) -> Option<String> {
    browser::suggestion(&path, &query).await
}

/// Reads the header of the model that the page's `address` points at, where it is not held already; true when there is
/// something new to render.
#[wasm_bindgen(js_name = fetchModel)]
pub async fn fetch_model(path: String, query: String) -> bool {
    let Some(engine) = known::engine().filter(|_| path == PATH) else { return false };
    opened::address(Query::parse(&query).get("address"), engine.catalog).await
}

/// Reads the header of a model in files of this machine: one, or all parts of a split one.
#[wasm_bindgen(js_name = openFiles)]
pub async fn open_files(files: Vec<File>) {
    if let Some(engine) = known::engine() {
        opened::files(files, engine.catalog).await;
    }
}
