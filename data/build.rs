//! Packs the rows under `data/` into one compact blob, so that no TOML is read at run time.

use std::path::Path;
use std::{env, fs};

#[allow(dead_code, unused_imports, reason = "the library uses all of it")]
#[path = "src/row/mod.rs"]
mod row;

#[allow(dead_code, reason = "the library uses all of it")]
#[path = "src/files/capability.rs"]
mod capability;

#[path = "src/files/gguf_form.rs"]
mod gguf_form;

#[allow(dead_code, unused_imports, reason = "the library uses all of it")]
#[path = "src/files/read.rs"]
mod read;

#[allow(dead_code, reason = "the library uses all of it")]
#[path = "src/constants/part.rs"]
mod part;

#[path = "src/fnv.rs"]
mod fnv;

extern crate alloc;

#[path = "src/peers/row.rs"]
mod peers;
#[path = "build/shape.rs"]
mod shape;

#[path = "build/messages.rs"]
mod messages;

#[cfg(feature = "runs")]
#[allow(dead_code, reason = "the library uses all of it")]
#[path = "src/runs/row.rs"]
mod runs;

#[cfg(feature = "runs")]
#[allow(dead_code, reason = "the library uses all of it")]
#[path = "src/plausibility/row.rs"]
mod plausibility;

/// A method that stays a call would keep all sentences of its table in a browser's module, and of most tables it says none.
const INLINE: &str =
    "    #[allow(clippy::inline_always, reason = \"what is not said is left out\")]\n    #[inline(always)]\n";

fn main() {
    const WATCHED: [&str; 15] = [
        "../estimator/src",
        "capability.toml",
        "constants.toml",
        "hardware",
        "models",
        "quants.toml",
        "rules.toml",
        "sources.toml",
        "suites",
        "src/constants/part.rs",
        "src/files/capability.rs",
        "src/files/gguf_form.rs",
        "src/files/read.rs",
        "src/row",
        "src/table/mod.rs",
    ];
    for watched in WATCHED {
        println!("cargo::rerun-if-changed={watched}");
    }
    messages::write(&messages::Form { is_wanted: &|_| true, is_said: &|_| true, attributes: INLINE });
    let dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let (dir, out) = (Path::new(&dir), Path::new(&out));
    let packed = pack(dir, out).and_then(|()| pack_peers(dir, out));
    #[cfg(feature = "runs")]
    let packed = packed.and_then(|()| pack_runs(dir, out)).and_then(|()| pack_plausibility(dir, out));
    if let Err(error) = packed {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// Writes `peers.packed`: how others' estimates do.
fn pack_peers(dir: &Path, out: &Path) -> Result<(), String> {
    for watched in ["peers.toml", "src/peers/row.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let rows = read::parse::<peers::PeerRows>(&dir.join("peers.toml")).map_err(|error| error.to_string())?;
    let packed = postcard::to_allocvec(&rows).map_err(|error| error.to_string())?;
    fs::write(out.join("peers.packed"), packed).map_err(|error| error.to_string())
}

/// Writes `runs.packed`: the campaigns, which are YAML, and the rigs that they ran on.
#[cfg(feature = "runs")]
fn pack_runs(dir: &Path, out: &Path) -> Result<(), String> {
    for watched in ["queued.yaml", "rigs", "runs", "src/runs/row.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let rows = runs::RunRows {
        rigs: every_yaml(&dir.join("rigs"))?,
        campaigns: every_yaml(&dir.join("runs"))?,
        queued: yaml(&dir.join("queued.yaml"))?,
    };
    let packed = postcard::to_allocvec(&rows).map_err(|error| error.to_string())?;
    fs::write(out.join("runs.packed"), packed).map_err(|error| error.to_string())
}

/// Writes `plausibility.packed`: when a submission is doubted.
#[cfg(feature = "runs")]
fn pack_plausibility(dir: &Path, out: &Path) -> Result<(), String> {
    for watched in ["plausibility.toml", "src/plausibility/row.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let row = read::parse::<plausibility::PlausibilityRow>(&dir.join("plausibility.toml"))
        .map_err(|error| error.to_string())?;
    let packed = postcard::to_allocvec(&row).map_err(|error| error.to_string())?;
    fs::write(out.join("plausibility.packed"), packed).map_err(|error| error.to_string())
}

/// Every YAML file of a folder, by name.
#[cfg(feature = "runs")]
fn every_yaml<T: serde::de::DeserializeOwned>(dir: &Path) -> Result<Vec<T>, String> {
    let files = read::files_in(dir, "yaml").map_err(|error| error.to_string())?;
    files.iter().map(|path| yaml(path)).collect()
}

/// One YAML file, or where and why it is none of its kind.
#[cfg(feature = "runs")]
fn yaml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = read::text(path).map_err(|error| error.to_string())?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes `rows.packed`: the hash of the rows' shape, all rows, rules and constants behind it, and the suites at the end. The
/// table of runs is packed by the server, and has its own shape in `table.shape`.
fn pack(dir: &Path, out: &Path) -> Result<(), String> {
    let words = |error: read::FileError| error.to_string();
    let rows = read::rows(dir).map_err(words)?;
    let content = (
        &rows,
        read::parse::<row::RuleRows>(&dir.join("rules.toml")).map_err(words)?,
        read::parse::<part::Fitted>(&dir.join("constants.toml")).map_err(words)?,
    );
    let shape = shape::of_rows(dir).map_err(|error| error.to_string())?.to_le_bytes();
    let table = shape::of_table(dir).map_err(|error| error.to_string())?.to_le_bytes();
    let mut packed = shape.to_vec();
    for bytes in [postcard::to_allocvec(&content), postcard::to_allocvec(&rows.suites)] {
        packed.extend(bytes.map_err(|error| error.to_string())?);
    }
    fs::write(out.join("rows.packed"), packed)
        .and_then(|()| fs::write(out.join("rows.shape"), shape))
        .and_then(|()| fs::write(out.join("table.shape"), table))
        .map_err(|error| error.to_string())
}
