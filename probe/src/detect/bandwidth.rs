//! How fast all cores together read memory: what bounds decoding on a processor.

use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use data::timings::quantile;

/// What was measured, in GB/s (10⁹ bytes).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth {
    /// Plain reading: the median of several rounds.
    pub read_gb_s: f64,
    /// STREAM triad, `a = b + s × c`, by the bytes that STREAM counts (`TRIAD_STREAMS`), each thread by its own clock,
    /// summed: the median of rounds.
    pub triad_gb_s: f64,
    /// Threads that took part.
    pub threads: usize,
}

/// Bytes that each thread reads in a round: with all threads far beyond any cache, and long enough to time.
const BYTES_A_THREAD: usize = 96 << 20;

/// Smallest for all threads together: beyond the largest caches sold (1.1 GiB of stacked L3 exist in one socket; there
/// the many threads bring more than this anyway).
const BYTES_TOTAL_LEAST: usize = 192 << 20;

/// With less than this there is nothing to time.
const BYTES_A_THREAD_LEAST: usize = 1 << 20;

const GIB: f64 = (1u64 << 30) as f64;

/// Streams of bytes that a triad counts, as STREAM does: two that are read and one that is written. The line that a plain store
/// reads first on many processors counts for nobody.
const TRIAD_STREAMS: usize = 3;

/// Numbers that are added in one go: eight lanes of 64 bits, so that the compiler uses the widest registers.
const LANES: usize = 8;

/// Measures for about `budget` with one thread for each processor this program may use.
///
/// Rounds of one pass each. Reading is timed from the common start to the last thread's end, as a model's threads wait for
/// each other at every layer; the triad sums what each thread reached, as STREAM's usual programs do. The median counts and
/// not STREAM's best: a model reads for minutes beside whatever else the machine does, and a lucky round on a shared host is
/// half as much again.
///
/// `memory_gib` is what this program may have, where that is known; all threads together take a quarter of it at most.
pub fn measure(budget: Duration, memory_gib: Option<f64>) -> Bandwidth {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bytes = bytes_a_thread(threads, memory_gib);
    let words = bytes / size_of::<u64>() / (2 * LANES) * (2 * LANES);
    let read = typical_round(
        threads,
        budget / 2,
        || vec![1u64; words],
        |buffer| {
            black_box(sum(black_box(buffer)));
            words * size_of::<u64>()
        },
    );
    // Three buffers of a third each, for the same footprint.
    let third = words / 3;
    let triad_bytes = typical_round(
        threads,
        budget / 2,
        || (vec![0f64; third], vec![1f64; third], vec![2f64; third]),
        |(a, b, c)| {
            triad(a, b, c, black_box(3.0));
            black_box(&*a);
            TRIAD_STREAMS * third * size_of::<f64>()
        },
    );
    Bandwidth { read_gb_s: read.together / 1e9, triad_gb_s: triad_bytes.each / 1e9, threads }
}

/// What each thread takes, in bytes: 128 threads would take 12 GiB, and a container with less is killed for it. With little
/// memory caches serve a part of what is read, so that the result is rather too high than the machine brought down.
fn bytes_a_thread(threads: usize, memory_gib: Option<f64>) -> usize {
    const SHARE: f64 = 0.25;
    let wanted = BYTES_A_THREAD.max(BYTES_TOTAL_LEAST / threads);
    let allowed = memory_gib.map_or(usize::MAX, |gib| (gib * SHARE * GIB / threads as f64) as usize);
    wanted.min(allowed.max(BYTES_A_THREAD_LEAST))
}

/// Wrapping sum in [`LANES`] lanes.
fn sum(words: &[u64]) -> u64 {
    let mut lanes = [0u64; LANES];
    for chunk in words.chunks_exact(LANES) {
        for (lane, word) in lanes.iter_mut().zip(chunk) {
            *lane = lane.wrapping_add(*word);
        }
    }
    lanes.iter().fold(0, |total, lane| total.wrapping_add(*lane))
}

fn triad(a: &mut [f64], b: &[f64], c: &[f64], scale: f64) {
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        *a = b + scale * c;
    }
}

/// Bytes a second of the median round.
struct Rate {
    /// Of all threads, from the common start to the last one's end.
    together: f64,
    /// The sum of what each thread reached between its own start and end.
    each: f64,
}

/// One round as its threads report it.
struct Round {
    start: Instant,
    end: Instant,
    bytes: usize,
    /// Sum of the threads' own rates, bytes a second.
    each: f64,
}

/// The typical round. `make` gives each thread its own memory, touched by that thread, so that on
/// machines with several memory nodes it lies beside it; `pass` goes over it once and says how many bytes that moved.
fn typical_round<T>(
    threads: usize,
    budget: Duration,
    make: impl Fn() -> T + Sync,
    pass: impl Fn(&mut T) -> usize + Sync,
) -> Rate {
    let barrier = Barrier::new(threads);
    let rounds: Mutex<Vec<Round>> = Mutex::new(Vec::new());
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut memory = make();
                // Once untimed: pages are mapped, clocks ramp up.
                pass(&mut memory);
                for round in 0.. {
                    // One leader decides for all, so that none waits for a thread that has left.
                    if barrier.wait().is_leader() {
                        let enough = round >= 3 && begin.elapsed() >= budget;
                        let mut rounds = lock(&rounds);
                        if enough {
                            rounds.push(Round { start: begin, end: begin, bytes: 0, each: 0.0 });
                        }
                    }
                    barrier.wait();
                    if lock(&rounds).last().is_some_and(|round| round.bytes == 0) {
                        break;
                    }
                    let start = Instant::now();
                    let bytes = pass(&mut memory);
                    let end = Instant::now();
                    let each = bytes as f64 / (end - start).as_secs_f64();
                    let mut rounds = lock(&rounds);
                    match rounds.get_mut(round) {
                        Some(all) => {
                            (all.start, all.end) = (all.start.min(start), all.end.max(end));
                            (all.bytes, all.each) = (all.bytes + bytes, all.each + each);
                        }
                        None => rounds.push(Round { start, end, bytes, each }),
                    }
                }
            });
        }
    });
    let rounds = lock(&rounds);
    let middle = |of: &dyn Fn(&Round) -> f64| {
        let rates: Vec<f64> = rounds.iter().filter(|round| round.bytes > 0).map(of).collect();
        quantile(&rates, 0.5).unwrap_or(0.0)
    };
    Rate {
        together: middle(&|round| round.bytes as f64 / (round.end - round.start).as_secs_f64()),
        each: middle(&|round| round.each),
    }
}

/// A thread that panicked while it held the lock would have ended the scope with a panic already.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_really_done() {
        let words: Vec<u64> = (0..4096).collect();
        assert_eq!(sum(&words), 4096 * 4095 / 2);
        let mut a = vec![0.0; 3];
        triad(&mut a, &[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0], 0.5);
        assert_eq!(a, [6.0, 12.0, 18.0]);
    }

    #[test]
    fn bytes_of_all_threads_over_the_time_of_the_slowest() {
        // Two threads, each "moves" a million bytes in 20 ms: 100 MB/s, less what waking up costs.
        let rate = typical_round(
            2,
            Duration::from_millis(1),
            || (),
            |()| {
                std::thread::sleep(Duration::from_millis(20));
                1_000_000
            },
        );
        let Rate { together, each } = rate;
        assert!(together > 40e6 && together <= 100e6, "{together}");
        assert!(
            each >= together && each <= 100e6,
            "by its own clock none waits for the other: {each}, {together}"
        );
    }

    #[test]
    fn no_more_than_a_quarter_of_the_memory_is_taken() {
        assert_eq!(bytes_a_thread(8, None), BYTES_A_THREAD);
        assert_eq!(bytes_a_thread(1, Some(64.0)), BYTES_TOTAL_LEAST);
        // 128 threads in a container of 8 GiB: 2 GiB together, not 12.
        assert_eq!(bytes_a_thread(128, Some(8.0)), 16 << 20);
        assert_eq!(bytes_a_thread(4, Some(0.0)), BYTES_A_THREAD_LEAST);
    }

    #[test]
    fn a_measurement_is_plausible_and_short() {
        let begin = Instant::now();
        let found = measure(Duration::from_millis(200), Some(4.0));
        assert!(found.read_gb_s > 0.5 && found.read_gb_s < 5000.0, "{found:?}");
        assert!(found.triad_gb_s > 0.5, "{found:?}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    }
}
