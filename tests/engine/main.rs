//! The probe on a real llama-server with generated models: what a user types, what comes out, what is left behind.
//!
//! One test at a time, and one thread for the server: llama.cpp's threads wait for each other in busy loops, so that two
//! servers on two cores, or a server beside a compiler, run a hundred times slower than one. Where a test needs figures of a
//! quiet machine, the figures themselves say whether it was one, and it measures again (see `undisturbed`).

mod submitted;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use house::gguf_make::Fill;
use house::gguf_make::models::{self, Quant, Size};
use house::site;
use serde_json::Value;
use tempfile::TempDir;

/// So small that a prompt of 16k tokens takes seconds on one core.
const SMALL: Size = Size {
    layers: 2,
    hidden: 256,
    heads: 4,
    kv_heads: 1,
    head_dim: 64,
    ffn: 512,
    // Of a small vocabulary a tenth are bytes that are no text, and a made-up model may answer in nothing else.
    vocab: 32_768,
    context: 32_768,
    quant: Quant::Q4Km,
};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A folder with a model and a place for runs, named so that a leak of its path would be seen.
struct Bench {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    fn new(size: Size) -> Result<Bench> {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("secret-folder-").tempdir()?;
        models::llama(size, None).write(&folder.path().join("made-up.gguf"), Fill::Random(7))?;
        Ok(Bench { folder, _alone: alone })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(site::program("llm-speed-probe")?);
        command.args(arguments).env("LLM_SPEED_HOME", self.path("home")).env("LLAMA_ARG_THREADS", "1");
        Ok(command)
    }

    fn probe(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments)?.output().context("the probe runs")
    }

    /// `bench` on a llama-server that the probe starts, with these further arguments.
    fn starting(&self, arguments: &[&str]) -> Result<Command> {
        let (server, model) = (site::llama_server()?, self.path("made-up.gguf"));
        let mut command = self.command(&["bench", "--no-upload", "--llama-cpp-path", text(&server)])?;
        command.args(["--model", text(&model)]).args(arguments);
        Ok(command)
    }

    /// Runs `bench` with these further arguments and returns the saved run.
    fn bench(&self, arguments: &[&str]) -> Result<Value> {
        let json = self.path("run.json");
        let output = self.starting(&["--json", text(&json)])?.args(arguments).output()?;
        let (stdout, stderr) = (utf8(&output.stdout), utf8(&output.stderr));
        ensure!(output.status.success(), "{stdout}\n{stderr}");
        ensure!(stdout.lines().last().is_some_and(|line| line.starts_with("run ")), "{stdout}");
        Ok(serde_json::from_slice(&std::fs::read(&json)?)?)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Programs whose command line names this file.
#[cfg(target_os = "linux")]
fn still_running(file: &Path) -> usize {
    let name = text(file).to_owned();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| utf8(line).contains(&name))
        .count()
}

/// How far apart measurements of the same thing lie on a machine that is busy with something else, as a factor.
const DISTURBED: f64 = 1.2;
/// Times that a disturbed machine is asked.
const ROUNDS: u32 = 5;

/// What was measured, measured again while its figures spread as those of a disturbed machine do; the last round counts as
/// it is. Only the figures decide, never what is made of them.
fn undisturbed<T>(
    measure: impl Fn() -> Result<T>,
    spread: impl Fn(&T) -> Result<f64>,
    figures: impl Fn(&T) -> Result<String>,
) -> Result<T> {
    let mut round = 1;
    loop {
        let measured = measure()?;
        let factor = spread(&measured)?;
        eprintln!("round {round}: {factor:.3} times apart; {}", figures(&measured)?);
        if factor <= DISTURBED || round == ROUNDS {
            return Ok(measured);
        }
        round += 1;
    }
}

/// The largest of speeds over the smallest.
fn spread(speeds: &[f64]) -> f64 {
    let least = speeds.iter().copied().fold(f64::INFINITY, f64::min);
    speeds.iter().copied().fold(0.0, f64::max) / least
}

/// The results of one workload.
fn of<'a>(run: &'a Value, workload: &str) -> Vec<&'a Value> {
    let all = run["workloads"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|one| one["workload"] == workload).collect()
}

#[test]
fn chat_short_is_measured_on_two_clocks_that_agree() -> Result<()> {
    // Some milliseconds a token, so that a clock's own error is small.
    let bench = Bench::new(Size { layers: 8, hidden: 512, heads: 8, kv_heads: 2, ffn: 1536, ..SMALL })?;
    let run = bench.bench(&["--workload", "W1", "--repeat", "3"])?;
    let found = &run["workloads"][0];
    assert_eq!(found["workload"], "W1");
    assert_eq!((&found["prompt_tokens"], &found["output_tokens"]), (&128.into(), &256.into()), "{found:#}");
    assert_eq!(found["repeats"], 3);
    assert_eq!(found["prefix_cache_hit_rate"], 0.0, "every prompt was new to the server");
    let gap = found["clock"]["gap"].as_f64().context("both clocks were read")?;
    assert!(gap.abs() <= 0.01, "client against engine: {gap:+.4}");
    assert_eq!(run["model"]["identity"], "file");
    assert_eq!(run["model"]["quant"], "Q4_K_M", "told from the tensors");

    // The file verifies; with one figure changed it does not.
    let saved = bench.path("run.json");
    let verified = bench.probe(&["verify", text(&saved)])?;
    assert!(verified.status.success(), "{}", utf8(&verified.stderr));
    let forged = bench.path("forged.json");
    let better = std::fs::read_to_string(&saved)?.replacen("\"decode_tps\": ", "\"decode_tps\": 1", 1);
    std::fs::write(&forged, better)?;
    let refused = bench.probe(&["verify", text(&forged)])?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(utf8(&refused.stderr).contains("differs from what was signed"), "{}", utf8(&refused.stderr));

    // Nothing of where it ran is in it, and nothing that was started is left.
    assert!(!std::fs::read_to_string(&saved)?.contains("secret-folder"));
    #[cfg(target_os = "linux")]
    assert_eq!(still_running(&bench.path("made-up.gguf")), 0);
    Ok(())
}

#[test]
fn streams_share_a_server() -> Result<()> {
    let bench = Bench::new(SMALL)?;
    let run = bench.bench(&["--workload", "W4", "--repeat", "1", "--full"])?;
    let found = of(&run, "W4");
    let streams: Vec<u64> = found.iter().filter_map(|one| one["streams"].as_u64()).collect();
    assert_eq!(streams, [1, 4, 8, 16]);
    for one in found {
        assert!(one["skipped"].is_null(), "{one:#}");
        assert_eq!(one["prompt_tokens"], 1024, "{one:#}");
        if one["streams"] != 1 {
            let together = one["aggregate_tps"].as_f64().context("streams ran side by side")?;
            let each = one["decode_tps"].as_f64().context("a rate")?;
            assert!(together > each, "{together} together, {each} each");
        }
    }
    Ok(())
}

#[test]
fn four_turns_of_the_trace_reuse_their_prefix() -> Result<()> {
    // A generated vocabulary cuts words into letters: the four turns are some 20k tokens in it.
    let bench = Bench::new(SMALL)?;
    let run = bench.bench(&["--workload", "W5", "--turns", "4", "--repeat", "1", "--full"])?;
    let found = of(&run, "W5");
    let trace = found.first().context("the trace")?;
    assert_eq!(trace["turns"]["count"], 4, "{trace:#}");
    let rate = trace["prefix_cache_hit_rate"].as_f64().context("the server counts its cache")?;
    assert!(rate > 0.3, "only {rate} of the prompts came out of the cache");
    Ok(())
}

#[test]
fn what_cannot_run_is_left_out_with_its_reason() -> Result<()> {
    let bench = Bench::new(Size { context: 4096, ..SMALL })?;
    let run = bench.bench(&["--workload", "W1,W2,W3", "--repeat", "1", "--full"])?;
    assert!(of(&run, "W1")[0]["skipped"].is_null());
    for one in of(&run, "W2").into_iter().chain(of(&run, "W3")) {
        let reason = one["skipped"].as_str().with_context(|| format!("{one:#} does not fit 4,096 tokens"))?;
        assert!(reason.contains("4096"), "{reason}");
    }
    let nowhere = bench.probe(&["bench", "--base-url", "http://127.0.0.1:9", "--no-upload"])?;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(utf8(&nowhere.stderr).contains("nothing listens at 127.0.0.1:9"), "{}", utf8(&nowhere.stderr));
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn killed_it_leaves_no_server_and_the_next_run_is_whole() -> Result<()> {
    use std::time::{Duration, Instant};
    let bench = Bench::new(SMALL)?;
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(120);
        while !holds() {
            ensure!(Instant::now() < end, "{what}: not within two minutes");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    };
    let runs = || -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(bench.path("home/runs")).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect()
    };
    let model = bench.path("made-up.gguf");
    // While it loads, and after a first workload.
    for (stage, holds) in [
        ("its server runs", &(|| still_running(&model) >= 2) as &dyn Fn() -> bool),
        ("a workload is saved", &|| !runs().is_empty()),
    ] {
        let mut command = bench.starting(&["--workload", "W1,W4", "--repeat", "1", "--full"])?;
        let mut child = command.stderr(std::process::Stdio::null()).spawn()?;
        wait(stage, holds)?;
        child.kill()?;
        child.wait()?;
        wait("its server ends", &|| still_running(&model) == 0)?;
    }
    let saved = runs();
    ensure!(saved.len() == 1, "{saved:?}");
    assert!(bench.probe(&["verify", text(&saved[0])])?.status.success());
    let run: Value = serde_json::from_slice(&std::fs::read(&saved[0])?)?;
    assert!(of(&run, "W1")[0]["decode_tps"].as_f64().is_some(), "{run:#}");
    let next = bench.bench(&["--workload", "W1", "--repeat", "1"])?;
    assert!(of(&next, "W1")[0]["skipped"].is_null());
    assert_eq!(still_running(&model), 0);
    Ok(())
}
