//! An answer of Ollama as its Python library shows it.
//!
//! ```text
//! model='llama3.2' created_at='…' done=True total_duration=… prompt_eval_count=26 … eval_duration=… message=Message(…)
//! ```
//!
//! The numbers stand before the message, so nothing that the model said can be among them.

use alloc::vec::Vec;

use super::{
    found::{Found, Kind, Name},
    number::Number,
    ollama,
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What its lines begin with.
const FIRSTS: Firsts = Firsts::new("m");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    for (number, line) in page.starting(FIRSTS) {
        if !page.body(line).starts_with("model=") || !page.body(line).contains("eval_count=") {
            continue;
        }
        let matched = page.match_line(number, |cursor| {
            let before = cursor.clone();
            cursor.after("eval_duration=").then_some(())?;
            // The first is the prompt's, where there is one.
            let rest = cursor.clone();
            if !(cursor.after(" eval_duration=") && cursor.number().is_some()) {
                *cursor = rest;
                cursor.number()?;
            }
            Some(before)
        });
        let Some((start, range)) = matched else { continue };
        let said = page.text()[range.clone()].find(['(', '{']).is_some();
        let numbers = ollama::MEMBERS.map(|(key, slot)| {
            let mut cursor = start.clone();
            let found = cursor.after(" ")
                && loop {
                    if cursor.eat(key) && cursor.eat("=") {
                        break true;
                    }
                    if cursor.at >= range.end || !cursor.after(" ") {
                        break false;
                    }
                };
            (
                key,
                slot,
                found.then(|| cursor.number()).flatten().filter(|number| number.range.end <= range.end),
            )
        });
        if said || numbers.iter().all(|(.., number)| number.is_none()) {
            continue;
        }
        let mut found = Found::new(Tool::Ollama, "ollama for Python, from 2024", Kind::Block, range.clone());
        found.stain = page.stain(&range);
        let model =
            page.text()[range.clone()].strip_prefix("model='").and_then(|rest| rest.split('\'').next());
        if let Some(model) = model {
            let from = range.start + "model='".len();
            found.name(Field::Model, &Name::new(page, from..from + model.len()).base());
        }
        found.keep_members(page, None, &numbers.clone().map(|(key, _, number)| (key, number)));
        let mut values: [Option<Number>; 9] = Default::default();
        for (_, slot, number) in numbers {
            values[slot] = number.map(|number| ollama::seconds(number, slot));
        }
        ollama::fill(&mut found, &values);
        out.push(found);
    }
}
