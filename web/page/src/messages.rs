//! The sentences, compiled in from `messages/*.toml` by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Puts values in place of their `{names}`. What a value contains is never looked at again.
fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(sentence.len() + 16);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        // build.rs made the caller hand in every name.
        out.push_str(values.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_their_names() {
        assert_eq!(fill("{a} of {b}, {a}", &[("a", "1"), ("b", "2")]), "1 of 2, 1");
    }

    #[test]
    fn a_value_that_looks_like_a_name_stays_as_it_is() {
        assert_eq!(fill("{a}{b}", &[("a", "{b}"), ("b", "x")]), "{b}x");
    }
}
