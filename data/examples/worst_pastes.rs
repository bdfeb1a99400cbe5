//! How long the worst pastes take to be read, at 256 KiB each: `cargo xtask bench paste` runs it.
//!
//! An example of this crate, so that nothing but the reader has to be built; the pastes are those of the tests.

#[path = "../../tests/paste/worst.rs"]
mod worst;

/// Longest time that the worst paste may take, in milliseconds.
const LONGEST_MS: f64 = 30.0;

/// Each paste is read so often between two looks at the clock: the kernel moves it on by its own ticks, milliseconds each.
const TIMES: u32 = 16;

fn main() {
    let mut longest = 0.0_f64;
    for (name, bytes) in worst::worst() {
        let start = processor_ns();
        for _ in 0..TIMES {
            assert!(!data::paste::read(&bytes).says.is_empty());
        }
        let taken_ms = (processor_ns() - start) as f64 / 1e6 / f64::from(TIMES);
        println!("{taken_ms:>8.2} ms  {name}");
        longest = longest.max(taken_ms);
    }
    println!("{longest:>8.2} ms  the longest, of {LONGEST_MS} ms");
    println!("ratio: the worst paste of 256 KiB | {longest:.1} ms | 50 ms wanted | {:.1}", 50.0 / longest);
    assert!(longest < LONGEST_MS, "{longest:.1} ms");
}

/// Nanoseconds that this thread has had the processor: what a busy machine does beside it does not count.
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel");
    text.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds")
}
