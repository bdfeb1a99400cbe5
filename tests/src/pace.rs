//! A stand-in for llama-server that answers at a given speed, counts words as tokens, and can fail on demand.
//!
//! For what no real engine here can show: a fast card's pace, a crash at the right moment, sixteen steady streams.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// What goes wrong when a prompt of a given length comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Status 500.
    Refuse,
    /// The connection is closed in the middle of the answer.
    Cut,
    /// A chunk that is no JSON.
    Malformed,
    /// Nothing comes any more, and the connection stays open.
    Hang,
    /// An error inside the stream.
    Error,
    /// The request is taken, and not a byte comes.
    Deaf,
    /// The whole program ends in the middle of the answer: for the stand-in that is one.
    Exit,
}

impl Fault {
    /// All in which the server stays and says something.
    pub const ALL: [Fault; 5] = [Fault::Refuse, Fault::Cut, Fault::Malformed, Fault::Hang, Fault::Error];
}

/// How the server answers.
#[derive(Clone, Debug)]
pub struct Pace {
    /// New prompt tokens a second, one prompt after the other.
    pub prefill_tps: f64,
    /// Tokens a second of each stream.
    pub decode_tps: f64,
    /// Streams at once.
    pub slots: u32,
    /// Context of each, in tokens.
    pub context_tokens: u32,
    /// What happens to prompts of at least so many tokens and fewer than twice as many.
    pub fault: Option<(u32, Fault)>,
    /// Answers that are worked on at once, whatever `slots` says; the others wait.
    pub at_once: u32,
    /// What it calls its model.
    pub model: String,
    /// What it says when it refuses or breaks off.
    pub words: String,
    /// Chunks a write holds, where they come as fast as the socket takes them.
    pub chunks_a_write: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            prefill_tps: 20_000.0,
            decode_tps: 500.0,
            slots: 16,
            context_tokens: 262_144,
            fault: None,
            at_once: u32::MAX,
            model: "llama-3.1-8b".to_owned(),
            words: "out of memory".to_owned(),
            chunks_a_write: 1,
        }
    }
}

/// What all connections share.
struct Shared {
    pace: Pace,
    /// One prompt is read at a time.
    prefill: Mutex<()>,
    /// Answers that are worked on, and a bell for those that wait.
    working: (Mutex<u32>, Condvar),
    /// The words that each conversation last held, by its first ones.
    cache: Mutex<HashMap<String, usize>>,
    /// Answers whose tokens are being sent.
    running: AtomicU32,
    /// Chunks with a token, of all answers so far.
    chunks: AtomicU64,
}

/// One of the answers that are worked on; the next one may begin when it is dropped.
struct Working<'a>(&'a (Mutex<u32>, Condvar));

impl<'a> Working<'a> {
    fn of(working: &'a (Mutex<u32>, Condvar), at_once: u32) -> Self {
        let count = working.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = working.1.wait_while(count, |count| *count >= at_once);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Working(working)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.1.notify_one();
    }
}

/// Counts an answer among those that run, for as long as it lives.
struct Streaming<'a>(&'a AtomicU32);

impl<'a> Streaming<'a> {
    fn of(running: &'a AtomicU32) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Streaming(running)
    }
}

impl Drop for Streaming<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A running server; it lives as long as the process.
pub struct Server {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
}

impl Server {
    /// On a free port.
    pub fn start(pace: Pace) -> Result<Server> {
        Server::listen(pace, 0)
    }

    /// On a given port; 0 is any free one.
    pub fn listen(pace: Pace, port: u16) -> Result<Server> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            pace,
            prefill: Mutex::new(()),
            working: (Mutex::new(0), Condvar::new()),
            cache: Mutex::default(),
            running: AtomicU32::new(0),
            chunks: AtomicU64::new(0),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that hangs up ends its own connection only.
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Ok(Server { url })
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut bytes = Vec::new();
        while let Some((line, body)) = read_request(&mut stream, &mut bytes)? {
            self.answer(&mut stream, &line, &body)?;
        }
        Ok(())
    }

    fn answer(&self, stream: &mut TcpStream, line: &str, body: &Value) -> Result<()> {
        let pace = &self.pace;
        match line {
            "GET /props" => send_json(
                stream,
                &json!({"default_generation_settings": {"n_ctx": pace.context_tokens}, "total_slots": pace.slots,
                    "model_alias": "stand-in", "model_ftype": "Q4_K - Medium", "model_path": "", "build_info": "b0-pace"}),
            ),
            "GET /health" => send_json(stream, &json!({"status": "ok"})),
            // Our own: whoever measures a client sees from here when it has work.
            "GET /streams" => send_json(
                stream,
                &json!({"running": self.running.load(Ordering::Relaxed), "chunks": self.chunks.load(Ordering::Relaxed)}),
            ),
            "GET /v1/models" => {
                send_json(stream, &json!({"data": [{"id": pace.model, "meta": {"n_ctx_train": 131_072}}]}))
            }
            "POST /tokenize" => {
                let count = words(body["content"].as_str().unwrap_or(""));
                send_json(stream, &json!({"tokens": vec![1; count]}))
            }
            "POST /completion" => {
                let prompt = body["prompt"].as_str().unwrap_or("");
                let wanted = body["n_predict"].as_u64().unwrap_or(1);
                self.generate(stream, words(prompt), 0, wanted, false)
            }
            "POST /v1/chat/completions" => {
                let messages = body["messages"].as_array().cloned().unwrap_or_default();
                let text = |message: &Value| message["content"].as_str().unwrap_or("").to_owned();
                let all: usize = messages.iter().map(|message| words(&text(message)) + 4).sum();
                let key = messages.first().map(text).unwrap_or_default();
                let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
                let cached = cache.insert(key, all).unwrap_or(0).min(all);
                drop(cache);
                self.generate(stream, all, cached, body["max_tokens"].as_u64().unwrap_or(1), true)
            }
            "POST /v1/completions" => {
                let prompt = body["prompt"].as_str().unwrap_or("");
                self.generate(stream, words(prompt), 0, body["max_tokens"].as_u64().unwrap_or(1), true)
            }
            _ => send(stream, 404, "application/json", b"{\"error\":\"no such route\"}"),
        }
    }

    fn generate(
        &self,
        stream: &mut TcpStream,
        prompt: usize,
        cached: usize,
        wanted: u64,
        openai: bool,
    ) -> Result<()> {
        let pace = &self.pace;
        let fault = pace
            .fault
            .filter(|(from, _)| (*from as usize..2 * *from as usize).contains(&prompt))
            .map(|(_, fault)| fault);
        if fault == Some(Fault::Refuse) {
            let error = json!({"error": {"message": pace.words}});
            return send(stream, 500, "application/json", error.to_string().as_bytes());
        }
        if fault == Some(Fault::Deaf) {
            std::thread::sleep(Duration::from_secs(600));
            bail!("deaf");
        }
        let _working = Working::of(&self.working, pace.at_once);
        let begun = Instant::now();
        {
            let _alone = self.prefill.lock().unwrap_or_else(PoisonError::into_inner);
            sleep_until(Instant::now() + seconds((prompt - cached) as f64 / pace.prefill_tps));
        }
        let prompt_ms = begun.elapsed().as_secs_f64() * 1000.0;
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )?;
        let chunk = if openai {
            r#"{"choices":[{"index":0,"text":" word","delta":{"content":" word"},"finish_reason":null}]}"#
        } else {
            r#"{"content":" word","tokens":[7],"stop":false}"#
        };
        let _running = Streaming::of(&self.running);
        let first = Instant::now();
        let piece = piece(chunk);
        let mut made = 0;
        while made < wanted {
            if made > 2 {
                match fault {
                    Some(Fault::Cut) => bail!("cut"),
                    Some(Fault::Hang) => {
                        std::thread::sleep(Duration::from_secs(600));
                        bail!("hung");
                    }
                    Some(Fault::Malformed) => stream.write_all(self::piece("{\"content\": ").as_bytes())?,
                    Some(Fault::Error) => {
                        let error = json!({"error": {"code": 500, "message": pace.words}}).to_string();
                        stream.write_all(self::piece(&error).as_bytes())?;
                    }
                    Some(Fault::Exit) => {
                        eprintln!("fatal: {}", pace.words);
                        std::process::exit(70);
                    }
                    Some(Fault::Refuse | Fault::Deaf) | None => {}
                }
            }
            let now = u64::from(pace.chunks_a_write).min(wanted - made);
            stream.write_all(piece.repeat(now as usize).as_bytes())?;
            made += now;
            self.chunks.fetch_add(now, Ordering::Relaxed);
            if pace.decode_tps.is_finite() {
                sleep_until(first + seconds(made as f64 / pace.decode_tps));
            }
        }
        let decode_ms = first.elapsed().as_secs_f64() * 1000.0;
        let per_second = (wanted as f64 - 1.0).max(0.0) / decode_ms * 1000.0;
        let timings = json!({"cache_n": cached, "prompt_n": prompt - cached, "prompt_ms": prompt_ms,
            "predicted_n": wanted, "predicted_ms": decode_ms, "predicted_per_second": per_second});
        let end = if openai {
            let usage = json!({"model": pace.model, "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}], "timings": timings,
                "usage": {"prompt_tokens": prompt, "completion_tokens": wanted}});
            format!("{}{}", self::piece(&usage.to_string()), self::piece("[DONE]"))
        } else {
            let last = json!({"content": "", "stop": true, "tokens_predicted": wanted, "tokens_evaluated": prompt,
                "truncated": false, "timings": timings});
            self::piece(&last.to_string())
        };
        stream.write_all(end.as_bytes())?;
        stream.write_all(b"0\r\n\r\n")?;
        Ok(())
    }
}

fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count.clamp(0.0, 3600.0))
}

fn sleep_until(moment: Instant) {
    let left = moment.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

/// Words and full stops, and one token to begin with.
fn words(text: &str) -> usize {
    1 + text.split_whitespace().count() + text.matches('.').count()
}

/// One event as one chunk of the transfer.
fn piece(data: &str) -> String {
    format!("{:x}\r\ndata: {data}\n\n\r\n", data.len() + 8)
}

fn send_json(stream: &mut TcpStream, value: &Value) -> Result<()> {
    send(stream, 200, "application/json", value.to_string().as_bytes())
}

fn send(stream: &mut TcpStream, status: u16, kind: &str, body: &[u8]) -> Result<()> {
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    Ok(stream.write_all(body)?)
}

/// The next request's first line and JSON body; none when the client has hung up.
fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<Option<(String, Value)>> {
    loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length =
                |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
            let length: usize = head.lines().find_map(length).unwrap_or(0);
            if bytes.len() >= at + 4 + length {
                let body = serde_json::from_slice(&bytes[at + 4..at + 4 + length]).unwrap_or(Value::Null);
                bytes.drain(..at + 4 + length);
                let line = head.lines().next().context("a first line")?;
                return Ok(Some((line.trim_end_matches(" HTTP/1.1").to_owned(), body)));
            }
        }
        let mut buffer = [0; 65_536];
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
