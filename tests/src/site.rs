//! The real server, started for one test.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A running `llm-speed-server` with an empty database; ended when dropped.
pub struct Site {
    process: Child,
    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub origin: String,
    _data: TempDir,
}

impl Site {
    /// Starts the server on a free port, with the WASM package that `cargo xtask wasm` has made.
    pub fn open(more_args: &[&str]) -> Result<Self> {
        let package = wasm_package()?;
        if !package.is_dir() {
            bail!("{} is not there; `cargo xtask wasm` first", package.display());
        }
        let package = package.to_str().context("the target directory's path is no text")?.to_owned();
        Self::start(&[&["--wasm-dir", &package], more_args].concat())
    }

    /// The same, as it is where no WASM package could be built.
    pub fn without_wasm() -> Result<Self> {
        Self::without_wasm_but(&[])
    }

    /// The same, with arguments.
    pub fn without_wasm_but(args: &[&str]) -> Result<Self> {
        Self::start(args)
    }

    /// The same, behind one proxy that says where clients come from.
    pub fn without_wasm_behind_a_proxy() -> Result<Self> {
        Self::start(&["--trusted-proxies", "1"])
    }

    fn start(args: &[&str]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = Command::new(program("llm-speed-server")?);
        command.args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path()).args(args);
        // A line a request would bury what the tests say; warnings and errors are theirs to hear.
        command.env("LLM_SPEED_LOG", "warn").stdout(Stdio::piped());
        let mut process = command.spawn().context("llm-speed-server did not start")?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut site = Self { process, origin: String::new(), _data: data };
        site.origin = origin_in(stdout)?;
        Ok(site)
    }

    /// The address of a page: `at("/m/…")`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Ends the server now, as a crash would.
    pub fn end(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// A program of the workspace: it lies two directories above the test's own executable, `<target>/debug/deps/<test>`.
pub fn program(name: &str) -> Result<PathBuf> {
    let target = target_profile_dir()?;
    let file = target.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !file.is_file() {
        bail!("{} is not built; `cargo build --workspace --bins` first", file.display());
    }
    Ok(file)
}

/// Where `cargo xtask wasm` leaves its package.
pub fn wasm_package() -> Result<PathBuf> {
    Ok(target_profile_dir()?.parent().context("a target directory has a parent")?.join("web/pkg"))
}

/// llama.cpp's server: `LLAMA_SERVER`, else where `cargo xtask engines llama-server` puts it.
pub fn llama_server() -> Result<PathBuf> {
    if let Some(named) = env::var_os("LLAMA_SERVER") {
        return Ok(PathBuf::from(named));
    }
    engine_file("llama-server")
}

/// What `cargo xtask engines` has installed under this name.
pub fn engine_file(name: &str) -> Result<PathBuf> {
    let engines = target_profile_dir()?.parent().context("a target directory has a parent")?.join("engines");
    let folders = std::fs::read_dir(&engines).into_iter().flatten().flatten();
    folders
        .map(|folder| folder.path().join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("no {name} in {}; `cargo xtask engines`", engines.display()))
}

fn target_profile_dir() -> Result<PathBuf> {
    let test = env::current_exe()?;
    let dir = test.parent().context("a test lies in a directory")?;
    // Tests lie in `deps/`, programs beside it.
    let dir = if dir.ends_with("deps") { dir.parent().context("deps/ has a parent")? } else { dir };
    Ok(dir.to_path_buf())
}

/// The address that the server prints when it listens.
fn origin_in(stdout: std::process::ChildStdout) -> Result<String> {
    let mut lines = BufReader::new(stdout);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if let Some(start) = line.find("http://") {
            let origin = line[start..].trim().trim_end_matches('/').to_owned();
            std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
            return Ok(origin);
        }
        line.clear();
    }
    bail!("the server ended before it listened")
}
