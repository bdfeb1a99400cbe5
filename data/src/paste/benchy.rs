//! llama-benchy's report as JSON, and its rows as CSV. Its table is read with that of llama-bench.
//!
//! Each test ran with some streams at once: the speed of one of them stands beside that of all, and only with one
//! stream are they the same.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use super::{
    bench::{self, Form, Row, Test, UNSAFE},
    bench_fields::{is_number, split},
    docs::{self, Damage, Json, Node},
    found::{Kind, Name},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
};

/// The columns that are read, and the members of kept lines.
const KEYS: [&str; 5] = ["model", "test_name", "t_s_mean", "t_s_req_mean", "t_s_req_std"];

/// Reads the report, and kept lines.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<super::found::Found>) {
    let mut rows = Vec::new();
    let mut damage = Damage::default();
    for doc in &page.docs {
        for node in doc.holders("tg_req_throughput") {
            damage = damage.and(doc.damage);
            rows.extend(["pp", "tg"].into_iter().filter_map(|phase| of_report(page, &doc.root, node, phase)));
        }
        for node in doc.holders(KEYS[3]) {
            damage = damage.and(doc.damage);
            let cell = |key: &str| Some(place(page, node.at(&[key])?));
            rows.extend(of_cells(page, &KEYS.map(cell), node.range.clone()));
        }
    }
    runs(page, Kind::Json, rows, damage, out);
}

/// Reads CSV.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<super::found::Found>) {
    let mut columns: Option<[Option<usize>; 5]> = None;
    let mut rows = Vec::new();
    for (_, line) in page.plain() {
        let range = line.body..line.end;
        let is_header = page.body(line).contains("t_s_req_mean");
        if !is_header && columns.is_none() {
            continue;
        }
        let cells = split(page, range.clone(), '"', ',');
        if is_header {
            columns = Some(KEYS.map(|key| cells.iter().position(|cell| cell.text == key)));
        } else if let Some(columns) = columns {
            rows.extend(of_cells(page, &columns.map(|at| cells.get(at?).cloned()), range));
        }
    }
    runs(page, Kind::Json, rows, Damage::default(), out);
}

fn runs(page: &Page<'_>, kind: Kind, rows: Vec<Row>, damage: Damage, out: &mut Vec<super::found::Found>) {
    let era = "llama-benchy JSON and CSV, from 2026-02";
    let form = Form { tool: Tool::LlamaBenchy, era, kind, heading: String::new(), damage };
    bench::runs(page, &form, rows, out);
}

/// A value of JSON as it stands, without the quotes.
fn place(page: &Page<'_>, node: &Node) -> Name {
    let quotes = usize::from(matches!(node.value, Json::Text(_)));
    Name::new(page, node.range.start + quotes..node.range.end - quotes)
}

/// A row of CSV, or a kept line.
fn of_cells(page: &Page<'_>, cells: &[Option<Name>; 5], range: Range<usize>) -> Option<Row> {
    let number = |at: usize| {
        let cell = cells[at].as_ref()?;
        is_number(&cell.text).then(|| docs::number(&cell.text, cell.range.clone()))
    };
    let name = cells[1].as_ref()?;
    let test = bench::test(&mut Cursor::new(page.text(), name.range.clone()))?;
    row(page, cells[0].as_ref(), test, [number(2), number(3), number(4)], range)
}

/// Prompt or output of a test in a report.
fn of_report(page: &Page<'_>, root: &Node, node: &Node, phase: &str) -> Option<Row> {
    let metric = |metric: &str, of: &str| {
        let key = format!("{phase}{metric}_throughput");
        node.number(&[&key, of])
    };
    let word = |key: &str| page.text().get(node.at(&[key])?.range.clone());
    let count = |key: &str| node.number(&[key]);
    let of_context = word("is_context_prefill_phase") == Some("true");
    let depth = count("context_size").filter(|depth| depth.value > 0.0);
    let mut test = Test { of_context, streams: count("concurrency"), ..Test::default() };
    match phase {
        "pp" if of_context => test.prompt = depth.clone(),
        "pp" => test.prompt = Some(count("prompt_size")?),
        _ if of_context => {}
        _ => test.output = Some(count("response_size")?),
    }
    test.depth = depth;
    let rates = [metric("", "mean"), metric("_req", "mean"), metric("_req", "std")];
    let model = root.at(&["model"]).map(|node| place(page, node));
    row(page, model.as_ref(), test, rates, node.range.clone())
}

fn row(
    page: &Page<'_>,
    model: Option<&Name>,
    test: Test,
    [total, rate, spread]: [Option<Number>; 3],
    range: Range<usize>,
) -> Option<Row> {
    let rate = rate?;
    let model = model.map(Name::base);
    let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
    let mut name = String::new();
    if test.of_context {
        name.push_str(if test.prompt.is_some() { "ctx_pp" } else { "ctx_tg" });
    }
    let part = |number: &Option<Number>, shown: bool| number.as_ref().filter(|_| shown).map(digits);
    for (before, digits, after) in [
        ("pp", part(&test.prompt, !test.of_context), ""),
        ("tg", part(&test.output, true), ""),
        (" @ d", part(&test.depth, true), ""),
        (" (c", part(&test.streams, true), ")"),
    ] {
        if let Some(digits) = digits {
            name.extend([before, digits, after]);
        }
    }
    let mut line = String::from("{");
    if let Some(model) = &model {
        line.extend(["\"model\":\"", model.safe().unwrap_or(UNSAFE), "\","]);
    }
    line.extend(["\"test_name\":\"", &name, "\""]);
    for (key, number) in KEYS[2..].iter().zip([&total, &Some(rate.clone()), &spread]) {
        if let Some(number) = number {
            line.extend([",\"", key, "\":", digits(number)]);
        }
    }
    line.push('}');
    Some(Row {
        setting: String::new(),
        prompt: test.prompt,
        output: test.output,
        depth: test.depth,
        streams: test.streams,
        of_context: test.of_context,
        rate,
        spread,
        total,
        time_ns: None,
        names: model.map(|model| (Field::Model, model)).into_iter().collect(),
        range,
        line,
    })
}
