//! koboldcpp's line below an answer, in the forms it has had.
//!
//! ```text
//! CtxLimit: 3480/16384, Process:0.67s (3.9ms/T = 255.57T/s), Generate:8.44s (84.4ms/T = 11.85T/s), Total:9.11s (10.97T/s)
//! [09:59:50] CtxLimit:290/16384, Init:0.15s, Processed:240 in 34.03s (7.05T/s), Generated:50/64 in 2.10s (23.81T/s), Total:36.13s
//! [12:00:01] CtxLimit:271/4096, Amt:100/100, Init:0.00s, Process:0.67s (255.57T/s), Generate:8.44s (11.85T/s), Total:9.11s
//! ContextLimit: 614/2048, Processing:0.43s (5.5ms/T), Generation:3.62s (55.8ms/T), Total:4.06s (16.02T/s)
//! Time Taken - Processing:0.7s (4ms/T), Generation:8.4s (84ms/T), Total:9.1s (11.0T/s)
//! Time Taken - Processing:134.0s, Generation:763.6s, Total:897.6s
//! (Draft Results - Success:80, Failure:40)
//! ```
//!
//! People put its parts on lines of their own.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::{
    flag::{Flag, Problem},
    found::{Found, Kind},
    koboldcpp_check::{faults, most},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// Count, time and speed of a part; of them only the time is in every form.
pub(super) struct Phase {
    pub count: Option<Number>,
    pub time: Number,
    pub per_token_ms: Option<Number>,
    pub rate: Option<Number>,
}

pub(super) struct Timings {
    /// Tokens that were in the context at the end, and for how many it has room.
    pub reached: Option<Number>,
    pub limit: Option<Number>,
    pub amount: Option<Number>,
    pub prompt: Phase,
    pub output: Phase,
    pub total: Option<Number>,
}

impl Timings {
    /// Times, and nothing that they could be of.
    fn is_bare(&self) -> bool {
        [&self.prompt, &self.output].iter().all(|phase| phase.rate.is_none() && phase.per_token_ms.is_none())
            && self.prompt.count.is_none()
            && self.output.count.is_none()
            && self.amount.is_none()
    }
}

/// What the lines begin with that are read, and those between which an answer is shown.
const FIRSTS: Firsts = Firsts::new("OIPG(CT");

/// Lines below times of which both counts are.
const MOST_BELOW: usize = 3;

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut processed: Option<Progress> = None;
    let mut generated: Option<Progress> = None;
    let mut last = 0;
    // In spring 2023 the counts came below the times, of every run of the text.
    let mut below: Vec<(usize, Timings, Range<usize>, Counts)> = Vec::new();
    // The answer is shown below its line, up to the next request.
    let mut said = false;
    for (number, line) in page.starting(FIRSTS) {
        let body = page.body(line);
        if said || body.starts_with("Output:") {
            said =
                !["Input:", "Processing Prompt", "Generating ("].iter().any(|start| body.starts_with(start));
        }
        if body.starts_with("Processing Prompt") {
            processed = page.match_line(number, progress).map(|(progress, _)| progress);
        } else if body.starts_with("Generating (") {
            generated = page.match_line(number, progress).map(|(progress, _)| progress);
        } else if body.starts_with("(Draft") && number - last <= 2 {
            // Of a draft model, below the line.
            let drafted = body.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
            if let Some(found) = out.last_mut().filter(|found| drafted && found.run.tool == Tool::KoboldCpp) {
                found.flag(Flag::Speculative);
            }
        } else if ["CtxLimit:", "ContextLimit:", "Time Taken", "Process:", "Processing:"]
            .iter()
            .any(|start| body.starts_with(start))
            && let Some((timings, range)) = page.match_line(number, timings)
        {
            let counts = [processed.take(), generated.take()];
            let mut found = run(page, &timings, &counts, range.clone());
            let known = counts.iter().flatten().count();
            match below.last_mut() {
                Some((.., of_last)) if known == 2 => *of_last = counts,
                _ => below.clear(),
            }
            let goes_on = if below.is_empty() { known == 0 } else { known == 2 };
            if timings.is_bare() && !said && goes_on {
                below.push((out.len(), timings, range, [None, None]));
            }
            if said {
                found.problem = Some(Problem::InAnswer);
                if let Some(before) = out.last_mut() {
                    before.flag(Flag::AnswerText);
                }
            }
            last = number;
            out.push(found);
        }
        if number - last > MOST_BELOW && (processed.is_none() || generated.is_none()) {
            below.clear();
        }
    }
    // The last counts tell which form it is: without them, those of all the others stood above.
    if processed.is_some()
        && generated.is_some()
        && let Some((.., of_last)) = below.last_mut()
    {
        *of_last = [processed, generated];
        for (at, timings, range, counts) in below {
            out[at] = run(page, &timings, &counts, range);
        }
    }
}

/// Tokens of the prompt and of the answer.
type Counts = [Option<Progress>; 2];

/// `Processing Prompt [BLAS] (512 / 1000 tokens)`: what was reached when the line was left.
pub(super) struct Progress {
    pub count: Number,
    /// All that there was to do.
    pub of: Number,
}

impl Progress {
    pub fn is_whole(&self) -> bool {
        self.count.value == self.of.value
    }
}

fn progress(cursor: &mut Cursor<'_>) -> Option<Progress> {
    cursor.after("(").then_some(())?;
    let count = cursor.number()?;
    cursor.need(" /")?;
    let of = cursor.number()?;
    cursor.need(" tokens)")?;
    count.is_count().then_some(Progress { count, of })
}

fn timings(cursor: &mut Cursor<'_>) -> Option<Timings> {
    let (mut reached, mut limit, mut amount) = (None, None, None);
    if cursor.eat("CtxLimit:") || cursor.eat("ContextLimit:") {
        (reached, limit) = of_most(cursor).map(|(reached, limit)| (Some(reached), Some(limit)))?;
        apart(cursor)?;
    }
    cursor.eat("Time Taken -");
    if cursor.eat(" Amt:") {
        amount = Some(of_most(cursor)?.0);
        apart(cursor)?;
    }
    if cursor.eat(" Init:") {
        cursor.number()?;
        cursor.need(" s")?;
        apart(cursor)?;
    }
    let prompt = phase(cursor, &[" Process:", " Processing:", " Processed:"])?;
    apart(cursor)?;
    let output = phase(cursor, &[" Generate:", " Generation:", " Generated:"])?;
    let before = cursor.clone();
    let total = apart(cursor).filter(|()| cursor.eat(" Total:")).and_then(|()| cursor.number());
    if total.is_some() {
        cursor.need(" s")?;
    } else if output.rate.is_none() && output.per_token_ms.is_none() {
        // Times alone end with their total: of any other form the line goes on.
        return None;
    } else {
        *cursor = before;
    }
    Some(Timings { reached, limit, amount, prompt, output, total })
}

/// `171/4096`: how many, of at most how many.
fn of_most(cursor: &mut Cursor<'_>) -> Option<(Number, Number)> {
    let count = cursor.number()?;
    cursor.need(" /")?;
    Some((count, cursor.number()?))
}

/// What stands between two parts: a comma, or the end of a line.
fn apart(cursor: &mut Cursor<'_>) -> Option<()> {
    let ends = cursor.rest().trim_start_matches([' ', '\t']).starts_with('\n');
    (cursor.eat(" ,") || ends).then_some(())
}

/// A part: since 2026 its count comes first, and of the output also how many were asked for.
fn phase(cursor: &mut Cursor<'_>, names: &[&str; 3]) -> Option<Phase> {
    let name = names.iter().find(|name| cursor.eat(name))?;
    let mut count = None;
    if name == &names[2] {
        count = Some(cursor.number()?);
        if cursor.eat(" /") {
            cursor.number()?;
        }
        cursor.need(" in")?;
    }
    let time = cursor.number()?;
    cursor.need(" s")?;
    let mut phase = Phase { count, time, per_token_ms: None, rate: None };
    if !cursor.eat(" (") {
        // The first form, of spring 2023, has times alone.
        return Some(phase);
    }
    let first = cursor.number()?;
    if !cursor.eat(" ms/T") {
        cursor.need(" T/s )")?;
        phase.rate = Some(first);
        return Some(phase);
    }
    phase.per_token_ms = Some(first);
    if cursor.eat(" =") {
        phase.rate = Some(cursor.number()?);
        cursor.need(" T/s")?;
    }
    cursor.need(" )")?;
    Some(phase)
}

/// The line as it is kept: on one line, whatever lines its parts had.
fn kept(text: &str) -> String {
    let mut kept = String::new();
    for part in text.split('\n').map(str::trim).filter(|part| !part.is_empty()) {
        let begins =
            ["Amt:", "Init:", "Process", "Generat", "Total:"].iter().any(|name| part.starts_with(name));
        if begins && !kept.is_empty() && !kept.ends_with([',', '-']) {
            kept.push(',');
        }
        if begins && !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(part);
    }
    kept
}

fn run(page: &Page<'_>, timings: &Timings, progress: &[Option<Progress>; 2], range: Range<usize>) -> Found {
    let mut found = Found::new(Tool::KoboldCpp, "koboldcpp, from 2023-06", Kind::Block, range.clone());
    for (key, progress) in ["Processing Prompt", "Generating"].into_iter().zip(progress) {
        let Some(progress) = progress else { continue };
        if let Some(digits) = page.text().get(progress.count.range.clone()) {
            let of = page.text().get(progress.of.range.clone()).unwrap_or_default();
            found.keep_text(format_args!("{key} ({digits} / {of} tokens)"));
        }
    }
    found.stain = found.stain.or(page.stain(&range));
    found.keep_text(format_args!("{}", kept(page.text().get(range).unwrap_or_default())));
    let own = timings.output.count.as_ref().or(timings.amount.as_ref());
    let faults = faults(timings, progress);
    if faults.edited {
        found.refuse(Problem::Edited);
    } else if faults.impossible {
        found.refuse(Problem::Impossible);
    }
    let counted = |at: usize| progress[at].as_ref().filter(|_| !faults.lost[at]).map(|one| one.count.clone());
    let [processed, generated] = [0, 1].map(counted);
    let output = own.cloned().or(generated);
    let processed = timings.prompt.count.clone().or(processed);
    for (field, number) in [(Field::PromptTokens, &processed), (Field::OutputTokens, &output)] {
        if let Some(number) = number {
            found.set(field, number);
        }
    }
    for (phase, seconds, tps, count) in [
        (&timings.prompt, Field::PrefillS, Field::PrefillTps, &processed),
        (&timings.output, Field::DecodeS, Field::DecodeTps, &output),
    ] {
        found.set(seconds, &phase.time);
        match (&phase.rate, &phase.per_token_ms) {
            (Some(rate), _) => found.set(tps, rate),
            (None, Some(per_token)) if per_token.value > 0.0 => {
                found.compute(tps, 1e3 / per_token.value, per_token.range.clone());
                found.flag(Flag::Computed);
            }
            (None, None) => {
                if let Some(count) = count.as_ref().filter(|_| phase.time.value > 0.0) {
                    found.compute(tps, count.value / phase.time.value, phase.time.range.clone());
                    found.flag(Flag::Computed);
                }
            }
            _ => {}
        }
        // Milliseconds for a token and tokens in a second: one is the other upside down.
        if let (Some(rate), Some(per_token)) = (&phase.rate, &phase.per_token_ms) {
            let lowest = 1e3 / (per_token.value + per_token.half_digit() * 1.1);
            let highest = 1e3 / (per_token.value - per_token.half_digit() * 1.1).max(1e-9);
            if rate.value > 0.0 && !(lowest - 0.01..=highest + 0.01).contains(&rate.value) {
                found.refuse(Problem::Edited);
            }
        }
    }
    if faults.too_many {
        found.drop(Field::DecodeTps);
    }
    let ended_early = |progress: &Progress| progress.count.value < progress.of.value;
    if faults.too_many || (faults.lost[1] && progress[1].as_ref().is_some_and(ended_early)) {
        found.flag(Flag::Disagrees);
    }
    // Where no count is printed, the times tell that there was one token.
    if most(&timings.output) < 2.7 {
        found.drop(Field::DecodeTps);
        found.refuse(Problem::OneToken);
    }
    if most(&timings.prompt) < 1.5 && found.run.prefill_tps.is_some() {
        found.drop(Field::PrefillTps);
        found.flag(Flag::PrefillFromCache);
    }
    if !found.has_speed() && timings.prompt.rate.is_none() {
        found.refuse(Problem::TimesOnly);
    }
    found.decode.rate = timings.output.rate.clone();
    if let Some(total) = &timings.total {
        found.set(Field::TotalS, total);
    }
    found
}
