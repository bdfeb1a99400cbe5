//! SGLang: its log, and the lines of `bench_one_batch`.
//!
//! The log's speeds are of all running requests over the last steps. `bench_one_batch` measures one batch, and says
//! of how many.

use alloc::vec::Vec;

use super::{
    flag::Flag,
    found::{Found, Kind},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
};

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut prefill: Option<Found> = None;
    let mut batch: Option<Number> = None;
    for (number, line) in page.plain() {
        let body = page.body(line);
        if body.starts_with("Decode batch") || body.starts_with("Prefill batch") {
            out.extend(window(page, number));
        } else if body.starts_with("Prefill. latency:") {
            out.extend(prefill.take());
            let read =
                page.match_line(number, |cursor| latency(cursor, "Prefill. latency:", " s, throughput:"));
            prefill = read.map(|(speed, range)| {
                let mut found =
                    Found::new(Tool::Sglang, "sglang.bench_one_batch, from 2024", Kind::Block, range.clone());
                found.keep(page, range);
                found.set(Field::PrefillTps, &speed);
                found
            });
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
        } else if body.starts_with("Decode.  median latency:") {
            let median = |cursor: &mut Cursor<'_>| {
                latency(cursor, "Decode. median latency:", " s, median throughput:")
            };
            if let (Some((speed, range)), Some(mut found)) = (page.match_line(number, median), prefill.take())
            {
                found.keep(page, range);
                found.set(Field::DecodeTps, &speed);
                one_batch(&mut found, batch.take());
                out.push(found);
            }
        }
    }
    out.extend(prefill);
}

fn latency(cursor: &mut Cursor<'_>, key: &str, middle: &str) -> Option<Number> {
    cursor.need(key)?;
    cursor.number()?;
    cursor.need(middle)?;
    let speed = cursor.number()?;
    cursor.need(" token/s")?;
    Some(speed)
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
        cursor.after("throughput (token/s):");
        let speed = cursor.number()?;
        Some((speed, running))
    };
    let ((speed, running), range) = page.match_line(number, read)?;
    let mut found = Found::new(Tool::Sglang, "SGLang log, from 2024", Kind::Log, range.clone());
    found.keep(page, range);
    found.set(Field::AggregateTps, &speed);
    if let Some(running) = running {
        found.set(Field::Streams, &running);
    }
    found.flag(Flag::Window);
    Some(found)
}
