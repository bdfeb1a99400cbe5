//! What the log of llama-server says around its timings: caches, depth, and requests at the same time.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use super::{
    flag::Flag,
    found::Found,
    index::Index,
    llama_lines::slot,
    number::{Cursor, Number},
    page::Page,
    reading::Field,
};

type Key = (u64, u64);

/// What the log says of a task.
#[derive(Default)]
struct Task {
    /// Tokens in the context when it ended.
    context: Option<Number>,
    /// Prompt tokens that were in the cache.
    cached: Option<Number>,
    /// Its slot was chosen because its cache fits.
    fits: bool,
    /// It ran while another did.
    together: bool,
    runs: bool,
}

/// What the log says of its tasks.
#[derive(Default)]
struct Log {
    places: Index,
    tasks: Vec<Task>,
    /// Starts or ends of tasks were logged, so that overlap would have been seen.
    has_life: bool,
}

impl Log {
    fn task(&self, key: Key) -> Option<&Task> {
        self.places.get([key.0, key.1]).map(|at| &self.tasks[at])
    }

    fn place(&mut self, key: Key) -> usize {
        let at = self.places.number([key.0, key.1]);
        if at == self.tasks.len() {
            self.tasks.push(Task::default());
        }
        at
    }
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
        let Some(task) = log.task(key) else { continue };
        depth(run, task, key);
        if task.together {
            run.flag(Flag::Concurrent);
        }
    }
    overlaps(runs, &log);
}

fn read(page: &Page<'_>) -> Log {
    let mut log = Log::default();
    // Tasks that run; who came last, where one runs alone.
    let mut running: Vec<usize> = Vec::new();
    let mut chosen = Index::default();
    for (_, line) in page.plain() {
        let body = page.body(line);
        if !body.starts_with("slot ") {
            if body.contains("all slots are idle") {
                running.drain(..).for_each(|at| log.tasks[at].runs = false);
                log.has_life = true;
            }
            continue;
        }
        let mut cursor = Cursor::new(page.text(), line.body..line.end);
        let Some(key) = slot(&mut cursor, None) else { continue };
        if body.contains("processing task") {
            log.has_life = true;
            let at = log.place(key);
            if chosen.get([key.0, 0]) == Some(1) {
                chosen.set([key.0, 0], 0);
                log.tasks[at].fits = true;
            }
            if !log.tasks[at].runs {
                log.tasks[at].runs = true;
                running.push(at);
                // Those who ran together before are known to.
                if let [other, .., _] = running[..] {
                    log.tasks[at].together = true;
                    if running.len() == 2 {
                        log.tasks[other].together = true;
                    }
                }
            }
        } else if body.contains("stop processing") {
            log.has_life = true;
            let at = log.place(key);
            if core::mem::take(&mut log.tasks[at].runs) {
                running.retain(|other| *other != at);
            }
            let count = number_after(&cursor, "n_tokens =").or_else(|| number_after(&cursor, "n_past ="));
            if count.is_some() {
                log.tasks[at].context = count;
            }
        } else if body.contains("sim_best =") || body.contains("similarity, ") {
            chosen.set([key.0, 0], 1);
        } else if let Some(count) = number_after(&cursor, "rm [") {
            // `kv cache rm [20, end)`, `memory_seq_rm [20, end)`: what is kept is before it.
            let at = log.place(key);
            log.tasks[at].cached.get_or_insert(count);
        }
    }
    log
}

fn number_after(cursor: &Cursor<'_>, pattern: &str) -> Option<Number> {
    let mut cursor = cursor.clone();
    cursor.after(pattern).then(|| cursor.number())?.filter(Number::is_count)
}

/// The context is larger than what was computed by what came out of the cache.
fn depth(run: &mut Found, task: &Task, key: Key) {
    // The last token that came out is not in the context.
    let computed = run.run.prompt_tokens.zip(run.run.output_tokens);
    let computed = computed.map(|(prompt, output)| (prompt + output.saturating_sub(1)) as f64);
    let by_context = task.context.as_ref().zip(computed).map(|(context, computed)| context.value - computed);
    // A log that begins within a prompt shows first how far the prompt has come: more than what was cached.
    let kept = task.cached.as_ref().filter(|count| by_context.is_none_or(|most| count.value <= most));
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
    } else if let (Some(cached), Some(context)) = (by_context.filter(|cached| *cached > 0.0), &task.context) {
        run.compute(Field::DepthTokens, cached, context.range.clone());
        run.compute(Field::CachedTokens, cached, context.range.clone());
        let tokens = context.value as u64;
        run.keep_text(format_args!(
            "slot release: id {} | task {} | stop processing: n_tokens = {tokens}",
            key.0, key.1
        ));
    }
    let fits = task.fits && task.cached.is_none() && task.context.is_none();
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
        before.split([' ', ']', '\t']).find(|word| word.matches('.').count() == 3)
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
    let mut marked = vec![false; runs.len()];
    let mut latest: Option<usize> = None;
    for at in order {
        let Some(clock) = &runs[at].clock_ms else { continue };
        if let Some(before) = latest {
            let end = runs[before].clock_ms.as_ref().map_or(0.0, |clock| clock.end);
            // A millisecond of overlap is the time that printing takes.
            if clock.start + 1.0 < end && slot_of(&runs[before]) != slot_of(&runs[at]) {
                (marked[before], marked[at]) = (true, true);
            }
            if clock.end > end {
                latest = Some(at);
            }
        } else {
            latest = Some(at);
        }
    }
    let first = runs.iter().find_map(slot_of);
    let several = runs.iter().filter_map(slot_of).any(|slot| Some(slot) != first);
    let unknown = several && !log.has_life && runs.iter().all(|run| run.clock_ms.is_none());
    for (at, run) in runs.iter_mut().enumerate() {
        if run.key.is_some() && (unknown || marked[at]) {
            run.flag(Flag::Concurrent);
        }
    }
}

fn slot_of(run: &Found) -> Option<u64> {
    run.key.map(|(slot, _)| slot)
}
