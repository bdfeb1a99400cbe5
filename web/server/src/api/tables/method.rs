//! Tables of the method page: how well the constants predict, what quantisations lose, and the constants themselves.

use data::Engine;
use data::constants::{Part, Score};
use data::row::QuantLoss;
use page::messages::EN;
use serde_json::{Value, json};

use crate::table::Table;

/// How well the constants predict devices that they were fitted without.
pub(super) fn scores(engine: &Engine<'_>) -> Table {
    let row: [crate::table::Column<&Score>; 7] = [
        ("name", |score| json!(score.name)),
        ("rows", |score| json!(score.rows)),
        ("devices", |score| json!(score.devices)),
        ("median_error", |score| json!(score.median)),
        ("p90_error", |score| json!(score.p90)),
        ("within_range", |score| json!(score.coverage)),
        ("r2_of_log_speed", |score| json!(score.r2)),
    ];
    Table::of(&engine.fitted.provenance.scores, &row)
}

/// Each loss, what it means, and the quantisations that have it.
pub(super) fn losses(engine: &Engine<'_>) -> Table {
    let row = |(loss, means): (QuantLoss, &'static str)| {
        let having = engine.catalog.quants_by_quality().filter(|row| row.loss == loss);
        let ids: Vec<&str> = having.map(|row| row.id.as_str()).collect();
        vec![json!(loss.word()), json!(means), json!(ids.join(" "))]
    };
    Table { columns: vec!["loss", "means", "quants"], rows: page::gather::loss_words(&EN).map(row).into() }
}

/// A number of one fit: a constant of a term, or how far the levels of an effect lie apart.
struct Number<'a> {
    part: &'a Part,
    kind: &'static str,
    name: Value,
    value: f64,
    levels: Option<usize>,
}

/// Every fit's terms and effects.
pub(super) fn constants(engine: &Engine<'_>) -> Table {
    let numbers = engine.fitted.parts.iter().flat_map(|part| {
        let terms = part.terms.iter().map(move |(term, value)| Number {
            part,
            kind: "term",
            name: json!(term),
            value: *value,
            levels: None,
        });
        let effects = part.effects.iter().map(move |effect| Number {
            part,
            kind: "effect_sd",
            name: json!(effect.factor),
            value: effect.sd,
            levels: Some(effect.levels.len()),
        });
        terms.chain(effects)
    });
    Table::of(
        numbers,
        &[
            ("figure", |number| json!(number.part.figure)),
            ("group", |number| json!(number.part.group.name())),
            ("rows", |number| json!(number.part.rows)),
            ("devices", |number| json!(number.part.devices)),
            ("kind", |number| json!(number.kind)),
            ("name", |number| number.name.clone()),
            ("value", |number| json!(number.value)),
            ("levels", |number| json!(number.levels)),
        ],
    )
}
