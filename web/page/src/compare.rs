//! Setups side by side.

use askama::Template;
use chart::Verdict;
use data::answer::Answer;
use data::query::is_parameter;

use crate::card::{self, plain};
use crate::figures::{self, Figure};
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{Column, CompareView, Problem};
use crate::{figure, listing, words};

#[derive(Template)]
#[template(path = "compare_results.html")]
struct CompareResults<'a> {
    m: &'a Messages,
    problems: String,
    columns: Vec<Head<'a>>,
    rows: Vec<(&'static str, Vec<Cell>)>,
    figures: Vec<Figure>,
    /// Links to the same as data; none while a setup cannot be answered.
    data: String,
}

/// The head of a column, and the address without it.
struct Head<'a> {
    column: &'a Column,
    without: String,
}

#[derive(Default)]
struct Cell {
    /// A picture, made by the chart crate.
    svg: String,
    words: String,
    note: String,
    best: bool,
}

/// What goes into `#results` for setups side by side; `path` is the page's own.
pub fn results(view: &CompareView, path: &str, query: &Query, m: &Messages) -> askama::Result<String> {
    // A problem with the job is one of every setup, and told once.
    let mut all: Vec<Problem> = Vec::new();
    for problem in view.columns.iter().flat_map(|column| &column.problems) {
        if !all.contains(problem) {
            all.push(problem.clone());
        }
    }
    let columns = view.columns.iter().map(|column| {
        let names = ["hardware", "model", "quant"].map(|field| format!("{field}{}", column.number));
        let gone: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        Head { column, without: query.link(path, &gone) }
    });
    let answered = !view.columns.is_empty() && view.columns.iter().all(|column| column.answer.is_some());
    // A setup's own fields carry its number, one digit, behind their names.
    let of_setup = |name: &str| match name.as_bytes() {
        [.., b'1'..=b'6'] => is_parameter(&name[..name.len() - 1]),
        _ => is_parameter(name),
    };
    CompareResults {
        m,
        data: if answered {
            listing::as_data("compare", &query.readable(&all).keeping(&of_setup).link("", &[]), m)
        } else {
            String::new()
        },
        problems: listing::problems(&all, path, query, m)?,
        columns: columns.collect(),
        // A row that no setup has anything for, such as what would make it run, is left out.
        rows: rows(&view.columns, m)
            .into_iter()
            .filter(|(_, cells)| cells.iter().any(|cell| !cell.words.is_empty()))
            .collect(),
        figures: figures::context(&view.curves, None, "", m).into_iter().collect(),
    }
    .render()
}

/// One row of the table from each answer; columns without an answer stay empty.
fn row(columns: &[Column], cell: impl Fn(&Answer) -> Cell) -> Vec<Cell> {
    columns.iter().map(|column| column.answer.as_ref().map(&cell).unwrap_or_default()).collect()
}

/// The same with how each runs, the wanted speed taken in.
fn judged(columns: &[Column], cell: impl Fn(&Answer, Verdict) -> Cell) -> Vec<Cell> {
    let verdict = |column: &Column, answer| words::verdict(answer, column.fast_enough);
    let cells = columns.iter().map(|column| column.answer.as_ref().map(|a| cell(a, verdict(column, a))));
    cells.map(Option::unwrap_or_default).collect()
}

fn words_only(words: impl Into<String>) -> Cell {
    Cell { words: words.into(), ..Cell::default() }
}

fn rows(columns: &[Column], m: &Messages) -> Vec<(&'static str, Vec<Cell>)> {
    let answers = || columns.iter().filter_map(|column| column.answer.as_ref());
    let fastest = answers().filter_map(|a| a.decode_tps).map(|r| r.mid).fold(0.0, f64::max);
    let several = answers().filter(|a| a.decode_tps.is_some()).count() > 1;
    // One job is asked of all of them.
    let is_shared = answers().any(|a| a.setup.streams > 1);
    // Bars of one table share a track, a little wider than what they hold.
    let lows = answers().filter_map(|a| a.decode_tps).map(|r| r.low);
    let highs = answers().filter_map(|a| a.decode_tps).map(|r| r.high);
    let track = (lows.fold(f64::INFINITY, f64::min) / 2.0, highs.fold(0.0, f64::max) * 2.0);
    vec![
        (
            m.compare.verdict,
            judged(columns, |_, verdict| Cell {
                svg: chart::verdict_mark(verdict, None),
                ..words_only(words::verdict_word(verdict, m))
            }),
        ),
        (
            if is_shared { m.compare.speed_each } else { m.compare.speed },
            judged(columns, |answer, verdict| match answer.decode_tps {
                None => Cell::default(),
                Some(tps) => Cell {
                    svg: chart::range_bar(plain(tps), track, verdict, None, None),
                    words: figure::range(tps),
                    note: words::decode_note(&answer.evidence, m),
                    best: several && tps.mid >= fastest,
                },
            }),
        ),
        (
            m.compare.together,
            row(columns, |answer| {
                let together = answer.aggregate_tps.filter(|_| is_shared);
                words_only(together.map(figure::range).unwrap_or_default())
            }),
        ),
        (
            m.compare.ttft,
            row(columns, |answer| Cell {
                words: answer.ttft_ms.map(figure::duration).unwrap_or_default(),
                note: words::prefill_note(&answer.evidence, m).to_owned(),
                ..Cell::default()
            }),
        ),
        (
            m.answer.prefill,
            row(columns, |answer| words_only(answer.prefill_tps.map(figure::range).unwrap_or_default())),
        ),
        (
            m.answer.memory,
            row(columns, |answer| Cell {
                svg: card::memory_bar(&answer.footprint_gib, m),
                ..words_only(card::memory(&answer.footprint_gib, m))
            }),
        ),
        (
            m.compare.bound,
            row(columns, |answer| words_only(answer.bound_by.map_or("", |bound| words::bound(bound, m)))),
        ),
        (
            m.answer.longest_context,
            row(columns, |answer| {
                let longest = answer.inverse.longest_context;
                words_only(longest.map_or(m.answer.none_fits.to_owned(), figure::tokens))
            }),
        ),
        (
            m.answer.best_quant,
            row(columns, |answer| words_only(answer.inverse.best_quant.clone().unwrap_or_default())),
        ),
        (
            m.answer.remedy,
            row(columns, |answer| {
                let remedy = answer.remedy.as_ref();
                words_only(remedy.map(|r| words::remedy(r, "", &Query::default(), m).0).unwrap_or_default())
            }),
        ),
        (m.answer.flags, row(columns, |answer| words_only(answer.flags.join(" ")))),
        (m.answer.note, row(columns, |answer| words_only(answer.notes.join(" ")))),
        (m.answer.rests_on, row(columns, |answer| words_only(words::evidence(answer.evidence.decode, m)))),
    ]
}
