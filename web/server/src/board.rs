//! Leaderboards: every report of a workload, made into one entry for each setup. Read from the store when something has
//! changed, kept until then.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use data::row::{SuiteRow, WorkloadRow};
use data::submission::MEDIAN_FROM;
use estimator::Range;
use tokio::sync::Mutex;

use crate::app::App;
use crate::kept::{SHARE, WAITED_FOR};
use crate::measured::{aimed_at, voices, voted};
use crate::medians;
use crate::store::{CellKey, Report, StoreError};

/// One setup on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Machine as cells name it.
    pub device: String,
    /// Model id.
    pub model: String,
    /// Quantisation id.
    pub quant: String,
    /// The runtime.
    pub runtime: String,
    /// Whether a draft model or other speculation was on.
    pub speculative: bool,
    /// Submitters.
    pub count: u32,
    /// Those of them with a signed run.
    pub signed: u32,
    /// Lowest, median and highest decode, tokens a second and stream, one voice a submitter.
    pub decode_tps: Range,
    /// Median prefill of submitters, tokens a second; none where fewer tell it than a median is made of.
    pub prefill_tps: Option<f64>,
    /// Median time to the first token, in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Median of measured over what was expected when it came.
    pub ratio: Option<f64>,
    /// Id of the newest result, and the day of its measurement.
    pub newest: (String, String),
}

impl Entry {
    /// Whether enough submitters stand behind it for a place.
    pub fn is_ranked(&self) -> bool {
        self.count >= MEDIAN_FROM
    }
}

/// One point of a workload: tokens in the prompt and requests at once.
pub type Point = (u32, u32);

/// The boards of one workload, by point.
#[derive(Debug)]
pub struct Boards {
    version: i64,
    /// Not made anew before this moment.
    next: Instant,
    /// Reports that they are made of.
    reports: usize,
    by_point: BTreeMap<Point, Vec<Entry>>,
}

impl Boards {
    /// Whether they are of this version, or too young to be made again.
    fn holds(&self, version: i64) -> bool {
        self.version == version || Instant::now() < self.next
    }

    /// The entries of a point, in the order of their setups.
    pub fn of(&self, point: Point) -> &[Entry] {
        self.by_point.get(&point).map_or(&[], Vec::as_slice)
    }
}

/// The latest boards, by suite and workload: as many as the catalogue has.
#[derive(Debug, Default)]
pub struct Kept {
    latest: RwLock<HashMap<Key, Arc<Boards>>>,
    /// Held while a board is made: who comes meanwhile waits for it instead of making it too.
    making: Mutex<()>,
}

/// Suite and workload.
type Key = (String, String);

impl Kept {
    fn of(&self, key: &Key) -> Option<Arc<Boards>> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// The boards of a workload as they are, or as they were a moment ago.
pub async fn boards(app: &App, suite: &SuiteRow, workload: &WorkloadRow) -> Result<Arc<Boards>, StoreError> {
    let version = medians::current(app).await.version();
    let key = (suite.id.clone(), workload.id.clone());
    let kept = app.boards().of(&key);
    if let Some(kept) = kept.clone().filter(|kept| kept.holds(version)) {
        return Ok(kept);
    }
    // By itself: a reader whose deadline passes meanwhile leaves it to the next one, who would else begin again.
    let making = tokio::spawn(remade(app.clone(), key, workload.clone(), version));
    match kept.filter(|kept| kept.reports > WAITED_FOR) {
        Some(kept) => Ok(kept),
        None => making.await.map_err(|_| StoreError::Stopped)?,
    }
}

/// Makes the boards of a workload, where nobody has made them meanwhile.
async fn remade(app: App, key: Key, workload: WorkloadRow, version: i64) -> Result<Arc<Boards>, StoreError> {
    let _alone = app.boards().making.lock().await;
    if let Some(kept) = app.boards().of(&key).filter(|kept| kept.holds(version)) {
        return Ok(kept);
    }
    let begun = Instant::now();
    let reports = app.store().reports_of(&key.0, &key.1).await.inspect_err(|error| {
        tracing::warn!(error = error as &dyn std::error::Error, "a board could not be read");
    })?;
    let count = reports.len();
    let by_point = tokio::task::spawn_blocking(move || made(&reports, &workload));
    let by_point = by_point.await.map_err(|_| StoreError::Stopped)??;
    let next = Instant::now() + begun.elapsed() * SHARE;
    let boards = Arc::new(Boards { version, next, reports: count, by_point });
    let mut latest = app.boards().latest.write().unwrap_or_else(PoisonError::into_inner);
    latest.insert(key, Arc::clone(&boards));
    Ok(boards)
}

/// One entry for each setup at each point.
fn made(reports: &[Report], workload: &WorkloadRow) -> Result<BTreeMap<Point, Vec<Entry>>, StoreError> {
    let mut groups: BTreeMap<(Point, String), Vec<&Report>> = BTreeMap::new();
    for report in reports {
        let Some(prompt) = aimed_at(workload, report.prompt_tokens) else { continue };
        let setup = CellKey::of(&report.cell)?.setup();
        groups.entry(((prompt, report.streams), setup)).or_default().push(report);
    }
    let mut by_point: BTreeMap<Point, Vec<Entry>> = BTreeMap::new();
    for ((point, _), reports) in groups {
        by_point.entry(point).or_default().extend(entry(&reports)?);
    }
    Ok(by_point)
}

fn entry(reports: &[&Report]) -> Result<Option<Entry>, StoreError> {
    // Reports come in the order in which they arrived.
    let (Some(newest), Some((decode_tps, count))) = (reports.last(), voices(reports)) else {
        return Ok(None);
    };
    // One voice a submitter here too, and as many voices as a median is made of, or all that there are of a setup without a
    // place: else what one of many tells would look like a median of all.
    let middle = |figure: &dyn Fn(&Report) -> Option<f64>| {
        let told = reports.iter().filter_map(|report| Some((report.voter.as_str(), figure(report)?)));
        voted(told).filter(|(_, voters)| *voters >= MEDIAN_FROM.min(count)).map(|(range, _)| range.mid)
    };
    let mut signed: Vec<&str> = reports
        .iter()
        .filter(|report| report.evidence == data::submission::EvidenceClass::Signed)
        .map(|report| report.voter.as_str())
        .collect();
    signed.sort_unstable();
    signed.dedup();
    let key = CellKey::of(&newest.cell)?;
    Ok(Some(Entry {
        device: key.device.to_owned(),
        model: key.model.to_owned(),
        quant: key.quant.to_owned(),
        runtime: key.runtime.to_owned(),
        speculative: key.speculative,
        count,
        signed: signed.len() as u32,
        decode_tps,
        prefill_tps: middle(&|report| report.prefill_tps),
        ttft_ms: middle(&|report| report.ttft_ms),
        ratio: middle(&|report| Some(report.decode_tps / report.estimate_tps?)),
        newest: (newest.run.clone(), newest.measured_on.clone()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::Engine;
    use data::submission::EvidenceClass;

    fn report(voter: &str, cell: &str, prompt_tokens: u32, decode_tps: f64) -> Report {
        Report {
            run: format!("run-{voter}"),
            digest: String::new(),
            evidence: if voter == "p" { EvidenceClass::Pasted } else { EvidenceClass::Signed },
            measured_on: "2026-11-22".into(),
            voter: voter.into(),
            cell: cell.into(),
            workload: "W3".into(),
            prompt_tokens,
            cached_tokens: 0,
            output_tokens: 256,
            streams: 1,
            decode_tps,
            prefill_tps: None,
            ttft_ms: Some(100.0),
            estimate_tps: Some(10.0),
        }
    }

    #[test]
    fn a_setup_is_one_entry_whatever_its_bucket_and_a_submitter_one_voice() {
        let engine = Engine::embedded();
        let suite = engine.catalog.suites().iter().find(|suite| suite.id == "suite-v1").unwrap();
        let workload = suite.workload.iter().find(|row| row.id == "W3").unwrap();
        // 64k and 128k share a bucket, 32k has its own.
        let (near, far) = ("card|model|q4_k_m|llama.cpp|32768|1", "card|model|q4_k_m|llama.cpp|131072|1");
        let reports = [
            report("a", near, 32_510, 20.0),
            report("a", near, 32_512, 22.0),
            report("b", near, 32_520, 30.0),
            report("p", near, 32_512, 40.0),
            report("a", far, 65_279, 11.0),
            report("a", "card|model|q4_k_m|llama.cpp|32768|1|speculative", 32_512, 50.0),
        ];
        let boards = made(&reports, workload).unwrap();
        assert_eq!(boards.keys().copied().collect::<Vec<_>>(), [(32_512, 1), (65_280, 1)]);
        let [plain, speculative] = boards[&(32_512, 1)].as_slice() else { panic!("{boards:?}") };
        assert_eq!((plain.count, plain.signed, plain.is_ranked()), (3, 2, true));
        assert_eq!((plain.decode_tps.low, plain.decode_tps.mid, plain.decode_tps.high), (21.0, 30.0, 40.0));
        assert_eq!((plain.newest.0.as_str(), plain.ttft_ms), ("run-p", Some(100.0)));
        assert!(speculative.speculative && !speculative.is_ranked());
    }

    #[test]
    fn every_figure_is_of_submitters_and_none_of_one_among_many() {
        let engine = Engine::embedded();
        let suite = engine.catalog.suites().iter().find(|suite| suite.id == "suite-v1").unwrap();
        let workload = suite.workload.iter().find(|row| row.id == "W3").unwrap();
        let cell = "card|model|q4_k_m|llama.cpp|32768|1";
        let with = |voter: &str, ttft_ms: f64, prefill_tps: Option<f64>| Report {
            ttft_ms: Some(ttft_ms),
            prefill_tps,
            ..report(voter, cell, 32_512, 20.0)
        };
        // Four of one submitter do not outweigh two others.
        let mut reports = vec![with("a", 900.0, Some(1.0)); 4];
        reports.extend([with("b", 100.0, None), with("c", 110.0, None)]);
        let boards = made(&reports, workload).unwrap();
        let [entry] = boards[&(32_512, 1)].as_slice() else { panic!("{boards:?}") };
        assert_eq!((entry.count, entry.ttft_ms, entry.prefill_tps), (3, Some(110.0), None));
        // Of a setup that one reported, all is that one's.
        let boards = made(&reports[..1], workload).unwrap();
        assert_eq!(boards[&(32_512, 1)][0].prefill_tps, Some(1.0));
    }
}
