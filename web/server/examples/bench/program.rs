//! The server's program, and clients of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use data::digest::digest;

use crate::sample;

/// The server's program, a process of its own; ended when it is dropped.
pub struct Server {
    child: Child,
    /// Host and port.
    pub address: String,
}

impl Server {
    /// On the database in a folder, or on a PostgreSQL database.
    pub fn start(folder: &Path, url: Option<&str>) -> Result<Server> {
        let own = std::env::current_exe()?;
        let program =
            own.ancestors().nth(2).map(|folder| folder.join("llm-speed-server")).unwrap_or_default();
        let mut command = Command::new(&program);
        let flags = ["--addr", "127.0.0.1:0", "--submissions-per-hour", "1000000000", "--work", "1"];
        command.args(flags).arg("--data-dir").arg(folder);
        if let Some(url) = url {
            command.args(["--database-url", url]);
        }
        let mut child = command
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

    /// Memory that it holds, in MiB; 0 where the system does not tell.
    pub fn memory_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
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
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    pub fn open(address: &str) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// One request: status and body, compressed where the server compresses it.
    pub fn ask(&mut self, head: &str, body: &str) -> Result<(u16, Vec<u8>)> {
        self.ask_as("br", head, body)
    }

    /// The same in an encoding that is named.
    pub fn ask_as(&mut self, encoding: &str, head: &str, body: &str) -> Result<(u16, Vec<u8>)> {
        let request = format!(
            "{head} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {encoding}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
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
pub fn prepared(client: &mut Client, number: usize, speed: f64) -> Result<String> {
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
