//! Everything that CI checks, step by step: `cargo xtask test`.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::failures::run_tests;
use crate::toolchain::Toolchain;
use crate::{engines, tools, wasm};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Test {
    /// Leave the browser tests out, and say so at the end.
    #[arg(long)]
    no_browser: bool,
}

/// What a step does.
type Work = fn() -> Result<()>;

/// The steps by name, in their order. A failure does not stop the rest.
const STEPS: &[(&str, Work)] = &[
    ("format", format),
    ("lints", lints),
    ("programs and tests are built", programs),
    ("constants", constants),
    ("wasm package and its size", wasm_package),
    ("engines", engine),
    ("database server", database),
    ("a clock that can be set", clock),
    ("tests", tests),
    ("API against its description", api),
    ("real engine", real_engine),
    ("pace", pace),
    ("docs", docs),
    ("bare metal", bare_metal),
    (BROWSER, browser),
];

const BROWSER: &str = "browser";

/// A microcontroller without an operating system: what builds for it needs no `std`.
const BARE_METAL: &str = "thumbv7em-none-eabihf";

enum Outcome {
    Passed,
    Failed(String),
    Skipped,
}

/// Runs every step and ends with one line that counts them.
pub fn run(args: &Test) -> Result<()> {
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for (at, (name, step)) in STEPS.iter().enumerate() {
        eprintln!("\n== step {}/{}: {name} ({} so far)", at + 1, STEPS.len(), minutes(started.elapsed()));
        let begun = Instant::now();
        let outcome = if args.no_browser && *name == BROWSER {
            skipped()
        } else {
            step().map_or_else(|error| Outcome::Failed(format!("{error:#}")), |()| Outcome::Passed)
        };
        if let Outcome::Failed(why) = &outcome {
            eprintln!("step failed: {why}");
        }
        outcomes.push((name, begun.elapsed(), outcome));
    }

    println!("\nsummary after {}", minutes(started.elapsed()));
    for (name, took, outcome) in &outcomes {
        let (word, why) = match outcome {
            Outcome::Passed => ("passed", String::new()),
            Outcome::Failed(why) => ("FAILED", format!(": {why}")),
            Outcome::Skipped => ("skipped", ": --no-browser was given".to_owned()),
        };
        println!("{:>8}  {word:<8} {name}{why}", minutes(*took));
    }
    let count =
        |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, _, outcome)| wanted(outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    println!("{} passed, {failed} failed", count(|outcome| matches!(outcome, Outcome::Passed)));
    if failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

/// What a skip means: a note for a person, a failure in CI, where nobody reads notes.
fn skipped() -> Outcome {
    if env::var_os("CI").is_some_and(|ci| ci == "true") {
        Outcome::Failed("skipped by --no-browser, and with CI=true a skip is a failure".to_owned())
    } else {
        Outcome::Skipped
    }
}

/// `1m 05s`.
fn minutes(time: Duration) -> String {
    format!("{}m {:02}s", time.as_secs() / 60, time.as_secs() % 60)
}

fn format() -> Result<()> {
    tools::run(&mut tools::cargo(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    tools::run(&mut tools::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The programs first: journeys start them, and find them beside the test's own executable. They are built as a part of the
/// tests, which takes every program of a crate that has integration tests: built by themselves, all crates would be compiled
/// twice, since what only tests use asks common dependencies for other features.
fn programs() -> Result<()> {
    tools::run(&mut tools::cargo(["test", "--workspace", "--no-run"]))
}

/// The committed constants are what the committed measurements give: fitted again, which takes a minute or two.
fn constants() -> Result<()> {
    let program = tools::target_dir()?.join("debug/calibrate");
    tools::run(Command::new(program).arg("check").current_dir(tools::root()))
}

/// The real llama.cpp server that tests compare us with, and a real model.
fn engine() -> Result<()> {
    engines::install("llama-server")?;
    engines::install("gemma-3-270m").map(drop)
}

/// PostgreSQL, which the server's tests start for themselves.
fn database() -> Result<()> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    if versions.into_iter().any(|version| version.path().join("bin/postgres").is_file()) {
        return Ok(());
    }
    tools::apt_install(&["postgresql"])
}

/// libfaketime, by which tests set the clock of the programs that they start.
fn clock() -> Result<()> {
    if tools::which("faketime").is_some() { Ok(()) } else { tools::apt_install(&["faketime"]) }
}

fn tests() -> Result<()> {
    run_tests(&mut tools::cargo(["test", "--workspace", "--no-fail-fast"]))
}

/// One target of the tests by itself; of the workspace, so that nothing is built again with fewer features.
fn target(name: &str) -> Command {
    tools::cargo(["test", "--workspace", "--test", name])
}

/// Requests of every shape that the API's own description allows, and of some that it does not.
fn api() -> Result<()> {
    engines::install("schemathesis")?;
    run_tests(&mut target("api"))
}

/// The probe on a real llama-server: by itself, since it measures.
fn real_engine() -> Result<()> {
    run_tests(&mut target("engine"))
}

/// Tests that want the machine for themselves: beside others, the probe would be what limits.
fn pace() -> Result<()> {
    let alone = ["--", "--ignored", "--test-threads=1"];
    run_tests(target("probe").args(alone))
}

fn docs() -> Result<()> {
    let mut cargo = tools::cargo(["doc", "--workspace", "--no-deps"]);
    tools::run(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

fn bare_metal() -> Result<()> {
    let toolchain = Toolchain::find(BARE_METAL, None)?;
    let target_dir = tools::target_dir()?.join("bare").join(toolchain.name());
    let mut cargo = toolchain.cargo_build(BARE_METAL, &["-Zbuild-std=core"], &[], &target_dir)?;
    tools::run(cargo.args(["--package", "llm-speed-estimator"]))
}

fn wasm_package() -> Result<()> {
    wasm::build(None).map(drop)
}

fn browser() -> Result<()> {
    tools::install_browser()?;
    run_tests(&mut target("browser"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_minutes() {
        assert_eq!(minutes(Duration::from_secs(65)), "1m 05s");
    }
}
