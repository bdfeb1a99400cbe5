//! What people measured, put beside the estimates of a page.

use data::medians::MedianIndex;
use data::submission::MedianCell;

use crate::view::{Card, Measured};

/// Puts what was reported of each card's setup on the card.
pub fn measured(cards: &mut [Card], medians: &MedianIndex) {
    if medians.is_empty() {
        return;
    }
    for card in cards {
        card.measured = medians.of(&card.answer).map(note);
    }
}

/// What was reported of the setup of one answer.
#[cfg(feature = "full")]
#[must_use]
pub fn measured_of(answer: &data::answer::Answer, medians: &MedianIndex) -> Option<Measured> {
    medians.of(answer).map(note)
}

fn note(cell: &MedianCell) -> Measured {
    Measured { decode_tps: cell.decode_tps, count: cell.count, signed: cell.signed }
}
