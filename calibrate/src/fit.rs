//! One figure fitted: on all graphics together, and on each group that has devices enough to stand alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::constants::{Figure, Group, Part};

use crate::features::Rates;
use crate::fitting::{Fitting, fit_votes};
use crate::recipe::recipe;
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
    /// How much a row of each kind of source counts.
    trust: [f64; SOURCES],
}

impl FigureFit {
    /// The fit for a group's devices.
    #[must_use]
    pub fn serving(&self, group: Group) -> &Fitting {
        self.groups.get(&group).unwrap_or(&self.any)
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
pub fn fit_figure(figure: Figure, votes: &[Vote<'_>]) -> Result<FigureFit> {
    let groups: BTreeSet<Group> = votes.iter().map(|vote| vote.row.group()).collect();
    let first = fit_trusted(figure, votes, None, &groups, [1.0; SOURCES])?;
    let trust = trust(votes, &first);
    fit_trusted(figure, votes, None, &groups, trust)
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
) -> Result<FigureFit> {
    fit_trusted(figure, votes, Some(last), wanted, last.trust)
}

/// How much a row of each kind may count at most, by [`source_kind`]: what a device can do is learnt from benchmark
/// tools, and the others tell how they differ from them. Processors were hardly measured otherwise.
const SAY: [f64; SOURCES] = [1.0, 0.05, 0.02, 0.2];

/// Weights by kind of source: the variance of benchmark tools' residuals over the kind's own.
fn trust(votes: &[Vote<'_>], fit: &FigureFit) -> [f64; SOURCES] {
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
    medians.map(|median| if median > 0.0 && medians[0] > 0.0 { (medians[0] / median).min(1.0) } else { 1.0 })
}

fn fit_trusted(
    figure: Figure,
    votes: &[Vote<'_>],
    last: Option<&FigureFit>,
    wanted: &BTreeSet<Group>,
    trust: [f64; SOURCES],
) -> Result<FigureFit> {
    let mut votes = votes.to_vec();
    let mut sums: BTreeMap<Group, f64> = BTreeMap::new();
    for vote in &mut votes {
        let kind = source_kind(vote.row);
        let say = if matches!(vote.row.group(), Group::Cpu | Group::Mobile) { 1.0 } else { SAY[kind] };
        vote.weight *= trust[kind] * say;
        *sums.entry(vote.row.group()).or_default() += vote.weight;
    }
    let any = match last {
        // A fold of processors leaves out nothing that the graphics' fit has seen.
        Some(last) if !wanted.iter().any(|group| pooled(figure, *group)) => last.any.clone(),
        _ => {
            let graphics = votes.iter().filter(|vote| pooled(figure, vote.row.group()));
            let mut balanced: Vec<Vote<'_>> = graphics.cloned().collect();
            for vote in &mut balanced {
                vote.weight /= libm::sqrt(sums[&vote.row.group()]);
            }
            let (before, effort) = (last.map(|last| &last.any), if last.is_some() { FOLD_ANY } else { FULL });
            fit_votes(Group::Any, &balanced, recipe(figure, Group::Any), None, before, effort)?
        }
    };
    let parents = any.parents();
    let effort = if last.is_some() { FOLD } else { FULL };
    let mut groups = BTreeMap::new();
    for group in standing_alone(figure, &votes).into_iter().filter(|group| wanted.contains(group)) {
        let own: Vec<Vote<'_>> = votes.iter().filter(|vote| vote.row.group() == group).cloned().collect();
        let before = last.and_then(|last| last.groups.get(&group));
        groups.insert(group, fit_votes(group, &own, recipe(figure, group), Some(&parents), before, effort)?);
    }
    Ok(FigureFit { figure, any, groups, trust })
}
