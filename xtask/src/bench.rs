//! Benchmarks: `cargo xtask bench`.

use anyhow::{Result, bail};

use crate::{tools, wasm};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Bench {
    /// `estimator` or `browser`; both where none is named.
    what: Option<String>,
}

/// What a benchmark does.
type Work = fn() -> Result<()>;

const BENCHES: &[(&str, Work)] = &[("estimator", estimator), ("browser", browser)];

/// Runs the benchmark that was named, or all.
pub fn run(args: &Bench) -> Result<()> {
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(name, _)| args.what.as_deref().is_none_or(|what| what == *name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("there is no such benchmark; there are {}", names.join(" and "));
    }
    chosen.into_iter().try_for_each(|(_, work)| work())
}

/// One estimate, natively, optimised.
fn estimator() -> Result<()> {
    tools::run(&mut tools::cargo(["bench", "--package", "llm-speed-estimator"]))
}

/// The whole catalogue for one machine, in WASM, in the browser, against one frame.
fn browser() -> Result<()> {
    wasm::build(None)?;
    tools::run(&mut tools::cargo(["build", "--package", "llm-speed-server"]))?;
    tools::install_browser()?;
    tools::run(&mut tools::cargo(["run", "--quiet", "--package", "llm-speed-tests", "--bin", "frame"]))
}
