//! The arithmetic of koboldcpp's line: counts, times and speeds must agree with each other, and with what the context
//! held in the end.

use core::ops::RangeInclusive;

use super::{
    check::agrees,
    koboldcpp::{Phase, Progress, Timings},
    number::Number,
};

/// Share by which the context may be less than what was counted, beside two tokens.
const CONTEXT_SLACK: f64 = 1.02;

/// What does not agree.
#[derive(Default)]
pub(super) struct Faults {
    /// A number was changed.
    pub edited: bool,
    /// A part is longer than the whole.
    pub impossible: bool,
    /// More tokens are in the speed of the output than there were.
    pub too_many: bool,
    /// The progress of the prompt, of the output, is not of what was timed.
    pub lost: [bool; 2],
}

/// Looks at all of it.
pub(super) fn faults(timings: &Timings, progress: &[Option<Progress>; 2]) -> Faults {
    let [processed, generated] = progress;
    let phases = [&timings.prompt, &timings.output];
    let own = [timings.prompt.count.as_ref(), timings.output.count.as_ref().or(timings.amount.as_ref())];
    let too_many = counts_too_many(timings, generated.as_ref());
    let mut faults = Faults { too_many, ..Faults::default() };
    for (at, (phase, progress)) in phases.into_iter().zip([processed, generated]).enumerate() {
        let counted = own[at].zip(phase.rate.as_ref());
        faults.edited |= counted.is_some_and(|(count, rate)| !agrees(count.value, &phase.time, rate));
        let Some(progress) = progress else { continue };
        let (count, of) = (progress.count.value, progress.of.value);
        // The token that ends an answer may be one more than was asked for.
        faults.edited |= count > of + 1.0;
        // Where the speed counts too many, the progress does not.
        let fits = is_near(count, phase) || (at == 1 && too_many);
        faults.edited |= !fits && progress.is_whole();
        faults.lost[at] = !fits;
    }
    faults.edited |= !fits_context(timings, own, progress, faults.lost);
    if let Some(total) = &timings.total {
        // It is the sum of its parts, each of the three rounded by itself; a clock that is read once more may add a digit.
        let parts_s = timings.prompt.time.value + timings.output.time.value;
        let [prompt, output] = phases.map(|phase| phase.time.half_digit());
        let slack_s = (prompt + output + 3.0 * total.half_digit()) * 1.01;
        faults.impossible = parts_s > total.value + slack_s;
        faults.edited |= total.value > parts_s + slack_s;
    }
    faults
}

/// How many tokens there were at the most, by the time for one.
pub(super) fn most(phase: &Phase) -> f64 {
    phase.per_token_ms.as_ref().map_or(f64::INFINITY, |per_token| *by_time_for_one(phase, per_token).end())
}

fn by_time_for_one(phase: &Phase, per_token_ms: &Number) -> RangeInclusive<f64> {
    let (time_ms, half_ms) = (phase.time.value * 1e3, phase.time.half_digit() * 1e3);
    let half = per_token_ms.half_digit();
    (time_ms - half_ms) / (per_token_ms.value + half)
        ..=(time_ms + half_ms) / (per_token_ms.value - half).max(1e-9)
}

/// How many tokens there were, as far as the speed was not rounded away.
fn timed(phase: &Phase) -> Option<RangeInclusive<f64>> {
    let time = &phase.time;
    let by_rate = phase.rate.as_ref().filter(|rate| rate.value > 0.0).map(|rate| {
        let lowest = (time.value - time.half_digit()) * (rate.value - rate.half_digit());
        lowest.max(0.0)..=(time.value + time.half_digit()) * (rate.value + rate.half_digit())
    });
    by_rate.or_else(|| Some(by_time_for_one(phase, phase.per_token_ms.as_ref()?)))
}

/// Whether a count of the progress is that of a phase. Not all of what is generated is counted there: the last line may be
/// of the token before.
fn is_near(count: f64, phase: &Phase) -> bool {
    let token = if phase.time.value < 1.0 { 1.0 } else { 0.0 };
    timed(phase)
        .is_none_or(|timed| (timed.start() * 0.9 - token..=timed.end() * 1.1 + token).contains(&count))
}

/// Whether more tokens are in the speeds than were ever in the context. Until version 1.66 the time of the output was
/// divided by what had been asked for, however soon the answer ended.
fn counts_too_many(timings: &Timings, generated: Option<&Progress>) -> bool {
    let output = &timings.output;
    if let Some(progress) = generated.filter(|progress| !progress.is_whole() && timed(output).is_some()) {
        let fits = |count: &Number| is_near(count.value, output);
        return output.time.value >= 1.0 && !fits(&progress.count) && fits(&progress.of);
    }
    let fewest = |phase: &Phase| Some(*by_time_for_one(phase, phase.per_token_ms.as_ref()?).start());
    let both = fewest(&timings.prompt).zip(fewest(output));
    let counted = timings.amount.is_some() || output.count.is_some();
    let reached = timings.reached.as_ref().filter(|_| !counted);
    both.zip(reached)
        .is_some_and(|((prompt, output), reached)| prompt + output > reached.value * CONTEXT_SLACK + 2.0)
}

/// Whether prompt and output were in the context together. Some of the prompt may have been there before, not less.
fn fits_context(
    timings: &Timings,
    own: [Option<&Number>; 2],
    [processed, generated]: &[Option<Progress>; 2],
    lost: [bool; 2],
) -> bool {
    let (Some(reached), Some(limit)) = (&timings.reached, &timings.limit) else { return true };
    let told = |progress: &Option<Progress>, lost: bool| {
        progress.as_ref().filter(|progress| progress.is_whole() && !lost).map(|progress| progress.count.value)
    };
    let timed = timed(&timings.prompt).map(|timed| *timed.start());
    let prompt = own[0].map(|count| count.value).or(told(processed, lost[0])).or(timed);
    let output = own[1].map(|count| count.value).or(told(generated, lost[1])).unwrap_or(0.0);
    // A full context drops what came first.
    let output = if reached.value < limit.value { output } else { 0.0 };
    prompt.is_none_or(|prompt| prompt + output <= reached.value * CONTEXT_SLACK + 2.0)
}
