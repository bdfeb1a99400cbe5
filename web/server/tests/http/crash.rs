//! The process is killed in the middle of a burst, again and again: what was acknowledged is there, once, and the log
//! holds it where its receipt says. On a file and on a PostgreSQL database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use data::submission::Receipt;

use crate::postgres;
use crate::program::{Place, Program, UNLIMITED, all_is_there, submit};

/// Rounds; `cargo xtask bench server` asks for more.
const ROUNDS: &str = "LLM_SPEED_KILL_ROUNDS";
/// Clients at once.
const CLIENTS: u8 = 6;

async fn killed_again_and_again(place: Place<'_>) {
    let rounds: u32 = std::env::var(ROUNDS).ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let acknowledged: Arc<Mutex<BTreeMap<u64, Receipt>>> = Arc::default();
    let number = Arc::new(AtomicU32::new(0));
    for round in 0..rounds {
        let before = acknowledged.lock().unwrap().len();
        let mut program = Program::start(place, &UNLIMITED);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (address, acknowledged, number) =
                    (program.address.clone(), acknowledged.clone(), number.clone());
                tokio::spawn(async move {
                    while let Some((status, answer)) =
                        submit(&address, client, number.fetch_add(1, Ordering::Relaxed)).await
                    {
                        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
                        // An answer that was cut acknowledges nothing.
                        let Ok(receipt) = serde_json::from_slice::<Receipt>(&answer) else { break };
                        let place = receipt.log_index.unwrap();
                        let before = acknowledged.lock().unwrap().insert(place, receipt);
                        assert!(before.is_none(), "a place twice: {before:?}");
                    }
                })
            })
            .collect();
        // Into the middle of the burst, wherever that is on this machine.
        let wanted = before + 3 + round as usize % 5;
        let end = Instant::now() + Duration::from_secs(20);
        while acknowledged.lock().unwrap().len() < wanted && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(round % 7) * 5)).await;
        program.kill();
        for client in clients {
            client.await.unwrap();
        }
    }
    let program = Program::start(place, &UNLIMITED);
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() as u32 >= 3 * rounds, "a burst of {} in {rounds} rounds", acknowledged.len());
    let stored = all_is_there(&program.address, place, acknowledged.values()).await;
    println!("{rounds} kills: {} acknowledged, all there once; {stored} stored", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_run_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    killed_again_and_again(Place { dir: dir.path(), url: None }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_run_survives_a_kill_on_postgres() {
    let Some(url) = postgres::database("a kill on PostgreSQL") else { return };
    let dir = tempfile::tempdir().unwrap();
    killed_again_and_again(Place { dir: dir.path(), url: Some(&url) }).await;
}
