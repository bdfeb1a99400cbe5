//! Tables of answers: what fits where, and setups side by side.

use data::Engine;
use data::answer::Answer;
use data::query::FieldError;
use page::view::{Card, Column, Subject};
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
            let message = || "Name a machine, or a model.".to_owned();
            if wrong.is_empty() { vec![FieldError::new("hardware", message())] } else { wrong }
        })
    } else {
        let id = engine.catalog.model(model).map_err(|lookup| vec![lookup.at("model", model)])?.id.clone();
        gather::model_everywhere(engine, &id, query, usize::MAX)
    };
    let mut cards = cards?;
    gather::measured(&mut cards, gather::in_index(&snapshot.index));
    Ok(fitting(&cards))
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
        let message = "Name setups: hardware1 and model1, hardware2 and model2 …".to_owned();
        return Err(Problem::parameters(vec![FieldError::new("hardware1", message)]));
    }
    let number: [table::Column<&(&Column, &Answer)>; 1] = [("number", |(column, _)| json!(column.number))];
    Ok(Table::of(&setups, &[&number[..], &answered()].concat()))
}

/// What has an answer, and columns of that answer.
trait Answered {
    fn answer(&self) -> &Answer;
}

impl Answered for &Card {
    fn answer(&self) -> &Answer {
        &self.answer
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

/// The model that a card is about; none where it is about a device or a file.
fn model_of(card: &Card) -> Option<&page::view::ModelNote> {
    match &card.subject {
        Subject::Model(model) => Some(model),
        Subject::Device(_) | Subject::File(_) => None,
    }
}

/// Columns of a card alone.
fn of_card<'a>() -> [table::Column<&'a Card>; 4] {
    [
        ("capability", |card| json!(model_of(card).map(|model| model.score))),
        ("arena_elo", |card| json!(model_of(card).and_then(|model| model.elo))),
        ("measured_tps", |card| json!(card.measured.and_then(|by| by.decode_tps))),
        ("measured_count", |card| json!(card.measured.map_or(0, |by| by.count))),
    ]
}

fn fitting(cards: &[Card]) -> Table {
    Table::of(cards, &[&answered()[..], &of_card()].concat())
}
