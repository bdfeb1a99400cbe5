//! What our programs are made of, and whether others can make them again: `cargo xtask supply`.
//!
//! The quick part of it (licences, duplicates, sources, unused dependencies) is a test and runs always; this is what takes
//! minutes, a network, or a second build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{tools, wasm};

/// Arguments of `cargo xtask supply`.
#[derive(clap::Args)]
pub struct Supply {
    /// Only these: `deny`, `msrv`, `package`, `wasm`; all without any.
    parts: Vec<String>,
}

/// A part: its name, what it shows, and the work, which says what was found.
type Part = (&'static str, &'static str, fn() -> Result<String>);

const PARTS: &[Part] = &[
    ("deny", "licences, duplicates, sources and advisories by cargo-deny", deny),
    ("msrv", "builds with the oldest compiler that the manifest promises", msrv),
    ("package", "crates that are published build from their package alone", package),
    ("wasm", "the WASM package is the same bytes from another folder", reproducible),
];

/// The reader of `deny.toml`, at a version that knows its form.
const CARGO_DENY: &str = "0.20.2";

/// Runs the parts; each is run, whatever became of the one before.
pub fn run(args: &Supply) -> Result<()> {
    if let Some(other) = args.parts.iter().find(|name| PARTS.iter().all(|(known, ..)| known != *name)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, ..)| *name).collect();
        bail!("there is no part {other:?}; there are {}", names.join(", "));
    }
    let mut failed = Vec::new();
    for (name, what, work) in PARTS {
        if !args.parts.is_empty() && !args.parts.iter().any(|part| part == name) {
            continue;
        }
        println!("== {name}: {what}");
        match work() {
            Ok(found) => println!("   {found}"),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn deny() -> Result<String> {
    let program = tools::cargo_program("cargo-deny", CARGO_DENY)?;
    let check = |what: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(tools::root()).args(["--locked", "check", "--hide-inclusion-graph"]).args(what);
        tools::run(&mut command)
    };
    check(&["bans", "licenses", "sources"])?;
    // The advisories' database is fetched with git: where that cannot be, nothing is known of them, and it is said. What
    // it then knows of ours fails.
    let mut fetch = Command::new(&program);
    if let Err(error) = tools::run(fetch.current_dir(tools::root()).args(["fetch", "db"])) {
        return Ok(format!(
            "licences, duplicates and sources are in order; of advisories nothing is known: {error:#}"
        ));
    }
    check(&["advisories"])?;
    Ok("licences, duplicates, sources and advisories are in order".to_owned())
}

fn msrv() -> Result<String> {
    let manifest: toml::Table = fs::read_to_string(tools::root().join("Cargo.toml"))?.parse()?;
    let version = manifest["workspace"]["package"]["rust-version"].as_str().context("a rust-version")?;
    let toolchains = tools::read(Command::new("rustup").args(["toolchain", "list"]))?;
    let is_of =
        |line: &&str| line.starts_with(&format!("{version}.")) || line.starts_with(&format!("{version}-"));
    let name = match toolchains.lines().find(is_of) {
        Some(line) => line.split(' ').next().unwrap_or(version).to_owned(),
        None => {
            let install = ["toolchain", "install", version, "--profile", "minimal"];
            tools::run(Command::new("rustup").args(install))?;
            version.to_owned()
        }
    };
    let mut check = Command::new("cargo");
    check.current_dir(tools::root()).arg(format!("+{name}")).args(["check", "--workspace", "--all-targets"]);
    check.args(["--locked", "--target-dir"]).arg(tools::target_dir()?.join("msrv"));
    // The compiler that runs this chore is not the one that is asked.
    tools::run(check.env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO"))?;
    Ok(format!("the workspace builds with {name}"))
}

fn package() -> Result<String> {
    let metadata = tools::read(&mut tools::cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    // `publish` is null for everywhere, and an empty list for nowhere.
    let packages = metadata["packages"].as_array().context("packages")?.iter();
    let names: Vec<&str> =
        packages.filter(|p| p["publish"].is_null()).filter_map(|p| p["name"].as_str()).collect();
    ensure!(!names.is_empty(), "no crate is published");
    for name in &names {
        tools::run(&mut tools::cargo(["package", "--locked", "--allow-dirty", "--package", name]))?;
    }
    Ok(format!("packed and built: {}", names.join(", ")))
}

/// The package here, and from a copy of what git tracks in another folder.
fn reproducible() -> Result<String> {
    let here = wasm::build(None)?;
    let copy = tools::target_dir()?.join("supply/elsewhere");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    let tracked = tools::read(Command::new("git").args(["ls-files"]).current_dir(tools::root()))?;
    for file in tracked.lines() {
        let (from, to) = (tools::root().join(file), copy.join(file));
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(&from, &to).with_context(|| format!("{} is tracked and not there", from.display()))?;
    }
    let target = copy.join("target");
    let mut again = Command::new("cargo");
    again.current_dir(&copy).args(["run", "--quiet", "--package", "xtask", "--", "wasm"]);
    tools::run(again.env("CARGO_TARGET_DIR", &target).env_remove("CARGO_MANIFEST_DIR"))?;
    let there = target.join(here.strip_prefix(tools::target_dir()?).context("the package's folder")?);
    let (one, other) = (files(&here)?, files(&there)?);
    ensure!(one.len() == other.len(), "{} files here, {} there", one.len(), other.len());
    let mut bytes = 0;
    for name in &one {
        let (a, b) = (fs::read(here.join(name))?, fs::read(there.join(name))?);
        ensure!(a == b, "{} differs", name.display());
        bytes += a.len();
    }
    fs::remove_dir_all(&copy)?;
    Ok(format!("{} files, {bytes} bytes, all the same", one.len()))
}

/// Names of the files in a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(PathBuf::from(entry.file_name()));
        }
    }
    names.sort();
    Ok(names)
}
