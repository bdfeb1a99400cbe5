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
    if let Err(error) = pack(dir, out) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// Writes `rows.packed`: the hash of the rows' shape, and all rows, rules and constants behind it.
fn pack(dir: &Path, out: &Path) -> Result<(), String> {
    let words = |error: read::FileError| error.to_string();
    let content = (
        read::rows(dir).map_err(words)?,
        read::parse::<row::RuleRows>(&dir.join("rules.toml")).map_err(words)?,
        read::parse::<part::Fitted>(&dir.join("constants.toml")).map_err(words)?,
    );
    let shape = shape(dir).map_err(|error| error.to_string())?.to_le_bytes();
    let mut packed = shape.to_vec();
    packed.extend(postcard::to_allocvec(&content).map_err(|error| error.to_string())?);
    fs::write(out.join("rows.packed"), packed)
        .and_then(|()| fs::write(out.join("rows.shape"), shape))
        .map_err(|error| error.to_string())
}

/// FNV-1a over the sources that say what a row looks like: it changes whenever packed rows would be read differently.
fn shape(dir: &Path) -> std::io::Result<u64> {
    let mut sources: Vec<_> =
        fs::read_dir(dir.join("src/row"))?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    sources.sort();
    sources.push(dir.join("src/constants/part.rs"));
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for source in sources {
        for byte in fs::read(source)? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    Ok(hash)
}
