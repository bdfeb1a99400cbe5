//! The parts of the house that one program each measures.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::{lines, printed};
use crate::{tools, wasm};

/// One estimate, natively, optimised.
pub fn estimator(_: &str) -> Result<String> {
    let found = lines(&mut tools::cargo(["bench", "--package", "llm-speed-estimator"]), |line| {
        line.contains("time:")
    })?;
    let mut ratios = String::new();
    for line in found.lines() {
        // `whole    time:   [185.48 ns 191.21 ns 196.38 ns]`: the middle of the three.
        let (name, times) = line.split_once("time:").context("a name before its time")?;
        let words: Vec<&str> = times.trim_matches([' ', '[', ']']).split(' ').collect();
        let [_, _, middle, "ns", ..] = words[..] else { continue };
        let ns: f64 = middle.parse()?;
        writeln!(
            ratios,
            "ratio: one estimate, {} | {ns:.0} ns | 1,000 ns wanted | {:.1}",
            name.trim(),
            1000.0 / ns
        )?;
    }
    Ok(printed(&(found + &ratios)))
}

/// The longest pastes that make the reader look far, optimised; one that takes too long fails.
pub fn paste(_: &str) -> Result<String> {
    let run = ["run", "--quiet", "--release", "--package", "llm-speed-data", "--no-default-features"];
    let is_wanted = |line: &str| line.contains(" ms  ") || line.starts_with("ratio: ");
    Ok(printed(&lines(tools::cargo(run).args(["--example", "worst_pastes"]), is_wanted)?))
}

/// The whole catalogue for one machine, in WASM, in the browser, against one frame.
pub fn browser(_: &str) -> Result<String> {
    wasm::build(None)?;
    tools::run(&mut tools::cargo(["build", "--package", "llm-speed-server"]))?;
    tools::install_browser()?;
    let frame = ["run", "--quiet", "--package", "llm-speed-tests", "--bin", "frame"];
    Ok(printed(&lines(&mut tools::cargo(frame), |line| !line.starts_with('{'))?))
}

/// What grows with the catalogue and with streams, optimised.
pub fn growth(_: &str) -> Result<String> {
    let bin = ["run", "--release", "--quiet", "--package", "llm-speed-tests", "--bin", "growth"];
    lines(&mut tools::cargo(bin), |_| true)
}
