//! LM Studio: the `stats` of its two REST interfaces, and the line below an answer.
//!
//! ```text
//! 51.43 tok/sec • 53 tokens • 0.11s to first token • Stop reason: EOS Token Found
//! ```
//!
//! It prints no prefill speed; the time to the first token holds more than the prompt.

use alloc::{format, string::String, vec::Vec};

use super::{
    check::agrees,
    docs::{Doc, Node},
    flag::{Flag, Problem},
    found::{Found, Kind},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// Reads all answers.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<Found>) {
    for doc in &page.docs {
        for holder in doc.holders("stats") {
            if holder.number(&["stats", "tokens_per_second"]).is_some() {
                out.push(read(page, doc, holder));
            }
        }
    }
}

fn read(page: &Page<'_>, doc: &Doc, root: &Node) -> Found {
    let first = |paths: &[&[&str]]| paths.iter().find_map(|path| root.number(path));
    let rest = root.number(&["stats", "total_output_tokens"]).is_some();
    let era = if rest { "LM Studio REST v1, from 2025" } else { "LM Studio REST v0, from 2025" };
    let mut found = Found::new(Tool::LmStudio, era, Kind::Json, doc.range.clone());
    doc.damage.judge(&mut found);
    for (field, path) in [
        (Field::Model, ["model_info", "arch"].as_slice()),
        (Field::Model, &["model_instance_id"]),
        (Field::Model, &["model"]),
        (Field::Quant, &["model_info", "quant"]),
        (Field::Backend, &["model_info", "format"]),
        (Field::Backend, &["runtime", "name"]),
    ] {
        if let Some(name) = root.name(path) {
            found.name(field, &name.base());
        }
    }
    let prompt = first(&[&["usage", "prompt_tokens"], &["stats", "input_tokens"]]);
    let output = first(&[&["usage", "completion_tokens"], &["stats", "total_output_tokens"]]);
    let rate = first(&[&["stats", "tokens_per_second"]]);
    let time = first(&[&["stats", "generation_time"]]);
    // Which tokens it divides is not documented; a percent is as near as its own examples of good runs get. Since 2026 the
    // time begins with the request, and the time to the first token has to be taken off it.
    let first_s = root.number(&["stats", "time_to_first_token"]).map_or(0.0, |first| first.value);
    let fits = |less: f64| match (&output, &time, &rate) {
        (Some(count), Some(time), Some(rate)) => {
            let ratio = count.value / (time.value - less) / rate.value;
            (less == 0.0 && agrees(count.value, time, rate)) || (0.98..=1.02).contains(&ratio)
        }
        _ => true,
    };
    let of_whole = !fits(0.0) && fits(first_s);
    for (field, number) in [
        (Field::PromptTokens, &prompt),
        (Field::OutputTokens, &output),
        (Field::DecodeTps, &rate),
        (if of_whole { Field::TotalS } else { Field::DecodeS }, &time),
    ] {
        if let Some(number) = number {
            found.set(field, number);
        }
    }
    if !fits(0.0) && !of_whole {
        found.flag(Flag::Disagrees);
    }
    keep(page, &mut found, root);
    found
}

/// The numbers under the keys they had.
fn keep(page: &Page<'_>, found: &mut Found, root: &Node) {
    let digits = |path: &[&str]| root.number(path).and_then(|number| page.text().get(number.range));
    let mut line = String::from("{");
    let mut group = |name: &str, keys: &[&str]| {
        let mut comma = "";
        let mut inside = String::new();
        for key in keys {
            if let Some(digits) = digits(&[name, key]) {
                inside.extend([comma, "\"", key, "\":", digits]);
                comma = ",";
            }
        }
        if !inside.is_empty() {
            line.extend([if line.len() > 1 { "," } else { "" }, "\"", name, "\":{", &inside, "}"]);
        }
    };
    group("usage", &["prompt_tokens", "completion_tokens"]);
    let stats = [
        "input_tokens",
        "total_output_tokens",
        "tokens_per_second",
        "time_to_first_token",
        "generation_time",
    ];
    group("stats", &stats);
    let run = &found.run;
    let names = [
        ("model", &run.model, ""),
        ("model_info\":{\"quant", &run.quant, "}"),
        ("runtime\":{\"name", &run.backend, "}"),
    ];
    for (key, name, end) in names {
        if let Some(name) = name {
            line.extend([",\"", key, "\":\"", name, "\"", end]);
        }
    }
    line.push('}');
    found.keep_text(format_args!("{line}"));
}

/// Parts of the line below an answer, with marks between them.
const PARTS: usize = 3;

/// What the statistics begin with.
const FIRSTS: Firsts = Firsts::new("P");

/// Reads the line below an answer.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let has_line = page.text().contains("tok/sec");
    if !has_line && !page.any(FIRSTS) {
        return;
    }
    for (number, line) in page.plain() {
        if !has_line && !FIRSTS.has(line) {
            continue;
        }
        if page.body(line).starts_with("Prediction Stats:") {
            out.extend(prediction(page, number));
        }
        if !has_line || !page.body(line).contains("tok/sec") {
            continue;
        }
        // Copied from the window, each of its parts is a line.
        let matched = page.match_lines(number, 2 * PARTS, |cursor: &mut Cursor<'_>| {
            let rate = cursor.number()?;
            cursor.need(" tok/sec")?;
            bullet(cursor);
            let count = cursor.number()?;
            cursor.need(" tokens")?;
            bullet(cursor);
            cursor.number()?;
            cursor.need(" s to first token")?;
            Some((rate, count))
        });
        if let Some(((rate, count), range)) = matched {
            let mut found =
                Found::new(Tool::LmStudio, "LM Studio chat, from 2024", Kind::Block, range.clone());
            found.keep(page, range);
            found.set(Field::DecodeTps, &rate);
            found.set(Field::OutputTokens, &count);
            out.push(found);
        }
    }
}

/// The mark between two parts, where the copy still has it.
fn bullet(cursor: &mut Cursor<'_>) {
    cursor.spaces();
    let _ = ["•", "·", "|", "-"].iter().any(|mark| cursor.eat(mark));
}

/// What `lms chat --stats` prints below an answer; what the engine did not tell is left out:
///
/// ```text
/// Prediction Stats:
///   Stop Reason: eosFound
///   Tokens/Second: 51.43
///   Time to First Token: 0.110s
///   Prompt Tokens: 24
///   Predicted Tokens: 530
///   Total Tokens: 554
/// ```
fn prediction(page: &Page<'_>, number: usize) -> Option<Found> {
    const COUNTS: [(&str, Option<Field>); 3] = [
        ("Prompt Tokens: ", Some(Field::PromptTokens)),
        ("Predicted Tokens: ", Some(Field::OutputTokens)),
        ("Total Tokens: ", None),
    ];
    let start = &page.lines[number];
    let end = page.lines[..page.lines.len().min(number + PREDICTION_LINES)].last()?.end;
    let mut cursor = Cursor::new(page.text(), start.body..end);
    cursor.need("Prediction Stats:")?;
    if cursor.eat(" Stop Reason:") {
        cursor.word();
    }
    cursor.need(" Tokens/Second:")?;
    let rate = cursor.number()?;
    let mut found =
        Found::new(Tool::LmStudio, "lms chat --stats, from 2025", Kind::Block, start.body..cursor.at);
    found.set(Field::DecodeTps, &rate);
    let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
    let mut kept = format!("Prediction Stats: Tokens/Second: {}", digits(&rate));
    if cursor.eat(" Time to First Token:") {
        cursor.number()?;
        cursor.need(" s")?;
    }
    let counts = COUNTS.map(|(key, field)| {
        let count = (cursor.eat(" ") && cursor.eat(key)).then(|| cursor.number()).flatten()?;
        kept.extend([" ", key, digits(&count)]);
        if let Some(field) = field {
            found.set(field, &count);
        }
        Some(count.value)
    });
    if let [Some(prompt), Some(output), Some(total)] = counts
        && prompt + output != total
    {
        found.refuse(Problem::Edited);
    }
    found.at.end = cursor.at;
    found.stain = page.stain(&found.at);
    found.keep_text(format_args!("{kept}"));
    Some(found)
}

/// Lines of it.
const PREDICTION_LINES: usize = 7;
