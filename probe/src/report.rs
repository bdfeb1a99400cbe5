//! Tables of results: plain text for a terminal, Markdown for an issue.

use std::io::{self, Write};

use data::submission::WorkloadResult;
use estimator::Range;

use crate::flags;
use crate::plan::Speed;

/// One line: a result with what was estimated for it.
pub struct Line<'a> {
    /// The result.
    pub result: &'a WorkloadResult,
    /// What was estimated.
    pub estimate: Option<Speed>,
    /// Whether it is a trace, whose later turns find most of their prompt in the cache: of it only decode is estimated.
    pub is_trace: bool,
}

const COLUMNS: usize = 7;

const HEAD: [&str; COLUMNS] =
    ["workload", "prompt", "streams", "TTFT ms", "prefill tok/s", "decode tok/s", "together"];

/// What was measured.
fn cells(line: &Line<'_>) -> [String; COLUMNS] {
    let result = line.result;
    let cell = |value: Option<f64>, decimals: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
    };
    let decode = match (result.decode_tps, result.decode_tps_interval) {
        (Some(rate), Some([low, high])) => format!("{rate:.1} ±{:.1}", (high - low) / 2.0),
        (rate, _) => cell(rate, 1),
    };
    [
        result.workload.clone(),
        result.prompt_tokens.unwrap_or(result.target_prompt_tokens).to_string(),
        result.streams.to_string(),
        cell(result.ttft_ms, 0),
        cell(result.prefill_tps, 1),
        decode,
        cell(result.aggregate_tps, 1),
    ]
}

/// What was estimated for each of them; empty where nothing was.
fn estimates(line: &Line<'_>) -> [String; COLUMNS] {
    let mut cells: [String; COLUMNS] = Default::default();
    let words = |range: Range, decimals: usize| {
        format!("{low:.decimals$} to {high:.decimals$}", low = range.low, high = range.high)
    };
    if let Some(speed) = &line.estimate {
        if !line.is_trace {
            cells[3] = speed.ttft_ms.map(|range| words(range, 0)).unwrap_or_default();
            cells[4] = words(speed.prefill_tps, 0);
        }
        cells[5] = words(speed.decode_tps, 1);
    }
    cells
}

/// What was measured, with the estimates in brackets beside it.
fn both(line: &Line<'_>) -> [String; COLUMNS] {
    let mut cells = cells(line);
    for (cell, estimate) in cells.iter_mut().zip(estimates(line)).filter(|(_, estimate)| !estimate.is_empty())
    {
        cell.push_str(&format!(" ({estimate})"));
    }
    cells
}

/// The last remark, where there are estimates.
const LEGEND: &str = "in brackets: what was estimated for this machine";

fn legend(lines: &[Line<'_>]) -> Option<String> {
    measured(lines).any(|line| line.estimate.is_some()).then(|| LEGEND.to_owned())
}

/// Remarks under a table: what was left out and why, and what the flags of each line are.
fn remarks(lines: &[Line<'_>]) -> Vec<String> {
    let name = |result: &WorkloadResult| match (result.streams, result.target_prompt_tokens) {
        (1, prompt) => format!("{} at {prompt} tokens", result.workload),
        (streams, _) => format!("{} with {streams} streams", result.workload),
    };
    lines
        .iter()
        .flat_map(|line| {
            let result = line.result;
            let skipped =
                result.skipped.as_ref().map(|reason| format!("{} left out: {reason}", name(result)));
            let flags =
                (!result.flags.is_empty()).then(|| format!("{}: {}", name(result), result.flags.join(", ")));
            let turns = result.turns.as_ref().map(|turns| {
                let whole = result.wall_ms.unwrap_or(0.0) / 1000.0;
                let cached = result.prefix_cache_hit_rate.map_or_else(String::new, |rate| {
                    format!(", {:.0} % of the prompts out of the cache", rate * 100.0)
                });
                format!(
                    "{}: {} turns in {whole:.1} s, a turn {:.1} s (95 % under {:.1} s){cached}",
                    result.workload,
                    turns.count,
                    turns.p50_ms / 1000.0,
                    turns.p95_ms / 1000.0
                )
            });
            [skipped, turns, flags]
        })
        .flatten()
        .chain(sentences(lines))
        .collect()
}

/// What the flags of all lines mean, each once.
fn sentences(lines: &[Line<'_>]) -> Vec<String> {
    let mut known: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for flag in lines.iter().flat_map(|line| &line.result.flags) {
        if !known.contains(&flag.as_str()) {
            known.push(flag);
            all.extend(flags::meaning(flag).map(|meaning| format!("{flag}: {meaning}")));
        }
    }
    all
}

/// Plain text, in columns: estimates beside the numbers, or below them where that is wider than a terminal of `width`.
///
/// # Errors
/// Those of the writer.
pub fn write_table(lines: &[Line<'_>], width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let beside: Vec<[String; COLUMNS]> = measured(lines).map(both).collect();
    let fits =
        width.is_none_or(|width| widths(&beside).iter().map(|one| one + 2).sum::<usize>() <= width + 2);
    let below = |line: &Line<'_>| {
        let mut row = estimates(line);
        let is_empty = row.iter().all(String::is_empty);
        row[0] = "  estimate".to_owned();
        std::iter::once(cells(line)).chain((!is_empty).then_some(row))
    };
    let rows = if fits { beside } else { measured(lines).flat_map(below).collect() };
    let widths = widths(&rows);
    if !rows.is_empty() {
        write_row(&HEAD, &widths, out)?;
    }
    for row in &rows {
        write_row(row, &widths, out)?;
    }
    for remark in remarks(lines).into_iter().chain(legend(lines).filter(|_| fits)) {
        writeln!(out, "  {remark}")?;
    }
    Ok(())
}

/// Of each column, the head's or the widest cell's.
fn widths(rows: &[[String; COLUMNS]]) -> [usize; COLUMNS] {
    std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).chain([HEAD[column].len()]).max().unwrap_or(0)
    })
}

fn measured<'a, 'b>(lines: &'a [Line<'b>]) -> impl Iterator<Item = &'a Line<'b>> {
    lines.iter().filter(|line| line.result.skipped.is_none())
}

fn write_row(cells: &[impl AsRef<str>], widths: &[usize], out: &mut dyn Write) -> io::Result<()> {
    let mut line = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = cell.as_ref();
        let space = " ".repeat(width - cell.chars().count());
        line.push_str(&if index == 0 { format!("{cell}{space}") } else { format!("  {space}{cell}") });
    }
    writeln!(out, "{}", line.trim_end())
}

/// Markdown.
///
/// # Errors
/// Those of the writer.
pub fn write_markdown(title: &str, lines: &[Line<'_>], out: &mut dyn Write) -> io::Result<()> {
    let escape = |text: &str| text.replace('|', "\\|");
    writeln!(out, "{}\n", escape(title))?;
    writeln!(out, "| {} |", HEAD.join(" | "))?;
    writeln!(
        out,
        "|{}|",
        HEAD.iter()
            .enumerate()
            .map(|(i, _)| if i == 0 { "---" } else { "--:" })
            .collect::<Vec<_>>()
            .join("|")
    )?;
    for row in measured(lines).map(both) {
        writeln!(out, "| {} |", row.map(|cell| escape(&cell)).join(" | "))?;
    }
    for remark in remarks(lines).into_iter().chain(legend(lines)) {
        writeln!(out, "\n- {}", escape(&remark))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> WorkloadResult {
        let mut result = WorkloadResult::skipped("W1", 128, 1, String::new());
        result.skipped = None;
        result.ttft_ms = Some(142.3);
        result.prefill_tps = Some(8421.1);
        result.decode_tps = Some(187.44);
        result.decode_tps_interval = Some([186.0, 189.0]);
        result.flags = vec!["on_battery".to_owned()];
        result
    }

    fn estimate() -> Speed {
        let range = |low: f64, high: f64| Range { low, mid: (low + high) / 2.0, high };
        Speed {
            decode_tps: range(171.0, 193.0),
            prefill_tps: range(7000.4, 9000.0),
            ttft_ms: Some(range(120.0, 160.2)),
        }
    }

    #[test]
    fn a_table_reads_in_columns() {
        let result = result();
        let skipped = WorkloadResult::skipped("W4", 1024, 8, "2 slots".to_owned());
        let lines = [
            Line { result: &result, estimate: Some(estimate()), is_trace: false },
            Line { result: &skipped, estimate: None, is_trace: false },
        ];
        let text = |width| {
            let mut out = Vec::new();
            write_table(&lines, width, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let remarks = "\x20 W1 at 128 tokens: on_battery\n\
             \x20 W4 with 8 streams left out: 2 slots\n\
             \x20 on_battery: the machine ran on its battery, which slows it down; plug it in and measure again\n";
        let wide = text(None);
        assert_eq!(wide, text(Some(120)));
        assert_eq!(
            wide,
            format!(
                "workload  prompt  streams           TTFT ms          prefill tok/s                 decode tok/s  together\n\
                 W1           128        1  142 (120 to 160)  8421.1 (7000 to 9000)  187.4 ±1.5 (171.0 to 193.0)         -\n\
                 {remarks}  {LEGEND}\n"
            )
        );
        let narrow = text(Some(80));
        assert_eq!(
            narrow,
            format!(
                "workload    prompt  streams     TTFT ms  prefill tok/s    decode tok/s  together\n\
                 W1             128        1         142         8421.1      187.4 ±1.5         -\n\
                 \x20 estimate                   120 to 160   7000 to 9000  171.0 to 193.0\n\
                 {remarks}"
            )
        );
        assert!(narrow.lines().take(3).all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn of_a_trace_only_decode_is_estimated() {
        let cells = estimates(&Line { result: &result(), estimate: Some(estimate()), is_trace: true });
        assert_eq!((cells[3].as_str(), cells[4].as_str(), cells[5].as_str()), ("", "", "171.0 to 193.0"));
    }

    #[test]
    fn markdown_has_a_head_and_escapes() {
        let result = result();
        let mut out = Vec::new();
        let line = Line { result: &result, estimate: Some(estimate()), is_trace: false };
        write_markdown("a|b", &[line], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("a\\|b\n\n| workload |") && text.contains("| W1 | 128 |"), "{text}");
        assert!(
            text.contains("| 142 (120 to 160) | 8421.1 (7000 to 9000) |") && text.contains(LEGEND),
            "{text}"
        );
    }
}
