//! Gathers the stamps of one reply into [`Timings`].

use std::time::Instant;

use data::timings::{Chunk, EngineClock, Timings};

use crate::driver::DriverError;

/// What a chunk's tokens are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Thinking that stands before the answer.
    Reasoning,
    /// The answer: text or a tool call.
    Answer,
}

/// What the runtime counted, as far as it told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Prompt tokens, cached ones included.
    pub prompt_tokens: Option<u32>,
    /// Prompt tokens out of a cache.
    pub cached_tokens: Option<u32>,
    /// Tokens made, reasoning included.
    pub output_tokens: Option<u32>,
    /// Reasoning tokens among them.
    pub reasoning_tokens: Option<u32>,
    /// The engine's own clock.
    pub engine: Option<EngineClock>,
}

/// One reply on its way in.
#[derive(Debug)]
pub struct Collector {
    sent: Instant,
    chunks: Vec<Chunk>,
    /// Tokens of all chunks so far.
    tokens: u32,
    every_chunk_told: bool,
    reasoning_chunks: u32,
    first_answer_ms: Option<f64>,
    /// What the runtime counts, filled as it tells.
    pub counts: Counts,
}

impl Collector {
    /// For a request whose last byte left at `sent`.
    pub fn new(sent: Instant) -> Collector {
        Collector {
            sent,
            chunks: Vec::with_capacity(1024),
            tokens: 0,
            every_chunk_told: true,
            reasoning_chunks: 0,
            first_answer_ms: None,
            counts: Counts::default(),
        }
    }

    /// Tokens arrived; `tokens` where the runtime says how many.
    pub fn tokens(&mut self, arrived: Instant, tokens: Option<u32>, part: Part) {
        let at_ms = self.ms(arrived);
        self.every_chunk_told &= tokens.is_some();
        match part {
            Part::Reasoning => self.reasoning_chunks += tokens.unwrap_or(1),
            Part::Answer if self.reasoning_chunks > 0 && self.first_answer_ms.is_none() => {
                self.first_answer_ms = Some(at_ms);
            }
            Part::Answer => {}
        }
        let tokens = tokens.unwrap_or(1);
        self.tokens += tokens;
        self.chunks.push(Chunk { at_ms, tokens });
    }

    /// Whether a token has come.
    pub fn has_begun(&self) -> bool {
        !self.chunks.is_empty()
    }

    /// Tokens of all chunks so far.
    pub fn tokens_so_far(&self) -> u32 {
        self.tokens
    }

    fn ms(&self, moment: Instant) -> f64 {
        // To a microsecond: what lies below is the clock's, not the engine's.
        let ms = moment.saturating_duration_since(self.sent).as_secs_f64() * 1000.0;
        (ms * 1000.0).round() / 1000.0
    }

    /// Reasoning tokens that the service counts and has not sent. A count that goes on from chunk to chunk has them in the
    /// first one, which did not bring them.
    fn hidden(&mut self) -> Option<u32> {
        let reasoning = self.counts.reasoning_tokens.filter(|n| *n > 0 && self.reasoning_chunks == 0)?;
        let output = self.counts.output_tokens.filter(|n| *n > reasoning)?;
        if let Some(first) = self.chunks.first_mut().filter(|first| first.tokens > reasoning)
            && self.tokens > output - reasoning
        {
            first.tokens -= reasoning;
            self.tokens -= reasoning;
        }
        Some(reasoning)
    }

    /// The whole reply has arrived, its last byte at `last`.
    ///
    /// # Errors
    /// [`DriverError::Empty`] when no token came.
    pub fn finish(mut self, last: Option<Instant>) -> Result<Timings, DriverError> {
        if self.chunks.is_empty() {
            return Err(DriverError::Empty);
        }
        let hidden_tokens = self.hidden();
        let told = self.tokens_so_far();
        let wall_ms = last.map_or(0.0, |last| self.ms(last));
        let counts = self.counts;
        // Reasoning was seen but not counted: its share of the chunks is its share of the tokens.
        let output_tokens = counts.output_tokens.unwrap_or(told);
        let share = f64::from(self.reasoning_chunks) / f64::from(told.max(1));
        let seen = (self.reasoning_chunks > 0).then(|| (share * f64::from(output_tokens)).round() as u32);
        Ok(Timings {
            // No prompt is empty: none stands for a server that does not count, whose rates are still its own.
            prompt_tokens: counts.prompt_tokens.unwrap_or(0),
            cached_tokens: counts.cached_tokens,
            output_tokens,
            reasoning_tokens: counts.reasoning_tokens.filter(|n| *n > 0).or(seen),
            hidden_tokens,
            first_answer_ms: self.first_answer_ms,
            wall_ms,
            chunk_tokens_known: self.every_chunk_told
                && counts.output_tokens.is_none_or(|n| n - hidden_tokens.unwrap_or(0) == told),
            chunks: self.chunks,
            engine: counts.engine,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_that_nobody_sees_is_taken_out() {
        let sent = Instant::now();
        // Counted at the end, or in the first chunk by a count that goes on.
        for first in [None, Some(901)] {
            let mut collector = Collector::new(sent);
            for n in 0..100 {
                collector.tokens(sent, if n == 0 { first } else { first.and(Some(1)) }, Part::Answer);
            }
            collector.counts.output_tokens = Some(1000);
            collector.counts.reasoning_tokens = Some(900);
            let timings = collector.finish(Some(sent)).unwrap();
            assert_eq!((timings.hidden_tokens, timings.timed_tokens()), (Some(900), 99), "{first:?}");
            assert_eq!(timings.chunk_tokens_known, first.is_some());
        }
    }

    #[test]
    fn reasoning_that_nobody_counts_has_its_share() {
        let sent = Instant::now();
        let mut collector = Collector::new(sent);
        for part in [Part::Reasoning, Part::Reasoning, Part::Reasoning, Part::Answer] {
            collector.tokens(sent, None, part);
        }
        collector.counts.output_tokens = Some(40);
        let timings = collector.finish(Some(sent)).unwrap();
        assert_eq!((timings.reasoning_tokens, timings.output_tokens), (Some(30), 40), "ten tokens a chunk");
    }
}
