//! Network addresses as keys that lead nowhere: hashed under a key of the day, which is gone after two days.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sqlx::Row;

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

impl Store {
    /// The key of a day; the keys of days gone by are deleted, with what was kept under them.
    async fn day_key(&self, day: i64) -> Result<Vec<u8>, StoreError> {
        let mut line = self.begin().await?;
        super::ledger::stand_in_line(&mut line).await?;
        sqlx::query("DELETE FROM day_key WHERE day <= $1").bind(day - KEPT_DAYS).execute(&mut *line).await?;
        sqlx::query("DELETE FROM seen WHERE day <= $1").bind(day - KEPT_DAYS).execute(&mut *line).await?;
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
