//! Network addresses as keys that lead nowhere: hashed under a key of the day, which is gone after two days.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sqlx::{Any, Row, Transaction};

use super::secrets::{keyed, random};
use super::{Store, StoreError};
use crate::gate::day::DAY_MS;

/// Turns addresses into keys.
#[derive(Debug, Default)]
pub struct Addresses {
    today: Mutex<Option<(i64, Vec<u8>)>>,
}

/// Days after which a key is gone.
const KEPT_DAYS: i64 = 2;

impl Addresses {
    /// The key of an address today. An IPv6 network hands out addresses by the billion, so its first half counts.
    pub async fn key(&self, store: &Store, address: IpAddr, now_ms: i64) -> Result<String, StoreError> {
        let day = now_ms.div_euclid(DAY_MS);
        let known = self.today.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let key = match known {
            Some((of, key)) if of == day => key,
            _ => {
                let key = store.day_key(day).await?;
                *self.today.lock().unwrap_or_else(PoisonError::into_inner) = Some((day, key.clone()));
                key
            }
        };
        Ok(keyed(&key, &network(address))[..32].to_owned())
    }
}

/// The part of an address that one subscriber has to himself.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

/// Deletes the keys of days gone by, with what was kept under them.
async fn forget(line: &mut Transaction<'static, Any>, day: i64) -> Result<(), StoreError> {
    for statement in ["DELETE FROM day_key WHERE day <= $1", "DELETE FROM seen WHERE day <= $1"] {
        sqlx::query(statement).bind(day - KEPT_DAYS).execute(&mut **line).await?;
    }
    Ok(())
}

impl Store {
    /// Deletes what is kept for a day or two and has served its time: a server that nobody visits forgets all the same.
    pub async fn forget_days(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut line = self.begin().await?;
        super::ledger::stand_in_line(&mut line).await?;
        forget(&mut line, now_ms.div_euclid(DAY_MS)).await?;
        super::limit::forget(&mut line, now_ms).await?;
        line.commit().await?;
        Ok(())
    }

    /// The key of a day; the keys of days gone by are deleted, with what was kept under them.
    async fn day_key(&self, day: i64) -> Result<Vec<u8>, StoreError> {
        let mut line = self.begin().await?;
        super::ledger::stand_in_line(&mut line).await?;
        forget(&mut line, day).await?;
        let kept =
            sqlx::query("SELECT value FROM day_key WHERE day = $1").bind(day).fetch_optional(&mut *line);
        let key = match kept.await? {
            Some(row) => row.try_get("value")?,
            None => {
                let key = random()?.to_vec();
                sqlx::query("INSERT INTO day_key (day, value) VALUES ($1, $2)")
                    .bind(day)
                    .bind(&key[..])
                    .execute(&mut *line)
                    .await?;
                key
            }
        };
        line.commit().await?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_is_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::7"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
