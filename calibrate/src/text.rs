//! Small readers for names and notes: which words occur, which numbers stand where.

/// Whether `pattern` occurs in `text`, `#` standing for one digit. Both in lower case.
///
/// A pattern that ends in `#` must not be followed by a digit, one that begins with a digit or `#` not be preceded by one.
#[must_use]
pub fn occurs(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let is_number = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || *b == b'#');
    if pattern.is_empty() || pattern.len() > text.len() {
        return false;
    }
    (0..=text.len() - pattern.len()).any(|start| {
        let here = &text[start..start + pattern.len()];
        let same =
            here.iter().zip(pattern).all(|(t, p)| if *p == b'#' { t.is_ascii_digit() } else { t == p });
        let before = start.checked_sub(1).and_then(|at| text.get(at));
        same && !(is_number(pattern.first()) && digit(before))
            && !(pattern.last() == Some(&b'#') && digit(text.get(start + pattern.len())))
    })
}

/// The number behind `key` in `text` (`threads=8`, `ram_bandwidth_gbs=598 (OCCT)`).
#[must_use]
pub fn number_after(text: &str, key: &str) -> Option<f64> {
    let mut rest = text;
    loop {
        let at = rest.find(key)?;
        let whole_word =
            rest[..at].bytes().next_back().is_none_or(|b| !b.is_ascii_alphanumeric() && b != b'_');
        rest = &rest[at + key.len()..];
        let end = rest.bytes().position(|b| !(b.is_ascii_digit() || b == b'.')).unwrap_or(rest.len());
        if whole_word && let Ok(number) = rest[..end].trim_end_matches('.').parse() {
            return Some(number);
        }
    }
}

/// What stands behind `key` in notes, up to the next semicolon.
#[must_use]
pub fn text_after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let from = text.match_indices(key).find(|(at, _)| {
        text[..*at].bytes().next_back().is_none_or(|b| !b.is_ascii_alphanumeric() && b != b'_')
    })?;
    text[from.0 + key.len()..].split(';').next().map(str::trim)
}

/// Letters, digits and points of `text`, in lower case.
#[must_use]
pub fn key(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').map(|c| c.to_ascii_lowercase()).collect()
}

/// Length of the longest run of bytes that both hold.
#[must_use]
pub fn common_run(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut best = 0;
    let mut last = vec![0_usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (index, y) in b.iter().enumerate() {
            let above = last[index + 1];
            last[index + 1] = if x == y { diagonal + 1 } else { 0 };
            best = best.max(last[index + 1]);
            diagonal = above;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_alone_where_they_are_numbers() {
        assert!(occurs("amd ryzen 9 7950x 16-core", "ryzen # 79##"));
        assert!(occurs("intel core i7-8700k", "i#-8"));
        assert!(!occurs("amd ryzen 9 57950x", "79##"));
        assert!(!occurs("short", "a longer pattern"));
    }

    #[test]
    fn numbers_are_found_behind_whole_keys() {
        assert_eq!(number_after("ngl=99; threads=8; n_threads=4", "threads="), Some(8.0));
        assert_eq!(number_after("ram_bandwidth_gbs=598 (OCCT read)", "ram_bandwidth_gbs="), Some(598.0));
        assert_eq!(number_after("threads=None", "threads="), None);
    }

    #[test]
    fn texts_end_at_a_semicolon() {
        assert_eq!(text_after("xcpu=no; cpu=Zen 4 ; os=linux", "cpu="), Some("Zen 4"));
        assert_eq!(text_after("os=linux", "cpu="), None);
    }

    #[test]
    fn runs_are_measured_in_bytes() {
        assert_eq!(common_run("shisav2llama3.18b", "llama3.18b"), 10);
        assert_eq!(common_run("", "x"), 0);
    }
}
