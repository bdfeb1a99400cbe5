//! What a runtime must be able to do to be timed. One file in `drivers/` each.
//!
//! Warm-up, repetition, statistics and saving are the caller's; a driver speaks its runtime's language and fills the
//! common [`Timings`]. What else the runtime tells goes along as a raw JSON blob.

mod error;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use data::timings::Timings;
use serde::Serialize;

use crate::http::{Connection, HttpError, Url};

pub use error::DriverError;

/// A runtime that we know how to time.
pub trait Driver: Sync {
    /// The name people type: `--backend ollama`.
    fn name(&self) -> &'static str;

    /// Whether it is a service on somebody else's machines, which costs money: used only when it is named.
    fn is_hosted(&self) -> bool {
        false
    }

    /// Looks whether it is here.
    ///
    /// # Errors
    /// [`Absent`] with what was looked for: an absence is a line of the report, never a failure.
    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent>;

    /// Models on this machine's disk that it could serve, whether it runs or not; each with its folder.
    fn on_disk(&self, _: Env) -> Vec<ModelRef> {
        Vec::new()
    }
}

/// What the command line and the environment say about where to look.
#[derive(Clone, Default)]
pub struct Options {
    /// `--base-url`, without the version of an API at its end.
    pub base_url: Option<Url>,
    /// `--api-key`.
    pub api_key: Option<String>,
    /// `--llama-cpp-path`: a file or a folder.
    pub llama_cpp_path: Option<PathBuf>,
    /// `--model`, where one was named: a file is reason enough to start a server.
    pub model: Option<OsString>,
    /// How long a server is waited for that is here and still loads its model.
    pub patience: Duration,
    /// Environment variables, handed in so that tests need none.
    pub env: Env,
}

impl Options {
    /// The address to look at: the one named, else a driver's usual one.
    ///
    /// # Errors
    /// When the usual one is no address.
    pub fn address(&self, usual: &str) -> Result<Url, HttpError> {
        self.base_url.clone().map_or_else(|| Url::parse(usual), Ok)
    }

    /// The key to send: the one that was typed, else that of the environment. What is kept in the environment for a service
    /// goes to that service's own address alone, never to one that was named.
    pub fn key(&self, variable: &str) -> Option<String> {
        let kept = || self.base_url.is_none().then(|| self.env.get(variable)).flatten();
        self.api_key.clone().or_else(kept)
    }

    /// Why there is no [`Options::key`].
    pub fn keyless(&self, variable: &str) -> String {
        match self.base_url {
            Some(_) => {
                format!("{variable} goes to the service's own address alone, and no --api-key was given")
            }
            None => format!("{variable} is not set, and no --api-key was given"),
        }
    }
}

/// Looks up environment variables.
#[derive(Clone, Copy)]
pub struct Env(pub fn(&str) -> Option<String>);

impl Default for Env {
    fn default() -> Env {
        Env(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }
}

impl Env {
    /// The value of a variable, unless it is empty.
    pub fn get(self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

/// Why a runtime is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// What was looked for: "nothing listens at 127.0.0.1:11434".
    pub reason: String,
    /// What would bring it: a command, or an address.
    pub hint: &'static str,
}

/// A runtime that is here. What it started ends when it is dropped.
pub trait Runtime: Send + Sync {
    /// Its version as it says itself.
    fn version(&self) -> String;

    /// Where it is reached, for people; never part of a run.
    fn place(&self) -> String;

    /// Whether it computes on this machine. What runs elsewhere has the speed of a machine that nothing here describes.
    fn is_here(&self) -> bool;

    /// Its version, where only its replies tell it: read from a reply's extras.
    fn version_in(&self, _extras: &serde_json::Value) -> Option<String> {
        None
    }

    /// How it runs, where it says so: its build, its threads, what of the model lies on GPUs.
    fn running(&self) -> Running {
        Running::default()
    }

    /// Whether it works on somebody else's request at this moment, where it tells.
    fn is_busy(&self) -> bool {
        false
    }

    /// Models that are ready without a download.
    ///
    /// # Errors
    /// When the runtime does not answer.
    fn models(&self) -> Result<Vec<ModelRef>, DriverError>;

    /// Whether it could serve this need as it stands; nothing is started or changed for the answer.
    ///
    /// # Errors
    /// [`DriverError::Limit`] when it cannot, with what to change.
    fn fits(&self, _: &ModelRef, _: Need) -> Result<(), DriverError> {
        Ok(())
    }

    /// Whether the memory for a context is taken when it is asked for, on this machine: a server that runs with it has it.
    fn takes_memory_when_asked(&self) -> bool {
        false
    }

    /// What sets how many streams it works on at once.
    fn streams_flag(&self) -> Option<&'static str> {
        None
    }

    /// What the runtime's own benchmark measures with this model's file, where one is here.
    fn cross_check(&self, _: &ModelRef) -> Option<Result<CrossCheck, DriverError>> {
        None
    }

    /// What became of a server that we started, where it ended by itself.
    fn died(&mut self) -> Option<DriverError> {
        None
    }

    /// Makes it ready for prompts and answers of so many tokens together, and so many streams at once.
    ///
    /// # Errors
    /// [`DriverError::Limit`] when it cannot, with what to change.
    fn prepare(&mut self, model: &ModelRef, need: Need) -> Result<(), DriverError>;

    /// How many tokens a text is, where the runtime offers its tokenizer; no answer is waited for after `until`.
    ///
    /// # Errors
    /// When it offers one but does not answer.
    fn count_tokens(
        &self,
        model: &ModelRef,
        text: &str,
        until: Option<Instant>,
    ) -> Result<Option<u32>, DriverError>;

    /// One stream with a connection of its own.
    fn stream(&self, model: &ModelRef) -> Box<dyn Stream>;
}

/// How a runtime says that it runs; what it does not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// What it was built with and for.
    pub build: Option<String>,
    /// Threads that it computes with.
    pub threads: Option<u32>,
    /// Layers of the model on GPUs.
    pub gpu_layers: Option<u32>,
    /// Layers of the model, as it counts them.
    pub layers: Option<u32>,
}

/// A rate by the runtime's own benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossCheck {
    /// Its name.
    pub program: &'static str,
    /// Tokens a second, at the length of W1's prompt.
    pub decode_tps: f64,
}

/// One connection on which prompts run one after the other.
pub trait Stream: Send {
    /// What its prompts go through.
    fn connection(&mut self) -> &mut Connection;

    /// Whatever a prompt needs beforehand: the connection, a counter's state. With several streams all do this before the
    /// first of them begins.
    fn get_ready(&mut self) {
        // What is wrong with the way there, the request tells.
        let _ = self.connection().open();
    }

    /// Runs one prompt once.
    ///
    /// # Errors
    /// Whatever kept it from a complete, timed answer.
    fn run(&mut self, request: &Request) -> Result<Reply, DriverError>;
}

/// What a workload needs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Prompt and answer together, each stream.
    pub context_tokens: u32,
    /// Streams at the same time.
    pub streams: u32,
}

/// A model as its runtime knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelRef {
    /// What the runtime calls it.
    pub id: String,
    /// Quantisation, where the runtime says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quant: Option<String>,
    /// Size of its files in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Digest that the runtime itself names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Longest context it can have, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Whether its runtime or its file says that it makes no text: a model for embeddings.
    #[serde(skip)]
    pub is_mute: bool,
    /// Its file on this machine: for reading and hashing, never for a run.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// Its folder of safetensors on this machine, likewise.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
}

impl ModelRef {
    /// Whether it makes text, as far as its runtime or its file tells; where there is neither, its name.
    pub fn makes_text(&self) -> bool {
        const OTHERS: [&str; 3] = ["embed", "rerank", "whisper"];
        let name = self.id.to_ascii_lowercase();
        let is_named_so = || OTHERS.iter().any(|other| name.contains(other));
        !self.is_mute && (self.file.is_some() || !is_named_so())
    }
}

/// One prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the model reads.
    pub prompt: Prompt,
    /// Tokens to make.
    pub output_tokens: u32,
    /// Whether a cached prefix may serve it: only where the workload is about that.
    pub reuse_cache: bool,
    /// Whether thinking is switched off where the model can.
    pub no_reasoning: bool,
    /// When it is given up, answered or not.
    pub until: Option<Instant>,
}

/// What the model reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// Plain text, continued.
    Text(String),
    /// A conversation, answered.
    Chat(Vec<Message>),
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// Its text.
    pub content: String,
}

impl Prompt {
    /// As a conversation: runtimes without a completion route get the text as a user's message.
    pub fn to_messages(&self) -> Vec<Message> {
        match self {
            Prompt::Text(text) => vec![Message { role: "user", content: text.clone() }],
            Prompt::Chat(messages) => messages.clone(),
        }
    }
}

/// What one prompt yielded.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The times.
    pub timings: Timings,
    /// What else the runtime told, as it told it.
    pub extras: serde_json::Value,
}
