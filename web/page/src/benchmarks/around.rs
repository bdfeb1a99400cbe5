//! What stands around the table and does not change with its filters: definitions, wanted measurements, plans, machines.

use askama::Template;
use data::answer::Evidence;
use data::runs::{CampaignRow, QueuedRow, RigRow, RunRows};
use estimator::Range;

use super::page::Offers;
use super::{glossary, rows};
use crate::figure;
use crate::messages::Messages;
use crate::words;

/// Machines, plans and wants, as plain data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around<'a> {
    /// Campaigns and the rigs they ran on.
    pub runs: &'a RunRows,
    /// Missing measurements, the most wanted first.
    pub wanted: &'a [WantedCell],
    /// What the lists above the table offer.
    pub offers: &'a Offers,
}

/// A measurement that would narrow our ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedCell {
    /// Id and name of the device.
    pub device: (String, String),
    /// Id and name of the model.
    pub model: (String, String),
    /// Name of the quantisation.
    pub quant: String,
    /// Our range of decode now, tokens a second.
    pub range: Range,
    /// What it rests on.
    pub rests_on: Evidence,
    /// Devices whose estimates rest on the same.
    pub pages: usize,
    /// How much a measurement would narrow: what the list is ranked by.
    pub gain: f64,
    /// The command that measures it.
    pub command: String,
}

#[derive(Template)]
#[template(path = "benchmarks_below.html")]
struct Below<'a> {
    m: &'a Messages,
    terms: Vec<(&'static str, &'static str, &'static str)>,
    wanted: Vec<Want<'a>>,
    queued: &'a [QueuedRow],
    campaigns: &'a [CampaignRow],
    rigs: Vec<Rig<'a>>,
}

struct Want<'a> {
    cell: &'a WantedCell,
    range: String,
    rests_on: String,
}

struct Rig<'a> {
    rig: &'a RigRow,
    facts: Vec<(&'static str, String)>,
}

pub(super) fn below(around: &Around<'_>, m: &Messages) -> askama::Result<String> {
    let want = |cell| want(cell, m);
    Below {
        m,
        terms: rows::columns(m).map(|(_, label, term)| (term, label, glossary::meaning(term))).to_vec(),
        wanted: around.wanted.iter().map(want).collect(),
        queued: &around.runs.queued,
        campaigns: &around.runs.campaigns,
        rigs: around.runs.rigs.iter().map(|rig| Rig { rig, facts: facts(rig, m) }).collect(),
    }
    .render()
}

fn want<'a>(cell: &'a WantedCell, m: &Messages) -> Want<'a> {
    Want { cell, range: figure::range(cell.range), rests_on: words::evidence(cell.rests_on, m) }
}

fn facts(rig: &RigRow, m: &Messages) -> Vec<(&'static str, String)> {
    let w = &m.benchmarks;
    let mut facts = Vec::new();
    for device in &rig.devices {
        let times = if device.count > 1 { format!("{} × ", device.count) } else { String::new() };
        let product = device.product.as_ref().map(|product| format!(", {product}")).unwrap_or_default();
        let limit = match (device.power_limit_w, device.stock_power_w) {
            (Some(limit), Some(stock)) => {
                format!(", {}", w.rig_power(&limit.to_string(), &stock.to_string()))
            }
            (Some(limit), None) => format!(", {}", w.power_limit(&limit.to_string())),
            _ => String::new(),
        };
        facts.push((w.rig_device, format!("{times}{}{product}{limit}", device.shown)));
    }
    let risers = Some(rig.risers.join(", ")).filter(|risers| !risers.is_empty());
    let others = [
        (w.rig_cpu, rig.cpu.clone()),
        (w.rig_board, rig.board.clone()),
        (w.rig_memory, rig.memory.clone()),
        (w.rig_storage, rig.storage.clone()),
        (w.rig_chassis, rig.chassis.clone()),
        (w.rig_risers, risers),
        (w.rig_psu, rig.psu.clone()),
        (w.rig_passthrough, rig.passthrough.clone()),
        (w.rig_os, rig.os.clone()),
        (w.rig_driver, rig.driver.clone()),
    ];
    facts.extend(others.into_iter().filter_map(|(what, value)| Some((what, value?))));
    facts
}
