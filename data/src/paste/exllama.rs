//! The lines of exllamav2: its examples, its chat, and the measurements of `test_inference.py`.
//!
//! ```text
//! Prompt processed in 0.12 seconds, 512 tokens, 4266.67 tokens/second
//! Response generated in 2.10 seconds, 150 tokens, 71.43 tokens/second
//!  -- Response generated in 1.52 seconds, 128 tokens, 84.43 tokens/second (includes prompt eval.)
//! (Context: 40 tokens, response: 250 tokens, 71.43 tokens/second)
//!  ** Length   256 tokens:    269.5589 t/s
//!  ** Position  3968 + 128 tokens:    7.0301 t/s
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
const FIRSTS: Firsts = Firsts::new("PR(L-");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut prompt: Option<(usize, Found)> = None;
    for (number, line) in page.starting(FIRSTS) {
        // The examples' own mark is two dashes.
        let body = page.body(line);
        let body = body.strip_prefix("-- ").map_or(body, str::trim_start);
        // A list's mark may stand before it, and stands before the measurements themselves.
        if body.starts_with("Prompt processed in") {
            let read = page.match_line(number, |cursor| processed(cursor, "Prompt processed in"));
            if let Some(((part, _), range)) = read {
                let range = unmarked(page, range);
                let mut found =
                    Found::new(Tool::ExLlama, "exllamav2 examples, from 2023-09", Kind::Block, range.clone());
                found.keep(page, range);
                found.prefill = part;
                found.fill(false);
                out.extend(prompt.replace((number, found)).map(|(_, found)| found));
            }
        } else if body.starts_with("Response generated in") {
            let read = page.match_line(number, |cursor| processed(cursor, "Response generated in"));
            if let Some((part, range)) = read {
                out.extend(response(page, &mut prompt, number, part, range));
            }
        } else if body.starts_with("(Context:") {
            out.extend(chat(page, line.body..line.end));
        } else if body.starts_with("Length ") || body.starts_with("Position ") {
            out.extend(measured(page, number));
        }
    }
    out.extend(prompt.map(|(_, found)| found));
}

fn processed(cursor: &mut Cursor<'_>, key: &str) -> Option<(Part, bool)> {
    cursor.eat("-- ");
    cursor.need(key)?;
    let time = cursor.number()?;
    cursor.need(" seconds,")?;
    let count = cursor.number()?;
    cursor.need(" tokens,")?;
    let rate = cursor.number()?;
    cursor.need(" tokens/second")?;
    let with_prompt = cursor.eat(" (includes prompt eval.)");
    Some((Part { count: Some(count), time: Some(time), rate: Some(rate), per_token_ms: None }, with_prompt))
}

/// The line without its mark.
fn unmarked(page: &Page<'_>, range: Range<usize>) -> Range<usize> {
    let text = page.text().get(range.clone()).unwrap_or_default();
    range.end - text.trim_start_matches(['-', ' ']).len()..range.end
}

/// Alone, the response's time includes the prompt.
fn response(
    page: &Page<'_>,
    prompt: &mut Option<(usize, Found)>,
    number: usize,
    (part, with_prompt): (Part, bool),
    range: Range<usize>,
) -> Option<Found> {
    let range = unmarked(page, range);
    let near = prompt.take_if(|(at, _)| number - *at <= 3).map(|(_, found)| found);
    let with_prompt = with_prompt || near.is_none();
    let mut found = near.unwrap_or_else(|| {
        Found::new(Tool::ExLlama, "exllamav2 examples, from 2023-09", Kind::Block, range.clone())
    });
    found.keep(page, range);
    if with_prompt {
        found.set(Field::OutputTokens, part.count.as_ref()?);
        found.set(Field::EndToEndTps, part.rate.as_ref()?);
        found.flag(Flag::EndToEnd);
    } else {
        found.decode = part;
        found.fill(true);
    }
    Some(found)
}

/// The line of `chat.py`, which is in brackets: no log's prefix. Alone it may be quoted, an item, or in backticks.
fn chat(page: &Page<'_>, line: Range<usize>) -> Option<Found> {
    let mut cursor = Cursor::new(page.text(), line.clone());
    while [" >", " -", " `"].iter().any(|mark| cursor.eat(mark)) {}
    cursor.need(" (Context:")?;
    let prompt = cursor.number()?;
    cursor.need(" tokens, response:")?;
    let count = cursor.number()?;
    cursor.need(" tokens,")?;
    let rate = cursor.number()?;
    cursor.need(" tokens/second)")?;
    let mut found =
        Found::new(Tool::ExLlama, "exllamav2 chat, from 2023-09", Kind::Block, line.start..cursor.at);
    found.keep(page, line.start..cursor.at);
    found.set(Field::DepthTokens, &prompt);
    found.set(Field::OutputTokens, &count);
    found.set(Field::DecodeTps, &rate);
    Some(found)
}

/// A prompt of one length, or output from one place of the context on.
fn measured(page: &Page<'_>, number: usize) -> Option<Found> {
    let read = |cursor: &mut Cursor<'_>| -> Option<(Option<Number>, Number, Number)> {
        let depth = if cursor.eat("Position ") {
            let depth = cursor.number()?;
            cursor.need(" +")?;
            Some(depth)
        } else {
            cursor.need("Length ")?;
            None
        };
        let count = cursor.number()?;
        cursor.need(" tokens:")?;
        let rate = cursor.number()?;
        cursor.need(" t/s")?;
        Some((depth, count, rate))
    };
    let ((depth, count, rate), range) = page.match_line(number, read)?;
    let mut found =
        Found::new(Tool::ExLlama, "exllamav2 test_inference.py, from 2023-09", Kind::Table, range.clone());
    found.keep(page, range);
    let (tokens, tps) = match &depth {
        Some(depth) => {
            found.set(Field::DepthTokens, depth);
            (Field::OutputTokens, Field::DecodeTps)
        }
        None => (Field::PromptTokens, Field::PrefillTps),
    };
    found.set(tokens, &count);
    found.set(tps, &rate);
    Some(found)
}
