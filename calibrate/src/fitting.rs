//! One fit: votes and a recipe become a problem, and its solution a part of the constants.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use data::constants::{Effect, Factor, Facts, Figure, Group, Level, Part};
use nalgebra::DVector;

use crate::features::Rates;
use crate::problem::{Block, NO_LEVEL, Problem, Row};
use crate::recipe::{On, Recipe, shared};
use crate::score::quantile;
use crate::shrinkage::{Effort, fit};
use crate::solve::Solution;
use crate::votes::{Vote, source_kind, speaks_for};

/// Degrees of freedom of the noise: published rows have heavy tails, since much is not stated.
const FREEDOM: f64 = 2.0;

/// A fitted group, with all that a later fit or a fold starts from.
#[derive(Clone, Debug)]
pub struct Fitting {
    /// Which devices.
    pub group: Group,
    recipe: Recipe,
    levels: Vec<BTreeMap<String, usize>>,
    pub(crate) problem: Problem,
    pub(crate) solution: Solution,
    rows: u32,
    devices: u32,
    counts: Vec<u32>,
    /// Of each level, whether it says of all processors what only one of them was measured to do.
    lone: Vec<bool>,
    excess: Vec<f64>,
}

/// What a group's shared effects are drawn around: another fit's values.
#[derive(Clone, Debug)]
pub(crate) struct Parents {
    levels: BTreeMap<On, BTreeMap<String, f64>>,
}

impl Fitting {
    pub(crate) fn parents(&self) -> Parents {
        let levels = self.recipe.effects.iter().enumerate().filter(|(_, on)| shared(**on));
        let offset = self.problem.terms();
        Parents {
            levels: levels
                .map(|(place, on)| {
                    let values = self.levels[place].iter();
                    (
                        *on,
                        values.map(|(name, at)| (name.clone(), self.solution.params[offset + at])).collect(),
                    )
                })
                .collect(),
        }
    }

    /// Noise of one vote, in natural logs.
    #[must_use]
    pub fn noise_sd(&self) -> f64 {
        libm::sqrt(self.problem.noise)
    }

    /// The part that is written, before its intervals are known.
    #[must_use]
    pub fn part(&self, figure: Figure, rates: Rates<'_>) -> Part {
        let offset = self.problem.terms();
        let effects = self.recipe.effects.iter().enumerate().map(|(place, on)| {
            let names = self.levels[place].iter();
            let sd = libm::sqrt(self.problem.blocks[place].variance);
            Effect {
                factor: on.factor,
                term: on.term,
                sd: rounded(sd),
                levels: names
                    .filter(|(_, at)| !self.lone[**at])
                    .map(|(name, at)| {
                        let value = self.solution.params[offset + at];
                        let sd = libm::sqrt(self.solution.variances[offset + at] + self.excess[*at]);
                        (name.clone(), Level(rounded(value) as f32, rounded(sd) as f32, self.counts[*at]))
                    })
                    .collect(),
            }
        });
        let terms = self.recipe.terms.iter().enumerate();
        Part {
            figure,
            group: self.group,
            rows: self.rows,
            devices: self.devices,
            noise_sd: rounded(self.noise_sd()),
            low: 1.645,
            high: 1.645,
            ends: litemap::LiteMap::new(),
            terms: terms
                .map(|(index, (term, _))| (*term, rounded(libm::exp(self.solution.params[index]))))
                .collect(),
            picojoules: if figure == Figure::Prefill { rates.picojoules } else { 0.0 },
            flop_per_byte: match (figure, self.group) {
                (Figure::Prefill, _) => rates.flop_per_byte.clone(),
                (Figure::Decode, Group::Cpu) => {
                    let name = Group::Cpu.name();
                    let own = rates.flop_per_byte.get(name).copied();
                    own.into_iter().map(|ratio| (name.to_owned(), ratio)).collect()
                }
                _ => litemap::LiteMap::new(),
            },
            effects: effects.collect(),
        }
    }
}

/// A number with six significant digits.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Fits `votes` by `recipe`, around `parents` where there are any, from where `last` ended.
pub(crate) fn fit_votes(
    group: Group,
    votes: &[Vote<'_>],
    recipe: Recipe,
    parents: Option<&Parents>,
    last: Option<&Fitting>,
    effort: Effort,
) -> Result<Fitting> {
    let facts: Vec<Facts<'_>> = votes.iter().map(|vote| vote.row.facts()).collect();
    let mut levels: Vec<BTreeMap<String, usize>> = Vec::new();
    let mut blocks = Vec::new();
    let mut means = Vec::new();
    for on in &recipe.effects {
        let mut names: BTreeSet<String> =
            speaking(votes, &facts, *on).map(std::borrow::Cow::into_owned).collect();
        let parent = parents.and_then(|parents| parents.levels.get(on));
        let driven_here = |name: &&String| {
            !matches!(on.factor, Factor::BackendFamily | Factor::BackendPeriod)
                || facts.iter().any(|facts| name.split('|').next() == Some(facts.backend.name()))
        };
        names.extend(parent.into_iter().flat_map(BTreeMap::keys).filter(driven_here).cloned());
        let start = means.len();
        for name in &names {
            means.push(parent.and_then(|values| values.get(name)).copied().unwrap_or(0.0));
        }
        levels.push(names.into_iter().enumerate().map(|(at, name)| (name, start + at)).collect());
        let term = on.term.and_then(|term| recipe.terms.iter().position(|(other, _)| *other == term));
        blocks.push(Block { start, len: means.len() - start, variance: 0.02, term });
    }
    let mut counts = vec![0; means.len()];
    let mut level_devices = vec![BTreeSet::new(); means.len()];
    let mut devices = BTreeSet::new();
    let quiet = votes.iter().filter(|vote| source_kind(vote.row) == 0).count();
    let all_noisy = quiet * 4 < votes.len();
    // A weight of 1 is one measurement by a benchmark tool, wherever there are such.
    let counted = || votes.iter().filter(|vote| all_noisy || source_kind(vote.row) == 0);
    let unit = counted().count() as f64 / counted().map(|vote| vote.weight).sum::<f64>().max(1e-9);
    let mut rows = Vec::with_capacity(votes.len());
    for (vote, facts) in votes.iter().zip(&facts) {
        let mut row = Row {
            weight: vote.weight * unit,
            fixed_s: vote.work.fixed_s,
            scale: vote.scale,
            tells_noise: all_noisy || source_kind(vote.row) == 0,
            ..Row::of(vote.log_speed)
        };
        for (index, (term, _)) in recipe.terms.iter().enumerate() {
            row.work[index] = vote.work.terms.get(term).copied().unwrap_or(0.0);
        }
        for (place, on) in recipe.effects.iter().enumerate() {
            if !speaks(vote, *on) {
                continue;
            }
            let level = facts.level(on.factor).and_then(|name| levels[place].get(name.as_ref()));
            if let Some(level) = level {
                row.levels[place] = *level as u32;
                counts[*level] += vote.rows;
                level_devices[*level].insert(facts.device.to_owned());
            }
        }
        devices.insert(facts.device.to_owned());
        rows.push(row);
    }
    let priors = recipe.terms.iter().map(|(_, prior)| *prior).collect();
    let mut problem = Problem { rows, priors, blocks, means, noise: 0.02, freedom: FREEDOM };
    let mut start = problem.start();
    if let Some(last) = last {
        warm(&mut problem, &mut start, &recipe, &levels, last);
    }
    let solution = fit(&mut problem, start, effort).map_err(|error| anyhow!("{}: {error}", group.name()))?;
    let mut scatter = vec![0.0; problem.means.len()];
    for (place, on) in recipe.effects.iter().enumerate() {
        if matches!(on.factor, Factor::Runtime | Factor::Origin) && on.term.is_none() {
            let Block { start, len, .. } = problem.blocks[place];
            let own = excess(&problem, solution.params.as_slice(), place, len, start);
            scatter[start..start + len].copy_from_slice(&own);
        }
    }
    // Processors differ more from each other than one maker's cards do.
    let mut lone = vec![false; problem.means.len()];
    for (place, _) in recipe.effects.iter().enumerate().filter(|(_, on)| on.factor == Factor::Group) {
        if let Some(level) = levels[place].get(Group::Cpu.name()) {
            lone[*level] = level_devices[*level].len() == 1;
        }
    }
    Ok(Fitting {
        group,
        lone,
        excess: scatter,
        recipe,
        levels,
        rows: votes.iter().map(|vote| vote.rows).sum(),
        devices: devices.len() as u32,
        problem,
        solution,
        counts,
    })
}

/// Whether a vote tells about levels of this effect: its row does, and the effect's term is part of its time.
fn speaks(vote: &Vote<'_>, on: On) -> bool {
    let takes_time = |term| vote.work.terms.get(&term).is_some_and(|work| *work > 0.0);
    speaks_for(vote.row, on.factor) && on.term.is_none_or(takes_time)
}

/// Levels of an effect among the votes that tell about it.
fn speaking<'f>(
    votes: &'f [Vote<'_>],
    facts: &'f [Facts<'f>],
    on: On,
) -> impl Iterator<Item = std::borrow::Cow<'f, str>> {
    let pairs = votes.iter().zip(facts).filter(move |(vote, _)| speaks(vote, on));
    pairs.filter_map(move |(_, facts)| facts.level(on.factor))
}

/// How much more one row of a runtime or origin scatters than the fit's noise, in squared logs.
fn excess(problem: &Problem, params: &[f64], place: usize, len: usize, start: usize) -> Vec<f64> {
    let mut squares: Vec<Vec<f64>> = vec![Vec::new(); len];
    for row in &problem.rows {
        let level = row.levels[place];
        if level != NO_LEVEL {
            let off = row.log_speed - problem.predict(row, params);
            squares[level as usize - start].push(off * off);
        }
    }
    // The median of a squared normal is 0.455 of its variance.
    let scatter =
        |squares: &mut Vec<f64>| if squares.len() < 3 { 0.0 } else { quantile(squares, 0.5) / 0.455 };
    squares.iter_mut().map(|squares| (scatter(squares) - problem.noise).max(0.0)).collect()
}

/// Starts from where a fit of nearly the same votes ended.
fn warm(
    problem: &mut Problem,
    start: &mut DVector<f64>,
    recipe: &Recipe,
    levels: &[BTreeMap<String, usize>],
    last: &Fitting,
) {
    problem.noise = last.problem.noise;
    let terms = problem.terms();
    for index in 0..terms {
        start[index] = last.solution.params[index];
    }
    for (place, on) in recipe.effects.iter().enumerate() {
        let Some(there) = last.recipe.effects.iter().position(|other| other == on) else { continue };
        problem.blocks[place].variance = last.problem.blocks[there].variance;
        for (name, at) in &levels[place] {
            if let Some(value) = last.levels[there].get(name) {
                start[terms + at] = last.solution.params[terms + value];
            }
        }
    }
}
