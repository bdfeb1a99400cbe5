//! The probe measured: against the engines' own clocks, against llama-bench, against other clients, against this machine.
//!
//! `cargo xtask bench probe` installs the engines, starts this for each section and writes the report.

mod client;
mod engines;
mod estimate;
mod machine;
mod others;
mod pairs;
mod processor;
mod tools;

use anyhow::{Context, Result};

/// A section's name, and the work, which gives its text.
type Section = (&'static str, fn(&tools::Place) -> Result<String>);

const SECTIONS: &[Section] = &[
    ("llama-server", engines::llama_server),
    ("vllm", engines::vllm_server),
    ("mlx", engines::mlx_server),
    ("pairs", pairs::run),
    ("client", client::run),
    ("streams", client::streams),
    ("memory", machine::memory),
    ("start", machine::start),
    ("estimate", estimate::run),
    ("budget", machine::budget),
];

fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).context("a section's name is needed")?;
    let section = SECTIONS.iter().find(|(name, _)| *name == wanted);
    let (_, work) = section.with_context(|| format!("there is no section {wanted}"))?;
    println!("{}", work(&tools::Place::find()?)?.trim_end());
    Ok(())
}
