//! The state of a page: the query string of its address, read and written.

use std::borrow::Cow;

use data::query::is_parameter;

use crate::view::{MOST_SETUPS, Problem};

/// Longest query string that is read, in bytes; the rest is passed over.
const MAX_BYTES: usize = 8192;

/// Name-value pairs, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a query string, with or without its leading `?`. Bad escapes stay as they are; empty values count as absent.
    /// A name that stands twice with two values keeps both, so that who reads the parameters can say so.
    #[must_use]
    pub fn parse(text: &str) -> Query {
        let text = text.strip_prefix('?').unwrap_or(text);
        let text = text.get(..MAX_BYTES).unwrap_or(text);
        let mut query = Query::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(value));
            let value = value.trim();
            let pair = (name, value.to_owned());
            if !pair.0.is_empty() && !value.is_empty() && !query.pairs.contains(&pair) {
                query.pairs.push(pair);
            }
        }
        query
    }

    /// The first value of a name, empty where it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Whether a name has this value.
    #[must_use]
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// All pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An address with this query, some names set anew; an empty value takes the name away.
    #[must_use]
    pub fn link(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let kept = self.pairs().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let all = kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty());
        let mut link = path.to_owned();
        for (i, (name, value)) in all.enumerate() {
            link.push(if i == 0 { '?' } else { '&' });
            encode(&mut link, name);
            link.push('=');
            encode(&mut link, value);
        }
        link
    }

    /// The same query with one name set anew.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Query {
        let mut query = self.clone();
        query.pairs.retain(|(n, _)| n != name);
        query.pairs.push((name.to_owned(), value.to_owned()));
        query
    }

    /// The same query without the names for which this is false.
    #[must_use]
    pub fn keeping(&self, keeps: &dyn Fn(&str) -> bool) -> Query {
        Query { pairs: self.pairs.iter().filter(|(name, _)| keeps(name)).cloned().collect() }
    }

    /// The same query without what these problems are about.
    #[must_use]
    pub fn readable(&self, problems: &[Problem]) -> Query {
        self.keeping(&|name| !problems.iter().any(|problem| problem.field == name))
    }

    /// Setup `n` of a comparison as a query of its own: what carries its number (`context2`) stands for what is said of all,
    /// and machine, model and quantisation are never said of all.
    #[must_use]
    pub fn of_setup(&self, n: usize) -> Query {
        let own = self.pairs().filter_map(|(name, value)| match numbered(name) {
            Some((name, number)) if number == n => Some((name.to_owned(), value.to_owned())),
            _ => None,
        });
        let own: Vec<_> = own.collect();
        let of_all = |name: &str| !NAMES.contains(&name) && own.iter().all(|(said, _)| said != name);
        let mut setup = self.keeping(&of_all);
        setup.pairs.extend(own);
        setup
    }

    /// The same query with only the names that describe a setup, so that a link carries the setup and no filter.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Query {
        self.keeping(&|name| names.contains(&name))
    }
}

/// What each setup of a comparison is named by.
pub(crate) const NAMES: [&str; 3] = ["hardware", "model", "quant"];

/// The parameter and the number in the name of a setup's own parameter on the page of comparisons: `context2`.
#[must_use]
pub fn numbered(name: &str) -> Option<(&str, usize)> {
    let (name, number) = name.split_at_checked(name.len().checked_sub(1)?)?;
    let number = number.parse().ok().filter(|number| (1..=MOST_SETUPS).contains(number))?;
    is_parameter(name).then_some((name, number))
}

/// Percent escapes and `+` undone; bytes that are no UTF-8 become the replacement character.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape = bytes.get(i + 1..i + 3).filter(|_| bytes[i] == b'%').and_then(hex);
        match (bytes[i], escape) {
            (_, Some(byte)) => {
                out.push(byte);
                i += 2;
            }
            (b'+', None) => out.push(b' '),
            (byte, None) => out.push(byte),
        }
        i += 1;
    }
    match String::from_utf8_lossy(&out) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |d: u8| (d as char).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

/// Escapes all but what may stand in a query value unescaped; spaces become `+`.
fn encode(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' | b':' | b'/' => {
                out.push(byte as char);
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(HEX[usize::from(byte >> 4)] as char);
                out.push(HEX[usize::from(byte & 15)] as char);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_write_them() {
        let query = Query::parse(
            "?hardware=RTX+3090&q=50%25+%E2%82%AC&empty=&hardware=other&bad=%zz&flag&hardware=other",
        );
        assert_eq!(query.get("hardware"), "RTX 3090");
        assert_eq!(query.get("q"), "50% €");
        assert_eq!(query.get("bad"), "%zz");
        assert_eq!(query.get("empty"), "");
        assert_eq!(query.pairs().count(), 4);
    }

    #[test]
    fn a_link_changes_what_it_says_and_keeps_the_rest() {
        let query = Query::parse("hardware=rtx-3090&context=32k&page=2");
        assert_eq!(
            query.link("/", &[("page", ""), ("kv", "q8_0")]),
            "/?hardware=rtx-3090&context=32k&kv=q8_0"
        );
        assert_eq!(Query::default().link("/m/x", &[]), "/m/x");
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(pairs in prop::collection::btree_map("\\PC{1,8}", "\\PC{1,12}", 0..6)) {
            let pairs: Vec<(String, String)> =
                pairs.into_iter().filter(|(_, value)| value.trim() == value && !value.is_empty()).collect();
            let query = Query { pairs };
            prop_assert_eq!(Query::parse(&query.link("", &[])), query);
        }

        #[test]
        fn any_text_can_be_read(text in "(\\PC|%|&|=){0,200}") {
            let _ = Query::parse(&text);
        }
    }
}
