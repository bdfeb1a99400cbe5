//! Requests at a rate, whatever the answers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::program::Client;

/// Requests a second.
pub const RATE: f64 = 500.0;
/// Seconds of load.
const LOAD_S: f64 = 10.0;
/// Clients at once.
const CLIENTS: usize = 48;

/// Median and 99th percentile of an address's answers at [`RATE`] in milliseconds, from the moment at which each was due.
pub fn load(address: &str, path: &'static str) -> Result<[f64; 2]> {
    Client::open(address)?.ask(&format!("GET {path}"), "")?;
    // The first answer made what is kept; give it a moment to be read anew.
    std::thread::sleep(Duration::from_secs(2));
    let count = (RATE * LOAD_S) as usize;
    let begun = Instant::now() + Duration::from_millis(100);
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (next, address) = (next.clone(), address.to_owned());
            std::thread::spawn(move || -> Result<Vec<f64>> {
                let mut client = Client::open(&address)?;
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok(times);
                    }
                    let due = begun + Duration::from_secs_f64(number as f64 / RATE);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let (status, _) = client.ask(&format!("GET {path}"), "")?;
                    ensure!(status == 200, "{status}");
                    times.push(due.elapsed().as_secs_f64() * 1000.0);
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
    }
    let quantile = |share: f64| data::timings::quantile(&times, share).context("no answers");
    Ok([quantile(0.5)?, quantile(0.99)?])
}
