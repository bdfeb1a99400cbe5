//! From what people and tools call a thing to its row.
//!
//! Each kind of thing reads a name in its own way (`device`, `model`, `quant`); what they share is here: the
//! answer when a name leads to no row or to several, and how near two names are.

pub(crate) mod device;
pub(crate) mod model;
pub(crate) mod quant;
mod similar;
#[cfg(test)]
mod tests;

pub(crate) use similar::similarity;

use crate::messages::WORDS;
use crate::query::{FieldError, clip};

/// How many rows are named to the reader at most.
const NAMED: usize = 8;

/// Why a name led to no single row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// No row is called so.
    Unknown {
        /// Ids of rows with similar names, nearest first.
        near: Vec<String>,
    },
    /// Several rows are called so.
    Ambiguous {
        /// Their ids.
        between: Vec<String>,
    },
}

impl Lookup {
    /// The rows to offer instead, nearest first.
    #[must_use]
    pub fn suggestions(&self) -> &[String] {
        match self {
            Lookup::Unknown { near } => near,
            Lookup::Ambiguous { between } => between,
        }
    }

    /// The same as an error of the parameter `field`, whose value was `text`.
    #[must_use]
    pub fn at(&self, field: &str, text: &str) -> FieldError {
        let text = clip(text);
        let message = match self {
            Lookup::Unknown { .. } => WORDS.lookup.unlisted(&text),
            Lookup::Ambiguous { .. } => WORDS.lookup.ambiguous(&text),
        };
        FieldError::with_near(field, message, self.suggestions().to_vec())
    }
}

impl core::fmt::Display for Lookup {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let names = self.suggestions().join(", ");
        match self {
            Lookup::Unknown { near } if near.is_empty() => f.write_str(WORDS.lookup.unknown),
            Lookup::Unknown { .. } => f.write_str(&WORDS.lookup.unknown_near(&names)),
            Lookup::Ambiguous { between } if between.is_empty() => f.write_str(WORDS.lookup.several),
            Lookup::Ambiguous { .. } => f.write_str(&WORDS.lookup.several_named(&names)),
        }
    }
}

impl core::error::Error for Lookup {}

/// The `most` words nearest to `text`, nearest first; only those that share a good part of it.
pub(crate) fn nearest_words<'a>(
    text: &str,
    words: impl Iterator<Item = &'a str>,
    most: usize,
) -> Vec<String> {
    let words: Vec<&str> = words.collect();
    let text: String = text.chars().take(80).map(|sign| sign.to_ascii_lowercase()).collect();
    let scores = words.iter().map(|word| similarity(&text, word));
    ranked(scores, 0.3, most).into_iter().map(|index| words[index].to_string()).collect()
}

/// Each row once, in order.
fn distinct(mut found: Vec<usize>) -> Vec<usize> {
    found.sort_unstable();
    found.dedup();
    found
}

/// The one row of `found`, or why there is none: `ids` names the rows, `near` is asked only when nothing was found.
fn single(
    found: Vec<usize>,
    id: impl Fn(usize) -> String,
    near: impl FnOnce() -> Vec<usize>,
) -> Result<usize, Lookup> {
    let found = distinct(found);
    match found[..] {
        [row] => Ok(row),
        [] => Err(Lookup::Unknown { near: near().into_iter().map(id).collect() }),
        _ => Err(Lookup::Ambiguous { between: found.into_iter().take(NAMED).map(id).collect() }),
    }
}

/// The rows with the highest scores above `floor`, best first; equal ones stay in their order.
fn ranked(scores: impl Iterator<Item = f64>, floor: f64, most: usize) -> Vec<usize> {
    let mut scored: Vec<(usize, f64)> = scores.enumerate().filter(|(_, score)| *score > floor).collect();
    scored.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.into_iter().take(most).map(|(row, _)| row).collect()
}
