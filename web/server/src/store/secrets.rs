//! Keys of a site: made once, kept in its database, so that every process on it has the same.

use data::digest::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::{Any, Row, Transaction};

use super::{Store, StoreError};
use crate::gate::proof;

/// The keys.
#[derive(Clone)]
pub struct Secrets {
    /// Seed of the log's Ed25519 key.
    pub log_seed: [u8; 32],
    /// Key under which tags of machines are kept.
    pub pepper: [u8; 32],
    /// Keys of the proofs of work.
    pub proof: proof::Secret,
}

/// What must never be printed.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// How a machine's tag is kept: whoever reads the database cannot go back to it, and two sites cannot compare.
    pub fn stored_tag(&self, tag: &str) -> String {
        format!("t{}", &keyed(&self.pepper, tag.as_bytes())[..32])
    }
}

/// HMAC-SHA-256 in hexadecimal.
pub(super) fn keyed(key: &[u8], text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    hex(&mac.finalize().into_bytes())
}

/// Random bytes.
pub(super) fn random() -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Chance)?;
    Ok(bytes)
}

impl Store {
    /// The site's keys; made where there are none.
    pub async fn secrets(&self) -> Result<Secrets, StoreError> {
        let mut line = self.begin().await?;
        super::ledger::stand_in_line(&mut line).await?;
        let secrets = Secrets {
            log_seed: secret(&mut line, "log").await?,
            pepper: secret(&mut line, "pepper").await?,
            proof: proof::Secret {
                challenge: hex(&secret(&mut line, "challenge").await?),
                key: hex(&secret(&mut line, "challenge key").await?),
            },
        };
        line.commit().await?;
        Ok(secrets)
    }
}

async fn secret(line: &mut Transaction<'static, Any>, name: &str) -> Result<[u8; 32], StoreError> {
    let kept = sqlx::query("SELECT value FROM secret WHERE name = $1")
        .bind(name)
        .fetch_optional(&mut **line)
        .await?;
    if let Some(row) = kept {
        let value: Vec<u8> = row.try_get("value")?;
        return value.try_into().map_err(|_| StoreError::Broken("a key of another length"));
    }
    let value = random()?;
    sqlx::query("INSERT INTO secret (name, value) VALUES ($1, $2)")
        .bind(name)
        .bind(&value[..])
        .execute(&mut **line)
        .await?;
    Ok(value)
}
