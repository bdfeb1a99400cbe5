//! `evidence`: the raw timings of a disputed run, so that its figures are computed again, in public.

use std::io::Write;

use anyhow::Result;

use super::sent::{SentRun, Which};

/// Send the raw timings of a run that somebody doubts; the server computes decode, prefill and
/// time to the first token anew, in public.
#[derive(clap::Args)]
pub struct Evidence {
    #[command(flatten)]
    which: Which,
    /// Print the bytes that would be sent, and send nothing.
    #[arg(long)]
    print_payload: bool,
}

pub fn run(arguments: &Evidence, out: &mut dyn Write) -> Result<()> {
    let sent = SentRun::find(&arguments.which)?;
    sent.saved.verify()?;
    if arguments.print_payload {
        return super::sent::print(sent.saved.raw_timings.get().as_bytes(), out);
    }
    let recomputed = sent.client.send_evidence(&sent.result, sent.saved.raw_timings.get())?;
    for line in recomputed["lines"].as_array().into_iter().flatten().filter_map(|line| line.as_str()) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", sent.page())?;
    Ok(())
}
