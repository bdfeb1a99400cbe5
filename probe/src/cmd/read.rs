//! `read`: the speeds in what another tool printed, as the paste page reads them.

mod submit;

use std::io::{Read as _, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use data::paste::{self, Reading, Run, Verdict};

/// Read speeds out of what another tool printed (llama-bench, llama-server, ollama --verbose, vLLM …).
#[derive(clap::Args)]
pub struct Read {
    /// A file with the text; - or nothing is standard input.
    file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    submit: submit::Submit,
}

/// More is no paste: the reader itself refuses it, so there is no need to hold it.
const LIMIT_BYTES: u64 = 16 << 20;

pub fn run(arguments: &Read, out: &mut dyn Write) -> Result<()> {
    let mut bytes = Vec::new();
    match arguments.file.as_ref().filter(|file| file.as_os_str() != "-") {
        Some(file) => {
            let opened =
                std::fs::File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
            opened.take(LIMIT_BYTES).read_to_end(&mut bytes)?;
        }
        None => {
            std::io::stdin().lock().take(LIMIT_BYTES).read_to_end(&mut bytes)?;
        }
    }
    let reading = paste::read(&bytes);
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &reading)?;
        writeln!(out)?;
    } else if !arguments.submit.is_wanted() || reading.verdict == Verdict::Refused {
        write_reading(&reading, out)?;
    }
    if reading.verdict == Verdict::Refused {
        return Err(anyhow!("nothing in it can be used"));
    }
    if arguments.submit.is_wanted() {
        arguments.submit.send(&reading, out)?;
    }
    Ok(())
}

/// The runs as a table, what is remarkable about each, what the whole amounts to, and what is not believed.
fn write_reading(reading: &Reading, out: &mut dyn Write) -> Result<()> {
    if !reading.runs.is_empty() {
        let rows = reading.runs.iter().enumerate().map(|(at, run)| row(at + 1, run));
        write_table(&std::iter::once(HEADINGS.map(str::to_owned)).chain(rows).collect::<Vec<_>>(), out)?;
    }
    for (at, run) in reading.runs.iter().enumerate() {
        let number = if reading.runs.len() > 1 { format!("{}: ", at + 1) } else { String::new() };
        for note in notes(run) {
            writeln!(out, "{number}{note}")?;
        }
    }
    let verdict = serde_json::to_value(reading.verdict)?;
    let word = verdict.as_str().unwrap_or_default().replace('_', " ");
    writeln!(out, "{word}: {}", reading.says)?;
    let mut reasons: Vec<&str> = reading.ignored.iter().map(|ignored| ignored.because.sentence()).collect();
    reasons.dedup();
    // Of what is refused the sentence above tells already.
    for reason in reasons.into_iter().filter(|reason| *reason != reading.says) {
        writeln!(out, "left out: {reason}")?;
    }
    Ok(())
}

const HEADINGS: [&str; 8] =
    ["#", "tool", "model", "quant", "decode tok/s", "prefill tok/s", "prompt", "output"];

/// The first column that holds numbers, of which the last digits stand below each other.
const FIRST_NUMBER: usize = 4;

fn row(number: usize, run: &Run) -> [String; 8] {
    let rate = |rate: Option<f64>| rate.map(|rate| format!("{rate:.2}")).unwrap_or_default();
    let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    [
        number.to_string(),
        run.tool.name().to_owned(),
        run.model.clone().unwrap_or_default(),
        run.quant.clone().unwrap_or_default(),
        rate(run.decode_tps),
        rate(run.prefill_tps),
        count(run.prompt_tokens),
        count(run.output_tokens),
    ]
}

fn write_table(rows: &[[String; 8]], out: &mut dyn Write) -> Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < FIRST_NUMBER { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// What the table has no column for, then a sentence for each flag: the same as on the page.
fn notes(run: &Run) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(rate) = run.aggregate_tps {
        notes.push(match run.streams {
            Some(streams) => format!("All {streams} streams together: {rate:.2} tok/s."),
            None => format!("All streams together: {rate:.2} tok/s."),
        });
    }
    notes.extend(run.end_to_end_tps.map(|rate| format!("With the time of the prompt: {rate:.2} tok/s.")));
    notes.extend(run.depth_tokens.map(|tokens| format!("After {tokens} tokens that were in the context.")));
    notes.extend(run.device.as_ref().map(|device| format!("On {device}.")));
    notes.extend(run.flags.iter().map(|flag| flag.sentence().to_owned()));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "llama_perf_context_print: prompt eval time =     521.12 ms /   128 tokens (    4.07 ms per token,   245.62 tokens per second)\n\
        llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n";

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        read: Read,
    }

    fn read(file: &std::path::Path, flags: &[&str]) -> Read {
        let words =
            ["read".into(), file.into()].into_iter().chain(flags.iter().map(std::ffi::OsString::from));
        <Line as clap::Parser>::parse_from(words).read
    }

    #[test]
    fn flags_and_what_was_left_out_are_said_in_sentences() {
        let mut out = Vec::new();
        let text = format!(
            "$ ollama run mistral --verbose\n{PRINTED}eval count:           120 token(s)\neval duration:        4.876787s\neval rate:            24.61 tokens/s\n"
        );
        write_reading(&paste::read(text.as_bytes()), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[1].starts_with("1  ollama  mistral"), "{text}");
        assert_eq!(lines[2], paste::Flag::AnswerText.sentence());
        assert!(lines[3].starts_with("flagged: ") && lines[4].starts_with("left out: It stood in"), "{text}");
    }

    #[test]
    fn a_file_is_read_as_the_page_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log.txt");
        std::fs::write(&file, PRINTED).unwrap();
        let mut out = Vec::new();
        run(&read(&file, &[]), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "#  tool       model  quant  decode tok/s  prefill tok/s  prompt  output\n\
             1  llama.cpp                       29.47         245.62     128     127\n\
             accepted: One run, with decode and prefill speed.\n"
        );
        std::fs::write(&file, "hello").unwrap();
        assert!(run(&read(&file, &["--json"]), &mut Vec::new()).is_err());
    }
}
