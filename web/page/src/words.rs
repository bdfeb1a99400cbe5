//! Codes of the answer in words: the only place where a verdict, a bound or a remedy becomes a sentence.

use chart::Verdict;
use data::answer::{Answer, Evidence, EvidenceByFigure, Remedy, Scope, SpillAnswer};
#[cfg(feature = "contribute")]
use data::submission::State;
use estimator::Bound;

use crate::figure;
use crate::messages::Messages;
use crate::query::Query;

/// The verdict with the wanted speed taken in: whole but too slow is a verdict of its own.
pub(crate) fn verdict(answer: &Answer, fast_enough: bool) -> Verdict {
    match answer.placement {
        data::answer::Verdict::TooBig => Verdict::TooBig,
        data::answer::Verdict::Offloaded => Verdict::Offloaded,
        data::answer::Verdict::Whole if fast_enough => Verdict::Runs,
        data::answer::Verdict::Whole => Verdict::Slow,
    }
}

pub(crate) fn verdict_word(verdict: Verdict, m: &Messages) -> &'static str {
    match verdict {
        Verdict::Runs => m.answer.runs,
        Verdict::Slow => m.answer.slow,
        Verdict::Offloaded => m.answer.offloaded,
        Verdict::TooBig => m.answer.too_big,
    }
}

pub(crate) fn bound(bound: Bound, m: &Messages) -> &'static str {
    match bound {
        Bound::Bandwidth => m.answer.bound_bandwidth,
        Bound::KvCache => m.answer.bound_kv_cache,
        Bound::Overhead => m.answer.bound_overhead,
        Bound::Compute => m.answer.bound_compute,
        Bound::HostRam => m.answer.bound_host_ram,
        Bound::Link => m.answer.bound_link,
    }
}

pub(crate) fn evidence(evidence: Evidence, m: &Messages) -> String {
    let rows = figure::number(f64::from(evidence.rows));
    match evidence.scope {
        Scope::Device => m.answer.scope_device(&rows),
        Scope::Generation => m.answer.scope_generation(&rows),
        Scope::Class => m.answer.scope_class(&rows),
        Scope::Uncalibrated => m.answer.scope_uncalibrated.to_owned(),
    }
}

/// Where a result stands.
#[cfg(feature = "contribute")]
pub(crate) fn state(state: State, m: &Messages) -> &'static str {
    match state {
        State::Accepted => m.state.accepted,
        State::Flagged => m.state.flagged,
        State::Held => m.state.held,
        State::Disputed => m.state.disputed,
        State::Withdrawn => m.state.withdrawn,
        State::Reinstated => m.state.reinstated,
    }
}

/// What stands beside the decode speed where a part of it was never measured; empty where all was.
pub(crate) fn decode_note(by: &EvidenceByFigure, m: &Messages) -> String {
    let open = |evidence: Option<Evidence>| evidence.is_some_and(|e| e.scope == Scope::Uncalibrated);
    let notes = [
        (open(Some(by.decode)), m.answer.uncalibrated),
        (open(by.runtime), m.answer.uncalibrated_runtime),
        (open(by.streams), m.answer.uncalibrated_streams),
        (open(by.offload), m.answer.uncalibrated_offload),
    ];
    let open: Vec<&str> = notes.into_iter().filter(|(open, _)| *open).map(|(_, words)| words).collect();
    // Where the whole figure is open, its parts are too.
    if open.first() == Some(&m.answer.uncalibrated) { open[0].to_owned() } else { open.join(", ") }
}

/// The same for prefill and the time to the first token.
pub(crate) fn prefill_note(by: &EvidenceByFigure, m: &Messages) -> &'static str {
    if by.prefill.scope == Scope::Uncalibrated { m.answer.uncalibrated } else { "" }
}

pub(crate) fn spill(spill: SpillAnswer, m: &Messages) -> String {
    match spill {
        SpillAnswer::Layers { on_device, on_host } => {
            m.answer.spill_layers(&on_device.to_string(), &on_host.to_string())
        }
        SpillAnswer::Experts { on_host, of } => m.answer.spill_experts(&of.to_string(), &on_host.to_string()),
    }
}

/// A change in words, and the address of this page with the change made, where the page can make it.
pub(crate) fn remedy(remedy: &Remedy, path: &str, query: &Query, m: &Messages) -> (String, String) {
    match remedy {
        Remedy::CacheType { kv } => {
            (m.answer.remedy_cache(kv), query.link(path, &[("kv", kv), ("kv_v", "")]))
        }
        // Only a model's own page has a field for the quantisation.
        Remedy::Quant { quant } if path.starts_with("/m/") => {
            (m.answer.remedy_quant(quant), query.link(path, &[("quant", quant)]))
        }
        Remedy::Quant { quant } => (m.answer.remedy_quant(quant), String::new()),
        Remedy::Context { context } => (
            m.answer.remedy_context(&figure::tokens(*context)),
            query.link(path, &[("context", &context.to_string()), ("prompt", "")]),
        ),
        Remedy::Memory { memory_gib } => (m.answer.remedy_memory(&figure::gib(*memory_gib)), String::new()),
    }
}
