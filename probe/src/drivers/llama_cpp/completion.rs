//! llama-server's own route `/completion`: plain text in, each event with the numbers of its tokens.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::driver::{DriverError, Reply, Request};
use crate::http::Connection;
use crate::stream::{Event, Format};
use crate::wire::collect::Part;
use crate::wire::openai::LlamaTimings;
use crate::wire::reply::{self, Asked, Gathered, malformed};

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
    });
    let asked = Asked {
        resource: "/completion",
        body: &body,
        until: request.until,
        format: Format::ServerSent,
        ending: "its closing record",
    };
    reply::read(connection, &asked, take)
}

/// One event; the last one (`stop`) has no token and carries the counts.
#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(default, borrow)]
    content: Cow<'a, str>,
    #[serde(default)]
    tokens: Vec<IgnoredAny>,
    #[serde(default)]
    stop: bool,
    tokens_predicted: Option<u32>,
    tokens_evaluated: Option<u32>,
    timings: Option<LlamaTimings>,
    #[serde(default)]
    truncated: bool,
}

fn take(gathered: &mut Gathered, event: &Event<'_>) -> Result<(), DriverError> {
    let piece: Piece<'_> = match serde_json::from_str(event.data) {
        Ok(piece) => piece,
        Err(_) if event.data.trim() == "[DONE]" => return Ok(()),
        Err(error) => return Err(malformed(&error)),
    };
    let collector = &mut gathered.collector;
    if !piece.stop {
        if piece.content.is_empty() && piece.tokens.is_empty() {
            // An error inside the stream has none of our fields.
            let value: Value = serde_json::from_str(event.data).map_err(|error| malformed(&error))?;
            if let Some(error) = value.get("error") {
                let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
                return Err(DriverError::BrokeOff(message.to_owned()));
            }
        }
        // Older servers name no token numbers, but count.
        let counted = piece.tokens_predicted.map(|n| n.saturating_sub(collector.tokens_so_far()));
        let tokens = if piece.tokens.is_empty() { counted } else { Some(piece.tokens.len() as u32) };
        if tokens != Some(0) {
            collector.tokens(event.arrived, tokens, Part::Answer);
        }
        return Ok(());
    }
    if piece.truncated {
        return Err(DriverError::Limit(
            "the server cut the prompt to its context; start it with a larger -c".to_owned(),
        ));
    }
    let counts = &mut collector.counts;
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
    gathered.complete = true;
    let told: Value = serde_json::from_str(event.data).map_err(|error| malformed(&error))?;
    gathered.keep(&told, &["timings", "stop_type"]);
    Ok(())
}
