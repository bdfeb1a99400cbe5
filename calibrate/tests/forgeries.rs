//! Forged submissions, from a dump to held-out scores: a fifth of coordinated twice and half as fast runs costs less than
//! a point, and who sends a run again has no second vote.

use std::io::Write;
use std::path::Path;

use calibrate::folds::By;
use calibrate::refit::{flop_per_byte, observe, predictions, refit_figure};
use calibrate::row::{self, MeasurementRow};
use calibrate::score::quantile;
use calibrate::submissions;
use data::Catalog;
use data::constants::{Figure, Group};

/// One run of the dump, of Llama-2-7B in Q4_0, at `tps`.
fn line(run: usize, voter: &str, device: &str, backend: &str, tps: f64) -> String {
    format!(
        r#"{{"run":"run-{run}","state":"accepted","evidence_class":"signed","voter":"{voter}","measured_on":"2026-10-01","device":"{device}","devices":1,"model":"llama-2-7b","quant":"q4_0","runtime":"llama.cpp","runtime_version":"b7000","backend":"{backend}","kv":"f16","workload":"W1","cached_tokens":0,"prompt_tokens":64,"output_tokens":128,"streams":1,"decode_tps":{tps},"flags":""}}"#
    )
}

/// Scoreboard rows of NVIDIA cards: what honest owners would send.
fn scoreboard() -> Vec<MeasurementRow> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/measurements/llama-cpp-15013.csv");
    row::read_file(&file).expect("the scoreboard is a measurement file")
}

/// Median held-out error of decode on NVIDIA cards, over published rows alone.
fn held_out_error(submitted: &[MeasurementRow]) -> f64 {
    let published = scoreboard();
    let count = published.len();
    let rows: Vec<MeasurementRow> = published.into_iter().chain(submitted.iter().cloned()).collect();
    let observed = observe(&rows).expect("the rows can be read");
    let rates = flop_per_byte(Catalog::embedded(), &observed.rows);
    let fit = refit_figure(Figure::Decode, &observed.rows, &rates, None, By::Device).expect("the fit ends");
    let mut errors: Vec<f64> = predictions(Figure::Decode, &fit, &fit.held)
        .iter()
        .filter(|row| row.index < count && row.class == Group::Nvidia.name())
        .map(calibrate::score::Predicted::error)
        .collect();
    assert!(errors.len() > 20, "{} rows are too few to tell", errors.len());
    quantile(&mut errors, 0.5)
}

fn read(lines: &[String]) -> submissions::Submitted {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    write!(file, "{}", lines.join("\n")).expect("the disk takes a dump");
    submissions::read(file.path()).expect("the lines are a dump's")
}

/// Five voters for every card; the fifth one multiplies by what `forge` says.
fn dump(forge: impl Fn(usize) -> f64) -> submissions::Submitted {
    let observed = observe(&scoreboard()).expect("the rows can be read");
    let cards = observed.rows.iter().filter(|row| row.group() == Group::Nvidia && !row.device.unknown);
    let mut lines = Vec::new();
    for (card, row) in cards.filter(|row| row.metric == calibrate::observation::Metric::Decode).enumerate() {
        let speed = row.speed.expect("scoreboard rows state a speed");
        for voter in 0..5 {
            let honest = speed * (0.98 + 0.01 * voter as f64);
            let tps = if voter == 4 { speed * forge(card) } else { honest };
            let name = format!("voter-{card}-{voter}");
            lines.push(line(lines.len(), &name, &row.device.key, row.backend.name(), tps));
        }
    }
    read(&lines)
}

#[test]
fn a_fifth_of_forged_submissions_costs_less_than_a_point() {
    let honest = held_out_error(&dump(|_| 1.0).rows);
    let doubled = held_out_error(&dump(|_| 2.0).rows);
    let halved = held_out_error(&dump(|_| 0.5).rows);
    let both = held_out_error(&dump(|card| if card % 2 == 0 { 2.0 } else { 0.5 }).rows);
    for (what, error) in [("doubled", doubled), ("halved", halved), ("both", both)] {
        assert!(error < honest + 0.01, "{what}: {:.2} % became {:.2} %", honest * 100.0, error * 100.0);
    }
}

#[test]
fn one_fingerprint_has_one_vote_a_cell_however_often_it_sends() {
    let mut lines: Vec<String> = (0..40).map(|run| line(run, "same", "rtx-4090", "cuda", 380.0)).collect();
    lines.push(line(40, "other", "rtx-4090", "cuda", 190.0));
    let submitted = read(&lines);
    assert_eq!((submitted.rows.len(), submitted.second_votes), (2, 39));
}
