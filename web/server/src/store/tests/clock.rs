//! The server's clock is set: ahead and back, or back to what is right.

use std::time::{Duration, Instant};

use super::*;
use crate::gate::Because;
use crate::gate::day::DAY_MS;
use crate::store::{Addresses, Intake};

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

    /// The one who writes forgets by itself, by the server's clock, where nobody comes and where somebody always does: limits,
    /// spent work, and whatever ties a result to an address. What was accepted stays.
    async fn what_is_kept_for_a_day_is_forgotten(own: &Own) {
        let judging = own.judging(300).await;
        let rows = async || -> Vec<i64> {
            let mut rows = Vec::new();
            for statement in [
                "SELECT COUNT(*) AS rows FROM bucket",
                "SELECT COUNT(*) AS rows FROM nonce",
                "SELECT COUNT(*) AS rows FROM seen",
                "SELECT COUNT(*) AS rows FROM day_key",
            ] {
                rows.push(sqlx::Row::get(&sqlx::query(statement).fetch_one(&own.store.pool).await.unwrap(), "rows"));
            }
            rows
        };
        let fill = async |number: u32| {
            let key = Addresses::default().key(&own.store, "192.0.2.1".parse().unwrap(), now_ms()).await.unwrap();
            let candidate = worked(number, &format!("nonce{number}"), now_ms());
            let id = format!("run{number}");
            let one = Arrival { candidate, address: key, at_ms: now_ms(), id };
            assert!(own.store.take(&[one], &judging).await.unwrap().remove(0).is_ok());
            assert!(rows().await.iter().all(|count| *count > 0), "{:?}", rows().await);
        };
        let pace = Duration::from_millis(50);
        let until = async |holds: &dyn Fn(&[i64]) -> bool| {
            let end = Instant::now() + Duration::from_secs(60);
            while !holds(&rows().await) && Instant::now() < end {
                tokio::time::sleep(pace).await;
            }
            rows().await
        };
        fill(1).await;
        // By a clock that is right nothing has served its time.
        let (today, task) = Intake::forgetting_each(pace, own.store.clone(), judging.clone(), now_ms);
        tokio::time::sleep(10 * pace).await;
        assert!(rows().await.iter().all(|count| *count > 0), "{:?}", rows().await);
        drop(today);
        task.await.unwrap();
        // Three days on, and nobody comes.
        let (later, task) = Intake::forgetting_each(pace, own.store.clone(), judging.clone(), || now_ms() + 3 * DAY_MS);
        assert_eq!(until(&|rows| rows.iter().all(|count| *count == 0)).await, [0; 4]);
        assert!(own.store.result("run1").await.unwrap().is_some());
        drop(later);
        task.await.unwrap();
        // Somebody always comes: more wait than one batch takes, so there is no moment of rest between two.
        fill(2).await;
        let (later, _) = Intake::forgetting_each(4 * pace, own.store.clone(), judging.clone(), || now_ms() + 3 * DAY_MS);
        let again = worked(100, "again", now_ms());
        let busy: Vec<_> = (0..130)
            .map(|client| {
                let (door, candidate) = (later.clone(), again.clone());
                tokio::spawn(async move {
                    for number in 0..u32::MAX {
                        let id = format!("busy{client}-{number}");
                        let one = Arrival { candidate: candidate.clone(), address: "busy".into(), at_ms: now_ms(), id };
                        // All but the first are refused, which is work as well.
                        let _ = door.submit(one).await;
                    }
                })
            })
            .collect();
        assert_eq!(until(&|rows| rows[2..] == [0, 0]).await[2..], [0, 0]);
        busy.iter().for_each(tokio::task::JoinHandle::abort);
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
