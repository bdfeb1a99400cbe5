//! Every sample against the table.

use std::{fs, path::PathBuf};

use data::paste::{Field, Flag, Mark, Reading, Run, Verdict, read};

/// Samples of which we do not read what the table's first author wrote, and why.
const JUDGED: [(&str, &str, &str); 2] = [
    ("071", "decode_tps", "with more than one stream S_TG is of all of them together: no decode speed"),
    (
        "071",
        "prefill_tps",
        "the same of S_PP: the first row, of one stream, is a run, the others are aggregates",
    ),
];

/// One row of the table.
struct Expected {
    file: String,
    verdict: String,
    columns: [(&'static str, Vec<String>); 4],
    model: String,
    quant: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("paste")
}

fn table() -> Vec<Expected> {
    let text = fs::read_to_string(folder().join("expected.tsv")).expect("the table of samples");
    let rows: Vec<Expected> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let list = |at: usize| -> Vec<String> {
                cells[at].split(';').filter(|value| !value.is_empty()).map(str::to_owned).collect()
            };
            let columns = [
                ("prefill_tps", list(2)),
                ("decode_tps", list(3)),
                ("prompt_tokens", list(4)),
                ("output_tokens", list(5)),
            ];
            let [file, verdict, model, quant] = [0, 1, 6, 7].map(|at: usize| cells[at].to_owned());
            Expected { file, verdict, columns, model, quant }
        })
        .collect();
    assert!(rows.len() > 100, "the table has lost its rows");
    rows
}

/// The pasted bytes. The bait is forty thousand spaces: it is made here rather than kept.
pub(crate) fn sample(file: &str) -> Vec<u8> {
    if file.starts_with("147_") {
        return format!("prompt eval time ={}x\n", " ".repeat(40_000)).into_bytes();
    }
    fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// All samples.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    table().into_iter().map(|row| (row.file.clone(), sample(&row.file))).collect()
}

pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Several => "several",
        Verdict::DecodeOnly => "decode_only",
        Verdict::PrefillOnly => "prefill_only",
        Verdict::Flagged => "flagged",
        Verdict::Refused => "refused",
    }
}

pub(crate) fn column(run: &Run, name: &str) -> Option<f64> {
    match name {
        "prefill_tps" => run.prefill_tps,
        "decode_tps" => run.decode_tps,
        "prompt_tokens" => run.prompt_tokens.map(|count| count as f64),
        _ => run.output_tokens.map(|count| count as f64),
    }
}

/// Equal to the last printed digit; a value that we computed, to one unit of it, as tables cut instead of rounding.
fn equal(value: f64, printed: &str, computed: bool) -> bool {
    let decimals = printed.find('.').map_or(0, |point| printed.len() - point - 1);
    let unit = 10_f64.powi(-i32::try_from(decimals).expect("few decimals"));
    let slack = if computed { 1.0 } else { 0.5 };
    let printed: f64 = printed.parse().expect("the table has numbers");
    (value - printed).abs() <= unit * slack * (1.0 + 1e-9)
}

/// What is wrong with a column, if anything. A count that is the same in all runs stands once in the table.
fn column_fault(reading: &Reading, name: &str, expected: &[String]) -> Option<String> {
    let is_count = name.ends_with("tokens");
    if expected.is_empty() && is_count {
        return None;
    }
    let mut got: Vec<f64> = reading.runs.iter().filter_map(|run| column(run, name)).collect();
    if is_count && expected.len() == 1 {
        got.dedup();
    }
    let computed = reading.runs.iter().any(|run| run.flags.contains(&Flag::Computed));
    let fits = got.len() == expected.len()
        && got.iter().zip(expected).all(|(got, want)| equal(*got, want, computed));
    (!fits).then(|| format!("{name}: {got:?}, not {expected:?}"))
}

#[test]
fn every_sample_reads_as_the_table_says() {
    let mut faults = Vec::new();
    for row in table() {
        let reading = read(&sample(&row.file));
        let mut fault = |what: String| faults.push(format!("{}: {what}", row.file));
        if word(reading.verdict) != row.verdict {
            fault(format!("{}, not {}: {}", word(reading.verdict), row.verdict, reading.says));
        }
        for (name, expected) in &row.columns {
            let judged = JUDGED.iter().any(|(file, column, _)| row.file.starts_with(file) && column == name);
            match column_fault(&reading, name, expected) {
                Some(what) if !judged => fault(what),
                None if judged => fault(format!("{name} is listed as judged, but agrees")),
                _ => {}
            }
        }
        let first = |get: fn(&Run) -> &Option<String>| reading.runs.first().and_then(|run| get(run).clone());
        for (name, expected, got) in
            [("model", &row.model, first(|run| &run.model)), ("quant", &row.quant, first(|run| &run.quant))]
        {
            let got = got.unwrap_or_default();
            // A name on a hub has its owner before it.
            let fits = got.eq_ignore_ascii_case(expected) || got.ends_with(&format!("/{expected}"));
            if !expected.is_empty() && !fits {
                fault(format!("{name}: {got:?}, not {expected:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The characters at a mark, whatever the encoding.
fn marked(bytes: &[u8], mark: &Mark) -> String {
    let part = bytes.get(mark.span.start..mark.span.end).expect("a mark within the paste");
    if bytes.starts_with(&[0xff, 0xfe]) {
        let units: Vec<u16> =
            part.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(part).into_owned()
}

/// The number that a mark shows; a break that a console put into it is no part of it.
fn number(shown: &str) -> Option<f64> {
    let joined: String = shown.chars().filter(|c| *c != '\n' && *c != '\r').collect();
    joined.replace(',', ".").parse().ok()
}

#[test]
fn every_mark_shows_what_was_read() {
    let mut marks = 0;
    for (file, bytes) in all() {
        // Full-width digits are shown as they are.
        let is_ascii = !file.starts_with("121_");
        for run in read(&bytes).runs {
            for mark in &run.spans {
                marks += 1;
                let shown = marked(&bytes, mark);
                let what = format!("{file}: {:?} shows {shown:?}", mark.field);
                let value = match mark.field {
                    Field::DecodeTps => run.decode_tps,
                    Field::PrefillTps => run.prefill_tps,
                    Field::AggregateTps => run.aggregate_tps,
                    Field::EndToEndTps => run.end_to_end_tps,
                    Field::PromptTokens => run.prompt_tokens.map(|count| count as f64),
                    Field::OutputTokens => run.output_tokens.map(|count| count as f64),
                    _ => None,
                };
                let ends = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || ".)".contains(c));
                assert!(ends(shown.chars().next()) || shown.starts_with('.'), "{what}");
                assert!(ends(shown.chars().last()) || mark.computed, "{what}");
                if let (Some(value), false, true) = (value, mark.computed, is_ascii) {
                    assert_eq!(number(&shown), Some(value), "{what}");
                }
                for (field, name) in [(Field::Quant, &run.quant), (Field::Backend, &run.backend)] {
                    if mark.field == field {
                        assert_eq!(Some(&shown), name.as_ref(), "{what}");
                    }
                }
            }
        }
    }
    assert!(marks > 700, "only {marks} marks");
}

#[test]
fn refusals_say_what_to_paste() {
    for row in table().into_iter().filter(|row| row.verdict == "refused") {
        let reading = read(&sample(&row.file));
        assert!(
            reading.says.contains("aste") || reading.says.contains("Copy"),
            "{}: {}",
            row.file,
            reading.says
        );
    }
}
