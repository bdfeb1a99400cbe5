//! A server that plays scripts: replies in pieces, with delays, and every way a runtime can fail.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Proper,
    /// The connection is closed in the middle.
    Cut,
    /// Nothing comes any more, and the connection stays open.
    Hang,
}

/// One reply.
#[derive(Clone, Debug)]
pub struct Script {
    pub status: u16,
    pub content_type: &'static str,
    /// Milliseconds after the one before, and the bytes.
    pub pieces: Vec<(u64, Vec<u8>)>,
    pub end: End,
    /// Bytes that go out in one write at most; what a network makes of a stream.
    pub write_size: usize,
}

impl Script {
    pub fn json(text: &str) -> Script {
        Script {
            status: 200,
            content_type: "application/json",
            pieces: vec![(0, text.as_bytes().to_vec())],
            end: End::Proper,
            write_size: usize::MAX,
        }
    }

    pub fn status(status: u16, text: &str) -> Script {
        Script { status, ..Script::json(text) }
    }

    /// Server-sent events, so many milliseconds apart.
    pub fn events(step_ms: u64, events: &[&str]) -> Script {
        let pieces =
            events.iter().map(|event| (step_ms, format!("data: {event}\n\n").into_bytes())).collect();
        Script { content_type: "text/event-stream", pieces, ..Script::json("") }
    }

    /// JSON lines, so many milliseconds apart.
    pub fn lines(step_ms: u64, lines: &[String]) -> Script {
        let pieces = lines.iter().map(|line| (step_ms, format!("{line}\n").into_bytes())).collect();
        Script { content_type: "application/x-ndjson", pieces, ..Script::json("") }
    }

    /// A recording from `tests/wire`, `speed` times as fast as it was.
    pub fn recording(text: &str, speed: f64) -> Script {
        let mut pieces = Vec::new();
        let mut before = 0.0;
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (seconds, rest) = line.trim_start().split_once("  ").expect("a time, then a line");
            let seconds: f64 = seconds.parse().expect("a time in seconds");
            let wait_ms = ((seconds - before) / speed * 1000.0) as u64;
            before = seconds;
            pieces.push((wait_ms, format!("{rest}\n\n").into_bytes()));
        }
        Script { content_type: "text/event-stream", pieces, ..Script::json("") }
    }

    pub fn ending(self, end: End) -> Script {
        Script { end, ..self }
    }

    pub fn in_writes_of(self, write_size: usize) -> Script {
        Script { write_size, ..self }
    }
}

/// What was asked: `POST /completion`, and the body.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: String,
    pub body: String,
}

/// A running server; it lives as long as the test's process.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each request with what `play` makes of it.
    pub fn start(play: impl Fn(&Asked) -> Script + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, play) = (Arc::clone(&asked), Arc::new(play));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, play) = (Arc::clone(&log), Arc::clone(&play));
                std::thread::spawn(move || serve(stream, &log, &*play));
            }
        });
        Server { url, asked }
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, play: &dyn Fn(&Asked) -> Script) {
    stream.set_nodelay(true).unwrap();
    let mut bytes = Vec::new();
    while let Some(asked) = read_request(&mut stream, &mut bytes) {
        log.lock().unwrap().push(asked.clone());
        let script = play(&asked);
        if write_reply(&mut stream, &script).is_err() || script.end == End::Cut {
            return;
        }
        if script.end == End::Hang {
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                })
                .unwrap_or(0);
            if bytes.len() >= at + 4 + length {
                let body = String::from_utf8_lossy(&bytes[at + 4..at + 4 + length]).into_owned();
                bytes.drain(..at + 4 + length);
                let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
                return Some(Asked { line, headers: head, body });
            }
        }
        let mut buffer = [0; 65536];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn write_reply(stream: &mut TcpStream, script: &Script) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {} X\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        script.status, script.content_type
    )?;
    for (wait_ms, bytes) in &script.pieces {
        if *wait_ms > 0 {
            std::thread::sleep(Duration::from_millis(*wait_ms));
        }
        let mut wire = format!("{:x}\r\n", bytes.len()).into_bytes();
        wire.extend_from_slice(bytes);
        wire.extend_from_slice(b"\r\n");
        for part in wire.chunks(script.write_size.max(1)) {
            stream.write_all(part)?;
            stream.flush()?;
            if script.write_size < usize::MAX {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    }
    if script.end == End::Proper {
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()
}
