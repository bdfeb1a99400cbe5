//! The sentences, compiled in from `messages/*.toml` by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Puts values in place of their numbers, `{0}` to `{9}`, and of `{0|row|rows}` the word that goes with the value: `build.rs`
/// made them of the names, and made the caller hand in a value for each. What a value contains is never looked at again.
fn fill(sentence: &str, values: &[&str]) -> String {
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
        assert_eq!(EN.results.usable("24", "20"), "20 of 24 GiB usable");
        assert_eq!(EN.answer.longest_short("32k"), "longest context that fits: 32k");
    }

    #[test]
    fn a_word_goes_with_its_value() {
        assert_eq!(fill("{0} {0|row|rows} of {1|it|them}", &["1", "2"]), "1 row of them");
        assert_eq!(fill("{0} {0|row|rows}", &["0"]), "0 rows");
        assert_eq!(fill("{0} {0|row|rows}", &["1,001"]), "1,001 rows");
        assert_eq!(EN.benchmarks.counts("1", "1"), "1 row, 1 family");
        assert_eq!(EN.benchmarks.counts("2", "12"), "12 rows, 2 families");
        assert_eq!(EN.model.summary("1", "1"), "1 of 1 machine runs it");
        assert_eq!(EN.answer.scope_device("1"), "1 measurement of this device");
        assert_eq!(EN.answer.reports("1"), "1 report so far; a median is shown from 3");
    }

    #[test]
    fn a_value_that_looks_like_a_number_in_braces_stays_as_it_is() {
        assert_eq!(fill("{0}{1}", &["{1}", "x"]), "{1}x");
    }
}
