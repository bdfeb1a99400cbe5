//! Rules about quantisations and suites.

use crate::catalog::Catalog;
use crate::row::{QuantGroup, QuantRow, Runtime};

/// Within a family, more bits are never said to be worse. Mixes chosen tensor by tensor are measured on different
/// models, so their sizes need not be ordered.
pub(super) fn bits_are_possible_and_ordered(catalog: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in catalog.quants() {
        let parts = [
            row.bulk_bits_per_weight,
            row.head_bits_per_weight,
            row.embedding_bits_per_weight,
            row.dense_bits_per_weight,
        ];
        let bits = core::iter::once(row.bits_per_weight).chain(parts.into_iter().flatten());
        wrong.extend(
            bits.filter(|bits| !(1.0..=32.0).contains(bits))
                .map(|bits| format!("{}: {bits} bits a weight", row.id)),
        );
        // What does not fit a block falls back to something wider, and never to more than 16 bits.
        if let Some(more) = row.fallback_bits
            && [more.matrices, more.down, more.head].iter().any(|more| !(0.0..=8.0).contains(more))
        {
            wrong.push(format!("{}: falls back to {more:?} bits more", row.id));
        }
        if row.quality > 100 {
            wrong.push(format!("{}: a quality of {}", row.id, row.quality));
        }
    }
    for a in catalog.quants() {
        for b in catalog.quants() {
            let comparable = a.group == b.group && !matches!(a.group, QuantGroup::Ud | QuantGroup::Ternary);
            if comparable && a.bits_per_weight > b.bits_per_weight && a.quality < b.quality {
                wrong.push(format!("{}: more bits than {}, and said to be worse", a.id, b.id));
            }
        }
    }
    wrong
}

/// What is closer to the published weights is never said to lose more.
pub(super) fn quality_and_loss_agree(catalog: &Catalog) -> Vec<String> {
    let mut sorted: Vec<&QuantRow> = catalog.quants().iter().collect();
    sorted.sort_by_key(|row| (core::cmp::Reverse(row.quality), row.loss));
    let odd = sorted.windows(2).filter(|pair| pair[0].loss > pair[1].loss);
    odd.map(|pair| format!("{}: better than {}, and said to lose more", pair[0].id, pair[1].id)).collect()
}

pub(super) fn every_runtime_loads_something(catalog: &Catalog) -> Vec<String> {
    let loads = |runtime: &Runtime| catalog.quants().iter().any(|row| row.runtimes.contains(runtime));
    Runtime::ALL
        .iter()
        .filter(|runtime| !loads(runtime))
        .map(|runtime| format!("{} loads none", runtime.name()))
        .collect()
}

pub(super) fn workloads_are_complete(catalog: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for suite in catalog.suites() {
        for row in &suite.workload {
            let empty = row.prompt_tokens.is_empty() || row.streams.is_empty();
            let zero = row.prompt_tokens.iter().chain(&row.streams).chain([&row.output_tokens, &row.turns]);
            if empty || zero.into_iter().any(|count| *count == 0) {
                wrong.push(format!("{} {}: a count is missing or zero", suite.id, row.id));
            }
        }
    }
    wrong
}
