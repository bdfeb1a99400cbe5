//! Bytes made from the corpus against every reader, for as long as one likes: `cargo xtask fuzz --minutes N`.
//!
//! With cargo-fuzz (built once, into the target directory) inputs are chosen by the code that they reach; where it cannot be
//! had, by chance alone, as the test does that runs always.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
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
        Ok(program) => {
            let found = by_coverage(&program, &wanted, seconds(wanted.len()))?;
            if args.targets.is_empty() {
                fs::write(report(), book(&found, seconds(wanted.len()))?)?;
            }
            let broken: Vec<String> = found.iter().filter_map(Found::told).collect();
            ensure!(broken.is_empty(), "{}", broken.join("\n"));
            Ok(())
        }
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

fn folder() -> PathBuf {
    tools::root().join("tests/fuzz")
}

/// The test, from a new start, for longer.
fn blind(seconds: u64) -> Result<()> {
    let mut cargo = tools::cargo(["test", "--workspace", "--test", "fuzz", "--", "--nocapture"]);
    tools::run(cargo.env("LLM_SPEED_FUZZ_SECONDS", seconds.to_string()))
}

/// One target after the other under libFuzzer. What it keeps stays under `<target>/fuzz`, for the next time.
fn by_coverage(program: &Path, wanted: &[String], seconds: u64) -> Result<Vec<Found>> {
    let place = tools::target_dir()?.join("fuzz");
    let seeds = place.join("seeds");
    let write = ["test", "--workspace", "--test", "fuzz", "--", "--ignored", "seeds_are_written"];
    tools::run(tools::cargo(write).env("LLM_SPEED_FUZZ_SEEDS", &seeds))?;
    // The same versions of everything as in the house, and what libFuzzer needs beside them.
    fs::copy(tools::root().join("Cargo.lock"), folder().join("Cargo.lock"))?;
    let machine = tools::read(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let mut build = Command::new(program);
    build.current_dir(tools::root()).arg("build").arg("--fuzz-dir").arg(folder());
    build.args(["--target", &machine, "--target-dir"]).arg(place.join("build"));
    // We forbid unsafe code, so an address sanitizer has nothing to find but slows everything by half. Its flags are
    // unstable even where it is off.
    tools::run(build.args(["--sanitizer", "none"]).env("RUSTC_BOOTSTRAP", "1"))?;
    let programs = place.join("build").join(machine).join("release");
    let mut all = Vec::new();
    for name in wanted {
        let (kept, broke) = (place.join("corpus").join(name), place.join("broke").join(name));
        fs::create_dir_all(&kept)?;
        fs::create_dir_all(&broke)?;
        // As it was built: cargo-fuzz would look for changed sources before each, and build all of them again.
        let mut command = Command::new(programs.join(name));
        command.args([&kept, &seeds.join(name)]).args([
            format!("-artifact_prefix={}/", broke.display()),
            format!("-max_total_time={seconds}"),
            format!("-max_len={}", longest_bytes(name)),
            format!("-timeout={SLOW_S}"),
            "-print_final_stats=1".to_owned(),
        ]);
        let found = Found { target: name.clone(), ..watched(&mut command)? };
        println!("{name}: {} inputs, {} places in the code", found.inputs, found.covered);
        all.push(found);
    }
    Ok(all)
}

/// The committed report of the last whole run.
fn report() -> PathBuf {
    folder().join("RUNS.md")
}

/// Where people write down what was found, which no run may take away.
const BY_HAND: &str = "## What was found\n";

/// The report: the table of this run, and what stands there by hand.
fn book(found: &[Found], seconds: u64) -> Result<String> {
    let before = fs::read_to_string(report()).unwrap_or_default();
    let by_hand = before.find(BY_HAND).map_or("", |at| &before[at..]);
    let day = tools::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let mut text = format!(
        "# Inputs that were tried\n\nWritten by `cargo xtask fuzz --minutes {}`: libFuzzer on each target of `targets.rs` for {seconds} s, \
         {day}. Places are edges of the code that were reached.\n\n| target | inputs | places | broke on |\n|---|--:|--:|---|\n",
        seconds * found.len() as u64 / 60
    );
    for Found { target, inputs, covered, broke_on } in found {
        writeln!(
            text,
            "| {target} | {inputs} | {covered} | {} |",
            if broke_on.is_some() { "an input" } else { "nothing" }
        )?;
    }
    writeln!(text, "| together | {} | | |\n", found.iter().map(|one| one.inputs).sum::<u64>())?;
    text.push_str(by_hand);
    Ok(text)
}

/// Longest input, as in the test: what is larger takes time and finds no more. Rows that are cut are refused at once.
fn longest_bytes(target: &str) -> usize {
    if target == "rows" { data::packed::BYTES.len() } else { 48 << 10 }
}

/// What a run of libFuzzer told.
#[derive(Default)]
struct Found {
    target: String,
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
    /// What broke the target, and what to do with it.
    fn told(&self) -> Option<String> {
        let (name, input) = (&self.target, self.broke_on.as_ref()?);
        Some(format!("{name} broke on {input}; make it a seed of tests/fuzz/corpus/{name}"))
    }

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
