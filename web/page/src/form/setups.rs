//! The form of a comparison: a group of fields for each setup, which carry its number.

use std::iter;

use data::query::CACHE_TYPES;

use super::{Group, Maker, RUNTIMES, with_default};
use crate::card::SETUP;
use crate::messages::Messages;
use crate::query::numbered;
use crate::view::MOST_SETUPS;

/// Whether a parameter describes setups, one of them or all.
pub(super) fn is_of_setup(name: &str) -> bool {
    SETUP.contains(&name) || numbered(name).is_some()
}

/// One group for each setup that is filled in, and one more to fill in.
pub(super) fn groups<'a>(make: &Maker<'a>, m: &Messages) -> Vec<Group<'a>> {
    let w = &m.form;
    let filled =
        |n: &usize| ["hardware", "model"].iter().any(|f| !make.query.get(&format!("{f}{n}")).is_empty());
    let last = (1..=MOST_SETUPS).rev().find(filled).unwrap_or(0);
    (1..=(last + 1).clamp(2, MOST_SETUPS))
        .map(|n| {
            let name = |field: &str| format!("{field}{n}");
            let mut fields = vec![
                make.text(name("hardware"), w.hardware, w.hardware_hint, "hardwares"),
                make.text(name("model"), w.model, w.model_hint, "models"),
                make.text(name("quant"), w.quant, w.quant_hint, "quants"),
            ];
            fields.iter_mut().for_each(|field| field.wide = true);
            let caches = CACHE_TYPES.into_iter().map(|(name, _)| name);
            fields.extend([
                make.text(name("context"), w.context, w.usage_any, "contexts"),
                make.number(name("memory_gib"), w.memory, ""),
                make.select(name("kv"), w.cache_k, with_default(w.usage_any, caches)),
                make.select(
                    name("runtime"),
                    w.runtime,
                    with_default(w.usage_any, iter::once("llama.cpp").chain(RUNTIMES)),
                ),
            ]);
            Group { heading: w.setup(&n.to_string()).into(), help: "", folds: false, open: true, fields }
        })
        .collect()
}
