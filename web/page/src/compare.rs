//! Setups side by side.

use askama::Template;
use chart::Verdict;
use data::answer::Answer;
use data::query::is_parameter;
use estimator::Range;

use crate::card::{self, plain};
use crate::figures::{self, Figure};
use crate::messages::Messages;
use crate::query::{Query, numbered};
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
        let others = |name: &str| numbered(name).is_none_or(|(_, number)| number != column.number);
        Head { column, without: query.keeping(&others).link(path, &[]) }
    });
    let answered = !view.columns.is_empty() && view.columns.iter().all(|column| column.answer.is_some());
    let of_setup = |name: &str| is_parameter(name) || numbered(name).is_some();
    CompareResults {
        m,
        data: if answered {
            listing::as_data("compare", &query.readable(&all).keeping(&of_setup).link("", &[]), m)
        } else {
            String::new()
        },
        problems: listing::problems(&all, path, query, m)?,
        columns: columns.collect(),
        // A row that no setup has anything for, such as what would make it run, is left out; and so is what was asked for of all.
        rows: rows(&view.columns, m)
            .into_iter()
            .enumerate()
            .filter(|(at, (_, cells))| match at {
                0..ASKED => differ(cells),
                _ => cells.iter().any(|cell| !cell.words.is_empty()),
            })
            .map(|(_, row)| row)
            .collect(),
        figures: figures::context(&view.curves, None, "", m).into_iter().collect(),
    }
    .render()
}

/// Whether setups that are answered say different things in a row.
fn differ(cells: &[Cell]) -> bool {
    let mut said = cells.iter().map(|cell| &cell.words).filter(|words| !words.is_empty());
    said.next().is_some_and(|first| said.any(|words| words != first))
}

fn words_only(words: String) -> Cell {
    Cell { words, ..Cell::default() }
}

/// How many rows at the top say what was asked for, where setups differ in it.
const ASKED: usize = 3;

/// What all columns of the table share.
struct Shared {
    /// Both ends of the bars, in tokens a second, a little wider than what they hold.
    track: (f64, f64),
    /// The fastest of several, in tokens a second.
    best_tps: f64,
    /// Whether several streams are asked for, of all of them.
    in_streams: bool,
}

fn rows(columns: &[Column], m: &Messages) -> Vec<(&'static str, Vec<Cell>)> {
    let speeds: Vec<_> =
        columns.iter().filter_map(|column| column.answer.as_ref().and_then(|a| a.decode_tps)).collect();
    let most = |of: fn(&Range) -> f64| speeds.iter().map(of).fold(0.0, f64::max);
    let lowest = speeds.iter().map(|range| range.low).fold(f64::INFINITY, f64::min);
    let streams = |column: &Column| column.answer.as_ref().is_some_and(|a| a.setup.streams > 1);
    let shared = Shared {
        track: (lowest / 2.0, most(|range| range.high) * 2.0),
        best_tps: if speeds.len() > 1 { most(|range| range.mid) } else { f64::INFINITY },
        in_streams: columns.iter().any(streams),
    };
    let mut rows = [
        m.compare.context,
        m.compare.runtime,
        m.compare.cache,
        m.compare.verdict,
        if shared.in_streams { m.compare.speed_each } else { m.compare.speed },
        m.compare.together,
        m.compare.ttft,
        m.answer.prefill,
        m.answer.memory,
        m.compare.bound,
        m.answer.longest_context,
        m.answer.best_quant,
        m.answer.remedy,
        m.answer.flags,
        m.answer.note,
        m.answer.rests_on,
    ]
    .map(|label| (label, Vec::new()));
    for column in columns {
        let cells = column
            .answer
            .as_ref()
            .map(|answer| cells(answer, words::verdict(answer, column.fast_enough), &shared, m));
        for ((_, row), cell) in rows.iter_mut().zip(cells.unwrap_or_default()) {
            row.push(cell);
        }
    }
    rows.into()
}

/// One column, in the order of the rows.
fn cells(answer: &Answer, verdict: Verdict, shared: &Shared, m: &Messages) -> [Cell; 16] {
    let range = |range: Option<Range>| range.map(figure::range).unwrap_or_default();
    let asked = &answer.setup;
    [
        words_only(figure::tokens(asked.context)),
        words_only(format!("{}, {}", asked.runtime, asked.backend)),
        words_only(if asked.kv == asked.kv_v {
            asked.kv.clone()
        } else {
            format!("{} / {}", asked.kv, asked.kv_v)
        }),
        Cell {
            svg: chart::verdict_mark(verdict, None),
            ..words_only(words::verdict_word(verdict, m).to_owned())
        },
        answer.decode_tps.map_or_else(Cell::default, |tps| Cell {
            svg: chart::range_bar(plain(tps), shared.track, verdict, None, None),
            words: figure::range(tps),
            note: words::decode_note(&answer.evidence, m),
            best: tps.mid >= shared.best_tps,
        }),
        words_only(range(answer.aggregate_tps.filter(|_| shared.in_streams))),
        Cell {
            note: words::prefill_note(&answer.evidence, m).to_owned(),
            ..words_only(answer.ttft_ms.map(figure::duration).unwrap_or_default())
        },
        words_only(range(answer.prefill_tps)),
        Cell {
            svg: card::memory_bar(&answer.footprint_gib, m),
            ..words_only(card::memory(&answer.footprint_gib, m))
        },
        words_only(answer.bound_by.map_or("", |bound| words::bound(bound, m)).to_owned()),
        words_only(answer.inverse.longest_context.map_or(m.answer.none_fits.to_owned(), figure::tokens)),
        words_only(answer.inverse.best_quant.clone().unwrap_or_default()),
        words_only(
            answer.remedy.as_ref().map(|r| words::remedy(r, "", &Query::default(), m).0).unwrap_or_default(),
        ),
        words_only(answer.flags.join(" ")),
        words_only(answer.notes.join(" ")),
        words_only(words::evidence(answer.evidence.decode, m)),
    ]
}
