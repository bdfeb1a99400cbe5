//! Tables of answers: what fits where, and setups side by side.

use data::answer::Answer;
use data::query::FieldError;
use data::row::Capability;
use data::{Catalog, Engine};
use page::messages::EN;
use page::view::{Card, Column, QuantLine};
use page::{Query, gather};
use serde_json::json;

use crate::medians::Snapshot;
use crate::problem::Problem;
use crate::table::{self, Table};

/// Every model on one machine, or every machine with one model: the cards of all pages of that list.
pub(super) fn fits(engine: &Engine<'_>, query: &Query, snapshot: &Snapshot) -> Result<Table, Problem> {
    let model = query.get("model");
    let cards = if model.is_empty() {
        gather::every_model(engine, query, usize::MAX).map_err(|wrong| {
            let message = || EN.api.machine_or_model.to_owned();
            if wrong.is_empty() { vec![FieldError::new("hardware", message())] } else { wrong }
        })
    } else {
        let id = engine.catalog.model(model).map_err(|lookup| vec![lookup.at("model", model)])?.id.clone();
        gather::model_everywhere(engine, &id, query, usize::MAX)
    };
    let mut cards = cards?;
    gather::measured(&mut cards, gather::in_index(&snapshot.index));
    Ok(fitting(engine.catalog, &cards))
}

/// Every quantisation of a model on one machine.
pub(super) fn quantisations(engine: &Engine<'_>, query: &Query) -> Result<Table, Problem> {
    let model = query.get("model");
    let id = engine.catalog.model(model).map_err(|lookup| vec![lookup.at("model", model)])?.id.clone();
    let view = gather::model(engine, &id, query).ok_or_else(Problem::not_found)?;
    if !view.problems.is_empty() {
        return Err(view.problems.into());
    }
    if view.machine.is_none() {
        let says = EN.api.machine.to_owned();
        return Err(vec![FieldError::new("hardware", says)].into());
    }
    let columns: [table::Column<&QuantLine>; 13] = [
        ("quant", |line| json!(line.id)),
        ("name", |line| json!(line.name)),
        ("bits_per_weight", |line| json!(line.bits_per_weight)),
        ("weights_gib", |line| json!(line.weights_gib)),
        ("verdict", |line| json!(line.outcome.placement())),
        ("decode_low_tps", |line| json!(line.outcome.decode_tps.map(|range| range.low))),
        ("decode_mid_tps", |line| json!(line.outcome.decode_tps.map(|range| range.mid))),
        ("decode_high_tps", |line| json!(line.outcome.decode_tps.map(|range| range.high))),
        ("ttft_low_ms", |line| json!(line.outcome.ttft_ms.map(|range| range.low))),
        ("ttft_mid_ms", |line| json!(line.outcome.ttft_ms.map(|range| range.mid))),
        ("ttft_high_ms", |line| json!(line.outcome.ttft_ms.map(|range| range.high))),
        ("memory_gib", |line| json!(line.outcome.footprint_gib.total)),
        ("loss", |line| json!(line.loss)),
    ];
    Ok(Table::of(&view.quants, &columns))
}

/// The setups of a comparison, side by side on its page and one below the other here.
pub(super) fn compare(engine: &Engine<'_>, query: &Query) -> Result<Table, Problem> {
    let columns = gather::compare(engine, query).columns;
    let wrong: Vec<_> = columns.iter().flat_map(|column| column.problems.clone()).collect();
    if !wrong.is_empty() {
        return Err(Problem::parameters(wrong));
    }
    let setups: Vec<(&Column, &Answer)> =
        columns.iter().filter_map(|column| Some((column, column.answer.as_ref()?))).collect();
    if setups.is_empty() {
        let message = EN.api.setups.to_owned();
        return Err(Problem::parameters(vec![FieldError::new("hardware1", message)]));
    }
    let number: [table::Column<&(&Column, &Answer)>; 1] = [("number", |(column, _)| json!(column.number))];
    Ok(Table::of(&setups, &[&number[..], &answered()].concat()))
}

/// What has an answer, and columns of that answer.
trait Answered {
    fn answer(&self) -> &Answer;
}

impl Answered for Fit<'_> {
    fn answer(&self) -> &Answer {
        &self.card.answer
    }
}

impl Answered for &(&Column, &Answer) {
    fn answer(&self) -> &Answer {
        self.1
    }
}

/// The columns that every answer fills.
fn answered<T: Answered>() -> [table::Column<T>; 13] {
    [
        ("device", |row| json!(row.answer().setup.hardware.join("+"))),
        ("model", |row| json!(row.answer().setup.model)),
        ("quant", |row| json!(row.answer().setup.quant)),
        ("verdict", |row| json!(row.answer().placement)),
        ("decode_low_tps", |row| json!(row.answer().decode_tps.map(|range| range.low))),
        ("decode_mid_tps", |row| json!(row.answer().decode_tps.map(|range| range.mid))),
        ("decode_high_tps", |row| json!(row.answer().decode_tps.map(|range| range.high))),
        ("prefill_mid_tps", |row| json!(row.answer().prefill_tps.map(|range| range.mid))),
        ("ttft_mid_ms", |row| json!(row.answer().ttft_ms.map(|range| range.mid))),
        ("memory_gib", |row| json!(row.answer().footprint_gib.total)),
        ("usable_gib", |row| json!(row.answer().footprint_gib.usable)),
        ("context_tokens", |row| json!(row.answer().setup.context)),
        ("streams", |row| json!(row.answer().setup.streams)),
    ]
}

/// A card, and the model that it answers for: on a list of machines each card is about a machine.
struct Fit<'a> {
    card: &'a Card,
    capability: Option<&'a Capability>,
}

/// Columns of a card alone.
fn of_card<'a>() -> [table::Column<Fit<'a>>; 4] {
    let elo = |fit: &Fit<'_>| match fit.capability {
        Some(Capability::Arena { elo, .. }) => json!(elo),
        _ => json!(null),
    };
    [
        ("capability", |fit| json!(fit.capability.map(Capability::score))),
        ("arena_elo", elo),
        ("measured_tps", |fit| json!(fit.card.measured.and_then(|by| by.decode_tps))),
        ("measured_count", |fit| json!(fit.card.measured.map_or(0, |by| by.count))),
    ]
}

fn fitting(catalog: &Catalog, cards: &[Card]) -> Table {
    let fits = cards.iter().map(|card| {
        let row = catalog.models().iter().find(|row| row.id == card.answer.setup.model);
        Fit { card, capability: row.map(|row| &row.capability) }
    });
    Table::of(fits, &[&answered()[..], &of_card()].concat())
}
