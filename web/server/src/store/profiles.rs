//! Profiles: who signed in, and which machines are theirs. Unlike results they can be taken away whole.

use data::submission::State;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use data::digest::hex;

use super::secrets::random;
use super::{Store, StoreError, change, ledger};

/// Random signs behind a name that belongs to somebody else now.
const OTHER_NAME: usize = 16;
/// Tokens that one profile may have at once: as many machines sign in; the oldest gives way.
const TOKENS: i64 = 20;

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Id at the identity service; never shown.
    pub subject: String,
    /// The name there, as it is written.
    pub name: String,
    /// When it was made, in milliseconds since 1970 (UTC).
    pub created_at_ms: i64,
}

/// A profile with its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Whose.
    pub profile: Profile,
    /// Cells in which its machines have a vote.
    pub setups: u64,
    /// Results that its machines sent.
    pub results: u64,
    /// Its machines.
    pub machines: u64,
}

/// A result of a profile's machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributed {
    /// Its id.
    pub id: String,
    /// Day of the measurement.
    pub measured_on: String,
    /// Machine as cells name it.
    pub device: String,
    /// Model id.
    pub model: String,
    /// Quantisation id.
    pub quant: String,
    /// The runtime.
    pub runtime: String,
    /// Decode of its first point, tokens a second and stream.
    pub decode_tps: Option<f64>,
    /// Where it stands.
    pub state: State,
    /// Whether somebody doubts it.
    pub in_doubt: bool,
}

macro_rules! contributions {
    ($rest:literal) => {
        concat!(
            "SELECT profile.subject, profile.shown, profile.created_at_ms,
                (SELECT COUNT(DISTINCT vote.cell) FROM vote JOIN profile_machine ON profile_machine.voter = vote.voter
                 WHERE profile_machine.profile = profile.subject) AS setups,
                (SELECT COUNT(*) FROM run JOIN profile_machine ON profile_machine.voter = run.voter
                 WHERE profile_machine.profile = profile.subject) AS results,
                (SELECT COUNT(*) FROM profile_machine WHERE profile_machine.profile = profile.subject) AS machines
             FROM profile ",
            $rest
        )
    };
}

fn profile(row: &AnyRow) -> Result<Profile, StoreError> {
    Ok(Profile {
        subject: row.try_get("subject")?,
        name: row.try_get("shown")?,
        created_at_ms: row.try_get("created_at_ms")?,
    })
}

fn contribution(row: &AnyRow) -> Result<Contribution, StoreError> {
    let count = |name: &str| -> Result<u64, StoreError> { Ok(row.try_get::<i64, _>(name)? as u64) };
    Ok(Contribution {
        profile: profile(row)?,
        setups: count("setups")?,
        results: count("results")?,
        machines: count("machines")?,
    })
}

/// One name for however it is written.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Store {
    /// Somebody signed in: the profile is made or found again, and a token with this digest speaks for it from now on.
    pub async fn sign_in(
        &self,
        subject: &str,
        name: &str,
        token_hash: &str,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        let mut line = self.begin().await?;
        ledger::stand_in_line(&mut line).await?;
        ledger::touch(&mut line).await?;
        // The service gave the name to somebody else since: whoever has it there has it here. What the other is called from
        // now on is public, so it must not hold the number of the account.
        let other: String = hex(&random()?).chars().take(OTHER_NAME).collect();
        sqlx::query("UPDATE profile SET name = name || '~' || $3, shown = shown || '~' || $3 WHERE name = $1 AND subject <> $2")
            .bind(plain(name))
            .bind(subject)
            .bind(other)
            .execute(&mut *line)
            .await?;
        sqlx::query(
            "INSERT INTO profile (subject, name, shown, created_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (subject) DO UPDATE SET name = EXCLUDED.name, shown = EXCLUDED.shown",
        )
        .bind(subject)
        .bind(plain(name))
        .bind(name)
        .bind(at_ms)
        .execute(&mut *line)
        .await?;
        sqlx::query("INSERT INTO profile_token (hash, profile, created_at_ms) VALUES ($1, $2, $3)")
            .bind(token_hash)
            .bind(subject)
            .bind(at_ms)
            .execute(&mut *line)
            .await?;
        sqlx::query(
            "DELETE FROM profile_token WHERE profile = $1 AND hash NOT IN
                (SELECT hash FROM profile_token WHERE profile = $1 ORDER BY created_at_ms DESC, hash LIMIT $2)",
        )
        .bind(subject)
        .bind(TOKENS)
        .execute(&mut *line)
        .await?;
        line.commit().await?;
        Ok(())
    }

    /// The profile that a token speaks for, by the token's digest.
    pub async fn profile_of_token(&self, token_hash: &str) -> Result<Option<Profile>, StoreError> {
        let row = sqlx::query(
            "SELECT profile.subject, profile.shown, profile.created_at_ms
             FROM profile_token JOIN profile ON profile.subject = profile_token.profile
             WHERE profile_token.hash = $1",
        )
        .bind(token_hash)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(profile).transpose()
    }

    /// A machine, as it votes, belongs to a profile from now on; false where the profile is gone.
    pub async fn claim_machine(&self, subject: &str, voter: &str, at_ms: i64) -> Result<bool, StoreError> {
        let mut line = self.begin().await?;
        ledger::stand_in_line(&mut line).await?;
        let there = sqlx::query("SELECT subject FROM profile WHERE subject = $1").bind(subject);
        if there.fetch_optional(&mut *line).await?.is_none() {
            return Ok(false);
        }
        ledger::touch(&mut line).await?;
        sqlx::query(
            "INSERT INTO profile_machine (voter, profile, at_ms) VALUES ($1, $2, $3)
             ON CONFLICT (voter) DO UPDATE SET profile = EXCLUDED.profile, at_ms = EXCLUDED.at_ms",
        )
        .bind(voter)
        .bind(subject)
        .bind(at_ms)
        .execute(&mut *line)
        .await?;
        line.commit().await?;
        Ok(true)
    }

    /// Takes a profile away, with its tokens and its ties to machines; false where there is none.
    pub async fn unlink(&self, subject: &str) -> Result<bool, StoreError> {
        let mut line = self.begin().await?;
        ledger::stand_in_line(&mut line).await?;
        ledger::touch(&mut line).await?;
        forget(&mut line, "DELETE FROM profile_token WHERE profile = $1", subject).await?;
        forget(&mut line, "DELETE FROM profile_machine WHERE profile = $1", subject).await?;
        let gone = forget(&mut line, "DELETE FROM profile WHERE subject = $1", subject).await?;
        line.commit().await?;
        Ok(gone > 0)
    }

    /// A profile by its name, however it is written.
    pub async fn contribution(&self, name: &str) -> Result<Option<Contribution>, StoreError> {
        let row = sqlx::query(contributions!("WHERE profile.name = $1"))
            .bind(plain(name))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(contribution).transpose()
    }

    /// Everybody who has a profile, those with a vote in most cells first, at most `limit`.
    pub async fn contributions(&self, limit: u32) -> Result<Vec<Contribution>, StoreError> {
        let rows = sqlx::query(contributions!("ORDER BY setups DESC, results DESC, profile.name LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(contribution).collect()
    }

    /// The name of the profile that a machine belongs to, by the name under which it votes.
    pub async fn profile_of_machine(&self, voter: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "SELECT profile.shown FROM profile_machine JOIN profile ON profile.subject = profile_machine.profile
             WHERE profile_machine.voter = $1",
        )
        .bind(voter)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| row.try_get("shown")).transpose()?)
    }

    /// What a profile's machines sent, newest first, at most `limit`.
    pub async fn contributed(&self, subject: &str, limit: u32) -> Result<Vec<Contributed>, StoreError> {
        let rows = sqlx::query(
            "SELECT run.id, run.measured_on, run.device, run.model, run.quant, run.runtime, standing.base,
                    standing.disputes, standing.events,
                    (SELECT metric.decode_tps FROM metric WHERE metric.run = run.id AND metric.decode_tps IS NOT NULL
                     ORDER BY metric.point LIMIT 1) AS decode_tps
             FROM run JOIN profile_machine ON profile_machine.voter = run.voter
                      JOIN standing ON standing.run = run.id
             WHERE profile_machine.profile = $1 ORDER BY run.log_index DESC LIMIT $2",
        )
        .bind(subject)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let standing = change::standing(row)?;
                Ok(Contributed {
                    id: row.try_get("id")?,
                    measured_on: row.try_get("measured_on")?,
                    device: row.try_get("device")?,
                    model: row.try_get("model")?,
                    quant: row.try_get("quant")?,
                    runtime: row.try_get("runtime")?,
                    decode_tps: row.try_get("decode_tps")?,
                    state: standing.state(),
                    in_doubt: standing.in_doubt(),
                })
            })
            .collect()
    }
}

async fn forget(
    line: &mut Transaction<'static, Any>,
    statement: &'static str,
    subject: &str,
) -> Result<u64, StoreError> {
    Ok(sqlx::query(statement).bind(subject).execute(&mut **line).await?.rows_affected())
}
