//! The table made of campaigns and submissions, with our estimate beside each figure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use super::estimate::{Estimated, Setup, estimate};
use super::{Family, Figure, Origin, Row, Table, Unestimated, WorkloadNote, around};
use crate::Engine;
use crate::plausibility::PlausibilityRow;
use crate::row::WorkloadRow;
use crate::runs::{CampaignRow, FamilyRow, PointRow, RunRow, RunRows, SHAPES, SpeculativeRow};
use crate::submission::Apart;

/// A submission that counts, as the store hands it over: one run at one number of streams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Its public id.
    pub id: String,
    /// Whether it was signed; else it was pasted.
    pub signed: bool,
    /// Day of the measurement.
    pub measured_on: String,
    /// Device ids joined by `+`, and `@70%` behind them where power was limited.
    pub device: String,
    /// Memory of one, GiB.
    pub memory_gib: Option<f64>,
    /// Power limit as a share of stock.
    pub power_share: Option<f64>,
    /// Model id.
    pub model: String,
    /// Quantisation id.
    pub quant: String,
    /// The runtime's name.
    pub runtime: String,
    /// Its version.
    pub build: String,
    /// What drives the device.
    pub backend: String,
    /// Requests side by side.
    pub streams: u32,
    /// Whether tokens were guessed ahead.
    pub speculative: bool,
    /// Its points.
    pub points: Vec<ReportPoint>,
}

/// A point of a submission.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportPoint {
    /// Id of its workload, `W1`; empty for a paste.
    pub workload: String,
    /// Prompt tokens, those in the cache before included.
    pub prompt_tokens: u32,
    /// Tokens that were in the cache before.
    pub cached_tokens: u32,
    /// Tokens answered.
    pub output_tokens: u32,
    /// Generated tokens a second of one stream.
    pub decode_tps: f64,
    /// Reasoning and visible answer apart, the same unit, where the run tells both.
    pub apart: Option<Apart>,
}

/// Makes tables, and remembers estimates from one to the next: most rows stay.
#[derive(Debug)]
pub struct Maker {
    engine: Engine<'static>,
    runs: &'static RunRows,
    estimates: Mutex<HashMap<Setup, Estimated>>,
}

impl Maker {
    /// A maker for these campaigns.
    #[must_use]
    pub fn new(engine: Engine<'static>, runs: &'static RunRows) -> Self {
        Maker { engine, runs, estimates: Mutex::default() }
    }

    /// The table of all campaigns and these submissions.
    #[must_use]
    pub fn table(&self, reports: &[Report]) -> Table {
        let mut families: Vec<Family> = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        for campaign in &self.runs.campaigns {
            for family in &campaign.families {
                let at = place(&mut families, family);
                rows.extend(family.runs.iter().flat_map(|run| self.curated(campaign, run, at)));
            }
        }
        let known: HashMap<String, u32> =
            rows.iter().rev().map(|row| (row.model.clone(), row.family)).collect();
        for report in reports {
            let at = known.get(&report.model).copied();
            let at = at.unwrap_or_else(|| self.family_of(&mut families, &report.model));
            rows.push(self.reported(report, at));
        }
        sorted(&families, rows, self.workloads(), PlausibilityRow::embedded().scatter)
    }

    /// The four shapes, then the workloads of the other suites.
    fn workloads(&self) -> Vec<WorkloadNote> {
        let suites = self.engine.catalog.suites();
        let (shapes, others): (Vec<_>, Vec<_>) = suites.iter().partition(|suite| suite.id == SHAPES);
        let rows = shapes.into_iter().chain(others);
        rows.flat_map(|suite| {
            suite.workload.iter().map(|row| WorkloadNote {
                name: row.name.clone(),
                about: row.about.clone(),
                shape: suite.id == SHAPES,
            })
        })
        .collect()
    }

    fn shapes(&self) -> &[WorkloadRow] {
        let suites = self.engine.catalog.suites();
        suites.iter().find(|suite| suite.id == SHAPES).map_or(&[], |suite| &suite.workload)
    }

    /// A run of a campaign: a row for each concurrency.
    fn curated(&self, campaign: &CampaignRow, run: &RunRow, family: u32) -> Vec<Row> {
        let Some(setup) = campaign.setups.get(&run.on) else { return Vec::new() };
        let rig = self.runs.rig(&setup.rig);
        let Some(device) = rig.and_then(|rig| rig.device(&setup.hardware)) else { return Vec::new() };
        let catalog = self.engine.catalog;
        let stock_w =
            catalog.devices().iter().find(|row| row.id == device.hardware).and_then(|row| row.tdp_w);
        // The share that the fit would take: of the maker's reference, whatever this card is sold with.
        let share = device.power_limit_w.zip(stock_w);
        let power_share = share.map_or(1.0, |(limit, stock)| (f64::from(limit) / f64::from(stock)).min(1.0));
        let quant_id = catalog.quant(&run.quant).map(|row| row.id.clone()).unwrap_or_default();
        let mut by_streams: BTreeMap<u32, Vec<&PointRow>> = BTreeMap::new();
        for point in &run.points {
            by_streams.entry(point.concurrency).or_default().push(point);
        }
        let row = |(streams, points): (u32, Vec<&PointRow>)| {
            let asked = Setup {
                device: device.hardware.clone(),
                bandwidth_mb_s: (device.bandwidth_gb_s.unwrap_or(0.0) * 1000.0).round() as u32,
                devices: setup.devices,
                split: setup.split.clone().unwrap_or_default(),
                power: (power_share * 1000.0).round() as u32,
                memory_mib: (device.memory_gib.unwrap_or(0.0) * 1024.0).round() as u32,
                model: run.model.clone().unwrap_or_default(),
                quant: quant_id.clone(),
                runtime: setup.runtime.clone(),
                backend: setup.backend.clone(),
                streams,
                prompt_tokens: 0,
                cached_tokens: 0,
                output_tokens: 0,
            };
            let mut why = run.speculative.as_ref().map(|_| Unestimated::Speculative);
            let mut figures = Vec::new();
            for point in points {
                let (low_tps, high_tps) = point.range_tps();
                let estimate = match why {
                    Some(why) => Err(why),
                    None => self.over_shapes(&asked, point.shape.as_deref()),
                };
                why = why.or(estimate.err());
                figures.push(Figure {
                    workload: point.shape.clone().unwrap_or_default(),
                    low_tps,
                    high_tps,
                    estimate: estimate.ok(),
                    reasoning_tps: point.reasoning_tps,
                    answer_tps: point.answer_tps,
                });
            }
            Row {
                family,
                variant: run.variant.clone(),
                model: asked.model,
                quant: run.quant.clone(),
                quant_id: quant_id.clone(),
                quant_creator: run.quant_creator.clone().unwrap_or_default(),
                hardware: device.shown.clone(),
                device: device.hardware.clone(),
                rig: setup.rig.clone(),
                devices: setup.devices,
                split: asked.split,
                power_limit_w: device.power_limit_w,
                power_share,
                runtime: setup.runtime.clone(),
                build: setup.build.clone(),
                backend: setup.backend.clone(),
                concurrency: streams,
                speculative: run.speculative.as_ref().map(speculation).unwrap_or_default(),
                figures,
                unestimated: why,
                origin: Origin::Curated,
                source: campaign.id.clone(),
                fitted: campaign.fitted,
                measured_on: run.measured_on.clone().or(campaign.measured_on.clone()).unwrap_or_default(),
                superseded: run.superseded_by.is_some(),
                note: run.note.clone().unwrap_or_default(),
            }
        };
        by_streams.into_iter().map(row).collect()
    }

    /// The estimate of one shape, or around all of them where a point tells none.
    fn over_shapes(&self, asked: &Setup, shape: Option<&str>) -> Estimated {
        let mut ranges = Vec::new();
        for workload in self.shapes().iter().filter(|row| shape.is_none_or(|name| name == row.name)) {
            let setup = Setup {
                prompt_tokens: workload.prompt_tokens.first().copied().unwrap_or_default(),
                output_tokens: workload.output_tokens,
                ..asked.clone()
            };
            ranges.push(self.estimate(setup)?);
        }
        around(ranges.into_iter()).ok_or(Unestimated::TooBig)
    }

    /// A submission as a row.
    fn reported(&self, report: &Report, family: u32) -> Row {
        let (ids, _) = report.device.split_once('@').unwrap_or((&report.device, ""));
        let devices: Vec<&str> = ids.split('+').collect();
        let alike = devices.iter().all(|id| *id == devices[0]);
        let catalog = self.engine.catalog;
        let named = |id: &str| {
            let row = catalog.devices().iter().find(|row| row.id == id);
            row.map_or_else(|| id.to_owned(), |row| row.name.clone())
        };
        let hardware = if alike {
            named(devices[0])
        } else {
            devices.iter().map(|id| named(id)).collect::<Vec<_>>().join(" + ")
        };
        let model = catalog.models().iter().find(|row| row.id == report.model);
        let quant = catalog.quants().iter().find(|row| row.id == report.quant);
        let power_share = report.power_share.unwrap_or(1.0).min(1.0);
        let mut why = report.speculative.then_some(Unestimated::Speculative);
        let mut figures: Vec<Figure> = Vec::new();
        for point in &report.points {
            let estimate = match why {
                Some(why) => Err(why),
                None => self.estimate(Setup {
                    device: devices.join(","),
                    bandwidth_mb_s: 0,
                    devices: 1,
                    split: String::new(),
                    power: (power_share * 1000.0).round() as u32,
                    memory_mib: report.memory_gib.map_or(0, |gib| (gib * 1024.0).round() as u32),
                    model: report.model.clone(),
                    quant: report.quant.clone(),
                    runtime: report.runtime.clone(),
                    backend: report.backend.clone(),
                    streams: report.streams,
                    prompt_tokens: point.prompt_tokens,
                    cached_tokens: point.cached_tokens,
                    output_tokens: point.output_tokens,
                }),
            };
            why = why.or(estimate.err());
            figures.push(Figure {
                workload: self.workload_name(&point.workload),
                low_tps: point.decode_tps,
                high_tps: point.decode_tps,
                estimate: estimate.ok(),
                reasoning_tps: point.apart.map(|apart| apart.reasoning_tps),
                answer_tps: point.apart.map(|apart| apart.answer_tps),
            });
        }
        Row {
            family,
            variant: model.map_or_else(|| report.model.clone(), |row| row.name.clone()),
            model: model.map(|row| row.id.clone()).unwrap_or_default(),
            quant: quant.map_or_else(|| report.quant.clone(), |row| row.name.clone()),
            quant_id: quant.map(|row| row.id.clone()).unwrap_or_default(),
            quant_creator: String::new(),
            hardware,
            device: if alike { devices[0].to_owned() } else { ids.to_owned() },
            rig: String::new(),
            devices: devices.len() as u32,
            split: String::new(),
            power_limit_w: None,
            power_share,
            runtime: report.runtime.clone(),
            build: report.build.clone(),
            backend: report.backend.clone(),
            concurrency: report.streams,
            speculative: if report.speculative { "speculative".to_owned() } else { String::new() },
            figures,
            unestimated: why,
            origin: if report.signed { Origin::Signed } else { Origin::Pasted },
            source: report.id.clone(),
            fitted: false,
            measured_on: report.measured_on.clone(),
            superseded: false,
            note: String::new(),
        }
    }

    /// `W1` is called `chat-short`.
    fn workload_name(&self, id: &str) -> String {
        let workloads = self.engine.catalog.suites().iter().flat_map(|suite| &suite.workload);
        workloads.into_iter().find(|row| row.id == id).map_or_else(|| id.to_owned(), |row| row.name.clone())
    }

    /// The family of a model that no campaign has: that of the catalogue.
    fn family_of(&self, families: &mut Vec<Family>, model: &str) -> u32 {
        let rows = self.engine.catalog.models();
        let name = rows.iter().find(|row| row.id == model).map_or("", |row| row.family.as_str());
        if let Some(at) = families.iter().position(|family| family.name == name) {
            return at as u32;
        }
        let members = rows.iter().filter(|row| row.family == name);
        let released = members.filter_map(|row| row.released.as_deref()).max().unwrap_or_default();
        let released = released.get(..7).unwrap_or(released).to_owned();
        families.push(Family { name: name.to_owned(), released, published_runs: None });
        families.len() as u32 - 1
    }

    fn estimate(&self, setup: Setup) -> Estimated {
        if let Ok(known) = self.estimates.lock()
            && let Some(estimated) = known.get(&setup)
        {
            return *estimated;
        }
        let estimated = estimate(&self.engine, &setup);
        if let Ok(mut known) = self.estimates.lock() {
            known.insert(setup, estimated);
        }
        estimated
    }
}

/// The index of a campaign's family: families of several campaigns that are called the same are one.
fn place(families: &mut Vec<Family>, family: &FamilyRow) -> u32 {
    if let Some(at) = families.iter().position(|known| known.name == family.name) {
        let counts = [families[at].published_runs, family.published_runs];
        families[at].published_runs = counts.into_iter().flatten().reduce(|a, b| a + b);
        return at as u32;
    }
    families.push(Family {
        name: family.name.clone(),
        released: family.released.clone(),
        published_runs: family.published_runs,
    });
    families.len() as u32 - 1
}

/// Newest families first; those of one month as they were published.
fn sorted(families: &[Family], mut rows: Vec<Row>, workloads: Vec<WorkloadNote>, noise: f64) -> Table {
    let mut order: Vec<usize> = (0..families.len()).collect();
    order.sort_by(|a, b| families[*b].released.cmp(&families[*a].released));
    let mut places = vec![0_u32; families.len()];
    for (place, from) in order.iter().enumerate() {
        places[*from] = place as u32;
    }
    for row in &mut rows {
        row.family = places[row.family as usize];
    }
    let families = order.into_iter().map(|from| families[from].clone()).collect();
    Table { families, trends: super::trend::keys(&rows), rows, workloads, noise }
}

/// Speculation in a word or three.
fn speculation(row: &SpeculativeRow) -> String {
    let method = match row.method.as_str() {
        "mtp" => "MTP",
        "ngram" => "n-gram",
        other => other,
    };
    let tokens = row.tokens.map(|tokens| format!("-{tokens}")).unwrap_or_default();
    let draft = row.draft.as_ref().map(|model| format!(" {model}")).unwrap_or_default();
    format!("{method}{tokens}{draft}")
}
