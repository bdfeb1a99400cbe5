//! Benchmarks: `cargo xtask bench`.

use anyhow::{Result, bail};

use crate::{engines, tools, wasm};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Bench {
    /// `estimator`, `browser`, `server` or `probe`; the first three where none is named.
    what: Option<String>,
    /// Sections of the probe's: only these.
    sections: Vec<String>,
}

/// What a benchmark does.
type Work = fn() -> Result<()>;

const BENCHES: &[(&str, Work)] = &[("estimator", estimator), ("browser", browser), ("server", server)];

/// Installs engines of gigabytes and measures for an hour: only where it is named.
const PROBE: &str = "probe";

/// Runs the benchmark that was named, or all.
pub fn run(args: &Bench) -> Result<()> {
    if args.what.as_deref() == Some(PROBE) {
        return probe(&args.sections);
    }
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(name, _)| args.what.as_deref().is_none_or(|what| what == *name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).chain([PROBE]).collect();
        bail!("there is no such benchmark; there are {}", names.join(", "));
    }
    chosen.into_iter().try_for_each(|(_, work)| work())
}

/// One estimate, natively, optimised.
fn estimator() -> Result<()> {
    tools::run(&mut tools::cargo(["bench", "--package", "llm-speed-estimator"]))
}

/// Submissions and pages against their baselines, then fifty kills in the middle of a burst.
fn server() -> Result<()> {
    let package = ["--release", "--package", "llm-speed-server"];
    tools::run(tools::cargo(["build", "--bins", "--examples"]).args(package))?;
    tools::run(tools::cargo(["run", "--quiet", "--example", "bench"]).args(package))?;
    let kills = ["test", "--package", "llm-speed-server", "--test", "http", "crash", "--", "--nocapture"];
    tools::run(tools::cargo(kills).env("LLM_SPEED_KILL_ROUNDS", "50"))
}

/// The whole catalogue for one machine, in WASM, in the browser, against one frame.
fn browser() -> Result<()> {
    wasm::build(None)?;
    tools::run(&mut tools::cargo(["build", "--package", "llm-speed-server"]))?;
    tools::install_browser()?;
    tools::run(&mut tools::cargo(["run", "--quiet", "--package", "llm-speed-tests", "--bin", "frame"]))
}

/// The probe against real engines, llama-bench and other clients; its report is `probe/BENCHMARKS.md`.
fn probe(sections: &[String]) -> Result<()> {
    for engine in ["llama-server", "gemma-3-270m", "llama-bench", "mlx", "vllm"] {
        engines::install(engine)?;
    }
    if tools::which("stress-ng").is_none() {
        tools::apt_install(&["stress-ng"])?;
    }
    tools::run(&mut tools::cargo(["build", "--release", "--package", "llm-speed-probe"]))?;
    tools::run(&mut tools::cargo(["build", "--release", "--package", "llm-speed-tests", "--bins"]))?;
    let mut program = std::process::Command::new(tools::target_dir()?.join("release/probe_bench"));
    tools::run(program.args(sections))
}
