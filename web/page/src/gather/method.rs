//! The constants in use, and how well they predict what they have not seen.

use data::Engine;
use data::constants::{Factor, Figure, Part, Term};
use data::peers::PeerRows;
use data::row::QuantLoss;

use crate::figure;
use crate::messages::Messages;
use crate::text::{MethodView, Table};

/// The method page's view: `markdown` is METHODOLOGY.md.
#[must_use]
pub fn method<'a>(engine: &Engine<'_>, markdown: &'a str, m: &Messages) -> MethodView<'a> {
    let provenance = &engine.fitted.provenance;
    let share = |share: f64| format!("{} %", figure::number(share * 100.0));
    let w = &m.method;
    let peers = PeerRows::embedded();
    let rows = provenance.scores.iter().map(|score| {
        let ours = [
            score.name.clone(),
            score.rows.to_string(),
            score.devices.to_string(),
            share(score.median),
            share(score.p90),
            share(score.coverage),
            format!("{:.3}", score.r2),
        ];
        ours.into_iter().chain(peers.medians(&score.name, &provenance.input)).collect()
    });
    let head = [
        w.score_group,
        w.score_rows,
        w.score_devices,
        w.score_median,
        w.score_p90,
        w.score_coverage,
        w.score_r2,
    ];
    let head = owned(head).into_iter().chain(peers.names().map(|name| w.score_peer(name)));
    MethodView {
        markdown,
        fitted_on: provenance.date.clone(),
        rows: provenance.rows_used,
        scores: Table { caption: w.score_note.to_owned(), head: head.collect(), rows: rows.collect() },
        losses: losses(engine, m),
        constants: engine.fitted.parts.iter().map(|part| constants(part, m)).collect(),
    }
}

/// Each loss, and what it means.
#[must_use]
pub fn loss_words(m: &Messages) -> [(QuantLoss, &'static str); 6] {
    let w = &m.method;
    [
        (QuantLoss::None, w.loss_none),
        (QuantLoss::Negligible, w.loss_negligible),
        (QuantLoss::Small, w.loss_small),
        (QuantLoss::Noticeable, w.loss_noticeable),
        (QuantLoss::Large, w.loss_large),
        (QuantLoss::Severe, w.loss_severe),
    ]
}

/// Each loss with what it means and who has it.
fn losses(engine: &Engine<'_>, m: &Messages) -> Table {
    let w = &m.method;
    let row = |(loss, means): (QuantLoss, &str)| {
        let having = engine.catalog.quants_by_quality().filter(|row| row.loss == loss);
        let names: Vec<&str> = having.map(|row| row.name.as_str()).collect();
        vec![loss.word().to_owned(), means.to_owned(), names.join(", ")]
    };
    Table {
        caption: w.losses_note.to_owned(),
        head: owned([m.model.loss, w.note_means, m.model.quant]),
        rows: loss_words(m).map(row).into(),
    }
}

fn owned<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// One fit: its terms, and the largest of its effects by their spread.
fn constants(part: &Part, m: &Messages) -> Table {
    let w = &m.method;
    let named = |term: Term| term_name(term, m).to_owned();
    let terms = part.terms.iter().map(|(term, value)| vec![named(*term), number(*value), String::new()]);
    let effects = part.effects.iter().map(|effect| {
        let levels = w.levels(&effect.levels.len().to_string());
        vec![factor_name(effect.factor, m).to_owned(), format!("± {}", number(effect.sd)), levels]
    });
    Table {
        caption: w.part(
            &part.devices.to_string(),
            figure_name(part.figure, m),
            part.group.name(),
            &figure::number(f64::from(part.rows)),
        ),
        head: owned([w.term, w.value, w.note]),
        rows: terms.chain(effects).collect(),
    }
}

/// Four significant digits.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What was fitted, in words.
fn figure_name(figure: Figure, m: &Messages) -> &'static str {
    let w = &m.method;
    match figure {
        Figure::Decode => w.figure_decode,
        Figure::Prefill => w.figure_prefill,
        Figure::Streams => w.figure_streams,
        Figure::Offload => w.figure_offload,
        Figure::Exchange => w.figure_exchange,
    }
}

/// A part of the time, in words.
fn term_name(term: Term, m: &Messages) -> &'static str {
    let w = &m.method;
    match term {
        Term::Weights => w.term_weights,
        Term::Experts => w.term_experts,
        Term::Cache => w.term_cache,
        Term::UnfusedCache => w.term_unfused_cache,
        Term::Step => w.term_step,
        Term::Layer => w.term_layer,
        Term::ExpertLayer => w.term_expert_layer,
        Term::RecurrentLayer => w.term_recurrent_layer,
        Term::LatentLayer => w.term_latent_layer,
        Term::Arithmetic => w.term_arithmetic,
        Term::Compute => w.term_compute,
        Term::Attention => w.term_attention,
        Term::UnfusedAttention => w.term_unfused_attention,
        Term::Saturation => w.term_saturation,
        Term::ExpertSaturation => w.term_expert_saturation,
        Term::Stream => w.term_stream,
        Term::Host => w.term_host,
        Term::Crossing => w.term_crossing,
        Term::Link => w.term_link,
        Term::AllReduce => w.term_all_reduce,
        Term::Power => w.term_power,
    }
}

/// What an effect's levels are told apart by, in words.
fn factor_name(factor: Factor, m: &Messages) -> &'static str {
    let w = &m.method;
    match factor {
        Factor::Group => w.by_group,
        Factor::Vendor => w.by_vendor,
        Factor::VendorFamily => w.by_vendor_family,
        Factor::Memory => w.by_memory,
        Factor::Tier => w.by_tier,
        Factor::Generation => w.by_generation,
        Factor::Device => w.by_device,
        Factor::Backend => w.by_backend,
        Factor::GenerationBackend => w.by_generation_backend,
        Factor::Runtime => w.by_runtime,
        Factor::RuntimeBackend => w.by_runtime_backend,
        Factor::RuntimeGeneration => w.by_runtime_generation,
        Factor::Family => w.by_family,
        Factor::GenerationFamily => w.by_generation_family,
        Factor::BackendFamily => w.by_backend_family,
        Factor::RuntimeFamily => w.by_runtime_family,
        Factor::Era => w.by_era,
        Factor::BackendPeriod => w.by_backend_period,
        Factor::Origin => w.by_origin,
        Factor::System => w.by_system,
        Factor::Routing => w.by_routing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_keep_four_digits() {
        assert_eq!([0.012_345, 1.3, 100.0, 0.0].map(number), ["0.01235", "1.3", "100", "0"]);
    }
}
