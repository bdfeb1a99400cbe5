//! Anthropic's own form of stream: named events, input counted without its cached part, output counted cumulatively.
//!
//! Fields: <https://docs.anthropic.com/en/api/messages-streaming>

use std::time::Instant;

use serde_json::{Value, json};

use crate::driver::{Absent, Driver, DriverError, ModelRef, Need, Options, Reply, Request, Runtime, Stream};
use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::stream::{Event, Format};
use crate::wire::ask;
use crate::wire::collect::Part;
use crate::wire::reply::{self, Asked, Gathered, malformed};

/// Anthropic.
pub struct Anthropic;

/// Where its key is kept.
const KEY: &str = "ANTHROPIC_API_KEY";

impl Driver for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn is_hosted(&self) -> bool {
        true
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: String| Absent { reason, hint: "set ANTHROPIC_API_KEY" };
        let Some(key) = options.key(KEY) else { return Err(absent(options.keyless(KEY))) };
        let url = options.address("https://api.anthropic.com").map_err(|error| absent(error.to_string()))?;
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

    fn is_here(&self) -> bool {
        false
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

    fn count_tokens(
        &self,
        model: &ModelRef,
        text: &str,
        until: Option<Instant>,
    ) -> Result<Option<u32>, DriverError> {
        let body = json!({"model": model.id, "messages": [{"role": "user", "content": text}]});
        let timeouts = Timeouts::PATIENT.until(until);
        let answer: Value =
            ask::post(&self.url, &self.headers, timeouts, "/v1/messages/count_tokens", &body)?;
        Ok(answer.get("input_tokens").and_then(Value::as_u64).map(|n| n as u32))
    }

    fn stream(&self, model: &ModelRef) -> Box<dyn Stream> {
        let connection = Connection::new(self.url.clone(), self.headers.clone(), Timeouts::WORKLOAD);
        Box::new(MessageStream { connection, model: model.id.clone(), any_temperature: false })
    }
}

struct MessageStream {
    connection: Connection,
    model: String,
    /// The model has refused a temperature: it is left at what the service takes by itself.
    any_temperature: bool,
}

impl Stream for MessageStream {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn run(&mut self, request: &Request) -> Result<Reply, DriverError> {
        match self.ask(request) {
            Err(DriverError::Http(HttpError::Status { status: 400, body }))
                if !self.any_temperature && body.contains("temperature") =>
            {
                self.any_temperature = true;
                self.ask(request)
            }
            answered => answered,
        }
    }
}

impl MessageStream {
    fn ask(&mut self, request: &Request) -> Result<Reply, DriverError> {
        let mut body = body(&self.model, request);
        if !self.any_temperature {
            body["temperature"] = json!(0);
        }
        let asked = Asked {
            resource: "/v1/messages",
            body: &body,
            until: request.until,
            format: Format::ServerSent,
            ending: "message_stop",
        };
        reply::read(&mut self.connection, &asked, take)
    }
}

/// The system's words stand apart from the conversation here.
fn body(model: &str, request: &Request) -> Value {
    let messages = request.prompt.to_messages();
    let system: Vec<&str> = messages
        .iter()
        .filter(|message| message.role == "system")
        .map(|message| message.content.as_str())
        .collect();
    let rest: Vec<_> = messages.iter().filter(|message| message.role != "system").collect();
    let mut body = json!({
        "model": model, "max_tokens": request.output_tokens, "stream": true, "messages": rest,
    });
    if !system.is_empty() {
        body["system"] = json!(system.join("\n\n"));
    }
    body
}

fn take(gathered: &mut Gathered, event: &Event<'_>) -> Result<(), DriverError> {
    let value: Value = serde_json::from_str(event.data).map_err(|error| malformed(&error))?;
    match value.get("type").and_then(Value::as_str).unwrap_or("") {
        "message_start" => start(gathered, &value),
        "content_block_delta" => {
            let has = |key: &str| {
                let text = value.get("delta").and_then(|delta| delta.get(key)).and_then(Value::as_str);
                text.is_some_and(|text| !text.is_empty())
            };
            if has("thinking") {
                gathered.collector.tokens(event.arrived, None, Part::Reasoning);
            } else if has("text") || has("partial_json") {
                gathered.collector.tokens(event.arrived, None, Part::Answer);
            }
        }
        "message_delta" => {
            // Cumulative: the last one is the total.
            let output = value.pointer("/usage/output_tokens").and_then(Value::as_u64);
            gathered.collector.counts.output_tokens = output.map(|n| n as u32);
            gathered.keep(&value, &["usage"]);
        }
        "message_stop" => gathered.complete = true,
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

fn start(gathered: &mut Gathered, value: &Value) {
    let Some(message) = value.get("message") else { return };
    let count = |key: &str| {
        message.get("usage").and_then(|usage| usage.get(key)).and_then(Value::as_u64).unwrap_or(0) as u32
    };
    let (new, written, read) =
        (count("input_tokens"), count("cache_creation_input_tokens"), count("cache_read_input_tokens"));
    let counts = &mut gathered.collector.counts;
    counts.prompt_tokens = Some(new + written + read);
    counts.cached_tokens = Some(read);
    gathered.keep(message, &["model"]);
}
