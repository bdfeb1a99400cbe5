//! A refit beside SciPy: `cargo xtask bench calibrate`.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tools;

/// Rows of the made-up problems.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// What holds for the table.
const ABOUT: &str = "Made-up rows with three terms, 12 generations, 80 devices and 5 backends on one term, one thread, beside \
    `scipy.optimize.least_squares` (SciPy 1.17.1: same start, exact Jacobian, same loss and priors) on the same rows in the same \
    run. Both end at the same minimum, which is checked. Time and memory grow with the rows: a row touches its own six \
    parameters only, and devices are eliminated before the matrix is factored.\n\n";

/// A refit of made-up rows beside `scipy.optimize.least_squares`, on this machine, in one run.
pub fn run(_: &str) -> Result<String> {
    let folder = tools::target_dir()?.join("bench-calibrate");
    fs::create_dir_all(&folder)?;
    let python = folder.join("venv/bin/python");
    if !python.exists() {
        tools::run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
        tools::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "scipy==1.17.1"]))?;
    }
    let package = ["build", "--release", "--package", "llm-speed-calibrate", "--example", "synthetic"];
    tools::run(&mut tools::cargo(package))?;
    let ours = tools::target_dir()?.join("release/examples/synthetic");
    let theirs = tools::root().join("calibrate/examples/synthetic.py");
    let mut found = format!(
        "{ABOUT}| rows | ours, s | ours with 12 rounds of variances, s | ours, MiB | SciPy, s | SciPy, MiB | SciPy over ours |\n\
         |---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for size in SIZES {
        eprintln!("{size} rows");
        let ours = told(Command::new(&ours).arg(size.to_string()).arg(&folder))?;
        let theirs = told(Command::new(&python).arg(&theirs).arg(&folder))?;
        ensure!(
            (number(&ours, "cost")? / number(&theirs, "cost")? - 1.0).abs() < 1e-5,
            "the two did not end at one minimum: {} against {}",
            number(&ours, "cost")?,
            number(&theirs, "cost")?
        );
        let (our_s, their_s) = (number(&ours, "solve_s")?, number(&theirs, "solve_s")?);
        writeln!(
            found,
            "| {size} | {our_s:.2} | {:.2} | {:.0} | {their_s:.1} | {:.0} | {:.0} |\n\
             ratio: a refit of {size} rows | {our_s:.2} s | SciPy {their_s:.1} s | {:.0}",
            number(&ours, "refit_s")?,
            number(&ours, "peak_mib")?,
            number(&theirs, "peak_mib")?,
            their_s / our_s,
            their_s / our_s,
        )?;
    }
    Ok(found)
}

/// The one line of JSON that a program prints, on one thread.
fn told(command: &mut Command) -> Result<serde_json::Value> {
    let one = command.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
    Ok(serde_json::from_str(&tools::read(one)?)?)
}

fn number(of: &serde_json::Value, name: &str) -> Result<f64> {
    of[name].as_f64().with_context(|| format!("no {name} in {of}"))
}
