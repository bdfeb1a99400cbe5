//! Leaving one device (or one model) out, refitting, and predicting it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::constants::{Figure, Group, Part};

use crate::features::Intensity;
use crate::fit::{FigureFit, Vote, fit_groups};
use crate::score::quantile;

/// What a fold leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A device with all its spellings and variants.
    Device,
    /// A model with all its quantisations.
    Model,
}

/// A held-out vote: how far it was from its prediction.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// The vote's place among the votes.
    pub vote: usize,
    /// Log of the predicted rate.
    pub middle: f64,
    /// Standard deviation that was expected of it.
    pub sd: f64,
}

fn fold_of(vote: &Vote<'_>, by: By) -> String {
    match by {
        By::Device => vote.row.device.fold.clone(),
        By::Model => vote.row.model_id.clone(),
    }
}

/// Predictions of all votes, each by a fit that has not seen its device (or model).
///
/// # Errors
///
/// As [`fit_groups`].
pub fn held_out(figure: Figure, votes: &[Vote<'_>], full: &FigureFit, by: By) -> Result<Vec<HeldOut>> {
    let folds: BTreeSet<String> = votes.iter().map(|vote| fold_of(vote, by)).collect();
    let mut held = Vec::with_capacity(votes.len());
    for fold in folds {
        let gone = votes.iter().filter(|vote| fold_of(vote, by) == fold);
        let touched: BTreeSet<Group> = gone.map(|vote| vote.row.group()).collect();
        let rest: Vec<Vote<'_>> = votes.iter().filter(|vote| fold_of(vote, by) != fold).cloned().collect();
        if rest.is_empty() {
            continue;
        }
        let fit = fit_groups(figure, &rest, Some(full), &touched)?;
        let parts = parts(&fit, &Intensity::new());
        for (place, vote) in votes.iter().enumerate().filter(|(_, vote)| fold_of(vote, by) == fold) {
            let part = parts.get(&vote.row.group()).unwrap_or(&parts[&Group::Any]);
            let effects = part.effects_of(&vote.row.facts());
            let mut seconds = 0.0;
            for (term, work) in &vote.work.terms {
                seconds += part.term(*term) * work;
            }
            // Known seconds already contain their own effects; these apply to the whole step, as in the fit.
            let middle = effects.value - libm::log(seconds + vote.work.fixed_s);
            held.push(HeldOut { vote: place, middle, sd: libm::sqrt(effects.variance) });
        }
    }
    held.sort_by_key(|held| held.vote);
    Ok(held)
}

/// The parts of a fit.
#[must_use]
pub fn parts(fit: &FigureFit, intensity: &Intensity) -> BTreeMap<Group, Part> {
    std::iter::once(&fit.any)
        .chain(fit.groups.values())
        .map(|fitting| (fitting.group, fitting.part(fit.figure, intensity)))
        .collect()
}

/// Votes that a group's own quantiles are as much trusted as those of all groups.
const PSEUDO_VOTES: f64 = 40.0;

/// Sets each part's interval so that it holds nine held-out votes in ten, one in twenty on either side.
///
/// `spread` holds for each held-out vote its group, its distance above the middle and the expected deviation.
pub fn set_intervals(parts: &mut BTreeMap<Group, Part>, spread: &[(Group, f64, f64)]) {
    let ends = |of: &dyn Fn(Group) -> bool| {
        let mut scaled: Vec<f64> =
            spread.iter().filter(|(group, ..)| of(*group)).map(|(_, off, sd)| off / sd).collect();
        let count = scaled.len() as f64;
        let low = -quantile(&mut scaled, 0.05);
        let high = quantile(&mut scaled, 0.95);
        (low, high, count)
    };
    let (all_low, all_high, _) = ends(&|_| true);
    for (group, part) in parts.iter_mut() {
        let (low, high, count) =
            if *group == Group::Any { (all_low, all_high, 1.0) } else { ends(&|g| g == *group) };
        let mix = |own: f64, all: f64| {
            if count == 0.0 { all } else { (own * count + all * PSEUDO_VOTES) / (count + PSEUDO_VOTES) }
        };
        part.low = crate::fit::rounded(mix(low, all_low).max(0.5));
        part.high = crate::fit::rounded(mix(high, all_high).max(0.5));
    }
}
