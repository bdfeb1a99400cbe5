//! What `koboldcpp --benchmark` prints, and the table that it adds a row to.
//!
//! ```text
//! Backend: koboldcpp_cublas.dll
//! Model: Cydonia-22B-v1.3.i1-IQ4_XS
//! MaxCtx: 16384
//! GenAmount: 100
//! -----
//! ProcessingTime: 21.223s
//! ProcessingSpeed: 767.28T/s
//! GenerationTime: 23.240s
//! GenerationSpeed: 4.30T/s
//! TotalTime: 44.463s
//! ```
//!
//! The prompt fills the context but for what is to come out.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;

use super::{
    context::file_name,
    found::{Found, Kind, Name, Part},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// The keys, in the order in which they are printed; the columns of the table have the same names.
const KEYS: [&str; 9] = [
    "Backend",
    "Model",
    "MaxCtx",
    "GenAmount",
    "ProcessingTime",
    "ProcessingSpeed",
    "GenerationTime",
    "GenerationSpeed",
    "TotalTime",
];
const BACKEND: usize = 0;
const MODEL: usize = 1;
const CONTEXT: usize = 2;
const AMOUNT: usize = 3;
const PROMPT_TIME: usize = 4;
const PROMPT_RATE: usize = 5;
const OUTPUT_TIME: usize = 6;
const OUTPUT_RATE: usize = 7;
const TOTAL: usize = 8;

/// Lines that may stand between two of one result: what the model put out is printed among them.
const MAX_GAP: usize = 6;

/// The values of one result.
#[derive(Default)]
struct Measured {
    backend: Option<Name>,
    model: Option<Name>,
    numbers: [Option<Number>; 9],
    range: Option<Range<usize>>,
    last: usize,
}

impl Measured {
    fn has(&self, key: usize) -> bool {
        match key {
            BACKEND => self.backend.is_some(),
            MODEL => self.model.is_some(),
            _ => self.numbers[key].is_some(),
        }
    }

    fn cover(&mut self, range: &Range<usize>) {
        let start = self.range.as_ref().map_or(range.start, |before| before.start);
        self.range = Some(start..range.end);
    }
}

/// What the lines begin with; a row of the table may begin with anything.
const FIRSTS: Firsts = Firsts::new("TMGPB");

/// Reads the lines and the table.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut result = Measured::default();
    let mut columns: Option<Vec<String>> = None;
    if !page.any(FIRSTS) {
        return;
    }
    for (number, line) in page.plain() {
        if columns.is_none() && !FIRSTS.has(line) {
            continue;
        }
        let body = page.body(line);
        let range = line.body..line.end;
        if body.starts_with("Timestamp,") && body.contains("ProcessingSpeed") {
            columns = Some(body.split(',').map(str::to_string).collect());
        } else if let Some(columns) = columns.as_ref().filter(|_| body.matches(',').count() > 6) {
            out.extend(row(page, columns, range).and_then(|result| finish(page, &result)));
        } else if let Some(key) =
            KEYS.iter().position(|key| body.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
        {
            if result.has(key) || (result.range.is_some() && number - result.last > MAX_GAP) {
                out.extend(finish(page, &core::mem::take(&mut result)));
            }
            let from = line.body + KEYS[key].len() + 1;
            if key == MODEL {
                result.model = Some(Name::new(page, from..line.end));
            } else if key == BACKEND {
                result.backend = Some(Name::new(page, from..line.end).base());
            } else if let Some(value) = value(&mut Cursor::new(page.text(), from..line.end), key) {
                result.numbers[key] = Some(value);
            } else {
                continue;
            }
            result.cover(&range);
            result.last = number;
        }
    }
    out.extend(finish(page, &result));
}

/// What `koboldcpp_cublas.dll` computes with.
fn library(name: &Name) -> Option<Name> {
    let start = name.text.find("koboldcpp_")? + "koboldcpp_".len();
    let length = name.text[start..].find('.')?;
    Some(name.part(start..start + length))
}

/// A number with the unit of its key, and nothing after it.
fn value(cursor: &mut Cursor<'_>, key: usize) -> Option<Number> {
    let value = cursor.number()?;
    match key {
        PROMPT_TIME | OUTPUT_TIME | TOTAL => cursor.need("s")?,
        PROMPT_RATE | OUTPUT_RATE => cursor.need("T/s")?,
        _ => {}
    }
    cursor.ended().then_some(value)
}

/// A row of the table, whose values have no units.
fn row(page: &Page<'_>, columns: &[String], range: Range<usize>) -> Option<Measured> {
    let text = page.text().get(range.clone())?;
    let mut result = Measured { range: Some(range.clone()), ..Measured::default() };
    let mut at = range.start;
    for (cell, column) in text.split(',').zip(columns) {
        let place = at..at + cell.len();
        at = place.end + 1;
        match KEYS.iter().position(|key| key == column) {
            Some(MODEL) => result.model = Some(Name::new(page, place)),
            Some(BACKEND) => result.backend = Some(Name::new(page, place).base()),
            Some(key) => {
                let mut cursor = Cursor::new(page.text(), place);
                result.numbers[key] = cursor.number().filter(|_| cursor.ended());
            }
            None => {}
        }
    }
    Some(result)
}

fn finish(page: &Page<'_>, result: &Measured) -> Option<Found> {
    let range = result.range.clone()?;
    // Other programs have models and times, too.
    (result.has(PROMPT_RATE) || result.has(OUTPUT_RATE)).then_some(())?;
    let mut found =
        Found::new(Tool::KoboldCpp, "koboldcpp --benchmark, from 2024-02", Kind::Table, range.clone());
    found.stain = page.stain(&range);
    let digits =
        |key: usize| result.numbers[key].as_ref().and_then(|number| page.text().get(number.range.clone()));
    if let Some((library, backend)) =
        result.backend.as_ref().and_then(|name| Some((name.safe()?, library(name)?)))
    {
        found.name(Field::Backend, &backend);
        found.keep_text(format_args!("Backend: {library}"));
    }
    if let Some(name) = &result.model {
        let (model, quant) = file_name(&name.base());
        found.name(Field::Model, &model);
        if let Some(quant) = quant {
            found.name(Field::Quant, &quant);
        }
        found.keep_text(format_args!("Model: {}", name.base().safe().unwrap_or(super::bench::UNSAFE)));
    }
    for (key, unit) in [
        (CONTEXT, ""),
        (AMOUNT, ""),
        (PROMPT_TIME, "s"),
        (PROMPT_RATE, "T/s"),
        (OUTPUT_TIME, "s"),
        (OUTPUT_RATE, "T/s"),
        (TOTAL, "s"),
    ] {
        if let Some(digits) = digits(key) {
            found.keep_text(format_args!("{}: {digits}{unit}", KEYS[key]));
        }
    }
    let number = |key: usize| result.numbers[key].clone();
    // What was not to come out was the prompt.
    let prompt = number(CONTEXT).zip(number(AMOUNT)).filter(|(context, amount)| context.value > amount.value);
    let prompt = prompt.map(|(context, amount)| Number { value: context.value - amount.value, ..context });
    found.prefill =
        Part { count: prompt, time: number(PROMPT_TIME), rate: number(PROMPT_RATE), per_token_ms: None };
    found.decode = Part {
        count: number(AMOUNT),
        time: number(OUTPUT_TIME),
        rate: number(OUTPUT_RATE),
        per_token_ms: None,
    };
    found.fill(false);
    found.fill(true);
    if let Some(count) = found.prefill.count.clone() {
        found.compute(Field::PromptTokens, count.value, count.range);
    }
    if let Some(total) = number(TOTAL) {
        found.set(Field::TotalS, &total);
        found.total = Some(total);
    }
    Some(found)
}
