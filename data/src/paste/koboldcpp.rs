//! koboldcpp's line below an answer, in the forms it has had.
//!
//! ```text
//! CtxLimit: 3480/16384, Process:0.67s (3.9ms/T = 255.57T/s), Generate:8.44s (84.4ms/T = 11.85T/s), Total:9.11s (10.97T/s)
//! [12:00:01] CtxLimit:171/4096, Amt:100/100, Init:0.00s, Process:0.67s (255.57T/s), Generate:8.44s (11.85T/s), Total:9.11s
//! ContextLimit: 614/2048, Processing:0.43s (5.5ms/T), Generation:3.62s (55.8ms/T), Total:4.06s (16.02T/s)
//! Time Taken - Processing:0.7s (4ms/T), Generation:8.4s (84ms/T), Total:9.1s (11.0T/s)
//! Time Taken - Processing:134.0s, Generation:763.6s, Total:897.6s
//! (Draft Results - Success:80, Failure:40)
//! ```

use alloc::vec::Vec;

use super::{
    check::agrees,
    flag::{Flag, Problem},
    found::{Found, Kind},
    number::{Cursor, Number},
    page::Page,
    reading::{Field, Tool},
};

/// Time and speed of a part; either may be missing in some form.
struct Phase {
    time: Number,
    per_token_ms: Option<Number>,
    rate: Option<Number>,
}

struct Timings {
    amount: Option<Number>,
    prompt: Phase,
    output: Phase,
    total: Option<Number>,
}

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut processed: Option<Progress> = None;
    let mut generated: Option<Progress> = None;
    let mut last = 0;
    // The answer is shown below its line, up to the next request.
    let mut said = false;
    for (number, line) in page.plain() {
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
            let mut found = run(page, &timings, [processed.take(), generated.take()], range);
            if said {
                found.problem = Some(Problem::InAnswer);
                if let Some(before) = out.last_mut() {
                    before.flag(Flag::AnswerText);
                }
            }
            last = number;
            out.push(found);
        }
    }
}

/// `Processing Prompt [BLAS] (512 / 1000 tokens)`: what was reached when the line was left.
struct Progress {
    count: Number,
    /// All that there was to do was done.
    whole: bool,
}

fn progress(cursor: &mut Cursor<'_>) -> Option<Progress> {
    cursor.after("(").then_some(())?;
    let count = cursor.number()?;
    cursor.need(" /")?;
    let of = cursor.number()?;
    cursor.need(" tokens)")?;
    let whole = count.value == of.value;
    count.is_count().then_some(Progress { count, whole })
}

fn timings(cursor: &mut Cursor<'_>) -> Option<Timings> {
    let mut amount = None;
    if cursor.eat("CtxLimit:") || cursor.eat("ContextLimit:") {
        cursor.number()?;
        cursor.need(" /")?;
        cursor.number()?;
        cursor.need(",")?;
    }
    cursor.eat("Time Taken -");
    if cursor.eat(" Amt:") {
        amount = Some(cursor.number()?);
        cursor.need(" /")?;
        cursor.number()?;
        cursor.need(",")?;
    }
    if cursor.eat(" Init:") {
        cursor.number()?;
        cursor.need(" s,")?;
    }
    let prompt = phase(cursor, [" Process:", " Processing:"])?;
    cursor.need(",")?;
    let output = phase(cursor, [" Generate:", " Generation:"])?;
    let total = if cursor.eat(", Total:") { Some(cursor.number()?) } else { None };
    if total.is_some() {
        cursor.need(" s")?;
    }
    Some(Timings { amount, prompt, output, total })
}

fn phase(cursor: &mut Cursor<'_>, names: [&str; 2]) -> Option<Phase> {
    names.into_iter().find(|name| cursor.eat(name))?;
    let time = cursor.number()?;
    cursor.need(" s")?;
    if !cursor.eat(" (") {
        // The first form, of spring 2023, has times alone.
        return Some(Phase { time, per_token_ms: None, rate: None });
    }
    let first = cursor.number()?;
    if !cursor.eat(" ms/T") {
        cursor.need(" T/s )")?;
        return Some(Phase { time, per_token_ms: None, rate: Some(first) });
    }
    let rate = if cursor.eat(" =") {
        let rate = cursor.number()?;
        cursor.need(" T/s")?;
        Some(rate)
    } else {
        None
    };
    cursor.need(" )")?;
    Some(Phase { time, per_token_ms: Some(first), rate })
}

fn run(
    page: &Page<'_>,
    timings: &Timings,
    [processed, generated]: [Option<Progress>; 2],
    range: core::ops::Range<usize>,
) -> Found {
    let mut found = Found::new(Tool::KoboldCpp, "koboldcpp, from 2023-06", Kind::Block, range.clone());
    for (key, progress) in [("Processing Prompt", &processed), ("Generating", &generated)] {
        let Some(progress) = progress else { continue };
        if let Some(digits) = page.text().get(progress.count.range.clone()) {
            // Of what was left half-way only that is kept.
            let of = if progress.whole { "" } else { "0" };
            found.keep_text(format_args!("{key} ({digits} / {digits}{of} tokens)"));
        }
    }
    found.keep(page, range);
    // Not all of what is generated is counted in the progress: the last line may be of the token before.
    let is_near = |count: &Number, phase: &Phase| {
        let rate = phase.rate.as_ref().filter(|rate| rate.value > 0.0 && phase.time.value >= 1.0);
        rate.is_none_or(|rate| (0.9..=1.1).contains(&(count.value / phase.time.value / rate.value)))
    };
    let whole =
        |progress: &Option<Progress>| progress.as_ref().filter(|one| one.whole).map(|one| one.count.clone());
    let counted = timings.amount.as_ref().zip(timings.output.rate.as_ref());
    if counted.is_some_and(|(count, rate)| !agrees(count.value, &timings.output.time, rate))
        || whole(&processed).is_some_and(|count| !is_near(&count, &timings.prompt))
        || whole(&generated).is_some_and(|count| !is_near(&count, &timings.output))
    {
        found.refuse(Problem::Edited);
    }
    let [processed, generated] =
        [processed, generated].map(|progress| progress.map(|progress| progress.count));
    let output = timings.amount.clone().or(generated);
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
    if !found.has_speed() && timings.prompt.rate.is_none() {
        found.refuse(Problem::TimesOnly);
    }
    found.decode.rate = timings.output.rate.clone();
    if let Some(total) = &timings.total {
        found.set(Field::TotalS, total);
        let parts_s = timings.prompt.time.value + timings.output.time.value;
        if parts_s > total.value + 0.15 {
            found.refuse(Problem::Impossible);
        }
    }
    found
}
