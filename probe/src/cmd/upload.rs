//! `upload`: sends saved runs to a results server.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::{UsageError, sent};
use crate::client::{Client, Sent, consent, login, receipt};
use crate::interrupt;
use crate::runs::{self, SavedRun};

/// Send saved runs to a results server, and print where they are shown.
#[derive(clap::Args)]
pub struct Upload {
    /// Ids of runs, or their files.
    #[arg(value_name = "RUN_ID")]
    runs: Vec<String>,
    /// The server; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Whether bench sends runs by itself from now on: yes or no.
    #[arg(long, value_name = "yes|no", value_parser = ["yes", "no"])]
    automatic: Option<String>,
    /// Ask the server what it would say, and send nothing that it keeps.
    #[arg(long)]
    dry_run: bool,
    /// Print the bytes that would be sent, and send nothing.
    #[arg(long)]
    print_payload: bool,
}

pub fn run(arguments: &Upload, out: &mut dyn Write) -> Result<()> {
    let folder = runs::data_folder()?;
    if let Some(answer) = &arguments.automatic {
        consent::remember(&folder, answer == "yes").context("the answer cannot be remembered")?;
        eprintln!(
            "bench {} from now on",
            if answer == "yes" { "sends runs by itself" } else { "keeps runs here" }
        );
        if arguments.runs.is_empty() {
            return Ok(());
        }
    }
    if arguments.runs.is_empty() {
        return Err(UsageError("name a run; bench prints its id".to_owned()).into());
    }
    interrupt::listen().context("Ctrl-C cannot be handled")?;
    let client = client(arguments.server.as_deref())?;
    let mut failed = 0;
    for reference in &arguments.runs {
        let saved = runs::load(&folder, reference)?;
        if arguments.print_payload {
            saved.verify()?;
            sent::print(&saved.envelope.open()?, out)?;
            continue;
        }
        let done = if arguments.dry_run {
            client.try_run(&saved).map(|tried| told(&tried, &client)).map_err(anyhow::Error::from)
        } else {
            send(&client, &folder, &saved)
        };
        match done {
            Ok(says) => writeln!(out, "{says}")?,
            Err(error) => {
                eprintln!("{reference}: {error:#}");
                failed += 1;
            }
        }
    }
    if failed > 0 {
        return Err(anyhow!("{failed} of {} runs were not sent; they are kept here", arguments.runs.len()));
    }
    Ok(())
}

/// What the server would say, in lines.
pub fn told(tried: &Sent, client: &Client) -> String {
    match tried {
        Sent::Taken(receipt) => {
            let reasons = receipt.reasons.iter().map(|reason| format!("\n  {}", reason.says));
            format!("it would be {}; nothing was kept{}", receipt.state.name(), reasons.collect::<String>())
        }
        Sent::Known(Some(page)) => format!("the server has it already: {}", client.page(page)),
        Sent::Known(None) => "the server has it already".to_owned(),
    }
}

/// The server that is named, or the usual one.
///
/// # Errors
/// [`UsageError`] when that is no address.
pub fn client(server: Option<&str>) -> Result<Client> {
    Ok(Client::new(server).map_err(|error| UsageError(format!("--server: {error}")))?)
}

/// Sends one run, unless this server has it; its page then. What the server remarks goes to standard error.
///
/// # Errors
/// When the server does not take it, in its words.
pub fn send(client: &Client, folder: &Path, saved: &SavedRun) -> Result<String> {
    if let Some(why) = saved.stays_because() {
        return Err(anyhow!("run {} is not sent: {why}", saved.run_id));
    }
    let place = client.place();
    if let Some(kept) = receipt::of(folder, &saved.run_id).into_iter().find(|kept| kept.server == place) {
        return Ok(kept.page);
    }
    eprintln!("sending run {} to {place} …", saved.run_id);
    let (page, receipt) = match client.send(saved)? {
        Sent::Taken(receipt) => {
            for reason in &receipt.reasons {
                eprintln!("  {}: {}", receipt.state.name(), reason.says);
            }
            let page = receipt.url.clone().context("the server took the run and named no page")?;
            (page, Some(receipt))
        }
        Sent::Known(page) => (page.context("the server has this run already, and names no page")?, None),
    };
    let page = client.page(&page);
    if let Some(session) = login::session(folder, &place).filter(|_| saved.anonymous_key.is_none()) {
        let claimed = sent::seed(saved, folder)
            .and_then(|seed| super::login::claim(client, sent::result_of(&page), &seed, &session));
        if let Err(error) = claimed {
            eprintln!("note: the run is not listed with the profile {}: {error:#}", session.profile);
        }
    }
    let kept = receipt::Kept { server: place, page: page.clone(), receipt };
    if let Err(error) = receipt::keep(folder, &saved.run_id, kept) {
        eprintln!("note: the receipt cannot be kept ({error}); sending again finds the same page");
    }
    Ok(page)
}
