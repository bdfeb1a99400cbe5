//! One model: its facts, its quantisations on the picked machine, and which machines run it.

use askama::Template;
use chart::Verdict;
use data::answer::EvidenceByFigure;

use crate::card;
use crate::figures::{self, Figure};
use crate::home::MachineLine;
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{LayerKind, ModelView, QuantLine};
use crate::{figure, listing, words};

#[derive(Template)]
#[template(path = "model_results.html")]
struct ModelResults<'a> {
    m: &'a Messages,
    problems: String,
    lead: String,
    known: Vec<(&'static str, String)>,
    repo: Option<&'a str>,
    notes: Vec<String>,
    sources: &'a [String],
    machine: Option<MachineLine<'a>>,
    quants_on: String,
    /// Links to the same quantisations as data.
    quants_data: String,
    quants: Vec<QuantRow<'a>>,
    figures: Vec<Figure>,
    summary: String,
    rule: String,
    listing: String,
}

struct QuantRow<'a> {
    line: &'a QuantLine,
    href: String,
    chosen: bool,
    bits: String,
    size: String,
    class: &'static str,
    mark: String,
    verdict: &'static str,
    decode: String,
    ttft: String,
    /// What of its speed was never measured.
    note: String,
    memory: String,
    memory_bar: String,
}

impl<'a> QuantRow<'a> {
    fn new(line: &'a QuantLine, path: &str, query: &Query, m: &Messages) -> Self {
        let outcome = &line.outcome;
        QuantRow {
            line,
            href: query.link(path, &[("quant", &line.id), ("page", "")]),
            chosen: query.is("quant", &line.id),
            bits: format!("{:.2}", line.bits_per_weight),
            size: figure::gib(line.weights_gib),
            class: outcome.verdict.class(),
            mark: chart::verdict_mark(outcome.verdict, None),
            verdict: words::verdict_word(outcome.verdict, m),
            decode: outcome.decode_tps.map(figure::range).unwrap_or_default(),
            ttft: outcome.ttft_ms.map(figure::duration).unwrap_or_default(),
            note: if outcome.decode_tps.is_some() {
                // What a quantisation that lies whole on the device would be worth offloaded is not asked.
                let offload = line.evidence.offload.filter(|_| outcome.verdict == Verdict::Offloaded);
                words::decode_note(&EvidenceByFigure { offload, ..line.evidence }, m)
            } else {
                String::new()
            },
            memory: card::memory(&outcome.footprint_gib, m),
            memory_bar: card::memory_bar(&outcome.footprint_gib, m),
        }
    }
}

/// What goes into `#results` for one model; `path` is the page's own.
pub fn results(view: &ModelView, path: &str, query: &Query, m: &Messages) -> askama::Result<String> {
    let (model, facts) = (&view.model, &view.facts);
    let params = figure::billions(model.params_b);
    let context = figure::tokens(facts.native_context_tokens);
    let lead = if model.active_params_b < 0.95 * model.params_b {
        m.model.lead(&figure::billions(model.active_params_b), &context, &params)
    } else {
        m.model.lead_dense(&context, &params)
    };
    let machine_name = view.machine.as_ref().map_or("", |machine| machine.name.as_str());
    let wanted_context = figure::tokens(view.wanted.context_tokens);
    let minimum = figure::number(view.wanted.minimum_tps);
    let (shown, running) = view.counts;
    let mut notes: Vec<String> = facts.unverified.iter().map(|what| m.results.unverified(what)).collect();
    if model.elo.is_none() && !model.basis.is_empty() {
        notes.insert(0, m.answer.editorial_long(&model.basis));
    }
    let asked = listing::asked(query, &view.problems).link("", &[("model", &model.id)]);
    ModelResults {
        m,
        quants_data: listing::as_data("quantisations", &asked, m),
        problems: listing::problems(&view.problems, path, query, m)?,
        lead,
        known: known(view, m),
        repo: facts.hf_repo.as_deref(),
        notes,
        sources: &facts.sources,
        machine: view.machine.as_ref().map(|machine| MachineLine::new(machine, query, m)),
        quants_on: m.model.quants(machine_name),
        quants: view.quants.iter().map(|line| QuantRow::new(line, path, query, m)).collect(),
        figures: figures::context(&view.curves, view.longest_context, machine_name, m).into_iter().collect(),
        summary: m.model.summary(&running.to_string(), &shown.to_string()),
        rule: if view.quant.is_empty() {
            m.model.rule(&wanted_context, &minimum)
        } else {
            m.model.rule_quant(&wanted_context, &view.quant)
        },
        listing: listing::listing(&view.cards, view.pages, m.model.none, path, query, &asked, m)?,
    }
    .render()
}

/// Facts in pairs of name and value.
fn known(view: &ModelView, m: &Messages) -> Vec<(&'static str, String)> {
    let (model, facts) = (&view.model, &view.facts);
    let ground = match model.elo {
        Some(elo) => m.answer.anchored(&elo.to_string()),
        None => m.answer.editorial.to_owned(),
    };
    let kinds: Vec<String> = facts.layers.iter().map(|(count, kind)| layer(*count, *kind, m)).collect();
    let all: u32 = facts.layers.iter().map(|(count, _)| count).sum();
    let mut known = vec![
        (m.answer.capability, format!("{} ({ground})", figure::number(model.score))),
        (m.model.shape, m.model.layers(&all.to_string(), &kinds.join(", "))),
        (m.model.cache, m.model.kv_per_token(&figure::number(facts.kv_bytes_per_token))),
    ];
    if let Some((active, total)) = facts.experts {
        known.push((m.model.routing, m.model.experts(&active.to_string(), &total.to_string())));
    }
    known.extend(facts.released.clone().map(|month| (m.model.released, month)));
    known.extend(facts.license.clone().map(|license| (m.model.license, license)));
    known
}

fn layer(count: u32, kind: LayerKind, m: &Messages) -> String {
    let count = count.to_string();
    match kind {
        LayerKind::Full(kv_heads) => m.model.layer_full(&count, &kv_heads.to_string()),
        LayerKind::Window(window) => m.model.layer_window(&count, &figure::tokens(window)),
        LayerKind::Latent => m.model.layer_latent(&count),
        LayerKind::Recurrent => m.model.layer_recurrent(&count),
        LayerKind::FeedForward => m.model.layer_feed_forward(&count),
    }
}
