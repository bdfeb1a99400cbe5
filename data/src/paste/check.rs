//! The arithmetic of a run: what was printed must agree with itself.
//!
//! Every tool counts tokens, takes a time and divides. So a changed number shows, unless all three were changed
//! alike; and then the total shows it.

use super::{
    flag::{Flag, Problem},
    found::{Found, Part},
    number::Number,
    page::Page,
    reading::{DecodeRule, Field, Tool},
    text::Stain,
};

/// Fewer output tokens are too few to publish a decode speed of.
const FEW_OUTPUT_TOKENS: u64 = 16;
/// A prompt with fewer tokens measures overhead.
const FEW_PROMPT_TOKENS: u64 = 64;
/// No stream decodes faster, on anything.
const MOST_DECODE_TPS: f64 = 1e5;
/// Nothing reads a prompt faster.
const MOST_PREFILL_TPS: f64 = 1e7;
/// Share of the total that may be in no part before we ask.
pub(super) const UNACCOUNTED: f64 = 0.4;
/// Parts are taken with the same clock as the total; it may still tick between them.
const CLOCK_SLACK: f64 = 1.01;

/// Applies every rule to a run.
pub(super) fn check(page: &Page<'_>, found: &mut Found) {
    stains(page, found);
    rates(found);
    parts_fit(found);
    limits(found);
    one_token(found);
    cached(found);
    notes(found);
}

/// Whether a printed rate is count over time, within what rounding hides.
pub(super) fn agrees(count: f64, time: &Number, rate: &Number) -> bool {
    within(count, time, rate.value, rate.half_digit())
}

fn within(count: f64, time: &Number, rate: f64, rate_half: f64) -> bool {
    // Some tools divide in 32 bits.
    const SLACK: f64 = 2e-6;
    let (shortest, longest) = (time.value - time.half_digit(), time.value + time.half_digit());
    let lowest = count / longest * (1.0 - SLACK) - rate_half * 1.01;
    let highest =
        if shortest > 0.0 { count / shortest * (1.0 + SLACK) + rate_half * 1.01 } else { f64::INFINITY };
    (lowest..=highest).contains(&rate)
}

fn stains(page: &Page<'_>, found: &mut Found) {
    let values = found.run.spans.iter().filter_map(|mark| page.stain(&(mark.span.start..mark.span.end)));
    match values.chain(found.stain).min_by_key(|stain| *stain as u8) {
        Some(Stain::Hidden) => found.refuse(Problem::Hidden),
        Some(Stain::FullWidth) => found.refuse(Problem::FullWidth),
        Some(Stain::Html) => found.flag(Flag::Html),
        None => {}
    }
}

/// Count, time and rate of each part; and, for llama-server, which of its two rules the decode rate follows.
fn rates(found: &mut Found) {
    let new_rule = found.run.tool == Tool::LlamaServer;
    if !part_agrees(&found.prefill, 0.0) {
        found.refuse(Problem::Edited);
    }
    let all = part_agrees(&found.decode, 0.0);
    let but_first = new_rule && part_agrees(&found.decode, 1.0);
    if !all && !but_first {
        found.refuse(Problem::Edited);
    }
    let is_known = found.decode.rate.is_some() && found.decode.count.is_some() && found.decode.time.is_some();
    if is_known && all != but_first {
        found.run.decode_rule = Some(if all { DecodeRule::AllTokens } else { DecodeRule::AllButFirst });
    }
}

/// Whether the rates of a part are those of its count, less the tokens that came free.
fn part_agrees(part: &Part, free: f64) -> bool {
    let (Some(count), Some(time)) = (&part.count, &part.time) else { return true };
    let count = (count.value - free).max(0.0);
    if time.value == 0.0 && time.decimals < 6 {
        return true;
    }
    let rate = part.rate.as_ref().is_none_or(|rate| agrees(count, time, rate));
    let per_token = part.per_token_ms.as_ref().is_none_or(|per_token| {
        let printed_s = per_token.value / 1e3;
        let half = (per_token.half_digit() / 1e3 * 1.01) + time.half_digit() / count.max(1.0);
        count == 0.0 || (time.value / count - printed_s).abs() <= half + printed_s * 2e-6
    });
    rate && per_token
}

/// Parts within the total, and the total nearly all in its parts.
fn parts_fit(found: &mut Found) {
    let time = |part: &Part| match (&part.time, &part.count, &part.rate) {
        (Some(time), ..) => time.value,
        (None, Some(count), Some(rate)) if rate.value > 0.0 => count.value / rate.value,
        _ => 0.0,
    };
    let Some(total) = found.total.clone() else { return };
    let (prompt_s, output_s) = (time(&found.prefill), time(&found.decode));
    let parts_s = prompt_s + output_s;
    // Ollama's total begins with the loading of the model.
    let load_s = if found.run.tool == Tool::Ollama { found.other_s } else { 0.0 };
    if parts_s + load_s > total.value * CLOCK_SLACK + total.half_digit() * 4.0 {
        found.refuse(Problem::Impossible);
        return;
    }
    let both = found.prefill.time.is_some() && found.decode.time.is_some();
    let counts = found.prefill.count.iter().chain(&found.decode.count).map(|count| count.value).sum::<f64>();
    if !both {
        return;
    }
    if found.total_count.as_ref().is_some_and(|count| count.value != counts) {
        found.refuse(Problem::Edited);
    }
    let near = |left: f64, right: f64| (left - right).abs() <= total.half_digit() * 5.0;
    // What is in no part is the difference of four clocks, each read at its own time.
    let near_rest = |left: f64, right: f64| (left - right).abs() <= total.half_digit() * 20.0;
    match found.run.tool {
        // The server prints the sum of its parts.
        Tool::LlamaServer if near(total.value, parts_s) => {}
        Tool::LlamaServer => found.refuse(Problem::Edited),
        Tool::LlamaCpp => {
            if found
                .unaccounted
                .as_ref()
                .is_some_and(|rest| !near_rest(total.value - parts_s - found.other_s, rest.value))
            {
                found.refuse(Problem::Edited);
            }
            let rest_s = total.value - parts_s - found.other_s;
            // What is kept of a run says by a flag what the lines around it said.
            let waited = found.gap_explained || found.run.flags.contains(&Flag::Waited);
            if rest_s > total.value * UNACCOUNTED && found.unaccounted.is_none() {
                if waited { found.flag(Flag::Waited) } else { found.unaccounted() }
            }
        }
        // What it waited for is in the total and not in the answer.
        Tool::TabbyApi if total.value - parts_s > total.value * UNACCOUNTED => found.unaccounted(),
        _ => {}
    }
}

fn limits(found: &mut Found) {
    let speeds = [
        (Field::DecodeTps, found.run.decode_tps, MOST_DECODE_TPS),
        (Field::PrefillTps, found.run.prefill_tps, MOST_PREFILL_TPS),
    ];
    for (field, speed, most) in speeds {
        if speed.is_some_and(|speed| speed > most) {
            found.refuse(Problem::NoNumber);
        } else if speed == Some(0.0) {
            found.drop(field);
        }
    }
}

/// One token is not a decode. What is left is the prompt, if it was long enough to mean something.
fn one_token(found: &mut Found) {
    if found.run.output_tokens.is_none_or(|count| count > 1) {
        return;
    }
    found.drop(Field::DecodeTps);
    let prompt = found.run.prompt_tokens.unwrap_or(0);
    if found.run.prefill_tps.is_some() && prompt >= FEW_PROMPT_TOKENS {
        return;
    }
    found.refuse(Problem::OneToken);
    // Where a rate was printed for the one token, it is unclear which part of the time is the prompt's.
    if found.decode.rate.as_ref().is_some_and(|rate| rate.value > 0.0) {
        found.drop(Field::PrefillTps);
    }
}

/// A prompt that was read faster than the weights can be read once was not read: it came out of a cache.
fn cached(found: &mut Found) {
    let run = &found.run;
    if !matches!(run.tool, Tool::Ollama | Tool::LlamaCpp | Tool::LlamaServer) {
        return;
    }
    let step_s = run.decode_s.zip(run.output_tokens).map(|(time, count)| time / count.max(1) as f64);
    let too_short = run.prefill_s.zip(step_s).is_some_and(|(prompt_s, step_s)| prompt_s < step_s * 0.5);
    // Ollama counts cached tokens, but not their time.
    let ratio = run.prefill_tps.zip(run.decode_tps).map_or(0.0, |(prefill, decode)| prefill / decode);
    let hit =
        run.cached_tokens.is_some_and(|cached| cached > 0) && run.prompt_tokens < Some(FEW_PROMPT_TOKENS);
    let is_single = run.prompt_tokens == Some(1) && run.output_tokens > Some(1);
    if run.prefill_tps.is_some()
        && (too_short || hit || is_single || (run.tool == Tool::Ollama && ratio > 500.0))
    {
        found.drop(Field::PrefillTps);
        found.flag(Flag::PrefillFromCache);
    }
}

fn notes(found: &mut Found) {
    let run = &found.run;
    let few = |count: Option<u64>, least: u64| count.is_some_and(|count| count < least);
    let short_output = run.decode_tps.is_some() && few(run.output_tokens, FEW_OUTPUT_TOKENS);
    let short_prompt = run.prefill_tps.is_some() && few(run.prompt_tokens, FEW_PROMPT_TOKENS);
    let cold = run.prefill_tps.zip(run.decode_tps).is_some_and(|(prefill, decode)| prefill < decode * 0.9);
    for (holds, flag) in
        [(short_output, Flag::ShortOutput), (short_prompt, Flag::ShortPrompt), (cold, Flag::ColdStart)]
    {
        if holds {
            found.flag(flag);
        }
    }
}
