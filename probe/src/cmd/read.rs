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

fn write_reading(reading: &Reading, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}", reading.says)?;
    for run in &reading.runs {
        writeln!(out, "  {}", line(run)?)?;
    }
    Ok(())
}

fn line(run: &Run) -> Result<String> {
    let tool = serde_json::to_value(run.tool)?;
    let mut parts = vec![tool.as_str().unwrap_or("unknown tool").to_owned()];
    parts.extend(run.model.clone());
    parts.extend(run.quant.clone());
    parts.extend(run.decode_tps.map(|rate| format!("decode {rate:.2} tok/s")));
    parts.extend(run.prefill_tps.map(|rate| format!("prefill {rate:.2} tok/s")));
    parts.extend(run.aggregate_tps.map(|rate| format!("together {rate:.2} tok/s")));
    parts.extend(run.depth_tokens.map(|tokens| format!("at depth {tokens}")));
    for flag in &run.flags {
        if let Some(word) = serde_json::to_value(flag)?.as_str() {
            parts.push(word.to_owned());
        }
    }
    Ok(parts.join(", "))
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
    fn a_file_is_read_as_the_page_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log.txt");
        std::fs::write(&file, PRINTED).unwrap();
        let mut out = Vec::new();
        run(&read(&file, &[]), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("decode 29.47 tok/s, prefill 245.62 tok/s"), "{text}");
        std::fs::write(&file, "hello").unwrap();
        assert!(run(&read(&file, &["--json"]), &mut Vec::new()).is_err());
    }
}
