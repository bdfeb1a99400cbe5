//! What repositories, files, runtimes and people call a model.
//!
//! "unsloth/Qwen3-30B-A3B-GGUF", "Qwen_Qwen3-30B-A3B-Q4_K_M.gguf", "qwen3:30b-a3b" and "Qwen3 30B A3B" are one: the
//! owner and the file's ending go, then quantisation, and words that tell nothing of the shape ("Instruct", "GGUF").
//! Whatever else is left over makes it another model: a fine-tune is never taken for its base.

use crate::lookup::{Lookup, ranked, similarity, single};
use crate::row::ModelRow;

/// Words that say nothing about which model it is.
#[rustfmt::skip]
const NOISE: &[&str] = &[
    // makers and uploaders
    "meta", "nvidia", "google", "microsoft", "mistralai", "openai", "ibm", "c4ai", "thudm", "lgai", "unsloth", "bartowski",
    "thebloke", "lmstudio", "community", "mradermacher", "quanttrio", "redhatai", "cyankiwi", "intel", "neuralmagic",
    "models", "library", "hf.co", "huggingface.co",
    // tuning for chat
    "instruct", "chat", "it", "base", "hf", "text", "pt",
    // how it was packed
    "gguf", "ggml", "mlx", "awq", "gptq", "bnb", "autoround", "auto", "round", "imatrix", "imat", "qat", "dwq", "ud", "dynamic",
    "static", "mtp", "quantized", "quant", "compressed", "tensors", "model", "latest", "mix", "safetensors", "gs", "128g",
    "symmetric", "bit", "only", "full", "mcg", "mostly",
];

/// Words of a row that people leave out: its date, its version.
fn is_optional(word: &str) -> bool {
    (word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))
        || matches!(word, "v" | "0.1" | "0.2" | "0.3")
}

/// Every name of every model.
#[derive(Debug)]
pub(crate) struct ModelNames {
    /// With the index of the row.
    names: Vec<(usize, Vec<String>)>,
}

impl ModelNames {
    pub(crate) fn new(rows: &[ModelRow]) -> Self {
        let mut names = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let own = [&row.id, &row.name].into_iter().chain(&row.hf_repo).chain(&row.aliases);
            for text in own.chain(&row.shared_names) {
                let name = words(last_part(text));
                if !names.contains(&(at, name.clone())) {
                    names.push((at, name));
                }
            }
        }
        ModelNames { names }
    }

    /// The row that `text` names.
    pub(crate) fn find(&self, rows: &[ModelRow], text: &str) -> Result<usize, Lookup> {
        if let Some(row) = rows.iter().position(|row| row.id == text.trim()) {
            return Ok(row);
        }
        let readings = readings(text);
        let equal = readings.iter().map(|asked| self.rows_where(|name| name == asked));
        let shorter = readings.iter().map(|asked| self.fewest_left_out(asked));
        let begun = readings.iter().map(|asked| self.begun(asked));
        let found = equal.chain(shorter).chain(begun).find(|found| !found.is_empty()).unwrap_or_default();
        single(found, |row| rows[row].id.clone(), || self.near(rows, &readings))
    }

    fn rows_where(&self, fits: impl Fn(&[String]) -> bool) -> Vec<usize> {
        self.names.iter().filter(|(_, name)| fits(name)).map(|(row, _)| *row).collect()
    }

    /// Rows that are named so but for their date, version or active size; those that lack least.
    fn fewest_left_out(&self, asked: &[String]) -> Vec<usize> {
        let lacks: Vec<(usize, usize)> =
            self.names.iter().filter_map(|(row, name)| Some((*row, left_out(name, asked)?))).collect();
        let least = lacks.iter().map(|(_, lack)| *lack).min();
        lacks.iter().filter(|(_, lack)| Some(*lack) == least).map(|(row, _)| *row).collect()
    }

    /// Rows whose names go on where the words end: "gpt-oss" begins two. Where names go on with nothing but a
    /// size, they alone are meant: "Llama 3.3" is no Nemotron.
    fn begun(&self, asked: &[String]) -> Vec<usize> {
        let begun = |name: &[String]| name.starts_with(asked);
        let sized = |name: &[String]| begun(name) && name[asked.len()..].iter().all(|word| is_size(word));
        let found = if asked.len() > 1 { self.rows_where(sized) } else { Vec::new() };
        if found.is_empty() { self.rows_where(begun) } else { found }
    }

    fn near(&self, rows: &[ModelRow], readings: &[Vec<String>]) -> Vec<usize> {
        let mut scores = vec![0.0_f64; rows.len()];
        for asked in readings {
            let text = asked.join(" ");
            for (row, name) in &self.names {
                scores[*row] = scores[*row].max(similarity(&text, &name.join(" ")));
            }
        }
        // Something a little alike is better than nothing: a size shared with another maker's model.
        let near = |floor, most| ranked(scores.iter().copied(), floor, most);
        Some(near(0.45, 5)).filter(|near| !near.is_empty()).unwrap_or_else(|| near(0.3, 3))
    }
}

/// How many words of `name` are missing in `asked`, if only such are that people leave out.
fn left_out(name: &[String], asked: &[String]) -> Option<usize> {
    let mut asked = asked.iter().peekable();
    let mut lack = 0;
    let mut before = "";
    for word in name {
        if asked.peek() == Some(&word) {
            asked.next();
        } else {
            let active_size = word == "a" || (before == "a" && word.ends_with('b'));
            if !is_optional(word) && !active_size {
                return None;
            }
            lack += 1;
        }
        before = word;
    }
    asked.next().is_none().then_some(lack)
}

/// Whether a word tells a size or version and no more: "30b", the "8x" of "8x7b", "0.1".
fn is_size(word: &str) -> bool {
    word.starts_with(|sign: char| sign.is_ascii_digit()) || matches!(word, "a" | "e" | "v")
}

/// The ways to read a text, likeliest first.
fn readings(text: &str) -> Vec<Vec<String>> {
    let part = last_part(text);
    let mut readings = vec![words(part)];
    // bartowski writes the owner before an underscore
    if let Some((_, behind)) = part.split_once('_') {
        readings.push(words(behind));
    }
    for at in 0..readings.len() {
        readings.push(join_versions(&readings[at]));
        readings.push(without_moe(&readings[at]));
        // a context length that some files are named by
        readings.push(readings[at].iter().filter(|word| *word != "128k").cloned().collect());
    }
    let mut seen: Vec<Vec<String>> = Vec::new();
    for reading in readings {
        if !reading.is_empty() && !seen.contains(&reading) {
            seen.push(reading);
        }
    }
    seen
}

/// "qwen 3 5" is "qwen 3.5" in files whose names may hold no dot.
fn join_versions(words: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        let digit = |text: &String| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
        match joined.last_mut() {
            Some(last) if digit(last) && digit(word) => {
                last.push('.');
                last.push_str(word);
            }
            _ => joined.push(word.clone()),
        }
    }
    joined
}

/// llama-bench writes "qwen3moe 30B.A3B".
fn without_moe(words: &[String]) -> Vec<String> {
    let bare = words.iter().map(|word| word.strip_suffix("moe").unwrap_or(word));
    bare.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The text behind the owner, without the file's ending or the number of its part.
fn last_part(text: &str) -> &str {
    let text = text.trim().trim_end_matches('/');
    let part = text.rsplit(['/', '\\']).next().unwrap_or(text);
    let lower_end = part.len().saturating_sub(5);
    let part = if part.is_char_boundary(lower_end) && part[lower_end..].eq_ignore_ascii_case(".gguf") {
        &part[..lower_end]
    } else {
        part.trim_end_matches(".safetensors")
    };
    match part.rsplit_once("-of-").and_then(|(before, _)| before.rsplit_once('-')) {
        Some((name, number)) if number.len() == 5 && number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => part,
    }
}

/// Lower-case words without noise: a number starts a word and keeps its unit ("30b", "3.1", "8x" "7b").
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut last = ' ';
    // llama-bench writes "?B" where it does not know the size.
    let text = text.replace("?B", " ").replace('+', " plus ");
    let mut signs = text.chars().map(|sign| sign.to_ascii_lowercase()).peekable();
    while let Some(sign) = signs.next() {
        let dot = sign == '.' && last.is_ascii_digit() && signs.peek().is_some_and(char::is_ascii_digit);
        let part = sign.is_ascii_alphanumeric() || dot;
        let starts = last == ' ' || (sign.is_ascii_digit() && !last.is_ascii_digit() && last != '.');
        match all.last_mut() {
            Some(word) if part && !starts => word.push(sign),
            _ if part && !dot => all.push(sign.to_string()),
            _ => {}
        }
        last = if part { sign } else { ' ' };
    }
    without_noise(&all)
}

/// Drops what names a quantisation and what says nothing.
fn without_noise(all: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut rest = all;
    while let [word, tail @ ..] = rest {
        rest = match quant_words(word, tail) {
            0 if NOISE.contains(&word.as_str()) => tail,
            0 => {
                kept.push(word.clone());
                tail
            }
            taken => &rest[taken..],
        };
    }
    if kept.is_empty() { all.to_vec() } else { kept }
}

/// How many words from here on name a quantisation; 0 for none.
fn quant_words(word: &str, tail: &[String]) -> usize {
    let next = tail.first().map_or("", String::as_str);
    let number = |text: &str| text.starts_with(|sign: char| sign.is_ascii_digit());
    let size = |text: &String| {
        matches!(
            text.as_str(),
            "k" | "m"
                | "s"
                | "l"
                | "xl"
                | "xs"
                | "xxs"
                | "nl"
                | "ks"
                | "p"
                | "r"
                | "0"
                | "1"
                | "4"
                | "small"
                | "medium"
                | "large"
        )
    };
    match word {
        "q" | "iq" | "tq" | "dq" if number(next) => {
            2 + tail[1..].iter().take_while(|text| size(text)).count()
        }
        "f" | "bf" | "fp" | "int" | "nf" | "mxfp" | "nvfp" | "exl" | "w" | "i" | "g" | "mul"
            if number(next) =>
        {
            let wide = matches!((word, tail.get(1).map(String::as_str)), ("w", Some("16" | "8")));
            2 + usize::from(wide)
        }
        _ if number(word) && (word.ends_with("bpw") || word.ends_with("bit")) => 1,
        _ => 0,
    }
}
