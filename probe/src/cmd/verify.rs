//! `verify`: does a saved run hold what was signed?

use std::ffi::OsString;
use std::io::Write;

use anyhow::{Context, Result};

use crate::runs;

/// Check a saved run: its signature, and that its readable part is what was signed.
#[derive(clap::Args)]
pub struct Verify {
    /// A run's id, or its file.
    run: OsString,
}

pub fn run(arguments: &Verify, out: &mut dyn Write) -> Result<()> {
    let saved = runs::find(&arguments.run)?;
    let signed = saved.verify().with_context(|| format!("{} does not verify", arguments.run.display()))?;
    let key = saved.envelope.signatures.first().map_or("", |signed| signed.keyid.as_str());
    writeln!(
        out,
        "{} verifies: {} with {} {}",
        saved.run_id, signed.model.reference, signed.backend.name, signed.backend.version
    )?;
    writeln!(out, "signed by key {key} on {}", signed.measured_on)?;
    Ok(())
}
