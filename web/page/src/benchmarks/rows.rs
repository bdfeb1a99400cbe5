//! The table itself: a group for each family, a line for each row, a link to sort by in each head.

use std::collections::BTreeSet;

use data::table::{Family, Origin, Picked, Sort, Unestimated, Wish, trend};

use super::{BenchmarksView, FIRST_PAGE, PATH, glossary, span, spelt};
use crate::figure;
use crate::messages::Messages;
use crate::query::Query;

/// The head of a column.
pub(super) struct Head {
    /// The address that sorts by it.
    pub(super) href: String,
    pub(super) label: &'static str,
    /// Key of its definition among the page's terms.
    pub(super) term: &'static str,
    /// What it means.
    pub(super) meaning: &'static str,
    /// How rows are sorted by it: `ascending`, `descending`, or empty.
    pub(super) sorted: &'static str,
    pub(super) is_number: bool,
}

/// The columns: what sorts by them, and the word of the glossary that they are.
pub(super) fn columns(m: &Messages) -> [(Sort, &'static str, &'static str); 9] {
    let w = &m.benchmarks;
    [
        (Sort::Variant, w.variant, "variant"),
        (Sort::Quant, w.column_quant, "quantisation"),
        (Sort::Hardware, w.hardware, "hardware"),
        (Sort::Backend, w.backend, "backend"),
        (Sort::Concurrency, w.column_conc, "concurrency"),
        (Sort::Speed, w.gen_tps, "generated"),
        (Sort::Estimate, w.estimate, "estimate"),
        (Sort::Ratio, w.ratio, "ratio"),
        (Sort::Date, w.column_origin, "origin"),
    ]
}

pub(super) fn heads(wish: &Wish, query: &Query, m: &Messages) -> Vec<Head> {
    let head = |(sort, label, term): (Sort, &'static str, &'static str)| {
        let is_current = wish.sort == sort;
        let descending = if is_current { !wish.descending } else { sort.largest_first() };
        Head {
            href: query.link(PATH, &[FIRST_PAGE, &[("sort", &spelt(sort, descending))]].concat()),
            label,
            term,
            meaning: glossary::meaning(term),
            sorted: match (is_current, wish.descending) {
                (false, _) => "",
                (true, true) => "descending",
                (true, false) => "ascending",
            },
            is_number: matches!(sort, Sort::Concurrency | Sort::Speed | Sort::Estimate | Sort::Ratio),
        }
    };
    columns(m).into_iter().map(head).collect()
}

/// What links keep and no field of the form shows: that only one family or one model is asked for.
pub(super) fn only(wish: &Wish, query: &Query, m: &Messages) -> Vec<(String, String)> {
    [("family", &wish.family), ("model", &wish.model)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            (m.benchmarks.only_family(value), query.link(PATH, &[FIRST_PAGE, &[(name, "")]].concat()))
        })
        .collect()
}

/// A family with its rows of this page.
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    /// Counts and month of release.
    pub(super) about: String,
    /// Where its rows are, when none of them is on this page; empty otherwise.
    pub(super) elsewhere: String,
    pub(super) lines: Vec<Line<'a>>,
    /// Whether only the heading was published.
    pub(super) is_bare: bool,
}

/// One row.
pub(super) struct Line<'a> {
    pub(super) variant: &'a str,
    /// The model's page, with this machine; empty where it has none.
    pub(super) href: String,
    pub(super) quant: &'a str,
    pub(super) creator: &'a str,
    pub(super) hardware: &'a str,
    /// What sets the run apart: power limit, several devices, speculation; each with the glossary's word for it.
    pub(super) tags: Vec<(String, &'static str)>,
    pub(super) backend: String,
    pub(super) concurrency: u32,
    pub(super) speed: String,
    /// Reasoning and answer apart, where they are known.
    pub(super) apart: String,
    pub(super) estimate: String,
    pub(super) ratio: String,
    /// Whether the measurement lies outside our range.
    pub(super) is_outside: bool,
    pub(super) origin: &'static str,
    /// The result's page; empty for a campaign.
    pub(super) report: String,
    pub(super) measured_on: &'a str,
    /// The trend that it is a step of; empty where the like was measured once.
    pub(super) trend: String,
    pub(super) note: &'a str,
}

pub(super) fn groups<'a>(view: &BenchmarksView<'a>, query: &Query, m: &Messages) -> Vec<Group<'a>> {
    let table = view.table;
    let narrowed = view.wish.narrows();
    let shown = view.selection.shown();
    let trends: BTreeSet<&str> = table.trends.iter().map(|(key, _)| key.as_str()).collect();
    let trend = |row: &Picked<'_>| {
        let key = trend::key(row.row);
        if trends.contains(key.as_str()) {
            query.link(PATH, &[("trend", &key), ("trend_page", "")])
        } else {
            String::new()
        }
    };
    let mut groups = Vec::new();
    for (at, family) in table.families.iter().enumerate() {
        let count = view.selection.counts.get(at).copied().unwrap_or_default();
        if count == 0 && narrowed {
            continue;
        }
        let lines: Vec<Line<'a>> = shown
            .iter()
            .filter(|row| row.row.family as usize == at)
            .map(|row| line(row, trend(row), m))
            .collect();
        let elsewhere = if count > 0 && lines.is_empty() {
            query.link(PATH, &[FIRST_PAGE, &[("family", &family.name)]].concat())
        } else {
            String::new()
        };
        groups.push(Group {
            name: &family.name,
            about: about(family, count, m),
            elsewhere,
            lines,
            is_bare: count == 0,
        });
    }
    groups
}

fn about(family: &Family, count: usize, m: &Messages) -> String {
    let w = &m.benchmarks;
    let rows = match count {
        0 => None,
        count => Some(w.rows_shown(&figure::number(count as f64))),
    };
    let published = family.published_runs.map(|count| w.runs_published(&count.to_string()));
    let released = Some(&family.released).filter(|month| !month.is_empty()).map(|month| w.released(month));
    let parts = [published, rows, released];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn line<'a>(picked: &Picked<'a>, trend: String, m: &Messages) -> Line<'a> {
    let row = picked.row;
    let w = &m.benchmarks;
    let (origin, is_report) = match row.origin {
        Origin::Curated => (w.by_campaign, false),
        Origin::Signed => (w.by_signed, true),
        Origin::Pasted => (w.by_pasted, true),
    };
    let apart = picked.reasoning_tps.zip(picked.answer_tps);
    Line {
        variant: &row.variant,
        href: if row.model.is_empty() {
            String::new()
        } else {
            let path = format!("/m/{}", row.model);
            let devices = if row.devices > 1 { row.devices.to_string() } else { String::new() };
            Query::default().link(&path, &[("hardware", &row.device), ("devices", &devices)])
        },
        quant: &row.quant,
        creator: &row.quant_creator,
        hardware: &row.hardware,
        tags: tags(picked, m),
        backend: row.backend_words(),
        concurrency: row.concurrency,
        speed: span(picked.low_tps, picked.high_tps),
        apart: apart
            .map(|(reasoning, answer)| {
                w.reasoning(&span(answer.0, answer.1), &span(reasoning.0, reasoning.1))
            })
            .unwrap_or_default(),
        estimate: match (picked.estimate, row.unestimated) {
            (Some(range), _) => figure::range(range),
            (None, Some(why)) => unestimated(why, m).to_owned(),
            (None, None) => String::new(),
        },
        ratio: picked.ratio().map(|ratio| format!("×{ratio:.2}")).unwrap_or_default(),
        is_outside: picked.is_within() == Some(false),
        origin,
        report: if is_report { format!("/r/{}", row.source) } else { String::new() },
        measured_on: &row.measured_on,
        trend,
        note: &row.note,
    }
}

/// Why there is no estimate, in a word or three.
fn unestimated(why: Unestimated, m: &Messages) -> &'static str {
    let w = &m.benchmarks;
    match why {
        Unestimated::QuantUnknown => w.quant_unknown,
        Unestimated::ModelUnknown => w.model_unknown,
        Unestimated::DeviceUnknown => w.device_unknown,
        Unestimated::NotLoaded => w.not_loaded,
        Unestimated::TooBig => w.too_big,
        Unestimated::Speculative => w.speculative,
    }
}

fn tags(picked: &Picked<'_>, m: &Messages) -> Vec<(String, &'static str)> {
    let row = picked.row;
    let w = &m.benchmarks;
    let mut tags = Vec::new();
    if row.devices > 1 {
        let count = row.devices.to_string();
        let words = match row.split.as_str() {
            "layers" => w.several(&count, w.split_layers),
            "tensor" => w.several(&count, w.split_tensor),
            _ => w.several_plain(&count),
        };
        tags.push((words, glossary::meaning("multi-GPU")));
    }
    if !row.speculative.is_empty() {
        tags.push((row.speculative.clone(), glossary::meaning("speculative decoding")));
    }
    let limited = match row.power_limit_w {
        Some(watts) => Some(w.power_limit(&watts.to_string())),
        None if row.power_share < data::medians::CAPPED_BELOW => {
            Some(w.power_share(&format!("{:.0}", 100.0 * row.power_share)))
        }
        None => None,
    };
    tags.extend(limited.map(|words| (words, glossary::meaning("power limit"))));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::EN;

    #[test]
    fn every_column_and_tag_has_its_meaning_in_the_glossary() {
        let tags = ["multi-GPU", "speculative decoding", "power limit", "shape", "trend", "superseded"];
        for term in columns(&EN).map(|(_, _, term)| term).into_iter().chain(tags) {
            assert!(glossary::meaning(term).len() > 10, "GLOSSARY.md does not say what {term:?} is");
        }
    }
}
