//! The server's program as a process of its own, and clients that it may be taken away from at any moment.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use data::digest::{digest, unhex32};
use data::merkle::{Edge, leaf};
use data::submission::{Receipt, Submission};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sample;

/// A running program; killed when it is dropped.
pub struct Program {
    child: Child,
    /// Host and port.
    pub address: String,
}

/// Where a program keeps its results.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub dir: &'a Path,
    pub url: Option<&'a str>,
}

/// So many submissions that no limit is met.
pub const UNLIMITED: [&str; 4] = ["--submissions-per-hour", "100000000", "--work", "1"];

impl Program {
    pub fn start(place: Place<'_>, more: &[&str]) -> Program {
        Program::start_by(Command::new(env!("CARGO_BIN_EXE_llm-speed-server")), place, more)
    }

    /// By another command, which runs the program in the end.
    pub fn start_by(mut command: Command, place: Place<'_>, more: &[&str]) -> Program {
        command.args(["--addr", "127.0.0.1:0", "--data-dir"]).arg(place.dir).args(more);
        if let Some(url) = place.url {
            command.args(["--database-url", url]);
        }
        if command.get_envs().all(|(name, _)| name != "LLM_SPEED_LOG") {
            command.env("LLM_SPEED_LOG", "off");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").expect("an address").1;
        Program { address: address.trim_end_matches('/').to_owned(), child }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing is flushed, nothing said.
    pub fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One request; status, head and body, or none where the server went away.
pub async fn ask(address: &str, head: &str, body: &str) -> Option<(u16, Vec<u8>)> {
    exchange(address, head, body).await.map(|(status, _, body)| (status, body))
}

/// The same with the answer's head.
pub async fn exchange(address: &str, head: &str, body: &str) -> Option<(u16, String, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "{head} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head, answer[end + 4..].to_vec()))
}

/// A run of machine `who` like no other of its number.
pub fn run(who: u8, number: u32) -> Submission {
    let mut run = sample::run(who, sample::estimated("rtx-3090"));
    run.backend.version = format!("b{number}");
    run
}

/// Work that was done for these bytes; none where the server gave no challenge.
pub async fn work(address: &str, bytes: &[u8]) -> Option<altcha::Payload> {
    let (status, challenge) =
        ask(address, &format!("GET /api/v1/challenge?digest={}", digest(bytes)), "").await?;
    let challenge: altcha::Challenge =
        (status == 200).then(|| serde_json::from_slice(&challenge).ok()).flatten()?;
    let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge)).ok()??;
    Some(altcha::Payload { challenge, solution })
}

/// A run with its work, ready to be sent to any server of the site.
pub async fn prepared(address: &str, who: u8, run: &Submission) -> Option<String> {
    let pow = work(address, &serde_json::to_vec(run).unwrap()).await?;
    Some(json!({ "envelope": sample::sealed(who, run), "pow": pow }).to_string())
}

/// Submits run number `number` of machine `who`: status and answer, or none where the server went away.
pub async fn submit(address: &str, who: u8, number: u32) -> Option<(u16, Vec<u8>)> {
    let body = prepared(address, who, &run(who, number)).await?;
    ask(address, "POST /api/v1/runs", &body).await
}

/// An answer as the receipt that it must be.
pub fn receipt(answer: &[u8]) -> Receipt {
    serde_json::from_slice(answer).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(answer)))
}

/// An answer as the JSON that it must be.
pub fn problem(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(answer)))
}

/// Every acknowledged run is there once, where its receipt says, and the signed log is the tree over what is stored; how
/// many are stored.
pub async fn all_is_there(
    address: &str,
    place: Place<'_>,
    acknowledged: impl IntoIterator<Item = &Receipt>,
) -> u64 {
    let (_, dump) = ask(address, "GET /dump/results.jsonl", "").await.unwrap();
    let dump = String::from_utf8_lossy(&dump).into_owned();
    for receipt in acknowledged {
        let id = receipt.id.as_deref().unwrap();
        assert_eq!(dump.matches(&format!("\"run\":\"{id}\"")).count(), 1, "{id} is there once");
        let (status, result) = ask(address, &format!("GET /api/v1/results/{id}"), "").await.unwrap();
        let result: Value = serde_json::from_slice(&result).unwrap();
        assert_eq!((status, &result["digest"]), (200, &json!(receipt.digest)));
        assert_eq!(result["log_index"], json!(receipt.log_index));
    }
    let (_, note) = ask(address, "GET /log/checkpoint", "").await.unwrap();
    let (_, key) = ask(address, "GET /log/key", "").await.unwrap();
    let store = match place.url {
        Some(url) => server::store::Store::open_url(url).await.unwrap(),
        None => server::store::Store::open(place.dir).await.unwrap(),
    };
    let (mut edge, mut next) = (Edge::default(), 0);
    loop {
        let page = store.results_from(next, 500).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        next = last.log_index + 1;
        for (run, _) in &page {
            assert_eq!(run.log_index, edge.size, "no hole");
            edge.append(leaf(&unhex32(&run.digest).unwrap()));
        }
    }
    store.close().await;
    let key = unhex32(std::str::from_utf8(&key).unwrap().trim()).unwrap();
    let checkpoint = data::checkpoint::Checkpoint::verify(std::str::from_utf8(&note).unwrap(), &key).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (edge.size, edge.root()));
    edge.size
}
