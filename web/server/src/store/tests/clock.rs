//! The server's clock is set: ahead and back, or back to what is right.

use super::*;
use crate::gate::Because;
use crate::gate::day::DAY_MS;
use crate::store::Addresses;

const HOUR_MS: i64 = 3_600_000;

/// A run of machine 1, its proof of work with this nonce, which expires twenty minutes after `made_ms`.
fn worked(number: u32, nonce: &str, made_ms: i64) -> Candidate {
    let mut run = sample::run(1, sample::estimated("rtx-3090"));
    run.backend.version = format!("b{number}");
    Candidate { nonce: Some((nonce.into(), made_ms + proof::GOOD_FOR_MS)), ..candidate(1, &run) }
}

on_both! {
    /// A nonce that was spent stays spent, also where the clock went far ahead, where it would have been forgotten, and came
    /// back.
    async fn spent_work_stays_spent(own: &Own) {
        let judging = own.judging(300).await;
        let now = now_ms();
        let send = async |number: u32, nonce: &str, at_ms: i64| {
            let candidate = worked(number, nonce, now);
            let one = Arrival { candidate, address: "a".into(), at_ms, id: format!("run{number}") };
            own.store.take(&[one], &judging).await.unwrap().remove(0)
        };
        assert!(send(1, "first", now).await.is_ok());
        for (number, ahead_ms) in [(2, 0), (3, 3 * HOUR_MS), (4, 0)] {
            // Something else comes while the clock is wrong: what has served its time is deleted then.
            assert!(send(10 + number, &format!("other{number}"), now + ahead_ms).await.is_ok());
            let refused = send(number, "first", now).await.unwrap_err();
            assert_eq!(refused.because, Because::Proof, "{refused:?}");
        }
    }

    /// Who submitted while the clock was an hour ahead need not wait an hour for it to be right again.
    async fn a_limit_does_not_outlast_a_wrong_clock(own: &Own) {
        let limit = Limit::an_hour(30);
        let now = now_ms();
        let spend = async |at_ms: i64| own.store.spend("key", limit, at_ms).await.unwrap();
        for _ in 0..10 {
            assert_eq!(spend(now + HOUR_MS).await, Ok(()));
        }
        assert!(spend(now + HOUR_MS).await.is_err(), "ten at once");
        for _ in 0..10 {
            assert_eq!(spend(now).await, Ok(()), "the clock is right again");
        }
        assert!(spend(now).await.is_err());
        // Clocks of two servers differ by a little, which resets nothing.
        assert!(spend(now - 60_000).await.is_err());
        // And back again: a day later everything is used up no more.
        assert_eq!(spend(now + 24 * HOUR_MS).await, Ok(()));
    }

    /// An address is a key that changes every day, and the keys of days gone by are deleted: nobody can tell it any more.
    async fn an_address_is_another_key_each_day(own: &Own) {
        let key = async |address: &str, at_ms: i64| {
            // As a process that has just started, which remembers no key.
            Addresses::default().key(&own.store, address.parse().unwrap(), at_ms).await.unwrap()
        };
        let noon = now_ms().div_euclid(DAY_MS) * DAY_MS + 12 * HOUR_MS;
        let today = key("203.0.113.7", noon).await;
        assert_eq!(key("203.0.113.7", noon + HOUR_MS).await, today);
        assert_ne!(key("203.0.113.8", noon).await, today);
        for day in 1..=5 {
            assert_ne!(key("203.0.113.7", noon + day * DAY_MS).await, today);
        }
        let row = sqlx::query("SELECT COUNT(*) AS days FROM day_key").fetch_one(&own.store.pool).await.unwrap();
        let days: i64 = sqlx::Row::get(&row, "days");
        assert!((1..=3).contains(&days), "{days} days are kept");
        assert_ne!(key("203.0.113.7", noon).await, today, "its key of that day is gone");
    }
}
