//! The line of TensorRT-LLM's `benchmark.py`: words and their values by turns.
//!
//! Of its two speeds `tokens_per_sec` includes the prompt; `generation_tokens_per_second` does not.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::{
    flag::Flag,
    found::{Found, Kind, Name},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What its lines begin with.
const FIRSTS: Firsts = Firsts::new("[");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    for (_, line) in page.starting(FIRSTS) {
        if page.body(line).starts_with("[BENCHMARK]") {
            out.extend(read(page, line.body..line.end));
        }
    }
}

fn read(page: &Page<'_>, range: Range<usize>) -> Option<Found> {
    let text = page.text().get(range.clone())?;
    let words = text.split_ascii_whitespace().map(|word| {
        let start = range.start + (word.as_ptr() as usize - text.as_ptr() as usize);
        start..start + word.len()
    });
    let words: Vec<Range<usize>> = words.collect();
    let word = |range: &Range<usize>| page.text().get(range.clone()).unwrap_or_default();
    let value = |key: &str| words.windows(2).find(|pair| word(&pair[0]) == key).map(|pair| pair[1].clone());
    let number = |key: &str| -> Option<Number> {
        let mut cursor = Cursor::new(page.text(), value(key)?);
        let number = cursor.number()?;
        cursor.ended().then_some(number)
    };
    let mut found =
        Found::new(Tool::TensorRtLlm, "TensorRT-LLM benchmark.py, from 2023-10", Kind::Block, range.clone());
    found.stain = page.stain(&range);
    let streams = number("batch_size");
    let is_batch = streams.as_ref().is_some_and(|streams| streams.value > 1.0);
    let speed = if is_batch { Field::AggregateTps } else { Field::DecodeTps };
    let mut kept = String::from("[BENCHMARK]");
    for (field, key) in [
        (Field::Streams, "batch_size"),
        (Field::PromptTokens, "input_length"),
        (Field::OutputTokens, "output_length"),
        (Field::EndToEndTps, "tokens_per_sec"),
        (speed, "generation_tokens_per_second"),
    ] {
        if let Some(number) = number(key) {
            found.set(field, &number);
            kept.extend([" ", key, " ", word(&number.range)]);
        }
    }
    for (field, key) in [(Field::Model, "model_name"), (Field::Quant, "precision")] {
        if let Some(range) = value(key) {
            let name = Name::new(page, range).base();
            found.name(field, &name);
            if let Some(name) = name.safe() {
                kept.extend([" ", key, " ", name]);
            }
        }
    }
    found.keep_text(format_args!("{kept}"));
    if is_batch {
        found.flag(Flag::Aggregate);
    } else if found.run.decode_tps.is_none() {
        found.flag(Flag::EndToEnd);
    }
    (found.run.decode_tps.is_some()
        || found.run.aggregate_tps.is_some()
        || found.run.end_to_end_tps.is_some())
    .then_some(found)
}
