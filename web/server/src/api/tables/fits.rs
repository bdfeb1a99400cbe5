//! Tables of answers: what fits where, and setups side by side.

use data::Engine;
use data::answer::Answer;
use data::query::FieldError;
use page::view::{Card, Column, Subject};
use page::{Query, gather};
use serde_json::json;

use crate::medians::Snapshot;
use crate::problem::Problem;
use crate::table::Table;

/// Every model on one machine, or every machine with one model: the cards of all pages of that list.
pub(super) fn fits(engine: &Engine<'_>, query: &Query, snapshot: &Snapshot) -> Result<Table, Problem> {
    let model = query.get("model");
    let mut cards: Vec<Card> = Vec::new();
    if model.is_empty() {
        every_page(query, |query| {
            let view = gather::home(engine, query);
            if view.machine.is_none() && view.problems.is_empty() {
                let message = "Name a machine, or a model.".to_owned();
                return Err(vec![FieldError::new("hardware", message)]);
            }
            if !view.problems.is_empty() {
                return Err(view.problems);
            }
            cards.extend(view.cards);
            Ok(view.pages.of)
        })?;
    } else {
        let id = engine.catalog.model(model).map_err(|lookup| vec![lookup.at("model", model)])?.id.clone();
        every_page(&query.with("model", ""), |query| {
            let view = gather::model(engine, &id, query).ok_or_else(Vec::new)?;
            if !view.problems.is_empty() {
                return Err(view.problems);
            }
            cards.extend(view.cards);
            Ok(view.pages.of)
        })?;
    }
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
    Ok(Table::of(
        &setups,
        &[
            ("number", |(column, _)| json!(column.number)),
            ("device", |(_, answer)| json!(answer.setup.hardware.join("+"))),
            ("model", |(_, answer)| json!(answer.setup.model)),
            ("quant", |(_, answer)| json!(answer.setup.quant)),
            ("verdict", |(_, answer)| json!(answer.placement)),
            ("decode_low_tps", |(_, answer)| json!(answer.decode_tps.map(|range| range.low))),
            ("decode_mid_tps", |(_, answer)| json!(answer.decode_tps.map(|range| range.mid))),
            ("decode_high_tps", |(_, answer)| json!(answer.decode_tps.map(|range| range.high))),
            ("prefill_mid_tps", |(_, answer)| json!(answer.prefill_tps.map(|range| range.mid))),
            ("ttft_mid_ms", |(_, answer)| json!(answer.ttft_ms.map(|range| range.mid))),
            ("memory_gib", |(_, answer)| json!(answer.footprint_gib.total)),
            ("usable_gib", |(_, answer)| json!(answer.footprint_gib.usable)),
            ("context_tokens", |(_, answer)| json!(answer.setup.context)),
            ("streams", |(_, answer)| json!(answer.setup.streams)),
        ],
    ))
}

/// Asks for one page of a list after the other.
fn every_page(
    query: &Query,
    mut page: impl FnMut(&Query) -> Result<usize, Vec<FieldError>>,
) -> Result<(), Problem> {
    let (mut number, mut of) = (0, 1);
    while number < of {
        number += 1;
        of = page(&query.with("page", &number.to_string()))?;
    }
    Ok(())
}

/// The model that a card is about; none where it is about a device or a file.
fn model_of(card: &Card) -> Option<&page::view::ModelNote> {
    match &card.subject {
        Subject::Model(model) => Some(model),
        Subject::Device(_) | Subject::File(_) => None,
    }
}

fn fitting(cards: &[Card]) -> Table {
    Table::of(
        cards,
        &[
            ("device", |card| json!(card.answer.setup.hardware.join("+"))),
            ("model", |card| json!(card.answer.setup.model)),
            ("quant", |card| json!(card.answer.setup.quant)),
            ("verdict", |card| json!(card.answer.placement)),
            ("decode_low_tps", |card| json!(card.answer.decode_tps.map(|range| range.low))),
            ("decode_mid_tps", |card| json!(card.answer.decode_tps.map(|range| range.mid))),
            ("decode_high_tps", |card| json!(card.answer.decode_tps.map(|range| range.high))),
            ("prefill_mid_tps", |card| json!(card.answer.prefill_tps.map(|range| range.mid))),
            ("ttft_mid_ms", |card| json!(card.answer.ttft_ms.map(|range| range.mid))),
            ("memory_gib", |card| json!(card.answer.footprint_gib.total)),
            ("usable_gib", |card| json!(card.answer.footprint_gib.usable)),
            ("context_tokens", |card| json!(card.answer.setup.context)),
            ("streams", |card| json!(card.answer.setup.streams)),
            ("capability", |card| json!(model_of(card).map(|model| model.score))),
            ("arena_elo", |card| json!(model_of(card).and_then(|model| model.elo))),
            ("measured_tps", |card| json!(card.measured.and_then(|by| by.decode_tps))),
            ("measured_count", |card| json!(card.measured.map_or(0, |by| by.count))),
        ],
    )
}
