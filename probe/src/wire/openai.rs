//! The OpenAI form of a streamed reply, with the additions of llama-server, vLLM, mlx_lm, TabbyAPI, Groq and others.
//!
//! What is a token: a delta with text in `content`, `reasoning_content`, `reasoning` or a tool call, or a completion's
//! `text`. What is none: the empty first message with a role, the usage record (`choices: []`), `[DONE]`, comments.

use data::timings::{DecodeRule, EngineClock};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::collect::{Counts, Part};
use super::reply::{self, Asked, Gathered, malformed};
use crate::driver::{DriverError, Prompt, Reply, Request};
use crate::http::{Connection, HttpError};
use crate::stream::{Event, Format};

/// Which route is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v1/chat/completions`: every service has it.
    Chat,
    /// `/v1/completions`: plain text, no template around it. Local servers have it.
    Completion,
}

/// How one server wants to be asked.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// Path before `/chat/completions`.
    pub prefix: &'static str,
    /// Route for plain text; conversations always take the chat route.
    pub text_route: Route,
    /// Name of the field for the output length.
    pub max_tokens: &'static str,
    /// Fields that force the full length: `ignore_eos` and its like. Strict services refuse unknown fields.
    pub force_length: bool,
    /// Whether usage may be asked for with every chunk (vLLM, SGLang).
    pub usage_each_chunk: bool,
    /// Whether a cached prefix can be switched off in the request (llama-server).
    pub cache_switch: bool,
    /// Whether `chat_template_kwargs` is understood, which switches thinking off.
    pub template_switch: bool,
    /// Fields that the server has refused by name.
    pub refused: Vec<&'static str>,
}

/// Fields without which a request still means the same, but for what they wish of speed and length. Services refuse them
/// one by one: new models of OpenAI a temperature of 0, strict ones what they do not know.
const OPTIONAL: [&str; 6] =
    ["temperature", "stream_options", "ignore_eos", "min_tokens", "chat_template_kwargs", "cache_prompt"];

/// The field of ours that a refusal names, where we can do without it.
fn refused_field(body: &Value, refusal: &str) -> Option<&'static str> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = || refusal.split(|c: char| !is_letter(c));
    OPTIONAL.into_iter().find(|field| body.get(field).is_some() && words().any(|word| word == *field))
}

impl Dialect {
    /// For any server that speaks the form and tolerates what it does not know.
    pub const LOCAL: Dialect = Dialect {
        prefix: "/v1",
        text_route: Route::Completion,
        max_tokens: "max_tokens",
        force_length: true,
        usage_each_chunk: false,
        cache_switch: false,
        template_switch: true,
        refused: Vec::new(),
    };

    /// The body for a request, and the resource to send it to.
    pub fn body(&self, model: &str, request: &Request) -> (String, Value) {
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
        put("model", json!(model));
        put(self.max_tokens, json!(request.output_tokens));
        // The cheapest sampler there is, the same everywhere.
        put("temperature", json!(0));
        put("stream", json!(true));
        put(
            "stream_options",
            if self.usage_each_chunk {
                json!({"include_usage": true, "continuous_usage_stats": true})
            } else {
                json!({"include_usage": true})
            },
        );
        if self.force_length {
            put("ignore_eos", json!(true));
            put("min_tokens", json!(request.output_tokens));
        }
        if self.cache_switch {
            put("cache_prompt", json!(request.reuse_cache));
        }
        if self.template_switch && request.no_reasoning {
            put("chat_template_kwargs", json!({"enable_thinking": false}));
        }
        let route = match (&request.prompt, self.text_route) {
            (Prompt::Text(text), Route::Completion) => {
                put("prompt", json!(text));
                "/completions"
            }
            (prompt, _) => {
                let mut messages = prompt.to_messages();
                // Servers that do not know the template switch still have a word for it in the model's own language.
                if request.no_reasoning
                    && !self.template_switch
                    && let Some(last) = messages.iter_mut().rev().find(|message| message.role == "user")
                {
                    last.content.push_str(" /no_think");
                }
                put("messages", json!(messages));
                "/chat/completions"
            }
        };
        for field in &self.refused {
            body.remove(*field);
        }
        (format!("{}{route}", self.prefix), Value::Object(body))
    }
}

/// Sends a request and reads the streamed reply. A field that the server refuses by name is left out from then on.
///
/// # Errors
/// Those of HTTP, an error inside the stream, an unreadable chunk, or no token at all.
pub fn run(
    connection: &mut Connection,
    dialect: &mut Dialect,
    model: &str,
    request: &Request,
) -> Result<Reply, DriverError> {
    loop {
        let (resource, body) = dialect.body(model, request);
        let error = match read(connection, &resource, &body, request) {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        // Each time round one field fewer: it ends.
        match &error {
            DriverError::Http(HttpError::Status { status: 400 | 422, body: refusal }) => {
                match refused_field(&body, refusal) {
                    Some(field) => dialect.refused.push(field),
                    None => return Err(error),
                }
            }
            _ => return Err(error),
        }
    }
}

fn read(
    connection: &mut Connection,
    resource: &str,
    body: &Value,
    request: &Request,
) -> Result<Reply, DriverError> {
    let asked =
        Asked { resource, body, until: request.until, format: Format::ServerSent, ending: "saying so" };
    reply::read(connection, &asked, take)
}

/// A usage record of any dialect.
#[derive(Clone, Debug, Default, Deserialize)]
struct Usage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// TabbyAPI: seconds and rates of the new part of the prompt.
    prompt_time: Option<f64>,
    prompt_tokens_per_sec: Option<f64>,
    completion_time: Option<f64>,
    completion_tokens_per_sec: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u32>,
}

/// llama-server's own times.
#[derive(Clone, Debug, Deserialize)]
pub struct LlamaTimings {
    /// Prompt tokens out of the cache; absent before September 2025.
    pub cache_n: Option<u32>,
    /// Prompt tokens computed.
    pub prompt_n: u32,
    /// Milliseconds for them.
    pub prompt_ms: f64,
    /// Tokens made.
    pub predicted_n: u32,
    /// Milliseconds for them.
    pub predicted_ms: f64,
    /// The rate it prints.
    #[serde(default)]
    pub predicted_per_second: f64,
}

impl LlamaTimings {
    /// The clock in our terms; the rule is recognised by the arithmetic, since no version number tells it reliably.
    pub fn clock(&self) -> EngineClock {
        let counted = self.predicted_per_second * self.predicted_ms / 1000.0;
        let all = (counted - f64::from(self.predicted_n)).abs();
        let but_first = (counted - f64::from(self.predicted_n) + 1.0).abs();
        EngineClock {
            prompt_tokens: Some(self.prompt_n),
            prompt_ms: Some(self.prompt_ms),
            output_tokens: self.predicted_n,
            decode_ms: self.predicted_ms,
            rule: if all <= but_first { DecodeRule::AllTokens } else { DecodeRule::AllButFirst },
        }
    }
}

fn take(gathered: &mut Gathered, event: &Event<'_>) -> Result<(), DriverError> {
    if event.data.trim() == "[DONE]" {
        gathered.complete = true;
        return Ok(());
    }
    let chunk: Value = serde_json::from_str(event.data).map_err(|error| malformed(&error))?;
    if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
        let message = error.get("message").unwrap_or(error);
        return Err(DriverError::BrokeOff(
            message.as_str().map_or_else(|| message.to_string(), str::to_owned),
        ));
    }
    gathered.complete |= chunk.pointer("/choices/0/finish_reason").is_some_and(|reason| !reason.is_null());
    let collector = &mut gathered.collector;
    let usage: Option<Usage> =
        chunk.get("usage").filter(|usage| !usage.is_null()).and_then(|usage| Usage::deserialize(usage).ok());
    if let Some(part) = part_of(&chunk) {
        // Where usage comes with the chunk, the difference to the tokens so far is what the chunk holds.
        let so_far = usage.as_ref().and_then(|usage| usage.completion_tokens);
        let tokens = so_far.map(|n| n.saturating_sub(collector.tokens_so_far()).max(1));
        collector.tokens(event.arrived, tokens, part);
    }
    if let Some(usage) = usage {
        take_usage(&mut collector.counts, &usage);
    }
    if let Some(timings) = chunk.get("timings")
        && let Ok(told) = LlamaTimings::deserialize(timings)
    {
        take_timings(&mut collector.counts, &told);
        gathered.keep(&chunk, &["timings"]);
    }
    if let Some(usage) = chunk.pointer("/x_groq/usage") {
        take_groq(&mut gathered.collector.counts, usage);
    }
    // Clocks of hosted services, and who really answered.
    gathered.keep(&chunk, &["system_fingerprint", "provider", "model", "x_groq", "perf_metrics", "metrics"]);
    Ok(())
}

fn take_usage(counts: &mut Counts, usage: &Usage) {
    counts.prompt_tokens = usage.prompt_tokens.or(counts.prompt_tokens);
    counts.output_tokens = usage.completion_tokens.or(counts.output_tokens);
    let cached = usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
    counts.cached_tokens = cached.or(counts.cached_tokens);
    let reasoning = usage.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens);
    counts.reasoning_tokens = reasoning.or(counts.reasoning_tokens);
    // TabbyAPI: rates of its own clock.
    if let (Some(output), Some(rate)) = (usage.completion_tokens, usage.completion_tokens_per_sec)
        && rate > 0.0
    {
        let seconds = usage.completion_time.unwrap_or(f64::from(output) / rate);
        let new =
            usage.prompt_time.zip(usage.prompt_tokens_per_sec).map(|(s, rate)| (s * rate).round() as u32);
        // Its prompt rate is of new tokens only, so the count of those comes out of rate and time.
        counts.engine = Some(EngineClock {
            prompt_tokens: new,
            prompt_ms: usage.prompt_time.map(|seconds| seconds * 1000.0),
            output_tokens: output,
            decode_ms: seconds * 1000.0,
            rule: DecodeRule::FromPromptEnd,
        });
        if let (Some(total), Some(new)) = (usage.prompt_tokens, new) {
            counts.cached_tokens = counts.cached_tokens.or(Some(total.saturating_sub(new)));
        }
    }
}

fn take_timings(counts: &mut Counts, told: &LlamaTimings) {
    if told.predicted_n == 0 {
        return;
    }
    counts.cached_tokens = told.cache_n.or(counts.cached_tokens);
    counts.engine = Some(told.clock());
}

/// Groq's usage, with the times of its own clock.
fn take_groq(counts: &mut Counts, usage: &Value) {
    let number = |key: &str| usage.get(key).and_then(Value::as_f64);
    if let (Some(output), Some(seconds)) = (number("completion_tokens"), number("completion_time")) {
        counts.prompt_tokens = number("prompt_tokens").map(|n| n as u32).or(counts.prompt_tokens);
        counts.output_tokens = Some(output as u32);
        counts.engine = Some(EngineClock {
            prompt_tokens: counts.prompt_tokens,
            prompt_ms: number("prompt_time").map(|seconds| seconds * 1000.0),
            output_tokens: output as u32,
            decode_ms: seconds * 1000.0,
            rule: DecodeRule::FromPromptEnd,
        });
    }
}

/// What a chunk's first choice brings, if it brings tokens.
fn part_of(chunk: &Value) -> Option<Part> {
    let choice = chunk.get("choices")?.get(0)?;
    let has_text = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    // A completion's token may be half of a character: no text yet, but its number.
    let has_ids = |value: Option<&Value>| value.and_then(Value::as_array).is_some_and(|ids| !ids.is_empty());
    if has_text(choice.get("text")) || has_ids(choice.get("token_ids")) {
        return Some(Part::Answer);
    }
    let delta = choice.get("delta")?;
    if has_text(delta.get("reasoning_content")) || has_text(delta.get("reasoning")) {
        return Some(Part::Reasoning);
    }
    let calls = delta.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| {
        calls
            .iter()
            .filter_map(|call| call.get("function"))
            .any(|function| has_text(function.get("name")) || has_text(function.get("arguments")))
    });
    (has_text(delta.get("content")) || has_text(delta.get("refusal")) || calls).then_some(Part::Answer)
}
