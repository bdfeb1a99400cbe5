//! What Android puts before a line that an app wrote to its log.

use super::prefix::{LINES, offset_after};

/// What `logcat` puts between the time and the line: `4321  4345 I tag: `, `4321-4345/app I/tag: `, and as Android Studio
/// shows it, `4321-4345  tag   app   I  `.
pub(super) fn android(rest: &str) -> Option<usize> {
    let is_process = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_digit())
            && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    let process = rest.split('/').next()?.split_ascii_whitespace().next()?;
    if !is_process(process) {
        return None;
    }
    let is_level = |word: &str| matches!(word, "V" | "D" | "I" | "W" | "E" | "F");
    let mut words = rest.split_ascii_whitespace().take(5);
    let level = words.find(|word| is_level(word) || tagged(word))?;
    let end = offset_after(rest, level);
    if tagged(level) {
        return tag(&rest[end - level.len()..]).map(|length| end - level.len() + length);
    }
    // The tag, in the form that has it here.
    let after = rest[end..].trim_start();
    let tag = after.split(": ").next().filter(|tag| after.len() > tag.len() && !tag.trim_end().contains(' '));
    let own = LINES.iter().any(|start| after.starts_with(start));
    Some(tag.filter(|_| !own).map_or(end, |tag| offset_after(rest, tag) + 1))
}

/// `I/tag`: a level and who wrote it.
fn tagged(word: &str) -> bool {
    matches!(word.as_bytes(), [b'V' | b'D' | b'I' | b'W' | b'E' | b'F', b'/', _, ..])
}

/// `I/tag( 4321): `, `I/tag: ` of `logcat`.
pub(super) fn tag(rest: &str) -> Option<usize> {
    let end = tagged(rest).then(|| rest.find(": ")).flatten().filter(|end| *end <= 64)?;
    let name = &rest[..end];
    let bare = name
        .strip_suffix(')')
        .map_or(name, |name| name.trim_end_matches(|c: char| c != '(').trim_end_matches('('));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
    bare.trim_end().bytes().all(is_name).then_some(end + 1)
}
