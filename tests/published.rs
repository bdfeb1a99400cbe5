//! The mission's published table, row by row: what the page printed is what `data/runs/published-table.yaml` says.

use data::runs::{CampaignRow, RunRows};

const PUBLISHED: &str = include_str!("fixtures/published-benchmarks.txt");

/// A heading of the page: name, count of runs, month.
type Heading = (String, u32, String);
/// A row below it: variant, quantisation, hardware, backend, concurrency, speed.
type Row = Vec<String>;

/// Headings and rows as the page printed them.
fn published() -> Vec<(Heading, Vec<Row>)> {
    let mut families: Vec<(Heading, Vec<Row>)> = Vec::new();
    for line in PUBLISHED.lines() {
        if let Some(heading) = line.strip_prefix("▸ ") {
            let (name, rest) = heading.split_once('(').expect("a count");
            let (count, released) = rest.split_once(")released ").expect("a month");
            let heading = (name.to_owned(), count.parse().expect("a number"), released.to_owned());
            families.push((heading, Vec::new()));
        } else if let Some(cells) = line.strip_prefix("| ").filter(|cells| !cells.starts_with("Variant")) {
            let cells = cells.trim_end_matches(" |").split(" | ").map(str::to_owned).collect();
            families.last_mut().expect("a heading first").1.push(cells);
        }
    }
    families
}

/// The same of a campaign.
fn entered(campaign: &CampaignRow) -> Vec<(Heading, Vec<Row>)> {
    let rigs = RunRows::embedded();
    let mut families = Vec::new();
    for family in &campaign.families {
        let mut rows = Vec::new();
        for run in &family.runs {
            let setup = &campaign.setups[&run.on];
            let device = rigs.rig(&setup.rig).and_then(|rig| rig.device(&setup.hardware)).expect("checked");
            for point in &run.points {
                let (low, high) = point.range_tps();
                rows.push(vec![
                    run.variant.clone(),
                    run.quant.clone(),
                    device.shown.clone(),
                    format!("{} {} ({})", setup.runtime, setup.build, setup.backend),
                    point.concurrency.to_string(),
                    format!("{low:.1}–{high:.1}"),
                ]);
            }
        }
        let heading =
            (family.name.clone(), family.published_runs.unwrap_or_default(), family.released.clone());
        families.push((heading, rows));
    }
    families
}

#[test]
fn every_published_row_is_entered_as_it_was_printed() {
    let published = published();
    assert_eq!(published.len(), 13, "headings");
    assert_eq!(published.iter().map(|(_, rows)| rows.len()).sum::<usize>(), 47, "rows");
    let campaign = RunRows::embedded().campaigns.iter().find(|row| row.id == "published-table");
    let entered = entered(campaign.expect("the published table"));
    for (there, here) in published.iter().zip(&entered) {
        assert_eq!(there, here);
    }
    assert_eq!(published.len(), entered.len());
}

#[test]
fn headings_without_rows_stay_without() {
    let bare: Vec<String> =
        published().into_iter().filter(|(_, rows)| rows.is_empty()).map(|((name, ..), _)| name).collect();
    assert_eq!(bare, ["granite-4.1", "LFM2.5-350M", "Gemma-3"]);
}
