//! Ollama, over its own API on port 11434: JSON lines, and its own clock in nanoseconds.
//!
//! Fields: <https://github.com/ollama/ollama/blob/main/docs/api.md>

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use data::timings::{DecodeRule, EngineClock};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::driver::{
    Absent, Driver, DriverError, ModelRef, Need, Options, Prompt, Reply, Request, Runtime, Stream,
};
use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::stream::{Event, Format};
use crate::wire::ask;
use crate::wire::collect::{Counts, Part};
use crate::wire::reply::{self, Asked, Gathered, malformed};

/// Ollama.
pub struct Ollama;

const HINT: &str = "start `ollama serve` (https://ollama.com/download)";

/// The part of a context that is asked for beyond the need, one in so many: by some per cent a calibration misses.
const MARGIN: u32 = 16;
/// The least of it, in tokens.
const LEAST_MARGIN_TOKENS: u32 = 64;

impl Driver for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: String| Absent { reason, hint: HINT };
        let url = match &options.base_url {
            Some(url) => url.clone(),
            None => address(&options.env.get("OLLAMA_HOST").unwrap_or_default())
                .map_err(|error| absent(format!("OLLAMA_HOST: {error}")))?,
        };
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let version: Version = ask::get(&url, &[], Timeouts::QUICK, "/api/version")
            .map_err(|error| absent(error.to_string()))?;
        Ok(Box::new(OllamaServer {
            url,
            version: version.version,
            native: Mutex::default(),
            context_tokens: 4096,
        }))
    }
}

/// Where `OLLAMA_HOST` points, by Ollama's own rules (`envconfig.Host`): a scheme brings its port, without one it is 11434, as
/// with a port that is none; without a host it is this machine. A server told to listen everywhere is asked here.
fn address(host: &str) -> Result<Url, HttpError> {
    let text = host.trim().trim_matches(['"', '\'']);
    let (scheme, rest, usual) = match text.split_once("://") {
        None => ("http", text, 11434),
        Some(("https", rest)) => ("https", rest, 443),
        Some(("http", rest)) => ("http", rest, 80),
        Some((other, rest)) => (other, rest, 11434),
    };
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_six = place.parse::<std::net::Ipv6Addr>().is_ok();
    let (host, port) = match place.rsplit_once(':').filter(|_| !is_six && !place.ends_with(']')) {
        Some((host, port)) => (host, port.parse::<u16>().ok().filter(|port| *port > 0).unwrap_or(usual)),
        None => (place, usual),
    };
    let host = match host.trim_matches(['[', ']']) {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "localhost".to_owned(),
        six if six.contains(':') => format!("[{six}]"),
        name => name.to_owned(),
    };
    Url::parse(&format!("{scheme}://{host}:{port}{path}"))
}

struct OllamaServer {
    url: Url,
    version: String,
    /// The model that was asked about last, and its context.
    native: Mutex<Option<(String, Option<u32>)>>,
    /// The context that it is run with, in tokens.
    context_tokens: u32,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    size: Option<u64>,
    digest: Option<String>,
    #[serde(default)]
    details: Details,
    /// Absent before 0.11.
    capabilities: Option<Vec<String>>,
}

impl Tag {
    /// A model that is asked for embeddings, not for text.
    fn is_mute(&self) -> bool {
        let completes = |all: &Vec<String>| all.iter().any(|one| one == "completion");
        let family = self.details.family.as_deref().unwrap_or("");
        self.capabilities.as_ref().is_some_and(|all| !all.is_empty() && !completes(all))
            || family.contains("bert")
    }
}

#[derive(Default, Deserialize)]
struct Details {
    quantization_level: Option<String>,
    family: Option<String>,
}

impl OllamaServer {
    /// The longest context that the model was made for, in tokens, where it says; asked once for each model.
    fn native_context(&self, model: &ModelRef) -> Result<Option<u32>, DriverError> {
        #[derive(Deserialize)]
        struct Show {
            #[serde(default)]
            model_info: Map<String, Value>,
        }
        let mut known = self.native.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, native)) = known.as_ref().filter(|(id, _)| *id == model.id) {
            return Ok(*native);
        }
        let show: Show =
            ask::post(&self.url, &[], Timeouts::QUICK, "/api/show", &json!({"model": model.id}))?;
        let native = show.model_info.iter().find(|(key, _)| key.ends_with(".context_length"));
        let native = native.and_then(|(_, value)| u32::try_from(value.as_u64()?).ok());
        *known = Some((model.id.clone(), native));
        Ok(native)
    }
}

impl Runtime for OllamaServer {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn place(&self) -> String {
        self.url.authority()
    }

    fn is_here(&self) -> bool {
        self.url.is_here()
    }

    fn models(&self) -> Result<Vec<ModelRef>, DriverError> {
        let tags: Tags = ask::get(&self.url, &[], Timeouts::QUICK, "/api/tags")?;
        let model = |tag: Tag| ModelRef {
            is_mute: tag.is_mute(),
            id: tag.name,
            quant: tag.details.quantization_level.filter(|quant| !quant.is_empty() && quant != "unknown"),
            size_bytes: tag.size,
            digest: tag.digest.filter(|digest| !digest.is_empty()),
            context_tokens: None,
            file: None,
            folder: None,
        };
        Ok(tags.models.into_iter().map(model).collect())
    }

    fn prepare(&mut self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        // Without being told, it runs with a short context and cuts prompts silently. It offers no tokenizer, so that prompts
        // are cut by a calibration and may come out longer.
        let native = self.native_context(model)?;
        let roomy =
            need.context_tokens.saturating_add(need.context_tokens.div_ceil(MARGIN).max(LEAST_MARGIN_TOKENS));
        self.context_tokens = native.map_or(roomy, |native| roomy.min(native.max(need.context_tokens)));
        self.fits(model, need)
    }

    fn fits(&self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        match self.native_context(model)? {
            Some(native) if native < need.context_tokens => Err(DriverError::Limit(format!(
                "the model's context is {native} tokens, {} are needed",
                need.context_tokens
            ))),
            _ => Ok(()),
        }
    }

    fn takes_memory_when_asked(&self) -> bool {
        self.url.is_loopback()
    }

    fn streams_flag(&self) -> Option<&'static str> {
        Some("OLLAMA_NUM_PARALLEL")
    }

    fn count_tokens(&self, _: &ModelRef, _: &str, _: Option<Instant>) -> Result<Option<u32>, DriverError> {
        Ok(None)
    }

    fn stream(&self, model: &ModelRef) -> Box<dyn Stream> {
        let connection = Connection::new(self.url.clone(), Vec::new(), Timeouts::WORKLOAD);
        Box::new(OllamaStream { connection, model: model.id.clone(), context_tokens: self.context_tokens })
    }
}

struct OllamaStream {
    connection: Connection,
    model: String,
    context_tokens: u32,
}

/// One line of a reply. Durations are in nanoseconds and left out when they are zero.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    response: String,
    #[serde(default)]
    thinking: String,
    message: Option<ChatPart>,
    #[serde(default)]
    done: bool,
    error: Option<String>,
    prompt_eval_count: Option<u32>,
    prompt_eval_cached_count: Option<u32>,
    prompt_eval_duration: Option<u64>,
    eval_count: Option<u32>,
    eval_duration: Option<u64>,
}

#[derive(Default, Deserialize)]
struct ChatPart {
    #[serde(default)]
    content: String,
    #[serde(default)]
    thinking: String,
    #[serde(default)]
    tool_calls: Vec<Value>,
}

impl Stream for OllamaStream {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn run(&mut self, request: &Request) -> Result<Reply, DriverError> {
        let mut body = json!({
            "model": self.model,
            "stream": true,
            "options": {
                "num_predict": request.output_tokens, "num_ctx": self.context_tokens,
                "temperature": 0, "seed": 1, "repeat_penalty": 1.0,
            },
        });
        let resource = match &request.prompt {
            Prompt::Text(text) => {
                body["prompt"] = json!(text);
                // Without the template: exactly the text is read.
                body["raw"] = json!(true);
                "/api/generate"
            }
            Prompt::Chat(messages) => {
                body["messages"] = json!(messages);
                if request.no_reasoning {
                    body["think"] = json!(false);
                }
                "/api/chat"
            }
        };
        let asked = Asked {
            resource,
            body: &body,
            until: request.until,
            format: Format::JsonLines,
            ending: "its closing record",
        };
        reply::read(&mut self.connection, &asked, |gathered, event| {
            take(gathered, event, request.reuse_cache)
        })
    }
}

fn take(gathered: &mut Gathered, event: &Event, reuse_cache: bool) -> Result<(), DriverError> {
    let line: Line = serde_json::from_str(event.data).map_err(|error| malformed(&error))?;
    if let Some(error) = line.error {
        return Err(DriverError::BrokeOff(error));
    }
    let part = line.message.as_ref();
    let thinking = !line.thinking.is_empty() || part.is_some_and(|part| !part.thinking.is_empty());
    let text = !line.response.is_empty()
        || part.is_some_and(|part| !part.content.is_empty() || !part.tool_calls.is_empty());
    if thinking {
        gathered.collector.tokens(event.arrived, None, Part::Reasoning);
    } else if text {
        gathered.collector.tokens(event.arrived, None, Part::Answer);
    }
    if line.done {
        gathered.complete = true;
        let told: Value = serde_json::from_str(event.data).map_err(|error| malformed(&error))?;
        gathered.keep(&told, CLOSING);
        fill(&mut gathered.collector.counts, &line, reuse_cache);
    }
    Ok(())
}

/// What the closing line tells beside the text.
const CLOSING: &[&str] = &[
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
    "done_reason",
];

/// The counts of the closing line.
///
/// Its prompt time covers computed tokens only, while its prompt count holds cached ones too: a rate can be had where
/// the cached count is named, or where the prompt was new, so that nothing can have been cached.
fn fill(counts: &mut Counts, line: &Line, reuse_cache: bool) {
    let ms = |nanos: u64| nanos as f64 / 1e6;
    counts.prompt_tokens = line.prompt_eval_count.or(Some(0));
    counts.output_tokens = line.eval_count;
    counts.cached_tokens = line.prompt_eval_cached_count;
    let new = match (line.prompt_eval_count, line.prompt_eval_cached_count) {
        (Some(all), Some(cached)) => Some(all.saturating_sub(cached)),
        (Some(all), None) if !reuse_cache => Some(all),
        _ => None,
    };
    if let (Some(output_tokens), Some(nanos)) = (line.eval_count, line.eval_duration) {
        counts.engine = Some(EngineClock {
            prompt_tokens: new,
            prompt_ms: new.and(line.prompt_eval_duration).map(ms),
            output_tokens,
            decode_ms: ms(nanos),
            rule: DecodeRule::AllTokens,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ollama_host_by_ollamas_own_rules() {
        for (host, expected) in [
            ("", "127.0.0.1:11434"),
            ("0.0.0.0", "127.0.0.1:11434"),
            (":11434", "127.0.0.1:11434"),
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:11434", "localhost:11434"),
            ("::", "localhost:11434"),
            ("::1", "[::1]:11434"),
            ("[::1]", "[::1]:11434"),
            ("[::1]:1234", "[::1]:1234"),
            ("box", "box:11434"),
            ("box:1234", "box:1234"),
            ("box:none", "box:11434"),
            ("\"box\"", "box:11434"),
            ("http://box", "box"),
            ("https://box/ollama", "box"),
            ("http://box:1234", "box:1234"),
        ] {
            assert_eq!(address(host).unwrap().authority(), expected, "{host}");
        }
        let below = address("https://box/ollama/").unwrap();
        assert!(below.tls && below.port == 443 && below.path("/api/tags") == "/ollama/api/tags");
        assert!(address("ftp://box").is_err());
    }
}
