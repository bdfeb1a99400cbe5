//! A signed checkpoint of the transparency log: a note as C2SP writes it down, signed with Ed25519.
//!
//! Form: <https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md>

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::envelope::{base64, unbase64};
use crate::merkle::Hash;
use crate::messages::WORDS;

/// How a log says how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// Not in the form of a signed note.
    Form,
    /// Nobody we know signed it.
    Signature,
}

impl core::fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            CheckpointError::Form => WORDS.checkpoint.form,
            CheckpointError::Signature => WORDS.checkpoint.signature,
        })
    }
}

impl core::error::Error for CheckpointError {}

/// Ed25519's number in a note's key id.
const ED25519: u8 = 1;

fn key_id(origin: &str, key: &[u8; 32]) -> [u8; 4] {
    let hash: Hash =
        Sha256::new().chain_update(origin).chain_update([b'\n', ED25519]).chain_update(key).finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }

    /// The signed note.
    #[must_use]
    pub fn sign(&self, seed: &[u8; 32]) -> String {
        let key = SigningKey::from_bytes(seed);
        let text = self.text();
        let mut blob = Vec::from(key_id(&self.origin, key.verifying_key().as_bytes()));
        blob.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.origin, base64(&blob))
    }

    /// Reads a note and finds this key's signature on it.
    ///
    /// # Errors
    /// When it has another form, or that signature is not there or not valid.
    pub fn verify(note: &str, key: &[u8; 32]) -> Result<Checkpoint, CheckpointError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(CheckpointError::Form)?;
        let text = format!("{text}\n");
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(CheckpointError::Form);
        let (origin, size, root) = (line()?, line()?, line()?);
        let checkpoint = Checkpoint {
            origin: origin.to_string(),
            size: size.parse().map_err(|_| CheckpointError::Form)?,
            root: unbase64(root).and_then(|bytes| bytes.try_into().ok()).ok_or(CheckpointError::Form)?,
        };
        if checkpoint.size.to_string() != size {
            return Err(CheckpointError::Form);
        }
        let id = key_id(origin, key);
        let key = VerifyingKey::from_bytes(key).map_err(|_| CheckpointError::Signature)?;
        let is_ours = signatures.lines().any(|line| {
            let blob = line.strip_prefix("\u{2014} ").and_then(|rest| rest.rsplit_once(' '));
            let Some(blob) = blob.filter(|(name, _)| *name == origin).and_then(|(_, blob)| unbase64(blob))
            else {
                return false;
            };
            let Some((blob_id, signature)) = blob.split_at_checked(4) else { return false };
            blob_id == id
                && Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(text.as_bytes(), &signature).is_ok())
        });
        if is_ours { Ok(checkpoint) } else { Err(CheckpointError::Signature) }
    }
}

/// The public key of a seed.
#[must_use]
pub fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    *SigningKey::from_bytes(seed).verifying_key().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_no_other_is() {
        let seed = [9; 32];
        let checkpoint = Checkpoint { origin: "log.example/x".into(), size: 20, root: [3; 32] };
        let note = checkpoint.sign(&seed);
        assert_eq!(note.lines().count(), 5, "{note}");
        assert_eq!(Checkpoint::verify(&note, &public_key(&seed)), Ok(checkpoint));
        let other = Checkpoint::verify(&note, &public_key(&[8; 32]));
        assert_eq!(other, Err(CheckpointError::Signature));
        let grown = note.replace("\n20\n", "\n21\n");
        assert_eq!(Checkpoint::verify(&grown, &public_key(&seed)), Err(CheckpointError::Signature));
        for broken in ["", "a\n\n", &note.replace("\n20\n", "\n020\n"), &note.replace("\n\n", "\n")] {
            assert_eq!(
                Checkpoint::verify(broken, &public_key(&seed)),
                Err(CheckpointError::Form),
                "{broken}"
            );
        }
    }
}
