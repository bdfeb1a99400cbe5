//! Whether the figures of a run can be, and whether they agree with each other.

use data::Catalog;
use data::digest::unhex32;
use data::plausibility::PlausibilityRow;
use data::row::WorkloadRow;
use data::submission::{Submission, WorkloadResult};
use page::messages::EN;

use super::day::{self, DAY_MS};
use super::{Because, Refusal, figures, host};

/// Clocks may differ by this much, milliseconds.
pub const CLOCK_SKEW_MS: i64 = 10 * 60 * 1000;
/// A run may wait this many days before it is sent.
const OLDEST_DAYS: i64 = 400;
/// Points of one run at most.
const MOST_POINTS: usize = 64;
/// Devices of one machine at most.
const MOST_GPUS: usize = 16;

fn claim(says: impl Into<String>) -> Refusal {
    Refusal::new(Because::Claim, says)
}

/// Checks what a run says of itself.
///
/// # Errors
/// The first thing that cannot be, in a sentence.
pub fn check(
    run: &Submission,
    catalog: &Catalog,
    rules: &PlausibilityRow,
    now_ms: i64,
) -> Result<(), Refusal> {
    if !catalog.suites().iter().any(|suite| suite.id == run.suite) {
        let known: Vec<&str> = catalog.suites().iter().map(|suite| suite.id.as_str()).collect();
        return Err(claim(EN.gate.unknown_suite(&known.join(", "), &format!("{:?}", run.suite))));
    }
    when(&run.measured_on, now_ms)?;
    if run.tag.as_deref().is_some_and(|tag| unhex32(tag).is_none()) {
        return Err(claim(EN.gate.tag_form));
    }
    if unhex32(&run.raw_timings_sha256).is_none() {
        return Err(claim(EN.gate.timings_digest_form));
    }
    let digest =
        run.model.digest.as_deref().filter(|_| run.model.identity == data::submission::Identity::File);
    if digest.is_some_and(|digest| unhex32(digest).is_none()) {
        return Err(claim(EN.gate.file_digest_form));
    }
    if run.workloads.len() > MOST_POINTS {
        return Err(claim(EN.gate.most_points(&run.workloads.len().to_string(), &MOST_POINTS.to_string())));
    }
    if run.fingerprint.gpus.len() > MOST_GPUS {
        let count = run.fingerprint.gpus.len().to_string();
        return Err(claim(EN.gate.most_devices(&count, &MOST_GPUS.to_string())));
    }
    if !run.workloads.iter().any(|point| point.decode_tps.is_some()) {
        return Err(claim(EN.gate.no_decode));
    }
    host::check(run).map_err(claim)?;
    if !is_plain_version(&run.backend.version) {
        return Err(claim(EN.gate.version_form(&VERSION_CHARS.to_string(), VERSION_SIGNS)));
    }
    for point in &run.workloads {
        let suite = catalog.suites().iter().find(|suite| suite.id == run.suite);
        let row = suite.and_then(|suite| suite.workload.iter().find(|row| row.id == point.workload));
        let Some(row) = row else {
            return Err(claim(EN.gate.no_workload(&run.suite, &format!("{:?}", point.workload))));
        };
        aim(point, row)
            .and_then(|()| figures::check(point, rules))
            .map_err(|says| claim(EN.gate.of_workload(&says, &point.workload)))?;
    }
    Ok(())
}

/// Longest version of a runtime. It is kept where erasure does not reach, so it is no place for text.
const VERSION_CHARS: usize = 64;
/// Signs in versions beside letters, digits and spaces: `b7000-abc123`, `0.11.0+cu128`, `1:2.3~rc1 (abc)`.
const VERSION_SIGNS: &str = "._-+():/,~";

fn is_plain_version(version: &str) -> bool {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || sign == ' ' || VERSION_SIGNS.contains(sign);
    version.len() <= VERSION_CHARS && version.chars().all(is_plain)
}

/// A point aims at what its workload asks for: under another name it would be compared with what it is not. A trace may be cut
/// to its first turns, so its target may be shorter.
fn aim(point: &WorkloadResult, row: &WorkloadRow) -> Result<(), String> {
    let listed = |all: &[u32]| all.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let target = point.target_prompt_tokens;
    let longest = row.prompt_tokens.iter().copied().max().unwrap_or(0);
    let is_cut = row.turns > 1 && (1..=longest).contains(&target);
    if !row.prompt_tokens.contains(&target) && !is_cut {
        return Err(EN.gate.other_target(&listed(&row.prompt_tokens), &target.to_string()));
    }
    if !row.streams.contains(&point.streams) {
        return Err(EN.gate.other_streams(&listed(&row.streams), &point.streams.to_string()));
    }
    Ok(())
}

/// A day that was, and not too long ago.
fn when(measured_on: &str, now_ms: i64) -> Result<(), Refusal> {
    let day = day::number(measured_on).ok_or_else(|| claim(EN.gate.day_form(&format!("{measured_on:?}"))))?;
    if day > (now_ms + CLOCK_SKEW_MS).div_euclid(DAY_MS) {
        return Err(claim(EN.gate.day_to_come(measured_on)));
    }
    if day < now_ms.div_euclid(DAY_MS) - OLDEST_DAYS {
        return Err(claim(EN.gate.too_old(measured_on, &OLDEST_DAYS.to_string())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_aims_at_what_its_workload_asks_for() {
        let suite = Catalog::embedded().suites().iter().find(|suite| suite.id == "suite-v1").unwrap();
        let says = |workload: &str, target: u32, streams: u32| {
            let row = suite.workload.iter().find(|row| row.id == workload).unwrap();
            let point = WorkloadResult::skipped(workload, target, streams, String::new());
            aim(&point, row).map_or_else(|says| says, |()| String::new())
        };
        assert_eq!(says("W3", 32_512, 1), "");
        assert_eq!(says("W4", 1024, 16), "");
        assert_eq!(says("W5", 3000, 1), "", "a trace that was cut");
        assert_eq!(
            says("W3", 100, 1),
            "target_prompt_tokens is 100; the workload has 32512, 65280, 130816. Run it as the suite has it, without --quick."
        );
        assert_eq!(says("W4", 1024, 3), "streams is 3; the workload has 1, 4, 8, 16.");
        assert!(says("W1", 128, 4).contains("streams is 4"));
        assert!(says("W5", 0, 1).contains("target_prompt_tokens is 0"));
        assert!(says("W5", 20_000, 1).contains("target_prompt_tokens is 20000"));
    }

    #[test]
    fn a_version_is_no_place_for_text() {
        for version in ["", "b7000", "version not told", "0.11.0+cu128", "TabbyAPI 0.0.1 (abc/def)"] {
            assert!(is_plain_version(version), "{version}");
        }
        for version in ["me@example.org", "<b>", "line\nline", "Zoë", &"1".repeat(65)] {
            assert!(!is_plain_version(version), "{version}");
        }
    }

    #[test]
    fn days_to_come_and_days_long_gone() {
        let now = 20_779 * DAY_MS + 1000;
        assert!(when("2026-11-22", now).is_ok());
        assert!(when("2025-11-22", now).is_ok());
        let says = |day: &str| when(day, now).unwrap_err().says;
        assert_eq!(says("2026-11-23"), "The run says 2026-11-23, a day that has not come; set the clock.");
        assert!(when("2026-11-23", 20_780 * DAY_MS - CLOCK_SKEW_MS).is_ok(), "a clock ten minutes ahead");
        assert_eq!(says("2025-01-01"), "The run is of 2025-01-01; runs older than 400 days are not taken.");
        assert_eq!(says("yesterday"), "measured_on is \"yesterday\"; a day is written 2026-11-22.");
    }
}
