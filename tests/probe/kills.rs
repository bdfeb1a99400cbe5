//! The probe is killed at every stage of a run: what it told to be done is saved and verifies, what it started has ended, and
//! the next run is as if nothing had been.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

use super::*;

/// Kills over the length of a run; more where somebody asks for more.
const KILLS: &str = "LLM_SPEED_PROBE_KILLS";

/// A short run that starts its server anew for other numbers of streams: each stage there is, in a few seconds.
const RUN: [&str; 4] = ["--workload", "W1,W4", "--repeat", "1"];

/// A run whose lines are read as they come.
struct Run {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: std::thread::JoinHandle<()>,
}

impl Run {
    fn start(stage: &Stage) -> Result<Run> {
        let mut child = stage.starting(&RUN)?.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (pipe, kept) = (child.stderr.take().context("piped")?, Arc::clone(&lines));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Run { child, lines, reader })
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Kills it; all that it said.
    fn killed(mut self) -> Result<Vec<String>> {
        self.child.kill()?;
        self.child.wait()?;
        self.reader.join().map_err(|_| anyhow::anyhow!("the reader broke"))?;
        Ok(self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Workloads that it said were measured: `  125.0 tok/s, 1 repeat in 2 s`.
fn told(lines: &[String]) -> usize {
    lines
        .iter()
        .filter(|line| line.contains(" repeat") && line.contains(" in ") && line.starts_with("  "))
        .count()
}

/// Runs in this home, each of which must verify, by the number of workloads that were measured.
fn saved(stage: &Stage) -> Result<Vec<usize>> {
    let entries = std::fs::read_dir(stage.home().join("runs")).into_iter().flatten().flatten();
    let mut measured = Vec::new();
    for path in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
    {
        ensure!(verifies(&path)?, "{} does not verify", path.display());
        let run: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let all = run["workloads"].as_array().context("workloads")?;
        measured.push(all.iter().filter(|found| found["skipped"].is_null()).count());
    }
    Ok(measured)
}

/// What is left after a kill: nothing lost, nothing running.
fn holds(stage: &Stage, lines: &[String], at: &str) -> Result<()> {
    let (told, saved) = (told(lines), saved(stage)?);
    ensure!(saved.len() <= 1, "{at}: one run, {saved:?}");
    ensure!(saved.iter().sum::<usize>() >= told, "{at}: {told} told to be done, {saved:?} saved: {lines:#?}");
    until("what was started ends", || stage.started().is_empty()).with_context(|| at.to_owned())
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_leaves_nothing_running() -> Result<()> {
    let kills: u32 = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let begun = Instant::now();
    let whole = Stage::new(Pace::default())?;
    let output = whole.starting(&RUN)?.output()?;
    ensure!(output.status.success(), "{}", utf8(&output.stderr));
    let length = begun.elapsed();
    let all = saved(&whole)?;
    let mut before_the_end = 0;
    for kill in 1..=kills {
        let stage = Stage::new(Pace::default())?;
        let run = Run::start(&stage)?;
        std::thread::sleep(length * kill / (kills + 1));
        let lines = run.killed()?;
        holds(&stage, &lines, &format!("killed after {kill}/{} of it", kills + 1))?;
        before_the_end += usize::from(saved(&stage)? != all);
        if kill == kills / 2 {
            // The next run, in the same home, is whole.
            let output = stage.starting(&RUN)?.output()?;
            ensure!(output.status.success(), "{}", utf8(&output.stderr));
            ensure!(saved(&stage)?.contains(&all[0]), "{:?} and not {all:?}", saved(&stage)?);
            ensure!(stage.started().is_empty());
        }
    }
    ensure!(
        before_the_end * 2 >= kills as usize,
        "most kills come before the end: {before_the_end} of {kills}"
    );
    Ok(())
}

/// Stages that a line announces: right at it the program dies.
#[test]
fn killed_at_each_announced_stage() -> Result<()> {
    for (stage_name, line) in [
        ("the plan", "points"),
        ("the first workload begins", "[1/"),
        ("the first workload is done", " repeat"),
        ("the second workload begins", "[2/"),
        ("the last workload begins", "[5/"),
    ] {
        let stage = Stage::new(Pace::default())?;
        let run = Run::start(&stage)?;
        until(stage_name, || run.lines().iter().any(|said| said.contains(line)))?;
        let lines = run.killed()?;
        holds(&stage, &lines, stage_name)?;
    }
    Ok(())
}

/// While its server loads a model it says nothing and answers nothing.
#[test]
fn killed_while_its_server_starts() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let run = Run::start(&stage)?;
    let is_server = |line: &String| line.split('\0').next().is_some_and(|program| program.ends_with("pace"));
    until("the server is started", || stage.started().iter().any(is_server))?;
    let lines = run.killed()?;
    holds(&stage, &lines, "its server starts")
}

/// Killed with its results in hand: they are saved before anybody is told, and sent later.
#[test]
fn killed_while_it_sends() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    // A server that takes the connection and says nothing.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", deaf.local_addr()?);
    std::fs::create_dir_all(stage.home())?;
    std::fs::write(stage.home().join("upload"), "yes\n")?;
    let mut command = probe(&stage.home())?;
    command.args(["bench", "--backend", "llama.cpp", "--base-url", &stage.server.url, "--server", &url]);
    command.args(["--workload", "W1", "--repeat", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    deaf.set_nonblocking(true)?;
    let mut asked = None;
    until("it wants to send", || {
        asked = asked.take().or_else(|| deaf.accept().ok());
        asked.is_some()
    })?;
    child.kill()?;
    child.wait()?;
    ensure!(saved(&stage)? == [1], "{:?}", saved(&stage)?);
    Ok(())
}
