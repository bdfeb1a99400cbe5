//! `compare`: saved runs side by side, what differs in their setups, and whether a difference is more than noise.

use std::ffi::{OsStr, OsString};
use std::io::Write;

use anyhow::{Context, Result};
use data::fingerprint::{Gpu, PowerSource};
use data::submission::{ModelIdentity, Submission, WorkloadResult};

use super::UsageError;
use crate::names::printable;
use crate::runs::{self, SavedRun};

/// Compare saved runs with the first of them.
#[derive(clap::Args)]
pub struct Compare {
    /// Ids of runs, or their files, two or more; without them the newest that are saved here are listed.
    #[arg(value_name = "RUN")]
    runs: Vec<OsString>,
}

pub fn run(arguments: &Compare, out: &mut dyn Write) -> Result<()> {
    if arguments.runs.len() < 2 {
        let folder = runs::data_folder()?;
        return Err(UsageError(wanted(&runs::newest(&folder, LISTED))).into());
    }
    let runs: Vec<Run> = arguments.runs.iter().map(|reference| verified(reference)).collect::<Result<_>>()?;
    let Some((first, others)) = runs.split_first() else { return Ok(()) };
    for other in others {
        write_comparison(first, other, out)?;
    }
    Ok(())
}

/// Saved runs that are listed where none was named.
const LISTED: usize = 8;

/// What to type, in the light of the runs that are here, the newest first.
fn wanted(saved: &[SavedRun]) -> String {
    if saved.is_empty() {
        return "name two runs or more; none is saved here yet: `llm-speed-probe bench` makes one".to_owned();
    }
    let line = |run: &SavedRun| {
        let mut workloads: Vec<&str> = Vec::new();
        for found in run.workloads.iter().filter(|found| found.skipped.is_none()) {
            if !workloads.contains(&found.workload.as_str()) {
                workloads.push(&found.workload);
            }
        }
        let measured = if workloads.is_empty() { "nothing".to_owned() } else { workloads.join(", ") };
        let (runtime, model) = (&run.backend, &run.model.reference);
        format!("  {}  {} {}, {model}: {measured}", run.run_id, runtime.name, runtime.version)
    };
    let lines: Vec<String> = saved.iter().map(line).collect();
    format!("name two runs or more, by id or file; the newest here are:\n{}", lines.join("\n"))
}

/// A saved run by its id, and what it signed.
struct Run {
    id: String,
    signed: Submission,
}

/// What a file says is compared only where it is what was signed.
fn verified(reference: &OsStr) -> Result<Run> {
    let saved = runs::find(reference)?;
    let signed = saved.verify().with_context(|| {
        format!("{} was changed after it was signed: it is not compared", reference.display())
    })?;
    Ok(Run { id: printable(&saved.run_id), signed })
}

/// Whether it is shorter than the suite's: no result of the same workload.
fn is_quick(result: &WorkloadResult) -> bool {
    result.flags.iter().any(|flag| flag == runs::QUICK)
}

fn write_comparison(first: &Run, other: &Run, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{} against {}", other.id, first.id)?;
    for (what, before, after) in differences(&first.signed, &other.signed) {
        writeln!(out, "  {what}: {before} -> {after}")?;
    }
    let mut shared = 0;
    for result in &other.signed.workloads {
        let same = |known: &&WorkloadResult| {
            known.workload == result.workload
                && known.target_prompt_tokens == result.target_prompt_tokens
                && known.streams == result.streams
                && is_quick(known) == is_quick(result)
        };
        let Some(before) = first.signed.workloads.iter().find(same) else { continue };
        if before.skipped.is_some() || result.skipped.is_some() {
            continue;
        }
        shared += 1;
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
        let flags = |found: &WorkloadResult| match found.flags.is_empty() {
            true => "none".to_owned(),
            false => printable(&found.flags.join(", ")),
        };
        if before.flags != result.flags {
            writeln!(out, "    flags: {} -> {}", flags(before), flags(result))?;
        }
    }
    if shared == 0 {
        writeln!(out, "  no workload was measured in both: run them with the same --suite and --workload")?;
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

/// The digests by which two models' files are told apart: where a run has not read its file whole, those of the first MiB.
fn files<'a>(first: &'a ModelIdentity, other: &'a ModelIdentity) -> (&'a Option<String>, &'a Option<String>) {
    let models = [first, other];
    let is_partly_read = models.iter().any(|model| model.digest.is_none());
    match is_partly_read && models.iter().all(|model| model.prefix_digest.is_some()) {
        true => (&first.prefix_digest, &other.prefix_digest),
        false => (&first.digest, &other.digest),
    }
}

/// What differs in the setups.
fn differences(first: &Submission, other: &Submission) -> Vec<(&'static str, String, String)> {
    let names = |run: &Submission| {
        run.fingerprint.gpus.iter().map(|gpu| gpu.name.as_str()).collect::<Vec<_>>().join(" + ")
    };
    let drivers = |run: &Submission| {
        run.fingerprint.gpus.iter().filter_map(|gpu| gpu.driver.as_deref()).collect::<Vec<_>>().join(" + ")
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let memory = |run: &Submission| format!("{:.0} GiB", run.fingerprint.ram.total_gib);
    let power = |run: &Submission| match run.before.power {
        Some(PowerSource::Ac) => "mains".to_owned(),
        Some(PowerSource::Battery) => "battery".to_owned(),
        None => "unknown".to_owned(),
    };
    let limits = |run: &Submission| {
        let watts = |gpu: &Gpu| gpu.power_limit_w.map(|watts| format!("{watts:.0} W"));
        run.fingerprint.gpus.iter().filter_map(watts).collect::<Vec<_>>().join(" + ")
    };
    let (file, other_file) = files(&first.model, &other.model);
    let count = |count: Option<u32>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let pairs: [(&'static str, String, String); 17] = [
        ("suite", first.suite.clone(), other.suite.clone()),
        ("runtime", first.backend.name.clone(), other.backend.name.clone()),
        ("its version", first.backend.version.clone(), other.backend.version.clone()),
        ("its build", text(&first.backend.build), text(&other.backend.build)),
        ("its threads", count(first.backend.threads), count(other.backend.threads)),
        ("layers on GPUs", count(first.backend.gpu_layers), count(other.backend.gpu_layers)),
        ("model", first.model.reference.clone(), other.model.reference.clone()),
        ("quantisation", text(&first.model.quant), text(&other.model.quant)),
        ("model file", text(file), text(other_file)),
        ("GPU", names(first), names(other)),
        ("driver", drivers(first), drivers(other)),
        ("CPU", first.fingerprint.cpu.model.clone(), other.fingerprint.cpu.model.clone()),
        ("system", first.fingerprint.os.kernel.clone(), other.fingerprint.os.kernel.clone()),
        ("memory", memory(first), memory(other)),
        ("power", power(first), power(other)),
        ("power limit", limits(first), limits(other)),
        ("governor", text(&first.before.governor), text(&other.before.governor)),
    ];
    let differing = pairs.into_iter().filter(|(_, before, after)| before != after);
    differing.map(|(what, before, after)| (what, printable(&before), printable(&after))).collect()
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
    fn a_file_that_was_not_read_whole_is_known_by_its_first_mib() {
        let model = |digest: Option<&str>, prefix: &str| ModelIdentity {
            reference: "m.gguf".to_owned(),
            id: None,
            quant: None,
            digest: digest.map(str::to_owned),
            prefix_digest: Some(prefix.to_owned()),
            size_bytes: None,
            params: None,
            tensor_bytes: None,
            identity: data::submission::Identity::Unverified,
        };
        let same = |first: &ModelIdentity, other: &ModelIdentity| {
            let (first, other) = files(first, other);
            first == other
        };
        let whole = model(Some("aa"), "11");
        assert!(same(&whole, &model(None, "11")) && !same(&whole, &model(None, "22")));
        assert!(!same(&whole, &model(Some("bb"), "11")), "they differ further on");
    }

    #[test]
    fn intervals_decide_what_is_noise() {
        assert_eq!(judge(&result(99.0, 101.0), &result(102.0, 104.0)), ", more than noise");
        assert_eq!(judge(&result(99.0, 101.0), &result(100.0, 104.0)), ", within noise");
        assert!(judge(&result(0.0, 0.0), &result(100.0, 104.0)).contains("cannot tell"));
    }
}
