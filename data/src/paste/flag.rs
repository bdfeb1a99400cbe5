//! What can be remarkable about a run, and why timing lines are refused: each with its sentence.

use serde::Serialize;

use crate::messages::WORDS;

/// Something remarkable about a run. [`Flag::asks`] tells notes from questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flag {
    /// Fewer than 16 output tokens: too short to publish.
    ShortOutput,
    /// Fewer than 64 prompt tokens: the prefill speed is mostly overhead.
    ShortPrompt,
    /// The same numbers stood there more than once.
    Repeated,
    /// A speed that the tool did not print, from count and time.
    Computed,
    /// Speeds without counts or times: nothing to check them with.
    RatesOnly,
    /// Part of the prompt came from a cache; the prefill speed is that of the rest.
    CachedPrefix,
    /// Prefill speed left out: the prompt came from a cache.
    PrefillFromCache,
    /// Prefill slower than decode: the model was still being loaded.
    ColdStart,
    /// Spread of exactly zero: one sample.
    OneSample,
    /// The prefill speed is the tool's own estimate, from outside the engine.
    PrefillEstimated,
    /// A row that blends prompt and output was left out.
    BlendLeftOut,
    /// The total holds time in which somebody typed or an image was read.
    Waited,
    /// Prompt and output together: no decode speed.
    Combined,
    /// Several streams together: no decode speed of one.
    Aggregate,
    /// A window of time over all requests: no measurement of one.
    Window,
    /// Prompt included: no decode speed.
    EndToEnd,
    /// Many requests of a serving benchmark.
    Serving,
    /// Several requests were running at the same time.
    Concurrent,
    /// A draft model or other speculation was on.
    Speculative,
    /// The spread is a quarter of the mean or more.
    Unstable,
    /// The lines were cut off inside a value.
    Truncated,
    /// The lines came through a web page.
    Html,
    /// The lines are in reverse order.
    Reversed,
    /// Much of the total time is in no part.
    Unaccounted,
    /// So few tokens that the tool's way of counting inflates the decode speed.
    InflatedByCount,
    /// Printed values of one run disagree.
    Disagrees,
    /// Timing-looking text was left out: it stood in the model's answer.
    AnswerText,
    /// Nothing shows where it ends and the next begins: it may have stood in the model's answer.
    PerhapsAnswer,
    /// Beside it stood timing lines that were refused.
    BesideRefused,
    /// A name in it is not one that a model has.
    StrangeName,
}

/// Every flag, with the word that kept lines use for it and the sentence for people.
const FLAGS: [(Flag, &str, &str); 30] = [
    (Flag::ShortOutput, "short_output", WORDS.flag.short_output),
    (Flag::ShortPrompt, "short_prompt", WORDS.flag.short_prompt),
    (Flag::Repeated, "repeated", WORDS.flag.repeated),
    (Flag::Computed, "computed", WORDS.flag.computed),
    (Flag::RatesOnly, "rates_only", WORDS.flag.rates_only),
    (Flag::CachedPrefix, "cached_prefix", WORDS.flag.cached_prefix),
    (Flag::PrefillFromCache, "prefill_from_cache", WORDS.flag.prefill_from_cache),
    (Flag::ColdStart, "cold_start", WORDS.flag.cold_start),
    (Flag::OneSample, "one_sample", WORDS.flag.one_sample),
    (Flag::PrefillEstimated, "prefill_estimated", WORDS.flag.prefill_estimated),
    (Flag::BlendLeftOut, "blend_left_out", WORDS.flag.blend_left_out),
    (Flag::Waited, "waited", WORDS.flag.waited),
    (Flag::Combined, "combined", WORDS.flag.combined),
    (Flag::Aggregate, "aggregate", WORDS.flag.aggregate),
    (Flag::Window, "window", WORDS.flag.window),
    (Flag::EndToEnd, "end_to_end", WORDS.flag.end_to_end),
    (Flag::Serving, "serving", WORDS.flag.serving),
    (Flag::Concurrent, "concurrent", WORDS.flag.concurrent),
    (Flag::Speculative, "speculative", WORDS.flag.speculative),
    (Flag::Unstable, "unstable", WORDS.flag.unstable),
    (Flag::Truncated, "truncated", WORDS.flag.truncated),
    (Flag::Html, "html", WORDS.flag.html),
    (Flag::Reversed, "reversed", WORDS.flag.reversed),
    (Flag::Unaccounted, "unaccounted", WORDS.flag.unaccounted),
    (Flag::InflatedByCount, "inflated_by_count", WORDS.flag.inflated_by_count),
    (Flag::Disagrees, "disagrees", WORDS.flag.disagrees),
    (Flag::AnswerText, "answer_text", WORDS.flag.answer_text),
    (Flag::PerhapsAnswer, "perhaps_answer", WORDS.flag.perhaps_answer),
    (Flag::BesideRefused, "beside_refused", WORDS.flag.beside_refused),
    (Flag::StrangeName, "strange_name", WORDS.flag.strange_name),
];

impl Flag {
    /// Whether the run needs a question or a mark before it is published. Otherwise the flag is a note.
    pub fn asks(self) -> bool {
        self >= Flag::Combined
    }

    /// The sentence for people.
    pub fn sentence(self) -> &'static str {
        self.row().2
    }

    /// Its name in JSON and in kept lines.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// The flag with this name.
    pub(super) fn from_word(word: &str) -> Option<Flag> {
        FLAGS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    fn row(self) -> &'static (Flag, &'static str, &'static str) {
        FLAGS.iter().find(|row| row.0 == self).unwrap_or(&FLAGS[0])
    }
}

/// Why timing lines are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// No timing lines at all.
    Nothing,
    /// Nothing but white space.
    Empty,
    /// More than [`MAX_BYTES`](super::MAX_BYTES), or thousands of runs.
    TooLong,
    /// Count, time and rate disagree.
    Edited,
    /// A part is longer than the whole.
    Impossible,
    /// Negative, infinite, not a number, or beyond any machine.
    NoNumber,
    /// Zero or one token: nothing to time.
    OneToken,
    /// Not in the form that the tool prints.
    Typed,
    /// Letters where digits belong.
    Garbled,
    /// Invisible characters in timing lines.
    Hidden,
    /// Full-width digits.
    FullWidth,
    /// A JSON key twice in one object.
    DuplicateKey,
    /// Placeholder zeros.
    Zeros,
    /// Decode and prefill were booked as one.
    Batched,
    /// Counters over all requests.
    Counters,
    /// Token counts without times.
    CountsOnly,
    /// Times of whole requests without token counts.
    TimesOnly,
    /// Inside the model's answer.
    InAnswer,
    /// Of a draft model, or of the target while it only verified.
    DraftModel,
    /// The same run once more, or its rate with the prompt included.
    SameRun,
}

impl Problem {
    /// What is wrong, and what to paste instead.
    pub fn sentence(self) -> &'static str {
        match self {
            Problem::Nothing => WORDS.refusal.nothing,
            Problem::Empty => WORDS.refusal.empty,
            Problem::TooLong => WORDS.refusal.too_long,
            Problem::Edited => WORDS.refusal.edited,
            Problem::Impossible => WORDS.refusal.impossible,
            Problem::NoNumber => WORDS.refusal.no_number,
            Problem::OneToken => WORDS.refusal.one_token,
            Problem::Typed => WORDS.refusal.typed,
            Problem::Garbled => WORDS.refusal.garbled,
            Problem::Hidden => WORDS.refusal.hidden,
            Problem::FullWidth => WORDS.refusal.full_width,
            Problem::DuplicateKey => WORDS.refusal.duplicate_key,
            Problem::Zeros => WORDS.refusal.zeros,
            Problem::Batched => WORDS.refusal.batched,
            Problem::Counters => WORDS.refusal.counters,
            Problem::CountsOnly => WORDS.refusal.counts_only,
            Problem::TimesOnly => WORDS.refusal.times_only,
            Problem::InAnswer => WORDS.refusal.in_answer,
            Problem::DraftModel => WORDS.refusal.draft_model,
            Problem::SameRun => WORDS.refusal.same_run,
        }
    }

    /// Whether somebody seems to have changed the text, rather than the run being useless.
    pub(super) fn is_tampering(self) -> bool {
        use Problem::{DuplicateKey, Edited, FullWidth, Hidden, Impossible, NoNumber, Typed};
        matches!(self, Edited | Impossible | NoNumber | Typed | Hidden | FullWidth | DuplicateKey)
    }
}
