//! Which effects pay out of sample, chosen by rows that the choice is not judged by.
//!
//! An effect goes where devices (or models) that a fit has not seen are predicted better without it. That
//! choice is itself fitted to data, so it is made again for every part of the devices that is left out: what a fold
//! predicts has neither been fitted to nor chosen by. Constants are fitted with what all rows together choose.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::constants::{Figure, Group};
use data::fnv::{FNV, fnv1a};

use crate::chunks::in_order;
use crate::features::Rates;
use crate::fit::{FigureFit, fit_fold};
use crate::folds::{By, fold_of, predict};
use crate::recipe::{On, Recipe, Recipes, must_pay, recipes};
use crate::votes::{Vote, source_kind};

/// Parts of the devices that are left out together, each with a choice of its own.
pub const PARTS: usize = 5;

/// Parts of the rest that tell what pays.
const INNER: usize = 4;

/// An effect goes where errors fall without it by more than this many standard errors over what was left out. Shrinkage
/// keeps what tells nothing near zero by itself; choosing by less than that follows noise, and costs more than it gains.
const BEYOND_NOISE: f64 = 2.0;

/// No vote counts for more than this, in natural logs: one odd machine does not choose.
const MOST: f64 = 0.7;

/// What leaving one effect out did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The effect.
    pub on: On,
    /// By how much held-out errors are larger without it, in natural logs: below zero where it does harm.
    pub gain: f64,
    /// Whether it was kept.
    pub kept: bool,
}

/// What a group keeps.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The group.
    pub group: Group,
    /// What is left of its recipe.
    pub recipe: Recipe,
    /// What was tried, in order.
    pub trials: Vec<Trial>,
}

/// Choices made on all rows, and without each part of them.
#[derive(Clone, Debug)]
pub struct Selection {
    /// On all rows.
    pub all: Vec<Choice>,
    /// Without each part.
    pub parts: Vec<Vec<Choice>>,
    part_of: BTreeMap<String, usize>,
    figure: Figure,
}

impl Selection {
    /// The recipes that all rows choose.
    #[must_use]
    pub fn recipes(&self) -> Recipes {
        chosen(self.figure, &self.all)
    }

    /// The recipes that were chosen without what a fold leaves out.
    #[must_use]
    pub fn recipes_without(&self, fold: &str) -> Recipes {
        let part = self.part_of.get(fold).and_then(|part| self.parts.get(*part));
        part.map_or_else(|| self.recipes(), |choices| chosen(self.figure, choices))
    }

    /// In how many parts' choices a group kept an effect.
    #[must_use]
    pub fn times_kept(&self, group: Group, on: On) -> usize {
        let keeps = |choices: &&Vec<Choice>| {
            choices.iter().any(|choice| choice.group == group && choice.recipe.effects.contains(&on))
        };
        self.parts.iter().filter(keeps).count()
    }
}

fn chosen(figure: Figure, choices: &[Choice]) -> Recipes {
    let mut recipes = recipes(figure);
    for choice in choices {
        recipes.insert(choice.group, choice.recipe.clone());
    }
    recipes
}

/// Deals names out to parts. A name's part is its own, whatever else was measured: one row more must not deal all devices
/// anew, and choose other effects by that.
fn dealt<'v>(votes: impl Iterator<Item = &'v Vote<'v>>, by: By, parts: usize) -> BTreeMap<String, usize> {
    let names = votes.map(|vote| fold_of(vote, by));
    names
        .map(|name| {
            let part = part_of(&name, parts);
            (name, part)
        })
        .collect()
}

/// FNV-1a of a name, over so many parts.
fn part_of(name: &str, parts: usize) -> usize {
    ((fnv1a(FNV, name.bytes()) >> 32) % parts as u64) as usize
}

/// Chooses effects on all votes and without each part of them. `full` is the fit with every effect.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn select(figure: Figure, votes: &[Vote<'_>], full: &FigureFit, by: By) -> Result<Selection> {
    let part_of = dealt(votes.iter(), by, PARTS);
    let groups: BTreeSet<Group> = votes.iter().map(|vote| vote.row.group()).collect();
    let tasks: Vec<Option<usize>> = std::iter::once(None).chain((0..PARTS).map(Some)).collect();
    let made = in_order(&tasks, |part| -> Result<Vec<Choice>> {
        let Some(part) = part else { return choose(votes, full, by) };
        let stays = |vote: &&Vote<'_>| part_of[&fold_of(vote, by)] != *part;
        let rest: Vec<Vote<'_>> = votes.iter().filter(stays).cloned().collect();
        if rest.is_empty() {
            return choose(votes, full, by);
        }
        choose(&rest, &fit_fold(figure, &rest, full, &groups, &recipes(figure))?, by)
    });
    let mut made = made.into_iter();
    let all = made.next().unwrap_or_else(|| Ok(Vec::new()))?;
    let parts = made.collect::<Result<Vec<_>>>()?;
    Ok(Selection { all, parts, part_of, figure })
}

/// Mean absolute error of a group's votes with every effect, devices left out in turn, in natural logs.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn held_out_error(group: Group, votes: &[Vote<'_>], fit: &FigureFit) -> Result<f64> {
    let group = fit.serving(group).group;
    let own = fit.votes_of(group, votes);
    let errors = Judge::new(group, &own, fit, By::Device).errors(&recipes(fit.figure)[&group])?;
    Ok(errors.values().sum())
}

/// One pass over each group's effects, from the last to the first: what does not pay goes.
fn choose(votes: &[Vote<'_>], fit: &FigureFit, by: By) -> Result<Vec<Choice>> {
    let groups = std::iter::once(Group::Any).chain(fit.groups.keys().copied());
    groups.map(|group| choose_for(group, votes, fit, by)).collect()
}

fn choose_for(group: Group, votes: &[Vote<'_>], fit: &FigureFit, by: By) -> Result<Choice> {
    let own = fit.votes_of(group, votes);
    let judge = Judge::new(group, &own, fit, by);
    let mut recipe = recipes(fit.figure)[&group].clone();
    let mut trials = Vec::new();
    let mut errors = judge.errors(&recipe)?;
    for on in recipe.effects.clone().into_iter().rev().filter(|on| must_pay(*on)) {
        let without = recipe.without(on);
        let others = judge.errors(&without)?;
        let (gain, noise) = difference(&errors, &others);
        let kept = gain >= -BEYOND_NOISE * noise && gain != 0.0;
        trials.push(Trial { on, gain, kept });
        if !kept {
            (recipe, errors) = (without, others);
        }
    }
    Ok(Choice { group, recipe, trials })
}

/// What each left-out device (or model) adds to the mean error.
type Errors = BTreeMap<String, f64>;

/// By how much the second mean is above the first, and the standard error of that over what was left out.
fn difference(first: &Errors, second: &Errors) -> (f64, f64) {
    let offs: Vec<f64> =
        first.iter().map(|(name, error)| second.get(name).unwrap_or(error) - error).collect();
    let count = offs.len() as f64;
    let sum: f64 = offs.iter().sum();
    let square: f64 = offs.iter().map(|off| (off - sum / count) * (off - sum / count)).sum();
    (sum, libm::sqrt(square * count / (count - 1.0).max(1.0)))
}

/// Tells how well a recipe predicts what it was not fitted to.
struct Judge<'j, 'o> {
    group: Group,
    votes: &'j [Vote<'o>],
    fit: &'j FigureFit,
    names: Vec<String>,
    part_of: Vec<Option<usize>>,
}

impl<'j, 'o> Judge<'j, 'o> {
    fn new(group: Group, votes: &'j [Vote<'o>], fit: &'j FigureFit, by: By) -> Self {
        let judged = |vote: &&Vote<'_>| {
            let quiet = source_kind(vote.row) == 0 || matches!(vote.row.group(), Group::Cpu | Group::Mobile);
            quiet && fit.serving(vote.row.group()).group == group
        };
        let parts = dealt(votes.iter().filter(judged), by, INNER);
        let part_of = votes.iter().map(|vote| judged(&vote).then(|| parts[&fold_of(vote, by)]));
        let names = votes.iter().map(|vote| fold_of(vote, by)).collect();
        Judge { group, votes, fit, names, part_of: part_of.collect() }
    }

    /// Mean absolute error of held-out votes, in natural logs, by what was left out.
    fn errors(&self, recipe: &Recipe) -> Result<Errors> {
        let none = litemap::LiteMap::new();
        let (mut sums, mut weights) = (Errors::new(), 0.0);
        for part in 0..INNER {
            let left_out = |place: usize| self.part_of[place] == Some(part);
            let places = 0..self.votes.len();
            let rest: Vec<Vote<'_>> = places
                .clone()
                .filter(|place| !left_out(*place))
                .map(|place| self.votes[place].clone())
                .collect();
            if rest.is_empty() || !places.clone().any(left_out) {
                continue;
            }
            let fitting = self.fit.again(self.group, &rest, recipe.clone())?;
            let fitted = fitting.part(self.fit.figure, Rates { flop_per_byte: &none, picojoules: 0.0 });
            for place in places.filter(|place| left_out(*place)) {
                let vote = &self.votes[place];
                let off = (vote.log_speed - predict(&fitted, vote).0).abs();
                *sums.entry(self.names[place].clone()).or_default() += vote.weight * off.min(MOST);
                weights += vote.weight;
            }
        }
        sums.values_mut().for_each(|sum| *sum /= weights);
        Ok(sums)
    }
}
