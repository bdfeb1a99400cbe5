//! Leaving one device (or one model) out, refitting, and predicting it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::constants::{Group, Part};

use crate::chunks::in_order;
use crate::features::Rates;
use crate::fit::{FigureFit, fit_fold};
use crate::recipe::Recipes;
use crate::score::weighted_quantile;
use crate::votes::Vote;

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

/// What a fold leaves out with a vote.
#[must_use]
pub fn fold_of(vote: &Vote<'_>, by: By) -> String {
    match by {
        By::Device => vote.row.device.fold.clone(),
        By::Model => vote.row.model_id.clone(),
    }
}

/// A vote's log rate by a part, and the standard deviation that is expected of it.
#[must_use]
pub fn predict(part: &Part, vote: &Vote<'_>) -> (f64, f64) {
    let effects = part.effects_of(&vote.row.facts());
    let mut seconds = 0.0;
    for (term, work) in vote.work.terms.iter().filter(|(_, work)| **work > 0.0) {
        seconds += part.term(*term) * effects.slower(*term) * work;
    }
    // Known seconds already contain their own effects; these apply to the whole step, as in the fit.
    let fixed_s = vote.work.fixed_s * libm::exp(-effects.value);
    (-libm::log(vote.work.bounded(seconds, fixed_s)), libm::sqrt(effects.variance))
}

/// Predictions of votes, each by a fit that has not seen its device (or model), with the recipes that were chosen
/// without it. Only folds of the groups in `of` are left out, where it names any.
///
/// # Errors
///
/// As [`fit_fold`].
pub fn held_out(
    votes: &[Vote<'_>],
    full: &FigureFit,
    by: By,
    of: &[Group],
    recipes_without: impl Fn(&str) -> Recipes + Sync,
) -> Result<Vec<HeldOut>> {
    let asked = |vote: &&Vote<'_>| of.is_empty() || of.contains(&vote.row.group());
    let folds: BTreeSet<String> = votes.iter().filter(asked).map(|vote| fold_of(vote, by)).collect();
    let folds: Vec<String> = folds.into_iter().collect();
    let predicted = in_order(&folds, |fold| -> Result<Vec<HeldOut>> {
        let gone = votes.iter().filter(|vote| fold_of(vote, by) == *fold);
        let touched: BTreeSet<Group> = gone.map(|vote| vote.row.group()).collect();
        let rest: Vec<Vote<'_>> = votes.iter().filter(|vote| fold_of(vote, by) != *fold).cloned().collect();
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        let fit = fit_fold(full.figure, &rest, full, &touched, &recipes_without(fold))?;
        let none = litemap::LiteMap::new();
        let parts = fit.parts(Rates { flop_per_byte: &none, picojoules: 0.0 });
        let held = votes.iter().enumerate().filter(|(_, vote)| asked(vote) && fold_of(vote, by) == *fold);
        let held = held.map(|(place, vote)| {
            let (middle, sd) = predict(parts.get(&vote.row.group()).unwrap_or(&parts[&Group::Any]), vote);
            HeldOut { vote: place, middle, sd }
        });
        Ok(held.collect())
    });
    let mut held: Vec<HeldOut> =
        predicted.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    held.sort_by_key(|held| held.vote);
    Ok(held)
}

/// Votes that a group's own quantiles are as much trusted as those of all groups.
const PSEUDO_VOTES: f64 = 40.0;

/// A held-out vote as intervals are set by it.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Its devices.
    pub group: Group,
    /// What kind of source it is of.
    pub kind: usize,
    /// How far it was above its prediction, in natural logs.
    pub off: f64,
    /// The deviation that was expected of it.
    pub sd: f64,
}

/// Sets each part's interval so that it holds nine held-out votes in ten, one in twenty on either side.
///
/// Kinds of sources count with the root of their votes together: where one program made most rows of a group, a range shall
/// hold others' rows too.
pub fn set_intervals(parts: &mut BTreeMap<Group, Part>, spread: &[Spread]) {
    let mut votes_of: BTreeMap<(Group, usize), f64> = BTreeMap::new();
    for vote in spread {
        *votes_of.entry((vote.group, vote.kind)).or_default() += 1.0;
    }
    let ends = |of: &dyn Fn(Group) -> bool| {
        let within = || spread.iter().filter(|vote| of(vote.group));
        let weight = |vote: &Spread| 1.0 / libm::sqrt(votes_of[&(vote.group, vote.kind)]);
        let mut scaled: Vec<(f64, f64)> = within().map(|vote| (vote.off / vote.sd, weight(vote))).collect();
        let low = -weighted_quantile(&mut scaled, 0.05);
        let high = weighted_quantile(&mut scaled, 0.95);
        (low, high, within().count() as f64)
    };
    let (all_low, all_high, _) = ends(&|_| true);
    let of = |group: Group| {
        let (low, high, count) = ends(&|other| other == group);
        let mix = |own: f64, all: f64| {
            let mixed =
                if count == 0.0 { all } else { (own * count + all * PSEUDO_VOTES) / (count + PSEUDO_VOTES) };
            crate::fitting::rounded(mixed.max(0.5))
        };
        [mix(low, all_low), mix(high, all_high)]
    };
    let served: BTreeSet<Group> = spread.iter().map(|vote| vote.group).collect();
    let alone: BTreeSet<Group> = parts.keys().copied().collect();
    for (group, part) in parts.iter_mut() {
        [part.low, part.high] = of(*group);
        if *group == Group::Any {
            part.ends = served.difference(&alone).map(|group| (*group, of(*group))).collect();
        }
    }
}
