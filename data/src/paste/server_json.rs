//! JSON answers of llama-server: the `timings` object, in whole answers, in the last event of a stream, alone.

use alloc::vec::Vec;

use super::{
    context::file_name,
    docs::{Doc, Node},
    flag::Flag,
    found::{Found, Kind, Part},
    number::Number,
    page::Page,
    reading::{Field, Tool},
};

/// The members that are read, in the order in which the server writes them.
const MEMBERS: [&str; 8] = [
    "cache_n",
    "prompt_n",
    "prompt_ms",
    "prompt_per_second",
    "predicted_n",
    "predicted_ms",
    "predicted_per_second",
    "draft_n",
];

/// Reads all of them. Of a stream that carries timings with each token, the last.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut runs: Vec<Found> = Vec::new();
    for doc in &page.docs {
        for node in doc.holders("predicted_ms").into_iter().chain(bare_prompt(doc)) {
            let found = read(page, doc, node);
            let before = runs.last();
            let goes_on = before.is_some_and(|before| {
                let same_prompt =
                    before.run.prefill_s == found.run.prefill_s && found.run.prefill_s.is_some();
                same_prompt && before.run.output_tokens <= found.run.output_tokens
            });
            if goes_on {
                runs.pop();
            }
            runs.push(found);
        }
    }
    out.append(&mut runs);
}

/// Timings that were cut off after the prompt.
fn bare_prompt(doc: &Doc) -> impl Iterator<Item = &Node> {
    doc.holders("prompt_ms").into_iter().filter(|node| node.at(&["predicted_ms"]).is_none())
}

fn read(page: &Page<'_>, doc: &Doc, node: &Node) -> Found {
    let mut found =
        Found::new(Tool::LlamaServer, "llama-server JSON, from 2023-07", Kind::Json, doc.range.clone());
    doc.damage.judge(&mut found);
    if let Some(model) = doc.root.name(&["model"]) {
        let (model, quant) = file_name(&model.base());
        found.name(Field::Model, &model);
        if let Some(quant) = quant {
            found.name(Field::Quant, &quant);
        }
    }
    let number = |key: &str| node.number(&[key]);
    found.keep_members(page, Some("timings"), &MEMBERS.map(|key| (key, number(key))));
    let part = |count: &str, time: &str, rate: &str| Part {
        count: number(count),
        time: number(time).map(|time| exact(time).ms_to_s()),
        rate: number(rate).map(exact),
        per_token_ms: None,
    };
    found.prefill = part("prompt_n", "prompt_ms", "prompt_per_second");
    found.decode = part("predicted_n", "predicted_ms", "predicted_per_second");
    found.fill(false);
    found.fill(true);
    if let Some(cached) = number("cache_n").filter(|cached| cached.value > 0.0) {
        found.set(Field::CachedTokens, &cached);
        found.set(Field::DepthTokens, &cached);
        found.flag(Flag::CachedPrefix);
    }
    if number("draft_n").is_some_and(|drafts| drafts.value > 0.0) {
        found.flag(Flag::Speculative);
    }
    found
}

/// JSON prints all digits that a number has, and no zeros after them: rounding hides nothing to speak of.
fn exact(number: Number) -> Number {
    Number { decimals: number.decimals.max(3), ..number }
}
