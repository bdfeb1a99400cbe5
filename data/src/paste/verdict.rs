//! From what the formats found to one answer: what is believed, what is asked, what is refused.

use alloc::{format, string::String, vec::Vec};

use super::{
    answer,
    flag::{Flag, Problem},
    found::{Found, Kind},
    index::Index,
    page::Page,
    reading::{Field, Ignored, Reading, Run, Span, Tool, Verdict},
};

/// Runs of the same speeds that a run is compared with, to see whether it is one of them.
const MOST_COMPARED: usize = 8;

/// Decides; the findings have been checked.
pub(super) fn decide(page: &Page<'_>, mut found: Vec<Found>) -> Reading {
    found.sort_by_key(|run| run.at.start);
    same_runs(&mut found);
    sums(page, &mut found);
    answer::leave_out(page, &mut found);
    repeats(&mut found);
    for run in &mut found {
        if !run.tells() {
            run.refuse(Problem::Nothing);
        }
    }
    // A log of ten thousand runs is not moved twice.
    let is_bad = |run: &Found| run.problem.is_some();
    let (bad, mut good): (Vec<Found>, Vec<Found>) =
        if found.iter().any(is_bad) { found.into_iter().partition(is_bad) } else { (Vec::new(), found) };
    if good.is_empty() {
        return refused(page, bad);
    }
    if bad.iter().any(|run| run.problem.is_some_and(Problem::is_tampering)) {
        good.iter_mut().for_each(|run| run.flag(Flag::BesideRefused));
    }
    let ignored = bad.iter().map(|run| ignored(page, run)).collect();
    let runs: Vec<Run> = good.into_iter().map(|run| finish(page, run)).collect();
    let verdict = verdict(&runs);
    let says = says(verdict, &runs);
    Reading { verdict, says, runs, ignored }
}

/// Leaves out runs that damage keeps from being read again from their own lines.
pub(super) fn settle(mut reading: Reading, reads_again: impl Fn(&Run) -> bool) -> Reading {
    if reading.verdict == Verdict::Refused {
        return reading;
    }
    let mut reads: Vec<bool> = Vec::with_capacity(reading.runs.len());
    for (at, run) in reading.runs.iter().enumerate() {
        // A log says the same again and again.
        let same = at.checked_sub(1).filter(|before| reading.runs[*before].is_kept_as(run));
        reads.push(same.map_or_else(|| reads_again(run), |before| reads[before]));
    }
    if reads.iter().all(|reads| *reads) {
        return reading;
    }
    let mut reads = reads.into_iter();
    let (kept, lost): (Vec<Run>, Vec<Run>) =
        reading.runs.into_iter().partition(|_| reads.next().is_some_and(|reads| reads));
    reading.ignored.extend(lost.iter().map(|run| {
        let start = run.spans.iter().map(|mark| mark.span.start).min().unwrap_or(0);
        let end = run.spans.iter().map(|mark| mark.span.end).max().unwrap_or(0);
        Ignored { span: Span { start, end }, because: Problem::Garbled }
    }));
    if kept.is_empty() {
        return Reading { ignored: reading.ignored, ..nothing(Problem::Garbled) };
    }
    reading.verdict = verdict(&kept);
    reading.says = says(reading.verdict, &kept);
    Reading { runs: kept, ..reading }
}

/// Remembers that a run stood there more than once.
pub(super) fn repeated(run: &mut Run) {
    if !run.flags.contains(&Flag::Repeated) {
        run.flags.push(Flag::Repeated);
        flag_line(run);
    }
}

/// Puts the flags below the kept lines, in their order.
fn flag_line(run: &mut Run) {
    run.flags.sort_unstable();
    if let Some(before) = run.lines.find(FLAG_LINE) {
        run.lines.truncate(before);
    }
    if run.flags.is_empty() || run.lines.is_empty() {
        return;
    }
    run.lines.push_str(FLAG_LINE);
    for flag in &run.flags {
        run.lines.extend([" ", flag.word()]);
    }
    run.lines.push('\n');
}

/// A reading of text in which there is nothing.
pub(super) fn nothing(problem: Problem) -> Reading {
    Reading {
        verdict: Verdict::Refused,
        says: problem.sentence().into(),
        runs: Vec::new(),
        ignored: Vec::new(),
    }
}

/// Rates with the prompt included, beside a run whose parts are known, tell of the same run.
fn same_runs(found: &mut [Found]) {
    let is_whole = |run: &Found| run.run.end_to_end_tps.is_some() && !run.has_speed();
    let of_parts = found.iter().any(|run| !is_whole(run) && run.has_speed());
    let of_llama = found.iter().any(|run| !is_whole(run) && run.run.tool == Tool::LlamaCpp);
    for run in found.iter_mut().filter(|run| is_whole(run)) {
        if of_parts || (of_llama && run.run.tool == Tool::LlamaCpp) {
            run.refuse(Problem::SameRun);
        }
    }
}

/// Below its table a benchmark of llama.cpp prints what its rows took together.
fn sums(page: &Page<'_>, found: &mut [Found]) {
    // Nothing else may stand between them.
    const MOST_LINES: usize = 6;
    for at in 1..found.len() {
        let (before, after) = found.split_at_mut(at);
        let (Some(row), Some(block)) = (before.last(), after.first_mut()) else { continue };
        let is_row = matches!(row.run.tool, Tool::LlamaBatchedBench | Tool::LlamaSweepBench);
        if is_row && row.kind == Kind::Table && block.kind == Kind::Block && block.run.tool == Tool::LlamaCpp
        {
            let between = page.text().get(row.at.end..block.at.start).unwrap_or_default();
            if between.lines().count() <= MOST_LINES && !between.contains(['`', '$', '#']) {
                block.refuse(Problem::SameRun);
            }
        }
    }
}

/// Runs with the same numbers are one run that stands there twice.
fn repeats(found: &mut [Found]) {
    let mut seen = Index::default();
    let mut alike: Vec<Vec<usize>> = Vec::new();
    // Hundredths, from one: nothing is what was not printed.
    let speeds = |run: &Run| {
        [run.decode_tps, run.prefill_tps]
            .map(|speed| speed.map_or(0, |speed| libm::round(speed * 100.0) as u64 + 1))
    };
    let counts = |run: &Run| [run.prompt_tokens, run.output_tokens, run.depth_tokens, run.streams];
    // One speed without a count may well come twice.
    let tells = |run: &Found| {
        let both = run.run.decode_tps.is_some() && run.run.prefill_tps.is_some();
        let counted = run.run.prompt_tokens.is_some() || run.run.output_tokens.is_some();
        run.problem.is_none() && run.has_speed() && (both || counted)
    };
    for at in 0..found.len() {
        if !tells(&found[at]) {
            continue;
        }
        let [decode, prefill] = speeds(&found[at].run);
        let both = decode > 0 && prefill > 0;
        // A tool that says it twice may leave counts out the one time.
        let same = |earlier: &usize| {
            let pairs = counts(&found[*earlier].run).into_iter().zip(counts(&found[at].run));
            pairs.into_iter().all(|(one, other)| one == other || (both && one.is_none() != other.is_none()))
        };
        let number = seen.number([decode, prefill]);
        if number == alike.len() {
            alike.push(Vec::new());
        }
        let earlier = &mut alike[number];
        match earlier.iter().rev().take(MOST_COMPARED).copied().find(|one| same(one)) {
            Some(earlier) => {
                found[at].problem = Some(Problem::SameRun);
                found[earlier].flag(Flag::Repeated);
                let (before, after) = found.split_at_mut(at);
                names_of(&mut before[earlier], &after[0]);
            }
            None => earlier.push(at),
        }
    }
}

/// A benchmark names model and backend below the line that its program prints of every run.
fn names_of(run: &mut Found, again: &Found) {
    let (named, other) = (&mut run.run, &again.run);
    if named.tool != other.tool || again.kind == Kind::Block || named.model.is_some() || other.model.is_none()
    {
        return;
    }
    for (field, own, name) in [
        (Field::Model, &mut named.model, &other.model),
        (Field::Quant, &mut named.quant, &other.quant),
        (Field::Backend, &mut named.backend, &other.backend),
    ] {
        if own.is_none() && name.is_some() {
            own.clone_from(name);
            named.spans.extend(other.spans.iter().filter(|mark| mark.field == field));
        }
    }
    named.lines.push_str(&other.lines);
}

fn verdict(runs: &[Run]) -> Verdict {
    let decode = |run: &Run| run.decode_tps.is_some();
    let prefill = |run: &Run| run.prefill_tps.is_some();
    if runs.iter().any(|run| run.flags.iter().any(|flag| flag.asks())) {
        Verdict::Flagged
    } else if !runs.iter().any(prefill) {
        Verdict::DecodeOnly
    } else if !runs.iter().any(decode) {
        Verdict::PrefillOnly
    } else if runs.len() > 1 {
        Verdict::Several
    } else {
        Verdict::Accepted
    }
}

/// Nothing can be used. What was seen is shown; of what seems to be changed, no speed.
fn refused(page: &Page<'_>, bad: Vec<Found>) -> Reading {
    let quiet = [Problem::Nothing, Problem::InAnswer, Problem::SameRun, Problem::DraftModel];
    let loud = bad.iter().filter_map(|run| run.problem).find(|problem| !quiet.contains(problem));
    let Some(problem) = loud.or_else(|| bad.first().and_then(|run| run.problem)) else {
        let text = page.text();
        let counters = ["llamacpp:", "vllm:", "sglang:", "# HELP "];
        let has_usage = page.docs.iter().any(|doc| !doc.holders("completion_tokens").is_empty());
        return nothing(if has_usage {
            Problem::CountsOnly
        } else if text.trim().is_empty() {
            Problem::Empty
        } else if text.lines().filter(|line| counters.iter().any(|start| line.starts_with(start))).count() > 2
        {
            Problem::Counters
        } else {
            Problem::Nothing
        });
    };
    let ignored = bad.iter().map(|run| ignored(page, run)).collect();
    let shown = bad.into_iter().filter(|run| run.problem.is_some_and(|problem| !quiet.contains(&problem)));
    let runs = shown.map(|mut run| {
        if run.problem.is_some_and(|problem| {
            problem.is_tampering() || matches!(problem, Problem::Batched | Problem::Garbled)
        }) {
            run.drop(Field::DecodeTps);
            run.drop(Field::PrefillTps);
        }
        run.run.lines.clear();
        finish(page, run)
    });
    let runs = runs.collect();
    Reading { verdict: Verdict::Refused, says: problem.sentence().into(), runs, ignored }
}

fn ignored(page: &Page<'_>, run: &Found) -> Ignored {
    Ignored { span: page.span(&run.at), because: run.problem.unwrap_or(Problem::Nothing) }
}

/// The line that carries flags with the kept lines, since what they came from may not be among them.
pub(super) const FLAG_LINE: &str = "llm-speed flags:";

/// Places in the pasted bytes instead of the clean text; flags in their order.
fn finish(page: &Page<'_>, found: Found) -> Run {
    let mut run = found.run;
    run.spans.sort_by_key(|mark| mark.field);
    for mark in &mut run.spans {
        mark.span = page.span(&(mark.span.start..mark.span.end));
    }
    run.spans.retain(|mark| mark.span != Span { start: 0, end: 0 });
    flag_line(&mut run);
    run
}

fn says(verdict: Verdict, runs: &[Run]) -> String {
    let count = runs.len();
    match verdict {
        Verdict::Accepted => "One run, with decode and prefill speed.".into(),
        Verdict::Several => format!("{count} runs: choose the one to contribute."),
        Verdict::DecodeOnly if count == 1 => "One run, with a decode speed and no prefill speed.".into(),
        Verdict::DecodeOnly => format!("{count} runs with decode speeds and no prefill speed: choose one."),
        Verdict::PrefillOnly if count == 1 => "One run, with a prefill speed and no decode speed.".into(),
        Verdict::PrefillOnly => format!("{count} runs with prefill speeds and no decode speed: choose one."),
        Verdict::Flagged | Verdict::Refused => {
            let asking = runs.iter().flat_map(|run| &run.flags).filter(|flag| flag.asks()).min();
            asking.map_or("", |flag| flag.sentence()).into()
        }
    }
}
