//! The browser doorway: the same estimate and the same page, as WebAssembly.
//!
//! The rows it answers from are a file of their own, given to [`load`] first.
//!
//! Two readers. The site's own loader asks for the results region of a page whenever its form changes; other sites call
//! [`estimate()`] with the parameters of the API and get the object of the API. Nothing here computes, words or marks up
//! anything: that is `data` on `estimator`, and `page`.

mod detect;
pub mod estimate;
mod hub;
mod known;
mod listing;
mod open;
mod opened;
mod source;
mod suggest;

use page::{Query, gather, messages};
use wasm_bindgen::prelude::*;
use web_sys::File;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.d.ts");

#[wasm_bindgen]
extern "C" {
    /// A setup, as `types.d.ts` has it.
    #[wasm_bindgen(typescript_type = "Setup")]
    pub type Setup;
    /// An answer, as `types.d.ts` has it.
    #[wasm_bindgen(typescript_type = "Answer")]
    pub type Answer;
}

/// Takes what is known of devices, models, quantisations and constants: the bytes of `llm_speed.rows`, the file beside
/// this module. Everything else waits for it.
///
/// Throws an `Error` when the file is of another version or damaged.
#[wasm_bindgen]
pub fn load(rows: &[u8]) -> Result<(), JsError> {
    known::load(rows).map_err(JsError::from)
}

/// Estimates one setup: the object that `GET /api/v1/estimate` answers with the same parameters.
///
/// Throws a `SetupError` that names every parameter that could not be read.
#[wasm_bindgen]
pub fn estimate(setup: &Setup) -> Result<Answer, JsValue> {
    let engine = known::engine().ok_or_else(|| JsError::new(known::NOTHING_LOADED))?;
    let answer = estimate::params(setup)
        .and_then(|params| estimate::answer(&engine, &params))
        .map_err(|errors| estimate::thrown(&errors))?;
    Ok(estimate::to_js(&answer)?.unchecked_into())
}

/// What belongs into `#suggest` of the page at `path`: the machine that this may be, with a link to take it and one to
/// choose another; undefined where the browser says too little.
#[wasm_bindgen(js_name = renderSuggestion)]
pub async fn render_suggestion(path: String, query: String) -> Option<String> {
    let names = detect::names().await;
    let engine = known::engine()?;
    let row = suggest::machine(&names, engine.catalog)?;
    let told = page::view::Told {
        hardware: row.id.clone(),
        name: row.name.clone(),
        threads_and_memory: detect::threads_and_memory(),
    };
    page::suggestion(&told, &path, &Query::parse(&query), &messages::EN).ok()
}

/// What belongs into `#results` of the page at `path` for this query string: the region that the server renders, with the
/// same code. `medians` is what `/medians.lines` told of the page's machine or model, or nothing. Undefined for a page
/// whose results do not change, and before [`load`].
#[wasm_bindgen(js_name = renderResults)]
pub fn render_results(path: &str, query: &str, medians: &str) -> Option<String> {
    let engine = known::engine()?;
    let query = Query::parse(query);
    if path == ANY_MODEL {
        let view = opened::with(|reading| gather::file(&engine, &query, reading));
        return page::gguf_results(&view, path, &query, &messages::EN).ok();
    }
    gather::render(&engine, path, &query, medians, &messages::EN)
}

/// The page about any model.
const ANY_MODEL: &str = "/gguf";

/// Reads the header of the model that a page's `address` points at, where that page is about any model and the model is
/// not held already; true when there is something new to render.
#[wasm_bindgen(js_name = fetchModel)]
pub async fn fetch_model(path: String, query: String) -> bool {
    let Some(engine) = known::engine().filter(|_| path == ANY_MODEL) else { return false };
    opened::address(Query::parse(&query).get("address"), engine.catalog).await
}

/// Reads the header of a model in files of this machine: one, or all parts of a split one.
#[wasm_bindgen(js_name = openFiles)]
pub async fn open_files(files: Vec<File>) {
    if let Some(engine) = known::engine() {
        opened::files(files, engine.catalog).await;
    }
}
