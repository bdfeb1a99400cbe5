//! Prompts of an exact token count, in our own words, never the same twice.
//!
//! Real sentences rather than random tokens: speculation and expert routing behave as they do for people. Each prompt
//! begins with words that no earlier prompt began with, so that no prefix cache can serve it.

use sha2::{Digest, Sha256};

use crate::driver::DriverError;

/// Words that common tokenizers know as one token each, by their place in a sentence.
const WHO: &[&str] = &[
    "The baker",
    "A sailor",
    "The old teacher",
    "My neighbour",
    "The night guard",
    "A young painter",
    "The farmer",
    "Her brother",
    "The engineer",
    "A quiet child",
    "The doctor",
    "Their guide",
    "The clerk",
    "A tired driver",
];
const DID: &[&str] = &[
    "carried",
    "found",
    "painted",
    "sold",
    "mended",
    "watched",
    "measured",
    "forgot",
    "hid",
    "counted",
    "described",
    "opened",
    "moved",
    "kept",
    "washed",
    "followed",
];
const WHAT: &[&str] = &[
    "a small wooden box",
    "the last letter",
    "an empty bottle",
    "three green apples",
    "the broken clock",
    "a map of the river",
    "the heavy door",
    "a book without a cover",
    "two silver coins",
    "the long table",
    "a bag of flour",
    "the garden gate",
    "a pair of boots",
    "the blue lamp",
    "an unfinished song",
];
const WHERE: &[&str] = &[
    "near the harbour",
    "behind the station",
    "under the bridge",
    "in the kitchen",
    "beside the road",
    "at the market",
    "on the roof",
    "across the field",
    "by the window",
    "inside the tower",
    "along the shore",
    "at the edge of town",
];
const WHEN: &[&str] = &[
    "before the rain came",
    "while the bells rang",
    "after the long winter",
    "when nobody was looking",
    "as the sun went down",
    "during the first week of spring",
    "although it was late",
    "because the train had left",
    "until the music stopped",
    "just as the wind turned",
];

/// What an agent's prompt is made of, besides sentences: calls and what they gave back.
const CALL: &[&str] = &[
    "{\"tool\": \"read_file\",",
    "{\"tool\": \"search\",",
    "{\"tool\": \"run_tests\",",
    "{\"tool\": \"list_folder\",",
    "{\"tool\": \"write_file\",",
    "{\"tool\": \"ask_user\",",
];
const ARGUMENT: &[&str] = &[
    "\"path\": \"src/main.py\",",
    "\"path\": \"docs/index.md\",",
    "\"query\": \"first day of spring\",",
    "\"name\": \"broken clock\",",
    "\"from_line\": 12,",
    "\"limit\": 40,",
    "\"recursive\": true,",
];
const RESULT: &[&str] = &[
    "\"result\": \"ok\"}",
    "\"result\": \"not found\"}",
    "\"result\": [\"a\", \"b\"]}",
    "\"result\": null}",
    "\"error\": \"no such file\"}",
];

/// What a prompt is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Sentences.
    Sentences,
    /// Calls of tools with their results, and sentences between them.
    ToolCalls,
}

impl Matter {
    /// Of a workload, by its name.
    #[must_use]
    pub fn of(workload: &str) -> Matter {
        if workload == "tool-call" { Matter::ToolCalls } else { Matter::Sentences }
    }

    /// Where the words of one round of the text come from, in order.
    fn parts(self) -> &'static [&'static [&'static str]] {
        match self {
            Matter::Sentences => &[WHO, DID, WHAT, WHERE, WHEN],
            Matter::ToolCalls => &[CALL, ARGUMENT, ARGUMENT, RESULT, WHO, DID, WHAT, WHERE, WHEN],
        }
    }
}

/// A small generator of pseudo-random numbers (SplitMix64): the same seed gives the same text everywhere.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// From anything: a workload's name, a repetition, a run's nonce.
    pub fn of(parts: &[&str]) -> Seed {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Seed(u64::from_le_bytes(bytes))
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[(self.next_u64() % words.len() as u64) as usize]
    }
}

/// At least so many words of running text; the same seed gives the same text.
pub fn compose(seed: &Seed, words: usize, matter: Matter) -> Vec<&'static str> {
    let mut seed = seed.clone();
    let mut text = Vec::with_capacity(words + 16);
    while text.len() < words {
        for part in matter.parts() {
            text.extend(seed.pick(part).split(' '));
        }
    }
    text
}

/// The first `count` words, with a full stop where a sentence ends, and a tail that makes up what is missing.
fn join(words: &[&str], count: usize, tail: &str) -> String {
    let mut text = String::with_capacity(count * 6 + tail.len());
    for (index, word) in words.iter().take(count).enumerate() {
        let starts = word.starts_with(|c: char| c.is_ascii_uppercase());
        if index > 0 {
            text.push_str(if starts { ". " } else { " " });
        }
        text.push_str(word);
    }
    text.push_str(tail);
    text
}

/// Short pieces for the tail. The first is one token in every large vocabulary; the others are one where words are cut
/// into letters.
const PIECES: &[&str] = &[" a", "!", "e", " 7"];

/// A prompt and how its length came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The text.
    pub text: String,
    /// Its tokens by the runtime's tokenizer; none where the length rests on a calibration.
    pub tokens: Option<u32>,
}

/// How a text's tokens are known.
pub enum Measure<'a> {
    /// By the runtime's tokenizer.
    Counter(&'a dyn Fn(&str) -> Result<u32, DriverError>),
    /// By an earlier observation: `tokens = fixed + per_word × words`.
    Calibrated {
        /// Tokens of the template and the start.
        fixed: f64,
        /// Tokens of one word with its space and its share of full stops.
        per_word: f64,
    },
}

/// Tries with the tokenizer before the nearest is taken: each costs one question.
const TRIES: u32 = 24;
/// Tokens that a tail may make up for.
const TAIL_TOKENS: i64 = 24;

/// A prompt of `tokens` tokens, or as near as it goes.
///
/// # Errors
/// When the runtime's tokenizer fails.
pub fn fit(seed: &Seed, matter: Matter, tokens: u32, measure: &Measure<'_>) -> Result<Fitted, DriverError> {
    let wanted = i64::from(tokens);
    let pool = compose(seed, tokens as usize + 64, matter);
    let counter = match measure {
        Measure::Counter(counter) => counter,
        Measure::Calibrated { fixed, per_word } => {
            let words = ((f64::from(tokens) - fixed) / per_word).round().max(1.0) as usize;
            return Ok(Fitted { text: join(&pool, words.min(pool.len()), ""), tokens: None });
        }
    };
    // A word with its share of full stops is a little more than a token: begin below, then correct by what is missing.
    let mut words = (tokens as usize * 4 / 5).clamp(1, pool.len());
    let mut tail = String::new();
    // The last tail that was not too long with what was missing then, and the piece in use.
    let (mut kept, mut piece) = ((String::new(), 0), 0);
    let mut best: Option<(i64, Fitted)> = None;
    for _ in 0..TRIES {
        let text = join(&pool, words, &tail);
        let count = counter(&text)?;
        let missing = wanted - i64::from(count);
        if best.as_ref().is_none_or(|(other, _)| missing.abs() < other.abs()) {
            best = Some((missing, Fitted { text, tokens: Some(count) }));
        }
        if missing == 0 || piece >= PIECES.len() {
            break;
        }
        if (1..=TAIL_TOKENS).contains(&missing) {
            // As many pieces as tokens are missing, if each is one token.
            kept = (tail.clone(), missing);
            tail.push_str(&PIECES[piece].repeat(missing as usize));
        } else if missing < 0 && tail.len() > kept.0.len() {
            // They were more than one each: as many as their cost allows, else the next piece.
            let added = ((tail.len() - kept.0.len()) / PIECES[piece].len()) as i64;
            let fitting = kept.1 * added / (kept.1 - missing);
            tail.clone_from(&kept.0);
            if fitting > 0 && fitting < added {
                tail.push_str(&PIECES[piece].repeat(fitting as usize));
            } else {
                piece += 1;
                tail.push_str(PIECES.get(piece).copied().unwrap_or(""));
            }
        } else {
            // Aim a few tokens short: the tail closes the gap from below.
            let per_word = f64::from(count) / words as f64;
            let step = ((missing - 6) as f64 / per_word).round() as i64;
            let step = if step == 0 { missing.signum() } else { step };
            words = (words as i64 + step).clamp(1, pool.len() as i64) as usize;
            (tail, kept) = (String::new(), (String::new(), 0));
        }
    }
    best.map(|(_, fitted)| fitted).ok_or_else(|| DriverError::UnknownReply("no token count".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tokenizer of sorts: a token for each word of up to `width` letters, more for longer ones, one for a stop, and a
    /// start token.
    fn count(text: &str, width: usize) -> u32 {
        let words: usize =
            text.split(' ').map(|word| word.trim_end_matches('.').len().div_ceil(width).max(1)).sum();
        (1 + words + text.matches('.').count()) as u32
    }

    proptest! {
        #[test]
        fn every_length_is_met_exactly(tokens in 8u32..6000, width in 4usize..12, nonce: u64, tools: bool) {
            let matter = if tools { Matter::ToolCalls } else { Matter::Sentences };
            let seed = Seed::of(&["W1", &nonce.to_string()]);
            let counter = |text: &str| Ok(count(text, width));
            let fitted = fit(&seed, matter, tokens, &Measure::Counter(&counter)).unwrap();
            prop_assert_eq!(fitted.tokens, Some(tokens));
            prop_assert_eq!(count(&fitted.text, width), tokens);
        }
    }

    #[test]
    fn a_vocabulary_of_letters_is_met_exactly_too() {
        for tokens in [64, 128, 1024, 1025, 1026, 4096] {
            let counter = |text: &str| Ok(text.len() as u32);
            let fitted =
                fit(&Seed::of(&["W1", "letters"]), Matter::Sentences, tokens, &Measure::Counter(&counter))
                    .unwrap();
            assert_eq!(fitted.tokens, Some(tokens));
        }
    }

    #[test]
    fn texts_differ_from_the_first_words_on_between_seeds() {
        let texts: Vec<String> = (0..50)
            .map(|n| join(&compose(&Seed::of(&["W1", &n.to_string()]), 24, Matter::Sentences), 24, ""))
            .collect();
        for (index, text) in texts.iter().enumerate() {
            assert!(!texts[..index].contains(text));
        }
    }

    /// The suite is fixed: other words would be other measurements.
    #[test]
    fn the_words_are_pinned() {
        let digest = |suite: &str, matter: Matter| -> String {
            let text = join(&compose(&Seed::of(&[suite]), 2000, matter), 2000, "");
            Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(
            digest("suite-v1", Matter::Sentences),
            "0290376ab3263a3cb1c27304b1b6587df3d0fdd22d311674aacc8d030256ba58"
        );
        assert_eq!(
            digest("shapes-v1", Matter::ToolCalls),
            "ea9a0ce22a3e870770b5ae6e2cdaaf85ffd6d0c8a86a73a91545a90433ce43cf"
        );
    }

    #[test]
    fn a_calibrated_length_follows_its_line() {
        let measure = Measure::Calibrated { fixed: 12.0, per_word: 1.25 };
        let fitted = fit(&Seed::of(&["x"]), Matter::Sentences, 512, &measure).unwrap();
        assert_eq!(fitted.tokens, None);
        assert_eq!(fitted.text.split(' ').count(), 400);
    }
}
