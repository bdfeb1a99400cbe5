//! Size budgets of what the browser loads, in bytes after gzip: a page must open on a slow line.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

/// The WASM module of most pages; that of the contribute page, which reads every tool's output; and that of the page about any
/// model, which reads files.
const WASM_BYTES: usize = 200_000;
/// That of the proof of work, which a worker loads when something is sent.
const WORK_BYTES: usize = 70_000;
/// That of the benchmark page, which sorts and filters rows that the server has estimated.
const BENCHMARKS_BYTES: usize = 80_000;
/// The catalogue and the fitted constants beside it.
const ROWS_BYTES: usize = 110_000;
/// What wasm-bindgen writes around it.
const GLUE_BYTES: usize = 12_000;
/// Measures the package in `dir`; over budget is an error that names the file. Pages and our own scripts are measured as the
/// server sends them: `tests/budget.rs`.
pub fn check(dir: &Path) -> Result<()> {
    let budgets = [
        ("WASM", vec![dir.join("llm_speed_bg.wasm")], WASM_BYTES),
        ("contribute WASM", vec![dir.join("contribute_bg.wasm")], WASM_BYTES),
        ("contribute glue", vec![dir.join("contribute.js")], GLUE_BYTES),
        ("work WASM", vec![dir.join("work_bg.wasm")], WORK_BYTES),
        ("work glue", vec![dir.join("work.js")], GLUE_BYTES),
        ("benchmarks WASM", vec![dir.join("benchmarks_bg.wasm")], BENCHMARKS_BYTES),
        ("benchmarks glue", vec![dir.join("benchmarks.js")], GLUE_BYTES),
        ("any model WASM", vec![dir.join("gguf_bg.wasm")], WASM_BYTES),
        ("any model glue", vec![dir.join("gguf.js")], GLUE_BYTES),
        ("rows", vec![dir.join("llm_speed.rows")], ROWS_BYTES),
        ("glue", vec![dir.join("llm_speed.js")], GLUE_BYTES),
    ];
    let mut over = Vec::new();
    for (name, files, budget) in budgets {
        let mut size = 0;
        for file in &files {
            let read =
                |file: &Path| fs::read(file).with_context(|| format!("{} is not readable", file.display()));
            // What is packed already is sent as it is.
            size += match packed(file) {
                ready if ready.is_file() => read(&ready)?.len(),
                _ => gzip_len(&read(file)?)?,
            };
        }
        eprintln!("  {name:<18} {size:>8} bytes gzip of {budget}");
        if size > budget {
            over.push(format!("{name} is {size} bytes after gzip, {} over its budget", size - budget));
        }
    }
    if !over.is_empty() {
        bail!("{}", over.join("; "));
    }
    Ok(())
}

/// Where the packed form of a file of the package lies.
pub fn packed(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".gz");
    PathBuf::from(name)
}

/// Length after gzip at its best, as a server with precompressed files would send it.
fn gzip_len(bytes: &[u8]) -> Result<usize> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_shrinks_what_repeats() {
        assert!(gzip_len(&[7; 10_000]).expect("memory does not fail") < 100);
    }
}
