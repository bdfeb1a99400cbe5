//! Tables of a refit: what was left out, scores, effects, intervals, constants.

use std::collections::BTreeMap;
use std::fmt::Write;

use data::constants::{Figure, Fitted};

use super::by_class;
use crate::observation::Observation;
use crate::refit::{Outcome, kind, name};
use crate::score::{Detail, Predicted, detail, interval_score};
use crate::select::PARTS;
use crate::votes::used;

/// Bands that peers print whatever they know: factors below and above the middle.
const FIXED_BANDS: [(&str, f64, f64); 2] = [("whichllm, ×0.6 to ×1.6", 0.6, 1.6), ("±30 %", 0.7, 1.3)];

pub(super) fn drops(outcome: &Outcome) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in &outcome.observed.refused {
        *counts.entry(reason.words()).or_default() += 1;
    }
    let figures = outcome.predicted.iter().map(|(figure, _)| *figure);
    let figures: Vec<Figure> = figures.collect();
    let mut single: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for row in &outcome.observed.rows {
        let fitted_to = figures.iter().any(|figure| used(*figure, row));
        if !fitted_to {
            let reason = row.reasons.first().map_or("no speed stated", |reason| reason.words());
            *counts.entry(reason).or_default() += 1;
        }
        if row.speed.is_some() && !row.reasons.iter().any(|reason| reason.excludes()) {
            let metric = if row.metric == crate::observation::Metric::Prefill { "prefill" } else { "decode" };
            let entry = single.entry((metric, row.group().name())).or_default();
            entry.0 += 1;
            entry.1 += usize::from(crate::standing::classes_of(row).is_ok());
        }
    }
    let mut text = "## Rows that were left out\n\n| reason | rows |\n|---|---|\n".to_owned();
    for (reason, count) in &counts {
        let _ = writeln!(text, "| {reason} | {count} |");
    }
    text.push_str("\nOf rows of one stream on one device that nothing on the list of exclusions stands against, so many are scored:\n\n| metric | class | rows | scored |\n|---|---|---|---|\n");
    for ((metric, class), (clean, scored)) in &single {
        let _ = writeln!(
            text,
            "| {metric} | {class} | {clean} | {:.0} % |",
            100.0 * *scored as f64 / *clean as f64
        );
    }
    text.push('\n');
    text
}

/// The held-out scores of constants.
#[must_use]
pub fn scores(fitted: &Fitted) -> String {
    let mut text = "## Scores on devices that the fit had not seen\n\n| class | cells | devices | median error | 90th percentile | R² of logs | median by device | coverage | high over low |\n|---|---|---|---|---|---|---|---|---|\n".to_owned();
    for s in &fitted.provenance.scores {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} % | {:.1} % | {:.3} | {:.1} % | {:.2} | {:.2} |",
            s.name,
            s.rows,
            s.devices,
            s.median * 100.0,
            s.p90 * 100.0,
            s.r2,
            s.macro_median * 100.0,
            s.coverage,
            s.width
        );
    }
    text.push('\n');
    text
}

/// A line for each class of held-out predictions, in the columns of [`DETAIL`].
fn details<'p>(
    text: &mut String,
    predicted: &'p [(Figure, Vec<Predicted>)],
    rows: &BTreeMap<usize, &Observation>,
) {
    for (figure, predicted) in predicted {
        let mut classes: BTreeMap<String, Vec<&'p Predicted>> = BTreeMap::new();
        for row in predicted {
            let class = format!("{} {}, {}", name(*figure), row.class, kind(rows[&row.index]));
            classes.entry(class).or_default().push(row);
        }
        for (class, rows) in classes {
            let Detail { score: s, bias, r2_speed } = detail(&class, &rows);
            let _ = writeln!(
                text,
                "| {class} | {} | {:.1} % | {:.1} % | {r2_speed:.3} | {:.3} | {bias:+.2} | {:.2} | {:.2} |",
                s.rows,
                s.median * 100.0,
                s.p90 * 100.0,
                s.r2,
                s.coverage,
                s.width
            );
        }
    }
}

const DETAIL: &str = "| class | cells | median error | 90th percentile | R² | R² of logs | bias | coverage | high over low |\n|---|---|---|---|---|---|---|---|---|\n";

/// Classes of which one or two devices hold most rows, with each model left out instead.
pub(super) fn by_model(outcome: &Outcome, rows: &BTreeMap<usize, &Observation>) -> String {
    let mut text = format!(
        "## Scores on models that the fit had not seen\n\nIn these classes one or two devices hold most rows, so that models are left out as well. Bias is the median log of measured over predicted.\n\n{DETAIL}"
    );
    details(&mut text, &outcome.further.by_model, rows);
    text.push('\n');
    text
}

/// Which effects were kept, and what choosing them inside the folds costs.
pub(super) fn selection(outcome: &Outcome) -> String {
    let mut text = format!(
        "## Effects, each kept only if it pays out of sample\n\nThe choice is made on all rows for the constants, and without each of {PARTS} parts of the devices for the scores above. `without` is by how much held-out errors grow when the effect is left out, in hundredths of a natural log; an effect goes where errors fall without it by more than twice the standard error of that over devices, or where it changes nothing.\n\n| figure | fit | effect | without | kept | parts that keep it |\n|---|---|---|---|---|---|\n"
    );
    for (figure, selection) in &outcome.selections {
        for choice in &selection.all {
            for trial in &choice.trials {
                let on = match trial.on.term {
                    Some(term) => format!("{:?} on {term:?}", trial.on.factor),
                    None => format!("{:?}", trial.on.factor),
                };
                let _ = writeln!(
                    text,
                    "| {} | {} | {on} | {:+.2} | {} | {} of {PARTS} |",
                    name(*figure),
                    choice.group.name(),
                    trial.gain * 100.0,
                    if trial.kept { "yes" } else { "no" },
                    selection.times_kept(choice.group, trial.on)
                );
            }
        }
    }
    text.push_str("\nWhat choosing inside the folds costs: medians and 90th percentiles as scored above, and with the effects that all rows choose.\n\n| figure | class | chosen inside | chosen by all |\n|---|---|---|---|\n");
    for (figure, by_all) in &outcome.further.chosen_by_all {
        let Some((_, inside)) = outcome.predicted.iter().find(|(other, _)| other == figure) else { continue };
        let by_all = by_class(by_all);
        for (class, rows) in by_class(inside) {
            let Some(fixed) = by_all.get(class) else { continue };
            let (inside, fixed) = (detail(class, &rows).score, detail(class, fixed).score);
            let _ = writeln!(
                text,
                "| {} | {class} | {:.1} %, {:.1} % | {:.1} %, {:.1} % |",
                name(*figure),
                inside.median * 100.0,
                inside.p90 * 100.0,
                fixed.median * 100.0,
                fixed.p90 * 100.0
            );
        }
    }
    text.push('\n');
    text
}

pub(super) fn intervals(outcome: &Outcome) -> String {
    let mut text = "## Interval scores\n\nMean width in natural logs plus twenty times what lies outside; lower is better. Fixed bands are put around our own middles.\n\n| figure | class | ours |".to_owned();
    for (peer, ..) in FIXED_BANDS {
        let _ = write!(text, " {peer} |");
    }
    text.push_str("\n|---|---|---|---|---|\n");
    for (figure, predicted) in &outcome.predicted {
        for (class, rows) in by_class(predicted) {
            let ours = interval_score(rows.iter().copied(), |row| (row.low, row.high));
            let _ = write!(text, "| {} | {class} | {ours:.2} |", name(*figure));
            for (_, low, high) in FIXED_BANDS {
                let (low, high) = (libm::log(low), libm::log(high));
                let fixed = interval_score(rows.iter().copied(), |row| (row.middle + low, row.middle + high));
                let _ = write!(text, " {fixed:.2} |");
            }
            text.push('\n');
        }
    }
    text.push('\n');
    text
}

pub(super) fn constants(fitted: &Fitted, old: Option<&Fitted>) -> String {
    let mut text =
        "## Constants\n\n| figure | group | term | old | new |\n|---|---|---|---|---|\n".to_owned();
    for part in &fitted.parts {
        let before = old.and_then(|old| {
            old.parts.iter().find(|other| other.figure == part.figure && other.group == part.group)
        });
        for (term, value) in part.terms.iter() {
            let was = before.and_then(|part| part.terms.get(term)).map_or("none".to_owned(), f64::to_string);
            let _ = writeln!(
                text,
                "| {} | {} | {term:?} | {was} | {value} |",
                name(part.figure),
                part.group.name()
            );
        }
    }
    text.push('\n');
    text
}
