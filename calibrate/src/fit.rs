//! One figure fitted: on all graphics together, and on each group that has devices enough to stand alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::constants::{Figure, Group, Part};

use crate::features::Rates;
use crate::fitting::{Fitting, fit_votes};
use crate::recipe::{Recipe, Recipes};
use crate::score::quantile;
use crate::shrinkage::Effort;
use crate::votes::{SOURCES, Vote, source_kind};

/// A figure's fits.
#[derive(Clone, Debug)]
pub struct FigureFit {
    /// Which figure.
    pub figure: Figure,
    /// All devices together, processors and phones aside.
    pub any: Fitting,
    /// Groups that stand alone.
    pub groups: BTreeMap<Group, Fitting>,
    /// How much wider the noise of each kind of source is than that of benchmark tools.
    scales: [f64; SOURCES],
}

impl FigureFit {
    /// The fit for a group's devices.
    #[must_use]
    pub fn serving(&self, group: Group) -> &Fitting {
        self.groups.get(&group).unwrap_or(&self.any)
    }

    /// What a group is fitted to: its own votes, or those of all graphics.
    pub(crate) fn votes_of<'o>(&self, group: Group, votes: &[Vote<'o>]) -> Vec<Vote<'o>> {
        let votes = weighed(votes, self.scales);
        match group {
            Group::Any => balanced(self.figure, &votes),
            _ => votes.into_iter().filter(|vote| vote.row.group() == group).collect(),
        }
    }

    /// A group fitted again to what [`FigureFit::votes_of`] gave, or to part of it, by another recipe.
    pub(crate) fn again(&self, group: Group, votes: &[Vote<'_>], recipe: Recipe) -> Result<Fitting> {
        match group {
            Group::Any => fit_votes(group, votes, recipe, None, Some(&self.any), FOLD_ANY),
            _ => {
                let parents = self.any.parents();
                let parents = Some(&parents).filter(|_| pooled(self.figure, group));
                fit_votes(group, votes, recipe, parents, self.groups.get(&group), FOLD)
            }
        }
    }

    /// The parts that are written, before their intervals are known.
    #[must_use]
    pub fn parts(&self, rates: Rates<'_>) -> BTreeMap<Group, Part> {
        let all = std::iter::once(&self.any).chain(self.groups.values());
        all.map(|fitting| (fitting.group, fitting.part(self.figure, rates))).collect()
    }
}

const FULL: Effort = Effort { rounds: 12, steps: 12 };
const FOLD: Effort = Effort { rounds: 1, steps: 4 };
const FOLD_ANY: Effort = Effort { rounds: 0, steps: 12 };

/// Measured devices that a group needs for a fit of its own, and cells that make a device a measured one.
const ENOUGH_DEVICES: usize = 8;
const ENOUGH_CELLS: usize = 3;

/// Processors and phones are too unlike graphics to be fitted with them.
fn pooled(figure: Figure, group: Group) -> bool {
    !matches!(figure, Figure::Decode | Figure::Prefill) || !matches!(group, Group::Cpu | Group::Mobile)
}

/// Groups that are fitted by themselves.
fn standing_alone(figure: Figure, votes: &[Vote<'_>]) -> BTreeSet<Group> {
    let mut cells: BTreeMap<(Group, &str), usize> = BTreeMap::new();
    for vote in votes.iter().filter(|vote| source_kind(vote.row) == 0) {
        *cells.entry((vote.row.group(), &vote.row.device.key)).or_default() += 1;
    }
    let mut devices: BTreeMap<Group, usize> = BTreeMap::new();
    for ((group, _), count) in cells {
        *devices.entry(group).or_default() += usize::from(count >= ENOUGH_CELLS);
    }
    let all: BTreeSet<Group> = votes.iter().map(|vote| vote.row.group()).collect();
    let enough = |group: &Group| devices.get(group).is_some_and(|count| *count >= ENOUGH_DEVICES);
    let figures = matches!(figure, Figure::Decode | Figure::Prefill);
    all.into_iter().filter(|group| !pooled(figure, *group) || (figures && enough(group))).collect()
}

/// Fits a figure on `votes`.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn fit_figure(figure: Figure, votes: &[Vote<'_>], recipes: &Recipes) -> Result<FigureFit> {
    let groups: BTreeSet<Group> = votes.iter().map(|vote| vote.row.group()).collect();
    let first = fit_scaled(figure, votes, None, &groups, [1.0; SOURCES], recipes)?;
    let scales = scales(votes, &first);
    fit_scaled(figure, votes, None, &groups, scales, recipes)
}

/// Fits again on part of the votes, from where `last` ended; of the groups that stand alone only the `wanted` ones.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn fit_fold(
    figure: Figure,
    votes: &[Vote<'_>],
    last: &FigureFit,
    wanted: &BTreeSet<Group>,
    recipes: &Recipes,
) -> Result<FigureFit> {
    fit_scaled(figure, votes, Some(last), wanted, last.scales, recipes)
}

/// How much a row of each kind may count at most, by [`source_kind`]: what a device can do is learnt from benchmark
/// tools, and the others tell how they differ from them. Processors were hardly measured otherwise.
const SAY: [f64; SOURCES] = [1.0, 0.05, 0.02, 0.2];

/// Noise by kind of source: the kind's own residuals over those of benchmark tools.
fn scales(votes: &[Vote<'_>], fit: &FigureFit) -> [f64; SOURCES] {
    let mut squares: [Vec<f64>; SOURCES] = Default::default();
    for fitting in std::iter::once(&fit.any).chain(fit.groups.values()) {
        let own = votes.iter().filter(|vote| match fitting.group {
            Group::Any => pooled(fit.figure, vote.row.group()),
            group => vote.row.group() == group,
        });
        for (vote, row) in own.zip(&fitting.problem.rows) {
            let off = row.log_speed - fitting.problem.predict(row, fitting.solution.params.as_slice());
            if fit.serving(vote.row.group()).group == fitting.group {
                squares[source_kind(vote.row)].push(off * off);
            }
        }
    }
    let medians = squares.map(|mut squares| quantile(&mut squares, 0.5));
    let ratio = |median: f64| libm::sqrt(median / medians[0]).max(1.0);
    medians.map(|median| if median > 0.0 && medians[0] > 0.0 { ratio(median) } else { 1.0 })
}

/// Votes with the weight and noise of their kind of source.
fn weighed<'o>(votes: &[Vote<'o>], scales: [f64; SOURCES]) -> Vec<Vote<'o>> {
    let mut votes = votes.to_vec();
    for vote in &mut votes {
        let kind = source_kind(vote.row);
        let say = if matches!(vote.row.group(), Group::Cpu | Group::Mobile) { 1.0 } else { SAY[kind] };
        vote.weight *= say;
        vote.scale = scales[kind];
    }
    votes
}

/// The votes of graphics, groups together counting with the root of their weight.
fn balanced<'o>(figure: Figure, votes: &[Vote<'o>]) -> Vec<Vote<'o>> {
    let graphics = votes.iter().filter(|vote| pooled(figure, vote.row.group()));
    let mut balanced: Vec<Vote<'o>> = graphics.cloned().collect();
    let mut sums: BTreeMap<Group, f64> = BTreeMap::new();
    for vote in &balanced {
        *sums.entry(vote.row.group()).or_default() += vote.weight;
    }
    for vote in &mut balanced {
        vote.weight /= libm::sqrt(sums[&vote.row.group()]);
    }
    balanced
}

fn fit_scaled(
    figure: Figure,
    votes: &[Vote<'_>],
    last: Option<&FigureFit>,
    wanted: &BTreeSet<Group>,
    scales: [f64; SOURCES],
    recipes: &Recipes,
) -> Result<FigureFit> {
    let votes = weighed(votes, scales);
    let any = match last {
        // A fold of processors leaves out nothing that the graphics' fit has seen.
        Some(last) if !wanted.iter().any(|group| pooled(figure, *group)) => last.any.clone(),
        _ => {
            let balanced = balanced(figure, &votes);
            let (before, effort) = (last.map(|last| &last.any), if last.is_some() { FOLD_ANY } else { FULL });
            fit_votes(Group::Any, &balanced, recipes[&Group::Any].clone(), None, before, effort)?
        }
    };
    let parents = any.parents();
    let effort = if last.is_some() { FOLD } else { FULL };
    let mut groups = BTreeMap::new();
    for group in standing_alone(figure, &votes).into_iter().filter(|group| wanted.contains(group)) {
        let own: Vec<Vote<'_>> = votes.iter().filter(|vote| vote.row.group() == group).cloned().collect();
        let before = last.and_then(|last| last.groups.get(&group));
        let recipe = recipes[&group].clone();
        // What a quantisation costs processors is told by their instructions, not by graphics.
        let parents = Some(&parents).filter(|_| pooled(figure, group));
        groups.insert(group, fit_votes(group, &own, recipe, parents, before, effort)?);
    }
    Ok(FigureFit { figure, any, groups, scales })
}
