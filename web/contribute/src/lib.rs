//! The contribute page in the browser: a paste is read by the code that the server decides with. A module of its own, since
//! no other page needs it; the work that sending takes is another, `web/work`.

use std::sync::OnceLock;

use data::submission::{Paste, Receipt};
use data::{Engine, Unpacked};
use page::messages::EN;
use page::{Query, ReceiptView, gather};
use wasm_bindgen::prelude::*;

static KNOWN: OnceLock<Unpacked> = OnceLock::new();

/// Takes what is known of devices, models and constants: the bytes of `llm_speed.rows`.
///
/// Throws an `Error` when the file is of another version or damaged.
#[wasm_bindgen]
pub fn load(rows: &[u8]) -> Result<(), JsError> {
    if KNOWN.get().is_none() {
        // Of two that load at once the first wins, and both hold the same.
        let _ = KNOWN.set(Unpacked::read(rows)?);
    }
    Ok(())
}

/// What belongs into `#results` for these bytes and the form's fields, written as a query; undefined before [`load`].
#[wasm_bindgen]
pub fn preview(pasted: &[u8], fields: &str) -> Option<String> {
    let engine = KNOWN.get().map(Unpacked::engine)?;
    page::contribute_results(&gather::contribute(&engine, pasted, &Query::parse(fields)), &EN).ok()
}

/// The exact text that is sent: timing lines, machine, model and quantisation; undefined until all of them are known.
#[wasm_bindgen]
pub fn submission(pasted: &[u8], fields: &str) -> Option<String> {
    text(&KNOWN.get().map(Unpacked::engine)?, pasted, fields)
}

fn text(engine: &Engine<'_>, pasted: &[u8], fields: &str) -> Option<String> {
    let view = gather::contribute(engine, pasted, &Query::parse(fields));
    let paste = Paste {
        hardware: view.machine.id()?.to_owned(),
        model: view.model.id()?.to_owned(),
        quant: view.quant.id()?.to_owned(),
        runtime: view.runtime.id().map(str::to_owned),
        lines: Some(view.lines).filter(|lines| !lines.is_empty())?,
        ..Paste::default()
    };
    Some(paste.to_json())
}

/// What belongs into `#results` for the server's receipt.
///
/// Throws an `Error` when it is none.
#[wasm_bindgen]
pub fn receipt(json: &str) -> Result<String, JsError> {
    let receipt = Receipt::read(json)?;
    let view = ReceiptView {
        url: receipt.url.unwrap_or_default(),
        state: receipt.state,
        reasons: receipt.reasons.into_iter().map(|reason| reason.says).collect(),
    };
    Ok(page::contribute_receipt(&view, &EN)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASTE: &str = "my secret prompt in /home/me\n\
        llama_perf_context_print: prompt eval time =     521.12 ms /   128 tokens (    4.07 ms per token,   245.62 tokens per second)\n\
        llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n";

    #[test]
    fn what_is_sent_is_the_lines_and_the_names() {
        let engine = Engine::embedded();
        let fields = "hardware=rtx-3060-12gb&model=qwen3-14b&quant=Q4_K_M";
        let sent = text(&engine, PASTE.as_bytes(), fields).expect("all is known");
        assert!(!sent.contains("secret") && !sent.contains("/home"), "{sent}");
        let paste: Paste = serde_json::from_str(&sent).expect("it is a paste");
        assert_eq!((paste.hardware.as_str(), paste.quant.as_str()), ("rtx-3060-12gb", "q4_k_m"));
        assert_eq!(paste.runtime.as_deref(), Some("llama.cpp"));
        assert_eq!(
            text(&engine, PASTE.as_bytes(), "hardware=rtx-3060-12gb"),
            None,
            "no model, nothing to send"
        );
    }
}
