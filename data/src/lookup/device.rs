//! What drivers, benchmarks and people call a device.
//!
//! A name is read into words, with letters parted from digits ("4070ti" is "4070 ti"), and into what tells versions
//! apart: memory, GPU cores, laptop or not. Makers' names, trade marks and the back end's own words are dropped. A
//! row answers to its id, name, aliases and shared names read the same way, to the same without its series ("4070
//! ti"), and to patterns of brand strings. In a longer text the longest of these names counts, unless the word
//! behind it makes it another product ("RTX 4070" in "RTX 4070 Ti").

use crate::lookup::{Lookup, ranked, search_score, similarity, single};
use crate::number;
use crate::row::{DeviceClass, HardwareRow};

/// Words that say nothing about which device it is.
#[rustfmt::skip]
const NOISE: &[&str] = &[
    "nvidia", "geforce", "amd", "ati", "radeon", "intel", "apple", "qualcomm", "google", "corporation", "inc", "r",
    "tm", "c", "graphics", "gpu", "gpus", "igpu", "dgpu", "egpu", "card", "video", "vram", "ram", "memory", "unified",
    "with", "w", "design", "edition", "generation", "processor", "cpu", "series", "integrated", "cuda", "rocm",
    "vulkan", "metal", "opengl", "angle", "radv", "mesa", "llvm", "device", "soc", "chip", "the", "a", "an", "and", "on",
    "workstation", "mac", "macbook", "imac", "mini", "studio", "air", "book", "renderer",
];

/// Words behind a name that make it another product.
#[rustfmt::skip]
const MODIFIERS: &[&str] = &[
    "ti", "super", "xt", "xtx", "gre", "d", "m", "max", "pro", "ultra", "plus", "extreme", "sff", "ada", "blackwell",
    "maxq", "nvl", "sxm", "x", "xs", "s", "lite",
];

/// Series words that people leave out.
const SERIES: &[&str] = &["rtx", "gtx", "rx", "arc", "instinct", "tesla", "ryzen"];

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
struct Name {
    words: Vec<String>,
    memory_gib: Option<f64>,
    gpu_cores: Option<u32>,
    /// "16-core" of we know not what.
    cores: Option<u32>,
    laptop: bool,
    makers: Vec<&'static str>,
    /// Made from another name by leaving something out; it yields to names that are so in full.
    shortened: bool,
}

/// Every name of every device.
#[derive(Debug)]
pub(crate) struct DeviceNames {
    /// With the index of the row.
    names: Vec<(usize, Name)>,
    /// Patterns of brand strings, in words.
    patterns: Vec<(usize, Vec<String>)>,
}

impl DeviceNames {
    pub(crate) fn new(rows: &[HardwareRow]) -> Self {
        let mut names = Vec::new();
        let mut patterns = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let own = [&row.id, &row.name].into_iter().chain(&row.aliases).chain(&row.shared_names);
            for text in own {
                let name = Name { gpu_cores: row.gpu_cores, ..read(text) };
                if let Some(words) = without_brackets(text) {
                    names.push((at, Name { words, shortened: true, ..name.clone() }));
                }
                if let [first, rest @ ..] = &name.words[..]
                    && SERIES.contains(&first.as_str())
                    && !rest.is_empty()
                {
                    names.push((at, Name { words: rest.to_vec(), shortened: true, ..name.clone() }));
                }
                names.push((at, name));
            }
            patterns.extend(row.patterns.iter().map(|text| (at, words(text, "#*|"))));
        }
        DeviceNames { names, patterns }
    }

    /// The row that `text` names. `memory_gib` is what a tool said beside the name, if anything.
    pub(crate) fn find(
        &self,
        rows: &[HardwareRow],
        text: &str,
        memory_gib: Option<f64>,
    ) -> Result<usize, Lookup> {
        let called: Vec<usize> = (0..rows.len()).filter(|row| is_called(&rows[*row], text.trim())).collect();
        if !called.is_empty() {
            return single(called, |row| rows[row].id.clone(), Vec::new);
        }
        let asked = read(text);
        let mut readings = vec![asked.clone()];
        if let Some(words) = without_brackets(text) {
            readings.insert(0, Name { words, ..asked.clone() });
        }
        if asked.words.iter().any(|word| word == "maxq") {
            let words = asked.words.iter().filter(|word| *word != "maxq").cloned().collect();
            readings.push(Name { words, laptop: true, ..asked.clone() });
        }
        let sized = asked.memory_gib.or(memory_gib).is_some();
        let mut found = Vec::new();
        for reading in &readings {
            // "RTX 4050" exists in laptops alone, which is then what is meant.
            for laptop in [reading.laptop, true] {
                if found.is_empty() {
                    found = self.candidates(rows, &Name { laptop, ..reading.clone() }, sized);
                }
            }
        }
        if let Some(wanted) = asked.memory_gib {
            let sold = found.iter().copied().filter(|row| sold_with(&rows[*row], wanted, 0.12));
            found = sold.collect();
        } else if let Some(seen) = memory_gib {
            keep_if_any(&mut found, |row| sold_with(&rows[row], seen, 0.12));
        }
        // "M2 Ultra 76" and "M4 Max 40-core" mean the GPU's cores where that many exist.
        let loose = asked.words.iter().filter_map(|word| word.parse().ok());
        for cores in loose.chain([asked.gpu_cores, asked.cores].into_iter().flatten()) {
            keep_if_any(&mut found, |row| rows[row].gpu_cores == Some(cores));
        }
        single(found, |row| rows[row].id.clone(), || self.near(rows, &asked))
    }

    /// Rows by fit to what is typed into a search box, best first.
    pub(crate) fn search(&self, rows: &[HardwareRow], text: &str) -> Vec<usize> {
        let typed = read(text);
        let mut scores = vec![0.0_f64; rows.len()];
        for (row, name) in &self.names {
            let versions = typed.laptop == rows[*row].laptop || !typed.laptop;
            let sizes = typed.memory_gib.is_none_or(|gib| sold_with(&rows[*row], gib, 0.12));
            let score = search_score(&typed.words, &name.words) - if versions && sizes { 0.0 } else { 0.5 };
            scores[*row] = scores[*row].max(score);
        }
        if let Ok(row) = self.find(rows, text, None) {
            scores[row] = 4.0;
        }
        ranked(scores.into_iter(), 0.4, rows.len())
    }

    /// Rows whose names fit the words, before memory and cores are looked at; `sized` when they will be.
    fn candidates(&self, rows: &[HardwareRow], asked: &Name, sized: bool) -> Vec<usize> {
        let fits = |row: usize| {
            let row = &rows[row];
            let version = row.class != DeviceClass::DiscreteGpu || row.laptop == asked.laptop;
            version && (asked.makers.is_empty() || asked.makers.contains(&row.vendor.as_str()))
        };
        let equal: Vec<&(usize, Name)> =
            self.names.iter().filter(|(row, name)| name.words == asked.words && fits(*row)).collect();
        if !equal.is_empty() && !asked.words.is_empty() {
            return versions(&equal, sized);
        }
        // A product's own pattern goes before that of its family, which leaves more open, and the longer one first.
        let (mut by_pattern, mut closest) = (Vec::new(), isize::MIN);
        for (row, pattern) in &self.patterns {
            let close = closeness(pattern);
            if close >= closest && fits(*row) && matches_pattern(pattern, &asked.words) {
                if close > closest {
                    by_pattern.clear();
                }
                closest = close;
                by_pattern.push(*row);
            }
        }
        if !by_pattern.is_empty() {
            return by_pattern;
        }
        let held: Vec<&(usize, Name)> =
            self.names.iter().filter(|(row, name)| fits(*row) && holds(&asked.words, &name.words)).collect();
        let longest = held.iter().map(|(_, name)| name.words.len()).max().unwrap_or(0);
        let held: Vec<_> = held.into_iter().filter(|(_, name)| name.words.len() == longest).collect();
        versions(&held, sized)
    }

    fn near(&self, rows: &[HardwareRow], asked: &Name) -> Vec<usize> {
        let text = asked.words.join(" ");
        let mut scores = vec![0.0_f64; rows.len()];
        for (row, name) in &self.names {
            let version = if rows[*row].laptop == asked.laptop { 0.0 } else { 0.1 };
            scores[*row] = scores[*row].max(similarity(&text, &name.words.join(" ")) - version);
        }
        ranked(scores.into_iter(), 0.4, 5)
    }
}

/// Whether the text is the id or the maker's name of the row to the letter.
fn is_called(row: &HardwareRow, text: &str) -> bool {
    row.id == text || row.name.eq_ignore_ascii_case(text)
}

/// The rows of names that fit. "RTX 3080" is the card of that name, as its 12 GB sister says so in hers: names
/// with a memory size count only when no other fits, or when sizes will be looked at.
fn versions(fitting: &[&(usize, Name)], sized: bool) -> Vec<usize> {
    let in_full = fitting.iter().any(|(_, name)| !name.shortened);
    let fitting: Vec<_> = fitting.iter().filter(|(_, name)| !(in_full && name.shortened)).collect();
    let plain: Vec<usize> =
        fitting.iter().filter(|(_, name)| name.memory_gib.is_none()).map(|(row, _)| *row).collect();
    if sized || plain.is_empty() { fitting.iter().map(|(row, _)| *row).collect() } else { plain }
}

/// Keeps only the rows that pass, if any does.
fn keep_if_any(found: &mut Vec<usize>, pass: impl Fn(usize) -> bool) {
    if found.iter().any(|row| pass(*row)) {
        found.retain(|row| pass(*row));
    }
}

/// Whether a device is sold with so much memory. Tools report a few per cent less than is printed on the box.
fn sold_with(row: &HardwareRow, gib: f64, tolerance: f64) -> bool {
    row.memory_gib.is_empty()
        || row.memory_gib.iter().any(|sold| gib > sold * (1.0 - tolerance) && gib < sold * 1.03)
}

/// Whether `text` holds `name` as a run of words, with nothing behind it that makes it another product.
fn holds(text: &[String], name: &[String]) -> bool {
    let telling = name.len() > 1 || name.iter().any(|word| word.len() > 5);
    telling
        && text.windows(name.len()).enumerate().any(|(at, run)| {
            run == name
                && text.get(at + name.len()).is_none_or(|behind| !MODIFIERS.contains(&behind.as_str()))
        })
}

/// Whether `text` holds a run of words that a pattern describes. Behind a pattern without a final `*` no suffix
/// letters may follow: "Ryzen 7 5800" is no "Ryzen 7 5800H".
fn matches_pattern(pattern: &[String], text: &[String]) -> bool {
    let (pattern, open) = match pattern {
        [front @ .., last] if last == "*" => (front, true),
        all => (all, false),
    };
    text.windows(pattern.len()).enumerate().any(|(at, run)| {
        let suffix = text.get(at + pattern.len()).is_some_and(|word| word.len() <= 2 && !is_number(word));
        run.iter().zip(pattern).all(|(word, wanted)| fits_word(wanted, word)) && (open || !suffix)
    })
}

/// How much a pattern says: nothing left open first, then more words.
fn closeness(pattern: &[String]) -> isize {
    let open =
        pattern.iter().flat_map(|word| word.bytes()).filter(|sign| matches!(sign, b'#' | b'*')).count();
    pattern.len() as isize - 64 * open as isize
}

/// One word of a pattern: alternatives between `|`, `#` for a digit.
fn fits_word(wanted: &str, word: &str) -> bool {
    wanted.split('|').any(|option| {
        option.len() == word.len()
            && option.chars().zip(word.chars()).all(|(o, w)| o == w || (o == '#' && w.is_ascii_digit()))
    })
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case words, letters parted from digits; signs in `keep` stay inside words.
fn words(text: &str, keep: &str) -> Vec<String> {
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
fn read(text: &str) -> Name {
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
fn without_brackets(text: &str) -> Option<Vec<String>> {
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
