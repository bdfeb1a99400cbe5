//! llama.cpp's one-line speeds: the line of the new `llama-cli`, and those of the example programs.
//!
//! ```text
//! [ Prompt: 323.8 t/s | Generation: 14.4 t/s ]
//! encoded   12 tokens in    0.514 seconds, speed:   23.325 t/s
//! decoded  371 tokens in   34.412 seconds, speed:   10.781 t/s
//! main: decoded 27 tokens in 2.31 s, speed: 11.68 t/s
//! Total gen tokens:      1254, speed: 132.86 t/s
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use super::{
    flag::Flag,
    found::{Found, Kind, Part},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What the lines begin with.
const FIRSTS: Firsts = Firsts::new("[edmT");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut encoded: Option<(usize, Part, Range<usize>)> = None;
    for (number, line) in page.starting(FIRSTS) {
        let body = page.body(line);
        if body.starts_with("[ Prompt:") {
            out.extend(cli(page, number));
        } else if body.starts_with("encoded ") {
            let read = page.match_line(number, |cursor| phase(cursor, "encoded"));
            encoded = read.map(|(part, range)| (number, part, range));
        } else if body.starts_with("decoded ") {
            let prompt = encoded.take().filter(|(at, ..)| number - at <= 4);
            out.extend(speculative(page, number, prompt.map(|(_, part, range)| (part, range))));
        } else if body.starts_with("main: decoded ") {
            out.extend(example(page, number));
        } else if body.starts_with("Total gen tokens:") {
            out.extend(parallel(page, number));
        }
    }
}

fn cli(page: &Page<'_>, number: usize) -> Option<Found> {
    let ((prompt, output), range) = page.match_line(number, both)?;
    let mut found = Found::new(Tool::LlamaCpp, "llama-cli, from 2025-12", Kind::Block, range.clone());
    found.keep(page, range);
    found.set(Field::PrefillTps, &prompt);
    found.set(Field::DecodeTps, &output);
    found.flag(Flag::RatesOnly);
    Some(found)
}

fn speculative(page: &Page<'_>, number: usize, prompt: Option<(Part, Range<usize>)>) -> Option<Found> {
    let (part, range) = page.match_line(number, |cursor| phase(cursor, "decoded"))?;
    let mut found = Found::new(Tool::LlamaCpp, "llama-speculative, from 2023-09", Kind::Block, range.clone());
    if let Some((prompt, range)) = prompt {
        found.keep(page, range);
        found.prefill = prompt;
    }
    found.keep(page, range);
    found.decode = part;
    found.fill(false);
    found.fill(true);
    found.flag(Flag::Speculative);
    Some(found)
}

fn example(page: &Page<'_>, number: usize) -> Option<Found> {
    let (part, range) = page.match_line(number, |cursor| phase(cursor, "main: decoded"))?;
    let mut found = Found::new(Tool::LlamaCpp, "examples, from 2023-08", Kind::Block, range.clone());
    found.keep(page, range);
    found.set(Field::OutputTokens, part.count.as_ref()?);
    found.set(Field::EndToEndTps, part.rate.as_ref()?);
    found.flag(Flag::EndToEnd);
    Some(found)
}

/// Of all clients of `llama-parallel` together.
fn parallel(page: &Page<'_>, number: usize) -> Option<Found> {
    let ((count, rate), range) = page.match_line(number, |cursor| {
        cursor.need("Total gen tokens:")?;
        let count = cursor.number()?;
        cursor.need(", speed:")?;
        let rate = cursor.number()?;
        cursor.need(" t/s")?;
        Some((count, rate))
    })?;
    let mut found = Found::new(Tool::LlamaCpp, "llama-parallel, from 2023-09", Kind::Block, range.clone());
    found.keep(page, range);
    found.set(Field::OutputTokens, &count);
    found.set(Field::AggregateTps, &rate);
    found.flag(Flag::Aggregate);
    Some(found)
}

fn both(cursor: &mut Cursor<'_>) -> Option<(Number, Number)> {
    cursor.need("[ Prompt:")?;
    let prompt = cursor.number()?;
    cursor.need(" t/s | Generation:")?;
    let output = cursor.number()?;
    cursor.need(" t/s ]")?;
    Some((prompt, output))
}

fn phase(cursor: &mut Cursor<'_>, verb: &str) -> Option<Part> {
    cursor.need(verb)?;
    let count = cursor.number()?;
    cursor.need(" tokens in")?;
    let time = cursor.number()?;
    if !cursor.eat(" seconds") {
        cursor.need(" s")?;
    }
    cursor.need(", speed:")?;
    let rate = cursor.number()?;
    cursor.need(" t/s")?;
    Some(Part { count: Some(count), time: Some(time), rate: Some(rate), per_token_ms: None })
}
