//! What the server reaches, beside what the same machine reaches without it: `cargo xtask bench server`. Each section prints
//! a table; named on the command line, only those run.

mod bare;
mod fill;
mod load;
#[allow(dead_code, reason = "tests want more of it")]
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod program;
#[allow(dead_code, reason = "tests want more of it")]
#[path = "../../tests/support/sample.rs"]
mod sample;

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use data::timings::quantile;
use tokio::runtime::Runtime;

use load::{RATE, load};
use program::{Client, Server, prepared};

/// Submissions that are timed.
const SUBMISSIONS: usize = 3000;
/// Clients at once.
const CLIENTS: usize = 48;
/// Rounds of submissions and bare loop in turn; the middle one counts.
const ROUNDS: usize = 3;
/// Runs in the reading sections.
const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
/// Connections that say nothing.
const IDLE: usize = 9_900;

/// A section: its name, and the work.
type Section = (&'static str, fn(&Runtime) -> Result<()>);

const SECTIONS: [Section; 5] = [
    ("submissions", submissions),
    ("reading", reading),
    ("growth", growth),
    ("table", table),
    ("idle", idle),
];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(other) = wanted.iter().find(|name| !SECTIONS.iter().any(|(known, _)| known == name)) {
        bail!("there is no section {other}; there are {}", SECTIONS.map(|(name, _)| name).join(", "));
    }
    let runtime = Runtime::new()?;
    for (name, work) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            work(&runtime)?;
        }
    }
    Ok(())
}

/// Accepted submissions a second beside a bare loop of the same inserts, in turn on the same kind of database.
fn submissions(runtime: &Runtime) -> Result<()> {
    println!("| database | bare loop of the same inserts, runs/s | accepted signed submissions/s | ratio |");
    println!("|---|---:|---:|---:|");
    // One that keeps what it says: the tests' own does without.
    let postgres = postgres::Server::start_durable();
    let mut pairs: [Vec<[f64; 2]>; 2] = Default::default();
    for _ in 0..ROUNDS {
        let dir = tempfile::tempdir()?;
        let bare = runtime.block_on(async {
            let pool = bare::opened(&dir.path().join("bare")).await?;
            bare::bare_loop(&pool, "BEGIN IMMEDIATE", SUBMISSIONS).await
        })?;
        pairs[0].push([bare, accepted(&dir.path().join("served"), None)?]);
        if let Some(postgres) = &postgres {
            let url = postgres.database();
            let bare = runtime.block_on(async {
                let pool = bare::opened_url(&url).await?;
                bare::bare_loop(&pool, "BEGIN", SUBMISSIONS).await
            })?;
            pairs[1].push([bare, accepted(dir.path(), Some(&postgres.database()))?]);
        }
    }
    for (name, pairs) in ["SQLite", "PostgreSQL"].iter().zip(&mut pairs) {
        pairs.sort_by(|a, b| (a[1] / a[0]).total_cmp(&(b[1] / b[0])));
        match pairs.get(pairs.len() / 2) {
            Some([bare, reached]) => {
                println!("| {name} | {bare:.0} | {reached:.0} | {:.2} |", reached / bare);
                println!(
                    "ratio: submissions kept a second, {name} | {reached:.0} | bare loop of inserts {bare:.0} | {:.2}",
                    reached / bare
                );
            }
            None => println!("| {name} | not installed | | |"),
        }
    }
    Ok(())
}

/// Accepted submissions a second, by many clients at once.
fn accepted(folder: &Path, url: Option<&str>) -> Result<f64> {
    let server = Server::start(folder, url)?;
    let mut client = Client::open(&server.address)?;
    let speed = sample::estimated("rtx-3090");
    let bodies: Vec<String> =
        (0..SUBMISSIONS).map(|number| prepared(&mut client, number, speed)).collect::<Result<_>>()?;
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (bodies, next, address) = (bodies.clone(), next.clone(), server.address.clone());
            std::thread::spawn(move || -> Result<()> {
                let mut client = Client::open(&address)?;
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (status, answer) = client.ask("POST /api/v1/runs", body)?;
                    ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(&answer));
                }
                Ok(())
            })
        })
        .collect();
    for client in clients {
        client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
    }
    Ok(SUBMISSIONS as f64 / begun.elapsed().as_secs_f64())
}

/// What everybody reads, with few and with many stored runs.
fn reading(runtime: &Runtime) -> Result<()> {
    println!(
        "| address, {RATE} requests/s | stored runs | median, ms | p99, ms | p99 over that with {FEW} |"
    );
    println!("|---|---:|---:|---:|---:|");
    let mut few = [0.0; 2];
    for runs in [FEW, MANY] {
        let dir = tempfile::tempdir()?;
        runtime.block_on(fill::fill(dir.path(), runs))?;
        let server = Server::start(dir.path(), None)?;
        for (path, few) in ["/", "/api/v1/medians"].into_iter().zip(&mut few) {
            let [median, p99] = load(&server.address, path)?;
            if runs == FEW {
                *few = p99;
            }
            println!("| `{path}` | {runs} | {median:.2} | {p99:.2} | {:.2} |", p99 / *few);
            if runs == MANY {
                println!(
                    "ratio: p99 of `{path}` with {MANY} runs | {p99:.2} ms | with {FEW} {few:.2} ms | {:.2}",
                    p99 / *few
                );
            }
        }
    }
    Ok(())
}

/// How things grow with the runs that are stored.
fn growth(runtime: &Runtime) -> Result<()> {
    println!(
        "| stored runs | database, MiB | first `/`, ms | `/`, median ms | medians anew, ms | a submission, median ms | \
         inclusion proof, median ms | memory, MiB |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for runs in [1_000, 10_000, 100_000, 1_000_000] {
        let dir = tempfile::tempdir()?;
        runtime.block_on(fill::fill(dir.path(), runs))?;
        let bytes: u64 = std::fs::read_dir(dir.path())?
            .map(|file| Ok(file?.metadata()?.len()))
            .sum::<std::io::Result<u64>>()?;
        let server = Server::start(dir.path(), None)?;
        let mut client = Client::open(&server.address)?;
        let medians = timed(|| asked(&mut client, "/api/v1/medians"))?;
        let first = timed(|| asked(&mut client, "/"))?;
        let again = median_of(50, |_| timed(|| asked(&mut client, "/")))?;
        let speed = sample::estimated("rtx-3090");
        let submitted = median_of(50, |number| {
            let body = prepared(&mut client, number, speed)?;
            timed(|| {
                let (status, answer) = client.ask("POST /api/v1/runs", &body)?;
                ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(&answer));
                Ok(())
            })
        })?;
        let proof = median_of(50, |number| {
            let digest = number as u64 * (runs / 50);
            timed(|| asked(&mut client, &format!("/api/v1/log/inclusion?digest={digest:064x}")))
        })?;
        println!(
            "| {runs} | {:.0} | {first:.1} | {again:.2} | {medians:.1} | {submitted:.2} | {proof:.2} | {:.0} |",
            bytes as f64 / f64::from(1 << 20),
            server.memory_mib()
        );
    }
    Ok(())
}

/// What is asked of the table of runs, and the rest of its address, another one each time.
type Ask = (&'static str, fn(usize) -> String);

/// What people ask of the table of runs, each a page of it that nobody asked for before.
fn table(runtime: &Runtime) -> Result<()> {
    let asks: [Ask; 4] = [
        ("by speed", |number| format!("?sort=-speed&page={}", number + 2)),
        ("a word", |number| format!("?q=a{number}")),
        ("by device, 1,000 rows", |number| format!("?sort=hardware&per_page=1000&page={}", number + 2)),
        ("as data", |number| format!(".json?sort=-speed&page={}", number + 2)),
    ];
    let heads: String = asks.iter().map(|(what, _)| format!(" {what}, median ms |")).collect();
    println!("| rows | made after a start, s | as it opens, ms |{heads} memory, MiB |");
    println!("|---:|---:|---:|{}---:|", "---:|".repeat(asks.len()));
    let mut few = None;
    for runs in [1_000, 10_000, 100_000] {
        let dir = tempfile::tempdir()?;
        runtime.block_on(fill::fill(dir.path(), runs))?;
        let server = Server::start(dir.path(), None)?;
        let mut client = Client::open(&server.address)?;
        let begun = Instant::now();
        while rows(&mut client)? < runs {
            ensure!(begun.elapsed() < Duration::from_secs(120), "the table was not made in two minutes");
            std::thread::sleep(Duration::from_millis(10));
        }
        let made = begun.elapsed().as_secs_f64();
        let opens = median_of(20, |_| timed(|| asked(&mut client, "/benchmarks")))?;
        let mut cells = String::new();
        let mut slowest: f64 = 0.0;
        for (_, path) in asks {
            let took = median_of(20, |number| {
                timed(|| asked(&mut client, &format!("/benchmarks{}", path(number))))
            })?;
            slowest = slowest.max(took);
            cells.push_str(&format!(" {took:.1} |"));
        }
        println!("| {runs} | {made:.2} | {opens:.2} |{cells} {:.0} |", server.memory_mib());
        match few {
            None => few = Some(slowest),
            Some(few) => println!(
                "ratio: the slowest of these pages of {runs} rows | {slowest:.1} ms | with {FEW} {few:.1} ms | {:.1}",
                slowest / few
            ),
        }
    }
    Ok(())
}

/// How many rows the table has.
fn rows(client: &mut Client) -> Result<u64> {
    let (status, answer) = client.ask_as("identity", "GET /benchmarks.json?per_page=1", "")?;
    ensure!(status == 200, "the table: {status}");
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    answer["total"].as_u64().with_context(|| format!("no count of rows in {answer}"))
}

fn asked(client: &mut Client, path: &str) -> Result<()> {
    let (status, _) = client.ask(&format!("GET {path}"), "")?;
    ensure!(status == 200, "{path}: {status}");
    Ok(())
}

/// Milliseconds of some work.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

fn median_of(count: usize, mut measure: impl FnMut(usize) -> Result<f64>) -> Result<f64> {
    let times: Vec<f64> = (0..count).map(&mut measure).collect::<Result<_>>()?;
    quantile(&times, 0.5).context("nothing was measured")
}

/// Many connections that say nothing, and one more than there are places for.
fn idle(_: &Runtime) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), None)?;
    let mut client = Client::open(&server.address)?;
    asked(&mut client, "/")?;
    println!(
        "| connections that say nothing | opened in, s | `/`, median ms | p99, ms | memory of the server, MiB |"
    );
    println!("|---:|---:|---:|---:|---:|");
    let mut held = Vec::new();
    for count in [0, IDLE] {
        let begun = Instant::now();
        while held.len() < count {
            held.push(TcpStream::connect(&server.address)?);
        }
        let opened = begun.elapsed().as_secs_f64();
        // A connection anew each time: the server is to take it beside those that wait.
        let times: Vec<f64> = (0..200)
            .map(|_| timed(|| asked(&mut Client::open(&server.address)?, "/")))
            .collect::<Result<_>>()?;
        let of = |share: f64| quantile(&times, share).context("nothing was measured");
        println!(
            "| {count} | {opened:.1} | {:.2} | {:.2} | {:.0} |",
            of(0.5)?,
            of(0.99)?,
            server.memory_mib()
        );
    }
    while held.len() < 10_001 {
        held.push(TcpStream::connect(&server.address)?);
    }
    let waited = timed(|| asked(&mut Client::open(&server.address)?, "/"))? / 1000.0;
    println!(
        "\nWith {} of them, more than there are places for, the next one is answered after {waited:.1} s: a connection that \
         says nothing for 15 s is closed.",
        held.len()
    );
    std::thread::sleep(Duration::from_secs(17));
    let memory = server.memory_mib();
    println!("Half a minute later all of them are closed by the server, which then holds {memory:.0} MiB.");
    Ok(())
}
