//! The report of a refit: Markdown, with pictures beside it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use chart::{
    Axis, Caption, FactorRow, Format, Group, LineChart, Pair, Point, Range, ScatterChart, Series, Size,
    Spread, Theme, line, residual, scatter, standalone,
};
use data::constants::{Figure, Fitted, Score};

use crate::observation::Observation;
use crate::refit::{Outcome, name};
use crate::score::{Predicted, interval_score};
use crate::votes::used;

/// Bands that peers print whatever they know: factors below and above the middle.
const FIXED_BANDS: [(&str, f64, f64); 2] = [("whichllm, ×0.6 to ×1.6", 0.6, 1.6), ("±30 %", 0.7, 1.3)];

/// Classes below this many rows are no evidence of better or worse.
const ENOUGH_ROWS: u32 = 30;

/// Whether held-out scores are better than those of `old` beyond noise: the mean gain over classes, and twice its
/// standard error.
#[must_use]
pub fn gain(old: &[Score], new: &[Score]) -> (f64, f64) {
    let gains: Vec<f64> = new
        .iter()
        .filter(|score| score.rows >= ENOUGH_ROWS)
        .filter_map(|score| {
            let before = old.iter().find(|other| other.name == score.name)?;
            Some(before.median - score.median)
        })
        .collect();
    let count = gains.len().max(1) as f64;
    let mean = gains.iter().sum::<f64>() / count;
    let square = gains.iter().map(|gain| (gain - mean) * (gain - mean)).sum::<f64>();
    (mean, 2.0 * libm::sqrt(square / (count - 1.0).max(1.0) / count))
}

/// Whether the new constants should replace the old.
#[must_use]
pub fn warranted(old: &[Score], new: &[Score]) -> bool {
    let (mean, noise) = gain(old, new);
    mean > noise
}

/// Writes `report.md` and its pictures into `folder`.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn write(folder: &Path, outcome: &Outcome, old: Option<&Fitted>) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let rows: BTreeMap<usize, &Observation> =
        outcome.observed.rows.iter().map(|row| (row.index, row)).collect();
    let save = |file: &str, text: &str| {
        let path = folder.join(file);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    for (figure, predicted) in &outcome.predicted {
        let figure = name(*figure);
        let svg = against(figure, predicted);
        save(&format!("{figure}.svg"), &standalone(&svg, Theme::Light))?;
        let svg = coverage(figure, predicted);
        save(&format!("{figure}-coverage.svg"), &standalone(&svg, Theme::Light))?;
        for (by, key) in BUCKETS {
            let svg = residuals(figure, by, key, predicted, &rows);
            save(&format!("{figure}-{by}.svg"), &standalone(&svg, Theme::Light))?;
        }
    }
    save("report.md", &markdown(outcome, old))
}

type Key = fn(&Observation) -> String;

/// What residuals are shown by.
const BUCKETS: [(&str, Key); 3] = [
    ("depth", |row| match row.setup.workload.context_tokens {
        0..=1023 => "below 1k".to_owned(),
        1024..=4095 => "1k to 4k".to_owned(),
        4096..=16_383 => "4k to 16k".to_owned(),
        16_384..=65_535 => "16k to 64k".to_owned(),
        _ => "64k and more".to_owned(),
    }),
    ("size", |row| {
        let gib = row.setup.weights.total_bytes() / estimator::units::GIB;
        let names =
            [(2.0, "below 2 GiB"), (6.0, "2 to 6 GiB"), (16.0, "6 to 16 GiB"), (48.0, "16 to 48 GiB")];
        names.iter().find(|(most, _)| gib < *most).map_or("48 GiB and more", |(_, name)| name).to_owned()
    }),
    ("date", |row| row.date.get(..4).unwrap_or("no date").to_owned()),
];

fn by_class(predicted: &[Predicted]) -> BTreeMap<&str, Vec<&Predicted>> {
    let mut classes: BTreeMap<&str, Vec<&Predicted>> = BTreeMap::new();
    for row in predicted {
        classes.entry(&row.class).or_default().push(row);
    }
    classes
}

fn against(figure: &str, predicted: &[Predicted]) -> String {
    let classes = by_class(predicted);
    let pairs: Vec<(&str, Vec<Pair<'_>>)> = classes
        .into_iter()
        .map(|(class, rows)| {
            let pair = |row: &&Predicted| Pair {
                predicted: libm::exp(row.middle),
                measured: libm::exp(row.measured),
                tip: "",
            };
            (class, rows.iter().map(pair).collect())
        })
        .collect();
    let groups: Vec<Group<'_>> = pairs.iter().map(|(name, pairs)| Group { name, pairs }).collect();
    scatter(&ScatterChart {
        caption: Caption {
            id: figure,
            title: &format!("{figure}: predicted against measured"),
            description: "Each mark is a cell of measurements, predicted by a fit that had not seen its device.",
            empty: "No rows.",
        },
        size: Size::PLOT,
        predicted_label: "predicted, tokens per second",
        measured_label: "measured, tokens per second",
        groups: &groups,
        within_factor: Some(1.25),
    })
}

fn residuals(
    figure: &str,
    by: &str,
    key: Key,
    predicted: &[Predicted],
    rows: &BTreeMap<usize, &Observation>,
) -> String {
    let mut buckets: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in predicted {
        if let Some(observation) = rows.get(&row.index) {
            buckets.entry(key(observation)).or_default().push(libm::exp(row.measured - row.middle));
        }
    }
    let factors: Vec<FactorRow<'_>> =
        buckets.iter().map(|(name, factors)| FactorRow { name, factors }).collect();
    residual(
        &Caption {
            id: &format!("{figure}-{by}"),
            title: &format!("{figure}: measured over predicted, by {by}"),
            description: "One where they agree; a stroke marks each row's median.",
            empty: "No rows.",
        },
        640.0,
        "measured over predicted",
        &factors,
    )
}

/// Shares of rows inside intervals of every width: the 90 % interval scaled.
fn coverage(figure: &str, predicted: &[Predicted]) -> String {
    let curves: Vec<(&str, Vec<Point>)> = by_class(predicted)
        .into_iter()
        .filter(|(_, rows)| rows.len() >= ENOUGH_ROWS as usize)
        .map(|(class, rows)| {
            let points = (1..=20).map(|step| {
                let scale = f64::from(step) / 10.0;
                let inside = |row: &&&Predicted| {
                    let off = row.measured - row.middle;
                    off <= (row.high - row.middle) * scale && -off <= (row.middle - row.low) * scale
                };
                let share = rows.iter().filter(inside).count() as f64 / rows.len() as f64;
                Point { x: scale, y: Range { low: share, mid: share, high: share } }
            });
            (class, points.collect())
        })
        .collect();
    let series: Vec<Series<'_>> =
        curves.iter().map(|(name, points)| Series { name, points, measured: false }).collect();
    let axis = |label| Axis { label, spread: Spread::Linear, format: Format::Number };
    line(&LineChart {
        caption: Caption {
            id: &format!("{figure}-coverage"),
            title: &format!("{figure}: rows inside intervals"),
            description: "Share of held-out rows inside the 90 % interval scaled by a factor; at one it should be 0.9.",
            empty: "No class has rows enough.",
        },
        size: Size::PLOT,
        x: axis("width over that of the 90 % interval"),
        y: axis("share of held-out rows inside"),
        series: &series,
        level: Some((0.9, "0.9")),
        limit: Some((1.0, "90 % interval")),
    })
}

fn markdown(outcome: &Outcome, old: Option<&Fitted>) -> String {
    let fitted = &outcome.fitted;
    let mut text = format!(
        "# Refit\n\n{} rows read, {} used, newest of {}; input {}.\n\n",
        fitted.provenance.rows_read,
        fitted.provenance.rows_used,
        fitted.provenance.date,
        fitted.provenance.input
    );
    if let Some(old) = old {
        let (mean, noise) = gain(&old.provenance.scores, &fitted.provenance.scores);
        let verdict = if mean > noise { "warranted" } else { "not warranted" };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "A change is **{verdict}**: held-out medians are better by {:.2} points on average over classes, where {:.2} would be noise.\n",
            mean * 100.0,
            noise * 100.0
        );
    }
    text.push_str(&drops(outcome));
    text.push_str(&scores(fitted));
    text.push_str(&intervals(outcome));
    text.push_str(&constants(fitted, old));
    text.push_str("## Pictures\n\n");
    for (figure, _) in &outcome.predicted {
        let figure = name(*figure);
        let _ = writeln!(text, "![{figure}]({figure}.svg) ![coverage]({figure}-coverage.svg)\n");
        for (by, _) in BUCKETS {
            let _ = writeln!(text, "![{figure} by {by}]({figure}-{by}.svg)\n");
        }
    }
    text
}

fn drops(outcome: &Outcome) -> String {
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

fn scores(fitted: &Fitted) -> String {
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

fn intervals(outcome: &Outcome) -> String {
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

fn constants(fitted: &Fitted, old: Option<&Fitted>) -> String {
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

/// The README's table: speeds of devices that the fit had not seen, and beside them the medians that peers reached where
/// we ran them (90 controlled rows of dense models; GeForce cards and Macs).
#[must_use]
pub fn readme_table(fitted: &Fitted) -> String {
    let mut text =
        "| left-out device | cells | devices | median error | 90th percentile | rows in the 90 % range | llmfit, whichllm, canirun.ai: median |\n|---|---|---|---|---|---|---|\n".to_owned();
    let shown = [
        ("decode nvidia, llama.cpp", "NVIDIA cards, decode", "16, 20, 17 %"),
        ("decode apple, llama.cpp", "Apple silicon, decode", "27, 36, 20 %"),
        ("decode amd, llama.cpp", "AMD cards, decode", ""),
        ("decode intel, llama.cpp", "Intel cards, decode", ""),
        ("decode unified, llama.cpp", "unified machines, decode", ""),
        ("decode cpu, llama.cpp", "processors, decode", ""),
        ("decode cpu, localscore", "processors, decode by LocalScore", ""),
        ("prefill nvidia, llama.cpp", "NVIDIA cards, prefill", ""),
        ("prefill apple, llama.cpp", "Apple silicon, prefill", ""),
        ("prefill amd, llama.cpp", "AMD cards, prefill", ""),
        ("prefill unified, llama.cpp", "unified machines, prefill", ""),
        ("prefill cpu, localscore", "processors, prefill by LocalScore", ""),
        ("streams nvidia, other runtimes", "NVIDIA cards, 2 to 64 streams", ""),
        ("offload nvidia, llama.cpp", "partial offload", ""),
    ];
    for (name, words, peers) in shown {
        let Some(s) = fitted.provenance.scores.iter().find(|score| score.name == name) else { continue };
        let _ = writeln!(
            text,
            "| {words} | {} | {} | {:.0} % | {:.0} % | {:.0} % | {peers} |",
            s.rows,
            s.devices,
            s.median * 100.0,
            s.p90 * 100.0,
            s.coverage * 100.0
        );
    }
    text
}
