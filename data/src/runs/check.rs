//! Every rule that campaigns must keep. Adding one is adding a line.

use std::collections::BTreeSet;

use super::{CampaignRow, FamilyRow, RunRow, RunRows, SHAPES};
use crate::backend::Backend;
use crate::catalog::Catalog;
use crate::row::Runtime;

/// A rule: what it finds wrong, one sentence each, beginning with the row.
pub type Check = fn(&RunRows, &Catalog) -> Vec<String>;

/// All rules, each with what it ensures.
pub const CHECKS: &[(&str, Check)] = &[
    ("campaigns, rigs and plans have keys of their own", keys_are_unique),
    ("everything names a source that is listed", sources_are_listed),
    ("a rig's devices are in the catalogue", rig_devices_are_known),
    ("power limits are below stock", power_limits_are_below_stock),
    ("setups lead to a device of their rig", setups_lead_to_devices),
    ("several devices say how they share", several_devices_say_how),
    ("runtimes and backends are known", runtimes_are_known),
    ("runs name a setup of their campaign, and every setup is used", runs_name_a_setup),
    ("models and quantisations are in the catalogue", models_and_quants_are_known),
    ("speeds are positive and in order", speeds_are_in_order),
    ("points are of known shapes, each once", points_are_known_and_single),
    ("dates are dates", dates_are_dates),
    ("published counts cover the rows", counts_cover_the_rows),
    ("speculation says by what", speculation_says_by_what),
    ("superseded runs lead to another that stands", superseded_lead_on),
];

/// Everything that is wrong, all rules together: `rule: row: what`.
#[must_use]
pub fn violations(rows: &RunRows, catalog: &Catalog) -> Vec<String> {
    let of = |(rule, check): &(&str, Check)| {
        let rule = (*rule).to_owned();
        check(rows, catalog).into_iter().map(move |wrong| format!("{rule}: {wrong}"))
    };
    CHECKS.iter().flat_map(of).collect()
}

/// Asks every run, and puts its place before the answers.
fn each(rows: &RunRows, ask: impl Fn(&CampaignRow, &RunRow) -> Vec<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for campaign in &rows.campaigns {
        for (family, run) in campaign.runs() {
            let place = place(campaign, family, run);
            wrong.extend(ask(campaign, run).into_iter().map(|what| format!("{place}: {what}")));
        }
    }
    wrong
}

fn place(campaign: &CampaignRow, family: &FamilyRow, run: &RunRow) -> String {
    format!("{}, {} {} {} on {}", campaign.id, family.name, run.variant, run.quant, run.on)
}

fn kebab(id: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '.';
    id.split('-').all(|part| !part.is_empty() && part.chars().all(plain))
}

fn keys_are_unique(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let kinds = [
        rows.rigs.iter().map(|rig| rig.id.as_str()).collect::<Vec<_>>(),
        rows.campaigns.iter().map(|campaign| campaign.id.as_str()).collect(),
        rows.queued.iter().map(|queued| queued.id.as_str()).collect(),
    ];
    let runs = rows
        .campaigns
        .iter()
        .map(|campaign| campaign.runs().filter_map(|(_, run)| run.id.as_deref()).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for ids in kinds.into_iter().chain(runs) {
        let mut seen = BTreeSet::new();
        for id in ids {
            if !kebab(id) {
                wrong.push(format!("{id:?} is not kebab-case"));
            }
            if !seen.insert(id) {
                wrong.push(format!("{id} stands twice"));
            }
        }
    }
    wrong
}

fn sources_are_listed(rows: &RunRows, catalog: &Catalog) -> Vec<String> {
    let rigs = rows.rigs.iter().map(|rig| (&rig.id, &rig.source));
    let campaigns = rows.campaigns.iter().map(|campaign| (&campaign.id, &campaign.source));
    let queued = rows.queued.iter().map(|queued| (&queued.id, &queued.source));
    rigs.chain(campaigns)
        .chain(queued)
        .filter(|(_, source)| catalog.source(source).is_none())
        .map(|(id, source)| format!("{id}: {source:?} is not in sources.toml"))
        .collect()
}

fn rig_devices_are_known(rows: &RunRows, catalog: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for rig in &rows.rigs {
        for device in &rig.devices {
            let is_listed = catalog.devices().iter().any(|row| row.id == device.hardware);
            let measured = [device.bandwidth_gb_s, device.memory_gib];
            if measured.iter().any(|figure| is_listed == figure.is_some()) {
                wrong.push(format!(
                    "{}: {:?} is a device's id, or has a measured bandwidth and memory",
                    rig.id, device.hardware
                ));
            }
            if device.count == 0 || rig.devices.iter().filter(|d| d.hardware == device.hardware).count() > 1 {
                wrong.push(format!("{}: {} once, with how many there are", rig.id, device.hardware));
            }
        }
        if rig.devices.is_empty() {
            wrong.push(format!("{}: has no device", rig.id));
        }
    }
    wrong
}

fn power_limits_are_below_stock(rows: &RunRows, catalog: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for rig in &rows.rigs {
        for device in &rig.devices {
            let Some(limit_w) = device.power_limit_w else { continue };
            let row = catalog.devices().iter().find(|row| row.id == device.hardware);
            let stock_w = device.stock_power_w.or_else(|| row.and_then(|row| row.tdp_w));
            if limit_w == 0 || stock_w.is_none_or(|stock_w| limit_w >= stock_w) {
                wrong.push(format!("{}: {limit_w} W of {} W", rig.id, stock_w.unwrap_or_default()));
            }
        }
    }
    wrong
}

fn setups_lead_to_devices(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for campaign in &rows.campaigns {
        for (name, setup) in &campaign.setups {
            let device = rows.rig(&setup.rig).and_then(|rig| rig.device(&setup.hardware));
            match device {
                None => {
                    wrong.push(format!("{} {name}: no {} in {:?}", campaign.id, setup.hardware, setup.rig));
                }
                Some(device) if setup.devices == 0 || setup.devices > device.count => {
                    wrong.push(format!("{} {name}: {} of {}", campaign.id, setup.devices, device.count));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

fn several_devices_say_how(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for campaign in &rows.campaigns {
        for (name, setup) in &campaign.setups {
            let known = matches!(setup.split.as_deref(), Some("layers" | "tensor"));
            if (setup.devices > 1) != known || (setup.split.is_some() && !known) {
                let id = &campaign.id;
                wrong.push(format!("{id} {name}: `split` is layers or tensor, for several devices alone"));
            }
        }
    }
    wrong
}

fn runtimes_are_known(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for campaign in &rows.campaigns {
        for (name, setup) in &campaign.setups {
            if !Runtime::ALL.iter().any(|runtime| runtime.name().eq_ignore_ascii_case(&setup.runtime)) {
                wrong.push(format!("{} {name}: runtime {:?}", campaign.id, setup.runtime));
            }
            if !Backend::ALL.iter().any(|backend| backend.name() == setup.backend) {
                wrong.push(format!("{} {name}: backend {:?}", campaign.id, setup.backend));
            }
        }
    }
    wrong
}

fn runs_name_a_setup(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let mut wrong = each(rows, |campaign, run| {
        let known = campaign.setups.contains_key(&run.on);
        if known { Vec::new() } else { vec![format!("{:?} is no setup of its campaign", run.on)] }
    });
    for campaign in &rows.campaigns {
        let used: BTreeSet<&str> = campaign.runs().map(|(_, run)| run.on.as_str()).collect();
        let idle = campaign.setups.keys().filter(|name| !used.contains(name.as_str()));
        wrong.extend(idle.map(|name| format!("{}: nothing ran on {name}", campaign.id)));
    }
    wrong
}

fn models_and_quants_are_known(rows: &RunRows, catalog: &Catalog) -> Vec<String> {
    each(rows, |_, run| {
        let mut wrong = Vec::new();
        if let Some(model) = &run.model
            && !catalog.models().iter().any(|row| row.id == *model)
        {
            wrong.push(format!("{model:?} is no model's id"));
        }
        if run.quant != "unknown" && catalog.quant(&run.quant).is_err() {
            wrong.push(format!(
                "no quantisation is called {:?}; \"unknown\" is one that was not told",
                run.quant
            ));
        }
        wrong
    })
}

fn speeds_are_in_order(rows: &RunRows, _: &Catalog) -> Vec<String> {
    each(rows, |_, run| {
        let mut wrong = Vec::new();
        for point in &run.points {
            let others = [
                point.aggregate_tps,
                point.prefill_tps,
                point.ttft_ms,
                point.reasoning_tps,
                point.answer_tps,
            ];
            let figures = point.gen_tps.iter().copied().chain(others.into_iter().flatten());
            if !(1..=2).contains(&point.gen_tps.len()) || !point.gen_tps.is_sorted() {
                wrong.push(format!("gen_tps is one figure, or low and high: {:?}", point.gen_tps));
            }
            wrong.extend(
                figures
                    .filter(|figure| !(figure.is_finite() && *figure > 0.0))
                    .map(|f| format!("{f} is no speed")),
            );
        }
        wrong
    })
}

fn points_are_known_and_single(rows: &RunRows, catalog: &Catalog) -> Vec<String> {
    let suite = catalog.suites().iter().find(|suite| suite.id == SHAPES);
    let known: Vec<&str> =
        suite.into_iter().flat_map(|suite| &suite.workload).map(|workload| workload.name.as_str()).collect();
    each(rows, |_, run| {
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for point in &run.points {
            if let Some(shape) = point.shape.as_deref().filter(|shape| !known.contains(shape)) {
                wrong.push(format!("{shape:?} is no shape; there are {}", known.join(", ")));
            }
            if point.concurrency == 0 || !seen.insert((point.shape.as_deref(), point.concurrency)) {
                wrong
                    .push(format!("one point a shape and concurrency: {} stands wrongly", point.concurrency));
            }
        }
        if run.points.is_empty() {
            wrong.push("has no point".to_owned());
        }
        wrong
    })
}

fn dates_are_dates(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for campaign in &rows.campaigns {
        let own = campaign.measured_on.iter().map(|day| (day, 10));
        let runs = campaign.runs().filter_map(|(_, run)| run.measured_on.as_ref()).map(|day| (day, 10));
        let months = campaign.families.iter().map(|family| (&family.released, 7));
        let bad = own.chain(runs).chain(months).filter(|(text, length)| !is_date(text, *length));
        wrong.extend(
            bad.map(|(text, length)| format!("{}: {text:?} is not {}", campaign.id, &"2026-11-22"[..length])),
        );
    }
    wrong
}

/// `2026-11-22`, or its first seven letters.
fn is_date(text: &str, length: usize) -> bool {
    let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
    let possible = match parts[..] {
        [Some(year), Some(month)] => (2020..2100).contains(&year) && (1..=12).contains(&month),
        [Some(year), Some(month), Some(day)] => {
            (2020..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
        }
        _ => false,
    };
    possible && text.len() == length
}

fn counts_cover_the_rows(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for campaign in &rows.campaigns {
        for family in &campaign.families {
            let points: usize = family.runs.iter().map(|run| run.points.len()).sum();
            let published = family.published_runs.map(|count| count as usize);
            if published.is_some_and(|count| count < points) || (published.is_none() && points == 0) {
                wrong.push(format!("{} {}: {points} points of {published:?} runs", campaign.id, family.name));
            }
        }
    }
    wrong
}

fn speculation_says_by_what(rows: &RunRows, _: &Catalog) -> Vec<String> {
    each(rows, |_, run| {
        let Some(speculative) = &run.speculative else { return Vec::new() };
        let draft = speculative.draft.is_some();
        match speculative.method.as_str() {
            "draft" if draft => Vec::new(),
            "mtp" | "ngram" if !draft => Vec::new(),
            other => vec![format!("{other:?}: mtp, ngram, or draft with the model that drafts")],
        }
    })
}

fn superseded_lead_on(rows: &RunRows, _: &Catalog) -> Vec<String> {
    let find = |key: &str| {
        let (campaign, id) = key.split_once('/')?;
        let campaign = rows.campaigns.iter().find(|row| row.id == campaign)?;
        campaign.runs().map(|(_, run)| run).find(|run| run.id.as_deref() == Some(id))
    };
    each(rows, |_, run| {
        let mut now = run;
        // No chain is longer than there are runs: one that is goes in a circle.
        for _ in 0..=rows.campaigns.iter().flat_map(CampaignRow::runs).count() {
            let Some(key) = &now.superseded_by else { return Vec::new() };
            let Some(next) = find(key) else { return vec![format!("{key:?} is no run: campaign/id")] };
            now = next;
        }
        vec!["is superseded in a circle".to_owned()]
    })
}

#[cfg(test)]
mod tests;
