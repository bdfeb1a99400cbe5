//! What a person sees while a run goes on: a line that is written over on a terminal, plain lines in a pipe.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use data::timings::quantile;

use crate::measure::{Series, decode_of};
use crate::plan::Point;

/// Cells of the bar.
const BAR: usize = 20;

/// One point's line.
pub(super) struct Progress {
    label: String,
    start: Instant,
    shared: Option<Arc<Shared>>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

/// What the line's thread looks at.
struct Shared {
    round: AtomicU32,
    done: AtomicBool,
}

impl Progress {
    /// The line of a point with the repeats that are planned for it; `left_s` is what it and those after it are expected to take.
    pub fn new(index: usize, points: &[Point], planned: u32, left_s: Option<f64>) -> Progress {
        let point = &points[index];
        let label = format!("[{}/{}] {} {}", index + 1, points.len(), point.workload, point.words());
        let start = Instant::now();
        if !std::io::stderr().is_terminal() {
            eprintln!("{label}");
            return Progress { label, start, shared: None, ticker: Mutex::new(None) };
        }
        let shared = Arc::new(Shared { round: AtomicU32::new(0), done: AtomicBool::new(false) });
        let (look, text) = (Arc::clone(&shared), label.clone());
        let ticker = std::thread::spawn(move || {
            while !look.done.load(Ordering::Relaxed) {
                let passed = start.elapsed();
                let round = look.round.load(Ordering::Relaxed);
                // A window may be made narrower meanwhile.
                let whole = line(&text, round, planned, passed, left_s);
                eprint!("{}\x1b[K\r", cut(&whole, columns()));
                std::thread::sleep(Duration::from_millis(250));
            }
        });
        Progress { label, start, shared: Some(shared), ticker: Mutex::new(Some(ticker)) }
    }

    /// So many repeats are done.
    pub fn show(&self, round: u32) {
        if let Some(shared) = &self.shared {
            shared.round.store(round, Ordering::Relaxed);
        }
    }

    fn stop(&self) {
        if let Some(shared) = &self.shared {
            shared.done.store(true, Ordering::Relaxed);
        }
        if let Some(ticker) = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It only prints; when it broke there is nothing to mend.
            let _ = ticker.join();
        }
    }

    /// The point is measured.
    pub fn done(&self, series: &Series) {
        self.stop();
        let rate = typical(series);
        let rate = rate.map_or_else(String::new, |rate| format!("{rate:.1} tok/s, "));
        let repeats = match series.rounds.len() {
            1 => "1 repeat".to_owned(),
            count => format!("{count} repeats"),
        };
        self.last(&format!("{rate}{repeats} in {:.0} s", self.start.elapsed().as_secs_f64()));
    }

    /// The point has no result.
    pub fn failed(&self, reason: &str, is_limit: bool) {
        self.stop();
        self.last(&format!("{} {reason}", if is_limit { "left out:" } else { "failed:" }));
    }

    fn last(&self, words: &str) {
        if self.shared.is_some() {
            eprintln!("{}: {words}\x1b[K", self.label);
        } else {
            eprintln!("  {words}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The rate that the table will have: the middle of the repeats.
fn typical(series: &Series) -> Option<f64> {
    let rates: Vec<f64> = series.rounds.iter().filter_map(|round| decode_of(round)).collect();
    quantile(&rates, 0.5)
}

/// Columns of the terminal; of one that does not tell, the fewest that are common.
fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// As much of a line as is written over by the next: a line that fills the last column begins another.
fn cut(line: &str, columns: usize) -> String {
    line.chars().take(columns.saturating_sub(1)).collect()
}

/// `[2/10] W2 … [#####---------------] repeat 2 of 3, about 40 s left`.
fn line(label: &str, done: u32, repeats: u32, passed: Duration, left_s: Option<f64>) -> String {
    let passed_s = passed.as_secs_f64();
    let share = f64::from(done) / f64::from(repeats.max(1));
    let filled = ((share * BAR as f64) as usize).min(BAR);
    let bar = format!("{}{}", "#".repeat(filled), "-".repeat(BAR - filled));
    let left = match left_s {
        Some(left_s) if left_s > passed_s => format!(", about {:.0} s left", left_s - passed_s),
        _ => format!(", {passed_s:.0} s"),
    };
    format!("{label} [{bar}] repeat {} of {}{left}", (done + 1).min(repeats.max(done)), repeats.max(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_repeat_is_told() {
        let round = |step_ms: f64| {
            let chunk = |n| data::timings::Chunk { at_ms: f64::from(n) * step_ms, tokens: 1 };
            let timings = data::timings::Timings {
                chunks: (0..11).map(chunk).collect(),
                output_tokens: 11,
                ..Default::default()
            };
            vec![crate::driver::Reply { timings, extras: serde_json::Value::Null }]
        };
        let series = Series { rounds: vec![round(10.0), round(10.0), round(40.0)], ..Series::default() };
        assert_eq!(typical(&series), Some(100.0), "not the last one's 25");
    }

    #[test]
    fn a_line_tells_how_far_and_how_long() {
        let text = line("W1", 1, 4, Duration::from_secs(3), Some(43.0));
        assert_eq!(text, "W1 [#####---------------] repeat 2 of 4, about 40 s left");
        let late = line("W1", 5, 3, Duration::from_secs(50), Some(43.0));
        assert_eq!(late, "W1 [####################] repeat 5 of 5, 50 s");
        let label = "[10/10] W4 1024 -> 256 tokens, 16 streams";
        let long = line(label, 1, 10, Duration::from_secs(3), Some(1043.0));
        assert!(long.len() > 80 && cut(&long, 80).len() == 79, "{long}");
        assert_eq!(cut("short", 80), "short");
    }
}
