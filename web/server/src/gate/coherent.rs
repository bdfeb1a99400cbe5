//! Figures that no cell has a vote on are published too: times to the first token, speeds of all requests together, of the
//! answer alone, of several prompts at once. Each is held to what the hardware can do, and to the figures beside it.

use data::plausibility::PlausibilityRow;
use data::submission::{Reason, State, WorkloadResult};
use page::messages::EN;

use super::claim::Outlook;
use super::plausible::times;
use super::reason;

/// What is remarkable in one point, and where that leaves the report at best.
pub fn remarks(point: &WorkloadResult, outlook: &Outlook, rules: &PlausibilityRow) -> Vec<(State, Reason)> {
    let mut told = Vec::new();
    above(point, outlook, rules, &mut told);
    apart(point, rules, &mut told);
    told
}

/// Tokens of the prompt that had to be computed before the first token; none where a cache may have held any, which is what
/// a trace of several turns is for.
fn computed(point: &WorkloadResult) -> Option<f64> {
    let prompt = f64::from(point.prompt_tokens.unwrap_or(point.target_prompt_tokens));
    let is_one_turn = point.turns.is_none();
    is_one_turn.then(|| prompt * (1.0 - point.prefix_cache_hit_rate.unwrap_or(0.0)))
}

fn above(
    point: &WorkloadResult,
    outlook: &Outlook,
    rules: &PlausibilityRow,
    told: &mut Vec<(State, Reason)>,
) {
    let mut held = |what: &str, ratio: f64| {
        if ratio > rules.roofline_slack {
            let says = EN.gate.above_peak(&times(ratio), what, &point.workload);
            told.push((State::Held, reason("above_roofline", says)));
        }
    };
    let streams = f64::from(point.streams);
    if let Some(expected) = outlook.decode {
        if let Some(tps) = point.aggregate_tps {
            held(EN.gate.all_speed, tps / (streams * expected.roofline));
        }
        if let Some(tps) = point.answer_tps {
            held(EN.gate.answer_speed, tps / expected.roofline);
        }
    }
    if let Some(expected) = outlook.prefill {
        if let (Some(tokens), Some(ttft_ms)) = (computed(point), point.ttft_ms) {
            let least_ms = tokens / expected.roofline * 1000.0;
            held(EN.gate.first_token, least_ms / ttft_ms.max(f64::MIN_POSITIVE));
        }
        // A single prompt is judged with the votes; several share the machine, which is at its peak with one already.
        if let Some(tps) = point.prefill_tps.filter(|_| point.streams > 1) {
            held(EN.gate.prefill_each, tps / expected.roofline);
        }
    }
}

fn apart(point: &WorkloadResult, rules: &PlausibilityRow, told: &mut Vec<(State, Reason)>) {
    let nearly = rules.nearly;
    let mut flagged = |says: String| {
        told.push((State::Flagged, reason("figures_disagree", EN.gate.of_workload(&says, &point.workload))));
    };
    let near = |one: f64, other: f64| (1.0 / nearly..=nearly).contains(&(one / other));
    if let (Some(all), Some(each)) = (point.aggregate_tps, point.decode_tps) {
        // A stream that waits while others' prompts are read is slower over its whole answer than token by token.
        let gap_ms = point.decode_p50_latency_ms.filter(|gap_ms| *gap_ms > 0.0);
        let fastest = gap_ms.map_or(each, |gap_ms| each.max(1000.0 / gap_ms));
        let streams = f64::from(point.streams);
        if all > nearly * streams * fastest || all * rules.at_times < streams * each {
            flagged(EN.gate.all_and_each(
                &format!("{all:.0}"),
                &format!("{each:.1}"),
                &point.streams.to_string(),
            ));
        }
    }
    if let (Some(answer), Some(decode)) = (point.answer_tps, point.decode_tps)
        && !near(answer, decode)
    {
        flagged(EN.gate.answer_and_whole(&format!("{answer:.1}"), &format!("{decode:.1}")));
    }
    if let (Some(first), Some(answer)) = (point.ttft_ms, point.first_answer_ms)
        && answer * nearly < first
    {
        flagged(EN.gate.answer_early.to_owned());
    }
    // The first token comes when the prompt is computed, not before.
    if let (Some(tokens), Some(tps), Some(ttft_ms)) = (computed(point), point.prefill_tps, point.ttft_ms)
        && ttft_ms * nearly < tokens / tps * 1000.0
    {
        flagged(EN.gate.prefill_and_first(&format!("{ttft_ms:.0}"), &format!("{tps:.0}")));
    }
    if let (Some(turns), Some(wall_ms)) = (&point.turns, point.wall_ms)
        && turns.timeline.len() == turns.count as usize
    {
        let sum: f64 = turns.timeline.iter().map(|turn| turn.wall_ms).sum();
        if !near(sum, wall_ms) {
            flagged(EN.gate.turns_and_trace(&format!("{sum:.0}"), &format!("{wall_ms:.0}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use data::submission::{Turn, Turns};

    use super::super::Expected;
    use super::*;

    fn outlook() -> Outlook {
        let decode = Expected { mid: 80.0, deviation: 0.2, roofline: 100.0 };
        let prefill = Expected { mid: 4000.0, deviation: 0.2, roofline: 5000.0 };
        Outlook { decode: Some(decode), prefill: Some(prefill), offloaded: Some(false) }
    }

    fn point(streams: u32) -> WorkloadResult {
        WorkloadResult {
            skipped: None,
            decode_tps: Some(80.0),
            prefill_tps: Some(4000.0),
            ttft_ms: Some(270.0),
            prompt_tokens: Some(1000),
            ..WorkloadResult::skipped("W", 1000, streams, String::new())
        }
    }

    fn said(point: &WorkloadResult) -> Vec<(State, String)> {
        let told = remarks(point, &outlook(), PlausibilityRow::embedded()).into_iter();
        told.map(|(state, reason)| (state, reason.says)).collect()
    }

    #[track_caller]
    fn one(point: &WorkloadResult, state: State, part: &str) {
        let told = said(point);
        assert!(told.iter().any(|(is, says)| *is == state && says.contains(part)), "{part}: {told:?}");
    }

    #[test]
    fn what_agrees_is_not_remarked() {
        assert_eq!(said(&point(1)), []);
        let all = WorkloadResult {
            aggregate_tps: Some(310.0),
            answer_tps: Some(78.0),
            first_answer_ms: Some(1600.0),
            reasoning_tokens: Some(100),
            ..point(4)
        };
        assert_eq!(said(&all), []);
        // Nothing is known of the hardware: only what the figures say of each other.
        assert_eq!(
            remarks(
                &WorkloadResult { aggregate_tps: Some(9e5), decode_tps: Some(3e5), ..point(4) },
                &Outlook::default(),
                PlausibilityRow::embedded()
            ),
            []
        );
    }

    #[test]
    fn each_figure_is_held_to_the_roofline() {
        one(
            &WorkloadResult { aggregate_tps: Some(450.0), ..point(4) },
            State::Held,
            "all requests together is 1.1",
        );
        one(&WorkloadResult { answer_tps: Some(120.0), ..point(1) }, State::Held, "speed of the answer");
        // 1,000 tokens at 5,000 tok/s are 200 ms.
        assert_eq!(said(&WorkloadResult { ttft_ms: Some(195.0), ..point(1) }), []);
        one(
            &WorkloadResult { ttft_ms: Some(20.0), ..point(1) },
            State::Held,
            "way to the first token is 10 times",
        );
        one(&WorkloadResult { ttft_ms: Some(0.0), ..point(4) }, State::Held, "way to the first token");
        one(
            &WorkloadResult { prefill_tps: Some(9000.0), ..point(4) },
            State::Held,
            "prefill of each request",
        );
        // What came out of a cache was not computed.
        let cached = WorkloadResult { ttft_ms: Some(30.0), prefix_cache_hit_rate: Some(0.9), ..point(1) };
        assert_eq!(said(&cached), []);
    }

    #[test]
    fn figures_that_disagree_are_flagged() {
        one(&WorkloadResult { aggregate_tps: Some(70.0), ..point(4) }, State::Flagged, "4 times 80.0");
        let stalled = WorkloadResult { aggregate_tps: Some(300.0), decode_tps: Some(20.0), ..point(4) };
        one(&stalled, State::Flagged, "4 times 20.0");
        let stalled = WorkloadResult { decode_p50_latency_ms: Some(12.5), ..stalled };
        assert_eq!(said(&stalled), [], "token by token each is fast enough");
        one(&WorkloadResult { answer_tps: Some(20.0), ..point(1) }, State::Flagged, "of the answer");
        one(&WorkloadResult { first_answer_ms: Some(100.0), ..point(1) }, State::Flagged, "before its first");
        one(
            &WorkloadResult { prefill_tps: Some(1000.0), ..point(1) },
            State::Flagged,
            "first token after 270 ms",
        );
        let timeline = vec![Turn { ttft_ms: None, wall_ms: 100.0 }; 2];
        let turns = Some(Turns { count: 2, p50_ms: 100.0, p95_ms: 100.0, timeline });
        one(&WorkloadResult { turns, wall_ms: Some(9000.0), ..point(1) }, State::Flagged, "turns of 200 ms");
    }
}
