//! How often: one statement takes from what a key may, and tells how long to wait where nothing is left.

use sqlx::{Any, AnyConnection, Row, Transaction};

use super::{Store, StoreError};
use crate::gate::day::DAY_MS;
use crate::gate::fields::CLOCK_SKEW_MS;

/// How often one network address may submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Milliseconds that each submission takes of what is allowed.
    pub each_ms: i64,
    /// Submissions that may come at once after a pause.
    pub burst: i64,
}

impl Limit {
    /// So many an hour, a third of them at once.
    pub fn an_hour(count: u32) -> Self {
        let count = i64::from(count.max(1));
        Limit { each_ms: (3_600_000 / count).max(1), burst: (count / 3).max(1) }
    }
}

impl Store {
    /// How many submissions an address has used up of late: what the work for the next one goes by.
    pub async fn used(&self, address: &str, limit: Limit, now_ms: i64) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT tat_ms FROM bucket WHERE key = $1")
            .bind(address)
            .fetch_optional(&self.pool)
            .await?;
        let until: i64 = row.map(|row| row.try_get("tat_ms")).transpose()?.unwrap_or(0);
        Ok(((until - now_ms).max(0) / limit.each_ms).min(64) as u32)
    }

    /// Takes one from what a key may, of anything that is not a submission; milliseconds to wait where nothing is left.
    pub async fn spend(&self, key: &str, limit: Limit, now_ms: i64) -> Result<Result<(), i64>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        charge(&mut connection, key, limit, now_ms).await
    }
}

/// Deletes what has served its time, and a day more: a clock that jumps ahead and back must not make spent work good again.
pub(super) async fn forget(line: &mut Transaction<'static, Any>, now_ms: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM nonce WHERE expires_at_ms < $1")
        .bind(now_ms - DAY_MS)
        .execute(&mut **line)
        .await?;
    sqlx::query("DELETE FROM bucket WHERE tat_ms < $1").bind(now_ms - DAY_MS).execute(&mut **line).await?;
    Ok(())
}

/// The generic cell rate algorithm in one statement: it moves the moment until which a key has used up its share, unless
/// that lies too far ahead; then no row comes back, and nothing has changed. A moment further ahead than a key can use up
/// was written by a clock that was wrong and is right again: the key begins anew rather than waits for that day.
pub(super) async fn charge(
    connection: &mut AnyConnection,
    key: &str,
    limit: Limit,
    now_ms: i64,
) -> Result<Result<(), i64>, StoreError> {
    let row = sqlx::query(
        "INSERT INTO bucket (key, tat_ms) VALUES ($1, $2 + $3)
         ON CONFLICT (key) DO UPDATE SET
             tat_ms = CASE WHEN bucket.tat_ms > $2 AND bucket.tat_ms <= $2 + $5 THEN bucket.tat_ms ELSE $2 END + $3
         WHERE bucket.tat_ms <= $2 + $4 OR bucket.tat_ms > $2 + $5
         RETURNING tat_ms",
    )
    .bind(key)
    .bind(now_ms)
    .bind(limit.each_ms)
    .bind(limit.each_ms * (limit.burst - 1))
    .bind(limit.each_ms * limit.burst + CLOCK_SKEW_MS)
    .fetch_optional(&mut *connection)
    .await?;
    if row.is_some() {
        return Ok(Ok(()));
    }
    let row =
        sqlx::query("SELECT tat_ms FROM bucket WHERE key = $1").bind(key).fetch_optional(connection).await?;
    let until: i64 = row.map(|row| row.try_get("tat_ms")).transpose()?.unwrap_or(now_ms);
    Ok(Err((until - limit.each_ms * (limit.burst - 1) - now_ms).max(1)))
}
