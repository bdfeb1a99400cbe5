//! The markdown tables of llama-bench and of llama-benchy, which took over its form.
//!
//! Columns are found by the names in the header: which are printed depends on what was set. The mark between mean
//! and spread is what survives of `±`: `Â±`, `_`, `+/-`, a replacement character.

use alloc::{format, string::String, vec::Vec};

use super::{
    bench::{self, Form, MOST_ROWS, Row, UNSAFE, model_and_quant},
    docs::Damage,
    found::{Found, Kind, Name, safe},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
    table::{self, Cell, Table},
};

/// Columns that are kept beside the results: settings, and nothing that could name a machine or a path.
const KEPT: [&str; 9] =
    ["size", "params", "backend", "ngl", "threads", "fa", "type_k", "type_v", "n_cpu_moe"];

/// Where several streams ran at once: the speed of all of them, and that of one.
const OF_ALL: &str = "t/s (total)";
const OF_ONE: &str = "t/s (req)";

/// Columns of results: they differ between rows that belong together.
const RESULTS: [&str; 9] = [
    "test",
    "t/s",
    "peak t/s",
    "peak t/s (req)",
    "ttfr (ms)",
    "est_ppt (ms)",
    "e2e_ttft (ms)",
    OF_ALL,
    OF_ONE,
];

/// Cells that a row has at least: model, size, parameters, backend, test, speed. With fewer and without a header it may be
/// half of one.
const FEWEST_CELLS: usize = 6;

/// Reads a table.
pub(super) fn read(page: &Page<'_>, table: &Table<'_>, out: &mut Vec<Found>) {
    let speed = table.column("t/s").or(table.column(OF_ONE));
    if !table.header.is_empty() && (table.column("test").is_none() || speed.is_none()) {
        return;
    }
    let benchy = table.column("ttfr (ms)").is_some() || table.column("est_ppt (ms)").is_some();
    let of_streams = table.column(OF_ONE).is_some();
    let rows = table.rows.iter().filter_map(|row| read_row(page, table, row, benchy));
    let rows: Vec<Row> = rows.take(MOST_ROWS).collect();
    let (tool, era) = if benchy {
        (Tool::LlamaBenchy, "llama-benchy, from 2026-01")
    } else {
        (Tool::LlamaBench, "llama-bench markdown, from 2023-08")
    };
    let mut heading = String::from("| model ");
    for column in kept(table) {
        heading.extend(["| ", column, " "]);
    }
    heading.push_str("| test ");
    heading.push_str(if of_streams { "| t/s (total) | t/s (req) |" } else { "| t/s |" });
    heading.push_str(if benchy { " ttfr (ms) |" } else { "" });
    let form = Form { tool, era, kind: Kind::Table, heading, damage: Damage::default() };
    bench::runs(page, &form, rows, out);
}

fn kept<'t>(table: &'t Table<'_>) -> impl Iterator<Item = &'static str> + 't {
    // A table without a header is read by the places that its first columns have had since 2023.
    KEPT.into_iter()
        .filter(|name| if table.header.is_empty() { *name == "size" } else { table.column(name).is_some() })
}

fn read_row(page: &Page<'_>, table: &Table<'_>, row: &table::Row<'_>, benchy: bool) -> Option<Row> {
    let headless = table.header.is_empty();
    let count = row.cells.len();
    if headless && count < FEWEST_CELLS {
        return None;
    }
    let cell = |name: &str, place: usize| if headless { row.cells.get(place) } else { table.cell(row, name) };
    let test_cell = cell("test", count.checked_sub(2)?)?;
    let test = bench::test(&mut Cursor::new(page.text(), test_cell.range.clone()))?;
    let of_streams = table.cell(row, OF_ONE);
    let rate_cell = of_streams.or_else(|| cell("t/s", count - 1))?;
    let (rate, spread) = mean_and_spread(page, rate_cell)?;
    let total_cell = of_streams.and_then(|_| table.cell(row, OF_ALL));
    let total = total_cell.and_then(|cell| mean_and_spread(page, cell)).map(|(total, _)| total);
    // Both numbers have two digits after the point; less of them is a cut, unless the row was closed.
    let full = |number: &Number| number.decimals == 2 || (benchy && number.decimals > 2);
    let rate_is_whole = spread.as_ref().map_or(row.whole, |spread| row.whole || full(spread));
    if !full(&rate) || !rate_is_whole {
        return None;
    }
    // Of a row without a spread and without what else the tool prints of a model, nothing shows that it was printed.
    let bare = !headless
        && !benchy
        && spread.is_none()
        && ["params", "backend"].iter().all(|name| table.column(name).is_none());
    let model = cell("model", 0)?;
    let model = model.name().base();
    let (name, quant) = model_and_quant(&model);
    let mut names = Vec::from([(Field::Model, name)]);
    names.extend(quant.map(|quant| (Field::Quant, quant)));
    for (field, column, place) in [(Field::Size, "size", 1), (Field::Backend, "backend", 3)] {
        names.extend(
            cell(column, place).filter(|cell| !cell.text.is_empty()).map(|cell| (field, cell.name())),
        );
    }
    let is_result = |place: usize| match table.header.get(place) {
        Some(column) => RESULTS.contains(&column.text),
        None => place + 2 >= count,
    };
    let settings = row.cells.iter().enumerate().filter(|(place, _)| !is_result(*place));
    let mut setting = String::new();
    for (_, cell) in settings {
        setting.extend([cell.text, "|"]);
    }
    let mut line = kept_line(table, row, &model);
    let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
    line.extend(["| ", test_cell.text]);
    if let Some(total) = &total {
        line.extend([" | ", digits(total)]);
    }
    line.extend([" | ", digits(&rate)]);
    if let Some(spread) = &spread {
        line.extend([" ± ", digits(spread)]);
    }
    line.push_str(if benchy { " | |" } else { " |" });
    let range = row.range.clone();
    Some(Row { setting, test, rate, spread, total, time_ns: None, names, range, line, bare })
}

/// `7340.20 ± 23.45`, whatever became of the mark between them.
fn mean_and_spread(page: &Page<'_>, cell: &Cell<'_>) -> Option<(Number, Option<Number>)> {
    let mut cursor = Cursor::new(page.text(), cell.range.clone());
    let mean = cursor.number()?;
    let rest = cursor.rest();
    let mark = rest.len() - rest.trim_start_matches(|c: char| !c.is_ascii_digit()).len();
    if rest.trim().is_empty() {
        return Some((mean, None));
    }
    if rest[..mark].chars().count() > 8 || rest[..mark].contains('|') {
        return None;
    }
    cursor.at += mark;
    let spread = cursor.number()?;
    cursor.ended().then_some((mean, Some(spread)))
}

/// The begin of the row as it is kept: safe columns.
fn kept_line(table: &Table<'_>, row: &table::Row<'_>, model: &Name) -> String {
    let unsafe_name = if model.text.is_empty() { "" } else { UNSAFE };
    let mut line = format!("| {} ", model.safe().unwrap_or(unsafe_name));
    for column in kept(table) {
        let cell = if table.header.is_empty() { row.cells.get(1) } else { table.cell(row, column) };
        let text = cell.and_then(|cell| safe(cell.text)).unwrap_or_default();
        line.extend(["| ", text, " "]);
    }
    line
}
