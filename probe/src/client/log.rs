//! The server's transparency log, checked from here: its key and the last checkpoint are kept, so that a log that was
//! rewritten since is found out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use data::checkpoint::Checkpoint;
use data::digest::{hex, unhex32};
use data::merkle::{self, Hash};
use serde::{Deserialize, Serialize};

use super::{Client, ClientError};
use crate::http::HttpError;
use crate::runs;

/// What is remembered of a server's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Its public key, in hexadecimal.
    key: String,
    /// The last checkpoint, as it was signed.
    note: String,
}

/// How the log went on.
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    /// The checkpoint as it is now.
    pub now: Checkpoint,
    /// Its size when it was last looked at; none the first time.
    pub before: Option<u64>,
    /// The log's public key, in hexadecimal.
    pub key: String,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    hashes: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    hashes: Vec<String>,
}

fn file(folder: &Path, place: &str) -> PathBuf {
    folder.join("logs").join(format!("{}.json", place.replace([':', '[', ']'], "_")))
}

fn hashes(words: &[String]) -> Result<Vec<Hash>> {
    words.iter().map(|word| unhex32(word).context("the proof holds something that is no hash")).collect()
}

/// Fetches the checkpoint, sees that it continues the one that was kept, and keeps it.
///
/// # Errors
/// When the server does not answer, or its log is not what it was: then nothing is kept.
pub fn advance(client: &Client, folder: &Path) -> Result<Advance> {
    let path = file(folder, &client.place());
    let kept: Option<Kept> = match std::fs::read(&path) {
        Ok(bytes) => Some(
            serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged; remove it to trust the log anew", path.display()))?,
        ),
        Err(_) => None,
    };
    let key = client.get_text("the log's key", "/log/key")?.trim().to_owned();
    if let Some(kept) = &kept {
        ensure!(
            kept.key == key,
            "the log's key is another one than when it was first seen ({}); remove {} to trust it anew",
            kept.key,
            path.display()
        );
    }
    let public = unhex32(&key).context("the server's key is none")?;
    let note = client.get_text("the log's checkpoint", "/log/checkpoint")?;
    let now = Checkpoint::verify(&note, &public)?;
    let before = kept.map(|kept| Checkpoint::verify(&kept.note, &public)).transpose()?;
    if let Some(before) = &before {
        continues(client, before, &now)?;
    }
    let bytes = serde_json::to_vec_pretty(&Kept { key: key.clone(), note })?;
    runs::write_whole(&path, &bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Advance { now, before: before.map(|before| before.size), key })
}

fn continues(client: &Client, before: &Checkpoint, now: &Checkpoint) -> Result<()> {
    ensure!(
        now.size >= before.size,
        "the log has shrunk from {} entries to {}: entries were taken out",
        before.size,
        now.size
    );
    if before.size == 0 {
        return Ok(());
    }
    let resource = format!("/api/v1/log/consistency?from={}&to={}", before.size, now.size);
    let proof: Consistency = client.get("the consistency proof", &resource)?;
    let proof = hashes(&proof.hashes)?;
    ensure!(
        merkle::continues(before.size, now.size, &before.root, &now.root, &proof),
        "the log of {} entries does not continue the one of {} that was seen before: it was rewritten",
        now.size,
        before.size
    );
    Ok(())
}

/// Where in the log a payload's digest is, proven against a checkpoint.
///
/// # Errors
/// When the server does not answer, has no such payload, or its proof does not hold.
pub fn find(client: &Client, digest: &str, now: &Checkpoint) -> Result<u64> {
    let payload = unhex32(digest).context("a digest is 64 lower-case hexadecimal digits")?;
    let resource = format!("/api/v1/log/inclusion?digest={}&size={}", hex(&payload), now.size);
    let proof: Inclusion = match client.get("the inclusion proof", &resource) {
        Err(ClientError::Http(HttpError::Status { status: 404, .. })) => bail!(
            "{digest} is not in the log of {}, which has {} entries: no result with these bytes was taken there",
            client.place(),
            now.size
        ),
        found => found?,
    };
    if proof.size != now.size {
        bail!("the server's proof is for a log of {} entries, {} were asked for", proof.size, now.size);
    }
    let leaf = merkle::leaf(&payload);
    ensure!(
        merkle::includes(proof.index, now.size, leaf, &hashes(&proof.hashes)?, &now.root),
        "the server's proof does not lead to the log's root: the run is not in the log"
    );
    Ok(proof.index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::heard::asked;

    #[test]
    fn a_digest_that_is_in_no_log_is_told_so() {
        let digest = "ab".repeat(32);
        let now = Checkpoint { origin: String::new(), size: 7, root: [0; 32] };
        let request = asked("404 Not Found", "{}", |client| {
            let says = format!("{:#}", find(client, &digest, &now).unwrap_err());
            assert!(says.contains("is not in the log of 127.0.0.1") && says.contains("7 entries"), "{says}");
        });
        assert!(request.contains(&digest), "{request}");
    }
}
