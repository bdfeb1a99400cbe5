//! A run on its way in: what a probe measured, as it is signed and sent.
//!
//! The wire names are the published ones. Raw timings stay on the machine; their digest is in here, so that they can be
//! asked for later and checked.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

mod text;
mod wire;

pub use wire::*;

use crate::fingerprint::{Fingerprint, HostState};
use crate::timings::{DecodeRule, FEW_TOKENS, PrefillRule, SHORT_SPAN_MS};

/// One run of a suite on one machine with one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Which suite: `suite-v1`.
    pub suite: String,
    /// Version of the program that measured.
    pub probe: String,
    /// Day of the measurement, `2026-11-22` (UTC).
    pub measured_on: String,
    /// The runtime.
    pub backend: BackendInfo,
    /// The model.
    pub model: ModelIdentity,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// Which machine, told apart from others without naming it; none for anonymous runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// How the machine was doing before.
    pub before: HostState,
    /// The worst that was seen while it ran, in each part; none where nothing was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<HostState>,
    /// How it was doing afterwards.
    pub after: HostState,
    /// What the probe's own client reaches against a server that does nothing.
    pub calibration: Calibration,
    /// The results.
    pub workloads: Vec<WorkloadResult>,
    /// SHA-256 of the raw timings that were kept, in hexadecimal.
    pub raw_timings_sha256: String,
}

/// Which runtime, and how it ran as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BackendInfo {
    /// Its driver's name: `llama.cpp`.
    pub name: String,
    /// Its version as it says itself.
    pub version: String,
    /// What it was built with and for: libraries, architectures, instruction sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Threads of the processor that it computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Layers of the model that it put on GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_layers: Option<u32>,
    /// Layers that the model has, as it counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
}

/// How far a model is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Its file was read and hashed.
    File,
    /// The headers of its files were read and hashed: names, shapes and types of all tensors.
    Header,
    /// The runtime named a digest.
    Runtime,
    /// Only a name.
    Unverified,
}

/// Which model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelIdentity {
    /// What the runtime calls it; of a file only its name, never its folder.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Id in the catalogue, where the name or the file leads to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Quantisation: from the tensors where the file was read, else as the runtime says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quant: Option<String>,
    /// SHA-256 of the file, of a split one over the lines of its parts' digests; or the digest that the runtime names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// SHA-256 of the file's first MiB: quick to check, and it holds the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_digest: Option<String>,
    /// Size of its files in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Weights that the file's tensors hold, those that plain decoding does not read left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<u64>,
    /// Bytes that the file's tensors take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor_bytes: Option<u64>,
    /// How far that goes.
    pub identity: Identity,
}

/// The probe measured against a server that answers at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Milliseconds from request to first chunk.
    pub latency_ms: f64,
    /// Chunks a second that one stream takes in.
    pub ceiling_tps: f64,
}

/// One point of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkloadResult {
    /// `W1` … `W5`.
    pub workload: String,
    /// Prompt length that was aimed at.
    pub target_prompt_tokens: u32,
    /// Streams at the same time.
    pub streams: u32,
    /// Why there is no result: a limit, the time budget, a failure. Then everything below is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Newly computed prompt tokens a second.
    pub prefill_tps: Option<f64>,
    /// How the line above was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill_rule: Option<PrefillRule>,
    /// Tokens a second after the first, each stream.
    pub decode_tps: Option<f64>,
    /// 95 % confidence interval of the line above: between two of six repeats or more, else Student's of their logarithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_tps_interval: Option<[f64; 2]>,
    /// Middle of the times between tokens, milliseconds.
    pub decode_p50_latency_ms: Option<f64>,
    /// 95th percentile of them.
    pub decode_p95_latency_ms: Option<f64>,
    /// Tokens of all streams together a second, while all were at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate_tps: Option<f64>,
    /// Tokens of the prompt, as the engine counts.
    pub prompt_tokens: Option<u32>,
    /// Tokens made.
    pub output_tokens: Option<u32>,
    /// Reasoning tokens among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u32>,
    /// Milliseconds to the first token of the answer itself, where reasoning came before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_answer_ms: Option<f64>,
    /// Tokens of the answer itself a second, where reasoning came before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_tps: Option<f64>,
    /// Milliseconds from request to last byte; of W5 the whole trace.
    pub wall_ms: Option<f64>,
    /// Share of the prompt that came out of a cache; none where nothing proves it.
    pub prefix_cache_hit_rate: Option<f64>,
    /// The two clocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clocks>,
    /// Turns of a trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Turns>,
    /// Measurements behind the medians.
    pub repeats: u32,
    /// Remarks: `on_battery`, `unstable`, `tokens_bundled` …
    pub flags: Vec<String>,
}

/// What each clock says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    /// Ours, at the socket.
    pub client: ClockReading,
    /// The engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<ClockReading>,
    /// How the engine prints its own rate; the reading above is converted to our rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_rule: Option<DecodeRule>,
    /// Ours over the engine's decode rate, less one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
}

/// Rates by one clock, medians of the repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClockReading {
    /// Decode, tokens a second.
    pub decode_tps: Option<f64>,
    /// Prefill, tokens a second.
    pub prefill_tps: Option<f64>,
}

/// What a trace of several turns adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Turns {
    /// Turns.
    pub count: u32,
    /// Middle of the turns' times, milliseconds.
    pub p50_ms: f64,
    /// 95th percentile of them.
    pub p95_ms: f64,
    /// The turns in their order, medians of the replays; empty in runs of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Turn>,
}

/// One turn of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Milliseconds to its first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_ms: Option<f64>,
    /// Milliseconds from its request to its last byte.
    pub wall_ms: f64,
}

/// Speeds of hidden reasoning and of the answer after it, tokens a second of one stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// Of the reasoning.
    pub reasoning_tps: f64,
    /// Of the visible answer.
    pub answer_tps: f64,
}

impl WorkloadResult {
    /// Reasoning and answer apart, where both took long enough to be timed. Between the first token of the one and that of
    /// the other as many tokens are made as there are of reasoning.
    pub fn apart(&self) -> Option<Apart> {
        let tokens = self.reasoning_tokens?;
        let answer_tokens = self.output_tokens?.checked_sub(tokens)?;
        let span_ms = self.first_answer_ms? - self.ttft_ms?;
        let is_timed = tokens.min(answer_tokens) >= FEW_TOKENS && span_ms >= SHORT_SPAN_MS;
        let reasoning_tps = f64::from(tokens) / span_ms * 1000.0;
        self.answer_tps.filter(|_| is_timed).map(|answer_tps| Apart { reasoning_tps, answer_tps })
    }

    /// A point without a result, with the reason.
    pub fn skipped(
        workload: &str,
        target_prompt_tokens: u32,
        streams: u32,
        reason: String,
    ) -> WorkloadResult {
        WorkloadResult {
            workload: workload.into(),
            target_prompt_tokens,
            streams,
            skipped: Some(reason),
            ttft_ms: None,
            prefill_tps: None,
            prefill_rule: None,
            decode_tps: None,
            decode_tps_interval: None,
            decode_p50_latency_ms: None,
            decode_p95_latency_ms: None,
            aggregate_tps: None,
            prompt_tokens: None,
            output_tokens: None,
            reasoning_tokens: None,
            first_answer_ms: None,
            answer_tps: None,
            wall_ms: None,
            prefix_cache_hit_rate: None,
            clock: None,
            turns: None,
            repeats: 0,
            flags: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_timed_from_its_first_token_to_the_answers() {
        let told = WorkloadResult {
            ttft_ms: Some(100.0),
            first_answer_ms: Some(1100.0),
            output_tokens: Some(250),
            reasoning_tokens: Some(50),
            answer_tps: Some(40.0),
            ..WorkloadResult::skipped("W1", 128, 1, String::new())
        };
        assert_eq!(told.apart(), Some(Apart { reasoning_tps: 50.0, answer_tps: 40.0 }));
        // Of few tokens, or of a moment, a speed says nothing; and what is hidden begins with the answer.
        for change in [
            |point: &mut WorkloadResult| point.reasoning_tokens = Some(FEW_TOKENS - 1),
            |point: &mut WorkloadResult| point.output_tokens = Some(50),
            |point: &mut WorkloadResult| point.first_answer_ms = Some(100.0),
            |point: &mut WorkloadResult| point.first_answer_ms = None,
            |point: &mut WorkloadResult| point.answer_tps = None,
        ] {
            let mut other = told.clone();
            change(&mut other);
            assert_eq!(other.apart(), None, "{other:?}");
        }
    }
}
