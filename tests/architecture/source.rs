//! Rust sources as the rules read them: without comments and unit tests, and with `use` groups written out.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a place, or the place itself.
pub fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    found.sort();
    found
}

/// The lines of a source with their numbers, in which every `use` is a line for each of its paths. Comments and what only
/// tests have are left out, wherever they stand.
pub fn lines(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut rest = text.lines().enumerate();
    while let Some((index, line)) = rest.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") {
            continue;
        }
        if trimmed.starts_with("#[cfg(test)]") {
            skip_item(&mut rest, &line[..line.len() - trimmed.len()]);
            continue;
        }
        let public = trimmed.strip_prefix("pub").map(|rest| rest.trim_start_matches("(crate)"));
        let public = public.map(|rest| rest.trim_start_matches("(super)"));
        if let Some(first) = public.unwrap_or(trimmed).trim_start().strip_prefix("use ") {
            let mut tree = first.to_owned();
            while !tree.contains(';') {
                let Some((_, more)) = rest.next() else { break };
                tree.push_str(more.trim());
            }
            let tree = tree.split(';').next().unwrap_or_default().to_owned();
            let paths = written_out(&tree).into_iter().map(|path| (index + 1, format!("use {path};")));
            found.extend(paths);
        } else {
            found.push((index + 1, line.trim().to_owned()));
        }
    }
    found
}

/// Passes over the item below an attribute; formatted as ours are, an item ends on its first line, or at a line of its own
/// indentation that closes.
fn skip_item<'t>(rest: &mut impl Iterator<Item = (usize, &'t str)>, indent: &str) {
    let mut is_begun = false;
    for (_, line) in rest {
        let Some(own) = line.strip_prefix(indent) else { continue };
        if !is_begun && (own.starts_with("#[") || own.starts_with("//")) {
            continue;
        }
        let is_one_line = !is_begun && (own.ends_with(';') || own.ends_with('}'));
        let is_end = is_begun && (own.starts_with('}') || own.starts_with(')') || own.starts_with(']'));
        if is_one_line || is_end {
            return;
        }
        is_begun = true;
    }
}

/// `std::{fs, io::{self, Read}}` as `std::fs`, `std::io`, `std::io::Read`.
pub fn written_out(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else { return vec![tree.trim_end_matches("::self").to_owned()] };
    let (prefix, inner) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())]);
    let (mut depth, mut from, mut branches) = (0_i32, 0, Vec::new());
    for (at, sign) in inner.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&inner[from..]);
    let whole = |path: String| format!("{prefix}{path}").trim_end_matches("::self").to_owned();
    branches
        .into_iter()
        .filter(|branch| !branch.trim().is_empty())
        .flat_map(|branch| written_out(branch).into_iter().map(whole).collect::<Vec<_>>())
        .collect()
}

/// Whether a line says `word` as a word of its own where it begins with a letter.
pub fn said(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !word.starts_with(char::is_alphanumeric) || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn groups_are_written_out() {
    assert_eq!(
        written_out("std::{fs, io::{self, Read}, path::Path,}"),
        ["std::fs", "std::io", "std::io::Read", "std::path::Path"]
    );
    assert_eq!(written_out("{std::net, core::fmt}"), ["std::net", "core::fmt"]);
    assert_eq!(written_out("crate::driver::Driver"), ["crate::driver::Driver"]);
}

#[test]
fn what_only_tests_have_is_left_out_and_what_follows_is_not() {
    let text = "\
pub(crate) use std::{
    fs, // a comment
    io::Read,
};
#[cfg(test)]
mod tests {
    fn f() {
        g();
    }
}
fn after() {}
impl A {
    #[cfg(test)]
    #[allow(unused)]
    fn b(&self) {
        hidden();
    }
    fn c() {}
}
#[cfg(test)]
mod beside;
fn last() {}
";
    let text = text.replace(" // a comment", "");
    let read = lines(&text);
    let said: Vec<&str> = read.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        said,
        ["use std::fs;", "use std::io::Read;", "fn after() {}", "impl A {", "fn c() {}", "}", "fn last() {}"]
    );
    assert_eq!(read[2].0, 11, "numbers are those of the file");
}
