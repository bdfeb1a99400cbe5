//! The probe as an archive that runs on any Linux of this processor: `cargo xtask dist`.
//!
//! One static program (with musl, which looks names up by itself), its manual page and completions, the licences; beside
//! the archive its checksum and a bill of materials (CycloneDX), which lists every crate that is linked into it; the
//! server's bill too, which is built from a checkout. What was made is tried as a stranger would: unpacked into an empty
//! folder, and run there with nothing around it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{bill, toolchain, tools};

const PROGRAM: &str = "llm-speed-probe";
const SERVER: &str = "llm-speed-server";

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
    let [target, server_target] =
        ["musl", "gnu"].map(|library| format!("{}-unknown-linux-{library}", std::env::consts::ARCH));
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
    let mut made = vec![archive.clone()];
    for (program, target) in [(PROGRAM, target), (SERVER, server_target)] {
        let bill = out.join(format!("{program}-{version}-{}-linux.cdx.json", std::env::consts::ARCH));
        fs::write(&bill, serde_json::to_vec_pretty(&bill::materials(program, &target)?)?)?;
        made.push(bill);
    }
    let names = made.iter().map(|path| path.file_name().unwrap_or_default());
    let sums = tools::read(Command::new("sha256sum").current_dir(&out).args(names))?;
    fs::write(out.join("SHA256SUMS"), format!("{sums}\n"))?;
    let start_ms = tried(&archive, &out)?;
    println!(
        "{}\n{sums}\nunpacked and run in an empty folder; it starts in {start_ms:.1} ms ({START_MS} are wanted)",
        archive.display()
    );
    Ok(())
}

/// A program that people type takes no longer to start, milliseconds.
const START_MS: f64 = 50.0;
/// Starts that are timed.
const STARTS: usize = 21;

/// Checks the sums, unpacks the archive where nothing else is and runs what is in it without any of our surroundings;
/// milliseconds of a start, the median.
fn tried(archive: &Path, out: &Path) -> Result<f64> {
    tools::run(Command::new("sha256sum").current_dir(out).args([
        "--check",
        "--quiet",
        "--strict",
        "SHA256SUMS",
    ]))?;
    let folder = out.join("tried");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    tools::run(Command::new("tar").arg("-C").arg(&folder).arg("-xzf").arg(archive))?;
    let unpacked = fs::read_dir(&folder)?.next().context("an archive of one folder")??.path();
    let program = unpacked.join(PROGRAM);
    let alone = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().env("LLM_SPEED_HOME", folder.join("home")).current_dir(&folder).args(words);
        tools::read(&mut command)
    };
    let detected: serde_json::Value = serde_json::from_str(&alone(&["detect", "--json"])?)?;
    ensure!(detected.is_object(), "detect --json prints {detected}");
    let estimate =
        alone(&["estimate", "--hardware", "rtx-3090", "--model", "llama-3.1-8b", "--quant", "q4_k_m"])?;
    ensure!(estimate.contains("tok/s"), "estimate prints {estimate}");
    let mut starts_ms = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let begun = Instant::now();
        alone(&["--version"])?;
        starts_ms.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_dir_all(&folder)?;
    starts_ms.sort_by(f64::total_cmp);
    let start_ms = starts_ms[STARTS / 2];
    ensure!(start_ms < START_MS, "the program takes {start_ms:.0} ms to start");
    Ok(start_ms)
}

/// The program with its C library inside: musl's. Of GNU's, the part that looks names up would still be loaded from the
/// system, and has to be of the very same version there.
fn build(target: &str) -> Result<PathBuf> {
    let library = tools::read(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    if !Path::new(&library).is_dir() {
        tools::run(Command::new("rustup").args(["target", "add", target]))?;
    }
    if tools::which("musl-gcc").is_none() {
        tools::apt_install(&["musl-tools"])?;
    }
    let folder = tools::target_dir()?.join("static");
    // No path of this machine stays in it.
    let mut flags = toolchain::remapped_paths(&toolchain::sysroot("rustc")?);
    flags.push("\x1f-Ctarget-feature=+crt-static\x1f-Cstrip=symbols");
    let build = ["build", "--release", "--locked", "--package", PROGRAM, "--target", target, "--target-dir"];
    let mut cargo = tools::cargo(build);
    cargo.arg(&folder).env("CARGO_ENCODED_RUSTFLAGS", flags).env_remove("RUSTFLAGS");
    tools::run(cargo.env(format!("CC_{}", target.replace('-', "_")), "musl-gcc"))?;
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
