//! The probe against engines' own clocks, llama-bench, other clients and this machine: `cargo xtask bench probe`.

use std::process::Command;

use anyhow::Result;

use super::book::{Book, Section};
use super::lines;
use crate::{engines, tools};

/// What is measured of the probe.
pub const BOOK: Book = Book {
    file: "probe/BENCHMARKS.md",
    head: "# What the probe measures, measured\n\nPrinted by `cargo xtask bench probe`; `cargo xtask bench probe NAME` measures \
           one section again. Real engines, models with random weights (speed does not depend on what the weights say) and \
           Gemma 3 270M.",
    group: "probe",
    sections: &[
        section("llama-server", "All five workloads on llama-server"),
        section("vllm", "All five workloads on vLLM, on the processor"),
        section("mlx", "All five workloads on mlx_lm.server, on the processor"),
        section("pairs", "Beside llama-bench"),
        section("client", "What the probe itself costs"),
        section("streams", "What it costs with 1 to 256 streams"),
        section("memory", "Memory bandwidth beside stress-ng"),
        section("start", "Start-up"),
        section("estimate", "The estimate for this machine"),
        section("budget", "The default run at a 4090's pace"),
    ],
};

const fn section(name: &'static str, title: &'static str) -> Section {
    Section { name, title, wanted: "", work }
}

/// A section of the program that measures the probe, after what it needs is there.
fn work(name: &str) -> Result<String> {
    for engine in ["llama-server", "gemma-3-270m", "llama-bench", "llama-benchy", "mlx", "vllm"] {
        engines::install(engine)?;
    }
    if tools::which("stress-ng").is_none() {
        tools::apt_install(&["stress-ng"])?;
    }
    tools::run(&mut tools::cargo(["build", "--release", "--package", "llm-speed-probe"]))?;
    tools::run(&mut tools::cargo(["build", "--release", "--package", "llm-speed-tests", "--bins"]))?;
    lines(Command::new(tools::target_dir()?.join("release/probe_bench")).arg(name), |_| true)
}
