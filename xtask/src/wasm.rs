//! The WASM package: compile, bind, weigh.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::toolchain::{Choice, Toolchain};
use crate::{budget, tools};

/// The target triple of a browser.
const TARGET: &str = "wasm32-unknown-unknown";
/// The cargo profile: small before fast to compile.
const PROFILE: &str = "wasm";

/// The standard library, in its small form.
const LIBRARY: &[&str] = &["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];
/// A panic in the browser ends the module either way: its words and places need not travel.
const SMALL: &[&str] = &["-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"];

/// Rounds in which a module is packed; further ones save nothing.
const PATIENCE: std::num::NonZeroU64 = std::num::NonZeroU64::new(60).unwrap();

/// One WASM module.
struct Module {
    /// The crate.
    package: &'static str,
    /// What cargo calls it.
    file: &'static str,
    /// What the browser knows it by.
    out: &'static str,
}

const MODULES: [Module; 5] = [
    Module { package: "llm-speed-wasm", file: "wasm.wasm", out: "llm_speed" },
    Module { package: "llm-speed-contribute", file: "contribute.wasm", out: "contribute" },
    Module { package: "llm-speed-work", file: "work.wasm", out: "work" },
    Module { package: "llm-speed-benchmarks", file: "benchmarks.wasm", out: "benchmarks" },
    Module { package: "llm-speed-gguf", file: "gguf.wasm", out: "gguf" },
];

/// Arguments of `cargo xtask wasm`.
#[derive(clap::Args)]
pub struct Wasm {
    /// Which compiler to use; without it, rustup's and then Debian's.
    #[arg(long, value_enum)]
    toolchain: Option<Choice>,
}

/// `cargo xtask wasm`.
pub fn run(args: &Wasm) -> Result<()> {
    let package = build(args.toolchain)?;
    println!("{}", package.display());
    Ok(())
}

/// Builds the package where something changed, checks its size, and says where it is.
pub fn build(choice: Option<Choice>) -> Result<PathBuf> {
    let toolchain = Toolchain::find(TARGET, choice)?;
    // A compiler of another make gets another directory: the two would only wait for each other's lock.
    let target_dir = tools::target_dir()?.join("web").join(toolchain.name());
    let package = tools::target_dir()?.join("web/pkg");
    for Module { package: name, file, out } in MODULES {
        // Each by itself: together, the features that one asks for would swell the other.
        let mut cargo = toolchain.cargo_build(TARGET, LIBRARY, SMALL, &target_dir)?;
        tools::run(cargo.args(["--package", name, "--profile", PROFILE]))?;
        let module = target_dir.join(TARGET).join(PROFILE).join(file);
        // A compiler that was asked for by name may have made an older module than the one bound last.
        if choice.is_some() || !is_fresh(&package.join(format!("{out}_bg.wasm")), &module)? {
            bind(&module, &package, out)?;
        }
    }
    beside(&package)?;
    pack(&package)?;
    budget::check(&package)?;
    Ok(package)
}

/// wasm-bindgen, as a library of exactly the crate's version: JavaScript glue, TypeScript types, the module.
fn bind(module: &Path, package: &Path, out: &str) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name(out)
        .web(true)?
        .typescript(true)
        // The module is found beside the glue unless a caller says otherwise.
        .omit_default_module_path(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(package)
        .context("wasm-bindgen")
}

/// What lies beside the module: the rows it answers from, and the entry that loads both for a site that embeds them.
fn beside(package: &Path) -> Result<()> {
    let write = |name: &str, bytes: &[u8]| {
        fs::write(package.join(name), bytes).with_context(|| format!("cannot write {name} into the package"))
    };
    write("llm_speed.rows", data::packed::BYTES)?;
    for folder in ["web/wasm/package", "web/benchmarks/package", "web/gguf/package"] {
        let entries = fs::read_dir(tools::root().join(folder));
        for entry in entries.with_context(|| format!("{folder} is not readable"))? {
            let entry = entry?;
            write(&entry.file_name().to_string_lossy(), &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Each module as clients get it that ask for gzip: packed once, so at its smallest. Side by side, since each takes seconds
/// of one core.
fn pack(package: &Path) -> Result<()> {
    std::thread::scope(|scope| {
        let packing = MODULES.map(|Module { out, .. }| {
            scope.spawn(move || pack_module(&package.join(format!("{out}_bg.wasm"))))
        });
        packing.into_iter().try_for_each(|one| one.join().expect("packing does not panic"))
    })
}

/// One module, where it changed.
fn pack_module(module: &Path) -> Result<()> {
    let packed = budget::packed(module);
    if is_fresh(&packed, module)? {
        return Ok(());
    }
    let mut bytes = Vec::new();
    let patient =
        zopfli::Options { iteration_count: PATIENCE, maximum_block_splits: 40, ..zopfli::Options::default() };
    zopfli::compress(patient, zopfli::Format::Gzip, fs::read(module)?.as_slice(), &mut bytes)?;
    fs::write(&packed, bytes).with_context(|| format!("cannot write {}", packed.display()))
}

/// Whether `made` exists and is not older than what it is made from.
fn is_fresh(made: &Path, from: &Path) -> Result<bool> {
    let age = |path: &Path| -> Result<SystemTime> { Ok(fs::metadata(path)?.modified()?) };
    let source = age(from).with_context(|| format!("{} was not built", from.display()))?;
    Ok(age(made).is_ok_and(|made| made >= source))
}
