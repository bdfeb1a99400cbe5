//! `verify-log` and `verify-run`: is the server's log what it was, and is a run in it?

use std::io::Write;

use anyhow::Result;
use data::digest::{digest, unhex32};

use crate::client::log;
use crate::runs;

/// Check that a server's log only grew since it was last looked at from here.
#[derive(clap::Args)]
pub struct VerifyLog {
    /// The server; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// Check that a run is in a server's log, and that the log only grew.
#[derive(clap::Args)]
pub struct VerifyRun {
    /// A run's id or file, or the digest that a result's page shows.
    #[arg(value_name = "RUN_ID")]
    run: String,
    /// The server; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

pub fn log(arguments: &VerifyLog, out: &mut dyn Write) -> Result<()> {
    let client = super::upload::client(arguments.server.as_deref())?;
    let advance = log::advance(&client, &runs::data_folder()?)?;
    let now = advance.now.size;
    match advance.before {
        Some(before) => writeln!(
            out,
            "the log of {} has {now} entries and continues the {before} that were seen before",
            client.place()
        )?,
        None => {
            writeln!(out, "the log of {} has {now} entries; from now on it is held to them", client.place())?;
        }
    }
    writeln!(out, "signed by key {}", advance.key)?;
    Ok(())
}

pub fn run(arguments: &VerifyRun, out: &mut dyn Write) -> Result<()> {
    let folder = runs::data_folder()?;
    let client = super::upload::client(arguments.server.as_deref())?;
    let name = if unhex32(&arguments.run).is_some() {
        arguments.run.clone()
    } else {
        let saved = runs::load(&folder, &arguments.run)?;
        saved.verify()?;
        digest(&saved.envelope.open()?)
    };
    let advance = log::advance(&client, &folder)?;
    let index = log::find(&client, &name, &advance.now)?;
    writeln!(
        out,
        "{name} is entry {index} of the {} in the log of {}, proven against its signed checkpoint",
        advance.now.size,
        client.place()
    )?;
    Ok(())
}
