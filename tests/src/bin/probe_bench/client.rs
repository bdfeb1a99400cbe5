//! The probe's own share: processor time beside sixteen steady streams, and how much it can take in.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use probe::driver::{ModelRef, Options, Prompt, Request};
use probe::drivers;
use probe::http::Url;

use crate::tools::{Place, Running};
use crate::{others, processor};

/// Streams at once.
pub const STREAMS: u32 = 16;
/// Tokens a second of each.
pub const RATE: u32 = 50;
/// Tokens of each stream: ten seconds.
const TOKENS: u32 = 500;
/// Chunks for the ceiling.
const MANY: u32 = 400_000;

pub fn run(place: &Place) -> Result<String> {
    let mut out = String::new();
    let pace = place.program("pace")?;
    let steady = server(place, &pace, &["--decode", &RATE.to_string()])?;
    let (cpu_s, wall_s) = probe_streams(&steady.url, STREAMS, TOKENS)?;
    let share = cpu_s / wall_s * 100.0;
    writeln!(
        out,
        "- {STREAMS} streams at {RATE} tok/s, {wall_s:.1} s: the probe used {cpu_s:.3} s of processor time, **{share:.2} % of one core**."
    )?;
    eprintln!("  {out}");
    let fast = server(place, &pace, &["--decode", "inf", "--chunks-a-write", "16"])?;
    let (cpu_s, wall_s) = probe_streams(&fast.url, 1, MANY)?;
    let ceiling = f64::from(MANY) / wall_s;
    writeln!(
        out,
        "- A server that answers at once, 16 chunks a write: the probe took in **{ceiling:.0} chunks/s** ({MANY} chunks, {:.2} µs of processor \
         time each).",
        cpu_s / f64::from(MANY) * 1e6
    )?;
    eprintln!("  {out}");
    out.push('\n');
    out.push_str(&others::beside(place, &steady.url, &fast.url, share, ceiling)?);
    Ok(out)
}

/// The stand-in at its pace, whatever the length of a prompt.
pub fn server(place: &Place, program: &Path, arguments: &[&str]) -> Result<Running> {
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
    let (before, begun) = (processor::own()?, Instant::now());
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
    Ok((processor::own()? - before, begun.elapsed().as_secs_f64()))
}

/// The probe's own cost with more and more streams.
pub fn streams(place: &Place) -> Result<String> {
    let server = server(place, &place.program("pace")?, &["--decode", &RATE.to_string()])?;
    let mut out = format!(
        "Each at {RATE} tok/s.\n\n| streams | chunks/s | processor time, % of one core | µs a chunk |\n|--:|--:|--:|--:|\n"
    );
    for streams in [1, 4, 16, 64, 256] {
        let (cpu_s, wall_s) = probe_streams(&server.url, streams, TOKENS)?;
        let chunks = f64::from(streams * TOKENS);
        writeln!(
            out,
            "| {streams} | {:.0} | {:.2} | {:.1} |",
            chunks / wall_s,
            cpu_s / wall_s * 100.0,
            cpu_s / chunks * 1e6
        )?;
    }
    Ok(out)
}
