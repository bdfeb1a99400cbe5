//! The published parameters: their names, and reading one of them from text.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::lookup::nearest_words as nearest;
use crate::messages::WORDS;
use crate::number;

/// Every parameter of `/api/v1/estimate`, in the order in which addresses are written, with what it is.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("hardware", "device: an id or any name; several separated by commas"),
    ("devices", "how many of it, 1 to 16"),
    ("class", "apple, discrete_gpu, unified, cpu or mobile, for figures of your own instead of hardware"),
    ("bandwidth_gb_s", "memory bandwidth in GB/s, for figures of your own"),
    ("memory_gib", "memory in GiB: of your own device, or the size of a device that is sold with several"),
    ("usable_gib", "how much of it a model may use, in GiB: Apple's wired limit, a carve-out"),
    ("compute_f16_tflops", "dense f16 compute in TFLOPS, for figures of your own"),
    ("host_ram_gib", "RAM in GiB"),
    ("host_bandwidth_gb_s", "bandwidth of the RAM in GB/s"),
    ("power", "power limit: a share of stock from 0.1 to 1, or watts such as 250W where stock is known"),
    (
        "split",
        "how several devices share a model: layers, tensor, or shares such as 2:1; without it, as the runtime does",
    ),
    ("model", "model: an id or any name"),
    ("quant", "quantisation: an id or any name"),
    ("context", "tokens already in the cache while decoding; 32k is 32,768"),
    ("prompt", "tokens in the prompt; as many as context where not given"),
    ("cached", "leading tokens of the prompt that the cache already holds"),
    ("kv", "cache type of keys, and of values where kv_v is not given"),
    ("kv_v", "cache type of values"),
    ("streams", "requests at once, 1 to 1,024"),
    ("runtime", "llama.cpp, ollama, mlx, vllm, exllamav2 or exllamav3"),
    ("backend", "cuda, rocm, vulkan, metal, sycl or cpu; the device's usual one where not given"),
    ("use", "chat, agent or batch: the job where its parts are not given"),
    ("target_tps", "a decode speed in tokens a second, for the bandwidth that it needs"),
];

/// Further parameters of pages and of `fit`: which models to show, and in which order.
pub const FILTERS: &[(&str, &str)] = &[
    ("q", "text to look for in a model's name, family or maker"),
    ("fits", "whole: only what lies whole on the device; runs: what runs at all; all: everything"),
    ("min_tps", "the least decode speed, tokens a second"),
    ("min_score", "the least capability, 0 to 100"),
    ("family", "only this family"),
    ("license", "only this licence"),
    ("sort", "capability, speed, ttft, size, name or newest"),
    ("group", "family: group by family"),
];

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The parameter.
    pub field: String,
    /// What is wrong and what to do, in a sentence.
    pub message: String,
    /// Values (or names of parameters) that may have been meant.
    pub near: Vec<String>,
}

impl FieldError {
    /// An error without near matches.
    #[must_use]
    pub fn new(field: &str, message: String) -> Self {
        FieldError { field: field.to_owned(), message, near: Vec::new() }
    }

    /// An error with near matches.
    #[must_use]
    pub fn with_near(field: &str, message: String, near: Vec<String>) -> Self {
        FieldError { field: field.to_owned(), message, near }
    }
}

impl core::fmt::Display for FieldError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)?;
        if !self.near.is_empty() {
            f.write_str(&WORDS.query.near(&self.near.join(", ")))?;
        }
        Ok(())
    }
}

/// Longest value that is read; names and numbers are far shorter.
const MAX_VALUE_BYTES: usize = 400;

/// Parameters as text, known names only, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    given: Vec<(&'static str, String)>,
}

impl Params {
    /// Reads key-value pairs. Empty values count as not given; unknown and repeated names are errors.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<FieldError>> {
        let mut params = Params::default();
        let mut errors = Vec::new();
        for (key, value) in pairs {
            if let Err(error) = params.set(key, value) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(params) } else { Err(errors) }
    }

    /// The same, but unknown names are passed over: addresses of pages carry other parameters too. Repeated names and values
    /// that are too long are errors, all told at once.
    pub fn read_known<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<FieldError>> {
        Params::read(pairs.into_iter().filter(|(key, _)| known(key, &NAMES).is_some()))
    }

    /// Parameters and filters; other names are passed over. Errors as those of [`Params::read_known`].
    pub fn read_page<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut params = Params::default();
        let mut errors = Vec::new();
        for (key, value) in pairs {
            if let Some(name) = known(key, &NAMES).or_else(|| known(key, &FILTER_NAMES)) {
                params.put(name, value).unwrap_or_else(|error| errors.push(error));
            }
        }
        if errors.is_empty() { Ok(params) } else { Err(errors) }
    }

    /// Sets one parameter; an empty value leaves it unset. An error where the name is unknown or was given before, and where
    /// the value is too long.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), FieldError> {
        let Some(name) = known(key, &NAMES) else {
            let near = nearest(key, NAMES.iter().copied(), 3);
            return Err(FieldError::with_near(&clip(key), WORDS.query.unknown.to_owned(), near));
        };
        self.put(name, value)
    }

    fn put(&mut self, name: &'static str, value: &str) -> Result<(), FieldError> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(FieldError::new(name, WORDS.query.too_long(&MAX_VALUE_BYTES.to_string())));
        }
        if self.get(name).is_some() {
            return Err(FieldError::new(name, WORDS.query.twice.to_owned()));
        }
        self.given.push((name, value.to_owned()));
        Ok(())
    }

    /// The text of one parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// All that was given, in published order.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        NAMES.iter().chain(&FILTER_NAMES).filter_map(|name| self.get(name).map(|value| (*name, value)))
    }

    /// A decimal number, where one was given. What is no number, or lies outside the bounds, is an error.
    pub fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<f64>, FieldError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match number::read(text) {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => {
                let message = WORDS.query.number(&least.to_string(), &most.to_string(), &clip(text));
                Err(FieldError::new(name, message))
            }
        }
    }

    /// A whole number, where one was given; `32k` is 32 × 1,024. What is none, or lies outside the bounds, is an error.
    pub fn count(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, FieldError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match tokens(text) {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = (least.to_string(), most.to_string());
                // How thousands are written helps where thousands are taken.
                let message = if most.len() > 4 {
                    WORDS.query.tokens(&least, &most, &clip(text))
                } else {
                    WORDS.query.whole_number(&least, &most, &clip(text))
                };
                Err(FieldError::new(name, message))
            }
        }
    }

    /// One of a fixed list of words, by a reader of its own; another word is an error that names near ones.
    pub fn word<T>(
        &self,
        name: &str,
        words: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| {
            let near = nearest(text, words.iter().copied(), words.len());
            FieldError::with_near(name, WORDS.query.word(&clip(text), &words.join(", ")), near)
        })
    }
}

/// The names alone: what they mean is for documents, and need not travel to browsers.
const NAMES: [&str; PARAMETERS.len()] = names(PARAMETERS);
const FILTER_NAMES: [&str; FILTERS.len()] = names(FILTERS);

/// Whether this is the name of a parameter of [`PARAMETERS`].
#[must_use]
pub fn is_parameter(name: &str) -> bool {
    known(name, &NAMES).is_some()
}

/// Whether this is the name of a filter of [`FILTERS`].
#[must_use]
pub fn is_filter(name: &str) -> bool {
    known(name, &FILTER_NAMES).is_some()
}

const fn names<const N: usize>(list: &[(&'static str, &'static str)]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = list[at].0;
        at += 1;
    }
    names
}

fn known(key: &str, names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| *name == key)
}

/// Digits, with an optional `k` for 1,024 or `m` for 1,048,576; digits may be grouped by commas or underscores.
fn tokens(text: &str) -> Option<u32> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1024.0),
        b'm' | b'M' => (&text[..text.len() - 1], 1_048_576.0),
        _ => (text, 1.0),
    };
    // A comma stands before three digits: read as nothing in 12,5, it would make 125 of it.
    let is_sign_there = |(at, sign)| sign != b',' || at % 4 == 3;
    if !digits.trim().bytes().rev().enumerate().all(is_sign_there) {
        return None;
    }
    let plain: String = digits.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let number = number::read(plain.trim())? * unit;
    let whole =
        number.is_finite() && number >= 0.0 && number <= f64::from(u32::MAX) && libm::floor(number) == number;
    whole.then_some(number as u32)
}

/// The start of a text, for a sentence.
pub(crate) fn clip(text: &str) -> String {
    let mut short: String = text.chars().take(60).filter(|c| !c.is_control()).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_people_write_them() {
        let cases = [
            ("4096", Some(4096)),
            ("32k", Some(32_768)),
            ("1.5K", Some(1536)),
            ("131,072", Some(131_072)),
            ("1m", Some(1_048_576)),
            ("1,024k", Some(1_048_576)),
            ("12,5", None),
            ("12,5k", None),
            ("1.5,000", None),
            ("1,0000", None),
            ("4.2", None),
            ("-4", None),
            ("k", None),
            ("", None),
            ("1e3", Some(1000)),
            ("inf", None),
            ("NaN", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(tokens(text), wanted, "{text}");
        }
    }

    #[test]
    fn unknown_names_are_named_with_near_ones() {
        let errors = Params::read([("hardwear", "x"), ("context", "1"), ("context", "2")]).unwrap_err();
        assert_eq!(errors[0].field, "hardwear");
        assert!(errors[0].near.contains(&"hardware".to_owned()), "{:?}", errors[0]);
        assert_eq!(errors[1].field, "context");
    }

    #[test]
    fn a_hint_suits_its_field() {
        let says = |name: &str, most| {
            let params = Params::read([(name, "x")]).unwrap();
            params.count(name, 1, most).unwrap_err().message
        };
        assert_eq!(says("devices", 16), "\"x\" is no whole number from 1 to 16.");
        assert!(says("context", 100_000_000).ends_with("; write it as 4096 or 4k."));
    }

    #[test]
    fn numbers_out_of_bounds_are_refused() {
        for bad in ["NaN", "inf", "-1", "1e308", "0", "x"] {
            let params = Params::read([("bandwidth_gb_s", bad)]).unwrap();
            assert!(params.number("bandwidth_gb_s", 0.1, 1e6).is_err(), "{bad}");
        }
    }
}
