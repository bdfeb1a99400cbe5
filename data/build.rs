//! Packs the rows under `data/` into one compact blob, so that no TOML is read at run time.

use std::path::Path;
use std::{env, fs};

#[allow(dead_code, unused_imports, reason = "the library uses all of it")]
#[path = "src/row/mod.rs"]
mod row;

#[allow(dead_code, unused_imports, reason = "the library uses all of it")]
#[path = "src/files/read.rs"]
mod read;

fn main() {
    let dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    const WATCHED: [&str; 7] =
        ["hardware", "models", "suites", "quants.toml", "sources.toml", "src/row", "src/files/read.rs"];
    for watched in WATCHED {
        println!("cargo::rerun-if-changed={watched}");
    }
    let packed = read::rows(Path::new(&dir))
        .map_err(|error| error.to_string())
        .and_then(|rows| postcard::to_allocvec(&rows).map_err(|error| error.to_string()))
        .and_then(|blob| {
            fs::write(Path::new(&out).join("rows.postcard"), blob).map_err(|error| error.to_string())
        });
    if let Err(error) = packed {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
