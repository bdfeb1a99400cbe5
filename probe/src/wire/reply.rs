//! One streamed reply, from the request that asks for it to its timings: what every form of stream has in common.

use std::time::Instant;

use serde_json::{Map, Value};

use super::collect::Collector;
use crate::driver::{DriverError, Reply};
use crate::http::Connection;
use crate::names;
use crate::stream::{self, Event, Format};

/// What is sent, and how its reply is written.
pub struct Asked<'a> {
    /// Path of the route.
    pub resource: &'a str,
    /// The request's body.
    pub body: &'a Value,
    /// When waiting ends.
    pub until: Option<Instant>,
    /// How events are cut.
    pub format: Format,
    /// What a reply that is whole ends with, in the words of an error where it does not.
    pub ending: &'static str,
}

/// What the events of a reply have told so far.
pub struct Gathered {
    /// Stamps and counts.
    pub collector: Collector,
    /// What else the runtime told, kept as it told it.
    pub extras: Map<String, Value>,
    /// Whether the reply said that it is whole.
    pub complete: bool,
}

impl Gathered {
    /// Keeps these members of what was told, where they are there. A server may name its model by a path: of paths only
    /// the last part is kept.
    pub fn keep(&mut self, told: &Value, names: &[&str]) {
        for name in names {
            // Some name their model and version in each of thousands of chunks.
            let is_news = |value: &&Value| !value.is_null() && self.extras.get(*name) != Some(value);
            if let Some(value) = told.get(name).filter(is_news) {
                self.extras.insert((*name).to_owned(), without_paths(value));
            }
        }
    }
}

/// Sends a request and reads its reply; `take` makes of each event what it means.
///
/// # Errors
/// Those of HTTP and of `take`; a stream that ends before it said so; a reply without a token or a prompt count.
pub fn read(
    connection: &mut Connection,
    asked: &Asked<'_>,
    mut take: impl FnMut(&mut Gathered, &Event<'_>) -> Result<(), DriverError>,
) -> Result<Reply, DriverError> {
    let body = asked.body.to_string();
    connection.wait_until(asked.until);
    connection.open()?;
    let mut response = connection.post(asked.resource, body.as_bytes())?;
    let mut gathered =
        Gathered { collector: Collector::new(response.sent), extras: Map::new(), complete: false };
    let told = response.told();
    let status = response.status;
    if !(200..300).contains(&status) {
        return Err(DriverError::UnknownReply(format!(
            "{told}, where a stream of tokens was asked for; if the server has moved, name its new address with --base-url"
        )));
    }
    let mut events = 0_u32;
    let read = stream::each_event(&mut response.body, asked.format, |event| {
        events += 1;
        take(&mut gathered, event)
    });
    let nothing = !gathered.complete && !gathered.collector.has_begun();
    let last = match read {
        // Not one event of a stream: whatever answered there is no such server, or cannot stream.
        Ok(_) if nothing && events == 0 => return Err(no_stream(&told)),
        Err(DriverError::UnknownReply(_)) if nothing && events == 1 => return Err(no_stream(&told)),
        read => read?,
    };
    if !gathered.complete {
        return Err(DriverError::BrokeOff(format!("the stream ended without {}", asked.ending)));
    }
    Ok(Reply { timings: gathered.collector.finish(last)?, extras: Value::Object(gathered.extras) })
}

/// What answers is no such server, or does not stream.
fn no_stream(told: &str) -> DriverError {
    DriverError::UnknownReply(format!("{told}, where a stream of tokens was asked for"))
}

/// The value with public names in place of paths, in whatever depth.
fn without_paths(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(names::public(text)),
        Value::Array(items) => items.iter().map(without_paths).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), without_paths(value))).collect()
        }
        other => other.clone(),
    }
}

/// The error of a chunk that is not what it should be.
pub fn malformed(error: &serde_json::Error) -> DriverError {
    DriverError::UnknownReply(format!("a malformed chunk: {error}"))
}
