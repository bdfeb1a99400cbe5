//! What the log of llama-server says around its timings: caches, depth, and requests at the same time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::ops::Range;

use super::{
    flag::Flag,
    found::Found,
    llama_lines::slot,
    number::{Cursor, Number},
    page::Page,
    reading::Field,
};

type Key = (u64, u64);

/// What the log says of its tasks.
#[derive(Default)]
struct Log {
    /// Tokens in the context when the task ended.
    context: BTreeMap<Key, Number>,
    /// Prompt tokens that were in the cache.
    cached: BTreeMap<Key, Number>,
    /// Tasks whose slot was chosen because its cache fits.
    fitting: BTreeSet<Key>,
    /// Tasks that ran while another did.
    together: BTreeSet<Key>,
    /// Starts or ends of tasks were logged, so that overlap would have been seen.
    has_life: bool,
}

/// Adds what the log says to the runs that were found in it.
pub(super) fn apply(page: &Page<'_>, runs: &mut [Found]) {
    if runs.iter().all(|run| run.key.is_none()) {
        return;
    }
    let log = read(page);
    for run in runs.iter_mut() {
        let Some(key) = run.key else { continue };
        run.clock_ms = clock(page, run);
        depth(run, &log, key);
        if log.together.contains(&key) {
            run.flag(Flag::Concurrent);
        }
    }
    overlaps(runs, &log);
}

fn read(page: &Page<'_>) -> Log {
    let mut log = Log::default();
    let mut running: BTreeSet<Key> = BTreeSet::new();
    let mut chosen: BTreeSet<u64> = BTreeSet::new();
    for (_, line) in page.plain() {
        let body = page.body(line);
        if !body.starts_with("slot ") {
            if body.contains("all slots are idle") {
                running.clear();
                log.has_life = true;
            }
            continue;
        }
        let mut cursor = Cursor::new(page.text(), line.body..line.end);
        let Some(key) = slot(&mut cursor, None) else { continue };
        if body.contains("processing task") {
            log.has_life = true;
            if chosen.remove(&key.0) {
                log.fitting.insert(key);
            }
            running.insert(key);
            if running.len() > 1 {
                log.together.extend(&running);
            }
        } else if body.contains("stop processing") {
            log.has_life = true;
            running.remove(&key);
            let count = number_after(&cursor, "n_tokens =").or_else(|| number_after(&cursor, "n_past ="));
            if let Some(count) = count {
                log.context.insert(key, count);
            }
        } else if body.contains("sim_best =") || body.contains("similarity, ") {
            chosen.insert(key.0);
        } else if let Some(count) = number_after(&cursor, "rm [") {
            // `kv cache rm [20, end)`, `memory_seq_rm [20, end)`: what is kept is before it.
            log.cached.entry(key).or_insert(count);
        }
    }
    log
}

fn number_after(cursor: &Cursor<'_>, pattern: &str) -> Option<Number> {
    let mut cursor = cursor.clone();
    cursor.after(pattern).then(|| cursor.number())?.filter(Number::is_count)
}

/// The context is larger than what was computed by what came out of the cache.
fn depth(run: &mut Found, log: &Log, key: Key) {
    // The last token that came out is not in the context.
    let computed = run.run.prompt_tokens.zip(run.run.output_tokens);
    let computed = computed.map(|(prompt, output)| (prompt + output.saturating_sub(1)) as f64);
    let by_context = log.context.get(&key).zip(computed).map(|(context, computed)| context.value - computed);
    // A log that begins within a prompt shows first how far the prompt has come: more than what was cached.
    let kept = log.cached.get(&key).filter(|count| by_context.is_none_or(|most| count.value <= most));
    if let Some(count) = kept {
        if count.value > 0.0 {
            run.set(Field::CachedTokens, count);
            run.set(Field::DepthTokens, count);
            let tokens = count.value as u64;
            run.keep_text(format_args!(
                "slot update_slots: id {} | task {} | memory_seq_rm [{tokens}, end)",
                key.0, key.1
            ));
        }
    } else if let (Some(cached), Some(context)) =
        (by_context.filter(|cached| *cached > 0.0), log.context.get(&key))
    {
        run.compute(Field::DepthTokens, cached, context.range.clone());
        run.compute(Field::CachedTokens, cached, context.range.clone());
        let tokens = context.value as u64;
        run.keep_text(format_args!(
            "slot release: id {} | task {} | stop processing: n_tokens = {tokens}",
            key.0, key.1
        ));
    }
    let fits =
        log.fitting.contains(&key) && !log.cached.contains_key(&key) && !log.context.contains_key(&key);
    if run.run.cached_tokens.is_some_and(|cached| cached > 0) || fits {
        run.flag(Flag::CachedPrefix);
    }
}

/// When the run was, by the clock of the log: `minutes.seconds.milliseconds.microseconds` before its total.
fn clock(page: &Page<'_>, run: &Found) -> Option<Range<f64>> {
    let total_ms = run.run.total_s? * 1e3;
    let last = page.lines.partition_point(|line| line.start < run.at.end).checked_sub(1)?;
    // The total itself may have been broken into lines.
    let mut lines = page.lines[..=last].iter().rev().take_while(|line| line.end > run.at.start);
    let stamp = lines.find_map(|line| {
        let before = page.text().get(line.start..line.body)?;
        before.split([' ', ']']).find(|word| word.matches('.').count() == 3)
    })?;
    let mut parts = stamp.split('.').map(|part| part.parse::<u32>().ok().map(f64::from));
    let mut next = || parts.next().flatten();
    let (minutes, seconds, milli, micro) = (next()?, next()?, next()?, next()?);
    let end = (minutes * 60.0 + seconds) * 1e3 + milli + micro / 1e3;
    Some(end - total_ms..end)
}

/// Marks runs of different slots whose times overlap; without a clock, runs of different slots of which nothing
/// says that they came one after the other.
fn overlaps(runs: &mut [Found], log: &Log) {
    let mut order: Vec<usize> = (0..runs.len()).filter(|at| runs[*at].clock_ms.is_some()).collect();
    let start = |at: &usize| runs[*at].clock_ms.as_ref().map_or(0.0, |clock| clock.start);
    order.sort_by(|a, b| start(a).total_cmp(&start(b)));
    let mut marked: BTreeSet<usize> = BTreeSet::new();
    let mut latest: Option<usize> = None;
    for at in order {
        let Some(clock) = &runs[at].clock_ms else { continue };
        if let Some(before) = latest {
            let end = runs[before].clock_ms.as_ref().map_or(0.0, |clock| clock.end);
            // A millisecond of overlap is the time that printing takes.
            if clock.start + 1.0 < end && slot_of(&runs[before]) != slot_of(&runs[at]) {
                marked.extend([before, at]);
            }
            if clock.end > end {
                latest = Some(at);
            }
        } else {
            latest = Some(at);
        }
    }
    let slots: BTreeSet<u64> = runs.iter().filter_map(slot_of).collect();
    let unknown = slots.len() > 1 && !log.has_life && runs.iter().all(|run| run.clock_ms.is_none());
    for (at, run) in runs.iter_mut().enumerate() {
        if run.key.is_some() && (unknown || marked.contains(&at)) {
            run.flag(Flag::Concurrent);
        }
    }
}

fn slot_of(run: &Found) -> Option<u64> {
    run.key.map(|(slot, _)| slot)
}
