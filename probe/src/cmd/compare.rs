//! `compare`: saved runs side by side, what differs in their setups, and whether a difference is more than noise.

use std::io::Write;

use anyhow::Result;
use data::submission::WorkloadResult;

use super::UsageError;
use crate::runs::{self, SavedRun};

/// Compare saved runs with the first of them.
#[derive(clap::Args)]
pub struct Compare {
    /// Ids of runs, or their files; two or more.
    #[arg(required = true, num_args = 1..)]
    runs: Vec<String>,
}

pub fn run(arguments: &Compare, out: &mut dyn Write) -> Result<()> {
    if arguments.runs.len() < 2 {
        return Err(UsageError("name two runs or more; bench prints their ids".to_owned()).into());
    }
    let runs: Vec<SavedRun> =
        arguments.runs.iter().map(|reference| runs::find(reference)).collect::<Result<_>>()?;
    let Some((first, others)) = runs.split_first() else { return Ok(()) };
    for other in others {
        write_comparison(first, other, out)?;
    }
    Ok(())
}

fn write_comparison(first: &SavedRun, other: &SavedRun, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{} against {}", other.run_id, first.run_id)?;
    for (what, before, after) in differences(first, other) {
        writeln!(out, "  {what}: {before} -> {after}")?;
    }
    for result in &other.workloads {
        let same = |known: &&WorkloadResult| {
            known.workload == result.workload
                && known.target_prompt_tokens == result.target_prompt_tokens
                && known.streams == result.streams
        };
        let Some(before) = first.workloads.iter().find(same) else { continue };
        for (name, old, new) in [
            ("decode tok/s", before.decode_tps, result.decode_tps),
            ("prefill tok/s", before.prefill_tps, result.prefill_tps),
            ("TTFT ms", before.ttft_ms, result.ttft_ms),
        ] {
            let (Some(old), Some(new)) = (old, new) else { continue };
            let word = if name == "decode tok/s" { judge(before, result) } else { "" };
            writeln!(
                out,
                "  {} at {} tokens, {} streams: {name} {old:.1} -> {new:.1} ({:+.1} %){word}",
                result.workload,
                result.target_prompt_tokens,
                result.streams,
                (new / old - 1.0) * 100.0
            )?;
        }
    }
    Ok(())
}

/// Whether two decode rates differ by more than their intervals: only where both have one.
fn judge(before: &WorkloadResult, after: &WorkloadResult) -> &'static str {
    match (before.decode_tps_interval, after.decode_tps_interval) {
        (Some([low, high]), Some([other_low, other_high])) if other_low > high || other_high < low => {
            ", more than noise"
        }
        (Some(_), Some(_)) => ", within noise",
        _ => ", one repeat: cannot tell from noise",
    }
}

/// What differs in the setups.
fn differences(first: &SavedRun, other: &SavedRun) -> Vec<(&'static str, String, String)> {
    let names = |run: &SavedRun| {
        run.fingerprint.gpus.iter().map(|gpu| gpu.name.as_str()).collect::<Vec<_>>().join(" + ")
    };
    let drivers = |run: &SavedRun| {
        run.fingerprint.gpus.iter().filter_map(|gpu| gpu.driver.as_deref()).collect::<Vec<_>>().join(" + ")
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let pairs: [(&'static str, String, String); 10] = [
        ("suite", first.suite.clone(), other.suite.clone()),
        ("runtime", first.backend.name.clone(), other.backend.name.clone()),
        ("its version", first.backend.version.clone(), other.backend.version.clone()),
        ("model", first.model.reference.clone(), other.model.reference.clone()),
        ("quantisation", text(&first.model.quant), text(&other.model.quant)),
        ("model file", text(&first.model.digest), text(&other.model.digest)),
        ("GPU", names(first), names(other)),
        ("driver", drivers(first), drivers(other)),
        ("CPU", first.fingerprint.cpu.model.clone(), other.fingerprint.cpu.model.clone()),
        ("system", first.fingerprint.os.kernel.clone(), other.fingerprint.os.kernel.clone()),
    ];
    pairs.into_iter().filter(|(_, before, after)| before != after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(low: f64, high: f64) -> WorkloadResult {
        let mut result = WorkloadResult::skipped("W1", 128, 1, String::new());
        result.decode_tps_interval = (high > 0.0).then_some([low, high]);
        result
    }

    #[test]
    fn intervals_decide_what_is_noise() {
        assert_eq!(judge(&result(99.0, 101.0), &result(102.0, 104.0)), ", more than noise");
        assert_eq!(judge(&result(99.0, 101.0), &result(100.0, 104.0)), ", within noise");
        assert!(judge(&result(0.0, 0.0), &result(100.0, 104.0)).contains("cannot tell"));
    }
}
