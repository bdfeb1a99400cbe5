//! What can be remarkable about a run, and why timing lines are refused: each with its sentence.

use serde::Serialize;

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
    (
        Flag::ShortOutput,
        "short_output",
        "Fewer than 16 output tokens: too short to publish as a decode speed.",
    ),
    (Flag::ShortPrompt, "short_prompt", "Fewer than 64 prompt tokens: the prefill speed is mostly overhead."),
    (Flag::Repeated, "repeated", "The same lines stood there more than once; they count once."),
    (Flag::Computed, "computed", "The speed was not printed; it is computed from count and time."),
    (Flag::RatesOnly, "rates_only", "Speeds without counts or times: nothing to check them with."),
    (
        Flag::CachedPrefix,
        "cached_prefix",
        "Part of the prompt came from a cache; the prefill speed is that of the rest.",
    ),
    (
        Flag::PrefillFromCache,
        "prefill_from_cache",
        "The prompt came from a cache, so there is no prefill speed.",
    ),
    (
        Flag::ColdStart,
        "cold_start",
        "Prefill was slower than decode: the model was probably still being loaded.",
    ),
    (Flag::OneSample, "one_sample", "A spread of zero: this is one sample, not several."),
    (
        Flag::PrefillEstimated,
        "prefill_estimated",
        "The prefill speed is an estimate from outside the engine.",
    ),
    (Flag::BlendLeftOut, "blend_left_out", "A row that blends prompt and output was left out."),
    (
        Flag::Waited,
        "waited",
        "The total holds time in which somebody typed or an image was read; the speeds are of their parts.",
    ),
    (Flag::Combined, "combined", "The time is of prompt and output together, so it gives no decode speed."),
    (Flag::Aggregate, "aggregate", "The speed is of several streams together, not of one."),
    (Flag::Window, "window", "The speed is of a window of time over all requests, not of one request."),
    (Flag::EndToEnd, "end_to_end", "The speed includes the time of the prompt, so it is no decode speed."),
    (Flag::Serving, "serving", "A serving benchmark: many requests, so no speed of one stream."),
    (
        Flag::Concurrent,
        "concurrent",
        "Several requests ran at the same time, so this is not the speed of one alone.",
    ),
    (
        Flag::Speculative,
        "speculative",
        "Speculative decoding was on: not to be compared with plain decoding.",
    ),
    (Flag::Unstable, "unstable", "The spread is a quarter of the mean or more: please measure again."),
    (Flag::Truncated, "truncated", "The lines were cut off: please paste them whole."),
    (Flag::Html, "html", "The lines came through a web page: please paste them from the terminal."),
    (Flag::Reversed, "reversed", "The lines are in reverse order: please paste them as they were printed."),
    (
        Flag::Unaccounted,
        "unaccounted",
        "Much of the total time is in none of its parts, so none of its speeds is taken: please paste a run that did \
         not wait for anybody.",
    ),
    (
        Flag::InflatedByCount,
        "inflated_by_count",
        "Too few tokens for the way this tool counts: the decode speed is left out.",
    ),
    (Flag::Disagrees, "disagrees", "Values that were printed together disagree with each other."),
    (
        Flag::AnswerText,
        "answer_text",
        "Text that looks like timings stood in the model's answer; it is left out.",
    ),
    (
        Flag::PerhapsAnswer,
        "perhaps_answer",
        "Nothing shows where this run ends and the next one begins, so it may have stood in the model's answer: please \
         paste one run.",
    ),
    (Flag::BesideRefused, "beside_refused", "Beside it stood timing lines that were refused."),
    (Flag::StrangeName, "strange_name", "A name in it is not one that a model has; it is left out."),
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
            Problem::Nothing => {
                "There are no timing lines in this. Paste the lines that the runtime prints after an answer: `ollama \
                 run MODEL --verbose`, the `eval time` lines of llama.cpp, or the table of `llama-bench`."
            }
            Problem::Empty => {
                "The paste is empty. Paste what the runtime printed, from the terminal or a log file."
            }
            Problem::TooLong => {
                "The paste is longer than 256 KiB or has thousands of runs. Paste only the timing lines of one run."
            }
            Problem::Edited => {
                "Count, time and speed do not agree, so a number was changed. Paste the lines as they were printed."
            }
            Problem::Impossible => {
                "A part takes longer than the whole run. Paste the lines of one run as they were printed."
            }
            Problem::NoNumber => {
                "A value is negative, not a number, or beyond any machine. Paste the lines of a run that finished."
            }
            Problem::OneToken => {
                "The run produced one token or none, so there is nothing to time. Ask for a longer answer, then paste \
                 its lines."
            }
            Problem::Typed => {
                "This is not the form in which the tool prints. Paste its output itself, with counts and durations, \
                 not numbers typed from it."
            }
            Problem::Garbled => {
                "There are letters where digits belong, as if read from a picture. Copy the text itself from the \
                 terminal and paste that."
            }
            Problem::Hidden => {
                "There are invisible characters inside the timing lines. Copy the lines from the terminal and paste \
                 them again."
            }
            Problem::FullWidth => {
                "The digits are full-width, which no tool prints. Paste the output itself, not numbers typed from it."
            }
            Problem::DuplicateKey => {
                "The JSON has the same key twice, so it is not known which value is true. Paste the answer of the \
                 server as it came."
            }
            Problem::Zeros => {
                "The times are zero: the tool counted no tokens. Paste the output of a run that it measured."
            }
            Problem::Batched => {
                "This run decoded in batches, which are counted as prompt. Paste the output of a run of one stream, \
                 for example of `llama-bench`."
            }
            Problem::Counters => {
                "These are counters over all requests. Paste the timing lines of one request, or the \
                 JSON of its answer."
            }
            Problem::CountsOnly => {
                "This answer counts tokens but tells no times. Paste the log lines of the server instead, or measure \
                 it with `llm-speed-probe`."
            }
            Problem::TimesOnly => {
                "This tells how long requests took, not how many tokens they had. Paste the log lines of the server \
                 instead, or measure it with `llm-speed-probe`."
            }
            Problem::InAnswer => {
                "It stood in the model's answer, which can say anything. Paste the lines that the program itself printed \
                 below it."
            }
            Problem::DraftModel => "It is of the draft model, or of a model that only checked drafts.",
            Problem::SameRun => "It tells of a run that is already there.",
        }
    }

    /// Whether somebody seems to have changed the text, rather than the run being useless.
    pub(super) fn is_tampering(self) -> bool {
        use Problem::{DuplicateKey, Edited, FullWidth, Hidden, Impossible, NoNumber, Typed};
        matches!(self, Edited | Impossible | NoNumber | Typed | Hidden | FullWidth | DuplicateKey)
    }
}
