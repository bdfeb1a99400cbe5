//! How long the browser takes for the whole catalogue on one machine: `cargo xtask bench browser`.
//!
//! A frame is 16 ms at 60 Hz; a form that answers within one feels like part of the page.

use anyhow::{Context, Result};
use house::site::Site;
use house::webdriver::Browser;
use serde_json::json;

/// Milliseconds of one frame.
const FRAME_MS: f64 = 16.0;

/// Renders the results for contexts that differ each time, so that no answer can be kept from the last turn.
const MEASURE: &str = "return (async () => {
    const wasm = await import('/wasm/index.js');
    await wasm.default();
    const times = [];
    let length = 0;
    for (let turn = 0; turn < 120; turn++) {
        const begun = performance.now();
        length = wasm.renderResults('/', `hardware=rtx-3090&context=${4096 + turn}`, '').length;
        times.push(performance.now() - begun);
    }
    times.splice(0, 20); // while the browser still compiles
    times.sort((a, b) => a - b);
    return [times[50], times[95], length];
})()";

fn main() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/"))?;
    let measured = browser.run(MEASURE, &json!([]))?;
    let number = |at: usize| measured[at].as_f64().context("the page measured nothing");
    let (median, p95, length) = (number(0)?, number(1)?, number(2)?);
    println!(
        "the whole catalogue on one machine, in WASM: median {median:.1} ms, 95th percentile {p95:.1} ms"
    );
    println!("one frame is {FRAME_MS} ms; the results are {length:.0} characters of HTML");
    println!(
        "ratio: the whole catalogue on one machine, in WASM | {median:.1} ms | a frame of {FRAME_MS} ms | {:.1}",
        FRAME_MS / median
    );
    Ok(())
}
