//! A result as its page shows it: plain data, handed in.

use data::submission::{EvidenceClass, Reason, State};

/// A result as its page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// Whether a dispute is open.
    pub in_doubt: bool,
    /// How it is backed.
    pub evidence: EvidenceClass,
    /// Name of the machine.
    pub device: String,
    /// Its page, where it has one.
    pub device_href: String,
    /// Name of the model.
    pub model: String,
    /// Its page, where it has one.
    pub model_href: String,
    /// Name of the quantisation.
    pub quant: String,
    /// The runtime with its version.
    pub runtime: String,
    /// Day of the measurement.
    pub measured_on: String,
    /// The suite; empty for a paste.
    pub suite: String,
    /// Further facts about machine and surroundings: what, and its value, as the probe names them.
    pub surroundings: Vec<(String, String)>,
    /// Its points.
    pub points: Vec<ReportPoint>,
    /// Why it stands where it does, and remarks.
    pub reasons: Vec<Reason>,
    /// How far others reproduced it.
    pub ladder: Ladder,
    /// The profile that its machine belongs to; empty for none.
    pub by: String,
    /// What was said since.
    pub thread: Vec<Said>,
    /// Its place in the log.
    pub log_index: u64,
    /// SHA-256 of what was sent.
    pub digest: String,
    /// Whether what was sent was erased.
    pub erased: bool,
}

/// How far others got the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// Nobody else has.
    Single,
    /// Two machines within a tenth.
    Reproduced,
    /// Three or more.
    Independent,
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportPoint {
    /// The workload; empty for a paste.
    pub workload: String,
    /// Tokens of the prompt, those in the cache included.
    pub prompt_tokens: u32,
    /// Tokens answered.
    pub output_tokens: u32,
    /// Streams.
    pub streams: u32,
    /// Decode, tokens a second and stream.
    pub decode_tps: Option<f64>,
    /// What the estimator expected of it when it came.
    pub estimate_tps: Option<f64>,
    /// Prefill, tokens a second.
    pub prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Median of the cell with the number of submitters, where there is one.
    pub median: Option<(f64, u32)>,
    /// Reasoning and answer apart, where a model reasoned first.
    pub reasoning: Option<Reasoning>,
    /// Remarks.
    pub flags: String,
}

/// What came before the answer itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reasoning {
    /// Tokens of reasoning.
    pub tokens: u32,
    /// Tokens of the answer.
    pub answer_tokens: u32,
    /// Milliseconds to the first token of the answer.
    pub first_answer_ms: Option<f64>,
    /// Tokens of the answer a second.
    pub answer_tps: Option<f64>,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its number.
    pub number: u64,
    /// Day and time, UTC.
    pub at: String,
    /// The dispute that it belongs to; its own number where it opens one.
    pub dispute: Option<u64>,
    /// What kind: `disputed`, `answered` …
    pub kind: &'static str,
    /// Who: `submitter`, `maintainer` …
    pub actor: &'static str,
    /// The words.
    pub says: String,
    /// Whether it opens a dispute that is not settled.
    pub open: bool,
}
