//! This machine, and what the probe says of it.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data::timings::quantile;
use probe::detect;

use crate::tools::{Place, Running};

/// Rounds in turns.
const ROUNDS: usize = 5;

pub fn memory(_: &Place) -> Result<String> {
    let machine = detect::this_machine();
    let (threads, spare_gib) = (machine.cpu.threads, detect::spare_memory_gib(&machine));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(detect::bandwidth::measure(Duration::from_secs(1), spare_gib).triad_gb_s);
        theirs.extend(stress_ng(threads)?);
    }
    let middle = |values: &[f64]| quantile(values, 0.5).context("rounds");
    let (ours, theirs) = (middle(&ours)?, middle(&theirs)?);
    Ok(format!(
        "Triad on all cores, medians of {ROUNDS} rounds in turns: the probe {ours:.1} GB/s, `stress-ng --stream {threads}` {theirs:.1} GB/s, \
         **{:+.1} %** (15 % are wanted). Both count two streams read and one written; stress-ng stores past the caches, we do not, \
         and its figure is the mean of STREAM's four kernels.\n",
        (ours / theirs - 1.0) * 100.0
    ) + &format!(
        "ratio: triad on all cores | {ours:.1} GB/s | stress-ng {theirs:.1} GB/s | {:.2}\n",
        ours / theirs
    ))
}

/// What all instances together move, GB/s (10⁹ bytes): stress-ng prints a line for each, in MB of 2²⁰ bytes read and written
/// (its rate of additions and multiplications, of which each is 12 bytes in the mean, says which MB it means). None where it got through its arrays too seldom to tell: its runs share the machine with whoever else is on it.
fn stress_ng(threads: u32) -> Result<Option<f64>> {
    let output = Command::new("stress-ng")
        .args(["--stream", &threads.to_string(), "--timeout", "10", "--metrics-brief"])
        .output()
        .context("stress-ng is needed (`apt-get install stress-ng`)")?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let rate = |line: &str| -> Option<f64> {
        let rest = line.split("memory rate: ").nth(1)?;
        let numbers: Vec<f64> = rest
            .split(['(', ',', ')'])
            .filter_map(|part| part.trim().split(' ').next()?.parse::<f64>().ok())
            .collect();
        if rest.contains("read") && numbers.len() >= 2 {
            Some(numbers[0] + numbers[1])
        } else {
            numbers.first().copied()
        }
    };
    let rates: Vec<f64> = said.lines().filter_map(rate).collect();
    ensure!(!rates.is_empty() || said.contains("too short"), "no rate in {said}");
    // One line an instance, or one for all that prints their mean.
    let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    Ok((!rates.is_empty()).then_some(mean * f64::from(threads) * f64::from(1 << 20) / 1e9))
}

pub fn start(place: &Place) -> Result<String> {
    let mut out = String::new();
    for arguments in [
        &["--version"][..],
        &["bench", "--help"],
        &["estimate", "--hardware", "rtx-4090", "--model", "llama-3.1-8b"],
    ] {
        let mut times = Vec::new();
        for _ in 0..20 {
            let begun = Instant::now();
            let output = place.probe()?.args(arguments).output()?;
            ensure!(output.status.success());
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        let middle = quantile(&times, 0.5).context("times")?;
        writeln!(
            out,
            "- `llm-speed-probe {}`: {middle:.1} ms, median of {}",
            arguments.join(" "),
            times.len()
        )?;
    }
    Ok(out)
}

/// An RTX 4090 with Llama 3.1 8B at 4 bits: tokens a second.
const PREFILL: &str = "8500";
const DECODE: &str = "125";

pub fn budget(place: &Place) -> Result<String> {
    let program = place.program("pace")?;
    let server = Running::start("pace", place, "/health", |port| {
        let mut command = Command::new(&program);
        command.args(["--port", &port.to_string(), "--prefill", PREFILL, "--decode", DECODE]);
        command
    })?;
    let begun = Instant::now();
    let run = place.bench(&["--backend", "llama.cpp", "--base-url", &server.url])?;
    let seconds = begun.elapsed().as_secs_f64();
    let results = run["workloads"].as_array().context("results")?;
    let measured: Vec<String> = results
        .iter()
        .filter(|one| one["skipped"].is_null())
        .map(|one| {
            format!(
                "{} at {} x{} ({} repeats)",
                one["workload"].as_str().unwrap_or(""),
                one["prompt_tokens"],
                one["streams"],
                one["repeats"]
            )
        })
        .collect();
    let left_out: Vec<String> = results
        .iter()
        .filter_map(|one| {
            Some(format!(
                "{} at {}: {}",
                one["workload"].as_str()?,
                one["target_prompt_tokens"],
                one["skipped"].as_str()?
            ))
        })
        .collect();
    Ok(format!(
        "A stand-in that reads {PREFILL} and makes {DECODE} tokens a second, at its real pace: `bench` with no further flags took \
         **{seconds:.0} s**.\n\nMeasured: {}. Left out: {}.\n",
        measured.join(", "),
        if left_out.is_empty() { "nothing".to_owned() } else { left_out.join("; ") }
    ))
}
