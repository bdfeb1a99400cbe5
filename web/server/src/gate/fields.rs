//! Whether the figures of a run can be, and whether they agree with each other.

use data::Catalog;
use data::digest::unhex32;
use data::submission::{Submission, WorkloadResult};

use super::day::{self, DAY_MS};
use super::{Because, Refusal};

/// Clocks may differ by this much, milliseconds.
pub const CLOCK_SKEW_MS: i64 = 10 * 60 * 1000;
/// A run may wait this many days before it is sent.
const OLDEST_DAYS: i64 = 400;
/// Points of one run at most.
const MOST_POINTS: usize = 64;
/// Devices of one machine at most.
const MOST_GPUS: usize = 16;
/// How far the rate and the middle gap between tokens may lie apart: tokens come in bunches, never this much.
const RATE_AGREES: f64 = 5.0;

fn claim(says: impl Into<String>) -> Refusal {
    Refusal::new(Because::Claim, says)
}

/// Checks what a run says of itself.
///
/// # Errors
/// The first thing that cannot be, in a sentence.
pub fn check(run: &Submission, catalog: &Catalog, now_ms: i64) -> Result<(), Refusal> {
    if !catalog.suites().iter().any(|suite| suite.id == run.suite) {
        let known: Vec<&str> = catalog.suites().iter().map(|suite| suite.id.as_str()).collect();
        return Err(claim(format!(
            "This server knows no suite {:?}; it knows {}.",
            run.suite,
            known.join(", ")
        )));
    }
    when(&run.measured_on, now_ms)?;
    if run.tag.as_deref().is_some_and(|tag| unhex32(tag).is_none()) {
        return Err(claim("The tag is not 64 lower-case hexadecimal digits."));
    }
    if unhex32(&run.raw_timings_sha256).is_none() {
        return Err(claim("raw_timings_sha256 is not 64 lower-case hexadecimal digits."));
    }
    let digest =
        run.model.digest.as_deref().filter(|_| run.model.identity == data::submission::Identity::File);
    if digest.is_some_and(|digest| unhex32(digest).is_none()) {
        return Err(claim("The digest of the model's file is not 64 lower-case hexadecimal digits."));
    }
    if run.workloads.len() > MOST_POINTS {
        return Err(claim(format!("{} points; a run has {MOST_POINTS} at most.", run.workloads.len())));
    }
    if run.fingerprint.gpus.len() > MOST_GPUS {
        return Err(claim(format!("{} devices; {MOST_GPUS} are read.", run.fingerprint.gpus.len())));
    }
    if !run.workloads.iter().any(|point| point.decode_tps.is_some()) {
        return Err(claim("No point of the run has a decode speed, so there is nothing to show."));
    }
    memory(run)?;
    let known = |point: &WorkloadResult| {
        let suite = catalog.suites().iter().find(|suite| suite.id == run.suite);
        suite.is_some_and(|suite| suite.workload.iter().any(|row| row.id == point.workload))
    };
    for point in &run.workloads {
        if !known(point) {
            return Err(claim(format!("{} has no workload {:?}.", run.suite, point.workload)));
        }
        figures(point).map_err(|says| claim(format!("{}: {says}", point.workload)))?;
    }
    Ok(())
}

/// A day that was, and not too long ago.
fn when(measured_on: &str, now_ms: i64) -> Result<(), Refusal> {
    let day = day::number(measured_on)
        .ok_or_else(|| claim(format!("measured_on is {measured_on:?}; a day is written 2026-11-22.")))?;
    if day > (now_ms + CLOCK_SKEW_MS).div_euclid(DAY_MS) {
        return Err(claim(format!("The run says {measured_on}, a day that has not come; set the clock.")));
    }
    if day < now_ms.div_euclid(DAY_MS) - OLDEST_DAYS {
        return Err(claim(format!(
            "The run is of {measured_on}; runs older than {OLDEST_DAYS} days are not taken."
        )));
    }
    Ok(())
}

fn memory(run: &Submission) -> Result<(), Refusal> {
    let sizes =
        run.fingerprint.gpus.iter().filter_map(|gpu| gpu.memory_gib).chain([run.fingerprint.ram.total_gib]);
    match sizes.into_iter().find(|gib| !(0.0..=65_536.0).contains(gib)) {
        None => Ok(()),
        Some(gib) => Err(claim(format!("A memory of {gib} GiB is not believed."))),
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
        ("wall_ms", point.wall_ms, 1e9),
        ("first_answer_ms", point.first_answer_ms, 1e9),
        ("answer_tps", point.answer_tps, 1e6),
        ("decode_tps_interval", point.decode_tps_interval.map(|interval| interval[0]), 1e6),
        ("decode_tps_interval", point.decode_tps_interval.map(|interval| interval[1]), 1e6),
    ];
    for (name, value, most) in bounds {
        if let Some(value) = value.filter(|value| !(0.0..=most).contains(value)) {
            return Err(format!("{name} is {value}; it lies between 0 and {most}."));
        }
    }
    if point.decode_tps == Some(0.0) || point.prefill_tps == Some(0.0) {
        return Err("a speed of 0 is no measurement; leave it out.".to_owned());
    }
    let streams_count = (1..=1024).contains(&point.streams);
    if !streams_count || point.repeats > 10_000 || point.flags.len() > 64 {
        return Err("streams, repeats or flags are more than a run has.".to_owned());
    }
    let tokens = [Some(point.target_prompt_tokens), point.prompt_tokens, point.output_tokens];
    if tokens.into_iter().flatten().any(|tokens| tokens > 100_000_000) {
        return Err("more tokens than any model takes.".to_owned());
    }
    if point.prefix_cache_hit_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
        return Err("prefix_cache_hit_rate lies between 0 and 1.".to_owned());
    }
    if point.skipped.is_some() && (point.decode_tps.is_some() || point.prefill_tps.is_some()) {
        return Err("a point that was left out has no speeds.".to_owned());
    }
    agreement(point)
}

/// Figures of one point that say the same thing twice must say the same.
fn agreement(point: &WorkloadResult) -> Result<(), String> {
    if let (Some(decode), Some([low, high])) = (point.decode_tps, point.decode_tps_interval)
        && !(low <= decode && decode <= high)
    {
        return Err("decode_tps lies outside its own interval.".to_owned());
    }
    if let (Some(p50), Some(p95)) = (point.decode_p50_latency_ms, point.decode_p95_latency_ms)
        && p50 > p95
    {
        return Err("half of the gaps are longer than 95 % of them.".to_owned());
    }
    let bunched = point.flags.iter().any(|flag| flag == "buffered" || flag == "tokens_bundled");
    if let (Some(decode), Some(p50), false) = (point.decode_tps, point.decode_p50_latency_ms, bunched) {
        let ratio = decode * p50 / 1000.0;
        if !(1.0 / RATE_AGREES..=RATE_AGREES).contains(&ratio) {
            return Err(format!("{decode} tok/s and {p50} ms between tokens do not agree."));
        }
    }
    if let (Some(ttft), Some(wall)) = (point.ttft_ms, point.wall_ms)
        && ttft > wall * 1.01 + 1.0
    {
        return Err("the first token came after the last.".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_to_come_and_days_long_gone() {
        let now = 20_779 * DAY_MS + 1000;
        assert!(when("2026-11-22", now).is_ok());
        assert!(when("2025-11-22", now).is_ok());
        assert!(when("2026-11-23", now).unwrap_err().says.contains("not come"));
        assert!(when("2026-11-23", 20_780 * DAY_MS - CLOCK_SKEW_MS).is_ok(), "a clock ten minutes ahead");
        assert!(when("2025-01-01", now).unwrap_err().says.contains("older"));
        assert!(when("yesterday", now).is_err());
    }

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
        assert_eq!(figures(&good), Ok(()));
        let says = |change: &dyn Fn(&mut WorkloadResult)| {
            let mut point = good.clone();
            change(&mut point);
            figures(&point).unwrap_err()
        };
        assert!(says(&|p| p.decode_tps = Some(60.0)).contains("interval"));
        assert!(says(&|p| p.decode_p50_latency_ms = Some(2.0)).contains("do not agree"));
        assert!(says(&|p| p.decode_p95_latency_ms = Some(19.0)).contains("95 %"));
        assert!(says(&|p| p.decode_tps = Some(-1.0)).contains("between 0"));
        assert!(says(&|p| p.prefill_tps = Some(0.0)).contains("no measurement"));
        assert!(says(&|p| p.ttft_ms = Some(6000.0)).contains("after the last"));
        assert!(says(&|p| p.streams = 0).contains("streams"));
        assert!(says(&|p| p.prefix_cache_hit_rate = Some(1.1)).contains("between 0 and 1"));
        assert!(says(&|p| p.skipped = Some("x".into())).contains("left out"));
    }
}
