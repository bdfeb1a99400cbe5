//! vLLM: its log, its serving benchmark, and the metrics of one answer.
//!
//! The log averages ten seconds over all requests, and the benchmark many requests: neither is the speed of one
//! stream, so both are read, shown and flagged.

use alloc::{string::String, vec::Vec};

use super::{
    docs::{Doc, Node},
    flag::{Flag, Problem},
    found::{Found, Kind},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What the lines begin with; those of the log have more before them.
const FIRSTS: Firsts = Firsts::new("PTAOBM");

/// Reads log lines and benchmark results. SGLang's benchmark prints the same table.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut bench = Bench::default();
    let mut progress: Option<Found> = None;
    let [has_log, has_result] = ["Avg prompt", RESULT].map(|sign| page.text().contains(sign));
    if !has_log && !has_result && !page.any(FIRSTS) {
        return;
    }
    for (number, line) in page.plain() {
        let body = page.body(line);
        let is_log = has_log && body.contains("Avg prompt");
        let is_result = has_result && body.contains(RESULT);
        if !is_log && !is_result && progress.is_none() && !FIRSTS.has(line) {
            continue;
        }
        if body.starts_with("Processed prompts:") {
            // A bar that is drawn again and again: its last state is the result.
            progress = processed(page, number).or(progress);
            continue;
        }
        out.extend(progress.take());
        // Narrow windows break it between any two words.
        if is_log {
            if let Some((speed, range)) = page.match_line(number, window) {
                out.extend(window_found(page, &speed, range));
            }
        } else if body.starts_with("Throughput:") {
            out.extend(offline(page, number));
        } else if body.starts_with("Avg latency:") {
            out.extend(latency(page, number));
        } else if is_result {
            out.extend(bench.finish());
        }
        out.extend(bench.line(page, number));
    }
    out.extend(progress);
    out.extend(bench.finish());
}

/// What stands above the table of results.
const RESULT: &str = "Serving Benchmark Result";

/// `Processed prompts: 100%|███| 1000/1000 [03:20<00:00, est. speed input: 2.22 toks/s, output: 2.23 toks/s]`
fn processed(page: &Page<'_>, number: usize) -> Option<Found> {
    let read = |cursor: &mut Cursor<'_>| {
        let input = cursor.after("est. speed input:").then(|| cursor.number()).flatten()?;
        cursor.need(" toks/s, output:")?;
        let output = cursor.number()?;
        cursor.need(" toks/s")?;
        Some((input, output))
    };
    let ((input, output), range) = page.match_line(number, read)?;
    let mut found = Found::new(Tool::Vllm, "vLLM offline, from 2024-07", Kind::Log, range);
    let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
    found.keep_text(format_args!(
        "Processed prompts: est. speed input: {} toks/s, output: {} toks/s",
        digits(&input),
        digits(&output)
    ));
    found.set(Field::AggregateTps, &output);
    found.flag(Flag::Serving);
    Some(found)
}

/// `Avg latency: 1.23 seconds`, of whole requests: it tells no speed.
fn latency(page: &Page<'_>, number: usize) -> Option<Found> {
    let (_, range) = page.match_line(number, |cursor| {
        cursor.need("Avg latency:")?;
        let time = cursor.number()?;
        cursor.need(" seconds")?;
        Some(time)
    })?;
    let mut found = Found::new(Tool::Vllm, "vllm bench latency, from 2023-06", Kind::Block, range);
    found.refuse(Problem::TimesOnly);
    Some(found)
}

/// `Engine 000: Avg prompt throughput: 2.5 tokens/s, Avg generation throughput: 123.8 tokens/s, Running: 1 reqs`
fn window(cursor: &mut Cursor<'_>) -> Option<([Number; 2], Option<Number>)> {
    if cursor.eat("Engine") {
        cursor.number()?;
        cursor.need(":")?;
    }
    cursor.need(" Avg prompt throughput:")?;
    let prompt = cursor.number()?;
    cursor.need(" tokens/s, Avg generation throughput:")?;
    let speed = cursor.number()?;
    cursor.need(" tokens/s")?;
    let running = if cursor.eat(", Running:") { cursor.number() } else { None };
    Some(([prompt, speed], running))
}

fn window_found(
    page: &Page<'_>,
    ([prompt, speed], running): &([Number; 2], Option<Number>),
    range: core::ops::Range<usize>,
) -> Option<Found> {
    let mut found = Found::new(Tool::Vllm, "vLLM log, from 2023-06", Kind::Log, range.clone());
    found.stain = page.stain(&range);
    let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
    let requests = running.as_ref().map_or("", digits);
    found.keep_text(format_args!(
        "Avg prompt throughput: {} tokens/s, Avg generation throughput: {} tokens/s{}{requests}{}",
        digits(prompt),
        digits(speed),
        if requests.is_empty() { "" } else { ", Running: " },
        if requests.is_empty() { "" } else { " reqs" },
    ));
    found.set(Field::AggregateTps, speed);
    if let Some(running) = running {
        found.set(Field::Streams, running);
    }
    found.flag(Flag::Window);
    // A line of an idle server tells nothing.
    (speed.value > 0.0).then_some(found)
}

/// `Throughput: 7.15 requests/s, 3656.00 total tokens/s, 1828.00 output tokens/s`
fn offline(page: &Page<'_>, number: usize) -> Option<Found> {
    let (speed, range) = page.match_line(number, |cursor| {
        cursor.need("Throughput:")?;
        cursor.number()?;
        cursor.need(" requests/s,")?;
        let total = cursor.number()?;
        if !cursor.eat(" total tokens/s") {
            cursor.need(" tokens/s")?;
        }
        if cursor.eat(",") {
            let output = cursor.number()?;
            cursor.need(" output tokens/s")?;
            return Some(output);
        }
        Some(total)
    })?;
    let mut found = Found::new(Tool::Vllm, "vllm bench throughput, from 2023-06", Kind::Block, range.clone());
    found.keep(page, range);
    found.set(Field::AggregateTps, &speed);
    found.flag(Flag::Serving);
    Some(found)
}

/// The table of `vllm bench serve` and `sglang.bench_serving`.
#[derive(Default)]
struct Bench {
    found: Option<Found>,
    /// Times that a tool fills with zero when it counted nothing.
    zeros: usize,
}

impl Bench {
    /// Takes a line; a row that comes again begins another result, and the one before it is given back.
    fn line(&mut self, page: &Page<'_>, number: usize) -> Option<Found> {
        const ROWS: [(&str, Option<Field>); 11] = [
            ("Total input tokens:", Some(Field::PromptTokens)),
            ("Total generated tokens:", Some(Field::OutputTokens)),
            ("Output token throughput (tok/s):", Some(Field::AggregateTps)),
            ("Benchmark duration (s):", Some(Field::TotalS)),
            // The units stood behind the values until June 2024.
            ("Output token throughput:", Some(Field::AggregateTps)),
            ("Benchmark duration:", Some(Field::TotalS)),
            ("Maximum request concurrency:", Some(Field::Streams)),
            ("Max request concurrency:", Some(Field::Streams)),
            ("Mean TTFT (ms):", None),
            ("Mean TPOT (ms):", None),
            ("Mean ITL (ms):", None),
        ];
        let body = page.body(&page.lines[number]);
        let (key, field) = ROWS.iter().find(|(key, _)| body.starts_with(key))?;
        let matched = page.match_line(number, |cursor| {
            cursor.need(key)?;
            cursor.number()
        });
        let (value, range) = matched?;
        let again = self.found.as_ref().zip(*field).is_some_and(|(found, field)| found.has(field));
        let before = if again { self.finish() } else { None };
        let found = self.found.get_or_insert_with(|| {
            Found::new(Tool::Vllm, "vllm bench serve, from 2023-06", Kind::Block, range.clone())
        });
        found.keep(page, range);
        match field {
            Some(field) => found.set(*field, &value),
            None => self.zeros += usize::from(value.value == 0.0),
        }
        before
    }

    fn finish(&mut self) -> Option<Found> {
        let mut found = self.found.take()?;
        found.flag(Flag::Serving);
        if core::mem::take(&mut self.zeros) > 0 {
            found.refuse(Problem::Zeros);
        }
        // The concurrency alone is printed before the run, too.
        (found.run.output_tokens.is_some() || found.run.aggregate_tps.is_some()).then_some(found)
    }
}

/// The file that `vllm bench serve --save-result` writes.
fn saved(page: &Page<'_>, doc: &Doc, root: &Node) -> Found {
    let mut found =
        Found::new(Tool::Vllm, "vllm bench serve JSON, from 2023-06", Kind::Json, doc.range.clone());
    doc.damage.judge(&mut found);
    if let Some(model) = root.name(&["model_id"]).or(root.name(&["model"])) {
        found.name(Field::Model, &model.base());
    }
    const MEMBERS: [(&str, Field); 4] = [
        ("total_input_tokens", Field::PromptTokens),
        ("total_output_tokens", Field::OutputTokens),
        ("output_throughput", Field::AggregateTps),
        ("duration", Field::TotalS),
    ];
    for (key, field) in MEMBERS {
        if let Some(number) = root.number(&[key]) {
            found.set(field, &number);
        }
    }
    found.keep_members(page, None, &MEMBERS.map(|(key, _)| (key, root.number(&[key]))));
    found.flag(Flag::Serving);
    found
}

/// Reads the metrics of answers: `"metrics":{"mean_itl_ms":10,"tokens_per_second":24.1,…}` beside the usage.
pub(super) fn scan_docs(page: &Page<'_>, out: &mut Vec<Found>) {
    for doc in &page.docs {
        out.extend(doc.holders("output_throughput").into_iter().map(|root| saved(page, doc, root)));
        for root in doc.holders("metrics") {
            let own = ["time_to_first_token_ms", "mean_itl_ms", "generation_time_ms"];
            if own.iter().any(|key| root.number(&["metrics", key]).is_some()) {
                out.push(metrics(page, doc, root));
            }
        }
    }
}

/// The three ways of getting a decode speed out of one object have to agree, or none is believed.
fn metrics(page: &Page<'_>, doc: &Doc, root: &Node) -> Found {
    let metric = |key: &str| root.number(&["metrics", key]);
    let usage = |key: &str| root.number(&["usage", key]);
    let mut found = Found::new(Tool::Vllm, "vLLM request metrics, from 2026", Kind::Json, doc.range.clone());
    doc.damage.judge(&mut found);
    if let Some(model) = root.name(&["model"]) {
        found.name(Field::Model, &model.base());
    }
    let (prompt, output) = (usage("prompt_tokens"), usage("completion_tokens"));
    let (rate, gap_ms, time_ms) =
        (metric("tokens_per_second"), metric("mean_itl_ms"), metric("generation_time_ms"));
    for (field, number) in
        [(Field::PromptTokens, &prompt), (Field::OutputTokens, &output), (Field::DecodeTps, &rate)]
    {
        if let Some(number) = number {
            found.set(field, number);
        }
    }
    let by_gap = gap_ms.as_ref().map(|gap| 1e3 / gap.value);
    let by_time =
        time_ms.as_ref().zip(output.as_ref()).map(|(time, count)| (count.value - 1.0) / time.value * 1e3);
    let printed = rate.as_ref().map(|rate| rate.value);
    let speeds = [by_gap, by_time, printed];
    let known = || speeds.iter().flatten();
    let (lowest, highest) =
        (known().copied().fold(f64::INFINITY, f64::min), known().copied().fold(0.0, f64::max));
    if highest > lowest * 1.02 {
        found.drop(Field::DecodeTps);
        found.flag(Flag::Disagrees);
    }
    let mut line = String::new();
    // The time to the first token tells nothing here, but where it stands alone the form is known by it.
    let first_ms = metric("time_to_first_token_ms");
    for (group, key, number) in [
        ("usage", "prompt_tokens", &prompt),
        ("usage", "completion_tokens", &output),
        ("metrics", "time_to_first_token_ms", &first_ms),
        ("metrics", "tokens_per_second", &rate),
        ("metrics", "mean_itl_ms", &gap_ms),
        ("metrics", "generation_time_ms", &time_ms),
    ] {
        let Some(digits) = number.as_ref().and_then(|number| page.text().get(number.range.clone())) else {
            continue;
        };
        let opens = if group == "metrics" && !line.contains("metrics") { "},\"metrics\":{" } else { "," };
        let opens = if line.is_empty() { "{\"usage\":{" } else { opens };
        let opens = if line.is_empty() && group == "metrics" { "{\"metrics\":{" } else { opens };
        line.extend([opens, "\"", key, "\":", digits]);
    }
    line.push('}');
    if let Some(model) = &found.run.model {
        line.extend([",\"model\":\"", model, "\""]);
    }
    found.keep_text(format_args!("{line}}}"));
    found
}
