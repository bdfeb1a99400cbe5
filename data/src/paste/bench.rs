//! Results of llama-bench, whatever form they were printed in: from rows to runs.
//!
//! A row is a test: `pp512` reads a prompt, `tg128` produces tokens, `pp512+tg128` does both and is a blend that is
//! neither. Rows of the same setting make runs: the first prompt with the first output, and so on.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::{
    MOST_RUNS,
    docs::Damage,
    flag::{Flag, Problem},
    found::{Found, Kind, Name},
    index::Index,
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
};
use crate::fnv::{FNV, fnv1a};

/// A spread of this share of the mean, or more, is no result.
const UNSTABLE: f64 = 0.25;

/// Rows of one table or document, two of them to a run: with more there are more runs than are read.
pub(super) const MOST_ROWS: usize = 2 * MOST_RUNS + 1;

/// Stands in kept lines for a name that is not safe, and is not safe itself: the flag comes back with it.
pub(super) const UNSAFE: &str = "!";

/// One row of results.
pub(super) struct Row {
    /// Everything that has to be equal for rows to belong together.
    pub setting: String,
    pub test: Test,
    /// Of one stream.
    pub rate: Number,
    pub spread: Option<Number>,
    /// The rate of all streams together, where it is printed beside that of one.
    pub total: Option<Number>,
    /// Mean time, in nanoseconds.
    pub time_ns: Option<Number>,
    pub names: Vec<(Field, Name)>,
    pub range: Range<usize>,
    /// What is kept of it.
    pub line: String,
    /// Nothing in it shows that a tool printed it.
    pub bare: bool,
}

/// Who printed the rows, in which form, and what is kept above them.
pub(super) struct Form {
    pub tool: Tool,
    pub era: &'static str,
    pub kind: Kind,
    pub heading: String,
    pub damage: Damage,
}

/// What a test is: `pp512`, `pp 512`, `tg128 @ d4096`, `tg128@pp4096`, `pp4096+tg128`, `tg128 (c4)`; and `ctx_pp @ d4096`
/// with `ctx_tg @ d4096`, which read a context of that length and go on from it.
#[derive(Default)]
pub(super) struct Test {
    pub prompt: Option<Number>,
    pub output: Option<Number>,
    pub depth: Option<Number>,
    /// Streams at once, where it is told.
    pub streams: Option<Number>,
    /// The context is the prompt.
    pub of_context: bool,
}

/// Reads the name of a test.
pub(super) fn test(cursor: &mut Cursor<'_>) -> Option<Test> {
    let mut test = Test { of_context: cursor.eat(" ctx_"), ..Test::default() };
    let reads_context = test.of_context && cursor.eat("pp");
    if test.of_context {
        if !reads_context {
            cursor.need("tg")?;
        }
    } else {
        if cursor.eat(" pp") {
            test.prompt = Some(cursor.number()?);
            cursor.eat(" +");
        }
        if cursor.eat(" tg") {
            test.output = Some(cursor.number()?);
        }
    }
    if cursor.eat(" @") {
        // ik_llama.cpp names the prompt that came before.
        if !cursor.eat(" pp") {
            cursor.need(" d")?;
        }
        test.depth = Some(cursor.number()?);
    }
    if cursor.eat(" (c") {
        test.streams = Some(cursor.number()?);
        cursor.need(")")?;
    }
    if reads_context {
        test.prompt = test.depth.clone();
    }
    let counts = [&test.prompt, &test.output, &test.depth, &test.streams];
    let are_counts = counts.into_iter().flatten().all(Number::is_count);
    let is_test = test.prompt.is_some() || test.output.is_some() || (test.of_context && test.depth.is_some());
    (is_test && are_counts && cursor.ended()).then_some(test)
}

/// Makes runs of the rows of one table or document.
pub(super) fn runs(page: &Page<'_>, form: &Form, rows: Vec<Row>, out: &mut Vec<Found>) {
    let mut groups: Vec<[Vec<Row>; 3]> = Vec::new();
    let mut places = Index::default();
    for row in rows {
        let place = places.number(setting(&row));
        if place == groups.len() {
            groups.push(Default::default());
        }
        let above_zero = |count: &Option<Number>| count.as_ref().is_some_and(|count| count.value > 0.0);
        match (above_zero(&row.test.prompt), above_zero(&row.test.output)) {
            (true, false) => groups[place][0].push(row),
            (false, true) => groups[place][1].push(row),
            (true, true) => groups[place][2].push(row),
            // How long the answer to a context was, llama-benchy does not say.
            (false, false) if row.test.of_context => groups[place][1].push(row),
            (false, false) => {}
        }
    }
    for [prompts, outputs, blends] in groups {
        let has_blend = !blends.is_empty();
        let mut outputs = outputs.into_iter();
        let mut prompts = prompts.into_iter();
        let first = out.len();
        loop {
            let pair = [prompts.next(), outputs.next()];
            if pair.iter().all(Option::is_none) {
                break;
            }
            out.push(run(page, form, &pair));
        }
        if first == out.len() {
            for blend in blends {
                let mut found = run(page, form, &[Some(blend), None]);
                found.drop(Field::PrefillTps);
                found.flag(Flag::Combined);
                out.push(found);
            }
        } else if has_blend {
            out[first..].iter_mut().for_each(|found| found.flag(Flag::BlendLeftOut));
        }
    }
}

/// What rows of one group have in common: setting, depth, streams, and whether they read a context.
fn setting(row: &Row) -> [u64; 2] {
    let value = |number: &Option<Number>| number.as_ref().map_or(0.0, |number| number.value).to_bits();
    let (depth, streams) = (value(&row.test.depth), value(&row.test.streams));
    let about = [u8::from(row.test.of_context)].into_iter().chain(streams.to_le_bytes());
    [fnv1a(FNV, row.setting.bytes().chain(about)), depth]
}

fn run(page: &Page<'_>, form: &Form, pair: &[Option<Row>; 2]) -> Found {
    let at = pair.iter().flatten().map(|row| row.range.clone()).next().unwrap_or(0..0);
    let mut found = Found::new(form.tool, form.era, form.kind, at);
    form.damage.judge(&mut found);
    if !form.heading.is_empty() {
        found.keep_text(format_args!("{}", form.heading));
    }
    for (row, is_prompt) in [(&pair[0], true), (&pair[1], false)] {
        let Some(row) = row else { continue };
        let (tokens, count, speed) = if is_prompt {
            (Field::PromptTokens, &row.test.prompt, Field::PrefillTps)
        } else {
            (Field::OutputTokens, &row.test.output, Field::DecodeTps)
        };
        if let Some(count) = count {
            found.set(tokens, count);
        }
        found.set(speed, &row.rate);
        // A context that was read as the prompt was not there before it.
        let was_prompt = row.test.of_context && pair[0].is_some();
        if let Some(depth) = row.test.depth.as_ref().filter(|depth| depth.value > 0.0 && !was_prompt) {
            found.set(Field::DepthTokens, depth);
        }
        if let Some(streams) = row.test.streams.as_ref().filter(|streams| streams.value > 1.0) {
            found.set(Field::Streams, streams);
            found.flag(Flag::Concurrent);
            if let Some(total) = row.total.as_ref().filter(|_| !is_prompt) {
                found.set(Field::AggregateTps, total);
            }
        }
        if is_prompt && form.tool == Tool::LlamaBenchy {
            found.flag(Flag::PrefillEstimated);
        }
        for (field, name) in &row.names {
            found.name(*field, name);
        }
        spread(&mut found, row);
        if row.bare {
            found.refuse(Problem::Typed);
        }
        if !time_agrees(row, count.as_ref()) {
            found.refuse(Problem::Edited);
        }
        found.at = found.at.start.min(row.range.start)..found.at.end.max(row.range.end);
        found.stain = found.stain.or(page.stain(&row.range).filter(|_| form.kind == Kind::Table));
        found.keep_text(format_args!("{}", row.line));
    }
    found
}

fn spread(found: &mut Found, row: &Row) {
    let Some(spread) = &row.spread else { return };
    if spread.odd || spread.value >= row.rate.value * UNSTABLE {
        found.flag(Flag::Unstable);
    } else if spread.value == 0.0 {
        found.flag(Flag::OneSample);
    }
}

/// The mean of rates is not the rate of the mean time, but near: by the square of the spread.
fn time_agrees(row: &Row, count: Option<&Number>) -> bool {
    let (Some(time), Some(count)) = (row.time_ns.as_ref().filter(|time| time.value > 0.0), count) else {
        return true;
    };
    let spread =
        row.spread.as_ref().map_or(0.0, |spread| spread.value) / row.rate.value.max(f64::MIN_POSITIVE);
    let ratio = count.value * 1e9 / time.value / row.rate.value;
    (ratio - 1.0).abs() <= 0.02 + 4.0 * spread * spread
}

/// Model and quantisation out of llama.cpp's description: `qwen2 7B Q4_K - Medium`, `llama 7B mostly Q4_0`.
pub(super) fn model_and_quant(name: &Name) -> (Name, Option<Name>) {
    let mut at = 0;
    for word in name.text.split(' ') {
        if is_quant(word) && at > 0 {
            let mut end = at;
            for filler in ["mostly ", "unsloth ", "all ", "(guessed) "] {
                let before = name.text[..end].trim_end();
                if let Some(kept) = before.strip_suffix(filler.trim_end()) {
                    end = kept.len();
                }
            }
            return (name.part(0..end), Some(name.part(at..name.text.len())));
        }
        at += word.len() + 1;
    }
    (name.clone(), None)
}

/// Whether a word is a quantisation: `Q4_K`, `UD-Q2_K_XL`, `IQ2_XXS`, `F16`, `MXFP4`, …
pub(super) fn is_quant(word: &str) -> bool {
    let word = word.strip_prefix("UD-").unwrap_or(word);
    let digit_after = |start: &str| {
        word.strip_prefix(start).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let floats = ["F16", "F32", "BF16", "FP16", "FP8"];
    floats.iter().any(|float| word.eq_ignore_ascii_case(float))
        || ["Q", "IQ", "TQ", "MXFP", "NVFP", "q", "iq", "mxfp", "nvfp"].iter().any(|start| digit_after(start))
}
