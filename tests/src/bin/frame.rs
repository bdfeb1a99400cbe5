//! How long the browser takes for one estimate, and for the whole catalogue on one machine: `cargo xtask bench browser`.
//!
//! A frame is 16 ms at 60 Hz; a form that answers within one feels like part of the page.

use anyhow::{Context, Result, ensure};
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

/// Estimates that are timed together: a page's clock counts in tenths of a millisecond.
const TOGETHER: u32 = 200;

/// Asks the package for one setup as another site does, each time with another context; microseconds of one, by the median of
/// a hundred turns, and how many of them were answered with a speed.
const ONE: &str = "return (async () => {
    const [together] = arguments;
    const wasm = await import('/wasm/index.js');
    await wasm.default();
    const times = [];
    let answered = 0;
    for (let turn = 0; turn < 120; turn++) {
        const begun = performance.now();
        for (let at = 0; at < together; at++) {
            const context = String(4096 + turn * together + at);
            const answer = wasm.estimate({ hardware: 'rtx-3090', model: 'llama-3.1-8b', quant: 'q4_k_m', context });
            answered += answer.decode_tps ? 1 : 0;
        }
        times.push((performance.now() - begun) * 1000 / together);
    }
    times.splice(0, 20); // while the browser still compiles
    times.sort((a, b) => a - b);
    return [times[50], answered];
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
    let one = browser.run(ONE, &json!([TOGETHER]))?;
    let (one_us, answered) = (one[0].as_f64().context("no time")?, one[1].as_u64().context("no answers")?);
    ensure!(answered == 120 * u64::from(TOGETHER), "{answered} setups were answered with a speed");
    println!("one setup, our answer with its words, evidence and flags, in WASM: median {one_us:.1} µs");
    println!(
        "ratio: the whole catalogue on one machine, in WASM | {median:.1} ms | a frame of {FRAME_MS} ms | {:.1}",
        FRAME_MS / median
    );
    Ok(())
}
