//! How constants do on rows of any file: what is scored, what is dropped and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result};
use data::constants::Fitted;
use serde::Serialize;

use crate::clean::Reason;
use crate::observation::{Metric, Observation};
use crate::predict::Predictor;
use crate::refit::{Observed, kind, observe};
use crate::row::MeasurementRow;
use crate::score::{Detail, Predicted, detail};

/// Scores of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Rows read.
    pub rows: usize,
    /// Rows scored.
    pub scored: usize,
    /// Rows dropped, by the first reason against them.
    pub dropped: BTreeMap<&'static str, usize>,
    /// Of rows of one stream on one device that nothing on the committed list of exclusions stands against, by metric and
    /// class: how many there are and how many are scored.
    pub shares: BTreeMap<String, Share>,
    /// Scores by metric and class.
    pub classes: Vec<Detail>,
    /// The rows that are predicted worst.
    pub worst: Vec<Worst>,
}

/// How many rows of a class are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Rows that should be.
    pub rows: usize,
    /// Rows that are.
    pub scored: usize,
}

/// A row that is predicted badly.
#[derive(Clone, Debug, Serialize)]
pub struct Worst {
    /// As the source spells it.
    pub device: String,
    /// As the source spells it.
    pub model: String,
    /// As the source spells it.
    pub quant: String,
    /// Where it is from.
    pub source: String,
    /// Measured tokens a second.
    pub measured: f64,
    /// Predicted tokens a second.
    pub predicted: f64,
}

/// Worst rows that are named.
const NAMED: usize = 20;

const fn metric(row: &Observation) -> &'static str {
    match row.metric {
        Metric::Prefill => "prefill",
        Metric::Decode => "decode",
    }
}

/// What a row is scored with; the reason where it is not scored.
///
/// # Errors
///
/// The first reason that keeps it out.
pub fn classes_of(row: &Observation) -> Result<Vec<String>, Reason> {
    let metric = metric(row);
    let stands_against =
        |allowed: &[Reason]| row.reasons.iter().find(|reason| !allowed.contains(reason)).copied();
    if row.has(Reason::SeveralStreams) && row.metric == Metric::Decode {
        let against = stands_against(&[Reason::SeveralStreams, Reason::OtherRuntime]);
        return against.map_or_else(|| Ok(vec!["concurrency".to_owned()]), Err);
    }
    if row.has(Reason::PartialOffload) && row.offload.stated() && row.metric == Metric::Decode {
        let allowed = [Reason::PartialOffload, Reason::OtherRuntime, Reason::ExceedsMemory, Reason::Fork];
        return stands_against(&allowed).map_or_else(|| Ok(vec!["partial offload".to_owned()]), Err);
    }
    // Prompt rates from people's own runs are scored, but not fitted to.
    if let Some(against) = stands_against(&[Reason::OtherRuntime, Reason::SelfReportedPrompt]) {
        return Err(against);
    }
    let class = row.group().name();
    let mut names = vec![format!("{metric} {class}"), format!("{metric} {class}, {}", kind(row))];
    if row.metric == Metric::Decode && row.setup.workload.context_tokens >= 8192 {
        names.push("decode at 8k and deeper".to_owned());
    }
    if row.has(Reason::OtherRuntime) {
        names.push(format!("{metric} by other runtimes"));
    }
    Ok(names)
}

/// Scores `rows` with constants that are given.
///
/// # Errors
///
/// When the constants lack a figure or the built-in spellings cannot be read.
pub fn standing(rows: &[MeasurementRow], fitted: &Fitted) -> Result<Standing> {
    let Observed { rows: observed, refused } = observe(rows)?;
    let predictor = Predictor::new(fitted).context("the constants lack a figure")?;
    let mut dropped: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (_, reason) in refused {
        *dropped.entry(reason.words()).or_default() += 1;
    }
    let mut classes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    let mut predicted: Vec<Predicted> = Vec::new();
    for row in &observed {
        let Some(speed) = row.speed else {
            *dropped.entry("no speed stated").or_default() += 1;
            continue;
        };
        let found = classes_of(row);
        if !row.reasons.iter().any(|reason| reason.excludes()) {
            let share = shares.entry(format!("{} {}", metric(row), row.group().name())).or_default();
            share.rows += 1;
            share.scored += usize::from(found.is_ok());
        }
        match found {
            Err(reason) => *dropped.entry(reason.words()).or_default() += 1,
            Ok(names) => {
                let range = predictor.predict(row);
                for name in names {
                    classes.entry(name).or_default().push(predicted.len());
                }
                predicted.push(Predicted {
                    index: row.index,
                    class: row.group().name().to_owned(),
                    device: row.device.fold.clone(),
                    measured: libm::log(speed),
                    middle: range.middle,
                    low: range.low,
                    high: range.high,
                });
            }
        }
    }
    let of = |places: &Vec<usize>| -> Vec<&Predicted> { places.iter().map(|at| &predicted[*at]).collect() };
    let classes = classes.iter().map(|(name, places)| detail(name, &of(places))).collect();
    let mut order: Vec<&Predicted> = predicted.iter().collect();
    order.sort_by(|a, b| (b.middle - b.measured).abs().total_cmp(&(a.middle - a.measured).abs()));
    let worst = order.into_iter().take(NAMED).map(|row| worst(row, &rows[row.index])).collect();
    Ok(Standing { rows: rows.len(), scored: predicted.len(), dropped, shares, classes, worst })
}

fn worst(row: &Predicted, read: &MeasurementRow) -> Worst {
    Worst {
        device: read.device.clone(),
        model: read.model.clone(),
        quant: read.quant.clone(),
        source: read.source.clone(),
        measured: libm::exp(row.measured),
        predicted: libm::exp(row.middle),
    }
}

/// A class's scores in a line.
#[must_use]
pub fn line(class: &Detail) -> String {
    let Detail { score, r2_speed, bias } = class;
    format!(
        "{:36} {:5} rows {:3} devices  median {:5.1} %  p90 {:6.1} %  R2 {:6.3}  R2 of logs {:6.3}  by device {:5.1} %  bias {:+.2}  coverage {:.2}  width {:.2}",
        score.name,
        score.rows,
        score.devices,
        score.median * 100.0,
        score.p90 * 100.0,
        r2_speed,
        score.r2,
        score.macro_median * 100.0,
        bias,
        score.coverage,
        score.width
    )
}

impl Standing {
    /// The same in words.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} rows, {} scored\n", self.rows, self.scored);
        for (reason, count) in &self.dropped {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {count:6} dropped: {reason}");
        }
        for (class, Share { rows, scored }) in &self.shares {
            let share = 100.0 * *scored as f64 / *rows as f64;
            let _ =
                writeln!(text, "  {class:16} {scored:5} of {rows:5} rows of one stream scored, {share:.0} %");
        }
        for class in &self.classes {
            let _ = writeln!(text, "{}", line(class));
        }
        text.push_str("predicted worst:\n");
        for row in &self.worst {
            let _ = writeln!(
                text,
                "  {:9.1} measured, {:9.1} predicted: {} | {} | {} | {}",
                row.measured, row.predicted, row.device, row.model, row.quant, row.source
            );
        }
        text
    }
}
