//! TabbyAPI's metrics line, and what its answers say of their usage.
//!
//! ```text
//! Metrics (ID: ba98…): 250 tokens generated in 16.44 seconds (Queue: 0.02 s, Process: 3840 cached tokens and 11926
//!   new tokens at 727.64 T/s, Generate: 28.2 T/s, Context: 15766 tokens, Draft: 0 / 4 tokens accepted (0.00%))
//! ```

use alloc::vec::Vec;

use super::{
    check::UNACCOUNTED,
    flag::{Flag, Problem},
    found::{Found, Kind, Part},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// Half of the last digit of all that it prints. It rounds to hundredths, and leaves out zeros at the end: `28.2` is `28.20`.
const HALF: f64 = 0.005;

/// What its lines begin with.
const FIRSTS: Firsts = Firsts::new("MR0123456789");

/// Reads all of them.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    for (number, line) in page.starting(FIRSTS) {
        let body = page.body(line);
        let is_bare = body.starts_with(|first: char| first.is_ascii_digit()) && body.contains(GENERATED);
        if is_bare || body.starts_with("Metrics") || body.starts_with("Response:") {
            out.extend(metrics(page, number));
        }
    }
}

/// Reads the usage of answers: `"usage":{"prompt_tokens":64,"prompt_tokens_per_sec":1066.67,…}`, from 2025.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<Found>) {
    const KEYS: [&str; 7] = [
        "prompt_tokens",
        "prompt_time",
        "prompt_tokens_per_sec",
        "completion_tokens",
        "completion_time",
        "completion_tokens_per_sec",
        "total_time",
    ];
    for doc in &page.docs {
        for node in doc.holders("completion_tokens_per_sec") {
            let number = |key: &str| node.number(&[key]);
            let mut found =
                Found::new(Tool::TabbyApi, "TabbyAPI usage, from 2025", Kind::Json, doc.range.clone());
            doc.damage.judge(&mut found);
            if let Some(model) = doc.root.name(&["model"]) {
                found.name(Field::Model, &model.base());
            }
            // Zeros at the end are left out.
            let rounded = |key| number(key).map(|one| Number { decimals: one.decimals.max(2), ..one });
            let part = |count, time, rate| Part {
                count: number(count),
                time: rounded(time),
                rate: rounded(rate),
                per_token_ms: None,
            };
            found.prefill = part("prompt_tokens", "prompt_time", "prompt_tokens_per_sec");
            found.decode = part("completion_tokens", "completion_time", "completion_tokens_per_sec");
            let cached = node.number(&["prompt_tokens_details", "cached_tokens"]);
            let mut kept = KEYS.map(|key| (key, number(key))).to_vec();
            kept.push(("cached_tokens", cached.clone().or_else(|| number("cached_tokens"))));
            found.keep_members(page, Some("usage"), &kept);
            // It counts the whole prompt, and times and divides the new tokens.
            let cached = kept.pop().and_then(|(_, cached)| cached).filter(|cached| cached.value > 0.0);
            if let (Some(cached), Some(count)) = (cached, found.prefill.count.clone()) {
                found.set(Field::CachedTokens, &cached);
                found.set(Field::DepthTokens, &cached);
                let new = (count.value - cached.value).max(0.0);
                found.compute(Field::PromptTokens, new, count.range.clone());
                found.prefill.count = Some(Number { value: new, ..count });
                found.flag(Flag::CachedPrefix);
            }
            found.fill(false);
            found.fill(true);
            if let Some(total) = number("total_time") {
                found.set(Field::TotalS, &total);
                found.total = Some(total);
            }
            out.push(found);
        }
    }
}

/// What the metrics line tells.
struct Metrics {
    output: Number,
    total: Number,
    queue: Option<Number>,
    cached: Option<Number>,
    prompt: Option<Number>,
    prefill: Option<Number>,
    decode: Option<Number>,
    end_to_end: Option<Number>,
    drafts: Option<Number>,
}

/// What stands between the count and the time. People leave out the name of the request, and the label with it.
const GENERATED: &str = " tokens generated in";

fn metrics_line(cursor: &mut Cursor<'_>) -> Option<Metrics> {
    // The second was its name until 2024.
    let has_label = cursor.eat("Metrics") || cursor.eat("Response");
    if cursor.eat(" (ID:") {
        cursor.word();
        // The word ends with the bracket and the colon.
    }
    cursor.eat(":");
    let output = cursor.number()?;
    cursor.need(GENERATED)?;
    let total = cursor.number()?;
    cursor.need(" seconds (")?;
    let mut metrics = Metrics {
        output,
        total,
        queue: None,
        cached: None,
        prompt: None,
        prefill: None,
        decode: None,
        end_to_end: None,
        drafts: None,
    };
    if !cursor.eat("Queue:") {
        // Without its label it could be anybody's.
        has_label.then_some(())?;
        // The first form has only the speed over all of the time.
        metrics.end_to_end = Some(cursor.number()?);
        cursor.need(" T/s")?;
        return Some(metrics);
    }
    metrics.queue = Some(cursor.number()?);
    cursor.need(" s, Process:")?;
    let mut count = cursor.number()?;
    if cursor.eat(" cached tokens and") {
        metrics.cached = Some(count);
        count = cursor.number()?;
    }
    cursor.eat(" new");
    cursor.need(" tokens at")?;
    metrics.prompt = Some(count);
    metrics.prefill = rate(cursor)?;
    cursor.need(" T/s, Generate:")?;
    metrics.decode = rate(cursor)?;
    cursor.need(" T/s")?;
    if cursor.eat(", Context:") {
        cursor.number()?;
        cursor.need(" tokens")?;
    }
    let before = cursor.clone();
    if cursor.eat(",") && cursor.ended() {
        // More of it is on the next line.
        cursor.cut = true;
        return None;
    }
    *cursor = before;
    if cursor.eat(", Draft:") {
        cursor.number()?;
        cursor.need(" /")?;
        metrics.drafts = Some(cursor.number()?);
        cursor.need(" tokens accepted")?;
    }
    Some(metrics)
}

/// A speed, or the word that stands for none where nothing was timed.
fn rate(cursor: &mut Cursor<'_>) -> Option<Option<Number>> {
    if cursor.eat(" Indeterminate") { Some(None) } else { cursor.number().map(Some) }
}

fn metrics(page: &Page<'_>, number: usize) -> Option<Found> {
    let (metrics, range) = page.match_line(number, metrics_line)?;
    let mut found = Found::new(Tool::TabbyApi, "TabbyAPI log, from 2023-12", Kind::Log, range.clone());
    // The name of the request is nobody's business.
    found.stain = page.stain(&range);
    let line = page.text().get(metrics.output.range.start..range.end).unwrap_or_default();
    let line: Vec<&str> = line.split('\n').collect();
    found.keep_text(format_args!("Metrics: {}", line.concat()));
    for (field, number) in [
        (Field::OutputTokens, Some(&metrics.output)),
        (Field::TotalS, Some(&metrics.total)),
        (Field::CachedTokens, metrics.cached.as_ref()),
        (Field::PromptTokens, metrics.prompt.as_ref()),
        (Field::PrefillTps, metrics.prefill.as_ref()),
        (Field::DecodeTps, metrics.decode.as_ref()),
        (Field::EndToEndTps, metrics.end_to_end.as_ref()),
    ] {
        if let Some(number) = number {
            found.set(field, number);
        }
    }
    if metrics.end_to_end.is_some() {
        found.flag(Flag::EndToEnd);
    }
    if let Some(cached) = metrics.cached.as_ref().filter(|cached| cached.value > 0.0) {
        found.set(Field::DepthTokens, cached);
        found.flag(Flag::CachedPrefix);
        if metrics.prompt.as_ref().is_some_and(|new| new.value < 64.0) {
            found.drop(Field::PrefillTps);
            found.flag(Flag::PrefillFromCache);
        }
    }
    if metrics.drafts.as_ref().is_some_and(|drafts| drafts.value > 0.0) && metrics.output.value > 1.0 {
        found.flag(Flag::Speculative);
    }
    parts_fit(&mut found, &metrics);
    Some(found)
}

/// The total is the sum of what it waited, read and put out: a changed number shows in it.
fn parts_fit(found: &mut Found, metrics: &Metrics) {
    let (Some(prompt), Some(prefill), Some(decode)) = (&metrics.prompt, &metrics.prefill, &metrics.decode)
    else {
        return;
    };
    let total_s = metrics.total.value;
    let queue_s = metrics.queue.as_ref().map_or(0.0, |queue| queue.value);
    // Seconds of the parts together, for so many output tokens, with both speeds off by so much.
    let parts_s = |output: f64, off: f64| {
        let time_s = |count: f64, rate: &Number| count / (rate.value + off).max(f64::MIN_POSITIVE);
        time_s(prompt.value, prefill) + time_s(output, decode) + queue_s
    };
    // All four times may have been rounded before they were added or divided.
    let slack_s = 4.0 * HALF * 1.01;
    let output = metrics.output.value;
    let missing_s = total_s - parts_s(output, -HALF);
    // Where it was not the sum, the first token came with the prompt.
    if parts_s((output - 1.0).max(0.0), HALF) > total_s + slack_s {
        found.refuse(Problem::Impossible);
    } else if missing_s > total_s * UNACCOUNTED {
        found.unaccounted();
    } else if missing_s > slack_s || parts_s(output, HALF) > total_s + slack_s {
        found.flag(Flag::Disagrees);
    }
}
