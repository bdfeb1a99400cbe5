//! The process is killed in the middle of a burst, again and again: what was acknowledged is there, once, and the log
//! holds it where its receipt says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data::digest::{digest, unhex32};
use data::merkle::{Edge, leaf};
use data::submission::Receipt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sample;

/// Rounds; `cargo xtask bench server` asks for more.
const ROUNDS: &str = "LLM_SPEED_KILL_ROUNDS";
/// Clients at once.
const CLIENTS: u32 = 6;

struct Server {
    child: Child,
    address: String,
}

fn start(dir: &std::path::Path) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_llm-speed-server"))
        .args(["--addr", "127.0.0.1:0", "--submissions-per-hour", "100000000", "--work", "1", "--data-dir"])
        .arg(dir)
        .env("LLM_SPEED_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit_once("http://").expect("an address").1.trim_end_matches('/').to_owned();
    Server { child, address }
}

/// One request; none where the server went away.
async fn ask(address: &str, head: &str, body: &str) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "{head} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}

/// Submits run number `number` of machine `who`; its receipt where it was acknowledged.
async fn submit(address: &str, who: u8, number: u32) -> Option<Receipt> {
    let mut run = sample::run(who, sample::estimated("rtx-3090"));
    run.backend.version = format!("b{number}");
    let payload = serde_json::to_vec(&run).unwrap();
    let (_, challenge) =
        ask(address, &format!("GET /api/v1/challenge?digest={}", digest(&payload)), "").await?;
    let challenge: altcha::Challenge = serde_json::from_slice(&challenge).ok()?;
    let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge)).ok()??;
    let pow = altcha::Payload { challenge, solution };
    let body = json!({ "envelope": sample::sealed(who, &run), "pow": pow }).to_string();
    let (status, answer) = ask(address, "POST /api/v1/runs", &body).await?;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    serde_json::from_slice(&answer).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_run_survives_a_kill() {
    let rounds: u32 = std::env::var(ROUNDS).ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let dir = tempfile::tempdir().unwrap();
    let acknowledged: Arc<Mutex<BTreeMap<u64, Receipt>>> = Arc::default();
    let number = Arc::new(AtomicU32::new(0));
    for round in 0..rounds {
        let mut server = start(dir.path());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (address, acknowledged, number) =
                    (server.address.clone(), acknowledged.clone(), number.clone());
                tokio::spawn(async move {
                    while let Some(receipt) =
                        submit(&address, client as u8, number.fetch_add(1, Ordering::Relaxed)).await
                    {
                        let place = receipt.log_index.unwrap();
                        let before = acknowledged.lock().unwrap().insert(place, receipt);
                        assert!(before.is_none(), "a place twice: {before:?}");
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(400 + u64::from(round % 7) * 37)).await;
        // SIGKILL: nothing is flushed, nothing said.
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        for client in clients {
            client.await.unwrap();
        }
    }

    let mut server = start(dir.path());
    let (_, dump) = ask(&server.address, "GET /dump/results.jsonl", "").await.unwrap();
    let dump = String::from_utf8_lossy(&dump).into_owned();
    let (_, note) = ask(&server.address, "GET /log/checkpoint", "").await.unwrap();
    let (_, key) = ask(&server.address, "GET /log/key", "").await.unwrap();
    let mut edge = Edge::default();
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() as u32 >= rounds, "a burst of {} in {rounds} rounds", acknowledged.len());
    for receipt in acknowledged.values() {
        let id = receipt.id.as_deref().unwrap();
        assert_eq!(dump.matches(&format!("\"run\":\"{id}\"")).count(), 1, "{id} is there once");
        let (status, result) = ask(&server.address, &format!("GET /api/v1/results/{id}"), "").await.unwrap();
        let result: Value = serde_json::from_slice(&result).unwrap();
        assert_eq!((status, &result["digest"]), (200, &json!(receipt.digest)));
        assert_eq!(result["log_index"], json!(receipt.log_index));
    }
    // The tree over what is stored, acknowledged or not, is the one that is signed.
    let store = server::store::Store::open(dir.path()).await.unwrap();
    let mut next = 0;
    loop {
        let page = store.results_from(next, 500).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        next = last.log_index + 1;
        for (run, _) in &page {
            assert_eq!(run.log_index, edge.size, "no hole");
            edge.append(leaf(&unhex32(&run.digest).unwrap()));
        }
    }
    let key = unhex32(std::str::from_utf8(&key).unwrap().trim()).unwrap();
    let checkpoint = data::checkpoint::Checkpoint::verify(std::str::from_utf8(&note).unwrap(), &key).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (edge.size, edge.root()));
    println!("{} acknowledged in {rounds} rounds, {} stored", acknowledged.len(), edge.size);
    store.close().await;
    server.child.kill().unwrap();
    server.child.wait().unwrap();
}
