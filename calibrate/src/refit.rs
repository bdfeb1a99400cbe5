//! From measurements to constants.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::Catalog;
use data::constants::{Figure, Fitted, Group, Part, Provenance, Score};
use litemap::LiteMap;

use crate::chunks::in_order;
use crate::clean::Reason;
use crate::extra::{Base, Parts, work};
use crate::features::Rates;
use crate::fit::{FigureFit, fit_figure};
use crate::fitting::rounded;
use crate::folds::{By, HeldOut, Spread, held_out, set_intervals};
use crate::observation::{Observation, Reader};
use crate::power::set_power;
use crate::recipe::recipes;
use crate::row::MeasurementRow;
use crate::score::{Predicted, quantile, score};
use crate::select::{Selection, held_out_error, select};
use crate::votes::{Vote, log_rate, plain_cell, source_kind, used, votes};

/// All figures, in the order in which they stand on each other.
pub const FIGURES: [Figure; 5] =
    [Figure::Decode, Figure::Prefill, Figure::Streams, Figure::Offload, Figure::Exchange];

/// Rows as observations, and rows about which nothing can be said.
pub struct Observed {
    /// The observations.
    pub rows: Vec<Observation>,
    /// Places of the others, with the reason.
    pub refused: Vec<(usize, Reason)>,
}

/// Reads rows into observations.
///
/// # Errors
///
/// When the built-in spellings cannot be read.
pub fn observe(rows: &[MeasurementRow]) -> Result<Observed> {
    let reader = Reader::new(Catalog::embedded())?;
    let mut observed = Observed { rows: Vec::new(), refused: Vec::new() };
    for (index, row) in rows.iter().enumerate() {
        match reader.read(index, row) {
            Ok(observation) => observed.rows.push(observation),
            Err(reason) => observed.refused.push((index, reason)),
        }
    }
    Ok(observed)
}

/// Operations for each byte of bandwidth: the median of each generation's devices whose compute the catalogue knows,
/// the lower quartile of all generations for any other, and the median of the processors among `rows`.
#[must_use]
pub fn flop_per_byte(catalog: &Catalog, rows: &[Observation]) -> LiteMap<String, f64> {
    let mut by_generation: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in catalog.devices() {
        let Some(f16) = row.compute_f16_tflops else { continue };
        let tflops = f16.max(row.compute_int8_tops.unwrap_or(0.0) / 4.0);
        let generation = row.generation.clone().unwrap_or_default();
        by_generation.entry(generation).or_default().push(tflops * 1e3 / row.bandwidth_gb_s);
    }
    let mut all = Vec::new();
    let mut intensity = LiteMap::new();
    for (generation, mut ratios) in by_generation {
        let median = quantile(&mut ratios, 0.5);
        all.push(median);
        intensity.insert(generation, rounded(median));
    }
    intensity.insert("*".to_owned(), rounded(quantile(&mut all, 0.25)));
    let cores = rows.iter().filter(|row| row.group() == Group::Cpu);
    let processors: BTreeMap<&str, f64> = cores
        .filter_map(|row| {
            let tflops = row.device.compute.f16_tflops?;
            Some((row.device.key.as_str(), tflops * 1e3 / row.device.bandwidth_gb_s))
        })
        .collect();
    if !processors.is_empty() {
        let mut ratios: Vec<f64> = processors.into_values().collect();
        intensity.insert(Group::Cpu.name().to_owned(), rounded(quantile(&mut ratios, 0.5)));
    }
    intensity
}

/// A figure's parts with their intervals, and its held-out predictions.
pub struct Refitted<'o> {
    /// The parts.
    pub parts: Parts,
    /// The votes that it was fitted to.
    pub votes: Vec<Vote<'o>>,
    /// Predictions of them by fits that had not seen their device, with effects that were chosen without it.
    pub held: Vec<HeldOut>,
    /// The effects that were chosen.
    pub selection: Selection,
    /// The fit with every effect, which they were chosen from.
    pub every: FigureFit,
    /// The fit.
    pub full: FigureFit,
}

/// Fits one figure. `base` are the finished parts, for the figures that stand on them.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn refit_figure<'o>(
    figure: Figure,
    rows: &'o [Observation],
    flop_per_byte: &LiteMap<String, f64>,
    base: Option<&Base>,
    by: By,
) -> Result<Refitted<'o>> {
    let Fit { rates, votes, full: every } = best_rates(figure, rows, flop_per_byte, base)?;
    let selection = select(figure, &votes, &every, by)?;
    let full = fit_figure(figure, &votes, &selection.recipes())?;
    let held = held_out(&votes, &full, by, &[], |fold| selection.recipes_without(fold))?;
    let mut parts = full.parts(rates);
    set_power(figure, &mut parts, rows);
    // Intervals are set by benchmark tools' rows; noisier kinds carry their scatter in their own level.
    let quiet = |held: &&HeldOut| {
        let row = votes[held.vote].row;
        source_kind(row) == 0 || matches!(row.group(), Group::Cpu | Group::Mobile)
    };
    let spread: Vec<Spread> = merged(&votes, held.iter().filter(quiet))
        .into_iter()
        .map(|cell| Spread {
            group: cell.row.group(),
            kind: source_kind(cell.row),
            off: cell.measured - cell.middle,
            sd: cell.sd,
        })
        .collect();
    set_intervals(&mut parts, &spread);
    Ok(Refitted { parts, votes, held, selection, every, full })
}

/// Energies of one operation that are tried, in picojoules.
const PICOJOULES: [f64; 5] = [0.0, 0.5, 1.0, 2.0, 4.0];

/// A fit, with what it was fitted to.
struct Fit<'o, 'r> {
    rates: Rates<'r>,
    votes: Vec<Vote<'o>>,
    full: FigureFit,
}

/// The fit with the energy of an operation under which NVIDIA's cards, whose power limits differ most, are predicted best
/// when they are left out. Only prefill knows energies.
fn best_rates<'o, 'r>(
    figure: Figure,
    rows: &'o [Observation],
    flop_per_byte: &'r LiteMap<String, f64>,
    base: Option<&Base>,
) -> Result<Fit<'o, 'r>> {
    let fit = |picojoules: f64| -> Result<Fit<'o, 'r>> {
        let rates = Rates { flop_per_byte, picojoules };
        let votes =
            votes(figure, rows.iter().filter(|row| used(figure, row)), |row| work(figure, row, rates, base));
        let full = fit_figure(figure, &votes, &recipes(figure))?;
        Ok(Fit { rates, votes, full })
    };
    if figure != Figure::Prefill {
        return fit(0.0);
    }
    let tried = in_order(&PICOJOULES, |picojoules| -> Result<(f64, Fit<'o, 'r>)> {
        let fit = fit(*picojoules)?;
        let error = held_out_error(Group::Nvidia, &fit.votes, &fit.full)?;
        Ok((error, fit))
    });
    let tried = tried.into_iter().collect::<Result<Vec<_>>>()?;
    let best = tried.into_iter().min_by(|(a, _), (b, _)| a.total_cmp(b));
    Ok(best.expect("some energy is tried").1)
}

/// Which kind of row a prediction is scored with.
#[must_use]
pub fn kind(row: &Observation) -> &'static str {
    match () {
        () if row.runtime == "localscore" => "localscore",
        () if row.origin == "crowd" => "self-reported",
        () if row.has(Reason::OtherRuntime) => "other runtimes",
        () => "llama.cpp",
    }
}

/// A held-out cell: the medians of runs through its libraries.
struct Cell<'o> {
    row: &'o Observation,
    measured: f64,
    middle: f64,
    sd: f64,
}

/// What was held out, by what has one vote.
fn merged<'o, 'h>(votes: &[Vote<'o>], held: impl Iterator<Item = &'h HeldOut>) -> Vec<Cell<'o>> {
    let mut cells: BTreeMap<String, Vec<(&Vote<'o>, &HeldOut)>> = BTreeMap::new();
    for held in held {
        let vote = &votes[held.vote];
        cells.entry(plain_cell(vote.row)).or_default().push((vote, held));
    }
    let median = |values: &mut dyn Iterator<Item = f64>| quantile(&mut values.collect::<Vec<f64>>(), 0.5);
    let cell = |rows: Vec<(&Vote<'o>, &HeldOut)>| Cell {
        row: rows[0].0.row,
        measured: median(&mut rows.iter().map(|(vote, _)| vote.log_speed)),
        middle: median(&mut rows.iter().map(|(_, held)| held.middle)),
        sd: median(&mut rows.iter().map(|(_, held)| held.sd)),
    };
    cells.into_values().map(cell).collect()
}

/// Held-out predictions as log speeds, for scoring.
#[must_use]
pub fn predictions(figure: Figure, refitted: &Refitted<'_>, held: &[HeldOut]) -> Vec<Predicted> {
    merged(&refitted.votes, held.iter())
        .into_iter()
        .map(|cell| {
            let per_token = -log_rate(figure, cell.row, 1.0);
            let group = cell.row.group();
            let part = refitted.parts.get(&group).unwrap_or_else(|| &refitted.parts[&Group::Any]);
            let middle = cell.middle + per_token;
            let spread = part.spread(group, cell.sd * cell.sd);
            Predicted {
                index: cell.row.index,
                class: group.name().to_owned(),
                device: cell.row.device.fold.clone(),
                measured: cell.measured + per_token,
                middle,
                low: middle - spread.down,
                high: middle + spread.up,
            }
        })
        .collect()
}

/// Constants, and what they were made from.
pub struct Outcome {
    /// The constants.
    pub fitted: Fitted,
    /// Rows as they were understood.
    pub observed: Observed,
    /// Held-out predictions, by figure.
    pub predicted: Vec<(Figure, Vec<Predicted>)>,
    /// The effects that were chosen, by figure.
    pub selections: Vec<(Figure, Selection)>,
    /// What only a report shows, where it was asked for.
    pub further: Further,
}

/// Held-out predictions that only a report shows.
#[derive(Default)]
pub struct Further {
    /// With the effects that all rows choose: what choosing inside the folds costs is the difference.
    pub chosen_by_all: Vec<(Figure, Vec<Predicted>)>,
    /// Of classes that one or two devices make up, by fits that had not seen the model.
    pub by_model: Vec<(Figure, Vec<Predicted>)>,
}

/// Classes of which one or two devices hold most rows: they are left out by model as well.
const FEW_DEVICES: [Group; 2] = [Group::Unified, Group::Intel];

impl Further {
    fn add(&mut self, figure: Figure, refitted: &Refitted<'_>) -> Result<()> {
        if !matches!(figure, Figure::Decode | Figure::Prefill) {
            return Ok(());
        }
        let Refitted { votes, full, every, selection, .. } = refitted;
        let held = held_out(votes, full, By::Device, &[], |_| selection.recipes())?;
        self.chosen_by_all.push((figure, predictions(figure, refitted, &held)));
        let by_model = select(figure, votes, every, By::Model)?;
        let held = held_out(votes, full, By::Model, &FEW_DEVICES, |fold| by_model.recipes_without(fold))?;
        self.by_model.push((figure, predictions(figure, refitted, &held)));
        Ok(())
    }
}

/// All figures, and their held-out scores; `further` asks for what only a report shows.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn refit(
    rows: &[MeasurementRow],
    input: String,
    further: bool,
    mut progress: impl FnMut(&str),
) -> Result<Outcome> {
    let observed = observe(rows)?;
    let flop_per_byte = flop_per_byte(Catalog::embedded(), &observed.rows);
    let mut written: Vec<Part> = Vec::new();
    let mut scores: Vec<Score> = Vec::new();
    let mut base = Base::default();
    let mut used_rows = BTreeSet::new();
    let mut all_predicted = Vec::new();
    let mut selections = Vec::new();
    let mut found = Further::default();
    for figure in FIGURES {
        progress(&format!("fitting {}", name(figure)));
        let refitted = refit_figure(figure, &observed.rows, &flop_per_byte, Some(&base), By::Device)?;
        used_rows.extend(observed.rows.iter().filter(|row| used(figure, row)).map(|row| row.index));
        let predicted = predictions(figure, &refitted, &refitted.held);
        let kinds: BTreeMap<usize, &'static str> =
            observed.rows.iter().map(|row| (row.index, kind(row))).collect();
        let mut classes: BTreeMap<String, Vec<&Predicted>> = BTreeMap::new();
        for row in &predicted {
            let class = format!("{} {}, {}", name(figure), row.class, kinds[&row.index]);
            classes.entry(class).or_default().push(row);
        }
        // Below eight rows a quantile says nothing.
        for (class, rows) in classes.iter().filter(|(_, rows)| rows.len() >= 8) {
            scores.push(rounded_score(score(class, rows)));
        }
        if further {
            found.add(figure, &refitted)?;
        }
        written.extend(refitted.parts.values().cloned());
        all_predicted.push((figure, predicted));
        selections.push((figure, refitted.selection));
        base.keep(figure, refitted.parts);
    }
    let date = observed.rows.iter().map(|row| row.date.as_str()).max().unwrap_or_default().to_owned();
    let provenance =
        Provenance { date, rows_read: rows.len() as u32, rows_used: used_rows.len() as u32, input, scores };
    let fitted = Fitted { provenance, parts: written };
    Ok(Outcome { fitted, observed, predicted: all_predicted, selections, further: found })
}

/// One word for a figure.
#[must_use]
pub const fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Decode => "decode",
        Figure::Prefill => "prefill",
        Figure::Streams => "streams",
        Figure::Offload => "offload",
        Figure::Exchange => "exchange",
    }
}

fn rounded_score(score: Score) -> Score {
    let three = |value: f64| format!("{value:.3}").parse().unwrap_or(value);
    Score {
        median: three(score.median),
        p90: three(score.p90),
        r2: three(score.r2),
        macro_median: three(score.macro_median),
        coverage: three(score.coverage),
        width: three(score.width),
        ..score
    }
}

/// The text of `constants.toml`.
///
/// # Errors
///
/// When a number is none.
pub fn to_toml(fitted: &Fitted) -> Result<String> {
    let head = "# Written by `calibrate refit`; never by hand. Levels are [value, its uncertainty, rows], in natural logs.\n\n";
    Ok(format!("{head}{}", toml::to_string(fitted)?))
}
