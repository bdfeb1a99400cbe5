//! A refit beside SciPy: `cargo xtask bench calibrate`.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tools;

/// Rows of the made-up problems.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// A refit of made-up rows beside `scipy.optimize.least_squares`, on this machine, in one run; `calibrate/BENCHMARKS.md`
/// holds the last table.
pub fn run() -> Result<()> {
    let folder = tools::target_dir()?.join("bench-calibrate");
    std::fs::create_dir_all(&folder)?;
    let python = folder.join("venv/bin/python");
    if !python.exists() {
        tools::run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
        tools::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "scipy==1.17.1"]))?;
    }
    let package = ["build", "--release", "--package", "llm-speed-calibrate", "--example", "synthetic"];
    tools::run(&mut tools::cargo(package))?;
    let ours = tools::target_dir()?.join("release/examples/synthetic");
    let theirs = tools::root().join("calibrate/examples/synthetic.py");
    println!(
        "| rows | ours, s | ours with 12 rounds of variances, s | ours, MiB | SciPy, s | SciPy, MiB | SciPy over ours |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for size in SIZES {
        let ours = told(Command::new(&ours).arg(size.to_string()).arg(&folder))?;
        let theirs = told(Command::new(&python).arg(&theirs).arg(&folder))?;
        ensure!(
            (number(&ours, "cost")? / number(&theirs, "cost")? - 1.0).abs() < 1e-5,
            "the two did not end at one minimum: {} against {}",
            number(&ours, "cost")?,
            number(&theirs, "cost")?
        );
        println!(
            "| {size} | {:.2} | {:.2} | {:.0} | {:.1} | {:.0} | {:.0} |",
            number(&ours, "solve_s")?,
            number(&ours, "refit_s")?,
            number(&ours, "peak_mib")?,
            number(&theirs, "solve_s")?,
            number(&theirs, "peak_mib")?,
            number(&theirs, "solve_s")? / number(&ours, "solve_s")?
        );
    }
    Ok(())
}

/// The one line of JSON that a program prints, on one thread.
fn told(command: &mut Command) -> Result<serde_json::Value> {
    let one = command.env("OMP_NUM_THREADS", "1").env("OPENBLAS_NUM_THREADS", "1");
    Ok(serde_json::from_str(&tools::read(one)?)?)
}

fn number(of: &serde_json::Value, name: &str) -> Result<f64> {
    of[name].as_f64().with_context(|| format!("no {name} in {of}"))
}
