//! One figure fitted: on all devices together first, then on each group with those values as its parents.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use data::constants::{Effect, Factor, Facts, Figure, Group, Level, Part, Term};
use nalgebra::DVector;

use crate::clean::Reason;
use crate::features::Intensity;
use crate::observation::{Metric, Observation};
use crate::problem::{Block, MAX_EFFECTS, MAX_TERMS, NO_LEVEL, Prior, Problem, Row};
use crate::recipe::{GROUP_SD, Recipe, recipe, shared};
use crate::score::quantile;
use crate::shrinkage::{Effort, fit};
use crate::solve::Solution;

/// A vote: rows of one cell, as one.
#[derive(Clone, Debug)]
pub struct Vote<'o> {
    /// The cell's first row, which stands for all of them.
    pub row: &'o Observation,
    /// Median log of the measured speed: steps a second for decode, prompts a second for prefill.
    pub log_speed: f64,
    /// Rows in the cell.
    pub rows: u32,
    /// How much it counts.
    pub weight: f64,
    /// What each term's constant is multiplied with.
    pub work: Work,
}

/// What each term's constant is multiplied with, and seconds that are known before the fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// By term.
    pub terms: BTreeMap<Term, f64>,
    /// Seconds that other parts tell.
    pub fixed_s: f64,
}

/// The log of the speed that the figure's seconds stand for.
#[must_use]
pub fn log_rate(figure: Figure, row: &Observation, speed: f64) -> f64 {
    match figure {
        Figure::Prefill => libm::log(speed) - libm::log(row.setup.workload.new_tokens()),
        Figure::Streams => libm::log(speed) - libm::log(row.streams),
        _ => libm::log(speed),
    }
}

/// Rows of one cell have one vote, and a device's votes count with the root of their number together.
#[must_use]
pub fn votes<'o>(
    figure: Figure,
    rows: impl Iterator<Item = &'o Observation>,
    work: impl Fn(&Observation) -> Work,
) -> Vec<Vote<'o>> {
    let mut cells: BTreeMap<String, Vec<(&Observation, f64)>> = BTreeMap::new();
    for row in rows {
        let Some(speed) = row.speed else { continue };
        cells.entry(cell(row)).or_default().push((row, log_rate(figure, row, speed)));
    }
    let mut by_device: BTreeMap<String, f64> = BTreeMap::new();
    for rows in cells.values() {
        *by_device.entry(device_of(rows[0].0)).or_default() += 1.0;
    }
    let mut votes = Vec::new();
    for rows in cells.values() {
        let mut speeds: Vec<f64> = rows.iter().map(|(_, speed)| *speed).collect();
        speeds.sort_by(f64::total_cmp);
        let row = rows[0].0;
        votes.push(Vote {
            row,
            log_speed: speeds[speeds.len() / 2],
            rows: rows.len() as u32,
            weight: 1.0 / libm::sqrt(by_device[&device_of(row)]),
            work: work(row),
        });
    }
    votes
}

fn device_of(row: &Observation) -> String {
    format!("{}|{}", row.group().name(), row.device.key)
}

fn cell(row: &Observation) -> String {
    let bucket = |tokens: u32| (libm::log2(f64::from(tokens.max(1))) * 2.0).round();
    let w = &row.setup.workload;
    format!(
        "{}|{:?}|{}|{}|{}|{:?}|{}|{}|{}|{}|{}|{}|{}|{}|{:.2}",
        row.device.key,
        row.metric,
        row.model_id,
        row.quant.to_lowercase(),
        bucket(w.context_tokens),
        bucket(w.prompt_tokens.saturating_sub(w.cached_tokens)),
        row.backend.name(),
        row.runtime,
        row.era,
        row.origin,
        row.system,
        row.unfused,
        row.micro_batch,
        row.source,
        row.device.bandwidth_gb_s,
    )
}

/// A fitted group, with all that a later fit or a fold starts from.
#[derive(Clone, Debug)]
pub struct Fitting {
    /// Which devices.
    pub group: Group,
    recipe: Recipe,
    levels: Vec<BTreeMap<String, usize>>,
    problem: Problem,
    solution: Solution,
    rows: u32,
    devices: u32,
    counts: Vec<u32>,
    excess: Vec<f64>,
}

/// What a group starts from: another fit's values.
#[derive(Clone, Debug)]
struct Parents {
    terms: BTreeMap<Term, f64>,
    levels: BTreeMap<Factor, BTreeMap<String, f64>>,
}

impl Fitting {
    fn parents(&self) -> Parents {
        let terms = self.recipe.terms.iter().enumerate();
        let levels = self.recipe.factors.iter().enumerate().filter(|(_, factor)| shared(**factor));
        let offset = self.problem.terms();
        Parents {
            terms: terms.map(|(index, (term, _))| (*term, self.solution.params[index])).collect(),
            levels: levels
                .map(|(place, factor)| {
                    let values = self.levels[place].iter();
                    (
                        *factor,
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
    pub fn part(&self, figure: Figure, intensity: &Intensity) -> Part {
        let offset = self.problem.terms();
        let effects = self.recipe.factors.iter().enumerate().map(|(place, factor)| {
            let names = self.levels[place].iter();
            let sd = libm::sqrt(self.problem.blocks[place].variance);
            Effect {
                factor: *factor,
                sd: rounded(sd),
                levels: names
                    .map(|(name, at)| {
                        let value = self.solution.params[offset + at];
                        let sd = libm::sqrt(self.solution.variances[offset + at] + self.excess[*at]);
                        (name.clone(), Level(rounded(value) as f32, rounded(sd) as f32, self.counts[*at]))
                    })
                    .collect(),
            }
        });
        let terms = self.recipe.terms.iter().enumerate();
        let generations: BTreeSet<&str> =
            std::iter::once("*").chain(intensity.keys().map(String::as_str)).collect();
        Part {
            figure,
            group: self.group,
            rows: self.rows,
            devices: self.devices,
            noise_sd: rounded(self.noise_sd()),
            low: 1.645,
            high: 1.645,
            terms: terms
                .map(|(index, (term, _))| (*term, rounded(libm::exp(self.solution.params[index]))))
                .collect(),
            flop_per_byte: if figure == Figure::Prefill {
                let known = generations.into_iter().filter_map(|name| Some((name, intensity.get(name)?)));
                known.map(|(name, value)| (name.to_owned(), rounded(*value))).collect()
            } else {
                Intensity::new()
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
fn fit_votes(
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
    for factor in &recipe.factors {
        let mut names: BTreeSet<String> =
            speaking(votes, &facts, *factor).map(std::borrow::Cow::into_owned).collect();
        let parent = parents.and_then(|parents| parents.levels.get(factor));
        let driven_here = |name: &&String| {
            *factor != Factor::BackendFamily
                || facts.iter().any(|facts| name.split('|').next() == Some(facts.backend.name()))
        };
        names.extend(parent.into_iter().flat_map(BTreeMap::keys).filter(driven_here).cloned());
        let start = means.len();
        for name in &names {
            means.push(parent.and_then(|values| values.get(name)).copied().unwrap_or(0.0));
        }
        levels.push(names.into_iter().enumerate().map(|(at, name)| (name, start + at)).collect());
        blocks.push(Block { start, len: means.len() - start, variance: 0.02 });
    }
    let mut counts = vec![0; means.len()];
    let mut devices = BTreeSet::new();
    let scale = votes.len() as f64 / votes.iter().map(|vote| vote.weight).sum::<f64>().max(1e-9);
    let quiet = votes.iter().filter(|vote| source_kind(vote.row) == 0).count();
    let all_noisy = quiet * 4 < votes.len();
    let mut rows = Vec::with_capacity(votes.len());
    for (vote, facts) in votes.iter().zip(&facts) {
        let mut row = Row {
            log_speed: vote.log_speed,
            weight: vote.weight * scale,
            work: [0.0; MAX_TERMS],
            fixed_s: vote.work.fixed_s,
            tells_noise: all_noisy || source_kind(vote.row) == 0,
            levels: [NO_LEVEL; MAX_EFFECTS],
        };
        for (index, (term, _)) in recipe.terms.iter().enumerate() {
            row.work[index] = vote.work.terms.get(term).copied().unwrap_or(0.0);
        }
        for (place, factor) in recipe.factors.iter().enumerate() {
            if !speaks_for(vote.row, *factor) {
                continue;
            }
            let level = facts.level(*factor).and_then(|name| levels[place].get(name.as_ref()));
            if let Some(level) = level {
                row.levels[place] = *level as u32;
                counts[*level] += vote.rows;
            }
        }
        devices.insert(facts.device.to_owned());
        rows.push(row);
    }
    let priors =
        recipe.terms.iter().map(|(term, own)| match parents.and_then(|parents| parents.terms.get(term)) {
            Some(value) => Prior { mean: *value, sd: GROUP_SD },
            None => *own,
        });
    let mut problem = Problem { rows, priors: priors.collect(), blocks, means, noise: 0.02, freedom: 4.0 };
    let mut start = problem.start();
    if let Some(last) = last {
        warm(&mut problem, &mut start, &recipe, &levels, last);
    }
    let solution = fit(&mut problem, start, effort).map_err(|error| anyhow!("{}: {error}", group.name()))?;
    let mut scatter = vec![0.0; problem.means.len()];
    for (place, factor) in recipe.factors.iter().enumerate() {
        if matches!(factor, Factor::Runtime | Factor::Origin) {
            let Block { start, len, .. } = problem.blocks[place];
            let own = excess(&problem, solution.params.as_slice(), place, len, start);
            scatter[start..start + len].copy_from_slice(&own);
        }
    }
    Ok(Fitting {
        group,
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

/// Levels of a factor among the rows that tell about it.
fn speaking<'f>(
    votes: &'f [Vote<'_>],
    facts: &'f [Facts<'f>],
    factor: Factor,
) -> impl Iterator<Item = std::borrow::Cow<'f, str>> {
    let pairs = votes.iter().zip(facts).filter(move |(vote, _)| speaks_for(vote.row, factor));
    pairs.filter_map(move |(_, facts)| facts.level(factor))
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
    for (place, factor) in recipe.factors.iter().enumerate() {
        let Some(there) = last.recipe.factors.iter().position(|other| other == factor) else { continue };
        problem.blocks[place].variance = last.problem.blocks[there].variance;
        for (name, at) in &levels[place] {
            if let Some(value) = last.levels[there].get(name) {
                start[terms + at] = last.solution.params[terms + value];
            }
        }
    }
}

/// A figure's fits: all devices together, and each group.
#[derive(Clone, Debug)]
pub struct FigureFit {
    /// Which figure.
    pub figure: Figure,
    /// All devices together.
    pub any: Fitting,
    /// By group.
    pub groups: BTreeMap<Group, Fitting>,
    /// How much a row of each kind of source counts.
    trust: [f64; SOURCES],
}

/// Kinds of source that differ in noise: benchmark tools, LocalScore, people's own runs, other runtimes.
const SOURCES: usize = 4;

/// The kind of source that a row is from; 0 is a benchmark tool on llama.cpp or its kin.
#[must_use]
pub fn source_kind(row: &Observation) -> usize {
    match () {
        () if row.runtime == "localscore" => 1,
        () if row.origin == "crowd" => 2,
        () if row.has(Reason::OtherRuntime) => 3,
        () => 0,
    }
}

const FULL: Effort = Effort { rounds: 12, steps: 12 };
const FOLD: Effort = Effort { rounds: 1, steps: 4 };
/// A fold moves the values of all devices together next to nothing.
const FOLD_ANY: Effort = Effort { rounds: 0, steps: 2 };

/// Rows that a figure's fit uses.
#[must_use]
pub fn used(figure: Figure, row: &Observation) -> bool {
    let metric = if figure == Figure::Prefill { Metric::Prefill } else { Metric::Decode };
    let allowed = match figure {
        Figure::Decode | Figure::Prefill => row.clean(),
        Figure::Streams => {
            row.streams > 1.0 && row.but([Reason::OtherRuntime, Reason::SeveralStreams, Reason::PowerCap])
        }
        Figure::Offload => {
            row.has(Reason::PartialOffload)
                && row.offload.stated()
                && row.but([
                    Reason::OtherRuntime,
                    Reason::PartialOffload,
                    Reason::ExceedsMemory,
                    Reason::Fork,
                ])
        }
        Figure::Exchange => {
            row.devices > 1.0
                && row.source.to_lowercase().contains("xiongjiedai")
                && row.but([Reason::SeveralDevices, Reason::OtherRuntime, Reason::OtherRuntime])
        }
    };
    row.metric == metric && allowed && row.speed.is_some()
}

/// Fits a figure on `votes`, from scratch or from where `last` ended.
///
/// # Errors
///
/// When a group's fit does not end at a minimum.
pub fn fit_figure(figure: Figure, votes: &[Vote<'_>], last: Option<&FigureFit>) -> Result<FigureFit> {
    let groups: BTreeSet<Group> = votes.iter().map(|vote| vote.row.group()).collect();
    fit_groups(figure, votes, last, &groups)
}

/// The same, of some groups alone.
///
/// # Errors
///
/// When a group's fit does not end at a minimum.
pub fn fit_groups(
    figure: Figure,
    votes: &[Vote<'_>],
    last: Option<&FigureFit>,
    wanted: &BTreeSet<Group>,
) -> Result<FigureFit> {
    match last {
        Some(last) => fit_trusted(figure, votes, Some(last), wanted, last.trust),
        None => {
            let first = fit_trusted(figure, votes, None, wanted, [1.0; SOURCES])?;
            let trust = trust(votes, &first);
            fit_trusted(figure, votes, None, wanted, trust)
        }
    }
}

/// Whether a row tells about levels of this effect. Runs on strangers' machines and by other programs tell about those
/// programs; what a device can do is learnt from benchmark tools, except where next to nothing else was measured.
fn speaks_for(row: &Observation, factor: Factor) -> bool {
    let about_device = matches!(
        factor,
        Factor::Device
            | Factor::Generation
            | Factor::GenerationBackend
            | Factor::GenerationFamily
            | Factor::Memory
            | Factor::Tier
            | Factor::Vendor
    );
    let scarce = matches!(row.group(), Group::Cpu | Group::Mobile);
    !about_device || scarce || source_kind(row) == 0
}

/// Weights by kind of source: the variance of benchmark tools' residuals over the kind's own.
fn trust(votes: &[Vote<'_>], fit: &FigureFit) -> [f64; SOURCES] {
    let mut squares: [Vec<f64>; SOURCES] = Default::default();
    for fitting in fit.groups.values() {
        let own = votes.iter().filter(|vote| vote.row.group() == fitting.group);
        for (vote, row) in own.zip(&fitting.problem.rows) {
            let off = row.log_speed - fitting.problem.predict(row, fitting.solution.params.as_slice());
            squares[source_kind(vote.row)].push(off * off);
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
    for vote in &mut votes {
        vote.weight *= trust[source_kind(vote.row)];
    }
    let mut balanced = votes.clone();
    let mut sums: BTreeMap<Group, f64> = BTreeMap::new();
    for vote in &votes {
        *sums.entry(vote.row.group()).or_default() += vote.weight;
    }
    for vote in &mut balanced {
        vote.weight /= libm::sqrt(sums[&vote.row.group()]);
    }
    let any_effort = if last.is_some() { FOLD_ANY } else { FULL };
    let any = fit_votes(
        Group::Any,
        &balanced,
        recipe(figure, Group::Any),
        None,
        last.map(|last| &last.any),
        any_effort,
    )?;
    let parents = any.parents();
    let effort = if last.is_some() { FOLD } else { FULL };
    let mut groups = BTreeMap::new();
    for group in sums.keys().filter(|group| wanted.contains(group)) {
        let own: Vec<Vote<'_>> = votes.iter().filter(|vote| vote.row.group() == *group).cloned().collect();
        let before = last.and_then(|last| last.groups.get(group));
        groups
            .insert(*group, fit_votes(*group, &own, recipe(figure, *group), Some(&parents), before, effort)?);
    }
    Ok(FigureFit { figure, any, groups, trust })
}
