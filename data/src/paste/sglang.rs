//! SGLang: its log, and the lines of `bench_one_batch`.
//!
//! The log's speeds are of all running requests over the last steps. `bench_one_batch` measures one batch, and says
//! of how many.

use alloc::{format, vec::Vec};
use core::ops::Range;

use super::{
    flag::{Flag, Problem},
    found::{Found, Kind},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What the lines begin with.
const FIRSTS: Firsts = Firsts::new("DP");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut prefill: Option<Found> = None;
    let mut batch: Option<Number> = None;
    let mut steps: Option<(Step, Range<usize>)> = None;
    for (number, line) in page.starting(FIRSTS) {
        let body = page.body(line);
        if body.starts_with("Decode batch") || body.starts_with("Prefill batch") {
            out.extend(window(page, number));
        } else if body.starts_with("Prefill. latency:") {
            // Steps are of the prompt above them, and of no later one.
            let step = steps.take();
            out.extend(prefill.take().map(|found| with_step(page, found, step)));
            batch = None;
            let read = page.match_line(number, |cursor| latency(cursor, "Prefill. latency:", "throughput:"));
            prefill = read.map(|(step, range)| {
                let mut found =
                    Found::new(Tool::Sglang, "sglang.bench_one_batch, from 2024", Kind::Block, range.clone());
                found.keep(page, range);
                set(&mut found, Field::PrefillTps, &step, None);
                found
            });
        } else if body.strip_prefix("Decode.").is_some_and(|rest| rest.trim_start().starts_with("latency:")) {
            // Before the median was printed, there were the steps alone.
            steps = page.match_line(number, |cursor| latency(cursor, "Decode. latency:", "throughput:"));
        } else if body.starts_with("Decode ") {
            let size = |cursor: &mut Cursor<'_>| {
                cursor.need("Decode ")?;
                cursor.number()?;
                cursor.need(". Batch size:")?;
                cursor.number()
            };
            if let Some((size, range)) = page.match_line(number, size) {
                if let Some(found) = &mut prefill
                    && batch.is_none()
                {
                    found.keep(page, range);
                }
                batch = Some(size);
            }
        } else if body.starts_with("Decode.") && body.contains("median latency:") {
            let median =
                |cursor: &mut Cursor<'_>| latency(cursor, "Decode. median latency:", "median throughput:");
            if let (Some((step, range)), Some(mut found)) = (page.match_line(number, median), prefill.take())
            {
                found.keep(page, range);
                set(&mut found, Field::DecodeTps, &step, batch.as_ref());
                one_batch(&mut found, batch.take());
                out.push(found);
            }
            steps = None;
        }
    }
    out.extend(prefill.map(|found| with_step(page, found, steps)));
}

/// A prompt with the last step that was printed after it. Of how many streams, nothing says.
fn with_step(page: &Page<'_>, mut found: Found, steps: Option<(Step, Range<usize>)>) -> Found {
    if let Some((step, range)) = steps {
        found.keep(page, range);
        set(&mut found, Field::DecodeTps, &step, None);
        one_batch(&mut found, None);
    }
    found
}

/// How long a step took, and its speed.
struct Step {
    time: Number,
    speed: Number,
}

/// The speed is of the tokens of all streams over the time: of an output step one token each, so the batch; otherwise a
/// whole number of them.
fn set(found: &mut Found, field: Field, step: &Step, batch: Option<&Number>) {
    found.set(field, &step.speed);
    let (time, speed) = (&step.time, &step.speed);
    let fewest = (time.value - time.half_digit() * 1.01) * (speed.value - speed.half_digit() * 1.01);
    let most = (time.value + time.half_digit() * 1.01) * (speed.value + speed.half_digit() * 1.01);
    let tokens = batch.map_or(libm::floor(most), |batch| batch.value);
    if !(fewest..=most).contains(&tokens) || tokens < 1.0 {
        found.refuse(Problem::Edited);
    }
}

fn latency(cursor: &mut Cursor<'_>, key: &str, what: &str) -> Option<Step> {
    cursor.need(key)?;
    let time = cursor.number()?;
    // In its first version the seconds were called milliseconds.
    cursor.eat(" m");
    cursor.need(" s, ")?;
    cursor.need(what)?;
    let speed = cursor.number()?;
    cursor.need(" token/s")?;
    Some(Step { time, speed })
}

/// A batch of one is a stream; a larger one, or one of unknown size, is not.
fn one_batch(found: &mut Found, batch: Option<Number>) {
    if let Some(batch) = &batch {
        found.set(Field::Streams, batch);
    }
    if batch.is_none_or(|batch| batch.value != 1.0) {
        if let Some(speed) = found.run.decode_tps {
            found.run.aggregate_tps = Some(speed);
        }
        found.drop(Field::DecodeTps);
        found.drop(Field::PrefillTps);
        found.flag(Flag::Aggregate);
    }
}

/// A line of the log.
fn window(page: &Page<'_>, number: usize) -> Option<Found> {
    let read = |cursor: &mut Cursor<'_>| {
        let running = {
            let mut cursor = cursor.clone();
            cursor.after("#running-req:").then(|| cursor.number()).flatten()
        };
        if !cursor.clone().after("throughput (token/s):") {
            cursor.cut = true;
            return None;
        }
        // Not every line of a prompt tells a speed, and the next line's is not its own.
        let upto = cursor.rest().find("throughput (token/s):")?;
        if cursor.rest()[..upto].matches(" batch").count() > 1 {
            return None;
        }
        cursor.after("throughput (token/s):");
        let speed = cursor.number()?;
        Some((speed, running))
    };
    let ((speed, running), range) = page.match_line(number, read)?;
    let what = if page.body(&page.lines[number]).starts_with("Decode") {
        ("Decode", "gen")
    } else {
        ("Prefill", "input")
    };
    let mut found = Found::new(Tool::Sglang, "SGLang log, from 2024", Kind::Log, range.clone());
    found.stain = page.stain(&range);
    // Much else stands on the line, and more where it was broken.
    let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
    let running = running.map(|running: Number| (format!(" #running-req: {},", digits(&running)), running));
    found.keep_text(format_args!(
        "{} batch,{} {} throughput (token/s): {}",
        what.0,
        running.as_ref().map_or("", |(text, _)| text),
        what.1,
        digits(&speed)
    ));
    found.set(Field::AggregateTps, &speed);
    if let Some((_, running)) = running {
        found.set(Field::Streams, &running);
    }
    found.flag(Flag::Window);
    Some(found)
}
