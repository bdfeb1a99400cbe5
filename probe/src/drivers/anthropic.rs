//! Anthropic's own form of stream: named events, input counted without its cached part, output counted cumulatively.
//!
//! Fields: <https://docs.anthropic.com/en/api/messages-streaming>

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::driver::{Absent, Driver, DriverError, ModelRef, Need, Options, Reply, Request, Runtime, Stream};
use crate::http::{Connection, Timeouts, Url};
use crate::stream::{self, Event, Format};
use crate::wire::ask;
use crate::wire::collect::{Collector, Part};

/// Anthropic.
pub struct Anthropic;

impl Driver for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: String| Absent { reason, hint: "set ANTHROPIC_API_KEY" };
        let Some(key) = options.env.get("ANTHROPIC_API_KEY") else {
            return Err(absent("ANTHROPIC_API_KEY is not set".to_owned()));
        };
        let url = match &options.base_url {
            Some(url) => url.clone(),
            None => Url::parse("https://api.anthropic.com").map_err(|error| absent(error.to_string()))?,
        };
        let headers =
            vec![("x-api-key".to_owned(), key), ("anthropic-version".to_owned(), "2023-06-01".to_owned())];
        Ok(Box::new(Service { url, headers }))
    }
}

struct Service {
    url: Url,
    headers: Vec<(String, String)>,
}

impl Runtime for Service {
    fn version(&self) -> String {
        "hosted".to_owned()
    }

    fn place(&self) -> String {
        self.url.authority()
    }

    fn models(&self) -> Result<Vec<ModelRef>, DriverError> {
        let list: Value = ask::get(&self.url, &self.headers, Timeouts::QUICK, "/v1/models")?;
        let entries = list.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let id = |entry: &Value| Some(entry.get("id")?.as_str()?.to_owned());
        Ok(entries.iter().filter_map(id).map(|id| ModelRef { id, ..ModelRef::default() }).collect())
    }

    fn prepare(&mut self, _: &ModelRef, _: Need) -> Result<(), DriverError> {
        Ok(())
    }

    fn count_tokens(&self, model: &ModelRef, text: &str) -> Result<Option<u32>, DriverError> {
        let body = json!({"model": model.id, "messages": [{"role": "user", "content": text}]});
        let answer: Value =
            ask::post(&self.url, &self.headers, Timeouts::QUICK, "/v1/messages/count_tokens", &body)?;
        Ok(answer.get("input_tokens").and_then(Value::as_u64).map(|n| n as u32))
    }

    fn stream(&self, model: &ModelRef) -> Box<dyn Stream> {
        let connection = Connection::new(self.url.clone(), self.headers.clone(), Timeouts::WORKLOAD);
        Box::new(MessageStream { connection, model: model.id.clone() })
    }
}

struct MessageStream {
    connection: Connection,
    model: String,
}

impl Stream for MessageStream {
    fn run(&mut self, request: &Request) -> Result<Reply, DriverError> {
        let (resource, body) = body(&self.model, request);
        self.connection.wait_until(request.until);
        self.connection.open()?;
        let mut response = self.connection.post(resource, body.to_string().as_bytes())?;
        let mut reader = Reader::new(Collector::new(response.sent));
        let last = stream::each_event(&mut response.body, Format::ServerSent, |event| reader.take(event))?;
        reader.finish(last)
    }
}

/// The system's words stand apart from the conversation here.
fn body(model: &str, request: &Request) -> (&'static str, Value) {
    let messages = request.prompt.to_messages();
    let system: Vec<&str> = messages
        .iter()
        .filter(|message| message.role == "system")
        .map(|message| message.content.as_str())
        .collect();
    let rest: Vec<_> = messages.iter().filter(|message| message.role != "system").collect();
    let mut body = json!({
        "model": model, "max_tokens": request.output_tokens, "temperature": 0, "stream": true, "messages": rest,
    });
    if !system.is_empty() {
        body["system"] = json!(system.join("\n\n"));
    }
    ("/v1/messages", body)
}

struct Reader {
    collector: Collector,
    extras: Map<String, Value>,
    complete: bool,
}

impl Reader {
    fn new(collector: Collector) -> Reader {
        Reader { collector, extras: Map::new(), complete: false }
    }

    fn take(&mut self, event: &Event) -> Result<(), DriverError> {
        let value: Value = serde_json::from_str(&event.data)
            .map_err(|error| DriverError::UnknownReply(format!("a malformed chunk: {error}")))?;
        match value.get("type").and_then(Value::as_str).unwrap_or("") {
            "message_start" => self.start(&value),
            "content_block_delta" => {
                let delta = value.get("delta").cloned().unwrap_or_default();
                let has =
                    |key: &str| delta.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
                if has("thinking") {
                    self.collector.tokens(event.arrived, None, Part::Reasoning);
                } else if has("text") || has("partial_json") {
                    self.collector.tokens(event.arrived, None, Part::Answer);
                }
            }
            "message_delta" => {
                // Cumulative: the last one is the total.
                let output = value.pointer("/usage/output_tokens").and_then(Value::as_u64);
                self.collector.counts.output_tokens = output.map(|n| n as u32);
                if let Some(usage) = value.get("usage") {
                    self.extras.insert("usage".to_owned(), usage.clone());
                }
            }
            "message_stop" => self.complete = true,
            "error" => {
                let message =
                    value.pointer("/error/message").and_then(Value::as_str).unwrap_or("no reason given");
                return Err(DriverError::BrokeOff(message.to_owned()));
            }
            // `ping`, starts and stops of blocks
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, value: &Value) {
        let count = |key: &str| {
            value.pointer(&format!("/message/usage/{key}")).and_then(Value::as_u64).unwrap_or(0) as u32
        };
        let (new, written, read) =
            (count("input_tokens"), count("cache_creation_input_tokens"), count("cache_read_input_tokens"));
        self.collector.counts.prompt_tokens = Some(new + written + read);
        self.collector.counts.cached_tokens = Some(read);
        if let Some(model) = value.pointer("/message/model") {
            self.extras.insert("model".to_owned(), model.clone());
        }
    }

    fn finish(self, last: Option<Instant>) -> Result<Reply, DriverError> {
        if !self.complete {
            return Err(DriverError::BrokeOff("the stream ended without message_stop".to_owned()));
        }
        Ok(Reply { timings: self.collector.finish(last)?, extras: Value::Object(self.extras) })
    }
}
