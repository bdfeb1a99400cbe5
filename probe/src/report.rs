//! Tables of results: plain text for a terminal, Markdown for an issue.

use std::io::{self, Write};

use data::submission::WorkloadResult;
use estimator::Range;

use crate::flags;

/// One line: a result with what was estimated for it, tokens a second.
pub struct Line<'a> {
    /// The result.
    pub result: &'a WorkloadResult,
    /// The estimated decode rate.
    pub estimate: Option<Range>,
}

const HEAD: [&str; 8] =
    ["workload", "prompt", "streams", "TTFT ms", "prefill tok/s", "decode tok/s", "together", "estimate"];

fn cells(line: &Line<'_>) -> [String; 8] {
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
        line.estimate
            .map_or_else(|| "-".to_owned(), |range| format!("{:.1} to {:.1}", range.low, range.high)),
    ]
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

/// Plain text, in columns.
///
/// # Errors
/// Those of the writer.
pub fn write_table(lines: &[Line<'_>], out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 8]> = measured(lines).map(cells).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    if !rows.is_empty() {
        write_row(&HEAD, &widths, out)?;
    }
    for row in &rows {
        write_row(row, &widths, out)?;
    }
    for remark in remarks(lines) {
        writeln!(out, "  {remark}")?;
    }
    Ok(())
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
    for row in measured(lines).map(cells) {
        writeln!(out, "| {} |", row.map(|cell| escape(&cell)).join(" | "))?;
    }
    for remark in remarks(lines) {
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

    #[test]
    fn a_table_reads_in_columns() {
        let result = result();
        let skipped = WorkloadResult::skipped("W4", 1024, 8, "2 slots".to_owned());
        let lines = [
            Line { result: &result, estimate: Some(Range { low: 171.0, mid: 182.0, high: 193.0 }) },
            Line { result: &skipped, estimate: None },
        ];
        let mut out = Vec::new();
        write_table(&lines, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "workload  prompt  streams  TTFT ms  prefill tok/s  decode tok/s  together        estimate\n\
             W1           128        1      142         8421.1    187.4 ±1.5         -  171.0 to 193.0\n\
             \x20 W1 at 128 tokens: on_battery\n\
             \x20 W4 with 8 streams left out: 2 slots\n\
             \x20 on_battery: the machine ran on its battery, which slows it down; plug it in and measure again\n"
        );
    }

    #[test]
    fn markdown_has_a_head_and_escapes() {
        let result = result();
        let mut out = Vec::new();
        write_markdown("a|b", &[Line { result: &result, estimate: None }], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("a\\|b\n\n| workload |") && text.contains("| W1 | 128 |"), "{text}");
    }
}
