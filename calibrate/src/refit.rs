//! From measurements to constants.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use data::Catalog;
use data::constants::{Figure, Fitted, Group, Part, Provenance, Score};
use litemap::LiteMap;

use crate::clean::Reason;
use crate::extra::{Base, Parts, work};
use crate::features::Rates;
use crate::fit::{FigureFit, fit_figure};
use crate::fitting::rounded;
use crate::folds::{By, HeldOut, held_out, set_intervals};
use crate::observation::{Observation, Reader};
use crate::power::set_exponent;
use crate::row::MeasurementRow;
use crate::score::{Predicted, quantile, score};
use crate::votes::{Vote, log_rate, source_kind, used, votes};

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
    /// Predictions of them by fits that had not seen their device.
    pub held: Vec<HeldOut>,
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
    let Fit { rates, votes, full } = best_rates(figure, rows, flop_per_byte, base)?;
    let held = held_out(figure, &votes, &full, by)?;
    let mut parts = full.parts(rates);
    set_exponent(figure, &mut parts, rows);
    // Intervals are set by benchmark tools' rows; noisier kinds carry their scatter in their own level.
    let quiet = |held: &&HeldOut| {
        let row = votes[held.vote].row;
        source_kind(row) == 0 || matches!(row.group(), Group::Cpu | Group::Mobile)
    };
    let spread: Vec<(Group, f64, f64)> = held
        .iter()
        .filter(quiet)
        .map(|held| {
            let vote = &votes[held.vote];
            (vote.row.group(), vote.log_speed - held.middle, held.sd)
        })
        .collect();
    set_intervals(&mut parts, &spread);
    Ok(Refitted { parts, votes, held })
}

/// Energies of one operation that are tried, in picojoules.
const PICOJOULES: [f64; 5] = [0.0, 0.5, 1.0, 2.0, 4.0];

/// A fit, with what it was fitted to.
struct Fit<'o, 'r> {
    rates: Rates<'r>,
    votes: Vec<Vote<'o>>,
    full: FigureFit,
}

/// The fit with the energy of an operation under which devices that were never measured differ least, as far as the fit
/// itself tells. Only prefill knows energies.
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
        let full = fit_figure(figure, &votes)?;
        Ok(Fit { rates, votes, full })
    };
    let unseen = |fit: &Fit<'_, '_>| fit.full.serving(Group::Nvidia).unseen_variance();
    let mut best = fit(PICOJOULES[0])?;
    for picojoules in PICOJOULES.into_iter().skip(1).filter(|_| figure == Figure::Prefill) {
        let other = fit(picojoules)?;
        if unseen(&other) < unseen(&best) {
            best = other;
        }
    }
    Ok(best)
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

/// Held-out predictions as log speeds, for scoring.
#[must_use]
pub fn predictions(figure: Figure, refitted: &Refitted<'_>) -> Vec<Predicted> {
    refitted
        .held
        .iter()
        .map(|held| {
            let vote = &refitted.votes[held.vote];
            let per_token = -log_rate(figure, vote.row, 1.0);
            let group = vote.row.group();
            let part = refitted.parts.get(&group).unwrap_or_else(|| &refitted.parts[&Group::Any]);
            let middle = held.middle + per_token;
            let spread = part.spread(group, held.sd * held.sd);
            Predicted {
                index: vote.row.index,
                class: group.name().to_owned(),
                device: vote.row.device.fold.clone(),
                measured: vote.log_speed + per_token,
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
}

/// All figures, and their held-out scores.
///
/// # Errors
///
/// When a fit does not end at a minimum.
pub fn refit(rows: &[MeasurementRow], input: String, mut progress: impl FnMut(&str)) -> Result<Outcome> {
    let observed = observe(rows)?;
    let flop_per_byte = flop_per_byte(Catalog::embedded(), &observed.rows);
    let mut written: Vec<Part> = Vec::new();
    let mut scores: Vec<Score> = Vec::new();
    let mut base = Base::default();
    let mut used_rows = BTreeSet::new();
    let mut all_predicted = Vec::new();
    for figure in FIGURES {
        progress(&format!("fitting {}", name(figure)));
        let refitted = refit_figure(figure, &observed.rows, &flop_per_byte, Some(&base), By::Device)?;
        used_rows.extend(observed.rows.iter().filter(|row| used(figure, row)).map(|row| row.index));
        let predicted = predictions(figure, &refitted);
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
        written.extend(refitted.parts.values().cloned());
        all_predicted.push((figure, predicted));
        base.keep(figure, refitted.parts);
    }
    let date = observed.rows.iter().map(|row| row.date.as_str()).max().unwrap_or_default().to_owned();
    let provenance =
        Provenance { date, rows_read: rows.len() as u32, rows_used: used_rows.len() as u32, input, scores };
    let fitted = Fitted { provenance, parts: written };
    Ok(Outcome { fitted, observed, predicted: all_predicted })
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
