//! What people measured, put beside the estimates of a page.

use data::answer::Asked;
use data::medians;

use crate::view::{Card, HomeView, Measured};

/// Puts what was reported of each card's setup on the card.
pub fn measured(cards: &mut [Card], of: impl Fn(&Asked) -> Option<Measured>) {
    for card in cards {
        card.measured = of(&card.answer.setup);
    }
}

/// The same for all models on one machine, those of the chart among them.
pub fn measured_of_all(view: &mut HomeView, of: impl Fn(&Asked) -> Option<Measured>) {
    let Some(first) = view.cards.first() else { return };
    let mut setup = first.answer.setup.clone();
    for spot in &mut view.spots {
        (setup.model, setup.quant) = (spot.id.clone(), spot.quant.clone());
        spot.measured = of(&setup).filter(|by| by.decode_tps.is_some());
    }
    measured(&mut view.cards, of);
}

/// What was reported, by the index of a server.
#[cfg(feature = "full")]
pub fn in_index(index: &medians::MedianIndex) -> impl Fn(&Asked) -> Option<Measured> {
    |setup| {
        let cell = index.of(setup)?;
        Some(Measured { decode_tps: cell.decode_tps, count: cell.count, signed: cell.signed })
    }
}

/// What was reported, by the lines that a server sent to a browser.
pub fn in_lines(lines: &str) -> impl Fn(&Asked) -> Option<Measured> {
    |setup| {
        let (count, signed, decode_tps) = medians::in_lines(lines, setup)?;
        Some(Measured { decode_tps, count, signed })
    }
}
