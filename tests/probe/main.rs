//! The probe's program against a stand-in for a runtime: time, faults, kills, full disks, secrets, consent.

mod asked;
mod clock;
mod faults;
mod kills;
mod module;
mod secrets;
mod sending;
mod time;
mod updating;
mod whole;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use house::pace::{Pace, Server};
use house::site;
use serde_json::Value;
use tempfile::TempDir;

/// A stand-in and a home for runs.
struct Stage {
    server: Server,
    folder: TempDir,
}

impl Stage {
    fn new(pace: Pace) -> Result<Stage> {
        Ok(Stage { server: Server::start(pace)?, folder: tempfile::tempdir()? })
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// `bench` on the stand-in with these further arguments.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = probe(&self.home())?;
        command.args(["bench", "--backend", "llama.cpp", "--base-url", &self.server.url]).args(arguments);
        Ok(command)
    }

    /// `bench` that starts the stand-in itself, as it does a llama-server, with a model that is only here.
    #[cfg(unix)]
    fn starting(&self, arguments: &[&str]) -> Result<Command> {
        self.starting_with(&site::program("pace")?, arguments)
    }

    /// The same with another program.
    #[cfg(unix)]
    fn starting_with(&self, program: &Path, arguments: &[&str]) -> Result<Command> {
        let model = self.folder.path().join("only-here.gguf");
        if !model.is_file() {
            house::gguf_make::models::llama(TINY, None).write(&model, house::gguf_make::Fill::Random(1))?;
        }
        let mut command = probe(&self.home())?;
        command.args(["bench", "--no-upload", "--backend", "llama.cpp", "--llama-cpp-path"]);
        command.arg(program).arg("--model").arg(&model).args(arguments);
        Ok(command)
    }

    /// A program in the stage's folder that is this line of a shell.
    #[cfg(unix)]
    fn script(&self, name: &str, line: &str) -> Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{line}\n"))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Programs that [`Stage::starting`] started and that still run, by their command lines.
    #[cfg(unix)]
    fn started(&self) -> Vec<String> {
        running_with(&self.folder.path().join("only-here.gguf"))
    }

    fn bench(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments)?.output().context("the probe runs")
    }

    /// The only run that was saved.
    fn saved(&self) -> Result<Value> {
        let runs = std::fs::read_dir(self.home().join("runs"))?;
        let paths: Vec<PathBuf> =
            runs.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        ensure!(paths.len() == 1, "{paths:?}");
        ensure!(verifies(&paths[0])?, "{} does not verify", paths[0].display());
        Ok(serde_json::from_slice(&std::fs::read(&paths[0])?)?)
    }
}

/// As little as llama.cpp would accept; nobody runs it here.
#[cfg(unix)]
const TINY: house::gguf_make::models::Size = house::gguf_make::models::Size {
    layers: 1,
    hidden: 256,
    heads: 4,
    kv_heads: 1,
    head_dim: 64,
    ffn: 256,
    vocab: 512,
    context: 8192,
    quant: house::gguf_make::models::Quant::Q4_0,
};

/// Programs that run with this file or folder, by their command lines.
#[cfg(unix)]
fn running_with(place: &Path) -> Vec<String> {
    let mark = utf8(place.as_os_str().as_encoded_bytes());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| utf8(&line)).filter(|line| line.contains(&mark)).collect()
}

/// The program with a home of its own and nobody to ask.
fn probe(home: &Path) -> Result<Command> {
    let mut command = Command::new(site::program("llm-speed-probe")?);
    command.env("LLM_SPEED_HOME", home).env_remove("LLM_SPEED_SERVER").stdin(Stdio::null());
    Ok(command)
}

/// A file is verified by itself: no home is asked for.
fn verifies(run: &Path) -> Result<bool> {
    let mut command = Command::new(site::program("llm-speed-probe")?);
    for home in ["LLM_SPEED_HOME", "XDG_DATA_HOME", "HOME", "LOCALAPPDATA"] {
        command.env_remove(home);
    }
    Ok(command.arg("verify").arg(run).stdout(Stdio::null()).status()?.success())
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The results of one workload.
fn of<'a>(run: &'a Value, workload: &str) -> Vec<&'a Value> {
    let all = run["workloads"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|one| one["workload"] == workload).collect()
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        ensure!(Instant::now() < end, "{what}: not within half a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// How many workloads the saved run holds by now.
fn finished(home: &Path) -> usize {
    let newest = std::fs::read_dir(home.join("runs"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "json"));
    let run: Option<Value> = newest
        .and_then(|path| std::fs::read(path).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    run.and_then(|run| run["workloads"].as_array().map(Vec::len)).unwrap_or(0)
}

/// Sends a signal by the system's own tool.
fn signal(child: &Child, name: &str) -> Result<()> {
    signal_to(&child.id().to_string(), name)
}

/// To the whole group that it leads, as a terminal does it.
#[cfg(unix)]
fn signal_group(child: &Child, name: &str) -> Result<()> {
    signal_to(&format!("-{}", child.id()), name)
}

#[cfg(unix)]
fn signal_to(whom: &str, name: &str) -> Result<()> {
    let sent = Command::new("kill").args([&format!("-{name}"), "--", whom]).status()?;
    ensure!(sent.success());
    Ok(())
}
