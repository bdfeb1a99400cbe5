//! The machine-readable forms of llama-bench: CSV, JSON, JSON lines and SQL; and llama-benchy's CSV and report in JSON.
//!
//! All have the same fields under the same names; which, and in what order, has changed often. llama-benchy ran each test
//! with some streams at once, and tells the speed of one of them beside that of all.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;

use super::{
    bench::{self, Form, MOST_ROWS, Row, Test, UNSAFE, model_and_quant},
    docs::{self, Damage, Json, Node},
    found::{Found, Kind, Name, safe},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
    table::Cell,
};
use crate::number;

/// Fields that tell results apart, not settings.
const RESULTS: [&str; 10] = [
    "n_prompt",
    "n_gen",
    "n_depth",
    "test_time",
    "avg_ns",
    "stddev_ns",
    "avg_ts",
    "stddev_ts",
    "samples_ns",
    "samples_ts",
];

/// The fields of one row, by name.
struct Fields<'a> {
    values: Vec<(&'a str, Cell<'a>)>,
    range: Range<usize>,
}

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&Cell<'a>> {
        self.values.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    fn number(&self, page: &Page<'_>, name: &str) -> Option<Number> {
        let value = self.get(name)?;
        if value.text.contains(['e', 'E']) {
            return is_number(value.text).then(|| docs::number(value.text, value.range.clone()));
        }
        let mut cursor = Cursor::new(page.text(), value.range.clone());
        let number = cursor.number()?;
        cursor.ended().then_some(number)
    }
}

/// Reads results in CSV and SQL.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut header: Option<(Vec<&str>, char)> = None;
    let mut csv = Vec::new();
    let mut sql = Vec::new();
    // With a header no line is told from a row by its looks; without one there is nothing to read.
    if !["avg_ts", OF_ONE].iter().any(|sign| page.text().contains(sign)) {
        return;
    }
    for (_, line) in page.plain() {
        let body = page.body(line);
        if body.contains("avg_ts") && body.starts_with("INSERT INTO") {
            sql.extend(insert(page, line.body..line.end));
        } else if (body.contains("avg_ts") && body.contains("n_prompt")) || body.contains(OF_ONE) {
            // What a spreadsheet wrote is parted by semicolons or tabs.
            let count = |mark: &char| body.matches(*mark).count();
            let mark = [',', ';', '\t'].into_iter().max_by_key(count).unwrap_or(',');
            let names = split(page, line.body..line.end, '"', mark);
            header = Some((names.into_iter().map(|name| name.text).collect(), mark));
        } else if let Some((names, mark)) = &header {
            let values = split(page, line.body..line.end, '"', *mark);
            if values.len() == names.len() {
                let values = names.iter().copied().zip(values).collect();
                csv.push(Fields { values, range: line.body..line.end });
            }
        }
    }
    for (era, fields) in [("llama-bench CSV, from 2023-08", csv), ("llama-bench SQL, from 2023-08", sql)] {
        runs(page, era, &fields, Damage::default(), out);
    }
}

/// The speed of one stream in the rows of llama-benchy, and that of all.
const OF_ONE: &str = "t_s_req_mean";
const OF_ALL: &str = "t_s_mean";

/// Reads results in JSON, as one array or a line each.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut fields = Vec::new();
    let mut damage = Damage::default();
    for doc in &page.docs {
        for node in doc.holders("avg_ts").into_iter().chain(doc.holders(OF_ONE)) {
            let Json::Object(members) = &node.value else { continue };
            damage = damage.and(doc.damage);
            let values = members.iter().map(|(key, node)| (key.as_str(), scalar(page, node))).collect();
            fields.push(Fields { values, range: node.range.clone() });
        }
        for node in doc.holders("tg_req_throughput") {
            damage = damage.and(doc.damage);
            fields.extend([false, true].map(|output| of_report(page, &doc.root, node, output)));
        }
    }
    runs(page, "llama-bench JSON, from 2023-08", &fields, damage, out);
}

/// Prompt or output of a test in llama-benchy's report, under the names that its rows and those of llama-bench have.
fn of_report<'a>(page: &Page<'a>, root: &Node, node: &Node, output: bool) -> Fields<'a> {
    let (all, one) =
        if output { ("tg_throughput", "tg_req_throughput") } else { ("pp_throughput", "pp_req_throughput") };
    let context = node.at(&["is_context_prefill_phase"]).map(|node| scalar(page, node));
    let of_context = context.is_some_and(|context| context.text == "true");
    // A context that is read is the prompt.
    let (count, of_count) = match (output, of_context) {
        (true, _) => ("n_gen", "response_size"),
        (false, true) => ("n_prompt", "context_size"),
        (false, false) => ("n_prompt", "prompt_size"),
    };
    let members = [
        ("model", root.at(&["model"])),
        (count, node.at(&[of_count]).filter(|_| !(output && of_context))),
        ("n_depth", node.at(&["context_size"])),
        ("streams", node.at(&["concurrency"])),
        (if of_context { "of_context" } else { "" }, node.at(&["context_size"])),
        (OF_ALL, node.at(&[all, "mean"])),
        (OF_ONE, node.at(&[one, "mean"])),
        ("t_s_req_std", node.at(&[one, "std"])),
    ];
    let values = members.into_iter().filter_map(|(key, node)| Some((key, scalar(page, node?)))).collect();
    Fields { values, range: node.range.clone() }
}

/// A value of JSON as it stands, without the quotes.
fn scalar<'a>(page: &Page<'a>, node: &Node) -> Cell<'a> {
    let range = match &node.value {
        Json::Text(_) => node.range.start + 1..node.range.end - 1,
        Json::Array(_) | Json::Object(_) => node.range.start..node.range.start,
        _ => node.range.clone(),
    };
    Cell::new(page, range)
}

fn runs(page: &Page<'_>, era: &'static str, fields: &[Fields<'_>], damage: Damage, out: &mut Vec<Found>) {
    let is_benchy = fields.first().is_some_and(|fields| fields.get(OF_ONE).is_some());
    let (tool, era) = if is_benchy {
        (Tool::LlamaBenchy, "llama-benchy JSON and CSV, from 2026-02")
    } else {
        (Tool::LlamaBench, era)
    };
    let form = Form { tool, era, kind: Kind::Json, heading: String::new(), damage };
    let rows: Vec<Row> = fields.iter().filter_map(|fields| row(page, fields)).take(MOST_ROWS).collect();
    bench::runs(page, &form, rows, out);
}

fn row(page: &Page<'_>, fields: &Fields<'_>) -> Option<Row> {
    let number = |name: &str| fields.number(page, name);
    let rate = number("avg_ts").or_else(|| number(OF_ONE))?;
    let spread = number("stddev_ts").or_else(|| number("t_s_req_std"));
    let test = match fields.get("test_name") {
        Some(name) => bench::test(&mut Cursor::new(page.text(), name.range.clone()))?,
        None => Test {
            prompt: number("n_prompt"),
            output: number("n_gen"),
            depth: number("n_depth"),
            streams: number("streams"),
            of_context: fields.get("of_context").is_some(),
        },
    };
    let mut names = Vec::new();
    names.extend(fields.get("model").map(|model| (Field::Model, model.name().base())));
    if let Some(description) = fields.get("model_type") {
        let (model, quant) = model_and_quant(&description.name());
        names.push((Field::Model, model));
        names.extend(quant.map(|quant| (Field::Quant, quant)));
    }
    if let Some(size) = fields.get("model_size") {
        names.push((Field::Size, Name { text: format!("{} B", size.text), range: size.range.clone() }));
    }
    let filled = |name: &str| fields.get(name).filter(|value| !value.text.is_empty()).map(Cell::name);
    names.extend(filled("backends").map(|backend| (Field::Backend, backend)));
    names.extend(filled("gpu_info").or(filled("cpu_info")).map(|device| (Field::Device, device)));
    let mut setting = String::new();
    // llama-benchy has none beside the test itself.
    let is_setting = |name: &str| !RESULTS.contains(&name) && fields.get(OF_ONE).is_none();
    for (name, value) in fields.values.iter().filter(|(name, _)| is_setting(name)) {
        setting.extend([name, "=", value.text, "|"]);
    }
    Some(Row {
        setting,
        test,
        rate,
        spread,
        total: number(OF_ALL),
        time_ns: number("avg_ns"),
        names,
        range: fields.range.clone(),
        line: kept_line(fields),
        bare: false,
    })
}

/// The numbers that are kept.
const NUMBERS: [&str; 13] = [
    "model_size",
    "n_prompt",
    "n_gen",
    "n_depth",
    "streams",
    "of_context",
    "avg_ns",
    "stddev_ns",
    "avg_ts",
    "stddev_ts",
    OF_ALL,
    OF_ONE,
    "t_s_req_std",
];

/// The row as it is kept: as a line of JSON, whatever it was.
fn kept_line(fields: &Fields<'_>) -> String {
    let mut line = String::from("{");
    for name in ["model_type", "backends", "gpu_info", "cpu_info", "model", "test_name"] {
        if let Some(value) = fields.get(name).map(|value| value.name().base()) {
            let text = if value.text.is_empty() { "" } else { safe(&value.text).unwrap_or(UNSAFE) };
            line.extend(["\"", name, "\":\"", text, "\","]);
        }
    }
    for name in NUMBERS {
        if let Some(value) = fields.get(name).filter(|value| is_number(value.text)) {
            // A spreadsheet may have written a comma.
            line.extend(["\"", name, "\":", &value.text.replace(',', "."), ","]);
        }
    }
    line.pop();
    line.push('}');
    line
}

/// Whether this is a number as programs write it: with a point or a comma, or with an exponent.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && number::read(&text.replace(',', ".")).is_some()
}

/// The values between commas, or another mark; those in quotes may have it in them.
fn split<'a>(page: &Page<'a>, range: Range<usize>, quote: char, mark: char) -> Vec<Cell<'a>> {
    let text = page.text().get(range.clone()).unwrap_or_default();
    let mut values = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        quoted ^= character == quote;
        if character == mark && !quoted {
            values.push(unquoted(page, range.start + start..range.start + at, quote));
            start = at + 1;
        }
    }
    values.push(unquoted(page, range.start + start..range.end, quote));
    values
}

fn unquoted<'a>(page: &Page<'a>, range: Range<usize>, quote: char) -> Cell<'a> {
    let cell = Cell::new(page, range);
    let is_quoted = cell.text.len() > 1 && cell.text.starts_with(quote) && cell.text.ends_with(quote);
    if is_quoted { Cell::new(page, cell.range.start + 1..cell.range.end - 1) } else { cell }
}

/// `INSERT INTO llama_bench (a, b) VALUES ('1', '2');`
fn insert<'a>(page: &Page<'a>, range: Range<usize>) -> Option<Fields<'a>> {
    let text = page.text().get(range.clone())?;
    let (names_from, names_to) = (text.find('(')? + 1, text.find(')')?);
    let values_from = names_to + text.get(names_to..)?.find("VALUES")? + "VALUES".len();
    let values_from = values_from + text.get(values_from..)?.find('(')? + 1;
    let values_to = text.rfind(')').filter(|end| *end > values_from)?;
    if names_from > names_to {
        return None;
    }
    let names = split(page, range.start + names_from..range.start + names_to, '\'', ',');
    let values = split(page, range.start + values_from..range.start + values_to, '\'', ',');
    let fits = names.len() == values.len();
    let values = names.into_iter().map(|name| name.text).zip(values).collect();
    fits.then_some(Fields { values, range })
}
