//! text-generation-webui's line below an answer. Its speed includes the time of the prompt.
//!
//! ```text
//! Output generated in 10.28 seconds (48.56 tokens/s, 499 tokens, context 3550, seed 1197861167)
//! ```

use alloc::vec::Vec;

use super::{
    check::agrees,
    flag::{Flag, Problem},
    found::{Found, Kind},
    number::Cursor,
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What its lines begin with.
const FIRSTS: Firsts = Firsts::new("O");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    for (number, line) in page.starting(FIRSTS) {
        if !page.body(line).starts_with("Output generated in") {
            continue;
        }
        let matched = page.match_line(number, |cursor: &mut Cursor<'_>| {
            cursor.need("Output generated in")?;
            let time = cursor.number()?;
            cursor.need(" seconds (")?;
            let rate = cursor.number()?;
            // Until May 2023 it counted iterations.
            if !cursor.eat(" tokens/s,") {
                cursor.need(" it/s,")?;
            }
            let count = cursor.number()?;
            cursor.need(" tokens")?;
            let context = if cursor.eat(", context") { Some(cursor.number()?) } else { None };
            Some((time, rate, count, context))
        });
        let Some(((time, rate, count, context), range)) = matched else { continue };
        let mut found = Found::new(
            Tool::TextGenerationWebui,
            "text-generation-webui, from 2023-03",
            Kind::Log,
            range.clone(),
        );
        found.keep(page, range);
        found.set(Field::TotalS, &time);
        found.set(Field::EndToEndTps, &rate);
        found.set(Field::OutputTokens, &count);
        if let Some(context) = &context {
            found.set(Field::PromptTokens, context);
        }
        found.flag(Flag::EndToEnd);
        if !agrees(count.value, &time, &rate) {
            found.refuse(Problem::Edited);
        }
        out.push(found);
    }
}
