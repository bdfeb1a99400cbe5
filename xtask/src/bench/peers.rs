//! Our estimates' time beside that of others' libraries: `cargo xtask bench peers`.
//!
//! llmfit is a crate, and is built outside the workspace so that nothing of ours depends on it. gguf-parser-go would need
//! Go's module proxy.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::lines;
use crate::tools;

/// llmfit's library, at the version that the harness is written for.
const LLMFIT: &str = "1.1.18";

/// The program; a file of its own, so that it is read and formatted as one.
const PROGRAM: &str = include_str!("../../peers/llmfit.rs");

/// Builds the harness in the target directory and runs it.
pub fn run(_: &str) -> Result<String> {
    let place = tools::target_dir()?.join("bench-peers/llmfit");
    fs::create_dir_all(place.join("src"))?;
    let ours = |folder: &str| toml::Value::String(tools::root().join(folder).display().to_string());
    let manifest = format!(
        "[package]\nname = \"peers\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\nllmfit-core = \"={LLMFIT}\"\n\
         data = {{ package = \"llm-speed-data\", path = {}, features = [\"embedded\"] }}\n",
        ours("data")
    );
    fs::write(place.join("Cargo.toml"), manifest)?;
    fs::write(place.join("src/main.rs"), PROGRAM)?;
    let mut build = tools::cargo(["build", "--release", "--manifest-path"]);
    build.arg(place.join("Cargo.toml")).arg("--target-dir").arg(place.join("target"));
    tools::run(&mut build)?;
    let table = lines(&mut Command::new(place.join("target/release/peers")), |_| true)?;
    Ok(format!(
        "llmfit-core {LLMFIT} and ours in one process, one thread, optimised; medians of 41 batches.\n\n{table}\n{}\n",
        gguf_parser()
    ))
}

/// What is known of gguf-parser-go's time here.
fn gguf_parser() -> &'static str {
    "gguf-parser-go is a Go module, and Go's module proxy cannot be reached from the machine of this book: it is not measured."
}
