//! Rows of the server's dump, as measurements.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use data::dump::{DumpRow, EvidenceClass};

use crate::row::MeasurementRow;

/// What a dump gave.
#[derive(Clone, Debug, Default)]
pub struct Submitted {
    /// Rows that may be fitted to.
    pub rows: Vec<MeasurementRow>,
    /// Lines whose run is flagged, held or withdrawn, or whose point has no vote.
    pub not_accepted: usize,
    /// Points left out because the same voter has one in that cell.
    pub second_votes: usize,
}

/// How much a run counts beside others of its cell.
const fn evidence(class: EvidenceClass) -> f64 {
    match class {
        EvidenceClass::Signed => 1.0,
        EvidenceClass::Pasted => 0.5,
        EvidenceClass::Unverified => 0.25,
    }
}

/// Rows of a dump in JSON Lines. Only points of runs that count enter, disputed or not; a voter has one vote a cell, and all who are not told apart
/// have one together.
///
/// # Errors
///
/// When the file cannot be read, or a line is none of a dump's.
pub fn read(path: &Path) -> Result<Submitted> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut submitted = Submitted::default();
    let mut voted = BTreeSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: DumpRow = serde_json::from_str(line)
            .with_context(|| format!("line {} of {} is no line of a dump", number + 1, path.display()))?;
        if !row.is_vote() {
            submitted.not_accepted += 1;
            continue;
        }
        for (metric, speed) in [("decode", row.decode_tps), ("prefill", row.prefill_tps)] {
            let Some(speed) = speed.filter(|speed| speed.is_finite() && *speed > 0.0) else { continue };
            if !voted.insert((row.voter.clone(), cell(&row, metric))) {
                submitted.second_votes += 1;
                continue;
            }
            submitted.rows.push(measurement(&row, metric, speed));
        }
    }
    Ok(submitted)
}

/// What two points must share to be votes on the same thing. Lengths count by halves of a doubling.
fn cell(row: &DumpRow, metric: &str) -> String {
    let bucket = |tokens: u32| (f64::from(tokens.max(1)).log2() * 2.0).round();
    format!(
        "{metric}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
        row.device,
        row.devices,
        row.model,
        row.quant,
        row.runtime,
        row.backend,
        row.streams,
        bucket(row.cached_tokens),
        bucket(row.prompt_tokens)
    )
}

fn measurement(row: &DumpRow, metric: &str, speed: f64) -> MeasurementRow {
    let mut notes = row.flags.clone();
    if let Some(share) = row.power_share.filter(|share| *share < 1.0) {
        notes.push_str(&format!("; power_share={share}"));
    }
    if row.offloaded == Some(true) {
        notes.push_str("; partial_offload");
    }
    let streams = f64::from(row.streams.max(1));
    let before = f64::from(row.cached_tokens) + f64::from(row.prompt_tokens);
    let decode = metric == "decode";
    MeasurementRow {
        source: "submissions".to_owned(),
        source_ref: row.run.clone(),
        date: row.measured_on.clone(),
        device: row.device.clone(),
        device_mem_gib: row.memory_gib,
        n_devices: Some(f64::from(row.devices)),
        backend: row.backend.clone(),
        engine: row.runtime.clone(),
        engine_version: row.runtime_version.clone(),
        model: row.model.clone(),
        quant: row.quant.clone(),
        model_size_gib: row.size_bytes.map(|bytes| bytes as f64 / estimator::units::GIB),
        n_prompt: Some(f64::from(row.prompt_tokens)),
        n_gen: Some(f64::from(row.output_tokens)),
        // While it answers, prompt and prefix are in the cache.
        depth: Some(if decode { before } else { f64::from(row.cached_tokens) }),
        batch: Some(streams),
        metric: metric.to_owned(),
        // Measurement files state all streams together.
        tok_s: Some(if decode { speed * streams } else { speed }),
        notes,
        evidence: Some(evidence(row.evidence_class)),
        ..MeasurementRow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(run: &str, state: &str, voter: &str, tps: f64) -> String {
        format!(
            r#"{{"run":"{run}","state":"{state}","evidence_class":"signed","voter":"{voter}","measured_on":"2026-11-22","device":"rtx-3090","devices":1,"model":"qwen3-8b","quant":"q4_k_m","runtime":"llama.cpp","runtime_version":"b7000","backend":"cuda","workload":"W1","cached_tokens":0,"prompt_tokens":512,"output_tokens":128,"streams":1,"decode_tps":{tps},"flags":""}}"#
        )
    }

    fn dump(lines: &[String]) -> Result<Submitted> {
        let mut file = tempfile::NamedTempFile::new()?;
        write!(file, "{}", lines.join("\n"))?;
        read(file.path())
    }

    #[test]
    fn only_accepted_runs_enter_and_a_voter_has_one_vote_a_cell() {
        let states = ["accepted", "flagged", "held", "disputed", "withdrawn"];
        let mut lines: Vec<String> = states.iter().map(|state| line(state, state, state, 100.0)).collect();
        lines.push(
            line("silent", "accepted", "silent", 300.0)
                .replace("\"flags\":\"\"", "\"flags\":\"\",\"counts\":false"),
        );
        lines.push(line("again", "accepted", "accepted", 300.0));
        lines.push(line("other", "accepted", "other", 110.0));
        let read = dump(&lines).unwrap();
        assert_eq!((read.rows.len(), read.not_accepted, read.second_votes), (3, 4, 1));
        assert!(read.rows.iter().all(|row| row.tok_s != Some(300.0)));
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = dump(&[line("a", "accepted", "a", 1.0), "{".to_owned()]).unwrap_err();
        assert!(format!("{error}").contains("line 2 of"), "{error}");
    }
}
