//! Bytes made from the corpus against every reader, for as long as one likes: `cargo xtask fuzz --minutes N`.

use anyhow::Result;

use crate::tools;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Fuzz {
    /// Minutes for all targets together.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
}

/// Targets that share the time: as many as `tests/fuzz/targets.rs` lists.
const TARGETS: u64 = 8;

/// Each target for its share of the time, from a new start, with overflow checks on. What breaks one is kept and named.
pub fn run(args: &Fuzz) -> Result<()> {
    let seconds = (args.minutes * 60 / TARGETS).max(1).to_string();
    let mut cargo =
        tools::cargo(["test", "--package", "llm-speed-tests", "--test", "fuzz", "--", "--nocapture"]);
    tools::run(cargo.env("LLM_SPEED_FUZZ_SECONDS", seconds))
}
