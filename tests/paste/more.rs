//! Further pastes, each with what has to be read: more real ones than the table of samples has, and made ones that each
//! hold a rule.

use data::paste::{Reading, Verdict, read};

use crate::samples::{column, word};

/// One paste and what has to be read.
pub(crate) struct Case {
    pub source: &'static str,
    pub text: &'static str,
    verdict: &'static str,
    /// Decode speed, prefill speed, prompt tokens, output tokens; for each run, or none.
    columns: [Vec<&'static str>; 4],
}

/// All of them, out of their file.
pub(crate) fn all() -> Vec<Case> {
    let records =
        [include_str!("more.txt"), include_str!("made.txt")].map(|text| text.split("\n==== ").skip(2));
    let cases: Vec<Case> = records
        .into_iter()
        .flatten()
        .map(|record| {
            let (head, text) = record.split_once('\n').expect("a line of expectations and a text");
            let cells: Vec<&str> = head.splitn(6, '|').map(str::trim).collect();
            let list = |at: usize| cells[at].split(';').filter(|value| !value.is_empty()).collect();
            Case { source: cells[5], text, verdict: cells[0], columns: [list(1), list(2), list(3), list(4)] }
        })
        .collect();
    assert!(cases.len() > 80, "the file has lost its records");
    cases
}

/// As printed; a computed value, to the digits that the file has of it.
fn equal(got: Option<f64>, wanted: &str) -> bool {
    let decimals = wanted.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    got.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}")) == wanted
}

fn faults(case: &Case, reading: &Reading) -> Vec<String> {
    let mut faults = Vec::new();
    if word(reading.verdict) != case.verdict {
        faults.push(format!("{}, not {}: {}", word(reading.verdict), case.verdict, reading.says));
    }
    if reading.verdict == Verdict::Refused {
        return faults;
    }
    let names = ["decode_tps", "prefill_tps", "prompt_tokens", "output_tokens"];
    for (name, wanted) in names.into_iter().zip(&case.columns) {
        let got: Vec<Option<f64>> = reading.runs.iter().map(|run| column(run, name)).collect();
        if got.len() != wanted.len() || !got.iter().zip(wanted).all(|(got, wanted)| equal(*got, wanted)) {
            faults.push(format!("{name}: {got:?}, not {wanted:?}"));
        }
    }
    faults
}

#[test]
fn further_pastes_read_as_their_file_says() {
    let told = |case: &Case| {
        let found = faults(case, &read(case.text.as_bytes()));
        found.iter().map(|fault| format!("{}: {fault}", case.source)).collect::<Vec<String>>()
    };
    let faults: Vec<String> = all().iter().flat_map(told).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
