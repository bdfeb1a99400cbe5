//! What drivers, benchmarks and people call a device.
//!
//! A name is read into words, with letters parted from digits ("4070ti" is "4070 ti"), and into what tells versions
//! apart: memory, GPU cores, laptop or not. Makers' names, trade marks and the backend's own words are dropped. A
//! row answers to its id, name, aliases and shared names read the same way, to the same without its series ("4070
//! ti"), and to patterns of brand strings. In a longer text the longest of these names counts, unless the word
//! behind it makes it another product ("RTX 4070" in "RTX 4070 Ti").

mod name;

pub(crate) use name::memory_in;
use name::{Name, is_number, read, without_brackets, words};

use crate::lookup::{Lookup, distinct, ranked, similarity, single};
use crate::row::{DeviceClass, HardwareRow};

/// Words behind a name that make it another product.
#[rustfmt::skip]
const MODIFIERS: &[&str] = &[
    "ti", "super", "xt", "xtx", "gre", "d", "m", "max", "pro", "ultra", "plus", "extreme", "sff", "ada", "blackwell",
    "maxq", "nvl", "sxm", "x", "xs", "s", "lite",
];

/// Series words that people leave out.
const SERIES: &[&str] = &["rtx", "gtx", "rx", "arc", "instinct", "tesla", "ryzen"];

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
        let found = self.all(rows, text, memory_gib);
        single(found, |row| rows[row].id.clone(), || self.near(rows, &read(text)))
    }

    /// The same, where nobody is told what is near: comparing a name with all others takes most of a search.
    pub(crate) fn known(&self, rows: &[HardwareRow], text: &str, memory_gib: Option<f64>) -> Option<usize> {
        let found = distinct(self.all(rows, text, memory_gib));
        (found.len() == 1).then(|| found[0])
    }

    /// Every row that `text` may name.
    fn all(&self, rows: &[HardwareRow], text: &str, memory_gib: Option<f64>) -> Vec<usize> {
        let called: Vec<usize> = (0..rows.len()).filter(|row| is_called(&rows[*row], text.trim())).collect();
        if !called.is_empty() {
            return called;
        }
        let listed = self.listed(rows, text, memory_gib);
        if !listed.is_empty() {
            return listed;
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
            let sold = found.iter().copied().filter(|row| sold_with(&rows[*row], wanted));
            found = sold.collect();
        } else if let Some(seen) = memory_gib {
            keep_if_any(&mut found, |row| sold_with(&rows[row], seen));
        }
        // "M2 Ultra 76" and "M4 Max 40-core" mean the GPU's cores where that many exist.
        let loose = asked.words.iter().filter_map(|word| word.parse().ok());
        for cores in loose.chain([asked.gpu_cores, asked.cores].into_iter().flatten()) {
            keep_if_any(&mut found, |row| rows[row].gpu_cores == Some(cores));
        }
        found
    }

    /// What lspci lists in the last brackets, all that a chip is sold as: "Navi 31 [Radeon RX 7900 XT/7900 XTX]".
    fn listed(&self, rows: &[HardwareRow], text: &str, memory_gib: Option<f64>) -> Vec<usize> {
        let inside = text.rsplit_once('[').and_then(|(_, behind)| behind.split_once(']'));
        let Some((inside, _)) = inside else { return Vec::new() };
        let found = inside.split('/').map(|name| self.find(rows, name, memory_gib));
        found.filter_map(Result::ok).collect()
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

/// Whether a device is sold with so much memory, or with whatever its owner chose.
fn sold_with(row: &HardwareRow, gib: f64) -> bool {
    row.memory_gib.is_empty() || row.sold_with(gib).is_some()
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
