//! The browser doorway: the same estimate and the same page, as WebAssembly.
//!
//! The rows it answers from are a file of their own, given to [`load`] first.
//!
//! Two readers. The site's own loader asks for the results region of a page whenever its form changes; other sites call
//! [`estimate()`] with the parameters of the API and get the object of the API. Nothing here computes, words or marks up
//! anything: that is `data` on `estimator`, and `page`.

pub mod estimate;

use browser::known;
use data::messages::WORDS;
use page::{Query, gather, messages};
use wasm_bindgen::prelude::*;
// What the macro makes of an async function stands on it.
use wasm_bindgen_futures as _;

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
    let engine = known::engine().ok_or_else(|| JsError::new(WORDS.module.nothing_loaded))?;
    let answer = estimate::params(setup)
        .and_then(|params| estimate::answer(&engine, &params))
        .map_err(|errors| estimate::thrown(&errors))?;
    Ok(estimate::to_js(&answer)?.unchecked_into())
}

/// What belongs into `#suggest` of the page at `path`: the machine that this may be, with a link to take it and one to
/// choose another; undefined where the browser says too little.
#[wasm_bindgen(js_name = renderSuggestion)]
pub async fn render_suggestion(path: String, query: String) -> Option<String> {
    browser::suggestion(&path, &query).await
}

/// What belongs into `#results` of the page at `path` for this query string: the region that the server renders, with the
/// same code. `medians` is what `/medians.lines` told of the page's machine or model, or nothing. Undefined for a page
/// whose results do not change, and before [`load`].
#[wasm_bindgen(js_name = renderResults)]
pub fn render_results(path: &str, query: &str, medians: &str) -> Option<String> {
    let engine = known::engine()?;
    gather::render(&engine, path, &Query::parse(query), medians, &messages::EN)
}
