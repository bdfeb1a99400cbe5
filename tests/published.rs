//! The mission's published table, row by row: what the page printed is what `data/runs/published-table.yaml` says, and what
//! `/benchmarks` shows.

use data::Engine;
use data::runs::{CampaignRow, RunRows};
use data::table::make::Maker;
use page::Query;
use page::benchmarks::BenchmarksView;
use page::messages::EN;

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

/// The text of markup, without what stands small beside a figure.
fn text(html: &str) -> String {
    let mut bare = html.to_owned();
    while let Some((before, after)) = bare.split_once("<small") {
        bare = format!("{before}{}", after.split_once("</small>").map_or("", |(_, rest)| rest));
    }
    let pieces = bare.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<String>().trim().to_owned()
}

/// Headings and rows as our page shows them.
fn shown(html: &str) -> Vec<(Heading, Vec<Row>)> {
    let mut families = Vec::new();
    for group in html.split("<details class=\"family-rows\"").skip(1) {
        let group = group.split("</details>").next().expect("closed");
        let (_, rest) = group.split_once("<h2>").expect("a heading");
        let (name, rest) = rest.split_once("</h2>").expect("closed");
        let about: Vec<&str> = rest.split("<small>").nth(1).expect("counts").split("</small>").collect();
        let mut parts = about[0].split(" · ");
        // Headings of other campaigns count nothing that somebody published.
        let count = parts.next().and_then(|part| part.strip_suffix(" runs published"));
        let Some(count) = count else { continue };
        let released = parts.last().and_then(|part| part.strip_prefix("released ")).expect("a month");
        let mut rows = Vec::new();
        for row in group.split("<tr><th scope=\"row\">").skip(1) {
            // Each cell but the first begins within its tag.
            let (variant, cells) = row.split_once("<td").expect("cells");
            let cells = cells.split("<td").take(5).map(|cell| text(&format!("<td{cell}")));
            rows.push(std::iter::once(text(variant)).chain(cells).collect());
        }
        families.push(((name.to_owned(), count.parse().expect("a number"), released.to_owned()), rows));
    }
    families
}

/// The page has the same headings in the same order, and under each the same rows from the fastest down.
#[test]
fn every_published_row_is_on_the_page() {
    let table = Maker::new(Engine::embedded(), RunRows::embedded()).table(&[]);
    // Other campaigns may add rows and headings of their own.
    let published_alone = data::table::Table {
        rows: table.rows.iter().filter(|row| row.source == "published-table").cloned().collect(),
        ..table
    };
    let query = Query::parse("per_page=1000");
    let view = BenchmarksView::new(&published_alone, &query);
    let html = page::benchmarks_results(&view, &query, &EN).expect("written");
    let published = published();
    let is_published = |name: &str| published.iter().any(|((known, ..), _)| known == name);
    let shown: Vec<_> = shown(&html).into_iter().filter(|((name, ..), _)| is_published(name)).collect();
    assert_eq!(shown.len(), published.len());
    for ((there, mut theirs), (here, mut ours)) in published.into_iter().zip(shown) {
        assert_eq!(there, here);
        theirs.sort();
        ours.sort();
        assert_eq!(theirs, ours, "{}", there.0);
    }
}
