//! Does the estimator's range for this machine hold what is measured on it?

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::tools::{BILLION, Place, text};

pub fn run(place: &Place) -> Result<String> {
    let model = place.model("billion.gguf", BILLION)?;
    let server = place
        .engine("llama-cpp-python", "bin/llama-server")
        .or_else(|_| place.engine("xllamacpp", "llama-server"))?;
    let run = place.bench(&[
        "--llama-cpp-path",
        text(&server)?,
        "--model",
        text(&model)?,
        "--workload",
        "W1",
        "--repeat",
        "5",
        "--full",
    ])?;
    let measured = run["workloads"][0]["decode_tps"].as_f64().context("a rate")?;
    let ram = &run["fingerprint"]["ram"];
    let mut command = place.probe()?;
    let output =
        command.args(["estimate", "--json", "--context", "256", "--model", text(&model)?]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let part = |name: &str| answer["decode_tps"][name].as_f64().context("an estimate");
    let (low, mid, high) = (part("low")?, part("mid")?, part("high")?);
    let bytes = std::fs::metadata(&model)?.len() as f64;
    let verdict = if (low..=high).contains(&measured) { "within the range" } else { "**outside the range**" };
    Ok(format!(
        "Random 1.1B Q4_0 on llama-server: measured {measured:.1} tok/s, estimated {mid:.1} ({low:.1} to {high:.1}): {verdict}.\n\n\
         Memory reads at {} GB/s (measured); the file is {:.2} GB, so that the measured rate moves {:.1} GB/s, {:.0} % of it. Evidence \
         of the estimate: {}.\n",
        ram["read_gb_s"],
        bytes / 1e9,
        measured * bytes / 1e9,
        measured * bytes / 1e9 / ram["read_gb_s"].as_f64().unwrap_or(f64::NAN) * 100.0,
        answer["evidence"]["decode"]
    ))
}
