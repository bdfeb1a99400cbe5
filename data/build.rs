//! Packs the rows under `data/` into one compact blob, so that no TOML is read at run time.

use std::path::Path;
use std::{env, fs};

#[allow(dead_code, unused_imports, reason = "the library uses all of it")]
#[path = "src/row/mod.rs"]
mod row;

#[allow(dead_code, unused_imports, reason = "the library uses all of it")]
#[path = "src/files/read.rs"]
mod read;

#[allow(dead_code, reason = "the library uses all of it")]
#[path = "src/constants/part.rs"]
mod part;

fn main() {
    const WATCHED: [&str; 10] = [
        "constants.toml",
        "hardware",
        "models",
        "quants.toml",
        "rules.toml",
        "sources.toml",
        "suites",
        "src/constants/part.rs",
        "src/files/read.rs",
        "src/row",
    ];
    for watched in WATCHED {
        println!("cargo::rerun-if-changed={watched}");
    }
    let dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let (dir, out) = (Path::new(&dir), Path::new(&out));
    let packed = pack(read::rows(dir), &out.join("rows.postcard"))
        .and_then(|()| {
            pack(read::parse::<row::RuleRows>(&dir.join("rules.toml")), &out.join("rules.postcard"))
        })
        .and_then(|()| {
            pack(read::parse::<part::Fitted>(&dir.join("constants.toml")), &out.join("constants.postcard"))
        });
    if let Err(error) = packed {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// Writes what was read as one compact blob.
fn pack<T: serde::Serialize>(read: Result<T, read::FileError>, to: &Path) -> Result<(), String> {
    let blob = postcard::to_allocvec(&read.map_err(|error| error.to_string())?)
        .map_err(|error| error.to_string())?;
    fs::write(to, blob).map_err(|error| error.to_string())
}
