//! Whether the figures of one point can be, and whether they agree with each other.

use data::plausibility::PlausibilityRow;
use data::submission::{Clocks, Turns, WorkloadResult};
use page::messages::EN;

/// Longest time of anything within a run, milliseconds: more than eleven days.
const LONGEST_MS: f64 = 1e9;
/// Turns of one trace at most.
const MOST_TURNS: u32 = 1000;

/// Letters of one flag at most.
const LONGEST_FLAG: usize = 40;

/// Checks what one point says of itself.
///
/// # Errors
/// The first thing that cannot be, in words that go behind the workload's name.
pub fn check(point: &WorkloadResult, rules: &PlausibilityRow) -> Result<(), String> {
    figures(point)?;
    agreement(point, rules.rate_agrees)?;
    point.clock.as_ref().map_or(Ok(()), clocks)?;
    point.turns.as_ref().map_or(Ok(()), turns)
}

/// Whether a flag is a word: it is kept where erasure does not reach, so it is no place for text.
fn is_word(flag: &str) -> bool {
    let is_plain = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_';
    (1..=LONGEST_FLAG).contains(&flag.len()) && flag.bytes().all(is_plain)
}

/// A figure that is there lies between 0 and `most`.
fn within(name: &str, value: Option<f64>, most: f64) -> Result<(), String> {
    match value.filter(|value| !(0.0..=most).contains(value)) {
        None => Ok(()),
        Some(value) => Err(EN.gate.between(&most.to_string(), name, &value.to_string())),
    }
}

fn figures(point: &WorkloadResult) -> Result<(), String> {
    let bounds: [(&str, Option<f64>, f64); 11] = [
        ("ttft_ms", point.ttft_ms, 1e8),
        ("prefill_tps", point.prefill_tps, 1e7),
        ("decode_tps", point.decode_tps, 1e6),
        ("decode_p50_latency_ms", point.decode_p50_latency_ms, 1e7),
        ("decode_p95_latency_ms", point.decode_p95_latency_ms, 1e7),
        ("aggregate_tps", point.aggregate_tps, 1e7),
        ("wall_ms", point.wall_ms, LONGEST_MS),
        ("first_answer_ms", point.first_answer_ms, LONGEST_MS),
        ("answer_tps", point.answer_tps, 1e6),
        ("decode_tps_interval", point.decode_tps_interval.map(|interval| interval[0]), 1e6),
        ("decode_tps_interval", point.decode_tps_interval.map(|interval| interval[1]), 1e6),
    ];
    for (name, value, most) in bounds {
        within(name, value, most)?;
    }
    if point.decode_tps == Some(0.0) || point.prefill_tps == Some(0.0) {
        return Err(EN.gate.no_speed.to_owned());
    }
    let streams_count = (1..=1024).contains(&point.streams);
    if !streams_count || point.repeats > 10_000 || point.flags.len() > 64 {
        return Err(EN.gate.more_than_a_run.to_owned());
    }
    if let Some(flag) = point.flags.iter().find(|flag| !is_word(flag)) {
        // Its length may be what is wrong with it.
        let start: String = flag.chars().take(LONGEST_FLAG).collect();
        return Err(EN.gate.flag_form(&format!("{start:?}"), &LONGEST_FLAG.to_string()));
    }
    let tokens =
        [Some(point.target_prompt_tokens), point.prompt_tokens, point.output_tokens, point.reasoning_tokens];
    if tokens.into_iter().flatten().any(|tokens| tokens > 100_000_000) {
        return Err(EN.gate.more_tokens.to_owned());
    }
    if point.prefix_cache_hit_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
        return Err(EN.gate.hit_rate.to_owned());
    }
    if point.skipped.is_some() && (point.decode_tps.is_some() || point.prefill_tps.is_some()) {
        return Err(EN.gate.left_out.to_owned());
    }
    Ok(())
}

/// Figures of one point that say the same thing twice must say the same.
fn agreement(point: &WorkloadResult, rate_agrees: f64) -> Result<(), String> {
    if let (Some(decode), Some([low, high])) = (point.decode_tps, point.decode_tps_interval)
        && !(low <= decode && decode <= high)
    {
        return Err(EN.gate.outside_interval.to_owned());
    }
    if let (Some(p50), Some(p95)) = (point.decode_p50_latency_ms, point.decode_p95_latency_ms)
        && p50 > p95
    {
        return Err(EN.gate.gaps_disagree.to_owned());
    }
    let bunched = point.flags.iter().any(|flag| flag == "buffered" || flag == "tokens_bundled");
    if let (Some(decode), Some(p50), false) = (point.decode_tps, point.decode_p50_latency_ms, bunched) {
        let ratio = decode * p50 / 1000.0;
        if !(1.0 / rate_agrees..=rate_agrees).contains(&ratio) {
            return Err(EN.gate.speed_and_gap(&decode.to_string(), &p50.to_string()));
        }
    }
    if let (Some(ttft), Some(wall)) = (point.ttft_ms, point.wall_ms)
        && is_later(ttft, wall)
    {
        return Err(EN.gate.first_after_last.to_owned());
    }
    if let (Some(first), Some(wall)) = (point.first_answer_ms, point.wall_ms)
        && is_later(first, wall)
    {
        return Err(EN.gate.answer_after_last.to_owned());
    }
    Ok(())
}

/// Whether one moment lies behind another by more than medians of several repeats may.
fn is_later(one_ms: f64, other_ms: f64) -> bool {
    one_ms > other_ms * 1.01 + 1.0
}

/// Rates of both clocks, and how far they lie apart.
fn clocks(clocks: &Clocks) -> Result<(), String> {
    for (name, reading) in [("clock.client", Some(clocks.client)), ("clock.engine", clocks.engine)] {
        let Some(reading) = reading else { continue };
        within(&format!("{name}.decode_tps"), reading.decode_tps, 1e6)?;
        within(&format!("{name}.prefill_tps"), reading.prefill_tps, 1e7)?;
    }
    match clocks.gap.filter(|gap| !(-1.0..=1e6).contains(gap)) {
        None => Ok(()),
        Some(gap) => Err(EN.gate.clock_gap(&gap.to_string())),
    }
}

/// A trace's turns: as many as are counted, each as long as it can be.
fn turns(turns: &Turns) -> Result<(), String> {
    if !(1..=MOST_TURNS).contains(&turns.count) {
        return Err(EN.gate.turns_of_a_trace(&turns.count.to_string(), &MOST_TURNS.to_string()));
    }
    if turns.timeline.len() > turns.count as usize {
        return Err(EN.gate.timeline(&turns.count.to_string(), &turns.timeline.len().to_string()));
    }
    within("turns.p50_ms", Some(turns.p50_ms), LONGEST_MS)?;
    within("turns.p95_ms", Some(turns.p95_ms), LONGEST_MS)?;
    if turns.p50_ms > turns.p95_ms {
        return Err(EN.gate.turns_disagree.to_owned());
    }
    for (turn, number) in turns.timeline.iter().zip(1_u32..) {
        let of_turn = |what: &str| EN.gate.of_turn(&number.to_string(), what);
        within(&of_turn("wall_ms"), Some(turn.wall_ms), LONGEST_MS)?;
        within(&of_turn("ttft_ms"), turn.ttft_ms, LONGEST_MS)?;
        if turn.ttft_ms.is_some_and(|ttft| is_later(ttft, turn.wall_ms)) {
            return Err(of_turn(EN.gate.first_after_last));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use data::submission::{ClockReading, Turn};

    use super::*;

    #[test]
    fn figures_that_disagree_are_told() {
        let good = WorkloadResult {
            skipped: None,
            decode_tps: Some(50.0),
            decode_tps_interval: Some([49.0, 51.0]),
            decode_p50_latency_ms: Some(20.0),
            decode_p95_latency_ms: Some(22.0),
            ttft_ms: Some(100.0),
            wall_ms: Some(5000.0),
            ..WorkloadResult::skipped("W1", 128, 1, String::new())
        };
        assert_eq!(check(&good, PlausibilityRow::embedded()), Ok(()));
        let says = |change: &dyn Fn(&mut WorkloadResult)| {
            let mut point = good.clone();
            change(&mut point);
            check(&point, PlausibilityRow::embedded()).unwrap_err()
        };
        assert!(says(&|p| p.decode_tps = Some(60.0)).contains("interval"));
        let gap = says(&|p| p.decode_p50_latency_ms = Some(2.0));
        assert_eq!(gap, "50 tok/s and 2 ms between tokens do not agree.");
        assert!(says(&|p| p.decode_p95_latency_ms = Some(19.0)).contains("95 %"));
        let below = says(&|p| p.decode_tps = Some(-1.0));
        assert_eq!(below, "decode_tps is -1; it lies between 0 and 1000000.");
        assert!(says(&|p| p.prefill_tps = Some(0.0)).contains("no measurement"));
        assert!(says(&|p| p.ttft_ms = Some(6000.0)).contains("after the last"));
        assert!(says(&|p| p.streams = 0).contains("streams"));
        for flag in ["", "Me", "my name is", "a@b", &"a".repeat(41)] {
            assert!(says(&|p| p.flags = vec![flag.into()]).contains("is no word"), "{flag}");
        }
        let flag = says(&|p| p.flags = vec!["a@b".into()]);
        assert_eq!(
            flag,
            "the flag \"a@b\" is no word of a-z, 0-9 and _ with 40 letters at most; leave it out."
        );
        assert!(says(&|p| p.prefix_cache_hit_rate = Some(1.1)).contains("between 0 and 1"));
        assert!(says(&|p| p.skipped = Some("x".into())).contains("left out"));
        assert!(says(&|p| p.first_answer_ms = Some(6000.0)).contains("began after"));
        assert!(says(&|p| p.reasoning_tokens = Some(u32::MAX)).contains("more tokens"));
        let clocked = |decode_tps: f64, gap: f64| {
            let client = ClockReading { decode_tps: Some(decode_tps), prefill_tps: None };
            Some(Clocks { client, engine: Some(client), engine_rule: None, gap: Some(gap) })
        };
        assert!(says(&|p| p.clock = clocked(-1.0, 0.0)).contains("clock.client.decode_tps"));
        assert!(says(&|p| p.clock = clocked(1.0, -2.0)).contains("clock.gap"));
    }

    #[test]
    fn turns_that_cannot_be_are_told() {
        let turn = |ttft_ms: f64, wall_ms: f64| Turn { ttft_ms: Some(ttft_ms), wall_ms };
        let good = Turns { count: 2, p50_ms: 900.0, p95_ms: 1000.0, timeline: vec![turn(50.0, 900.0); 2] };
        let says = |change: &dyn Fn(&mut Turns)| {
            let mut told = good.clone();
            change(&mut told);
            let point =
                WorkloadResult { turns: Some(told), ..WorkloadResult::skipped("W5", 128, 1, String::new()) };
            check(&point, PlausibilityRow::embedded()).map_or_else(|says| says, |()| String::new())
        };
        assert_eq!(says(&|_| {}), "");
        assert_eq!(says(&|t| t.count = 0), "0 turns; a trace has 1 to 1000.");
        assert!(says(&|t| t.count = 1001).contains("1 to 1000"));
        assert_eq!(says(&|t| t.count = 1), "2 turns in the timeline of 1.");
        assert!(says(&|t| t.p50_ms = 2000.0).contains("95 %"));
        assert!(says(&|t| t.p95_ms = 2e9).contains("p95_ms"));
        let below = says(&|t| t.timeline[1].wall_ms = -7.0);
        assert_eq!(below, "turn 2: wall_ms is -7; it lies between 0 and 1000000000.");
        assert!(says(&|t| t.timeline[0].ttft_ms = Some(-1.0)).contains("turn 1: ttft_ms"));
        let late = says(&|t| t.timeline[0].ttft_ms = Some(5000.0));
        assert_eq!(late, "turn 1: the first token came after the last.");
    }
}
