//! `evidence`: the raw timings of a disputed run, so that anyone can compute its rates again.

use std::io::Write;

use anyhow::Result;

use super::sent::{SentRun, Which};

/// Send the raw timings of a run that somebody doubts; the server computes every rate anew, in public.
#[derive(clap::Args)]
pub struct Evidence {
    #[command(flatten)]
    which: Which,
}

pub fn run(arguments: &Evidence, out: &mut dyn Write) -> Result<()> {
    let sent = SentRun::find(&arguments.which)?;
    sent.saved.verify()?;
    let recomputed = sent.client.send_evidence(&sent.result, sent.saved.raw_timings.get())?;
    for line in recomputed["lines"].as_array().into_iter().flatten().filter_map(|line| line.as_str()) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", sent.page())?;
    Ok(())
}
