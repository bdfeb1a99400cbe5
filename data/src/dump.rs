//! One line of the server's dump: what `llm-speed-server export` writes and `calibrate refit --submissions` reads.
//!
//! A dump is JSON Lines (or CSV with the same columns): one line for each measured point of each run, so a run of five
//! workloads is five or more lines with the same `run`. Lines of every state are in it, since a dump is also how others
//! check the server; readers take what they may use. Columns may be added at the end; readers ignore those they do not know.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Where a run stands, and how it is backed: the words of the wire.
pub use crate::submission::{EvidenceClass, State as RunState};

/// One measured point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DumpRow {
    /// The run's public id.
    pub run: String,
    /// Where the run stands.
    pub state: RunState,
    /// How it is backed.
    pub evidence_class: EvidenceClass,
    /// Who it counts for, at most once a cell: a fingerprint's tag, or a key that the server made up for a paste. None
    /// where nothing tells.
    #[serde(default)]
    pub voter: Option<String>,
    /// Day of the measurement, `2026-11-22` (UTC).
    pub measured_on: String,
    /// The device's id in the catalogue, or its name where it has none.
    pub device: String,
    /// How many of it worked together.
    pub devices: u32,
    /// Memory of one device, GiB.
    #[serde(default)]
    pub memory_gib: Option<f64>,
    /// Power limit as a share of stock, where one was set; none is stock.
    #[serde(default)]
    pub power_share: Option<f64>,
    /// The model's id in the catalogue, or its name where it has none.
    pub model: String,
    /// The quantisation's id, or its label where it has none; empty where not known.
    pub quant: String,
    /// Size of its files, bytes.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// The runtime's name: `llama.cpp`.
    pub runtime: String,
    /// Its version as it says itself; empty where not known.
    pub runtime_version: String,
    /// What drives the device: `cuda`; empty where not known.
    pub backend: String,
    /// The suite's workload, `W1` to `W5`; empty for a paste.
    pub workload: String,
    /// Tokens that were in the cache before the prompt.
    pub cached_tokens: u32,
    /// Tokens of the prompt that were computed.
    pub prompt_tokens: u32,
    /// Tokens answered, each stream.
    pub output_tokens: u32,
    /// Requests side by side.
    pub streams: u32,
    /// Tokens a second after the first, each stream.
    #[serde(default)]
    pub decode_tps: Option<f64>,
    /// Prompt tokens a second, each stream.
    #[serde(default)]
    pub prefill_tps: Option<f64>,
    /// Milliseconds to the first token.
    #[serde(default)]
    pub ttft_ms: Option<f64>,
    /// Whether part of the model lay in RAM, where that is known.
    #[serde(default)]
    pub offloaded: Option<bool>,
    /// Remarks, joined by spaces: `on_battery`, `throttled`, `power_capped` …
    pub flags: String,
    /// Whether the point has a vote in its cell: of several submitters behind one network address, one has it in a day. Dumps
    /// of older servers do not tell.
    #[serde(default = "yes")]
    pub counts: bool,
}

const fn yes() -> bool {
    true
}

impl DumpRow {
    /// The columns in their order, which is the fields' order.
    pub const COLUMNS: [&'static str; 26] = [
        "run",
        "state",
        "evidence_class",
        "voter",
        "measured_on",
        "device",
        "devices",
        "memory_gib",
        "power_share",
        "model",
        "quant",
        "size_bytes",
        "runtime",
        "runtime_version",
        "backend",
        "workload",
        "cached_tokens",
        "prompt_tokens",
        "output_tokens",
        "streams",
        "decode_tps",
        "prefill_tps",
        "ttft_ms",
        "offloaded",
        "flags",
        "counts",
    ];

    /// Whether a fit may use it: it has a vote, and nothing stands against the run. Doubt alone, which anyone may have, does
    /// not.
    #[must_use]
    pub fn is_vote(&self) -> bool {
        self.counts && matches!(self.state, RunState::Accepted | RunState::Disputed | RunState::Reinstated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"run":"r1","state":"accepted","evidence_class":"signed","voter":"t1","measured_on":"2026-11-22",
        "device":"rtx-3090","devices":1,"memory_gib":24.0,"power_share":null,"model":"qwen3-8b","quant":"q4_k_m",
        "size_bytes":5027783488,"runtime":"llama.cpp","runtime_version":"b7000","backend":"cuda",
        "workload":"W1","cached_tokens":0,"prompt_tokens":512,"output_tokens":128,"streams":1,"decode_tps":110.5,
        "prefill_tps":4200.0,"ttft_ms":130.0,"offloaded":false,"flags":"","counts":true}"#;

    #[test]
    fn columns_are_the_fields_in_their_order() {
        let row: DumpRow = serde_json::from_str(LINE).unwrap();
        let text = serde_json::to_string(&row).unwrap();
        let mut places = Vec::new();
        for column in DumpRow::COLUMNS {
            places.push(text.find(&alloc::format!("\"{column}\":")).expect(column));
        }
        assert!(places.is_sorted());
        assert_eq!(text.matches("\":").count(), DumpRow::COLUMNS.len(), "{text}");
    }

    #[test]
    fn a_line_without_what_may_be_missing_is_read_and_only_accepted_runs_count() {
        let short = LINE.replace(r#""memory_gib":24.0,"power_share":null,"#, "").replace("accepted", "held");
        let row: DumpRow = serde_json::from_str(&short).unwrap();
        assert_eq!((row.memory_gib, row.is_vote()), (None, false));
        let is_vote = |line: &str| serde_json::from_str::<DumpRow>(line).unwrap().is_vote();
        for (state, votes) in
            [("accepted", true), ("disputed", true), ("reinstated", true), ("withdrawn", false)]
        {
            assert_eq!(is_vote(&LINE.replace("accepted", state)), votes, "{state}");
        }
        assert!(!is_vote(&LINE.replace("\"counts\":true", "\"counts\":false")));
        assert!(is_vote(&LINE.replace(",\"counts\":true", "")), "a dump of an older server");
        assert!(
            is_vote(&LINE.replace("\"workload\"", "\"kv\":\"\",\"workload\"")),
            "one that had a column more"
        );
    }
}
