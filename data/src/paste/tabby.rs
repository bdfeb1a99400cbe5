//! TabbyAPI's metrics line, and the lines of exllamav2 that came before it.
//!
//! ```text
//! Metrics (ID: ba98…): 250 tokens generated in 16.44 seconds (Queue: 0.02 s, Process: 3840 cached tokens and 11926
//!   new tokens at 727.64 T/s, Generate: 28.2 T/s, Context: 15766 tokens, Draft: 0 / 4 tokens accepted (0.00%))
//! Prompt processed in 0.12 seconds, 512 tokens, 4266.67 tokens/second
//! Response generated in 2.10 seconds, 150 tokens, 71.43 tokens/second
//! (Context: 40 tokens, response: 250 tokens, 71.43 tokens/second)
//! ```

use alloc::vec::Vec;

use super::{
    flag::{Flag, Problem},
    found::{Found, Kind, Part},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
};

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut prompt: Option<(usize, Found)> = None;
    for (number, line) in page.plain() {
        let body = page.body(line);
        if body.starts_with("Metrics") {
            out.extend(metrics(page, number));
        } else if body.starts_with("Prompt processed in") {
            let read = page.match_line(number, |cursor| processed(cursor, "Prompt processed in"));
            if let Some((part, range)) = read {
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
        }
    }
    out.extend(prompt.map(|(_, found)| found));
}

fn processed(cursor: &mut Cursor<'_>, key: &str) -> Option<Part> {
    cursor.need(key)?;
    let time = cursor.number()?;
    cursor.need(" seconds,")?;
    let count = cursor.number()?;
    cursor.need(" tokens,")?;
    let rate = cursor.number()?;
    cursor.need(" tokens/second")?;
    Some(Part { count: Some(count), time: Some(time), rate: Some(rate), per_token_ms: None })
}

/// Alone, the response's time includes the prompt.
fn response(
    page: &Page<'_>,
    prompt: &mut Option<(usize, Found)>,
    number: usize,
    part: Part,
    range: core::ops::Range<usize>,
) -> Option<Found> {
    let near = prompt.take_if(|(at, _)| number - *at <= 3).map(|(_, found)| found);
    let alone = near.is_none();
    let mut found = near.unwrap_or_else(|| {
        Found::new(Tool::ExLlama, "exllamav2 examples, from 2023-09", Kind::Block, range.clone())
    });
    found.keep(page, range);
    if alone {
        found.set(Field::OutputTokens, part.count.as_ref()?);
        found.set(Field::EndToEndTps, part.rate.as_ref()?);
        found.flag(Flag::EndToEnd);
    } else {
        found.decode = part;
        found.fill(true);
    }
    Some(found)
}

/// The line of `chat.py`, which is in brackets: no log's prefix.
fn chat(page: &Page<'_>, line: core::ops::Range<usize>) -> Option<Found> {
    let mut cursor = Cursor::new(page.text(), line.clone());
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

/// What the metrics line tells.
struct Metrics {
    output: Number,
    total: Number,
    queue: Option<Number>,
    cached: Option<Number>,
    prompt: Option<Number>,
    prefill: Option<Number>,
    decode: Option<Number>,
    end_to_end: Option<Number>,
    drafts: Option<Number>,
}

fn metrics_line(cursor: &mut Cursor<'_>) -> Option<Metrics> {
    cursor.need("Metrics")?;
    if cursor.eat(" (ID:") {
        cursor.word();
        // The word ends with the bracket and the colon.
    }
    cursor.eat(":");
    let output = cursor.number()?;
    cursor.need(" tokens generated in")?;
    let total = cursor.number()?;
    cursor.need(" seconds (")?;
    let mut metrics = Metrics {
        output,
        total,
        queue: None,
        cached: None,
        prompt: None,
        prefill: None,
        decode: None,
        end_to_end: None,
        drafts: None,
    };
    if !cursor.eat("Queue:") {
        // The first form has only the speed over all of the time.
        metrics.end_to_end = Some(cursor.number()?);
        cursor.need(" T/s")?;
        return Some(metrics);
    }
    metrics.queue = Some(cursor.number()?);
    cursor.need(" s, Process:")?;
    let mut count = cursor.number()?;
    if cursor.eat(" cached tokens and") {
        metrics.cached = Some(count);
        count = cursor.number()?;
    }
    cursor.eat(" new");
    cursor.need(" tokens at")?;
    metrics.prompt = Some(count);
    metrics.prefill = Some(cursor.number()?);
    cursor.need(" T/s, Generate:")?;
    metrics.decode = Some(cursor.number()?);
    cursor.need(" T/s")?;
    if cursor.eat(", Context:") {
        cursor.number()?;
        cursor.need(" tokens")?;
    }
    if cursor.eat(", Draft:") {
        cursor.number()?;
        cursor.need(" /")?;
        metrics.drafts = Some(cursor.number()?);
        cursor.need(" tokens accepted")?;
    }
    Some(metrics)
}

fn metrics(page: &Page<'_>, number: usize) -> Option<Found> {
    let (metrics, range) = page.match_line(number, metrics_line)?;
    let mut found = Found::new(Tool::TabbyApi, "TabbyAPI log, from 2023-12", Kind::Log, range.clone());
    found.keep(page, range);
    for (field, number) in [
        (Field::OutputTokens, Some(&metrics.output)),
        (Field::TotalS, Some(&metrics.total)),
        (Field::CachedTokens, metrics.cached.as_ref()),
        (Field::PromptTokens, metrics.prompt.as_ref()),
        (Field::PrefillTps, metrics.prefill.as_ref()),
        (Field::DecodeTps, metrics.decode.as_ref()),
        (Field::EndToEndTps, metrics.end_to_end.as_ref()),
    ] {
        if let Some(number) = number {
            found.set(field, number);
        }
    }
    if metrics.end_to_end.is_some() {
        found.flag(Flag::EndToEnd);
    }
    if let Some(cached) = metrics.cached.as_ref().filter(|cached| cached.value > 0.0) {
        found.set(Field::DepthTokens, cached);
        found.flag(Flag::CachedPrefix);
        if metrics.prompt.as_ref().is_some_and(|new| new.value < 64.0) {
            found.drop(Field::PrefillTps);
            found.flag(Flag::PrefillFromCache);
        }
    }
    if metrics.drafts.is_some_and(|drafts| drafts.value > 0.0) && metrics.output.value > 1.0 {
        found.flag(Flag::Speculative);
    }
    // The parts take no longer than the whole; they leave out the tail, so no more than that can be said.
    if let (Some(prompt), Some(prefill), Some(decode)) = (&metrics.prompt, &metrics.prefill, &metrics.decode)
    {
        let queue = metrics.queue.as_ref().map_or(0.0, |queue| queue.value);
        let least_s = |count: f64, rate: &Number| count / (rate.value + rate.half_digit());
        let parts_s =
            least_s(prompt.value, prefill) + least_s((metrics.output.value - 1.0).max(0.0), decode) + queue;
        if parts_s > metrics.total.value * 1.05 + 0.05 {
            found.refuse(Problem::Impossible);
        }
    }
    Some(found)
}
