//! The probe measured: against the engines' own clocks, against llama-bench, against other clients, against this machine.
//!
//! `cargo xtask bench probe` installs the engines and starts this; each section can be run by itself, by its name. What a
//! section finds is kept beside the others under `<target>/probe-bench`, and together they are the committed report.

mod client;
mod engines;
mod estimate;
mod machine;
mod others;
mod pairs;
mod processor;
mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

/// A section's name, what it answers, and the work.
type Section = (&'static str, &'static str, fn(&tools::Place) -> Result<String>);

const SECTIONS: &[Section] = &[
    ("llama-server", "All five workloads on llama-server", engines::llama_server),
    ("vllm", "All five workloads on vLLM, on the processor", engines::vllm_server),
    ("mlx", "All five workloads on mlx_lm.server, on the processor", engines::mlx_server),
    ("pairs", "Beside llama-bench", pairs::run),
    ("client", "What the probe itself costs", client::run),
    ("streams", "What it costs with 1 to 256 streams", client::streams),
    ("memory", "Memory bandwidth beside stress-ng", machine::memory),
    ("start", "Start-up", machine::start),
    ("estimate", "The estimate for this machine", estimate::run),
    ("budget", "The default run at a 4090's pace", machine::budget),
];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let place = tools::Place::find()?;
    let mut failed = Vec::new();
    for (name, title, work) in SECTIONS {
        if !wanted.is_empty() && !wanted.iter().any(|wish| wish == name) {
            continue;
        }
        eprintln!("== {name}: {title}");
        match work(&place) {
            Ok(body) => {
                let text = format!("## {title}\n\n_{}_\n\n{}\n", machine::now(), body.trim_end());
                fs::write(place.kept(name), text)?;
            }
            // What another section found is not lost over it.
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    let report = report(&place)?;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../probe/BENCHMARKS.md");
    fs::write(&path, &report)?;
    println!("{report}");
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn report(place: &tools::Place) -> Result<String> {
    let mut text = String::from(
        "# What the probe measures, measured\n\nPrinted by `cargo xtask bench probe`; `cargo xtask bench probe NAME` runs one section again. \
         Real engines, models with random weights (speed does not depend on what the weights say) and Gemma 3 270M.\n\n",
    );
    writeln!(text, "Machine: {}.\n", machine::describe())?;
    for (name, title, _) in SECTIONS {
        match fs::read_to_string(place.kept(name)) {
            Ok(section) => writeln!(text, "{section}")?,
            Err(_) => writeln!(text, "## {title}\n\nNot run yet: `cargo xtask bench probe {name}`.\n")?,
        }
    }
    Ok(format!("{}\n", text.trim_end()))
}
