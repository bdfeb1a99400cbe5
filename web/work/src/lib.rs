//! Proof of work in the browser, for a worker: the digest of what is sent, how long it may take here, and the proof.

use altcha::{Challenge, Payload, SolveChallengeOptions};
use data::messages::WORDS;
use wasm_bindgen::prelude::*;

/// The digest of a text: what the challenge is asked for with.
#[wasm_bindgen]
pub fn digest(text: &str) -> String {
    data::digest::digest(text.as_bytes())
}

/// How long solving takes here at most, in milliseconds: a few tries are timed.
///
/// Throws an `Error` when the challenge is none.
#[wasm_bindgen(js_name = expectedMs)]
pub fn expected_ms(challenge: &str) -> Result<f64, JsError> {
    const TIMED: u32 = 20;
    let challenge: Challenge = serde_json::from_str(challenge)?;
    let tries =
        challenge.parameters.data.as_ref().and_then(|data| data.get("tries")?.as_f64()).unwrap_or(0.0);
    // Any key begins with nothing: the first try solves it.
    let mut free = challenge;
    free.parameters.key_prefix = String::new();
    let mut taken = 0.0;
    for counter in 0..TIMED {
        let options = SolveChallengeOptions { counter_start: counter, ..SolveChallengeOptions::new(&free) };
        taken += altcha::solve_challenge(options)?.and_then(|solution| solution.time).unwrap_or(0.0);
    }
    Ok(2.0 * tries * taken / f64::from(TIMED))
}

/// Solves a challenge: what is sent as `pow`, as JSON. It keeps the thread busy until it is done.
///
/// Throws an `Error` when the challenge is none, or ten minutes were not enough.
#[wasm_bindgen]
pub fn solve(challenge: &str) -> Result<String, JsError> {
    const MOST_MS: u64 = 10 * 60 * 1000;
    let challenge: Challenge = serde_json::from_str(challenge)?;
    let mut options = SolveChallengeOptions::new(&challenge);
    options.timeout_ms = MOST_MS;
    let solution =
        altcha::solve_challenge(options)?.ok_or_else(|| JsError::new(WORDS.module.work_too_long))?;
    Ok(serde_json::to_string(&Payload { challenge, solution })?)
}
