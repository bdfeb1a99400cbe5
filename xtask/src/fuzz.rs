//! Bytes made from the corpus against every reader, for as long as one likes: `cargo xtask fuzz --minutes N`.
//!
//! With cargo-fuzz (built once, into the target directory) inputs are chosen by the code that they reach; where it cannot be
//! had, by chance alone, as the test does that runs always.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::tools;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Fuzz {
    /// Minutes for all targets together.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// By chance alone, without cargo-fuzz.
    #[arg(long)]
    blind: bool,
    /// Only these targets; all where none is named.
    targets: Vec<String>,
}

/// libFuzzer's driver for cargo.
const CARGO_FUZZ: &str = "0.13.2";
/// One input may take so long, seconds, before it counts as found: readers are for people who wait.
const SLOW_S: u32 = 10;

/// Each target for its share of the time. What breaks one is kept and named.
pub fn run(args: &Fuzz) -> Result<()> {
    let known = targets()?;
    if let Some(other) = args.targets.iter().find(|name| !known.contains(name)) {
        anyhow::bail!("there is no target {other}; there are {}", known.join(", "));
    }
    let wanted = if args.targets.is_empty() { known.clone() } else { args.targets.clone() };
    let seconds = |among: usize| (args.minutes * 60 / among.max(1) as u64).max(1);
    if args.blind {
        return blind(seconds(known.len()));
    }
    match tools::cargo_program("cargo-fuzz", CARGO_FUZZ) {
        Ok(program) => by_coverage(&program, &wanted, seconds(wanted.len())),
        Err(error) => {
            eprintln!("without cargo-fuzz, by chance alone: {error:#}");
            blind(seconds(known.len()))
        }
    }
}

/// The targets' names: the programs of their manifest.
fn targets() -> Result<Vec<String>> {
    let manifest: toml::Table = fs::read_to_string(folder().join("Cargo.toml"))?.parse()?;
    let bins = manifest["bin"].as_array().context("programs")?;
    Ok(bins.iter().filter_map(|bin| bin["name"].as_str()).map(str::to_owned).collect())
}

fn folder() -> std::path::PathBuf {
    tools::root().join("tests/fuzz")
}

/// The test, from a new start, for longer.
fn blind(seconds: u64) -> Result<()> {
    let mut cargo = tools::cargo(["test", "--workspace", "--test", "fuzz", "--", "--nocapture"]);
    tools::run(cargo.env("LLM_SPEED_FUZZ_SECONDS", seconds.to_string()))
}

/// One target after the other under libFuzzer. What it keeps stays under `<target>/fuzz`, for the next time.
fn by_coverage(program: &Path, wanted: &[String], seconds: u64) -> Result<()> {
    let place = tools::target_dir()?.join("fuzz");
    let seeds = place.join("seeds");
    let write = ["test", "--workspace", "--test", "fuzz", "--", "--ignored", "seeds_are_written"];
    tools::run(tools::cargo(write).env("LLM_SPEED_FUZZ_SEEDS", &seeds))?;
    // The same versions of everything as in the house, and what libFuzzer needs beside them.
    fs::copy(tools::root().join("Cargo.lock"), folder().join("Cargo.lock"))?;
    let fuzz = |words: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(tools::root()).args(words).arg("--fuzz-dir").arg(folder());
        command.arg("--target-dir").arg(place.join("build"));
        // We forbid unsafe code, so an address sanitizer has nothing to find but slows everything by half. Its flags are
        // unstable even where it is off.
        command.args(["--sanitizer", "none"]).env("RUSTC_BOOTSTRAP", "1");
        command
    };
    tools::run(&mut fuzz(&["build"]))?;
    let (mut told, mut broken) = (Vec::new(), Vec::new());
    for name in wanted {
        let kept = place.join("corpus").join(name);
        fs::create_dir_all(&kept)?;
        let mut command = fuzz(&["run"]);
        command.arg(name).args([&kept, &seeds.join(name)]).arg("--");
        command.args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={}", longest_bytes(name)),
            format!("-timeout={SLOW_S}"),
            "-print_final_stats=1".to_owned(),
        ]);
        let found = watched(&mut command)?;
        println!("{name}: {} inputs, {} places in the code", found.inputs, found.covered);
        told.push(format!("{name} {}", found.inputs));
        if let Some(input) = found.broke_on {
            broken.push(format!("{name} broke on {input}; make it a seed of tests/fuzz/corpus/{name}"));
        }
    }
    println!("inputs: {}", told.join(", "));
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

/// Longest input, as in the test: what is larger takes time and finds no more. Rows that are cut are refused at once.
fn longest_bytes(target: &str) -> usize {
    if target == "rows" { data::packed::BYTES.len() } else { 48 << 10 }
}

/// What a run of libFuzzer told.
#[derive(Default)]
struct Found {
    inputs: u64,
    /// Edges of the code that were reached.
    covered: u64,
    broke_on: Option<String>,
}

/// Runs libFuzzer; its progress is read, the rest is shown.
fn watched(command: &mut Command) -> Result<Found> {
    let mut child = command.stderr(Stdio::piped()).spawn().context("cargo-fuzz does not start")?;
    let mut found = Found::default();
    for line in BufReader::new(child.stderr.take().context("its output")?).lines() {
        found.hear(&line?);
    }
    let status = child.wait()?;
    if !status.success() && found.broke_on.is_none() {
        found.broke_on = Some(format!("something that it did not keep ({status})"));
    }
    Ok(found)
}

impl Found {
    fn hear(&mut self, line: &str) {
        let after = |mark: &str| line.split(mark).nth(1).map(str::trim);
        let number = |text: &str| text.split(' ').next().and_then(|number| number.parse().ok());
        if let Some(inputs) = after("stat::number_of_executed_units:").and_then(number) {
            self.inputs = inputs;
        } else if let Some(covered) = after(" cov: ").and_then(number) {
            self.covered = covered;
        } else if let Some(input) = after("Test unit written to ") {
            self.broke_on = Some(input.to_owned());
        } else if !line.starts_with("stat::") {
            eprintln!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_tells_is_heard() {
        let mut found = Found::default();
        for line in [
            "#8192\tpulse  cov: 1203 ft: 4410 corp: 251/41Kb lim: 4096 exec/s: 4096 rss: 61Mb",
            "stat::number_of_executed_units: 70211",
            "artifact_prefix='x/'; Test unit written to x/crash-12",
        ] {
            found.hear(line);
        }
        assert_eq!(
            (found.covered, found.inputs, found.broke_on.as_deref()),
            (1203, 70_211, Some("x/crash-12"))
        );
    }
}
