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
    constants();
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

/// Packs `constants.toml`.
fn constants() {
    println!("cargo::rerun-if-changed=constants.toml");
    println!("cargo::rerun-if-changed=src/constants/part.rs");
    let dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let text =
        fs::read_to_string(Path::new(&dir).join("constants.toml")).expect("data/constants.toml can be read");
    let fitted: part::Fitted = toml::from_str(&text).expect("data/constants.toml has its shape");
    let blob = postcard::to_allocvec(&fitted).expect("constants can be packed");
    fs::write(Path::new(&out).join("constants.postcard"), blob).expect("the build folder can be written");
}
