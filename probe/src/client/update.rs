//! Updates: a manifest that two pinned keys may sign, whose serial number only rises, and that does not live for ever.
//!
//! Nothing is believed before its signature. A manifest that is older than one seen before (a rollback), past its day,
//! cut short or signed by another key is refused, and the program stays as it is.

use std::io;
use std::path::Path;

use data::digest::digest;
use data::update::{MANIFEST, MANIFEST_LIMIT_BYTES, SUITE_LIMIT_BYTES};
use minisign_verify::{PublicKey, Signature};

pub use data::update::{Manifest, Program, SuiteFile};

use super::ClientError;
use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::{runs, suites};

/// Keys of those who publish this build, in minisign's base64, separated by a comma; set when it is built.
pub const PINNED: Option<&str> = option_env!("LLM_SPEED_UPDATE_KEYS");

/// No archive is larger.
const ARCHIVE_LIMIT_BYTES: usize = 256 << 20;

/// Why there is no update.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The way there failed.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// A key that is none: the build is at fault.
    #[error("this build's update keys cannot be read")]
    Keys,
    /// The signature is missing, of another key, or of other bytes.
    #[error("the update's manifest is not signed by those who publish this program; nothing was changed")]
    Signature,
    /// The signed bytes are no manifest.
    #[error("the update's manifest cannot be read: {0}")]
    Manifest(String),
    /// An older manifest than one that was seen.
    #[error(
        "the update's manifest is number {offered}, number {seen} was seen before: refused as a rollback"
    )]
    Rollback {
        /// Its number.
        offered: u64,
        /// The highest that was seen.
        seen: u64,
    },
    /// Past its day.
    #[error("the update's manifest was good until {0}; whoever publishes it must sign a new one")]
    Stale(String),
    /// The bytes of a program or a suite are others than the manifest names.
    #[error("the file that was fetched is not the one that was signed; nothing was changed")]
    Archive,
    /// A suite that cannot be used.
    #[error("the suite {id} cannot be used: {why}")]
    Suite {
        /// Its id.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no program for this machine.
    #[error("version {version} has no program for {target}")]
    NoProgram {
        /// The version.
        version: String,
        /// This machine.
        target: String,
    },
    /// Our own file cannot be replaced.
    #[error("the program cannot be replaced: {0}")]
    Replace(#[from] io::Error),
}

impl From<HttpError> for UpdateError {
    fn from(error: HttpError) -> UpdateError {
        UpdateError::Client(error.into())
    }
}

/// What the machine knows about updates.
pub struct Known<'a> {
    /// Any of these may have signed.
    pub keys: &'a [&'a str],
    /// Folder that remembers the highest serial number.
    pub folder: &'a Path,
    /// Today, `2026-11-22`.
    pub today: &'a str,
}

/// The highest serial number that was believed.
fn seen(folder: &Path) -> u64 {
    let text = std::fs::read_to_string(folder.join("update-serial")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Fetches the manifest and believes it only if everything about it is right; then its number is remembered.
///
/// # Errors
/// Any [`UpdateError`].
pub fn manifest(server: &Url, known: &Known<'_>) -> Result<Manifest, UpdateError> {
    let bytes = fetch(server, &format!("/update/{MANIFEST}"), MANIFEST_LIMIT_BYTES)?;
    let signature = fetch(server, &format!("/update/{MANIFEST}.minisig"), MANIFEST_LIMIT_BYTES)?;
    check_signature(&bytes, &signature, known.keys)?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| UpdateError::Manifest(error.to_string()))?;
    let seen = seen(known.folder);
    if manifest.serial < seen {
        return Err(UpdateError::Rollback { offered: manifest.serial, seen });
    }
    if !manifest.is_good_on(known.today) {
        return Err(UpdateError::Stale(manifest.expires));
    }
    runs::write_whole(&known.folder.join("update-serial"), manifest.serial.to_string().as_bytes())?;
    Ok(manifest)
}

fn check_signature(bytes: &[u8], signature: &[u8], keys: &[&str]) -> Result<(), UpdateError> {
    let text = String::from_utf8_lossy(signature);
    let signature = Signature::decode(&text).map_err(|_| UpdateError::Signature)?;
    for key in keys {
        let key = PublicKey::from_base64(key.trim()).map_err(|_| UpdateError::Keys)?;
        if key.verify(bytes, &signature, false).is_ok() {
            return Ok(());
        }
    }
    Err(UpdateError::Signature)
}

/// This kind of machine, as manifests name it.
pub fn target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Whether `offered` is a later version than ours: numbers between the dots, compared one by one.
pub fn is_newer(offered: &str, ours: &str) -> bool {
    let numbers =
        |text: &str| -> Vec<u64> { text.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    numbers(offered) > numbers(ours)
}

/// Fetches the program that a manifest names and puts it in the place of `program`, whole or not at all.
///
/// # Errors
/// Any [`UpdateError`]; then the old program is as it was.
pub fn install(server: &Url, manifest: &Manifest, program: &Path) -> Result<(), UpdateError> {
    let target = target();
    let found = manifest.programs.iter().find(|candidate| candidate.target == target);
    let found = found.ok_or_else(|| UpdateError::NoProgram { version: manifest.version.clone(), target })?;
    let bytes = fetch(server, &format!("/update/{}", found.path), ARCHIVE_LIMIT_BYTES)?;
    if digest(&bytes) != found.sha256 {
        return Err(UpdateError::Archive);
    }
    let permissions = std::fs::metadata(program)?.permissions();
    runs::write_whole_as(program, &bytes, Some(permissions))?;
    Ok(())
}

/// Fetches the suites that a manifest names and that are not here yet, and keeps them; their ids. One that differs from
/// what was published under its id before is refused: a published suite never changes.
///
/// # Errors
/// Any [`UpdateError`]; suites that are here stay as they are.
pub fn keep_suites(server: &Url, manifest: &Manifest, folder: &Path) -> Result<Vec<String>, UpdateError> {
    let mut kept = Vec::new();
    for file in &manifest.suites {
        let bytes = fetch(server, &format!("/update/{}", file.path), SUITE_LIMIT_BYTES)?;
        if digest(&bytes) != file.sha256 {
            return Err(UpdateError::Archive);
        }
        let suite = suites::read(&bytes).map_err(|why| UpdateError::Suite { id: file.id.clone(), why })?;
        let other = |why: &str| UpdateError::Suite { id: file.id.clone(), why: why.to_owned() };
        if suite.id != file.id {
            return Err(other("it calls itself by another id"));
        }
        match suites::find(folder, &suite.id) {
            Some(known) if known == suite => {}
            Some(_) => {
                return Err(other("another suite has this id already, and a published suite never changes"));
            }
            None => {
                suites::keep(folder, &suite)?;
                kept.push(suite.id);
            }
        }
    }
    Ok(kept)
}

fn fetch(server: &Url, resource: &str, limit_bytes: usize) -> Result<Vec<u8>, HttpError> {
    Connection::new(server.clone(), Vec::new(), Timeouts::PATIENT).get(resource)?.body.read_all(limit_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(is_newer("0.10.0", "0.9.9") && is_newer("1.0", "0.99.1"));
        assert!(!is_newer("0.1.0", "0.1.0") && !is_newer("0.0.9", "0.1.0") && !is_newer("x", "0.1.0"));
    }
}
