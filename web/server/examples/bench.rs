//! What the server reaches, beside what the same machine reaches without it. `cargo xtask bench server` runs it.
//!
//! 1. Signed submissions a second, durable, over loopback, against a bare loop of the same inserts on the same kind of file.
//! 2. `GET /` and `GET /api/v1/medians` at 500 requests a second, with a thousand and with a million stored runs.

#[allow(dead_code, reason = "tests want more of it")]
#[path = "../tests/support/sample.rs"]
mod sample;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data::digest::digest;
use server::store::{FILE_NAME, Store};
use sqlx::{AnyPool, AssertSqlSafe};

/// Submissions that are timed.
const SUBMISSIONS: usize = 3000;
/// Clients at once.
const CLIENTS: usize = 48;
/// Requests a second.
const RATE: f64 = 500.0;
/// Seconds of load.
const LOAD_S: f64 = 10.0;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let dir = tempfile::tempdir()?;
    let bare = runtime.block_on(bare_loop(&dir.path().join("bare")))?;
    println!("bare loop of the same inserts: {bare:.0} runs/s");
    let reached = submissions(&dir.path().join("submissions"))?;
    println!("accepted signed submissions:   {reached:.0} runs/s ({:.2} of the bare loop)", reached / bare);
    let mut before: Option<[f64; 2]> = None;
    for runs in [1_000_u64, 1_000_000] {
        let folder = dir.path().join(format!("runs{runs}"));
        let begun = Instant::now();
        runtime.block_on(fill(&folder, runs))?;
        println!("{runs} runs stored in {:.0} s", begun.elapsed().as_secs_f64());
        let server = Server::start(&folder)?;
        let found = ["/", "/api/v1/medians"].map(|path| load(&server.address, path));
        for (number, (path, p99)) in ["/", "/api/v1/medians"].iter().zip(&found).enumerate() {
            let p99 = p99.as_ref().map_err(|error| anyhow::anyhow!("{path}: {error}"))?;
            let ratio = before.map(|before| format!(", {:.2} times that with 1000", p99 / before[number]));
            println!("  GET {path} at {RATE} a second: p99 {p99:.2} ms{}", ratio.unwrap_or_default());
        }
        before = before.or_else(|| Some([*found[0].as_ref().ok()?, *found[1].as_ref().ok()?]));
    }
    Ok(())
}

/// The server's program, a process of its own.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Server> {
        let own = std::env::current_exe()?;
        let program =
            own.ancestors().nth(2).map(|folder| folder.join("llm-speed-server")).unwrap_or_default();
        let mut child = Command::new(&program)
            .args([
                "--addr",
                "127.0.0.1:0",
                "--submissions-per-hour",
                "1000000000",
                "--work",
                "1",
                "--data-dir",
            ])
            .arg(folder)
            .env("LLM_SPEED_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut line)?;
        let address =
            line.trim().rsplit_once("http://").context("no address")?.1.trim_end_matches('/').to_owned();
        Ok(Server { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and its folder goes with us.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that lives on.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn open(address: &str) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    fn ask(&mut self, head: &str, body: &str) -> Result<(u16, Vec<u8>)> {
        let request = format!(
            "{head} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: br\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server closed");
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).context("a status")?.parse()?;
            } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            } else if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok((status, answer))
    }
}

/// A signed run with its proof of work, ready to be sent.
fn prepared(client: &mut Client, number: usize, speed: f64) -> Result<String> {
    // Few machines: their runs share cells, which is what makes a cell costly.
    let who = (number % 50) as u8;
    let mut run = sample::run(who, speed);
    run.backend.version = format!("b{number}");
    let payload = serde_json::to_vec(&run)?;
    let name = digest(&payload);
    let stream = client.stream.get_mut();
    // Plain, since this client unpacks nothing.
    stream.write_all(
        format!("GET /api/v1/challenge?digest={name} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes(),
    )?;
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        client.stream.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut answer = vec![0; length];
    client.stream.read_exact(&mut answer)?;
    let challenge: altcha::Challenge = serde_json::from_slice(&answer)?;
    let solved = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge));
    let solution = solved.ok().flatten().context("not solved")?;
    let pow = altcha::Payload { challenge, solution };
    Ok(serde_json::json!({ "envelope": sample::sealed(who, &run), "pow": pow }).to_string())
}

/// Accepted submissions a second.
fn submissions(folder: &Path) -> Result<f64> {
    let server = Server::start(folder)?;
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

/// The same rows, one transaction a run, with no server and no decision.
async fn bare_loop(folder: &Path) -> Result<f64> {
    let pool = opened(folder).await?;
    let run = sample::run(1, 100.0);
    let payload = serde_json::to_vec(&run)?;
    let begun = Instant::now();
    for number in 0..SUBMISSIONS {
        let mut line = pool.begin_with("BEGIN IMMEDIATE").await?;
        let (id, name) = (format!("run{number}"), format!("{number:064x}"));
        let statements: [(&'static str, usize); 8] = [
            ("INSERT INTO payload (digest, bytes, signatures) VALUES ($2, $3, '')", 3),
            (
                "INSERT INTO run VALUES ($1, $2, $4, 'run', 'signed', 1, '2026-11-22', 'suite-v1', '', 'v', 'rtx-3090', 1, 24.0, NULL, 'llama-3.1-8b', 'q4_k_m', 1, '', 'llama.cpp', 'b', 'cuda', 0, '')",
                4,
            ),
            (
                "INSERT INTO metric VALUES ($1, 0, 'c', 'v', 1, 'W1', 128, 0, 256, 1, 100.0, NULL, NULL, 100.0, '')",
                1,
            ),
            ("INSERT INTO event VALUES ($1, 0, 1, 'accepted', 'server', -1, '', '')", 1),
            ("INSERT INTO event VALUES ($1, 1, 1, 'remark', 'server', -1, 'file_unverified', '')", 1),
            ("INSERT INTO standing VALUES ($1, 'accepted', 0, 2)", 1),
            ("INSERT INTO nonce VALUES ($1, 1)", 1),
            ("INSERT INTO log_node VALUES (0, $4, $3)", 4),
        ];
        for (statement, _) in statements {
            sqlx::query(statement)
                .bind(&id)
                .bind(&name)
                .bind(&payload[..])
                .bind(number as i64)
                .execute(&mut *line)
                .await?;
        }
        line.commit().await?;
    }
    let reached = SUBMISSIONS as f64 / begun.elapsed().as_secs_f64();
    pool.close().await;
    Ok(reached)
}

/// A database of ours, and a pool on it with the same settings.
async fn opened(folder: &Path) -> Result<AnyPool> {
    let store = Store::open(folder).await?;
    store.close().await;
    let path: PathBuf = folder.join(FILE_NAME);
    let pool = sqlx::any::AnyPoolOptions::new()
        .max_connections(1)
        .connect(&format!("sqlite://{}", path.display()))
        .await?;
    for pragma in ["journal_mode = WAL", "synchronous = FULL", "recursive_triggers = ON"] {
        sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_all(&pool).await?;
    }
    Ok(pool)
}

/// Stores so many runs, fifty to a cell, by the database's own arithmetic.
async fn fill(folder: &Path, runs: u64) -> Result<()> {
    let pool = opened(folder).await?;
    let engine = data::Engine::embedded();
    let (devices, models) = (engine.catalog.devices(), engine.catalog.models());
    let cells = (runs / 50).max(1);
    let mut line = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "CREATE TEMP TABLE wanted (number INTEGER PRIMARY KEY, device TEXT, model TEXT, depth INTEGER)",
    )
    .execute(&mut *line)
    .await?;
    for number in 0..cells {
        let device = &devices[number as usize % devices.len()].id;
        let model = &models[(number as usize / devices.len()) % models.len()].id;
        sqlx::query("INSERT INTO wanted VALUES ($1, $2, $3, 2048)")
            .bind(number as i64)
            .bind(device)
            .bind(model)
            .execute(&mut *line)
            .await?;
    }
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {})", runs - 1);
    let cell = "w.device || '|' || w.model || '|q4_k_m|llama.cpp|2048|1'";
    for statement in [
        format!(
            "INSERT INTO run {numbers} SELECT 'run' || i, printf('%064x', i), i, 'run', 'signed', 1, '2026-11-22', 'suite-v1', '', 'v' || i, w.device, 1, 24.0, NULL, w.model, 'q4_k_m', 1, '', 'llama.cpp', 'b', 'cuda', 0, '' FROM n JOIN wanted AS w ON w.number = n.i % {cells}"
        ),
        format!(
            "INSERT INTO metric {numbers} SELECT 'run' || i, 0, {cell}, 'v' || i, 1, 'W1', 128, 0, 256, 1, 50.0 + i % 7, NULL, NULL, 50.0, '' FROM n JOIN wanted AS w ON w.number = n.i % {cells}"
        ),
        format!(
            "INSERT INTO event {numbers} SELECT 'run' || i, 0, 1, 'accepted', 'server', -1, '', '' FROM n"
        ),
        format!("INSERT INTO standing {numbers} SELECT 'run' || i, 'accepted', 0, 1 FROM n"),
        format!(
            "INSERT INTO vote {numbers} SELECT {cell}, 'v' || i, 1, 1, 50.0 + i % 7, NULL FROM n JOIN wanted AS w ON w.number = n.i % {cells}"
        ),
        format!(
            "INSERT INTO cell SELECT {cell}, w.device, w.model, 'q4_k_m', 'llama.cpp', 2048, 1, 0, 50, 50, 53.0, 50.0, 56.0, NULL, 0 FROM wanted AS w WHERE true ON CONFLICT DO NOTHING"
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *line).await?;
    }
    line.commit().await?;
    pool.close().await;
    Ok(())
}

/// The 99th percentile of an address's answers in milliseconds, from the moment at which each was due.
fn load(address: &str, path: &'static str) -> Result<f64> {
    Client::open(address)?.ask(&format!("GET {path}"), "")?;
    // The first answer made what is kept; give it a moment to be read anew.
    std::thread::sleep(Duration::from_secs(2));
    let count = (RATE * LOAD_S) as usize;
    let begun = Instant::now() + Duration::from_millis(100);
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (next, address) = (next.clone(), address.to_owned());
            std::thread::spawn(move || -> Result<Vec<f64>> {
                let mut client = Client::open(&address)?;
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok(times);
                    }
                    let due = begun + Duration::from_secs_f64(number as f64 / RATE);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let (status, _) = client.ask(&format!("GET {path}"), "")?;
                    ensure!(status == 200, "{status}");
                    times.push(due.elapsed().as_secs_f64() * 1000.0);
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
    }
    data::timings::quantile(&times, 0.99).context("no answers")
}
