//! Benchmark suites: `data/suites/*.toml`.

use serde::{Deserialize, Serialize};

/// One suite: a fixed set of workloads. A published suite never changes; the next one gets a new id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteRow {
    /// Stable key: "suite-v1".
    pub id: String,
    /// Where it is laid down.
    pub sources: Vec<String>,
    /// Its workloads, in the order in which they run.
    pub workload: Vec<WorkloadRow>,
}

/// One workload. Several sizes or stream counts are points of the same curve, run one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadRow {
    /// Short key: "W1".
    pub id: String,
    /// What it is called: "chat-short".
    pub name: String,
    /// What it tells, in a sentence.
    pub about: String,
    /// Tokens in the prompt, one figure a point; output tokens not included.
    pub prompt_tokens: Vec<u32>,
    /// Tokens to produce for each prompt, in each turn on average where there are several.
    pub output_tokens: u32,
    /// Requests at once, one figure a point.
    pub streams: Vec<u32>,
    /// Turns of the conversation.
    pub turns: u32,
    /// Whether later turns may be served from the cache of earlier ones.
    pub prefix_reuse: bool,
}
