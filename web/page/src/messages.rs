//! The sentences, compiled in from `messages/*.toml` by `build.rs`.

use data::messages::fill;

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_their_numbers() {
        // In the file the names stand in another order than that of the alphabet, in which values are handed in.
        assert_eq!(EN.results.usable("24", "20"), "20 of 24 GiB usable");
        assert_eq!(EN.answer.longest_short("32k"), "longest context that fits: 32k");
    }

    #[test]
    fn a_word_goes_with_its_value() {
        assert_eq!(EN.benchmarks.counts("1", "1"), "1 row, 1 family");
        assert_eq!(EN.benchmarks.counts("2", "12"), "12 rows, 2 families");
        assert_eq!(EN.model.summary("1", "1"), "1 of 1 machine runs it");
        assert_eq!(EN.answer.scope_device("1"), "1 measurement of this device");
        assert_eq!(EN.answer.reports("1"), "1 report so far; a median is shown from 3");
    }
}
