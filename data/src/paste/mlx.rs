//! `mlx_lm`: what `generate` prints below an answer, and the averages of `benchmark`.
//!
//! ```text
//! Prompt: 64 tokens, 17.804 tokens-per-sec
//! Generation: 32 tokens, 5.362 tokens-per-sec
//! Averages: prompt_tps=1521.109, generation_tps=46.145, peak_memory=1.604
//! ```
//!
//! Both divide one token more than were timed, which matters for very short outputs.

use alloc::vec::Vec;
use core::ops::Range;

use super::{
    flag::Flag,
    found::{Found, Kind},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
};

/// With fewer output tokens the token that is counted but not timed is more than an eighth of the speed.
const FEWEST: f64 = 8.0;

/// Reads answers and benchmarks.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut prompt: Option<(usize, Found)> = None;
    let mut sizes: Option<(Number, Number, Range<usize>)> = None;
    let mut trials: Vec<Found> = Vec::new();
    for (number, line) in page.plain() {
        let body = page.body(line);
        if body.starts_with("Prompt:") {
            if let Some((speed, range)) = page.match_line(number, |cursor| speed(cursor, "Prompt:")) {
                out.extend(prompt.take().map(|(_, found)| found));
                let mut found =
                    Found::new(Tool::MlxLm, "mlx_lm.generate, from 2023-12", Kind::Block, range.clone());
                found.keep(page, range);
                set(&mut found, &speed, Field::PromptTokens, Field::PrefillTps);
                prompt = Some((number, found));
            }
        } else if body.starts_with("Generation:") {
            if let Some((speed, range)) = page.match_line(number, |cursor| speed(cursor, "Generation:")) {
                let near = prompt.take_if(|(at, _)| number - *at <= 3).map(|(_, found)| found);
                let mut found = near.unwrap_or_else(|| {
                    Found::new(Tool::MlxLm, "mlx_lm.generate, from 2023-12", Kind::Block, range.clone())
                });
                found.keep(page, range);
                set(&mut found, &speed, Field::OutputTokens, Field::DecodeTps);
                inflated(&mut found, speed.0.as_ref());
                out.push(found);
            }
        } else if let Some((read, range)) = page.match_line(number, asked) {
            sizes = Some((read.0, read.1, range));
        } else if body.contains("prompt_tps=")
            && let Some(((average, speeds), range)) = page.match_line(number, averages)
        {
            let found = benchmark(page, &speeds, sizes.as_ref(), range);
            if average {
                trials.clear();
                out.push(found);
            } else {
                trials.push(found);
            }
        }
    }
    out.extend(prompt.map(|(_, found)| found));
    // Trials count only where their average was cut off.
    out.append(&mut trials);
}

fn speed(cursor: &mut Cursor<'_>, key: &str) -> Option<(Option<Number>, Number)> {
    cursor.need(key)?;
    let first = cursor.number()?;
    if cursor.eat(" tokens-per-sec") {
        // Until August 2024 without counts.
        return Some((None, first));
    }
    cursor.need(" tokens,")?;
    let rate = cursor.number()?;
    cursor.need(" tokens-per-sec")?;
    Some((Some(first), rate))
}

fn set(found: &mut Found, (count, rate): &(Option<Number>, Number), tokens: Field, tps: Field) {
    match count {
        Some(count) => found.set(tokens, count),
        None => found.flag(Flag::RatesOnly),
    }
    found.set(tps, rate);
}

fn inflated(found: &mut Found, count: Option<&Number>) {
    if count.is_some_and(|count| count.value > 1.0 && count.value < FEWEST) {
        found.drop(Field::DecodeTps);
        found.flag(Flag::InflatedByCount);
    }
}

/// How many tokens were asked for: in the command or in what the benchmark says of itself.
fn asked(cursor: &mut Cursor<'_>) -> Option<(Number, Number)> {
    if cursor.eat("Timing with prompt_tokens=") {
        let prompt = cursor.number()?;
        cursor.need(", generation_tokens=")?;
        return Some((prompt, cursor.number()?));
    }
    cursor.eat("$ ");
    cursor.eat("python -m ");
    cursor.need("mlx_lm.benchmark")?;
    let value = |flags: [&str; 2]| {
        let mut cursor = cursor.clone();
        flags.into_iter().find(|flag| cursor.after(flag)).and_then(|_| cursor.number())
    };
    let prompt = value([" -p ", " --prompt-tokens "])?;
    let output = value([" -g ", " --generation-tokens "])?;
    cursor.after("");
    Some((prompt, output))
}

/// `Averages: …` or `Trial 1:  …`, also below a word of the person's own.
fn averages(cursor: &mut Cursor<'_>) -> Option<(bool, [Number; 2])> {
    let average = if cursor.eat("Averages:") {
        true
    } else if cursor.eat("Trial ") {
        cursor.number()?;
        cursor.need(":")?;
        false
    } else {
        let word = cursor.word();
        (word.len() <= 16 && word.ends_with(':')).then_some(())?;
        cursor.need(" Averages:")?;
        true
    };
    cursor.need(" prompt_tps=")?;
    let prompt = cursor.number()?;
    cursor.need(", generation_tps=")?;
    let output = cursor.number()?;
    cursor.need(", peak_memory=")?;
    cursor.number()?;
    Some((average, [prompt, output]))
}

fn benchmark(
    page: &Page<'_>,
    [prompt, output]: &[Number; 2],
    sizes: Option<&(Number, Number, Range<usize>)>,
    range: Range<usize>,
) -> Found {
    let mut found = Found::new(Tool::MlxLm, "mlx_lm.benchmark, from 2025-06", Kind::Table, range.clone());
    if let Some((prompt, output, asked)) = sizes {
        let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
        found.stain = page.stain(asked);
        found.keep_text(format_args!(
            "Timing with prompt_tokens={}, generation_tokens={}",
            digits(prompt),
            digits(output)
        ));
        found.set(Field::PromptTokens, prompt);
        found.set(Field::OutputTokens, output);
    }
    // The person's own word before it is theirs.
    let start = page.text()[range.clone()].find("Averages:").unwrap_or(0);
    found.keep(page, range.start + start..range.end);
    found.set(Field::PrefillTps, prompt);
    found.set(Field::DecodeTps, output);
    inflated(&mut found, sizes.map(|(_, output, _)| output));
    found
}
