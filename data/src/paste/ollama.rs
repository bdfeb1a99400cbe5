//! Ollama: what `ollama run --verbose` prints, and the last object of its API.
//!
//! Both have the same eight values. Ollama leaves out what is zero, and before version 0.3 and after version 0.30
//! its prompt count and prompt time do not mean the same tokens when part of the prompt was cached.

use alloc::vec::Vec;
use core::ops::Range;

use super::{
    context::file_name,
    docs::Node,
    flag::{Flag, Problem},
    found::{Found, Kind, Part},
    number::{Cursor, Number, go_duration},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// The keys, in the order in which they are printed.
const KEYS: [&str; 9] = [
    "total duration:",
    "load duration:",
    "prompt eval count:",
    "prompt eval cached:",
    "prompt eval duration:",
    "prompt eval rate:",
    "eval count:",
    "eval duration:",
    "eval rate:",
];
const TOTAL: usize = 0;
const LOAD: usize = 1;
const PROMPT_COUNT: usize = 2;
const CACHED: usize = 3;
const PROMPT_TIME: usize = 4;
const PROMPT_RATE: usize = 5;
const COUNT: usize = 6;
const TIME: usize = 7;
const RATE: usize = 8;

/// The members of the last object of the API, by the keys that they stand for.
pub(super) const MEMBERS: [(&str, usize); 7] = [
    ("total_duration", TOTAL),
    ("load_duration", LOAD),
    ("prompt_eval_count", PROMPT_COUNT),
    ("prompt_eval_cached_count", CACHED),
    ("prompt_eval_duration", PROMPT_TIME),
    ("eval_count", COUNT),
    ("eval_duration", TIME),
];

/// Values are printed from this column on.
const COLUMN: usize = 22;

/// Lines without a key that may stand within a block.
const MAX_GAP: usize = 2;

/// The lines of one run.
#[derive(Default)]
struct Block {
    values: [Option<Number>; 9],
    /// The keys in their order, and their lines.
    order: Vec<(usize, Range<usize>)>,
    last: usize,
    garbled: bool,
    cut: bool,
    /// A value stands where Ollama does not print it.
    misplaced: bool,
}

/// What the keys begin with.
const FIRSTS: Firsts = Firsts::new("tlpe");

/// Reads all blocks of lines.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut block = Block::default();
    for (number, line) in page.starting(FIRSTS) {
        let body = page.body(line);
        let Some(key) = KEYS.iter().position(|key| body.starts_with(key)) else { continue };
        let mut cursor = Cursor::new(page.text(), line.body..line.end);
        let mut next = Some(key);
        // A page that has lost the breaks between the lines has several on one.
        while let Some(key) = next {
            let repeats = block.order.iter().any(|(seen, _)| *seen == key);
            if repeats || (!block.order.is_empty() && number - block.last > MAX_GAP + 1) {
                out.extend(finish(page, &core::mem::take(&mut block)));
            }
            let start = cursor.at;
            let value = cursor.need(KEYS[key]).and_then(|()| value(&mut cursor, key));
            next = None;
            match value {
                Some((value, follows)) => {
                    block.misplaced |= value.range.start - start != COLUMN;
                    block.values[key] = Some(value);
                    next = follows;
                }
                // A value at the very end of the paste may be half of one.
                None if line.end == page.text().trim_end().len() && cursor.cut => {
                    block.cut = true;
                    break;
                }
                None => block.garbled = true,
            }
            block.order.push((key, start..cursor.at.max(start + KEYS[key].len())));
            block.last = number;
            cursor.spaces();
        }
    }
    out.extend(finish(page, &block));
}

/// The value of a key, if nothing else stands on the line but another key.
fn value(cursor: &mut Cursor<'_>, key: usize) -> Option<(Number, Option<usize>)> {
    let value = match key {
        TOTAL | LOAD | PROMPT_TIME | TIME => go_duration(cursor)?,
        PROMPT_COUNT | CACHED | COUNT => {
            let count = cursor.number()?;
            cursor.need(" token(s)")?;
            count
        }
        _ => {
            let rate = cursor.number()?;
            cursor.need(" tokens/s")?;
            rate
        }
    };
    let rest = cursor.rest().trim();
    let next = KEYS.iter().position(|key| rest.starts_with(key));
    (next.is_some() || rest.is_empty() || rest.starts_with(['\\', '"', '<', '`', '|']))
        .then_some((value, next))
}

fn finish(page: &Page<'_>, block: &Block) -> Option<Found> {
    let (_, first) = block.order.first()?;
    let mut found =
        Found::new(Tool::Ollama, "ollama run --verbose, from 2023-08", Kind::Block, first.clone());
    for (_, range) in &block.order {
        found.keep(page, range.clone());
    }
    let has = |key: usize| block.values[key].is_some();
    if ![PROMPT_COUNT, PROMPT_RATE, COUNT, RATE].into_iter().any(has) && !block.garbled {
        return None;
    }
    if block.garbled {
        found.refuse(Problem::Garbled);
    }
    form(&mut found, block);
    if block.order.windows(2).any(|pair| pair[0].0 > pair[1].0) {
        found.flag(Flag::Reversed);
    }
    fill(&mut found, &block.values);
    if block.cut && found.run.decode_tps.is_none() {
        found.flag(Flag::Truncated);
    }
    found.complete = has(TOTAL) && has(RATE);
    Some(found)
}

/// Whether the values have the form that Ollama prints them in, or ktransformers, which took over its keys.
fn form(found: &mut Found, block: &Block) {
    let rates = || [PROMPT_RATE, RATE].into_iter().filter_map(|key| block.values[key].as_ref());
    if rates().next().is_some() && rates().all(|rate| rate.decimals > 4) {
        found.run.tool = Tool::KTransformers;
        found.run.era = "ktransformers, from 2024-07";
        return;
    }
    let durations = [TOTAL, LOAD, PROMPT_TIME, TIME].into_iter().filter_map(|key| block.values[key].as_ref());
    let rounded = rates().any(|rate| rate.decimals != 2);
    if rounded || durations.clone().any(|duration| duration.odd) {
        found.refuse(Problem::Typed);
    }
    let bare =
        durations.count() == 0 && block.values[PROMPT_COUNT].is_none() && block.values[COUNT].is_none();
    if bare {
        found.flag(Flag::RatesOnly);
        if block.misplaced {
            found.refuse(Problem::Typed);
        }
    }
}

/// Fills the run from its values, in seconds and tokens; the same for text and JSON.
pub(super) fn fill(found: &mut Found, values: &[Option<Number>; 9]) {
    // A duration that is odd was refused for it already; its value is good.
    let plain = |key: usize| values[key].clone().map(|value| Number { odd: false, ..value });
    for (key, field) in [(TOTAL, Field::TotalS), (LOAD, Field::LoadS), (CACHED, Field::CachedTokens)] {
        if let Some(value) = plain(key) {
            found.set(field, &value);
        }
    }
    found.total = plain(TOTAL);
    let part = |count: usize, time: usize, rate: usize| Part {
        count: values[count].clone(),
        time: plain(time),
        rate: values[rate].clone(),
        per_token_ms: None,
    };
    found.decode = part(COUNT, TIME, RATE);
    found.prefill = part(PROMPT_COUNT, PROMPT_TIME, PROMPT_RATE);
    found.other_s = plain(LOAD).map_or(0.0, |load| load.value);
    found.fill(true);
    if let (Some(cached), Some(count)) =
        (plain(CACHED).filter(|cached| cached.value > 0.0), plain(PROMPT_COUNT))
    {
        return cached_prompt(found, &cached, &count);
    }
    if values[PROMPT_COUNT].is_none() && values[PROMPT_TIME].is_some() {
        // The count is left out when it is zero: all of the prompt was cached.
        found.prefill = Part::default();
        found.flag(Flag::PrefillFromCache);
        return;
    }
    found.fill(false);
}

/// Only the tokens that were not cached were computed in the printed time.
fn cached_prompt(found: &mut Found, cached: &Number, count: &Number) {
    let new = count.value - cached.value;
    found.flag(Flag::CachedPrefix);
    found.set(Field::DepthTokens, cached);
    found.set(Field::PromptTokens, count);
    let time = found.prefill.time.take();
    let rate = found.prefill.rate.take();
    if let (true, Some(time)) = (new >= 64.0, &time) {
        let from = count.range.start.min(time.range.start)..count.range.end.max(time.range.end);
        found.set(Field::PrefillS, time);
        found.compute(Field::PromptTokens, new, count.range.start..cached.range.end.max(count.range.end));
        found.compute(Field::PrefillTps, new / time.value, from);
        found.flag(Flag::Computed);
    } else {
        found.flag(Flag::PrefillFromCache);
    }
    // Newer versions divide the new tokens, older ones all of them.
    if let (Some(rate), Some(time)) = (rate, time) {
        let fits = |tokens: f64| super::check::agrees(tokens, &time, &rate);
        if !fits(new) && !fits(count.value) {
            found.refuse(Problem::Edited);
        }
    }
    found.prefill = Part::default();
}

/// Reads the last objects of API answers.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<Found>) {
    for doc in &page.docs {
        for node in doc.holders("eval_duration") {
            let mut found = Found::new(Tool::Ollama, "ollama API", Kind::Json, doc.range.clone());
            doc.damage.judge(&mut found);
            if let Some(name) = node.name(&["model"]) {
                let (model, quant) = file_name(&name.base());
                found.name(Field::Model, &model);
                if let Some(quant) = quant {
                    found.name(Field::Quant, &quant);
                }
            }
            let mut values: [Option<Number>; 9] = Default::default();
            for (key, slot) in MEMBERS {
                values[slot] = node.number(&[key]).map(|number| seconds(number, slot));
            }
            found.keep_members(page, None, &MEMBERS.map(|(key, _)| (key, Node::number(node, &[key]))));
            fill(&mut found, &values);
            out.push(found);
        }
    }
}

/// Durations are in whole nanoseconds.
pub(super) fn seconds(number: Number, slot: usize) -> Number {
    match slot {
        TOTAL | LOAD | PROMPT_TIME | TIME => {
            let odd = number.odd || number.decimals > 0;
            Number { value: number.value / 1e9, decimals: 9, odd, ..number }
        }
        _ => number,
    }
}
