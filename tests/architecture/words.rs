//! Sentences stand in the message files, where a second language finds all of them, and not in the code.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{lines, sources};

/// Where no sentence may stand. Of the server it is what pages show and what anyone is told who sends something; whoever runs
/// the server is told in the code.
const KEPT: &[&str] = &[
    "data/src",
    "web/browser/src",
    "web/benchmarks/src",
    "web/contribute/src",
    "web/gguf/src",
    "web/wasm/src",
    "web/work/src",
    "web/page/src",
    "web/server/src/pages",
    "web/server/src/api",
    "web/server/src/gate",
    "web/server/src/limits.rs",
    "web/server/src/problem",
    "web/server/src/problem.rs",
    "web/server/src/query_string.rs",
    "web/server/src/submit",
];

/// What is left alone within them: a folder, a file, or one item of a file, and why.
const EXCEPT: &[(&str, &str, &str)] = &[
    (
        "data/src/paste",
        "",
        "the public log keeps what it says of a paste; the rest are words of other programs",
    ),
    ("data/src/check", "", "rules of the files under `data/`, told to who edits them"),
    ("data/src/runs/check.rs", "", "rules of the campaigns, told to who edits them"),
    ("data/src/query/params.rs", "pub const PARAMETERS", "the API's description"),
    ("data/src/query/params.rs", "pub const FILTERS", "the API's description"),
    ("data/src/table/wish.rs", "pub const PARAMETERS", "the API's description"),
    ("web/server/src/api/refused.rs", "", "the API's description"),
    ("web/server/src/api/mod.rs", "const OF_BODIES", "the API's description"),
];

/// How a literal begins that is markup, a command or a device's name.
const NO_SENTENCES: &[&str] = &["<", "llm-speed-probe ", "ANGLE ", "Ryzen "];

/// What is told to who mends the program, or stands in the API's description.
const ASIDE: &[&str] = &[
    "expect(",
    "panic!(",
    "unreachable!(",
    "assert!(",
    "assert_eq!(",
    "reason = ",
    "tracing::",
    "description = ",
];

/// A source without comments, unit tests, and the items that `except` names.
fn code(text: &str, except: &[&str]) -> String {
    let mut out = String::new();
    let mut is_left_out = false;
    for (_, line) in lines(text) {
        is_left_out |= except.iter().any(|item| line.starts_with(item));
        if !is_left_out {
            out.push_str(&line);
            out.push('\n');
        }
        is_left_out &= line != "];";
    }
    out
}

/// The string literals of a source, each with what stands before it on its line.
fn literals(code: &str) -> Vec<(String, String)> {
    let signs: Vec<char> = code.chars().collect();
    let (mut at, mut before, mut found) = (0, String::new(), Vec::new());
    while let Some(&sign) = signs.get(at) {
        at += 1;
        match sign {
            '\n' => before.clear(),
            '/' if signs.get(at) == Some(&'/') => {
                at += signs[at..].iter().take_while(|sign| **sign != '\n').count();
            }
            // A character, and no lifetime.
            '\'' if signs.get(at) == Some(&'\\') => {
                at += 2 + signs[at + 2..].iter().take_while(|sign| **sign != '\'').count() + 1;
            }
            '\'' if signs.get(at + 1) == Some(&'\'') => at += 2,
            '"' => {
                let hashes = before.chars().rev().take_while(|sign| *sign == '#').count();
                let is_raw = before.trim_end_matches('#').ends_with('r');
                let mut text = String::new();
                while let Some(&sign) = signs.get(at) {
                    at += 1;
                    let closes =
                        || signs[at..].iter().take(hashes).filter(|sign| **sign == '#').count() == hashes;
                    match sign {
                        '"' if !is_raw || closes() => break,
                        '\\' if !is_raw => {
                            // The end of a line is passed over, and blanks after it with it: `lines` left none.
                            text.extend(signs.get(at).filter(|next| **next != '\n'));
                            at += 1;
                        }
                        sign => text.push(sign),
                    }
                }
                found.push((before.clone(), text));
            }
            sign => before.push(sign),
        }
    }
    found
}

/// Whether a reader would take it for words of ours: three of them at least, outside of braces, each of two letters or more.
fn is_sentence(text: &str) -> bool {
    let mut depth = 0_u32;
    let outside: String = text
        .chars()
        .filter(|sign| {
            depth = (depth + u32::from(*sign == '{')).saturating_sub(u32::from(*sign == '}'));
            depth == 0
        })
        .collect();
    let is_word = |word: &str| {
        let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        word.len() > 1 && word.chars().all(|sign| sign.is_alphabetic() || sign == '\'')
    };
    outside.split_whitespace().filter(|word| is_word(word)).count() >= 3
}

/// Sentences of a source that stand in it.
fn sentences(text: &str, except: &[&str]) -> Vec<String> {
    let is_told = |before: &str| !ASIDE.iter().any(|word| before.contains(word));
    let all = literals(&code(text, except)).into_iter();
    let is_ours = |text: &str| is_sentence(text) && !NO_SENTENCES.iter().any(|start| text.starts_with(start));
    all.filter(|(before, text)| is_told(before) && is_ours(text)).map(|(_, text)| text).collect()
}

/// Whether a file, by its path within the project, holds unit tests: `tests.rs`, or a room of it.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs")
}

#[test]
fn sentences_stand_in_the_message_files() {
    let root = crate::root();
    let (mut count, mut wrong) = (0, Vec::new());
    for path in KEPT.iter().flat_map(|place| sources(&root.join(place))) {
        let is_of = |(place, _, _): &&(&str, &str, &str)| path.starts_with(root.join(place));
        let except: Vec<&str> = EXCEPT.iter().filter(is_of).map(|(_, item, _)| *item).collect();
        if except.contains(&"") || is_test(path.strip_prefix(&root).expect("under the root")) {
            continue;
        }
        count += 1;
        let text = fs::read_to_string(&path).expect("our own file");
        let said = sentences(&text, &except);
        wrong.extend(said.into_iter().map(|text| format!("{}: {text:?}", path.display())));
    }
    assert!(count > 120, "{count} sources");
    assert!(wrong.is_empty(), "these belong into messages/en.toml:\n{}", wrong.join("\n"));
}

/// An exception that excepts nothing would hide what is written there next.
#[test]
fn every_exception_is_needed() {
    let root = crate::root();
    for (place, item, because) in EXCEPT {
        let files = sources(&root.join(place));
        let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let said = |except: &[&str]| texts.iter().map(|text| sentences(text, except).len()).sum::<usize>();
        assert!(said(&[]) > said(&[*item]), "{place} {item}: {because}");
    }
}

#[test]
fn a_sentence_in_code_is_noticed() {
    let text = r##"
/// "A comment says what it likes."
const NAMES: &[&str] = &[
    "only this family of models",
];
fn said(text: &str) -> String {
    let sign = '"'; // "nor does this one count"
    let names = ["{one} {two} {three}", "<b>no words of ours</b>", "GGUF", "Q4_K_M 7.5 bpw", "llama.cpp b1234"];
    let it = names.first().expect("there are three of them");
    format!("\"{text}\" is no share \
             of stock.")
}
fn raw() -> &'static str { r#"it says "no" to all"# }
#[cfg(test)]
mod tests {
    const OF_A_TEST: &str = "what a test says is its own";
}
"##;
    assert_eq!(
        sentences(text, &["const NAMES"]),
        ["\"{text}\" is no share of stock.", "it says \"no\" to all"]
    );
    assert_eq!(sentences(text, &[]).len(), 3);
}

/// Tables and keys of a message file.
fn keys(path: &Path) -> Vec<(String, String)> {
    let file: toml::Table = fs::read_to_string(path).expect("a message file").parse().expect("TOML");
    let of = |(table, rows): (&String, &toml::Value)| -> Vec<(String, String)> {
        rows.as_table().expect("a table").keys().map(|key| (table.clone(), key.clone())).collect()
    };
    file.iter().flat_map(of).collect()
}

/// One that nobody says costs work in each language. The page's own are asked after by its own test.
#[test]
fn every_sentence_of_data_is_said() {
    let root = crate::root();
    let places = ["data/src", "web"].map(|place| sources(&root.join(place)));
    let read = |path: &PathBuf| {
        fs::read_to_string(path).expect("our own file").split_whitespace().collect::<String>()
    };
    let all: Vec<String> = places.iter().flatten().map(read).collect();
    let keys = keys(&root.join("data/messages/en.toml"));
    assert!(keys.len() > 100, "{} sentences", keys.len());
    let unsaid: Vec<String> = keys
        .iter()
        .map(|(table, key)| format!("WORDS.{table}.{key}"))
        .filter(|name| {
            let is_end = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
            !all.iter().any(|text| text.match_indices(name).any(|(at, _)| is_end(&text[at + name.len()..])))
        })
        .collect();
    assert!(unsaid.is_empty(), "nobody says {}", unsaid.join(", "));
}
