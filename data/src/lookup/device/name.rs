//! A device's name, read: its words, and what tells versions apart.

use crate::number;

/// Words that say nothing about which device it is.
#[rustfmt::skip]
const NOISE: &[&str] = &[
    "nvidia", "geforce", "amd", "ati", "radeon", "intel", "apple", "qualcomm", "google", "corporation", "inc", "r",
    "tm", "c", "graphics", "gpu", "gpus", "igpu", "dgpu", "egpu", "card", "video", "vram", "ram", "memory", "unified",
    "with", "w", "design", "edition", "generation", "processor", "cpu", "series", "integrated", "cuda", "rocm",
    "vulkan", "metal", "opengl", "angle", "radv", "mesa", "llvm", "device", "soc", "chip", "the", "a", "an", "and", "on",
    "workstation", "lhr", "hash", "rate", "mac", "macbook", "imac", "mini", "studio", "air", "book", "renderer",
];

/// Who made it, by words that only one maker uses.
#[rustfmt::skip]
const MAKERS: &[(&str, &str)] = &[
    ("nvidia", "nvidia"), ("geforce", "nvidia"), ("quadro", "nvidia"), ("tesla", "nvidia"), ("rtx", "nvidia"),
    ("gtx", "nvidia"), ("amd", "amd"), ("radeon", "amd"), ("ryzen", "amd"), ("epyc", "amd"), ("threadripper", "amd"),
    ("instinct", "amd"), ("intel", "intel"), ("xeon", "intel"), ("apple", "apple"), ("qualcomm", "qualcomm"),
    ("snapdragon", "qualcomm"), ("adreno", "qualcomm"), ("google", "google"), ("samsung", "samsung"),
];

/// A name, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Name {
    pub(super) words: Vec<String>,
    pub(super) memory_gib: Option<f64>,
    pub(super) gpu_cores: Option<u32>,
    /// "16-core" of we know not what.
    pub(super) cores: Option<u32>,
    pub(super) laptop: bool,
    pub(super) makers: Vec<&'static str>,
    /// Made from another name by leaving something out; it yields to names that are so in full.
    pub(super) shortened: bool,
}

/// The memory that a name tells: the 12 of "RTX 3060 12GB".
pub(crate) fn memory_in(text: &str) -> Option<f64> {
    take_memory(text).1
}

pub(super) fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case words, letters parted from digits; signs in `keep` stay inside words.
pub(super) fn words(text: &str, keep: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for sign in text.chars().map(|sign| sign.to_ascii_lowercase()) {
        let part = sign.is_ascii_alphanumeric() || keep.contains(sign);
        let digit = |sign: char| sign.is_ascii_digit() || sign == '#';
        let open = last != ' ' && (digit(last) == digit(sign) || last == '|' || sign == '|');
        match words.last_mut() {
            Some(word) if part && open => word.push(sign),
            _ if part => words.push(sign.to_string()),
            _ => {}
        }
        last = if part { sign } else { ' ' };
    }
    words
}

/// Reads a name. What is behind an `@` is a clock.
pub(super) fn read(text: &str) -> Name {
    let text = text.split('@').next().unwrap_or_default().replace("(R)", " ").replace("(TM)", " ");
    let text = text.replace("(r)", " ").replace("(tm)", " ").replace(['®', '™'], " ");
    let (text, memory_gib) = take_memory(&text);
    let mut name = Name { memory_gib, ..Name::default() };
    let all = words(&text, "");
    let mut at = 0;
    while let Some(word) = all.get(at) {
        let next = all.get(at + 1).map(String::as_str);
        at += 1;
        if let Some((_, maker)) = MAKERS.iter().find(|(brand, _)| brand == word)
            && !name.makers.contains(maker)
        {
            name.makers.push(maker);
        }
        match (word.as_str(), next) {
            ("laptop" | "mobile" | "notebook", _) => name.laptop = true,
            // "Lite Hash Rate": slower at mining alone.
            ("lite", Some("hash")) => {}
            ("max", Some("q")) => {
                name.words.push("maxq".to_owned());
                at += 1;
            }
            (number, Some("core" | "cores" | "c" | "gpu" | "cu"))
                if is_number(number) && number.len() <= 3 =>
            {
                let gpu = next == Some("gpu")
                    || matches!(all.get(at + 1).map(String::as_str), Some("gpu" | "gpus"))
                    || next == Some("cu");
                // "48 GPU cores" and "40GPU", but not the "16-core" of a processor.
                if gpu {
                    name.gpu_cores = number.parse().ok();
                } else if next != Some("c") {
                    name.cores = number.parse().ok();
                }
                at += 1;
                if matches!(all.get(at).map(String::as_str), Some("core" | "cores")) {
                    at += 1;
                }
            }
            (number, Some("p" | "e")) if is_number(number) && number.len() <= 2 => at += 1,
            // "w/" is noise, the W of W6800 is not; "R" is a trade mark, the R of 6248R is not.
            (noise, _)
                if NOISE.contains(&noise)
                    && (noise.len() > 1 || !next.is_some_and(is_number))
                    && !(noise == "r" && name.words.last().is_some_and(|last| is_number(last))) => {}
            (plain, _) => name.words.push(plain.to_owned()),
        }
    }
    // "2x RTX 3090" is two of them.
    if let [count, times, rest @ ..] = &name.words[..]
        && is_number(count)
        && count.len() == 1
        && times == "x"
        && !rest.is_empty()
    {
        name.words = rest.to_vec();
    }
    name
}

/// The words of a name outside its brackets, which often hold a driver or a code name; `None` without brackets.
pub(super) fn without_brackets(text: &str) -> Option<Vec<String>> {
    let mut outside = String::new();
    let mut depth = 0_usize;
    let text = text.replace("(R)", " ").replace("(TM)", " ").replace("(r)", " ").replace("(tm)", " ");
    for sign in text.chars() {
        match sign {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(sign),
            _ => {}
        }
    }
    let words = read(&outside).words;
    (outside.len() < text.len() && !words.is_empty()).then_some(words)
}

/// Takes the amount of memory out of a name ("12GB", "79.6 GiB", "81920 MiB"); the largest where there are several.
fn take_memory(text: &str) -> (String, Option<f64>) {
    let mut rest = String::with_capacity(text.len());
    let mut memory: Option<f64> = None;
    let mut tail = text;
    while let Some(at) = tail.find(|sign: char| sign.is_ascii_digit()) {
        let (before, from) = tail.split_at(at);
        let number_len = from.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(from.len());
        let (number, behind) = from.split_at(number_len);
        let spaced = behind.trim_start_matches([' ', '-']);
        let unit = spaced.find(|sign: char| !sign.is_ascii_alphabetic()).map_or(spaced, |end| &spaced[..end]);
        // The 10G of "A10G", the 1165G7 and the 5600G are no memory.
        let behind_unit = spaced[unit.len()..].starts_with(|sign: char| sign.is_ascii_alphanumeric());
        let apart =
            !before.ends_with(|sign: char| sign.is_ascii_alphanumeric()) && number.len() <= 3 && !behind_unit;
        let gib = match unit.to_ascii_lowercase().as_str() {
            "g" if !apart => None,
            "gb" | "gib" | "g" => number::read(number),
            "mb" | "mib" => number::read(number).map(|mib| mib / 1024.0),
            _ => None,
        };
        rest.push_str(before);
        if let Some(gib) = gib {
            memory = Some(memory.map_or(gib, |known: f64| known.max(gib)));
            rest.push(' ');
            tail = &spaced[unit.len()..];
        } else {
            rest.push_str(number);
            tail = behind;
        }
    }
    rest.push_str(tail);
    (rest, memory)
}
