//! llama-bench and the probe in turns, on the same build, model, threads and depth.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use probe::statistics::{Summary, summary};
use serde_json::Value;

use crate::tools::{BILLION, Place, Running, text};

/// Pairs of each model.
const PAIRS: usize = 20;
/// Tokens that are made, after a prompt of [`DEPTH`].
const TOKENS: &str = "64";
const DEPTH: &str = "128";

pub fn run(place: &Place) -> Result<String> {
    let mut out = format!(
        "{PAIRS} pairs each, the two in turns; decode of {TOKENS} tokens after {DEPTH}, two threads, the same build. Median of the \
         paired ratios with its 95 % interval between two of them. llama-bench makes tokens without sampler, template or HTTP; \
         both rates count tokens after the first over the time between first and last.\n\n\
         | model | llama-bench tok/s | engine's share: server's clock ÷ llama-bench | probe's share: probe ÷ server's clock | together |\n\
         |---|--:|--:|--:|--:|\n"
    );
    let gemma = place.engine("gemma3", "gemma-3-270m-q4_k_m.gguf")?;
    let billion = place.model("billion.gguf", BILLION)?;
    for (name, model) in [("Gemma 3 270M Q4_K_M", &gemma), ("random 1.1B Q4_0", &billion)] {
        let pairs = pairs(place, model)?;
        let ratio = |of: &dyn Fn(&Pair) -> f64| -> Result<String> {
            let values: Vec<f64> = pairs.iter().map(of).collect();
            let found = summary(&values).context("pairs")?;
            Ok(percent(&found))
        };
        let bench: Vec<f64> = pairs.iter().map(|pair| pair.bench).collect();
        writeln!(
            out,
            "| {name} | {:.2} | {} | {} | {} |",
            summary(&bench).context("pairs")?.median,
            ratio(&|pair| pair.engine / pair.bench)?,
            ratio(&|pair| pair.probe / pair.engine)?,
            ratio(&|pair| pair.probe / pair.bench)?,
        )?;
        let shares: Vec<f64> = pairs.iter().map(|pair| pair.probe / pair.engine).collect();
        writeln!(
            out,
            "ratio: decode as the probe tells it, {name} | {} pairs | the engine's own clock | {:.4}",
            pairs.len(),
            summary(&shares).context("pairs")?.median
        )?;
    }
    Ok(out)
}

/// `-5.9 % (-6.4 to -5.2)`.
fn percent(found: &Summary) -> String {
    let part = |ratio: f64| (ratio - 1.0) * 100.0;
    format!("{:+.2} % ({:+.2} to {:+.2})", part(found.median), part(found.low), part(found.high))
}

/// Decode rates, tokens a second.
struct Pair {
    bench: f64,
    engine: f64,
    probe: f64,
}

fn pairs(place: &Place, model: &Path) -> Result<Vec<Pair>> {
    let bench = place.engine("llama-cpp-python", "bin/llama-bench")?;
    let server = place.engine("llama-cpp-python", "bin/llama-server")?;
    let server = Running::start("llama-server", place, "/health", |port| {
        let mut command = Command::new(&server);
        command.arg("-m").arg(model).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["-c", "1024", "-np", "1", "-t", "2"]);
        command
    })?;
    let mut pairs = Vec::new();
    for turn in 0..PAIRS {
        // Who goes first changes, so that a machine that warms up favours neither.
        let first = (turn % 2 == 0).then(|| with_llama_bench(&bench, model)).transpose()?;
        let run = place.bench(&[
            "--backend",
            "llama.cpp",
            "--base-url",
            &server.url,
            "--quick",
            "--repeat",
            "1",
        ])?;
        let bench = match first {
            Some(rate) => rate,
            None => with_llama_bench(&bench, model)?,
        };
        let clock = &run["workloads"][0]["clock"];
        let rate =
            |side: &str| clock[side]["decode_tps"].as_f64().with_context(|| format!("{side}: {run:#}"));
        pairs.push(Pair { bench, engine: rate("engine")?, probe: rate("client")? });
        eprintln!("  pair {}: llama-bench {bench:.2}, server {:.2}", turn + 1, rate("engine")?);
    }
    Ok(pairs)
}

fn with_llama_bench(program: &Path, model: &Path) -> Result<f64> {
    let output = Command::new(program)
        .args(["-m", text(model)?, "-p", "0", "-n", TOKENS, "-d", DEPTH, "-r", "1", "-t", "2", "-o", "json"])
        .output()?;
    let found: Value = serde_json::from_slice(&output.stdout)?;
    found[0]["avg_ts"].as_f64().context("llama-bench tells a rate")
}
