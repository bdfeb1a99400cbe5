//! What a submission must pass before it is kept. Pure: clock, secrets and what is already known are handed in.
//!
//! ```text
//! bytes → strict    well-formed, small, no hidden characters
//!       → proof     work was done for these very bytes
//!       → fields    each figure is possible, and they agree with each other
//!       → claim     machine and model found; what the estimator expects
//!       → Candidate
//!       → judge     against what is known: replays, keys, other reports → where it stands
//! ```
//!
//! A refusal is one sentence for the reader. Nothing is dropped in silence: what is doubted is kept and says so.

pub mod believed;
pub mod claim;
pub mod coherent;
pub mod day;
pub mod evidence;
pub mod fields;
pub mod figures;
pub mod host;
pub mod judge;
pub mod paste;
pub mod plausible;
pub mod proof;
pub mod run;
pub mod strict;

use data::medians::cell_key;
use data::submission::{Apart, EvidenceClass, Reason, State};

/// Why a submission is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of reason it is.
    pub because: Because,
    /// The sentence.
    pub says: String,
    /// Page of the result that this repeats.
    pub instance: Option<String>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// Not in the form that is read.
    Malformed,
    /// More than is read.
    TooLarge,
    /// The proof of work is missing, spent, too old, or for something else.
    Proof,
    /// The signature or the key.
    Signature,
    /// It says what cannot be.
    Claim,
    /// It was taken before.
    Repeated,
    /// Too many from one network address.
    TooOften,
    /// More wait than the server takes.
    Busy,
    /// Nothing has this id.
    Unknown,
}

impl Refusal {
    /// A refusal in a sentence.
    pub fn new(because: Because, says: impl Into<String>) -> Self {
        Refusal { because, says: says.into(), instance: None, retry_after_s: None }
    }
}

/// A sentence with its word.
pub fn reason(code: &str, says: impl Into<String>) -> Reason {
    Reason { code: code.to_owned(), says: says.into() }
}

/// What the estimator expects of one figure, tokens a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// The middle of its range.
    pub mid: f64,
    /// Standard deviation of the logarithm.
    pub deviation: f64,
    /// What no software can pass.
    pub roofline: f64,
}

/// One measured point of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The suite's workload; empty for a paste.
    pub workload: String,
    /// Tokens of the prompt that were computed.
    pub prompt_tokens: u32,
    /// Tokens that were in the cache before.
    pub cached_tokens: u32,
    /// Tokens answered, each stream.
    pub output_tokens: u32,
    /// Streams.
    pub streams: u32,
    /// Whether speculation was on.
    pub speculative: bool,
    /// Depth bucket, by its longest context in tokens.
    pub depth_tokens: u32,
    /// Decode, tokens a second and stream.
    pub decode_tps: Option<f64>,
    /// Prefill, tokens a second.
    pub prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Reasoning and answer apart, where both were timed and agree with the whole.
    pub apart: Option<Apart>,
    /// Remarks, joined by spaces.
    pub flags: String,
    /// What is expected of decode.
    pub expected_decode: Option<Expected>,
    /// What is expected of prefill.
    pub expected_prefill: Option<Expected>,
}

/// Which kind of submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed run.
    Run,
    /// Lines that a runtime printed.
    Paste,
}

impl Kind {
    /// The word that is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Run => "run",
            Kind::Paste => "paste",
        }
    }
}

/// Who signed, as far as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The public key, in hexadecimal.
    pub key: String,
    /// The machine's tag; none for anonymous runs.
    pub tag: Option<String>,
    /// SHA-256 of the hardware descriptor: what key and tag are tied to.
    pub hardware: String,
    /// Month for which the key was made, `2026-11`.
    pub month: String,
}

/// A submission that is in order by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// SHA-256 of the payload.
    pub digest: String,
    /// The exact bytes that are kept.
    pub payload: Vec<u8>,
    /// JSON of the signatures over them; empty for a paste.
    pub signatures: String,
    /// Run or paste.
    pub kind: Kind,
    /// How it is backed.
    pub evidence: EvidenceClass,
    /// Who signed; none of a paste.
    pub signer: Option<Signer>,
    /// Nonce of the proof of work with the moment at which it expires, in milliseconds; none of a dry run.
    pub nonce: Option<(String, i64)>,
    /// Day of the measurement.
    pub measured_on: String,
    /// The suite; empty for a paste.
    pub suite: String,
    /// What ran where.
    pub subject: claim::Subject,
    /// SHA-256 of the raw timings; empty for a paste.
    pub raw_timings_sha256: String,
    /// SHA-256 of what a paste says, however it is spaced; empty for a run, whose bytes are signed.
    pub said: String,
    /// Its points.
    pub points: Vec<Point>,
    /// What is remarkable already.
    pub reasons: Vec<Reason>,
    /// Where it stands at best.
    pub state: State,
}

impl Candidate {
    /// Lowers the state (accepted above flagged above held) and says why.
    pub fn lower(&mut self, state: State, because: Reason) {
        let rank = |state: State| match state {
            State::Held => 2,
            State::Flagged => 1,
            _ => 0,
        };
        if rank(state) > rank(self.state) {
            self.state = state;
        }
        self.reasons.push(because);
    }

    /// The cell that a point belongs to.
    pub fn cell(&self, point: &Point) -> String {
        let s = &self.subject;
        cell_key(
            &s.device,
            &s.model,
            &s.quant,
            &s.runtime,
            point.depth_tokens,
            point.streams,
            point.speculative,
        )
    }
}
