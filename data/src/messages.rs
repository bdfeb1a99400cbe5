//! The sentences that this crate makes, compiled in from `messages/*.toml` by `build.rs`.

use alloc::string::String;

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// The language in which they are made: the place to choose another.
// No constant: each place that names one would have all of it on its stack where nothing is optimised.
pub static WORDS: Messages = EN;

/// Puts values in place of their numbers, `{0}` to `{9}`, and of `{0|row|rows}` the word that goes with the value: the build
/// script made them of the names, and made the caller hand in a value for each. What a value contains is never looked at again.
#[must_use]
pub fn fill(sentence: &str, values: &[&str]) -> String {
    let mut out = String::with_capacity(sentence.len() + 16);
    let mut parts = sentence.split('{');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (inside, after) = part.split_once('}').unwrap_or((part, ""));
        let place = inside.as_bytes().first().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
        let value = values.get(place).copied().unwrap_or_default();
        let words = inside.split_once('|').and_then(|(_, words)| words.split_once('|'));
        out.push_str(match words {
            Some((one, _)) if value == "1" => one,
            Some((_, others)) => others,
            None => value,
        });
        out.push_str(after);
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
        assert_eq!(
            WORDS.query.number("1", "16", "many"),
            "\"many\" is no number from 1 to 16; write it as 8 or 12.5."
        );
    }

    #[test]
    fn a_word_goes_with_its_value() {
        assert_eq!(fill("{0} {0|row|rows} of {1|it|them}", &["1", "2"]), "1 row of them");
        assert_eq!(fill("{0} {0|row|rows}", &["0"]), "0 rows");
        assert_eq!(fill("{0} {0|row|rows}", &["1,001"]), "1,001 rows");
    }

    #[test]
    fn a_value_that_looks_like_a_number_in_braces_stays_as_it_is() {
        assert_eq!(fill("{0}{1}", &["{1}", "x"]), "{1}x");
    }

    #[test]
    fn a_brace_that_closes_nothing_stays() {
        assert_eq!(
            WORDS.json.expected("7", WORDS.json.expected_comma_or_brace).split("expected ").last(),
            Some("a comma or }")
        );
    }
}
