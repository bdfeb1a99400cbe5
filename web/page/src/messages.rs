//! The sentences, compiled in from `messages/*.toml` by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Puts values in place of their numbers, `{0}` to `{9}`: `build.rs` made them of the names, and made the caller hand in a value
/// for each. What a value contains is never looked at again.
fn fill(sentence: &str, values: &[&str]) -> String {
    let mut out = String::with_capacity(sentence.len() + 16);
    let mut parts = sentence.split('{');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let place = part.as_bytes().first().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
        out.push_str(values.get(place).unwrap_or(&""));
        out.push_str(part.get(2..).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_their_numbers() {
        assert_eq!(fill("{0} of {1}, {0}", &["1", "2"]), "1 of 2, 1");
        // In the file the names stand in another order than that of the alphabet, in which values are handed in.
        assert_eq!(EN.results.usable("24", "20"), "20 of 24 GiB usable");
        assert_eq!(EN.answer.longest_short("32k"), "longest context that fits: 32k");
    }

    #[test]
    fn a_value_that_looks_like_a_number_in_braces_stays_as_it_is() {
        assert_eq!(fill("{0}{1}", &["{1}", "x"]), "{1}x");
    }
}
