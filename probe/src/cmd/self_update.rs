//! `self-update`: puts a newer program in this one's place, and newer suites beside it, if those who publish them have
//! signed them.

use std::io::Write;

use anyhow::{Context, Result, anyhow};

use super::UsageError;
use crate::client::DEFAULT_SERVER;
use crate::client::update::{self, Known, PINNED};
use crate::http::Url;
use crate::{calendar, runs};

/// Replace this program by a newer one, and fetch newer suites, if their publishers have signed them.
#[derive(clap::Args)]
pub struct SelfUpdate {
    /// Where updates are published; without it LLM_SPEED_SERVER, or the server on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Only say whether there is one.
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &SelfUpdate, out: &mut dyn Write) -> Result<()> {
    let keys: Vec<&str> = PINNED.unwrap_or_default().split(',').filter(|key| !key.is_empty()).collect();
    if keys.is_empty() {
        return Err(anyhow!(
            "this program was built without update keys: update it as it was installed, by `cargo install` from the \
             repository or a newer archive (LLM_SPEED_UPDATE_KEYS at build time pins keys)"
        ));
    }
    let variable = std::env::var("LLM_SPEED_SERVER").ok().filter(|value| !value.is_empty());
    let address = arguments.server.as_deref().or(variable.as_deref()).unwrap_or(DEFAULT_SERVER);
    let server = Url::parse(address).map_err(|error| UsageError(format!("--server: {error}")))?;
    let folder = runs::data_folder()?;
    let today = calendar::today();
    let known = Known { keys: &keys, folder: &folder, today: &today };
    let manifest = update::manifest(&server, &known)?;
    if !arguments.check {
        for id in update::keep_suites(&server, &manifest, &folder)? {
            writeln!(out, "the suite {id} is here: bench --suite {id}")?;
        }
    }
    let ours = env!("CARGO_PKG_VERSION");
    if !update::is_newer(&manifest.version, ours) {
        writeln!(out, "{ours} is the newest version")?;
        return Ok(());
    }
    if arguments.check {
        writeln!(out, "{} is there, this is {ours}", manifest.version)?;
        return Ok(());
    }
    let program = std::env::current_exe().context("where is this program?")?;
    update::install(&server, &manifest, &program)?;
    writeln!(out, "{ours} is now {}", manifest.version)?;
    Ok(())
}
