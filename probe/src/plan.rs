//! What will be run: the suite's workloads cut to what was asked for, what the model can hold and what time allows.

use std::iter::Sum;
use std::time::Duration;

use data::row::SuiteRow;
use estimator::Range;

use crate::trace;

/// One point of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// `W1` … `W5`.
    pub workload: String,
    /// Its name: `chat-short`.
    pub name: String,
    /// Tokens of the prompt; of a trace its last turn.
    pub prompt_tokens: u32,
    /// Tokens to make, each turn.
    pub output_tokens: u32,
    /// Streams at the same time.
    pub streams: u32,
    /// Turns; more than one is a trace.
    pub turns: u32,
}

/// What is estimated for a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Decode rate of each stream, tokens a second.
    pub decode_tps: Range,
    /// Prefill rate of one stream alone, tokens a second.
    pub prefill_tps: Range,
    /// Time to the first token of all streams, milliseconds.
    pub ttft_ms: Option<Range>,
}

/// Tokens on their way to a model and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of prompts.
    pub sent: u64,
    /// Of answers.
    pub asked_for: u64,
}

impl Sum for Tokens {
    fn sum<I: Iterator<Item = Tokens>>(all: I) -> Tokens {
        all.fold(Tokens::default(), |sum, one| Tokens {
            sent: sum.sent + one.sent,
            asked_for: sum.asked_for + one.asked_for,
        })
    }
}

/// How much is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A smoke test of half a minute: W1 with fewer tokens.
    Quick,
    /// Everything that two minutes allow.
    Default,
    /// Everything, however long it takes.
    Full,
}

impl Extent {
    /// Time for all workloads together; none is without limit.
    pub fn budget(self) -> Option<Duration> {
        match self {
            Extent::Quick => Some(Duration::from_secs(25)),
            Extent::Default => Some(Duration::from_secs(115)),
            Extent::Full => None,
        }
    }

    /// Fewest and most repeats of a point.
    pub fn repeats(self) -> (u32, u32) {
        match self {
            Extent::Quick => (2, 3),
            Extent::Default => (3, 10),
            Extent::Full => (5, 20),
        }
    }
}

impl Point {
    /// Prompt and answer together, each stream.
    pub fn context_tokens(&self) -> u32 {
        self.prompt_tokens + self.output_tokens
    }

    /// Seconds that a repeat takes at these rates, tokens a second; streams share the prefill, and decode side by side.
    pub fn repeat_s(&self, prefill_tps: f64, decode_tps: f64) -> f64 {
        let prompts = f64::from(self.prompt_tokens) * f64::from(self.streams);
        let outputs = f64::from(self.output_tokens) * f64::from(self.turns);
        (prompts / prefill_tps + outputs / decode_tps).clamp(0.0, 1e7)
    }

    /// Seconds of the warm-up at these rates.
    pub fn warm_up_s(&self, prefill_tps: f64, decode_tps: f64) -> f64 {
        let prompts = f64::from(self.warm_up_tokens()) * f64::from(self.streams);
        let outputs = f64::from(WARM_UP_OUTPUT_TOKENS) * f64::from(self.streams);
        (prompts / prefill_tps + outputs / decode_tps).clamp(0.0, 1e7)
    }

    /// Tokens of a warm-up's prompt: a long one is not read twice for that.
    pub fn warm_up_tokens(&self) -> u32 {
        self.prompt_tokens.min(512)
    }

    /// Tokens that its warm-up and so many repeats send and ask for, whatever comes out of a cache: each turn of a trace sends
    /// the whole conversation so far.
    pub fn tokens(&self, repeats: u32) -> Tokens {
        let streams = u64::from(self.streams);
        let prompts = match self.turns {
            0 | 1 => f64::from(self.prompt_tokens),
            turns => {
                let read: f64 = (1..=turns).map(trace::share).sum();
                f64::from(self.prompt_tokens) * read / trace::share(turns)
            }
        };
        let outputs = u64::from(self.output_tokens) * u64::from(self.turns.max(1));
        let repeats = u64::from(repeats);
        Tokens {
            sent: streams * (u64::from(self.warm_up_tokens()) + repeats * prompts.round() as u64),
            asked_for: streams * (u64::from(WARM_UP_OUTPUT_TOKENS) + repeats * outputs),
        }
    }

    /// The point in words: `128 -> 256 tokens`.
    pub fn words(&self) -> String {
        let Point { prompt_tokens, output_tokens, streams, turns, .. } = self;
        match (*turns, *streams) {
            (turns, _) if turns > 1 => format!("{turns} turns to {prompt_tokens} tokens"),
            (_, 1) => format!("{prompt_tokens} -> {output_tokens} tokens"),
            (_, streams) => format!("{prompt_tokens} -> {output_tokens} tokens, {streams} streams"),
        }
    }
}

/// Tokens of a warm-up's answer.
pub const WARM_UP_OUTPUT_TOKENS: u32 = 16;

/// Cuts a trace to its first turns.
pub fn cut_turns(points: &mut [Point], turns: u32) {
    for point in points.iter_mut().filter(|point| point.turns > turns) {
        point.turns = turns;
        point.prompt_tokens = (f64::from(point.prompt_tokens) * trace::share(turns)).round().max(1.0) as u32;
    }
}

/// The points of a suite, in the order of their importance: all W1, then W2, W4's and W3's smaller points before their
/// larger ones, so that what time cuts off is the largest.
///
/// # Errors
/// A sentence that names the workloads there are.
pub fn points(suite: &SuiteRow, wanted: &[String], extent: Extent) -> Result<Vec<Point>, String> {
    for name in wanted {
        if !suite
            .workload
            .iter()
            .any(|row| row.id.eq_ignore_ascii_case(name) || row.name.eq_ignore_ascii_case(name))
        {
            let all: Vec<String> =
                suite.workload.iter().map(|row| format!("{} ({})", row.id, row.name)).collect();
            return Err(format!("there is no workload {name}; {} has {}", suite.id, all.join(", ")));
        }
    }
    let mut points = Vec::new();
    for row in &suite.workload {
        let asked = wanted
            .iter()
            .any(|name| row.id.eq_ignore_ascii_case(name) || row.name.eq_ignore_ascii_case(name));
        let by_default = extent != Extent::Quick || row.id == suite.workload[0].id;
        if !(asked || (wanted.is_empty() && by_default)) {
            continue;
        }
        for prompt_tokens in &row.prompt_tokens {
            for streams in &row.streams {
                let quick = extent == Extent::Quick;
                points.push(Point {
                    workload: row.id.clone(),
                    name: row.name.clone(),
                    prompt_tokens: if quick { (*prompt_tokens).min(128) } else { *prompt_tokens },
                    output_tokens: if quick { row.output_tokens / 4 } else { row.output_tokens },
                    streams: *streams,
                    turns: row.turns,
                });
            }
        }
    }
    // Work in tokens is what takes time; of equals the suite's order stays.
    points.sort_by_key(|point| {
        u64::from(point.prompt_tokens) * u64::from(point.streams)
            + u64::from(point.output_tokens) * u64::from(point.turns)
    });
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::Catalog;

    fn suite() -> &'static SuiteRow {
        Catalog::embedded().suites().iter().find(|suite| suite.id == "suite-v1").unwrap()
    }

    #[test]
    fn the_whole_suite_small_points_first() {
        let points = points(suite(), &[], Extent::Full).unwrap();
        let names: Vec<&str> = points.iter().map(|point| point.workload.as_str()).collect();
        assert_eq!(names.first(), Some(&"W1"));
        assert_eq!(points.len(), 1 + 1 + 3 + 4 + 1);
        assert_eq!(points.last().unwrap().prompt_tokens, 130_816, "what time cuts off first");
        for point in points.iter().filter(|point| point.workload == "W3") {
            assert!([32_768, 65_536, 131_072].contains(&point.context_tokens()));
        }
    }

    #[test]
    fn quick_is_one_short_point() {
        let points = points(suite(), &[], Extent::Quick).unwrap();
        assert_eq!(points.len(), 1);
        assert_eq!((points[0].workload.as_str(), points[0].output_tokens), ("W1", 64));
    }

    #[test]
    fn workloads_go_by_number_or_name() {
        let named = points(suite(), &["w1".into(), "agent-trace".into()], Extent::Default).unwrap();
        assert_eq!(named.iter().map(|point| point.workload.as_str()).collect::<Vec<_>>(), ["W1", "W5"]);
        let error = points(suite(), &["W9".into()], Extent::Default).unwrap_err();
        assert!(error.contains("W9") && error.contains("W3 (long-context-decay)"), "{error}");
    }

    #[test]
    fn tokens_are_those_of_warm_up_and_repeats() {
        let all = points(suite(), &[], Extent::Default).unwrap();
        let of = |workload: &str, streams| {
            let is_it = |point: &&Point| point.workload == workload && point.streams == streams;
            all.iter().find(is_it).unwrap()
        };
        let tokens = |sent, asked_for| Tokens { sent, asked_for };
        assert_eq!(of("W1", 1).tokens(3), tokens(128 + 3 * 128, 16 + 3 * 256));
        assert_eq!(of("W4", 4).tokens(1), tokens(4 * (512 + 1024), 4 * (16 + 256)));
        // Ten turns that grow to the length of the last one.
        let trace = of("W5", 1);
        let last = u64::from(trace.prompt_tokens);
        let once = trace.tokens(1).sent - 512;
        assert!((2 * last..10 * last).contains(&once), "{once} of turns up to {last}");
        assert_eq!(trace.tokens(1).asked_for, 16 + 10 * u64::from(trace.output_tokens));
        assert_eq!([tokens(1, 2), tokens(3, 4)].into_iter().sum::<Tokens>(), tokens(4, 6));
    }

    #[test]
    fn a_points_time_follows_from_rates() {
        let point = &points(suite(), &["W4".into()], Extent::Default).unwrap()[3];
        assert_eq!(point.streams, 16);
        let seconds = point.repeat_s(1024.0, 25.6);
        assert!((seconds - 26.0).abs() < 1e-9, "16 prompts of a second each, then ten seconds side by side");
    }
}
