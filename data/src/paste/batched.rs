//! llama-batched-bench, and llama-sweep-bench of ik_llama.cpp.
//!
//! ```text
//! |    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |
//! |    PP |     TG |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |
//! ```
//!
//! The speeds are of all `B` streams together: only a row with one stream has a decode speed. In the table of the
//! sweep, which has no `B`, `N_KV` is the depth; in the other it is all tokens.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::{
    flag::Flag,
    found::{Found, Kind, Part},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
    table::{Cell, Row, Table},
};

const COLUMNS: [&str; 10] =
    ["PP", "TG", "B", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s", "S t/s"];

/// Reads the lines that `-o jsonl` prints.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<Found>) {
    const KEYS: [(&str, &str); 8] = [
        ("PP", "pp"),
        ("TG", "tg"),
        ("B", "pl"),
        ("N_KV", "n_kv"),
        ("T_PP s", "t_pp"),
        ("S_PP t/s", "speed_pp"),
        ("T_TG s", "t_tg"),
        ("S_TG t/s", "speed_tg"),
    ];
    for doc in &page.docs {
        for node in doc.holders("speed_tg") {
            let number = |column: &str| {
                let (_, key) = KEYS.iter().find(|(name, _)| *name == column)?;
                node.number(&[key])
            };
            if let Some(mut found) = run(page, &number, Kind::Json, doc.range.clone()) {
                doc.damage.judge(&mut found);
                found.keep_members(page, None, &KEYS.map(|(_, key)| (key, node.number(&[key]))));
                out.push(found);
            }
        }
    }
}

/// Reads a table.
pub(super) fn read(page: &Page<'_>, table: &Table<'_>, out: &mut Vec<Found>) {
    if table.column("S_TG t/s").is_some() && table.column("PP").is_some() {
        out.extend(table.rows.iter().filter_map(|row| read_row(page, table, row)));
    }
}

fn read_row(page: &Page<'_>, table: &Table<'_>, row: &Row<'_>) -> Option<Found> {
    // Speeds have two decimals; of a row without a bar at its end, the last may have lost one.
    let is_whole = |cell: &Cell<'_>| cell.text.rfind('.').is_some_and(|point| cell.text.len() - point == 3);
    if row.cells.len() < table.header.len() || !(row.whole || row.cells.last().is_some_and(is_whole)) {
        return None;
    }
    let number = |column: &str| -> Option<Number> {
        let cell = table.cell(row, column)?;
        let mut cursor = Cursor::new(page.text(), cell.range.clone());
        let number = cursor.number()?;
        cursor.ended().then_some(number)
    };
    let mut found = run(page, &number, Kind::Table, row.range.clone())?;
    let mut heading = String::new();
    let mut line = String::new();
    for column in COLUMNS.into_iter().filter(|column| table.column(column).is_some()) {
        heading.extend(["| ", column, " "]);
        let text = number(column).and_then(|number| page.text().get(number.range)).unwrap_or_default();
        line.extend(["| ", text, " "]);
    }
    found.keep_text(format_args!("{heading}|"));
    found.keep_text(format_args!("{line}|"));
    Some(found)
}

/// The run of a row, by the names of its columns.
fn run(
    page: &Page<'_>,
    number: &dyn Fn(&str) -> Option<Number>,
    kind: Kind,
    range: Range<usize>,
) -> Option<Found> {
    let streams = number("B");
    let (tool, era) = if streams.is_some() {
        (Tool::LlamaBatchedBench, "llama-batched-bench, from 2024")
    } else {
        (Tool::LlamaSweepBench, "llama-sweep-bench, from 2025")
    };
    let mut found = Found::new(tool, era, kind, range.clone());
    found.stain = page.stain(&range);
    let part = |count, time, rate| Part { count, time, rate, per_token_ms: None };
    let prefill = part(number("PP"), number("T_PP s"), number("S_PP t/s"));
    let decode = part(number("TG"), number("T_TG s"), number("S_TG t/s"));
    if let Some(streams) = streams.filter(|streams| streams.value > 1.0) {
        found.set(Field::Streams, &streams);
        for (field, value) in [
            (Field::PromptTokens, &prefill.count),
            (Field::OutputTokens, &decode.count),
            (Field::AggregateTps, &decode.rate),
        ] {
            found.set(field, value.as_ref()?);
        }
        found.flag(Flag::Aggregate);
    } else {
        found.prefill = prefill;
        found.decode = decode;
        found.fill(false);
        found.fill(true);
        if let Some(depth) = number("N_KV").filter(|depth| tool == Tool::LlamaSweepBench && depth.value > 0.0)
        {
            found.set(Field::DepthTokens, &depth);
        }
    }
    if let Some(total) = number("T s") {
        found.set(Field::TotalS, &total);
        found.total = Some(total);
    }
    (found.has_speed() || found.run.aggregate_tps.is_some()).then_some(found)
}
