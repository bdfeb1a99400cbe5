//! The probe as an archive that runs on any Linux of this processor: `cargo xtask dist`.
//!
//! One static program, its manual page and completions, the licences; beside the archive its checksum and a bill of
//! materials (CycloneDX), which lists every crate that is linked into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::tools;

const PROGRAM: &str = "llm-speed-probe";

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub struct Dist {
    /// Where the archive goes; `<target>/dist` without it.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Builds, gathers, packs.
pub fn run(args: &Dist) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "a static archive is made on Linux");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let program = build(&target)?;
    let version = tools::read(Command::new(&program).arg("--version"))?;
    let version = version.split(' ').next_back().context("a version")?.to_owned();
    let out = match &args.out {
        Some(out) => out.clone(),
        None => tools::target_dir()?.join("dist"),
    };
    let name = format!("{PROGRAM}-{version}-{}-linux", std::env::consts::ARCH);
    let folder = out.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    gather(&program, &folder)?;
    let archive = out.join(format!("{name}.tar.gz"));
    // The same bytes for the same sources: no time, no owner, names in order.
    tools::run(
        Command::new("tar")
            .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"])
            .arg("-C")
            .arg(&out)
            .args(["--use-compress-program", "gzip -n9", "-cf"])
            .arg(&archive)
            .arg(&name),
    )?;
    fs::remove_dir_all(&folder)?;
    let bill = out.join(format!("{name}.cdx.json"));
    fs::write(&bill, serde_json::to_vec_pretty(&materials(&target, &version)?)?)?;
    let sums = tools::read(
        Command::new("sha256sum")
            .current_dir(&out)
            .args([&archive, &bill].map(|path| path.file_name().unwrap_or_default())),
    )?;
    fs::write(out.join("SHA256SUMS"), format!("{sums}\n"))?;
    println!("{}\n{sums}", archive.display());
    Ok(())
}

/// The program with its C library inside.
fn build(target: &str) -> Result<PathBuf> {
    let folder = tools::target_dir()?.join("static");
    let flags = format!(
        "-Ctarget-feature=+crt-static\x1f-Cstrip=symbols\x1f--remap-path-prefix={}=/build",
        tools::root().display()
    );
    tools::run(
        tools::cargo([
            "build",
            "--release",
            "--locked",
            "--package",
            PROGRAM,
            "--target",
            target,
            "--target-dir",
        ])
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env_remove("RUSTFLAGS"),
    )?;
    let program = folder.join(target).join("release").join(PROGRAM);
    let linked = Command::new("ldd").arg(&program).output().context("ldd")?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&linked.stdout), String::from_utf8_lossy(&linked.stderr));
    if !said.contains("statically linked") && !said.contains("not a dynamic executable") {
        bail!("{} is not static: {said}", program.display());
    }
    Ok(program)
}

fn gather(program: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("completions"))?;
    fs::copy(program, folder.join(PROGRAM))?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(tools::root().join(licence), folder.join(licence))?;
    }
    let print = |words: &[&str]| tools::read(Command::new(program).args(words));
    fs::write(folder.join(format!("{PROGRAM}.1")), print(&["man"])?)?;
    for shell in ["bash", "zsh", "fish"] {
        fs::write(
            folder.join("completions").join(format!("{PROGRAM}.{shell}")),
            print(&["completions", shell])?,
        )?;
    }
    Ok(())
}

/// Every crate that is linked into the program, with licence and checksum.
fn materials(target: &str, version: &str) -> Result<Value> {
    let text = tools::read(
        tools::cargo(["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
            .env_remove("RUSTFLAGS"),
    )?;
    let metadata: Value = serde_json::from_str(&text)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (word(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (word(&node["id"]), node)).collect();
    let root = packages.iter().find(|(_, package)| package["name"] == PROGRAM);
    let root = root.map(|(id, _)| id.clone()).context("the program among the packages")?;
    let mut seen = BTreeSet::new();
    let mut waiting = vec![root.clone()];
    while let Some(id) = waiting.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let Some(node) = nodes.get(&id) else { continue };
        // What only builds or tests need is not in the program.
        let linked =
            |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        waiting.extend(
            list(&node["deps"]).iter().filter(|dependency| linked(dependency)).map(|d| word(&d["pkg"])),
        );
    }
    let component = |id: &String| {
        let package = packages.get(id)?;
        let (name, version) = (word(&package["name"]), word(&package["version"]));
        let licences =
            package["license"].as_str().map(|licence| json!([{"expression": licence.replace('/', " OR ")}]));
        Some(json!({
            "type": "library", "name": name, "version": version, "purl": format!("pkg:cargo/{name}@{version}"),
            "licenses": licences.unwrap_or_else(|| json!([])),
        }))
    };
    let components: Vec<Value> = seen.iter().filter(|id| **id != root).filter_map(component).collect();
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": PROGRAM, "version": version}},
        "components": components,
    }))
}
