//! The report of a refit: Markdown, with pictures beside it.

mod pictures;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use chart::{Theme, standalone};
use data::constants::{Fitted, Score};
use data::peers::PeerRows;

use self::pictures::{BUCKETS, against, coverage, residuals};
pub use self::tables::scores;
use self::tables::{by_model, constants, drops, intervals, selection};
use crate::observation::Observation;
use crate::refit::{Outcome, name};
use crate::score::Predicted;
use crate::standing::Standing;

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

fn by_class(predicted: &[Predicted]) -> BTreeMap<&str, Vec<&Predicted>> {
    let mut classes: BTreeMap<&str, Vec<&Predicted>> = BTreeMap::new();
    for row in predicted {
        classes.entry(&row.class).or_default().push(row);
    }
    classes
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
    let rows: BTreeMap<usize, &Observation> =
        outcome.observed.rows.iter().map(|row| (row.index, row)).collect();
    text.push_str(&crate::gates::table(&outcome.predicted, &rows));
    text.push_str(&by_model(outcome, &rows));
    text.push_str(&selection(outcome));
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

/// The README's table of rows that nothing was fitted to: how many of a class could be scored, and how well.
#[must_use]
pub fn unfitted_table(standing: &Standing) -> String {
    let mut text = format!(
        "| of {} rows, {} scored | rows | devices | median error | 90th percentile | rows in the 90 % range |\n|---|---|---|---|---|---|\n",
        standing.rows, standing.scored
    );
    let shown = [
        ("decode nvidia", "NVIDIA cards, decode"),
        ("decode apple", "Apple silicon, decode"),
        ("decode amd", "AMD cards, decode"),
        ("decode intel", "Intel cards, decode"),
        ("decode unified", "unified machines, decode"),
        ("decode cpu", "processors, decode"),
        ("prefill nvidia", "NVIDIA cards, prefill"),
        ("prefill apple", "Apple silicon, prefill"),
        ("prefill amd", "AMD cards, prefill"),
        ("prefill intel", "Intel cards, prefill"),
        ("prefill unified", "unified machines, prefill"),
        ("prefill cpu", "processors, prefill"),
        ("concurrency", "several streams, decode"),
        ("partial offload", "partial offload"),
    ];
    for (name, words) in shown {
        let Some(class) = standing.classes.iter().find(|class| class.score.name == name) else { continue };
        line(&mut text, words, &class.score, "");
    }
    text
}

/// A row of either table of the README, with what stands behind it.
fn line(text: &mut String, words: &str, s: &Score, further: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "| {words} | {} | {} | {:.0} % | {:.0} % | {:.0} % |{further}",
        s.rows,
        s.devices,
        s.median * 100.0,
        s.p90 * 100.0,
        s.coverage * 100.0
    );
}

/// The README's table: speeds of devices that the fit had not seen, and beside them the medians that others reach on the very
/// same cells, where they were asked about them.
#[must_use]
pub fn readme_table(fitted: &Fitted) -> String {
    let peers = PeerRows::embedded();
    let mut text = format!(
        "| left-out device | cells | devices | median error | 90th percentile | rows in the 90 % range | {}: median |\n|---|---|---|---|---|---|---|\n",
        peers.names().collect::<Vec<_>>().join(", ")
    );
    let shown = [
        ("decode nvidia, llama.cpp", "NVIDIA cards, decode"),
        ("decode apple, llama.cpp", "Apple silicon, decode"),
        ("decode amd, llama.cpp", "AMD cards, decode"),
        ("decode intel, llama.cpp", "Intel cards, decode"),
        ("decode unified, llama.cpp", "unified machines, decode"),
        ("decode cpu, llama.cpp", "processors, decode"),
        ("decode cpu, localscore", "processors, decode by LocalScore"),
        ("prefill nvidia, llama.cpp", "NVIDIA cards, prefill"),
        ("prefill apple, llama.cpp", "Apple silicon, prefill"),
        ("prefill amd, llama.cpp", "AMD cards, prefill"),
        ("prefill unified, llama.cpp", "unified machines, prefill"),
        ("prefill cpu, localscore", "processors, prefill by LocalScore"),
        ("streams nvidia, other runtimes", "NVIDIA cards, 2 to 64 streams"),
        ("offload nvidia, llama.cpp", "partial offload"),
    ];
    for (name, words) in shown {
        let Some(s) = fitted.provenance.scores.iter().find(|score| score.name == name) else { continue };
        let medians: Vec<String> = peers.medians(name, &fitted.provenance.input).collect();
        // One sign for all of them, and nothing where one of them was not asked.
        let is_whole = medians.iter().all(|median| !median.is_empty());
        let medians = if is_whole { medians.join(", ").replace(" %,", ",") } else { String::new() };
        line(&mut text, words, s, &format!(" {medians} |"));
    }
    text
}
