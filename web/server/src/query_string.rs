//! A query string, taken apart strictly.
//!
//! Forms lose information when they are read leniently: `%zz` becomes text, bytes that are no UTF-8 become
//! question marks, and the answer is then about something nobody asked. The API refuses such text instead.

use crate::problem::Problem;
use page::messages::EN;

/// The pairs of a query string (`application/x-www-form-urlencoded`), in order.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    taken_apart(query.as_bytes(), malformed)
}

/// The pairs of a form that was sent, in order: the same writing, in a body.
pub fn form(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    taken_apart(body, |what| {
        let says = EN.problem.form_utf8(what);
        Problem::new(crate::problem::Kind::Form, says)
    })
}

fn taken_apart(text: &[u8], malformed: impl Fn(&str) -> Problem) -> Result<Vec<(String, String)>, Problem> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (key, value) = (&pair[..end], pair.get(end + 1..).unwrap_or_default());
            let key = decode(key).ok_or_else(|| malformed(EN.problem.name_of_a_parameter))?;
            let value = decode(value).ok_or_else(|| malformed(&EN.problem.value_of(&format!("{key:?}"))))?;
            Ok((key, value))
        })
        .collect()
}

fn malformed(what: &str) -> Problem {
    Problem::new(crate::problem::Kind::Parameter, EN.problem.address_utf8(what))
}

/// One name or value, or nothing where an escape is broken or the bytes are no UTF-8.
fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let [high, low, tail @ ..] = tail else { return None };
                bytes.push(nibble(*high)? << 4 | nibble(*low)?);
                rest = tail;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The value of a hexadecimal digit.
fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str) -> Vec<(String, String)> {
        pairs(query).unwrap()
    }

    #[test]
    fn pairs_come_in_order() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read(""), []);
        assert_eq!(read("a=1&b=2"), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(read("a=1&a=2&&c"), [pair("a", "1"), pair("a", "2"), pair("c", "")]);
        assert_eq!(read("m=RTX+3090%20Ti&%C3%BC=x=y"), [pair("m", "RTX 3090 Ti"), pair("ü", "x=y")]);
    }

    #[test]
    fn broken_escapes_are_refused_by_name() {
        for query in ["model=%", "model=%2", "model=%zz", "model=%ff", "model=%+1", "model=%C3"] {
            let problem = pairs(query).unwrap_err();
            assert!(problem.detail().contains("the value of \"model\""), "{query}: {}", problem.detail());
        }
        assert!(pairs("%zz=1").unwrap_err().detail().contains("the name of a parameter"));
    }

    #[test]
    fn a_form_that_is_not_utf_8_is_told_of_its_text() {
        assert_eq!(form(b"a=1&text=%C3%BC").unwrap()[1].1, "\u{fc}");
        for body in [&b"text=a\xb1b"[..], b"text=%B1"] {
            let problem = form(body).unwrap_err();
            assert!(problem.detail().starts_with("In the form, the value of \"text\" is not UTF-8."));
        }
    }

    proptest! {
        /// Whatever is encoded byte by byte comes back.
        #[test]
        fn decoding_undoes_encoding(key in ".{1,20}", value in ".{0,40}") {
            let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            prop_assert_eq!(read(&format!("{}={}", encode(&key), encode(&value))), [(key, value)]);
        }

        /// No text makes it panic.
        #[test]
        fn any_text_is_read_or_refused(query in ".*") {
            let _ = pairs(&query);
        }
    }
}
