//! What people measured, brought to the pages of models, devices and comparisons: from the cells of the last snapshot to
//! the reports behind the few that are shown.

mod curves;

use std::collections::BTreeMap;

use data::Engine;
use data::query::Params;
use data::subject::Subject;
use data::submission::MedianCell;
use data::table::Row;
use estimator::Range;
use page::Query;
use page::measured::{MeasuredView, ReportDot, SetupLine, SetupName};

use crate::app::App;
use crate::benchmarks;
use crate::gate::plausible::median;
use crate::medians::Snapshot;
use crate::names::{self, MachineKey};
use crate::store::{Report, Store, StoreError};

pub use curves::aimed_at;
use curves::{Group, Workloads, aggregate, decay, most_reported, streams, traces};

/// Setups that are shown: as many as a page holds within its budget.
const SETUPS: usize = 12;
/// Reports of one setup that are shown.
const DOTS: u32 = 60;
/// Reports of one cell that a curve is made of.
const BEHIND: u32 = 200;

/// What a page is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A model, on one machine (as cells name it) or on all.
    Model {
        /// Its id.
        id: String,
        /// The machine.
        machine: Option<String>,
    },
    /// A device: its id.
    Device(String),
    /// Setups side by side: machine as cells name it, model, quantisation.
    Setups(Vec<[String; 3]>),
}

impl About {
    fn holds(&self, cell: &MedianCell) -> bool {
        match self {
            About::Model { id, machine } => {
                cell.model == *id && machine.as_ref().is_none_or(|machine| cell.device == *machine)
            }
            About::Device(id) => MachineKey::read(&cell.device).ids.contains(&id.as_str()),
            About::Setups(setups) => setups.iter().any(|[machine, model, quant]| {
                cell.device == *machine && cell.model == *model && cell.quant == *quant
            }),
        }
    }

    /// Whether a row of the table of runs is of the page's model or device.
    fn is_of(&self, row: &Row) -> bool {
        match self {
            About::Model { id, .. } => row.model == *id,
            About::Device(id) => row.device == *id,
            About::Setups(_) => false,
        }
    }
}

/// Reads what is shown. Where the database does not answer, nothing is said: the page has its estimates.
pub async fn view(app: &App, snapshot: &Snapshot, about: &About) -> MeasuredView {
    match read(app, snapshot, about).await {
        Ok(view) => view,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "reports could not be read");
            MeasuredView { away: true, ..MeasuredView::default() }
        }
    }
}

async fn read(app: &App, snapshot: &Snapshot, about: &About) -> Result<MeasuredView, StoreError> {
    let engine = app.engine();
    let mut cells: Vec<(&str, &MedianCell)> =
        snapshot.index.cells().filter(|(_, cell)| cell.count > 0 && about.holds(cell)).collect();
    cells.sort_by(|(_, a), (_, b)| (b.count, b.signed).cmp(&(a.count, a.signed)).then_with(|| a.by_setup(b)));
    let mut behind = Behind { store: app.store(), read: BTreeMap::new() };
    let mut view = MeasuredView { asked: asked(about), ..named(engine, about) };
    let runs = benchmarks::current(app).await;
    view.runs = runs.table.rows.iter().filter(|row| !row.superseded && about.is_of(row)).count();
    view.more = cells.len().saturating_sub(SETUPS);
    for (key, cell) in cells.iter().take(SETUPS) {
        let reports = behind.of(key).await?;
        view.setups.push(line(engine, cell, reports));
    }
    let workloads = Workloads::of(engine);
    for group in most_reported(&cells, |cell| (cell.streams == 1).then_some(cell.depth_tokens)) {
        let curve = decay(engine, &group, &behind.all(&group).await?, &workloads);
        view.decay.extend(curve);
    }
    for group in most_reported(&cells, |cell| Some(cell.streams)) {
        let reports = behind.all(&group).await?;
        view.streams.extend(streams(engine, &group, &reports, &workloads));
        view.aggregate.extend(aggregate(app, &group, &reports, &workloads).await?);
    }
    view.traces = traces(app, &cells, &mut behind, &workloads).await?;
    Ok(view)
}

/// What asks the tables of curves and traces for the same.
fn asked(about: &About) -> String {
    let mut query = Query::default();
    match about {
        About::Model { id, machine } => {
            query = query.with("model", id);
            for (name, value) in machine.iter().flat_map(|key| MachineKey::read(key).pairs()) {
                query = query.with(name, &value);
            }
        }
        About::Device(id) => query = query.with("hardware", id),
        About::Setups(setups) => {
            for (at, [machine, model, quant]) in setups.iter().enumerate() {
                let key = MachineKey::read(machine);
                // One limit holds for all setups of a page.
                query =
                    key.power_share.map_or(query.clone(), |share| query.with("power", &share.to_string()));
                let ids = key.ids.join(",");
                for (name, value) in [("hardware", &ids), ("model", model), ("quant", quant)] {
                    query = query.with(&format!("{name}{}", at + 1), value);
                }
            }
        }
    }
    query.link("", &[])
}

/// The view with its names, before anything is in it.
fn named(engine: &Engine<'_>, about: &About) -> MeasuredView {
    let catalog = engine.catalog;
    let file = |id: &str| {
        let repo = catalog.models().iter().find(|row| row.id == id).and_then(|row| row.hf_repo.as_deref());
        let name = repo.and_then(|repo| repo.rsplit('/').next()).unwrap_or(id);
        format!("{name}-Q4_K_M.gguf")
    };
    match about {
        About::Model { id, machine } => MeasuredView {
            model: names::model(catalog, id).0,
            machine: machine.as_deref().map(|key| MachineKey::read(key).name(catalog).0).unwrap_or_default(),
            file: file(id),
            depends_on: "hardware devices power",
            ..MeasuredView::default()
        },
        About::Device(id) => {
            MeasuredView { machine: MachineKey::read(id).name(catalog).0, ..MeasuredView::default() }
        }
        About::Setups(setups) => MeasuredView {
            // One model on several machines is measured with one file.
            file: match setups.first() {
                Some([_, id, _]) if setups.iter().all(|[_, model, _]| model == id) => file(id),
                _ => String::new(),
            },
            ..MeasuredView::default()
        },
    }
}

/// Reports by cell, each cell read once.
struct Behind<'a> {
    store: &'a Store,
    read: BTreeMap<String, Vec<Report>>,
}

impl Behind<'_> {
    async fn of(&mut self, cell: &str) -> Result<&[Report], StoreError> {
        if !self.read.contains_key(cell) {
            let reports = self.store.reports(cell, BEHIND).await?;
            self.read.insert(cell.to_owned(), reports);
        }
        Ok(self.read.get(cell).map_or(&[], Vec::as_slice))
    }

    async fn all(&mut self, group: &Group<'_>) -> Result<Vec<Report>, StoreError> {
        let mut all = Vec::new();
        for key in &group.keys {
            all.extend_from_slice(self.of(key).await?);
        }
        Ok(all)
    }
}

fn line(engine: &Engine<'_>, cell: &MedianCell, reports: &[Report]) -> SetupLine {
    let middle = |figure: fn(&Report) -> u32| {
        let all: Vec<f64> = reports.iter().map(|report| f64::from(figure(report))).collect();
        median(&all).map(|value| value.round() as u32)
    };
    let asked = middle(|report| report.prompt_tokens).zip(middle(|report| report.output_tokens));
    SetupLine {
        setup: setup(engine, cell),
        depth_tokens: cell.depth_tokens,
        streams: cell.streams,
        count: cell.count,
        signed: cell.signed,
        median_tps: cell.decode_tps,
        estimate_tps: asked.and_then(|(prompt, output)| estimate(engine, cell, prompt, output, cell.streams)),
        reports: reports
            .iter()
            .take(DOTS as usize)
            .map(|report| ReportDot {
                id: report.run.clone(),
                measured_on: report.measured_on.clone(),
                decode_tps: report.decode_tps,
                evidence: report.evidence,
            })
            .collect(),
    }
}

fn setup(engine: &Engine<'_>, cell: &MedianCell) -> SetupName {
    let catalog = engine.catalog;
    SetupName {
        machine: MachineKey::read(&cell.device).name(catalog),
        model: names::model(catalog, &cell.model),
        how: names::how(catalog, &cell.quant, &cell.runtime, cell.speculative),
    }
}

/// What is expected today of a cell's setup half-way through an answer.
pub fn estimate(
    engine: &Engine<'_>,
    cell: &MedianCell,
    prompt_tokens: u32,
    output_tokens: u32,
    streams: u32,
) -> Option<Range> {
    let model = engine.catalog.models().iter().find(|row| row.id == cell.model)?;
    let quant = engine.catalog.quants().iter().find(|row| row.id == cell.quant)?;
    let mut pairs = MachineKey::read(&cell.device).pairs();
    pairs.push(("runtime", cell.runtime.clone()));
    pairs.push(("context", (prompt_tokens + output_tokens / 2).max(1).to_string()));
    pairs.push(("prompt", prompt_tokens.max(1).to_string()));
    pairs.push(("streams", streams.to_string()));
    let params = Params::read(pairs.iter().map(|(name, value)| (*name, value.as_str()))).ok()?;
    let (rig, job) = engine.read(&params).ok()?;
    let brief = engine.brief(&rig, &job, &Subject::of_row(model, quant, job.runtime));
    brief.estimate.speeds.map(|speeds| speeds.decode_tps)
}

/// Lowest, median and highest of what submitters say, each with one voice, and how many they are.
pub fn voices(reports: &[&Report]) -> Option<(Range, u32)> {
    voted(reports.iter().map(|report| (report.voter.as_str(), report.decode_tps)))
}

/// The same of any figure, each with who it votes for.
pub fn voted<'v>(speeds: impl Iterator<Item = (&'v str, f64)>) -> Option<(Range, u32)> {
    let mut by_voter: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (voter, tps) in speeds {
        by_voter.entry(voter).or_default().push(tps);
    }
    let each: Vec<f64> = by_voter.values().filter_map(|speeds| median(speeds)).collect();
    let low = each.iter().copied().fold(f64::INFINITY, f64::min);
    let high = each.iter().copied().fold(0.0, f64::max);
    Some((Range { low, mid: median(&each)?, high }, each.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(voter: &str, decode_tps: f64) -> Report {
        Report {
            run: "r".into(),
            digest: String::new(),
            evidence: data::submission::EvidenceClass::Signed,
            measured_on: "2026-11-22".into(),
            voter: voter.into(),
            cell: String::new(),
            workload: "W3".into(),
            prompt_tokens: 32_500,
            cached_tokens: 0,
            output_tokens: 256,
            streams: 1,
            decode_tps,
            prefill_tps: None,
            ttft_ms: None,
            estimate_tps: None,
        }
    }

    #[test]
    fn each_submitter_has_one_voice() {
        let reports =
            [report("a", 10.0), report("a", 30.0), report("a", 20.0), report("b", 40.0), report("c", 50.0)];
        let (range, count) = voices(&reports.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((range.low, range.mid, range.high, count), (20.0, 40.0, 50.0, 3));
        assert_eq!(voices(&[]), None);
    }

    #[test]
    fn a_point_belongs_to_the_length_that_it_aimed_at() {
        let engine = Engine::embedded();
        let workloads = Workloads::of(&engine);
        let row = workloads.find(&report("a", 1.0)).unwrap();
        assert_eq!(aimed_at(row, 32_498), Some(32_512));
        assert_eq!(aimed_at(row, 65_900), Some(65_280));
        assert_eq!((aimed_at(row, 100), aimed_at(row, 29_000)), (None, None), "another length");
        let trace = workloads.find(&Report { workload: "W5".into(), ..report("a", 1.0) }).unwrap();
        assert_eq!(aimed_at(trace, 3000), Some(16_128), "cut to its first turns");
    }

    #[test]
    fn a_page_is_about_its_own_cells() {
        let cell = |device: &str, model: &str| MedianCell {
            device: device.into(),
            model: model.into(),
            quant: "q4_k_m".into(),
            runtime: "llama.cpp".into(),
            ..MedianCell::default()
        };
        let device = About::Device("a".into());
        assert!(
            device.holds(&cell("a", "m"))
                && device.holds(&cell("b+a@70%", "m"))
                && !device.holds(&cell("ab", "m"))
        );
        let model = About::Model { id: "m".into(), machine: Some("a".into()) };
        assert!(
            model.holds(&cell("a", "m"))
                && !model.holds(&cell("a@70%", "m"))
                && !model.holds(&cell("a", "n"))
        );
        let setups = About::Setups(vec![["a".into(), "m".into(), "q8_0".into()]]);
        assert!(!setups.holds(&cell("a", "m")), "another quantisation");
    }
}
