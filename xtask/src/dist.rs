//! The probe as an archive that runs on any Linux of this processor: `cargo xtask dist`.
//!
//! One static program (with musl, which looks names up by itself), its manual page and completions, the licences; beside the archive its checksum and a bill of
//! materials (CycloneDX), which lists every crate that is linked into it; the server's bill too, which is built from a
//! checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{bill, tools};

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
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
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
    for (program, target) in [(PROGRAM, &*target), (SERVER, "x86_64-unknown-linux-gnu")] {
        let bill = out.join(format!("{program}-{version}-{}-linux.cdx.json", std::env::consts::ARCH));
        fs::write(&bill, serde_json::to_vec_pretty(&bill::materials(program, &version, target)?)?)?;
        made.push(bill);
    }
    let names = made.iter().map(|path| path.file_name().unwrap_or_default());
    let sums = tools::read(Command::new("sha256sum").current_dir(&out).args(names))?;
    fs::write(out.join("SHA256SUMS"), format!("{sums}\n"))?;
    println!("{}\n{sums}", archive.display());
    Ok(())
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
    let flags = format!(
        "-Ctarget-feature=+crt-static\x1f-Cstrip=symbols\x1f--remap-path-prefix={}=/build",
        tools::root().display()
    );
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
