//! Who signs: a key that belongs to this machine and this month, and a tag that tells machines apart without naming one.
//!
//! All comes out of one secret of 32 random bytes that is made once and never leaves. The server sees neither it nor the
//! hardware descriptor's plain hash, so nobody can go from a tag back to a machine by trying descriptions.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use data::envelope::hex;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::runs;

/// The secret of this installation.
pub struct Secret([u8; 32]);

/// What a run is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Seed of the Ed25519 key.
    pub seed: [u8; 32],
    /// The machine's tag; none for anonymous runs.
    pub tag: Option<String>,
}

impl Secret {
    /// The installation's secret; made on first use.
    ///
    /// # Errors
    /// When the folder cannot be written or read, or the system has no randomness.
    pub fn of_installation(folder: &Path) -> io::Result<Secret> {
        let path = folder.join("secret");
        let of_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        match fs::read(&path) {
            // A disk that was full, once: nothing was ever signed with it.
            Ok(bytes) if bytes.is_empty() => {
                fs::remove_file(&path).map_err(of_path)?;
                make(&path).map_err(of_path)
            }
            Ok(bytes) => bytes.try_into().map(Secret).map_err(|_| {
                let message = format!("{} is damaged; remove it to begin anew", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(of_path)?;
                make(&path).map_err(of_path)
            }
            Err(error) => Err(of_path(error)),
        }
    }

    /// The signer for a machine in a month (`2026-11`).
    pub fn signer(&self, descriptor: &str, month: &str) -> Signer {
        let mut seed = [0; 32];
        let info = format!("llm-speed run key\n{month}\n{descriptor}");
        Hkdf::<Sha256>::new(None, &self.0)
            .expand(info.as_bytes(), &mut seed)
            .expect("32 bytes are far below the 8,160 that HKDF can give");
        Signer { seed, tag: Some(self.tag(descriptor)) }
    }

    fn tag(&self, descriptor: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"llm-speed machine tag\n");
        mac.update(descriptor.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

/// A signer that belongs to nothing.
///
/// # Errors
/// When the system has no randomness.
pub fn anonymous() -> io::Result<Signer> {
    Ok(Signer { seed: random()?, tag: None })
}

/// Random bytes.
///
/// # Errors
/// When the system has none.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// Makes a secret: written whole beside its place and then put there, so that a full disk leaves none. Where another
/// process was quicker, its secret is the one.
fn make(path: &Path) -> io::Result<Secret> {
    let secret: [u8; 32] = random()?;
    let neighbour = path.with_extension(format!("{}{}", runs::PART, std::process::id()));
    let placed = write_private(&neighbour, &secret).and_then(|()| match fs::hard_link(&neighbour, path) {
        // Not every file system has links.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&neighbour, path),
        placed => placed,
    });
    // In its place, or of no use.
    let _ = fs::remove_file(&neighbour);
    match placed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let bytes = fs::read(path)?;
            bytes.try_into().map(Secret).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
        }
        placed => placed.map(|()| Secret(secret)),
    }
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::of_installation(&folder.path().join("new")).unwrap();
        let again = Secret::of_installation(&folder.path().join("new")).unwrap();
        assert_eq!(first.0, again.0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("new/secret")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1, "nothing lies beside it");
        // What a full disk left behind in an older version.
        fs::write(folder.path().join("new/secret"), b"").unwrap();
        let anew = Secret::of_installation(&folder.path().join("new")).unwrap();
        assert_eq!(anew.0, Secret::of_installation(&folder.path().join("new")).unwrap().0);
        fs::write(folder.path().join("new/secret"), b"short").unwrap();
        assert!(Secret::of_installation(&folder.path().join("new")).is_err());
    }

    #[test]
    fn keys_change_with_machine_and_month_tags_with_the_machine_alone() {
        let secret = Secret([3; 32]);
        let here = secret.signer("cpu=a", "2026-11");
        assert_eq!(here, secret.signer("cpu=a", "2026-11"));
        let later = secret.signer("cpu=a", "2026-12");
        assert_ne!(here.seed, later.seed);
        assert_eq!(here.tag, later.tag);
        let there = secret.signer("cpu=b", "2026-11");
        assert!(there.seed != here.seed && there.tag != here.tag);
        assert_ne!(Secret([4; 32]).signer("cpu=a", "2026-11").tag, here.tag);
        assert_ne!(anonymous().unwrap().seed, anonymous().unwrap().seed);
    }
}
