//! The constants in use, and how well they predict what they have not seen.

use data::Engine;
use data::constants::Part;
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
    let rows = provenance.scores.iter().map(|score| {
        vec![
            score.name.clone(),
            score.rows.to_string(),
            score.devices.to_string(),
            share(score.median),
            share(score.p90),
            share(score.coverage),
            format!("{:.3}", score.r2),
        ]
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
    MethodView {
        markdown,
        fitted_on: provenance.date.clone(),
        rows: provenance.rows_used,
        scores: Table { caption: w.score_note.to_owned(), head: owned(head), rows: rows.collect() },
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
    let name = |value: &dyn core::fmt::Debug| spaced(&format!("{value:?}"));
    let terms = part.terms.iter().map(|(term, value)| vec![name(term), number(*value), String::new()]);
    let effects = part.effects.iter().map(|effect| {
        let levels = w.levels(&effect.levels.len().to_string());
        vec![name(&effect.factor), format!("± {}", number(effect.sd)), levels]
    });
    Table {
        caption: w.part(
            &part.devices.to_string(),
            &name(&part.figure),
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

/// `ExpertLayer` as "expert layer".
fn spaced(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_keep_four_digits_and_names_read_as_words() {
        assert_eq!([0.012_345, 1.3, 100.0, 0.0].map(number), ["0.01235", "1.3", "100", "0"]);
        assert_eq!(spaced("ExpertLayer"), "expert layer");
    }
}
