//! What may have been meant: candidates nearest to a text by edit distance.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The `most` candidates nearest to `text`, nearest first; only those that share a good part of it.
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>, most: usize) -> Vec<String> {
    let text: Vec<char> = text.chars().take(80).flat_map(char::to_lowercase).collect();
    let mut ranked: Vec<(usize, &str)> = candidates
        .map(|candidate| {
            let other: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            (distance(&text, &other), candidate)
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(text.len()) * 2 / 3)
        .collect();
    ranked.sort();
    ranked.into_iter().take(most).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Levenshtein distance: insertions, deletions and replacements that turn one into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut next = vec![0; b.len() + 1];
    for (i, left) in a.iter().enumerate() {
        next[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = row[j] + usize::from(left != right);
            next[j + 1] = replaced.min(row[j + 1] + 1).min(next[j] + 1);
        }
        core::mem::swap(&mut row, &mut next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_near() {
        let near = nearest("contxt", ["context", "prompt", "cached"].into_iter(), 2);
        assert_eq!(near[0], "context");
        assert!(nearest("zzzzzz", ["context"].into_iter(), 2).is_empty());
    }
}
