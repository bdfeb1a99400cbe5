//! From a series of replies to the published signals.

use data::submission::{Calibration, ClockReading, Clocks, Turn, Turns, WorkloadResult};
use data::timings::{DecodeRule, PrefillRule, Timings, quantile};

use crate::driver::Reply;
use crate::measure::{Series, aggregate_of, decode_of, share_together};
use crate::plan::Point;
use crate::statistics::{Summary, drift, outliers, summary};

/// Share of the probe's own ceiling above which a rate says more about the probe than about the runtime.
const NEAR_CEILING: f64 = 0.5;
/// Share of the time that the streams were all at work below which what they made together says little.
const HARDLY_TOGETHER: f64 = 0.25;
/// Half width of the interval, and of all that was measured, above which a series is called unstable.
const UNSTABLE: f64 = 0.05;

/// The signals of a point.
pub fn of(point: &Point, series: &Series, calibration: &Calibration) -> WorkloadResult {
    let skipped =
        |reason: String| WorkloadResult::skipped(&point.workload, point.prompt_tokens, point.streams, reason);
    let shared = shared_time(point, series);
    if shared == Some(0.0) {
        return skipped(one_by_one(point, series.streams_flag));
    }
    let mut result = skipped(String::new());
    result.skipped = None;
    let all: Vec<&Timings> = series.rounds.iter().flatten().map(|reply| &reply.timings).collect();
    let middle = |value: &dyn Fn(&Timings) -> Option<f64>| {
        quantile(&all.iter().filter_map(|timings| value(timings)).collect::<Vec<_>>(), 0.5)
    };
    let count = |value: &dyn Fn(&Timings) -> Option<f64>| middle(value).map(|value| value.round() as u32);
    let decode: Vec<f64> = series.rounds.iter().filter_map(|round| decode_of(round)).collect();
    let sure = summary(&decode);

    result.ttft_ms = middle(&Timings::ttft_ms);
    result.prefill_tps = middle(&|timings| timings.prefill_tps().map(|(rate, _)| rate));
    result.prefill_rule = prefill_rule(&all);
    result.decode_tps = sure.map(|sure| sure.median);
    // One that reaches further than the rate itself says nothing.
    let is_told = |sure: &Summary| sure.count > 1 && sure.half_width() < 1.0;
    result.decode_tps_interval = sure.filter(is_told).map(|sure| [sure.low, sure.high]);
    // Of what came in bunches only the engine's clock tells a rate: the stamps are those of what held it back.
    let steady = || all.iter().filter(|timings| !timings.is_buffered());
    let latencies: Vec<f64> = steady().flat_map(|timings| timings.latencies_ms()).collect();
    result.decode_p50_latency_ms = quantile(&latencies, 0.5);
    result.decode_p95_latency_ms = quantile(&latencies, 0.95);
    result.prompt_tokens = count(&|timings| Some(f64::from(counted(timings)?)));
    result.output_tokens = count(&|timings| Some(f64::from(timings.output_tokens)));
    result.reasoning_tokens = count(&|timings| timings.reasoning_tokens.map(f64::from));
    result.first_answer_ms = middle(&|timings| timings.first_answer_ms);
    result.answer_tps =
        quantile(&steady().filter_map(|timings| timings.answer_tps()).collect::<Vec<_>>(), 0.5);
    result.wall_ms = middle(&|timings| Some(timings.wall_ms));
    result.prefix_cache_hit_rate = hit_rate(&all);
    result.clock = Some(clocks(&all));
    result.repeats = series.rounds.len() as u32;
    if point.streams > 1 {
        let rates: Vec<f64> = series.rounds.iter().filter_map(|round| aggregate_of(round)).collect();
        result.aggregate_tps = quantile(&rates, 0.5);
    }
    if point.turns > 1 {
        fill_turns(&mut result, &series.rounds);
    }
    result.flags = flags(point, series, &decode);
    if shared.is_some_and(|share| share < HARDLY_TOGETHER) {
        result.flags.push("hardly_together".to_owned());
    }
    let fastest = result.aggregate_tps.or(result.decode_tps).unwrap_or(0.0);
    if calibration.ceiling_tps > 0.0 && fastest > NEAR_CEILING * calibration.ceiling_tps {
        return skipped(format!(
            "{fastest:.0} tok/s is too near to what this program itself takes in ({:.0} tok/s) to be a measurement",
            calibration.ceiling_tps
        ));
    }
    result
}

/// The share of the time in which all streams were at work: the middle of the rounds that tell.
fn shared_time(point: &Point, series: &Series) -> Option<f64> {
    let shares: Vec<f64> = series.rounds.iter().filter_map(|round| share_together(round)).collect();
    quantile(&shares, 0.5).filter(|_| point.streams > 1)
}

/// Why streams that waited for each other are no measurement of streams side by side.
fn one_by_one(point: &Point, flag: Option<&str>) -> String {
    let streams = point.streams;
    let remedy = match flag {
        Some("-np") => format!("; start it with -np {streams}"),
        Some(flag) if flag.starts_with("--") => format!("; start it with {flag} {streams}"),
        Some(setting) => format!("; start it with {setting}={streams}"),
        None => String::new(),
    };
    format!("the {streams} streams were never all at work at once: the server lets some of them wait{remedy}")
}

/// One rule for all, or the weaker one.
fn prefill_rule(all: &[&Timings]) -> Option<PrefillRule> {
    let rules: Vec<PrefillRule> =
        all.iter().filter_map(|timings| timings.prefill_tps().map(|(_, rule)| rule)).collect();
    let first = *rules.first()?;
    Some(if rules.iter().all(|rule| *rule == first) { first } else { PrefillRule::TimeToFirstToken })
}

/// Tokens of the prompt, where the server counts them.
fn counted(timings: &Timings) -> Option<u32> {
    Some(timings.prompt_tokens).filter(|tokens| *tokens > 0)
}

/// Over all prompt tokens together: the share that came out of a cache, where every reply tells.
fn hit_rate(all: &[&Timings]) -> Option<f64> {
    let mut cached = 0.0;
    let mut read = 0.0;
    for timings in all {
        cached += f64::from(timings.cached_tokens?);
        read += f64::from(timings.prompt_tokens);
    }
    (read > 0.0).then(|| cached / read)
}

fn clocks(all: &[&Timings]) -> Clocks {
    let middle = |value: &dyn Fn(&Timings) -> Option<f64>| {
        quantile(&all.iter().filter_map(|timings| value(timings)).collect::<Vec<_>>(), 0.5)
    };
    let engine_decode = middle(&|timings| timings.engine.as_ref()?.decode_tps());
    let engine_rule: Option<DecodeRule> =
        all.iter().find_map(|timings| timings.engine.as_ref().map(|engine| engine.rule));
    let by_ttft = |timings: &Timings| {
        let new = timings.prompt_tokens.checked_sub(timings.cached_tokens?)?;
        (new >= data::timings::FEW_PROMPT_TOKENS).then_some(())?;
        Some(f64::from(new) / timings.ttft_ms()? * 1000.0)
    };
    Clocks {
        client: ClockReading { decode_tps: middle(&Timings::decode_tps), prefill_tps: middle(&by_ttft) },
        engine: engine_decode.map(|decode_tps| ClockReading {
            decode_tps: Some(decode_tps),
            prefill_tps: middle(&|timings| timings.engine.as_ref()?.prefill_tps()),
        }),
        engine_rule,
        gap: middle(&Timings::clock_gap),
    }
}

/// Turn times of all replays, and the whole replay's time in place of one reply's.
fn fill_turns(result: &mut WorkloadResult, rounds: &[Vec<Reply>]) {
    let turns: Vec<f64> = rounds.iter().flatten().map(|reply| reply.timings.wall_ms).collect();
    if let (Some(p50_ms), Some(p95_ms)) = (quantile(&turns, 0.5), quantile(&turns, 0.95)) {
        let count = rounds.first().map_or(0, Vec::len) as u32;
        let timeline = (0..count as usize).filter_map(|at| turn(rounds, at)).collect();
        result.turns = Some(Turns { count, p50_ms, p95_ms, timeline });
    }
    let whole: Vec<f64> =
        rounds.iter().map(|round| round.iter().map(|reply| reply.timings.wall_ms).sum()).collect();
    result.wall_ms = quantile(&whole, 0.5);
    let last = rounds.first().and_then(|round| round.last());
    result.prompt_tokens = last.and_then(|reply| counted(&reply.timings));
    let made: Vec<f64> = rounds
        .iter()
        .map(|round| round.iter().map(|reply| f64::from(reply.timings.output_tokens)).sum())
        .collect();
    result.output_tokens = quantile(&made, 0.5).map(|tokens| tokens.round() as u32);
}

/// The turn at this place, by its medians over the replays.
fn turn(rounds: &[Vec<Reply>], at: usize) -> Option<Turn> {
    let replies = || rounds.iter().filter_map(|round| round.get(at)).map(|reply| &reply.timings);
    let walls: Vec<f64> = replies().map(|timings| timings.wall_ms).collect();
    let firsts: Vec<f64> = replies().filter_map(Timings::ttft_ms).collect();
    Some(Turn { ttft_ms: quantile(&firsts, 0.5), wall_ms: quantile(&walls, 0.5)? })
}

/// A remark stands when at least half of the replies call for it.
fn flags(point: &Point, series: &Series, decode: &[f64]) -> Vec<String> {
    let replies: Vec<&Timings> = series.rounds.iter().flatten().map(|reply| &reply.timings).collect();
    let each: Vec<Vec<&str>> = replies.iter().map(|timings| timings.flags(point.output_tokens)).collect();
    let mut flags: Vec<String> = Vec::new();
    for word in each.iter().flatten() {
        let count = each.iter().filter(|own| own.contains(word)).count();
        if count * 2 >= each.len() && !flags.iter().any(|flag| flag == word) {
            flags.push((*word).to_owned());
        }
    }
    let mut flag = |on: bool, word: &str| {
        if on {
            flags.push(word.to_owned());
        }
    };
    let fresh = point.turns == 1;
    flag(
        fresh && replies.iter().any(|timings| timings.cached_tokens.is_some_and(|n| n > 8)),
        "prompt_from_cache",
    );
    flag(series.calibrated, "prompt_length_calibrated");
    let off = |timings: &&Timings| {
        fresh
            && counted(timings).is_some()
            && timings.prompt_tokens.abs_diff(point.prompt_tokens) * 20 > point.prompt_tokens
    };
    flag(replies.iter().filter(|timings| off(timings)).count() * 2 > replies.len(), "prompt_length_off");
    flag(replies.iter().any(|timings| counted(timings).is_none()), "tokens_uncounted");
    flag(series.rounds.iter().flatten().any(|reply| is_speculative(&reply.extras)), "speculative");
    flag(decode.len() == 1, "one_repeat");
    // Wide because they scatter, and not because they are few.
    let scatters = summary(decode).is_some_and(|sure| sure.half_width().min(sure.scatter) > UNSTABLE);
    flag(scatters, "unstable");
    flag(drift(decode).is_some_and(|share| share < -0.03), "slowing_down");
    flag(!outliers(decode).is_empty(), "outliers");
    flags
}

/// Whether tokens of a reply were guessed ahead, as far as its runtime tells: llama-server counts drafts in its times, vLLM in
/// its counters and, where it is started so, in the reply's own.
fn is_speculative(extras: &serde_json::Value) -> bool {
    let drafted = extras.pointer("/timings/draft_n").and_then(serde_json::Value::as_u64);
    drafted.is_some_and(|tokens| tokens > 0)
        || extras.pointer("/metrics/speculative_decoding").is_some_and(|told| !told.is_null())
        || extras.get("speculative").and_then(serde_json::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::timings::Chunk;

    fn point(streams: u32, turns: u32) -> Point {
        Point {
            workload: "W1".into(),
            name: "chat-short".into(),
            prompt_tokens: 128,
            output_tokens: 64,
            streams,
            turns,
        }
    }

    fn reply(step_ms: f64) -> Reply {
        let chunks: Vec<Chunk> =
            (0..64).map(|n| Chunk { at_ms: 100.0 + f64::from(n) * step_ms, tokens: 1 }).collect();
        let timings = Timings {
            prompt_tokens: 128,
            cached_tokens: Some(0),
            output_tokens: 64,
            wall_ms: 100.0 + 64.0 * step_ms,
            chunks,
            ..Timings::default()
        };
        Reply { timings, extras: serde_json::Value::Null }
    }

    const FAR: Calibration = Calibration { latency_ms: 0.1, ceiling_tps: 200_000.0 };

    #[test]
    fn a_steady_series_needs_no_remark() {
        let series = Series {
            rounds: vec![vec![reply(10.0)], vec![reply(10.1)], vec![reply(9.9)]],
            ..Series::default()
        };
        let result = of(&point(1, 1), &series, &FAR);
        assert_eq!((result.repeats, result.prompt_tokens, result.output_tokens), (3, Some(128), Some(64)));
        assert!((result.decode_tps.unwrap() - 100.0).abs() < 0.1);
        assert_eq!(result.prefill_tps, Some(1280.0));
        assert_eq!(result.prefill_rule, Some(PrefillRule::TimeToFirstToken));
        assert_eq!(result.prefix_cache_hit_rate, Some(0.0));
        assert!(result.flags.is_empty(), "{:?}", result.flags);
    }

    #[test]
    fn bunched_stamps_give_no_times_of_tokens() {
        let bunched = |began_ms: f64| {
            let mut reply =
                Reply { extras: serde_json::json!({ "began_after_ms": began_ms }), ..reply(10.0) };
            for (index, chunk) in reply.timings.chunks.iter_mut().enumerate() {
                chunk.at_ms = 100.0 + (index / 8 * 80) as f64;
            }
            reply.timings.reasoning_tokens = Some(8);
            reply.timings.first_answer_ms = Some(180.0);
            reply
        };
        let rounds = vec![vec![bunched(0.0), bunched(1.0)]; 3];
        let found = of(&point(2, 1), &Series { rounds, ..Series::default() }, &FAR);
        assert!(found.flags.contains(&"buffered".to_owned()), "{:?}", found.flags);
        let times =
            (found.decode_p50_latency_ms, found.decode_p95_latency_ms, found.answer_tps, found.aggregate_tps);
        assert_eq!(times, (None, None, None, None));
    }

    #[test]
    fn trouble_is_flagged() {
        let rounds = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0].map(|step| vec![reply(step)]).to_vec();
        let flags = of(&point(1, 1), &Series { rounds, calibrated: true, ..Series::default() }, &FAR).flags;
        for word in ["unstable", "slowing_down", "prompt_length_calibrated"] {
            assert!(flags.iter().any(|flag| flag == word), "{word} is not in {flags:?}");
        }
        let mut cached = reply(10.0);
        cached.timings.cached_tokens = Some(100);
        let series = Series { rounds: vec![vec![cached]], ..Series::default() };
        let flags = of(&point(1, 1), &series, &FAR).flags;
        assert!(flags.contains(&"prompt_from_cache".to_owned()) && flags.contains(&"one_repeat".to_owned()));
    }

    #[test]
    fn guessing_ahead_is_told() {
        let found = |extras: serde_json::Value| {
            let round = vec![Reply { extras, ..reply(10.0) }];
            let flags = of(&point(1, 1), &Series { rounds: vec![round; 3], ..Series::default() }, &FAR).flags;
            flags.contains(&"speculative".to_owned())
        };
        assert!(found(serde_json::json!({"timings": {"draft_n": 24, "draft_n_accepted": 20}})));
        assert!(found(serde_json::json!({"metrics": {"speculative_decoding": {"num_drafts": 3}}})));
        assert!(found(serde_json::json!({"speculative": true})));
        for plain in [serde_json::json!({"timings": {"draft_n": 0}}), serde_json::json!({"metrics": {}})] {
            assert!(!found(plain));
        }
    }

    #[test]
    fn streams_that_wait_for_each_other_are_no_measurement() {
        let stream = |began_after_ms: f64| Reply {
            extras: serde_json::json!({ "began_after_ms": began_after_ms }),
            ..reply(10.0)
        };
        let found = |starts: [f64; 4], streams_flag| {
            let round: Vec<Reply> = starts.into_iter().map(stream).collect();
            of(&point(4, 1), &Series { rounds: vec![round; 3], streams_flag, ..Series::default() }, &FAR)
        };
        let all = found([0.0, 1.0, 2.0, 3.0], Some("--max-num-seqs"));
        assert!(
            all.skipped.is_none() && all.aggregate_tps.is_some_and(|rate| (390.0..410.0).contains(&rate))
        );
        assert!(!all.flags.contains(&"hardly_together".to_owned()), "{:?}", all.flags);
        // One after the other, and two at a time.
        for starts in [[0.0, 700.0, 1400.0, 2100.0], [0.0, 10.0, 640.0, 650.0]] {
            let queued = found(starts, Some("OLLAMA_NUM_PARALLEL"));
            assert!(
                queued.skipped.as_ref().is_some_and(|why| why.contains("OLLAMA_NUM_PARALLEL=4")),
                "{queued:?}"
            );
            assert_eq!((queued.decode_tps, queued.aggregate_tps), (None, None));
        }
        let hardly = found([0.0, 0.0, 0.0, 550.0], None);
        assert!(hardly.flags.contains(&"hardly_together".to_owned()), "{hardly:?}");
    }

    #[test]
    fn a_server_that_counts_nothing_still_has_its_rates() {
        let mut uncounted = reply(10.0);
        uncounted.timings.prompt_tokens = 0;
        uncounted.timings.cached_tokens = None;
        let found = of(&point(1, 1), &Series { rounds: vec![vec![uncounted]; 3], ..Series::default() }, &FAR);
        assert_eq!((found.prompt_tokens, found.prefill_tps), (None, None));
        assert!(found.decode_tps.is_some_and(|rate| (rate - 100.0).abs() < 0.1) && found.ttft_ms.is_some());
        assert!(found.flags.contains(&"tokens_uncounted".to_owned()), "{:?}", found.flags);
        assert!(!found.flags.contains(&"prompt_length_off".to_owned()), "{:?}", found.flags);
    }

    #[test]
    fn a_result_at_our_own_limit_is_refused() {
        let series = Series { rounds: vec![vec![reply(10.0)]; 3], ..Series::default() };
        let slow_probe = Calibration { latency_ms: 1.0, ceiling_tps: 150.0 };
        let result = of(&point(1, 1), &series, &slow_probe);
        assert!(result.skipped.unwrap().contains("too near"));
        assert_eq!(result.decode_tps, None);
    }

    #[test]
    fn a_trace_is_timed_as_a_whole_and_by_turn() {
        let round: Vec<Reply> = (0..10).map(|_| reply(10.0)).collect();
        let result = of(&point(1, 10), &Series { rounds: vec![round], ..Series::default() }, &FAR);
        assert_eq!(result.wall_ms, Some(7400.0));
        let turns = result.turns.unwrap();
        assert_eq!((turns.count, turns.p50_ms), (10, 740.0));
        assert_eq!(result.output_tokens, Some(640));
    }
}
