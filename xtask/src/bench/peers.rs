//! Our estimates' time beside that of others' libraries: `cargo xtask bench peers`.
//!
//! llmfit is a crate, and is built outside the workspace so that nothing of ours depends on it. gguf-parser-go would need
//! Go's module proxy.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::lines;
use crate::tools;

/// llmfit's library, at the version that the harness is written for.
pub const LLMFIT: &str = "1.1.18";

/// The programs; files of their own, so that they are read and formatted as such.
const PROGRAMS: [(&str, &str); 2] = [
    ("time", include_str!("../../peers/llmfit.rs")),
    ("accuracy", include_str!("../../peers/llmfit_accuracy.rs")),
];

/// Builds the harness in the target directory and gives the program of this name.
pub fn llmfit(program: &str) -> Result<PathBuf> {
    let place = tools::target_dir()?.join("bench-peers/llmfit");
    fs::create_dir_all(place.join("src/bin"))?;
    let ours = |folder: &str| toml::Value::String(tools::root().join(folder).display().to_string());
    let manifest = format!(
        "[package]\nname = \"peers\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\nllmfit-core = \"={LLMFIT}\"\nserde_json = \"1\"\n\
         data = {{ package = \"llm-speed-data\", path = {}, features = [\"embedded\"] }}\n",
        ours("data")
    );
    fs::write(place.join("Cargo.toml"), manifest)?;
    for (name, text) in PROGRAMS {
        fs::write(place.join(format!("src/bin/{name}.rs")), text)?;
    }
    let mut build = tools::cargo(["build", "--release", "--bin", program, "--manifest-path"]);
    build.arg(place.join("Cargo.toml")).arg("--target-dir").arg(place.join("target"));
    tools::run(&mut build)?;
    Ok(place.join("target/release").join(program))
}

/// Runs the harness.
pub fn run(_: &str) -> Result<String> {
    let table = lines(&mut Command::new(llmfit("time")?), |_| true)?;
    Ok(format!(
        "llmfit-core {LLMFIT} and ours in one process, one thread, optimised; medians of 41 batches.\n\n{table}\n{}\n",
        gguf_parser()
    ))
}

/// What is known of gguf-parser-go's time here.
fn gguf_parser() -> &'static str {
    "gguf-parser-go is a Go module, and Go's module proxy cannot be reached from the machine of this book: it is not measured."
}
