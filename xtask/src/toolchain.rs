//! A compiler for a target that is not this machine: the browser, a microcontroller.
//!
//! Two makes, tried in this order: rustup's compiler with the target's library (installed, or added now), and Debian's
//! `rustc-web`, which builds the library from its own source package and needs no network beyond a Debian mirror. With the
//! library's source at hand, rustup's can build it too: then it has our flags, and is a good deal smaller.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::tools;

/// Which compiler to use; without a choice, the first that works.
#[derive(Clone, Copy, ValueEnum)]
pub enum Choice {
    /// The compiler that builds everything else, with the target's library from rustup.
    Rustup,
    /// Debian's `rustc-web` and `rust-web-src`.
    Debian,
}

/// A compiler and how to reach the target with it.
pub enum Toolchain {
    /// rustup's.
    Rustup {
        /// Whether the library's source is there.
        has_source: bool,
    },
    /// Debian's compiler, which builds the library itself and lends rustup's linker.
    Debian {
        /// `rust-lld` or `wasm-ld`.
        linker: PathBuf,
    },
}

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

/// Where the library's source lies, when it is there, within `lib/rustlib`.
const LIBRARY_SOURCE: &str = "src/rust/library/Cargo.lock";

impl Toolchain {
    /// Finds, or installs, a compiler for `target`.
    pub fn find(target: &str, choice: Option<Choice>) -> Result<Self> {
        match choice {
            Some(Choice::Rustup) => rustup(target),
            Some(Choice::Debian) => debian(),
            None => match rustup(target) {
                Ok(whole @ Self::Rustup { has_source: true }) => Ok(whole),
                // A library that was built for speed is some tens of kB larger: better one that we build.
                other => debian().or_else(|no_debian| {
                    other.with_context(|| {
                        format!("no compiler for {target}: from Debian, {no_debian:#}; from rustup")
                    })
                }),
            },
        }
    }

    /// Whether the standard library can be built with flags of ours.
    fn builds_library(&self) -> bool {
        matches!(self, Self::Debian { .. } | Self::Rustup { has_source: true })
    }

    /// `cargo build` for the target. `library` are the parts of the standard library to build where that is possible,
    /// with their features; `flags` are for the compiler, on top of those that make paths on this machine invisible.
    pub fn cargo_build(
        &self,
        target: &str,
        library: &[&str],
        flags: &[&str],
        target_dir: &Path,
    ) -> Result<Command> {
        let mut command = match self {
            Self::Rustup { .. } => tools::cargo(["build"]),
            Self::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                let target_linker =
                    format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
                command
                    .current_dir(tools::root())
                    .arg("build")
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env(target_linker, linker);
                command
            }
        };
        let mut rustflags = remapped_paths(&self.sysroot()?);
        if self.builds_library() {
            // -Zbuild-std is unstable, on a compiler that is not: its version is pinned, so nothing moves under us.
            command.args(library).env("RUSTC_BOOTSTRAP", "1");
            for flag in flags {
                rustflags.push("\x1f");
                rustflags.push(flag);
            }
        }
        command
            .args(["--locked", "--target", target, "--target-dir"])
            .arg(target_dir)
            .env("CARGO_ENCODED_RUSTFLAGS", rustflags)
            .env_remove("RUSTFLAGS");
        Ok(command)
    }

    /// One word for the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rustup { .. } => "rustup",
            Self::Debian { .. } => "debian",
        }
    }

    fn sysroot(&self) -> Result<PathBuf> {
        sysroot(match self {
            Self::Rustup { .. } => "rustc",
            Self::Debian { .. } => DEBIAN_RUSTC,
        })
    }
}

fn rustup(target: &str) -> Result<Toolchain> {
    let lib = sysroot("rustc")?.join("lib/rustlib");
    if !lib.join(target).is_dir() {
        tools::read(Command::new("rustup").args(["target", "add", target]).current_dir(tools::root()))?;
    }
    let has_source = || lib.join(LIBRARY_SOURCE).is_file();
    if !has_source() {
        // Good to have, not needed: a failure here is told by the size check, if at all.
        let _ = tools::read(
            Command::new("rustup").args(["component", "add", "rust-src"]).current_dir(tools::root()),
        );
    }
    Ok(Toolchain::Rustup { has_source: has_source() })
}

fn debian() -> Result<Toolchain> {
    let source = |sysroot: PathBuf| sysroot.join("lib/rustlib").join(LIBRARY_SOURCE);
    let ready =
        || Path::new(DEBIAN_CARGO).is_file() && sysroot(DEBIAN_RUSTC).is_ok_and(|dir| source(dir).is_file());
    if !ready() {
        tools::apt_install(DEBIAN_PACKAGES)?;
    }
    let version = tools::read(Command::new(DEBIAN_RUSTC).arg("--version"))?;
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    if !new_enough(&version, wanted) {
        bail!("{DEBIAN_RUSTC} is `{version}`, and the workspace needs {wanted} or newer");
    }
    Ok(Toolchain::Debian { linker: linker()? })
}

/// A linker for the target: rustup's compiler always carries one, else LLVM's own.
fn linker() -> Result<PathBuf> {
    let host = tools::read(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let lld = sysroot("rustc")?.join("lib/rustlib").join(host).join("bin/rust-lld");
    if lld.is_file() {
        return Ok(lld);
    }
    tools::which("wasm-ld")
        .context("no linker: neither rustup's rust-lld nor wasm-ld is here (`apt-get install lld`)")
}

/// Where a compiler has its libraries.
pub fn sysroot(rustc: &str) -> Result<PathBuf> {
    tools::read(Command::new(rustc).args(["--print", "sysroot"]).current_dir(tools::root()))
        .map(PathBuf::from)
}

/// Whether `rustc 1.96.0 (…)` is at least `1.95`.
fn new_enough(version: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    let Some(got) = version.split_whitespace().nth(1) else { return false };
    matches!((numbers(got), numbers(wanted)), (Some(got), Some(wanted)) if got >= wanted)
}

/// Rust flags that replace this machine's paths, so that two checkouts give the same bytes.
pub fn remapped_paths(sysroot: &Path) -> OsString {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let places = [
        (Some(tools::root().to_path_buf()), "/llm-speed"),
        (home, "/cargo"),
        (Some(sysroot.to_path_buf()), "/rust"),
    ];
    let mut flags = OsString::new();
    for (place, name) in places {
        let Some(place) = place else { continue };
        if !flags.is_empty() {
            flags.push("\x1f"); // cargo's separator in CARGO_ENCODED_RUSTFLAGS: paths may hold blanks
        }
        flags.push("--remap-path-prefix=");
        flags.push(place);
        flags.push(format!("={name}"));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(new_enough("rustc 1.96.0 (ac68faa20 2026-05-25)", "1.95"));
        assert!(new_enough("rustc 1.100.0-nightly", "1.95"));
        assert!(!new_enough("rustc 1.63.0", "1.95"));
        assert!(!new_enough("rustc", "1.95"));
    }
}
