//! Models split over several files: `Name-Q4_K_M-00001-of-00003.gguf`.

use super::error::GgufError;
use super::header::Header;
use crate::messages::WORDS;
use alloc::string::ToString;

/// The place of a file among the parts of its model, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The name without number and ending, the same for all parts.
    pub stem: &'a str,
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub count: u32,
}

impl<'a> Part<'a> {
    /// Reads `stem-00001-of-00003.gguf` (or another ending); `None` for any other name.
    #[must_use]
    pub fn of(file_name: &'a str) -> Option<Self> {
        let (rest, _ending) = file_name.rsplit_once('.')?;
        let (rest, count) = rest.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        let digits = |text: &str| {
            let plain = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<u32>().ok()).flatten()
        };
        let (number, count) = (digits(number)?, digits(count)?);
        (1..=count).contains(&number).then_some(Part { stem, number, count })
    }
}

/// Checks that these are all parts of one model, in order.
///
/// # Errors
/// [`GgufError::Parts`] that says which part is missing or foreign.
pub fn check_parts(parts: &[Header]) -> Result<(), GgufError> {
    let Some(first) = parts.first() else {
        return Err(GgufError::Parts(WORDS.model.no_parts.into()));
    };
    let number = |part: &Header, key: &str| part.get(key).and_then(super::header::Value::as_u64);
    let count = number(first, "split.count").unwrap_or(1).max(1);
    if count != parts.len() as u64 {
        let what = WORDS.model.part_count(&count.to_string(), &parts.len().to_string());
        return Err(GgufError::Parts(what));
    }
    for (index, part) in parts.iter().enumerate() {
        let place = index + 1;
        if number(part, "split.no").is_some_and(|no| no != index as u64) {
            return Err(GgufError::Parts(WORDS.model.part_order(&place.to_string())));
        }
        if number(part, "split.count").unwrap_or(1).max(1) != count {
            return Err(GgufError::Parts(WORDS.model.part_foreign(&place.to_string())));
        }
    }
    let tensors: usize = parts.iter().map(|part| part.tensors.len()).sum();
    match number(first, "split.tensors.count") {
        Some(wanted) if wanted != tensors as u64 => {
            Err(GgufError::Parts(WORDS.model.tensor_count(&tensors.to_string(), &wanted.to_string())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts() {
        let part = Part::of("Qwen3-235B-Q4_K_M-00002-of-00003.gguf").unwrap();
        assert_eq!(part, Part { stem: "Qwen3-235B-Q4_K_M", number: 2, count: 3 });
        let shard = Part::of("model-00001-of-00004.safetensors").unwrap();
        assert_eq!((shard.stem, shard.number, shard.count), ("model", 1, 4));
        for other in
            ["a.gguf", "a-00004-of-00003.gguf", "a-00000-of-00003.gguf", "a-1-of-3.gguf", "a-00001-of-00002"]
        {
            assert_eq!(Part::of(other), None, "{other}");
        }
    }
}
