//! Runs that were sent: their result at a server, and the key that speaks for it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::client::{Client, receipt};
use crate::identity::Secret;
use crate::runs::{self, SavedRun};

/// Which run, at which server.
#[derive(clap::Args)]
pub struct Which {
    /// The run's id, or its file.
    #[arg(value_name = "RUN_ID")]
    pub run: String,
    /// The server; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// A run and its result.
pub struct SentRun {
    pub saved: SavedRun,
    pub client: Client,
    /// The result's id.
    pub result: String,
    folder: PathBuf,
}

impl SentRun {
    /// Finds the receipt.
    pub fn find(which: &Which) -> Result<SentRun> {
        let folder = runs::data_folder()?;
        let saved = runs::load(&folder, &which.run)?;
        let client = super::upload::client(which.server.as_deref())?;
        let place = client.place();
        let kept = receipt::of(&folder, &saved.run_id).into_iter().find(|kept| kept.server == place);
        let kept = kept.with_context(|| format!("run {} was not sent to {place} from here", saved.run_id))?;
        let result = result_of(&kept.page).to_owned();
        Ok(SentRun { saved, client, result, folder })
    }

    /// The result's page.
    pub fn page(&self) -> String {
        self.client.page(&format!("/r/{}", self.result))
    }

    /// Seed of the key that signed the run.
    pub fn seed(&self) -> Result<[u8; 32]> {
        seed(&self.saved, &self.folder)
    }
}

/// Seed of the key that signed a run.
pub fn seed(saved: &SavedRun, folder: &Path) -> Result<[u8; 32]> {
    if let Some(seed) = saved.anonymous_key {
        return Ok(seed);
    }
    let signed = saved.verify()?;
    let secret = Secret::of_installation(folder)
        .context("the installation's secret, which the run was signed with, cannot be read")?;
    let month = signed.measured_on.get(..7).context("the run has no date")?;
    Ok(secret.signer(&signed.fingerprint.hardware_descriptor(), month).seed)
}

/// The result that a page shows.
pub fn result_of(page: &str) -> &str {
    let page = page.split(['#', '?']).next().unwrap_or_default();
    page.rsplit('/').next().unwrap_or_default()
}

/// Prints what would be sent, byte for byte, and ends the line. Beside it go a signature or a proof of work, which tell
/// nothing of this machine.
pub fn print(payload: &[u8], out: &mut dyn Write) -> Result<()> {
    out.write_all(payload)?;
    Ok(writeln!(out)?)
}

/// The newest run that was sent to a server from here under the machine's own key.
pub fn newest(folder: &Path, client: &Client) -> Option<SentRun> {
    let place = client.place();
    let mut found: Option<(SavedRun, String)> = None;
    for entry in std::fs::read_dir(folder.join("receipts")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
        let Some(kept) = receipt::of(folder, &name).into_iter().find(|kept| kept.server == place) else {
            continue;
        };
        let Ok(saved) = runs::load(folder, &name) else { continue };
        if saved.anonymous_key.is_some() {
            continue;
        }
        let day = |run: &SavedRun| run.verify().map(|signed| signed.measured_on).unwrap_or_default();
        if found.as_ref().is_none_or(|(newest, _)| day(&saved) >= day(newest)) {
            found = Some((saved, result_of(&kept.page).to_owned()));
        }
    }
    let sent = |(saved, result)| SentRun { saved, client: client.clone(), result, folder: folder.to_owned() };
    found.map(sent)
}
