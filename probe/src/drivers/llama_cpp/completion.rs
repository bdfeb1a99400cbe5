//! llama-server's own route `/completion`: plain text in, each event with the numbers of its tokens.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::driver::{DriverError, Reply, Request};
use crate::http::Connection;
use crate::stream::{self, Event, Format};
use crate::wire::collect::{Collector, Part};
use crate::wire::openai::LlamaTimings;

pub(super) fn run(connection: &mut Connection, text: &str, request: &Request) -> Result<Reply, DriverError> {
    let body = json!({
        "prompt": text,
        "n_predict": request.output_tokens,
        "ignore_eos": true,
        "cache_prompt": request.reuse_cache,
        "stream": true,
        // The cheapest sampler: penalties cost up to a third of the speed of a small model.
        "temperature": 0,
        "samplers": ["temperature"],
        "seed": 1,
    })
    .to_string();
    connection.wait_until(request.until);
    connection.open()?;
    let mut response = connection.post("/completion", body.as_bytes())?;
    let mut reader = Reader { collector: Collector::new(response.sent), extras: Map::new(), complete: false };
    let last = stream::each_event(&mut response.body, Format::ServerSent, |event| reader.take(event))?;
    reader.finish(last)
}

/// One event; the last one (`stop`) has no token and carries the counts.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    content: String,
    #[serde(default)]
    tokens: Vec<Value>,
    #[serde(default)]
    stop: bool,
    tokens_predicted: Option<u32>,
    tokens_evaluated: Option<u32>,
    timings: Option<LlamaTimings>,
    #[serde(default)]
    truncated: bool,
}

struct Reader {
    collector: Collector,
    extras: Map<String, Value>,
    complete: bool,
}

impl Reader {
    fn take(&mut self, event: &Event) -> Result<(), DriverError> {
        let unreadable =
            |error: serde_json::Error| DriverError::UnknownReply(format!("a malformed chunk: {error}"));
        let piece: Piece = match serde_json::from_str(&event.data) {
            Ok(piece) => piece,
            Err(_) if event.data.trim() == "[DONE]" => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        if !piece.stop {
            if piece.content.is_empty() && piece.tokens.is_empty() {
                // An error inside the stream has none of our fields.
                let value: Value = serde_json::from_str(&event.data).map_err(unreadable)?;
                if let Some(error) = value.get("error") {
                    let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
                    return Err(DriverError::BrokeOff(message.to_owned()));
                }
            }
            // Older servers name no token numbers, but count.
            let so_far = self.collector.tokens_so_far();
            let counted = piece.tokens_predicted.map(|n| n.saturating_sub(so_far));
            let tokens = if piece.tokens.is_empty() { counted } else { Some(piece.tokens.len() as u32) };
            if tokens != Some(0) {
                self.collector.tokens(event.arrived, tokens, Part::Answer);
            }
            return Ok(());
        }
        if piece.truncated {
            return Err(DriverError::Limit(
                "the server cut the prompt to its context; start it with a larger -c".to_owned(),
            ));
        }
        self.complete = true;
        let counts = &mut self.collector.counts;
        counts.output_tokens = piece.tokens_predicted;
        counts.prompt_tokens = piece.tokens_evaluated;
        if let Some(timings) = piece.timings {
            counts.cached_tokens = timings.cache_n;
            // The count of the event leaves out cached tokens in some versions: the parts are what was read.
            if let Some(cached) = timings.cache_n {
                counts.prompt_tokens = Some(timings.prompt_n + cached);
            }
            counts.engine = Some(timings.clock());
        }
        let value: Value = serde_json::from_str(&event.data).map_err(unreadable)?;
        for key in ["timings", "stop_type"] {
            if let Some(told) = value.get(key) {
                self.extras.insert(key.to_owned(), told.clone());
            }
        }
        Ok(())
    }

    fn finish(self, last: Option<Instant>) -> Result<Reply, DriverError> {
        if !self.complete {
            return Err(DriverError::BrokeOff("the stream ended without its closing record".to_owned()));
        }
        Ok(Reply { timings: self.collector.finish(last)?, extras: Value::Object(self.extras) })
    }
}
