//! What was measured more than once: speed over runtime versions and days.

use chart::{Axis, Caption, Format, Size, Spread, TrendChart, Way};
use data::table::trend::{self, Step};
use data::table::{Picked, Row, Table};

use super::{PATH, span};
use crate::messages::Messages;
use crate::query::Query;

/// Trends that are offered: those with most rows.
const OFFERED: usize = 12;
/// Ways to run in one picture: more could not be told apart.
const WAYS: usize = 6;
/// Words stay readable on a phone, and there is room for two pictures side by side on a desk.
const SIZE: Size = Size { width: 480.0, height: 340.0 };
/// Measurements of a trend that are shown at once.
const PER_PAGE: usize = 50;
/// What an address calls a trend, and a page of it.
const TREND: &str = "trend";
const TREND_PAGE: &str = "trend_page";

/// The section as the template wants it.
pub(super) struct Trends {
    /// What the chosen trend is of; empty where none is chosen.
    pub(super) name: String,
    pub(super) steps: Vec<Line>,
    /// The steps as a picture; empty where none is chosen.
    pub(super) svg: String,
    /// How many ways to run have no room in the picture; empty where all have.
    pub(super) more_ways: String,
    /// Which page of a long history this is, and the addresses of its neighbours; empty where there is none.
    pub(super) page_of: String,
    pub(super) previous: String,
    pub(super) next: String,
    /// Others: address, name, rows.
    pub(super) offers: Vec<(String, String, u32)>,
    /// How many more there are than are offered; empty where all are.
    pub(super) more: String,
    /// The address without a trend.
    pub(super) all: String,
    /// The address of the same as data, without its form, and what asks for the chosen one.
    pub(super) data: &'static str,
    pub(super) query: String,
}

/// One step.
pub(super) struct Line {
    pub(super) version: String,
    pub(super) measured_on: String,
    pub(super) concurrency: u32,
    pub(super) speed: String,
    pub(super) change: String,
    pub(super) verdict: &'static str,
    pub(super) is_told: bool,
    pub(super) is_superseded: bool,
}

pub(super) fn trends(table: &Table, query: &Query, m: &Messages) -> Trends {
    let chosen = query.get(TREND);
    let whole = if chosen.is_empty() { Vec::new() } else { trend::steps(table, chosen) };
    let pages = whole.len().div_ceil(PER_PAGE).max(1);
    let page = query.get(TREND_PAGE).parse().unwrap_or(1).clamp(1, pages);
    let steps = whole.chunks(PER_PAGE).nth(page - 1).unwrap_or_default();
    let turn = |to: usize| {
        let there = (1..=pages).contains(&to);
        if there { query.link(PATH, &[(TREND_PAGE, &to.to_string())]) } else { String::new() }
    };
    let offers = table.trends.iter().take(OFFERED).filter_map(|(key, count)| {
        let row = table.rows.iter().find(|row| trend::key(row) == *key)?;
        let name = super::name(table, &Picked::of(row, "")?);
        Some((query.link(PATH, &[(TREND, key), (TREND_PAGE, "")]), name, *count))
    });
    let (svg, ways) = picture(table, steps, m);
    let beyond = |most: usize, count: usize, words: &dyn Fn(&str) -> String| match count.saturating_sub(most)
    {
        0 => String::new(),
        more => words(&more.to_string()),
    };
    Trends {
        name: match (chosen, steps.first()) {
            ("", _) => String::new(),
            (_, Some(step)) => super::name(table, &step.picked),
            (_, None) => m.benchmarks.trend_none.to_owned(),
        },
        svg,
        more_ways: beyond(WAYS, ways, &|count| m.benchmarks.more_ways(count)),
        more: beyond(OFFERED, table.trends.len(), &|count| m.benchmarks.more_trends(count)),
        steps: steps.iter().map(|step| line(step, m)).collect(),
        page_of: if pages > 1 {
            m.results.page(&page.to_string(), &pages.to_string())
        } else {
            String::new()
        },
        previous: turn(page - 1),
        next: turn(page + 1),
        offers: if chosen.is_empty() { offers.collect() } else { Vec::new() },
        all: query.link(PATH, &[(TREND, ""), (TREND_PAGE, "")]),
        data: "/api/v1/tables/trends",
        query: Query::default().link("", &[(TREND, chosen)]),
    }
}

/// The stops over their versions and days: a way to run is a line, and what was replaced is a hollow mark. And how
/// many ways there are, drawn or not.
fn picture(table: &Table, steps: &[Step<'_>], m: &Messages) -> (String, usize) {
    let Some(first) = steps.first() else { return (String::new(), 0) };
    let w = &m.benchmarks;
    let mut rows: Vec<&Row> = steps.iter().map(|step| step.picked.row).collect();
    rows.sort_by(|a, b| trend::age(a, b));
    let mut stops: Vec<(&str, &str)> = Vec::new();
    for row in rows {
        if !stops.contains(&trend::when(row)) {
            stops.push(trend::when(row));
        }
    }
    let builds: Vec<&str> = stops.iter().map(|(build, _)| *build).collect();
    let words: Vec<[&str; 2]> = told_apart(&builds)
        .into_iter()
        .zip(&stops)
        .map(|(build, (_, day))| [build, if day.is_empty() { w.date_unknown } else { day }])
        .collect();
    let told: Vec<[String; 2]> = steps
        .iter()
        .map(|step| {
            let speed = span(step.stop.low, step.stop.high);
            let tip = format!("{}: {speed} {}", step.picked.row.backend_words(), m.answer.tps);
            [if step.beyond_noise { changed(step) } else { String::new() }, tip]
        })
        .collect();
    // Steps come by the way they ran.
    let mut names: Vec<String> = Vec::new();
    let mut ways: Vec<Vec<chart::Step<'_>>> = Vec::new();
    let mut before: Option<&Row> = None;
    for (step, [told, tip]) in steps.iter().zip(&told) {
        let row = step.picked.row;
        // A stop is one mark, from its lowest to its highest; of one that a page cuts, each page has its mark.
        let seen = before.is_some_and(|before| trend::when(before) == trend::when(row));
        if step.is_repeat && seen {
            continue;
        }
        if before.is_none_or(|before| !trend::alike(before, row)) {
            names.push(way(row, m));
            ways.push(Vec::new());
        }
        before = Some(row);
        let stop = stops.iter().position(|stop| *stop == trend::when(row)).unwrap_or_default();
        let value = chart::Range { low: step.stop.low, mid: step.stop.mid, high: step.stop.high };
        if let Some(way) = ways.last_mut() {
            way.push(chart::Step { stop, value, is_superseded: row.superseded, told, tip });
        }
    }
    let lines: Vec<Way<'_>> =
        names.iter().zip(&ways).take(WAYS).map(|(name, steps)| Way { name, steps }).collect();
    let counts = [steps.len(), stops.len(), steps.iter().filter(|step| step.beyond_noise).count()];
    let [measured, places, beyond] = counts.map(|count| count.to_string());
    let svg = chart::trend(&TrendChart {
        caption: Caption {
            id: "trend-picture",
            title: &super::name(table, &first.picked),
            description: &w.trend_desc(&beyond, &measured, &places),
            empty: m.chart.empty,
        },
        size: SIZE,
        x_label: w.trend_axis,
        y: Axis { label: w.trend_speed, spread: Spread::Linear, format: Format::Number },
        stops: &words,
        ways: &lines,
        signs: [w.beyond_noise, w.superseded],
    });
    (svg, ways.len())
}

/// Versions without the first word that all of them have: it tells none apart, and there is little room under a picture.
fn told_apart<'a>(builds: &[&'a str]) -> Vec<&'a str> {
    let first = |build: &&'a str| build.split_once(' ').map(|(word, _)| word);
    let common =
        builds.first().and_then(first).filter(|word| builds.iter().all(|build| first(build) == Some(*word)));
    let rest = |build: &&'a str| common.map_or(*build, |word| build[word.len()..].trim_start());
    builds.iter().map(rest).collect()
}

/// How a row ran, apart from version and day.
fn way(row: &Row, m: &Messages) -> String {
    let backend = if row.backend.is_empty() { String::new() } else { format!(" ({})", row.backend) };
    let words = m.benchmarks.trend_way(&row.concurrency.to_string(), &format!("{}{backend}", row.runtime));
    if row.speculative.is_empty() { words } else { format!("{words}, {}", row.speculative) }
}

/// `+12 %`, or nothing.
fn changed(step: &Step<'_>) -> String {
    step.change.map(|change| format!("{:+.0} %", 100.0 * (change - 1.0))).unwrap_or_default()
}

fn line(step: &Step<'_>, m: &Messages) -> Line {
    let (w, row) = (&m.benchmarks, step.picked.row);
    Line {
        version: row.backend_words(),
        measured_on: if row.measured_on.is_empty() {
            w.date_unknown.to_owned()
        } else {
            row.measured_on.clone()
        },
        concurrency: row.concurrency,
        speed: span(step.picked.low_tps, step.picked.high_tps),
        change: changed(step),
        verdict: match (step.is_repeat, step.change, step.beyond_noise) {
            (true, ..) => w.repeated,
            (_, None, _) => w.first_of_its_way,
            (_, Some(_), true) => w.beyond_noise,
            (_, Some(_), false) => w.within_noise,
        },
        is_told: step.beyond_noise,
        is_superseded: row.superseded,
    }
}

#[cfg(all(test, feature = "full"))]
mod tests {
    use data::Engine;
    use data::runs::RunRows;
    use data::table::make::{Maker, Report, ReportPoint};

    use super::*;
    use crate::messages::EN;

    /// A table in which one setup was measured so often, twice under each version.
    fn often(count: usize) -> Table {
        let report = |at: usize| Report {
            id: format!("r{at}"),
            signed: true,
            measured_on: "2026-11-01".into(),
            device: "rtx-4090".into(),
            model: "gemma-4-e4b".into(),
            quant: "q4_k_m".into(),
            runtime: "llama.cpp".into(),
            build: format!("b{}", 9000 + at / 2),
            backend: "cuda".into(),
            streams: 1,
            points: vec![ReportPoint {
                workload: "W1".into(),
                prompt_tokens: 128,
                output_tokens: 256,
                decode_tps: 100.0,
                ..ReportPoint::default()
            }],
            ..Report::default()
        };
        let reports: Vec<Report> = (0..count).map(report).collect();
        Maker::new(Engine::embedded(), RunRows::embedded()).table(&reports)
    }

    #[test]
    fn a_long_history_comes_in_pages_and_a_repeat_is_called_one() {
        let table = often(2 * PER_PAGE + 10);
        let shown = |query: &str| trends(&table, &Query::parse(query), &EN);
        let first = shown("trend=rtx-4090,gemma-4-e4b,q4_k_m");
        assert_eq!((first.steps.len(), first.page_of.as_str()), (PER_PAGE, "Page 1 of 3"));
        assert!(first.previous.is_empty() && first.next.contains("trend_page=2"), "{}", first.next);
        let words: Vec<&str> = first.steps.iter().take(3).map(|step| step.verdict).collect();
        assert_eq!(
            words,
            [EN.benchmarks.first_of_its_way, EN.benchmarks.repeated, EN.benchmarks.within_noise]
        );
        assert_eq!(first.svg.matches("class=\"dot c0\"").count(), PER_PAGE / 2, "a mark for each stop");
        let last = shown("trend=rtx-4090,gemma-4-e4b,q4_k_m&trend_page=99");
        assert_eq!((last.steps.len(), last.page_of.as_str()), (10, "Page 3 of 3"));
        assert!(last.next.is_empty() && last.previous.contains("trend_page=2"));
        assert!(!last.all.contains("trend_page") && !last.query.contains("trend_page"));
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut table = often(2);
        let key = table.trends[0].clone();
        table.trends = vec![key; OFFERED + 3];
        let words = trends(&table, &Query::default(), &EN).more;
        assert_eq!(words, EN.benchmarks.more_trends("3"));
        table.trends.truncate(OFFERED);
        assert_eq!(trends(&table, &Query::default(), &EN).more, "");

        let asked = "rtx-4090,gemma-4-e4b,q4_k_m";
        let row = table.rows.iter().find(|row| trend::key(row) == asked).expect("a row").clone();
        for streams in 2..=9 {
            table.rows.push(Row { concurrency: streams, ..row.clone() });
        }
        let shown = trends(&table, &Query::parse(&format!("trend={asked}")), &EN);
        assert_eq!(shown.more_ways, EN.benchmarks.more_ways("3"), "nine ways, six in the picture");
    }

    #[test]
    fn versions_lose_what_all_of_them_have() {
        assert_eq!(told_apart(&["wheel 2026.4", "wheel 2026.10"]), ["2026.4", "2026.10"]);
        assert_eq!(told_apart(&["wheel 2026.4", "b9174"]), ["wheel 2026.4", "b9174"]);
        assert_eq!(told_apart(&["b9174", "b9200"]), ["b9174", "b9200"]);
        assert_eq!(told_apart(&[]), [""; 0]);
    }
}
