//! How speed goes with a card's power limit: one exponent for decode and one for prefill.

use data::constants::{Figure, Group, Term};
use estimator::HardwareClass;

use crate::clean::Reason;
use crate::extra::{Parts, decode_seconds, part_of, prompt_seconds};
use crate::features::Rates;
use crate::fitting::rounded;
use crate::observation::{Metric, Observation};
use crate::score::quantile;

/// A limit above this share of stock says too little about the exponent to count.
const FAR_ENOUGH: f64 = 0.85;

/// Fewer rows than this are no evidence.
const ENOUGH_ROWS: usize = 10;

/// The groups whose devices have a power limit of their own.
const CARDS: [Group; 4] = [Group::Nvidia, Group::Amd, Group::Intel, Group::Any];

/// Sets the exponent of `figure` in the parts of cards: the median over capped rows of log speed lost over log power lost.
///
/// A capped row enters no other fit, so the exponent is the whole of what it tells.
pub fn set_exponent(figure: Figure, parts: &mut Parts, rows: &[Observation]) {
    let metric = match figure {
        Figure::Decode => Metric::Decode,
        Figure::Prefill => Metric::Prefill,
        _ => return,
    };
    let mut exponents: Vec<f64> = rows
        .iter()
        .filter(|row| row.metric == metric && row.device.class == HardwareClass::DiscreteGpu)
        .filter(|row| row.power_share < FAR_ENOUGH && row.streams <= 1.0 && row.devices <= 1.0)
        .filter(|row| row.but([Reason::PowerCap]))
        .filter_map(|row| {
            let tokens = if metric == Metric::Prefill { row.setup.workload.new_tokens() } else { 1.0 };
            let unlimited = tokens / full_seconds(figure, parts, row);
            Some(libm::log(row.speed? / unlimited) / libm::log(row.power_share))
        })
        .collect();
    if exponents.len() < ENOUGH_ROWS {
        return;
    }
    let exponent = rounded(quantile(&mut exponents, 0.5).max(0.0));
    for group in CARDS {
        if let Some(part) = parts.get_mut(&group) {
            part.terms.insert(Term::Power, exponent);
        }
    }
}

/// Seconds that the row would take without its limit.
fn full_seconds(figure: Figure, parts: &Parts, row: &Observation) -> f64 {
    let part = part_of(parts, row);
    if figure == Figure::Decode {
        decode_seconds(part, row)
    } else {
        prompt_seconds(part, row, Rates::of(part))
    }
}
