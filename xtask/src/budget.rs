//! Size budgets of what the browser loads, in bytes after gzip: a page must open on a slow line.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

use crate::tools;

/// The WASM module itself: what it is to become, and what it may not exceed until then. Of today's bytes a third are the
/// catalogue and the fitted constants, which a file of their own could carry beside the module.
const WASM_WANTED_BYTES: usize = 200_000;
const WASM_BYTES: usize = 340_000;
/// What wasm-bindgen writes around it.
const GLUE_BYTES: usize = 12_000;
/// Our own loader and worker together.
const LOADER_BYTES: usize = 5_000;

/// Measures the package in `dir` and our scripts beside it; over budget is an error that names the file.
pub fn check(dir: &Path) -> Result<()> {
    let budgets = [
        ("WASM", vec![dir.join("llm_speed_bg.wasm")], WASM_BYTES),
        ("glue", vec![dir.join("llm_speed.js")], GLUE_BYTES),
        ("loader and worker", scripts()?, LOADER_BYTES),
    ];
    let mut over = Vec::new();
    for (name, files, budget) in budgets {
        let mut size = 0;
        for file in &files {
            let bytes = fs::read(file).with_context(|| format!("{} is not readable", file.display()))?;
            size += gzip_len(&bytes)?;
        }
        eprintln!("  {name:<18} {size:>8} bytes gzip of {budget}");
        if size > budget {
            over.push(format!("{name} is {size} bytes after gzip, {} over its budget", size - budget));
        }
    }
    let wasm = gzip_len(&fs::read(dir.join("llm_speed_bg.wasm"))?)?;
    if wasm > WASM_WANTED_BYTES {
        eprintln!("  WASM is {} bytes larger than it is to become", wasm - WASM_WANTED_BYTES);
    }
    if !over.is_empty() {
        bail!("{}", over.join("; "));
    }
    Ok(())
}

/// Our own scripts: every `.js` in web/assets.
fn scripts() -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for entry in fs::read_dir(tools::root().join("web/assets")).context("web/assets is not readable")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            scripts.push(path);
        }
    }
    Ok(scripts)
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
