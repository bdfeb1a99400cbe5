//! The raw timings of a run, against what the run says: each figure that they hold is computed anew.

use std::collections::BTreeMap;

use data::plausibility::PlausibilityRow;
use data::submission::{Submission, WorkloadResult};
use data::timings::{EngineClock, Timings, quantile};
use page::messages::EN;

use super::{Because, Refusal};

/// What raw timings give, beside what the run says.
#[derive(Clone, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Recomputed {
    /// Whether speeds, gaps between tokens and times to the first of every point follow from them.
    pub agrees: bool,
    /// One line for each point: what they give and what the run says, and what was not computed.
    pub lines: Vec<String>,
}

impl Recomputed {
    /// The whole in one text.
    pub fn says(&self) -> String {
        let verdict = if self.agrees { EN.gate.timings_agree } else { EN.gate.timings_differ };
        format!("{} {verdict}", self.lines.join(" "))
    }
}

/// Raw timings as the probe keeps them: those of one reply.
#[derive(serde::Deserialize)]
struct RawTiming {
    workload: String,
    prompt_tokens: u32,
    streams: u32,
    #[serde(default)]
    round: u32,
    timings: Timings,
}

/// Computes every point anew.
///
/// # Errors
/// Where the timings have not the form that is read.
pub fn recompute(raw: &str, run: &Submission, rules: &PlausibilityRow) -> Result<Recomputed, Refusal> {
    let timings: Vec<RawTiming> = serde_json::from_str(raw)
        .map_err(|error| Refusal::new(Because::Malformed, EN.gate.timings_form(&error.to_string())))?;
    let mut recomputed = Recomputed { agrees: true, lines: Vec::new() };
    for point in run.workloads.iter().filter(|point| point.skipped.is_none()) {
        let replies: Vec<&RawTiming> = timings
            .iter()
            .filter(|one| {
                (one.workload.as_str(), one.prompt_tokens, one.streams)
                    == (point.workload.as_str(), point.target_prompt_tokens, point.streams)
            })
            .collect();
        let (agrees, line) = compare(point, &replies, rules);
        recomputed.agrees &= agrees;
        recomputed.lines.push(line);
    }
    Ok(recomputed)
}

fn compare(point: &WorkloadResult, replies: &[&RawTiming], rules: &PlausibilityRow) -> (bool, String) {
    let tokens = point.target_prompt_tokens.to_string();
    let name = match point.streams {
        1 => EN.gate.timed(&tokens, &point.workload),
        streams => EN.gate.timed_streams(&streams.to_string(), &tokens, &point.workload),
    };
    if replies.is_empty() {
        return (false, EN.gate.no_timings(&name));
    }
    let middle = |figure: &dyn Fn(&Timings) -> Option<f64>| {
        let values: Vec<f64> = replies.iter().filter_map(|one| figure(&one.timings)).collect();
        quantile(&values, 0.5)
    };
    let gaps: Vec<f64> = replies.iter().flat_map(|one| one.timings.latencies_ms()).collect();
    let mut agrees = true;
    let mut told = Vec::new();
    for (what, unit, sent, given, slack) in [
        (EN.gate.timed_decode, "tok/s", point.decode_tps, decode(replies), 0.0),
        (EN.gate.timed_prefill, "tok/s", point.prefill_tps, middle(&|one| Some(one.prefill_tps()?.0)), 0.0),
        (EN.gate.timed_first, "ms", point.ttft_ms, middle(&Timings::ttft_ms), rules.evidence_agrees_ms),
        (
            EN.gate.timed_first_answer,
            "ms",
            point.first_answer_ms,
            middle(&|one| one.first_answer_ms),
            rules.evidence_agrees_ms,
        ),
        (EN.gate.timed_answer, "tok/s", point.answer_tps, middle(&Timings::answer_tps), 0.0),
        (EN.gate.timed_half, "ms", point.decode_p50_latency_ms, quantile(&gaps, 0.5), 0.0),
        (EN.gate.timed_most, "ms", point.decode_p95_latency_ms, quantile(&gaps, 0.95), 0.0),
    ] {
        let Some(sent) = sent else { continue };
        let says = format!("{sent:.2}");
        match given {
            Some(given) => {
                agrees &= (given - sent).abs() <= (rules.evidence_agrees * sent).max(slack);
                told.push(EN.gate.given_and_sent(&format!("{given:.2}"), &says, unit, what));
            }
            None => {
                agrees = false;
                told.push(EN.gate.not_given(&says, unit, what));
            }
        }
    }
    let (count, told, left) = (replies.len().to_string(), told.join("; "), not_computed(point).join(", "));
    let line = match &left[..] {
        "" => EN.gate.computed(&count, &name, &told),
        left => EN.gate.computed_in_part(&count, left, &name, &told),
    };
    (agrees, line)
}

/// The middle over the rounds of the middle of each round's streams, as the probe takes it.
fn decode(replies: &[&RawTiming]) -> Option<f64> {
    let mut rounds: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for one in replies {
        // Where the way to the probe bunched the tokens, the engine's clock counts.
        let rate = if one.timings.is_buffered() {
            one.timings.engine.as_ref().and_then(EngineClock::decode_tps)
        } else {
            one.timings.decode_tps()
        };
        rounds.entry(one.round).or_default().extend(rate);
    }
    let middles: Vec<f64> = rounds.values().filter_map(|rates| quantile(rates, 0.5)).collect();
    quantile(&middles, 0.5)
}

/// Figures of a point that are not computed anew, by their wire names.
fn not_computed(point: &WorkloadResult) -> Vec<&'static str> {
    [
        ("decode_tps_interval", point.decode_tps_interval.is_some()),
        ("aggregate_tps", point.aggregate_tps.is_some()),
        ("wall_ms", point.wall_ms.is_some()),
        ("prefix_cache_hit_rate", point.prefix_cache_hit_rate.is_some()),
        ("clock", point.clock.is_some()),
        ("turns", point.turns.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use data::timings::Chunk;

    use super::*;

    #[test]
    fn a_line_says_what_is_given_sent_and_left() {
        let timings = Timings { chunks: vec![Chunk { at_ms: 100.0, tokens: 1 }], ..Timings::default() };
        let reply = RawTiming { workload: "W4".into(), prompt_tokens: 1024, streams: 4, round: 0, timings };
        let says = |streams: u32, decode_tps: Option<f64>, replies: &[&RawTiming]| {
            let skipped = WorkloadResult::skipped("W4", 1024, streams, String::new());
            let ttft_ms = Some(100.5);
            let point =
                WorkloadResult { ttft_ms, decode_tps, aggregate_tps: decode_tps, skipped: None, ..skipped };
            compare(&point, replies, PlausibilityRow::embedded()).1
        };
        assert_eq!(says(4, None, &[]), "W4, 1024 tokens at 4 streams: no timings.");
        assert_eq!(
            says(1, None, &[&reply; 2]),
            "W4, 1024 tokens, 2 replies: first token 100.00 ms, the run says 100.50."
        );
        assert_eq!(
            says(4, Some(50.0), &[&reply]),
            "W4, 1024 tokens at 4 streams, 1 reply: decode not in them, the run says 50.00 tok/s; first token 100.00 ms, \
             the run says 100.50; not computed: aggregate_tps."
        );
    }
}
