//! What this program itself can take in: measured against a server of its own that answers at once.
//!
//! A result near the ceiling says nothing about the runtime, and is refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use data::submission::Calibration;
use data::timings::quantile;

use crate::driver::{DriverError, Prompt, Request};
use crate::http::{Connection, Timeouts, Url};
use crate::wire::openai::{self, Dialect};

/// Chunks of the long reply.
const CHUNKS: u32 = 20_000;
/// Short replies for the latency.
const SHORT: usize = 8;

/// Measures latency and ceiling; about a tenth of a second.
///
/// # Errors
/// When no local connection can be made.
pub fn measure() -> Result<Calibration, DriverError> {
    let failed = |error: std::io::Error| DriverError::NotStarted(format!("no local server: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let url = Url::parse(&format!("http://{}", listener.local_addr().map_err(failed)?))?;
    std::thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            // When we hang up, it ends with an error that nobody needs.
            let _ = serve(stream);
        }
    });
    let mut connection = Connection::new(url, Vec::new(), Timeouts::QUICK);
    let mut dialect = Dialect::LOCAL;
    let mut ask = |output_tokens| {
        let prompt = Prompt::Text(String::new());
        let request = Request { prompt, output_tokens, reuse_cache: false, no_reasoning: false, until: None };
        openai::run(&mut connection, &mut dialect, "null", &request)
    };
    let mut latencies = Vec::new();
    for _ in 0..SHORT {
        latencies.extend(ask(1)?.timings.ttft_ms());
    }
    let long = ask(CHUNKS)?.timings;
    Ok(Calibration {
        latency_ms: quantile(&latencies, 0.5).unwrap_or(0.0),
        ceiling_tps: long.decode_tps().map_or(0.0, f64::round),
    })
}

/// Answers each request with as many chunks as it asks for, as fast as the socket takes them.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    const CHUNK: &str = "data: {\"id\":\"cmpl-0\",\"object\":\"text_completion\",\"created\":1,\"model\":\"null\",\
        \"choices\":[{\"index\":0,\"text\":\" word\",\"finish_reason\":null}]}\n\n";
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        let Ok(body) = serde_json::from_str::<serde_json::Value>(body) else { continue };
        let wanted = body.get("max_tokens").and_then(serde_json::Value::as_u64).unwrap_or(1);
        bytes.clear();
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )?;
        let piece = format!("{:x}\r\n{CHUNK}\r\n", CHUNK.len());
        // As many pieces in a write as a network packet of a fast runtime would hold.
        for _ in 0..wanted / 16 {
            stream.write_all(piece.repeat(16).as_bytes())?;
        }
        stream.write_all(piece.repeat((wanted % 16) as usize).as_bytes())?;
        let end = format!(
            "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":{wanted}}}}}\n\ndata: [DONE]\n\n"
        );
        stream.write_all(format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len()).as_bytes())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_is_far_above_any_runtime() {
        let found = measure().unwrap();
        // Two thousand tokens a second is the fastest single stream known; a crowded test machine reaches far more.
        assert!(found.ceiling_tps > 10_000.0, "{found:?}");
        assert!(found.latency_ms < 1000.0, "{found:?}");
    }
}
