//! Runs that were sent: their result at a server, and the key that speaks for it.

use std::path::PathBuf;

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
        let page = kept.page.split(['#', '?']).next().unwrap_or_default();
        let result = page.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(SentRun { saved, client, result, folder })
    }

    /// The result's page.
    pub fn page(&self) -> String {
        self.client.page(&format!("/r/{}", self.result))
    }

    /// Seed of the key that signed the run.
    pub fn seed(&self) -> Result<[u8; 32]> {
        if let Some(seed) = self.saved.anonymous_key {
            return Ok(seed);
        }
        let signed = self.saved.verify()?;
        let secret = Secret::of_installation(&self.folder)
            .context("the installation's secret, which the run was signed with, cannot be read")?;
        let month = signed.measured_on.get(..7).context("the run has no date")?;
        Ok(secret.signer(&signed.fingerprint.hardware_descriptor(), month).seed)
    }
}
