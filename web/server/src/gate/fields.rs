//! Whether the figures of a run can be, and whether they agree with each other.

use data::Catalog;
use data::digest::unhex32;
use data::submission::{Submission, WorkloadResult};

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
    host::check(run).map_err(claim)?;
    let known = |point: &WorkloadResult| {
        let suite = catalog.suites().iter().find(|suite| suite.id == run.suite);
        suite.is_some_and(|suite| suite.workload.iter().any(|row| row.id == point.workload))
    };
    for point in &run.workloads {
        if !known(point) {
            return Err(claim(format!("{} has no workload {:?}.", run.suite, point.workload)));
        }
        figures::check(point).map_err(|says| claim(format!("{}: {says}", point.workload)))?;
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
}
