//! Receipts of runs that were sent, kept beside the runs: what was taken once is not sent again.

use std::io;
use std::path::{Path, PathBuf};

use data::submission::Receipt;
use serde::{Deserialize, Serialize};

use crate::runs;

/// One run at one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Host and port.
    pub server: String,
    /// The result's page.
    pub page: String,
    /// What the server answered; none where it only said that it had the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

fn file(folder: &Path, run_id: &str) -> PathBuf {
    folder.join("receipts").join(format!("{run_id}.json"))
}

/// All receipts of a run; none where it was never sent.
pub fn of(folder: &Path, run_id: &str) -> Vec<Kept> {
    let bytes = std::fs::read(file(folder, run_id)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Keeps a receipt; a second one of the same server takes the first one's place.
///
/// # Errors
/// Those of the file system.
pub fn keep(folder: &Path, run_id: &str, kept: Kept) -> io::Result<()> {
    let mut all = of(folder, run_id);
    all.retain(|known| known.server != kept.server);
    all.push(kept);
    runs::write_whole(&file(folder, run_id), &serde_json::to_vec_pretty(&all)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_receipt_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let kept =
            |server: &str, page: &str| Kept { server: server.into(), page: page.into(), receipt: None };
        assert!(of(folder.path(), "abc").is_empty());
        for (server, page) in [("a:1", "x"), ("b:2", "y"), ("a:1", "z")] {
            keep(folder.path(), "abc", kept(server, page)).unwrap();
        }
        assert_eq!(of(folder.path(), "abc"), [kept("b:2", "y"), kept("a:1", "z")]);
        assert!(of(folder.path(), "other").is_empty());
    }
}
