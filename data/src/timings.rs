//! What one streamed request yields, and every rate that is computed from it.
//!
//! Two clocks are kept apart: ours, stamped as bytes arrive, and the engine's own where it tells one. Times are
//! milliseconds after the last byte of the request was written.
//!
//! ```text
//!   request sent        first token                     last token
//!        ├──── TTFT ─────────┤──────── N − k₁ tokens ───────┤
//!        0                chunks[0]                   chunks.last()
//! ```
//!
//! `k₁` is the number of tokens in the first chunk: they were all made before the clock of the decode rate starts.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Fewest tokens after the first chunk from which a decode rate is published without a remark.
pub(crate) const FEW_TOKENS: u32 = 16;
/// Shortest span between first and last token, in milliseconds, that is timed without a remark.
pub(crate) const SHORT_SPAN_MS: f64 = 250.0;
/// Fewest newly computed prompt tokens from which a prefill rate is published.
pub const FEW_PROMPT_TOKENS: u32 = 64;

/// One arrival that brought tokens. An empty first message, a usage record or `[DONE]` is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Milliseconds after the request was sent.
    pub at_ms: f64,
    /// Tokens in it; 1 where the engine does not say.
    pub tokens: u32,
}

/// How an engine arrives at the decode rate that it prints itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecodeRule {
    /// All `n` tokens over the time from the first to the last of them: reads high by `1/n`. llama-server until
    /// August 2026, Ollama, mlx_lm.
    AllTokens,
    /// `n − 1` tokens over the time from the first to the last. llama-server since August 2026.
    AllButFirst,
    /// The engine gives a duration that begins when the prompt is done, and all tokens count in it (hosted services).
    FromPromptEnd,
}

/// What the engine's own clock says of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineClock {
    /// Prompt tokens that were really computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u32>,
    /// Milliseconds that they took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_ms: Option<f64>,
    /// Tokens that the engine counts as made.
    pub output_tokens: u32,
    /// Milliseconds that it counts for them.
    pub decode_ms: f64,
    /// How it counts.
    pub rule: DecodeRule,
}

impl EngineClock {
    /// Decode rate in tokens a second under our rule: the first token is not in the time, hence not in the count.
    pub fn decode_tps(&self) -> Option<f64> {
        let counted = match self.rule {
            DecodeRule::AllTokens | DecodeRule::AllButFirst => self.output_tokens.checked_sub(1)?,
            DecodeRule::FromPromptEnd => self.output_tokens,
        };
        (counted > 0 && self.decode_ms > 0.0).then(|| f64::from(counted) / self.decode_ms * 1000.0)
    }

    /// Prefill rate in tokens a second, of tokens that were really computed.
    pub fn prefill_tps(&self) -> Option<f64> {
        let (tokens, ms) = (self.prompt_tokens?, self.prompt_ms?);
        (tokens >= FEW_PROMPT_TOKENS && ms > 0.0).then(|| f64::from(tokens) / ms * 1000.0)
    }
}

/// How a prefill rate was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PrefillRule {
    /// The engine's own count over its own time.
    Engine,
    /// New prompt tokens over the time to the first token, which also holds one decode step and the way there and back:
    /// a lower bound.
    TimeToFirstToken,
}

/// One streamed request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// Tokens of the prompt, cached ones included, as the engine counts them.
    pub prompt_tokens: u32,
    /// How many of them came out of a cache; none where the engine does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u32>,
    /// Tokens that were made, reasoning included, as the engine counts them.
    pub output_tokens: u32,
    /// How many of those were reasoning; none where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u32>,
    /// Reasoning tokens that were counted and never sent: no arrival is of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_tokens: Option<u32>,
    /// The first chunk of the answer itself, where reasoning came before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_answer_ms: Option<f64>,
    /// The last byte of the reply.
    pub wall_ms: f64,
    /// Every arrival that brought tokens.
    pub chunks: Vec<Chunk>,
    /// Whether the tokens of each chunk are the engine's word rather than one each.
    pub chunk_tokens_known: bool,
    /// The engine's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineClock>,
}

impl Timings {
    /// Milliseconds to the first token.
    pub fn ttft_ms(&self) -> Option<f64> {
        self.chunks.first().map(|chunk| chunk.at_ms)
    }

    /// Milliseconds between the first chunk and the last.
    pub fn span_ms(&self) -> f64 {
        match (self.chunks.first(), self.chunks.last()) {
            (Some(first), Some(last)) => last.at_ms - first.at_ms,
            _ => 0.0,
        }
    }

    /// Tokens that were sent: all but the hidden ones.
    fn sent_tokens(&self) -> u32 {
        self.output_tokens.saturating_sub(self.hidden_tokens.unwrap_or(0))
    }

    /// Tokens that were made within [`Timings::span_ms`]: all that were sent but those of the first chunk.
    pub fn timed_tokens(&self) -> u32 {
        let first = self.chunks.first().map_or(0, |chunk| chunk.tokens);
        self.sent_tokens().saturating_sub(first)
    }

    /// Our decode rate in tokens a second: `(N − k₁) / (t_last − t_first)`.
    pub fn decode_tps(&self) -> Option<f64> {
        let (tokens, span_ms) = (self.timed_tokens(), self.span_ms());
        (tokens > 0 && span_ms > 0.0).then(|| f64::from(tokens) / span_ms * 1000.0)
    }

    /// Decode rate of the answer alone where reasoning came first, in tokens a second.
    pub fn answer_tps(&self) -> Option<f64> {
        let start_ms = self.first_answer_ms?;
        let answer = self.output_tokens.checked_sub(self.reasoning_tokens?)?.checked_sub(1)?;
        let span_ms = self.chunks.last()?.at_ms - start_ms;
        (answer > 0 && span_ms > 0.0).then(|| f64::from(answer) / span_ms * 1000.0)
    }

    /// Prefill rate in tokens a second with the rule behind it.
    pub fn prefill_tps(&self) -> Option<(f64, PrefillRule)> {
        if let Some(rate) = self.engine.as_ref().and_then(EngineClock::prefill_tps) {
            return Some((rate, PrefillRule::Engine));
        }
        // Without knowing how much came from a cache, nothing can be said.
        let new = self.prompt_tokens.checked_sub(self.cached_tokens?)?;
        // The time to the first token is that of hidden ones as well.
        let ttft_ms = self.ttft_ms().filter(|_| self.hidden_tokens.is_none())?;
        (new >= FEW_PROMPT_TOKENS && ttft_ms > 0.0)
            .then(|| (f64::from(new) / ttft_ms * 1000.0, PrefillRule::TimeToFirstToken))
    }

    /// Share of the prompt that came out of a cache, 0 to 1.
    pub fn prefix_cache_hit_rate(&self) -> Option<f64> {
        (self.prompt_tokens > 0).then_some(())?;
        Some(f64::from(self.cached_tokens?) / f64::from(self.prompt_tokens))
    }

    /// Tokens that each counted one stands for: more than one where chunks hold several and nothing says how many, so that
    /// each counts as one while the whole is known.
    pub fn tokens_for_one(&self) -> f64 {
        let told: u32 = self.chunks.iter().map(|chunk| chunk.tokens).sum();
        let sent = self.sent_tokens();
        if self.chunk_tokens_known || told == 0 || sent == 0 {
            return 1.0;
        }
        f64::from(sent) / f64::from(told)
    }

    /// Milliseconds that each token after the first chunk took; a chunk of several spreads its gap evenly. Of chunks whose
    /// sizes nothing tells there is one number each, by their mean size.
    pub fn latencies_ms(&self) -> Vec<f64> {
        let mut latencies = Vec::with_capacity(self.timed_tokens() as usize);
        let scale = self.tokens_for_one();
        for pair in self.chunks.windows(2) {
            let tokens = pair[1].tokens.max(1);
            let each = (pair[1].at_ms - pair[0].at_ms) / f64::from(tokens) / scale;
            latencies.extend(core::iter::repeat_n(each, tokens as usize));
        }
        latencies
    }

    /// Our decode rate over the engine's, less one: what lies between the engine and us. None without both.
    pub fn clock_gap(&self) -> Option<f64> {
        Some(self.decode_tps()? / self.engine.as_ref()?.decode_tps()? - 1.0)
    }

    /// Remarks that belong beside the rates, in a fixed order. `wanted` is the output length asked for.
    pub fn flags(&self, wanted: u32) -> Vec<&'static str> {
        let mut flags = Vec::new();
        let mut flag = |on: bool, word| {
            if on {
                flags.push(word);
            }
        };
        flag(self.timed_tokens() < FEW_TOKENS, "few_tokens");
        flag(self.span_ms() < SHORT_SPAN_MS, "short_span");
        flag(f64::from(self.output_tokens) < 0.9 * f64::from(wanted), "stopped_early");
        flag(self.output_tokens > wanted, "longer_than_asked");
        let told: u32 = self.chunks.iter().map(|chunk| chunk.tokens).sum();
        flag(!self.chunk_tokens_known && told != self.sent_tokens(), "tokens_bundled");
        flag(self.hidden_tokens.is_some(), "reasoning_hidden");
        flag(self.is_buffered(), "buffered");
        flag(self.cached_tokens.is_none(), "cache_unproven");
        flag(self.clock_gap().is_some_and(|gap| libm::fabs(gap) > 0.05), "clocks_disagree");
        flags
    }

    /// Whether something between the engine and us held tokens back and let them go in bunches: a quarter of the
    /// arrivals share their moment with the one before.
    pub fn is_buffered(&self) -> bool {
        let together = self.chunks.windows(2).filter(|pair| pair[1].at_ms - pair[0].at_ms < 0.01).count();
        self.chunks.len() >= 8 && together * 4 > self.chunks.len()
    }
}

/// The value below which a share (0 to 1) of the values lies, between neighbours by straight line; none of no values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = libm::floor(place) as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    /// `n` tokens, one each `step_ms`, the first after `ttft_ms`.
    fn steady(n: u32, ttft_ms: f64, step_ms: f64) -> Timings {
        let chunks: Vec<Chunk> =
            (0..n).map(|i| Chunk { at_ms: ttft_ms + f64::from(i) * step_ms, tokens: 1 }).collect();
        Timings {
            prompt_tokens: 128,
            cached_tokens: Some(0),
            output_tokens: n,
            wall_ms: ttft_ms + f64::from(n) * step_ms,
            chunks,
            ..Timings::default()
        }
    }

    #[test]
    fn the_first_token_is_not_in_the_decode_rate() {
        let timings = steady(101, 50.0, 10.0);
        assert_eq!(timings.ttft_ms(), Some(50.0));
        assert!((timings.decode_tps().unwrap() - 100.0).abs() < 1e-9);
        assert_eq!(timings.prefill_tps(), Some((2560.0, PrefillRule::TimeToFirstToken)));
        assert!(timings.flags(101).is_empty(), "{:?}", timings.flags(101));
    }

    #[test]
    fn a_bundled_first_chunk_does_not_inflate() {
        // 3 tokens at once, then 97 at 10 ms each.
        let mut timings = Timings { output_tokens: 100, chunk_tokens_known: true, ..steady(98, 50.0, 10.0) };
        timings.chunks[0].tokens = 3;
        assert!((timings.decode_tps().unwrap() - 100.0).abs() < 1e-9);
        assert!(!timings.flags(100).contains(&"tokens_bundled"));
    }

    #[test]
    fn speculative_chunks_spread_their_gap() {
        let mut timings = steady(11, 0.0, 30.0);
        for chunk in &mut timings.chunks[1..] {
            chunk.tokens = 3;
        }
        (timings.output_tokens, timings.chunk_tokens_known) = (31, true);
        assert!((timings.decode_tps().unwrap() - 100.0).abs() < 1e-9);
        assert_eq!(quantile(&timings.latencies_ms(), 0.5), Some(10.0));
        assert_eq!(timings.latencies_ms().len(), 30);
    }

    #[test]
    fn chunks_of_unknown_size_have_their_mean() {
        // 11 chunks, 30 ms apart, 44 tokens: 7.5 ms a token.
        let timings = Timings { output_tokens: 44, ..steady(11, 0.0, 30.0) };
        assert_eq!(timings.tokens_for_one(), 4.0);
        assert_eq!(quantile(&timings.latencies_ms(), 0.5), Some(7.5));
        assert!(timings.flags(44).contains(&"tokens_bundled"));
        assert_eq!(steady(11, 0.0, 30.0).tokens_for_one(), 1.0);
    }

    #[test]
    fn bunches_are_told_from_a_steady_stream() {
        let mut timings = steady(64, 10.0, 10.0);
        assert!(!timings.is_buffered());
        for (index, chunk) in timings.chunks.iter_mut().enumerate() {
            chunk.at_ms = (index / 8 * 80) as f64;
        }
        assert!(timings.flags(64).contains(&"buffered"));
    }

    #[test]
    fn both_counting_rules_of_llama_server_give_one_rate() {
        // The same 32 tokens in 815.53 ms, as the server of August 2026 and the one before print them: 38.01 and 39.24.
        let clock = |rule| EngineClock {
            prompt_tokens: Some(14),
            prompt_ms: Some(62.5),
            output_tokens: 32,
            decode_ms: 815.53,
            rule,
        };
        let rate = clock(DecodeRule::AllButFirst).decode_tps().unwrap();
        assert!((rate - 38.0121).abs() < 1e-4, "{rate}");
        assert_eq!(clock(DecodeRule::AllTokens).decode_tps(), Some(rate));
        assert_eq!(clock(DecodeRule::AllTokens).prefill_tps(), None, "14 tokens are no prefill rate");
    }

    #[test]
    fn an_unknown_cache_gives_no_prefill_rate() {
        let timings = Timings { cached_tokens: None, ..steady(64, 50.0, 10.0) };
        assert_eq!((timings.prefill_tps(), timings.prefix_cache_hit_rate()), (None, None));
        assert!(timings.flags(64).contains(&"cache_unproven"));
        let half = Timings { cached_tokens: Some(64), ..steady(64, 50.0, 10.0) };
        assert_eq!(half.prefix_cache_hit_rate(), Some(0.5));
    }

    #[test]
    fn reasoning_is_inside_the_count_and_apart_in_the_rate() {
        let mut timings = Timings { reasoning_tokens: Some(50), ..steady(101, 50.0, 10.0) };
        timings.first_answer_ms = Some(timings.chunks[50].at_ms);
        for rate in [timings.answer_tps(), timings.decode_tps()] {
            assert!((rate.unwrap() - 100.0).abs() < 1e-9);
        }
    }

    #[test]
    fn hidden_reasoning_is_in_no_rate() {
        // 900 tokens were made before the first of 100 that were sent.
        let hidden = Timings { output_tokens: 1000, hidden_tokens: Some(900), ..steady(100, 9000.0, 10.0) };
        assert!((hidden.decode_tps().unwrap() - 100.0).abs() < 1e-9 && hidden.prefill_tps().is_none());
        assert_eq!((hidden.tokens_for_one(), hidden.timed_tokens()), (1.0, 99));
        assert_eq!(hidden.flags(1000), ["reasoning_hidden"]);
    }

    #[test]
    fn an_empty_reply_has_no_rates() {
        let nothing = Timings::default();
        assert_eq!((nothing.ttft_ms(), nothing.decode_tps(), nothing.prefill_tps()), (None, None, None));
        assert!(nothing.latencies_ms().is_empty());
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = vec![4.0, 1.0, 3.0, 2.0];
        assert_eq!([0.0, 0.5, 1.0].map(|share| quantile(&values, share)), [Some(1.0), Some(2.5), Some(4.0)]);
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
    }

    proptest! {
        /// However the tokens fall into chunks, their latencies add up to the span.
        #[test]
        fn latencies_add_up(gaps in prop::collection::vec((0.01f64..100.0, 1u32..6), 1..60)) {
            let mut at_ms = 25.0;
            let mut chunks = vec![Chunk { at_ms, tokens: 1 }];
            for (gap, tokens) in gaps {
                at_ms += gap;
                chunks.push(Chunk { at_ms, tokens });
            }
            let output_tokens = chunks.iter().map(|chunk| chunk.tokens).sum();
            let timings = Timings { chunks, output_tokens, chunk_tokens_known: true, ..Timings::default() };
            let sum: f64 = timings.latencies_ms().iter().sum();
            prop_assert!((sum - timings.span_ms()).abs() < 1e-6);
            prop_assert_eq!(timings.latencies_ms().len() as u32, timings.timed_tokens());
        }
    }
}
