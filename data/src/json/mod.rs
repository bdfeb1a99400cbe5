//! A small JSON reader for text we did not write: pasted results, `config.json`, safetensors headers; and a smaller writer,
//! for browsers, where serde_json would be a tenth of what is loaded.
//!
//! It keeps what a strict reader throws away and we need: where each value stood in the text, and each
//! number as it was written. It refuses what a lax one lets pass: a key that an object has twice. Nesting is
//! bounded, so hostile text cannot overflow the stack, and memory is proportional to the text.
//!
//! Two bows to reality: `NaN` and `Infinity`, which Python writes, are numbers without a finite value; and
//! [`read_prefix`] reads one value from the start of text that goes on (a log line, a second document).

mod reader;
mod write;

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::Range};

use crate::messages::WORDS;
use crate::number;
pub use reader::{read, read_prefix};
pub use write::ObjectWriter;

/// Arrays and objects may nest this deep; nothing real goes beyond a dozen.
pub const MAX_DEPTH: usize = 64;

/// One value and the bytes of the text it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// What was read.
    pub value: Value<'a>,
    /// Byte range in the text that was given.
    pub span: Range<usize>,
}

/// A JSON value that borrows from its text where it can.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// As it was written; see [`Node::as_f64`] and [`Node::as_u64`].
    Number(&'a str),
    /// With its escapes undone.
    String(Cow<'a, str>),
    /// In order.
    Array(Vec<Node<'a>>),
    /// In the order of the text; no key occurs twice.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// What is wrong with the text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset into the text.
    pub at: usize,
    /// What stood there.
    pub kind: JsonErrorKind,
}

/// The ways in which text is not the JSON we read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text stops inside a value. More of it may help.
    Ends,
    /// Something other than what is named stood there.
    Expected(&'static str),
    /// Arrays and objects are nested beyond [`MAX_DEPTH`].
    TooDeep,
    /// An object has this key twice, so one of its values would be lost.
    DuplicateKey(String),
    /// A backslash is followed by something that is no escape, or by half a surrogate pair.
    BadEscape,
    /// A whole value was read, and then came more.
    Trailing,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.to_string();
        f.write_str(&match &self.kind {
            JsonErrorKind::Ends => WORDS.json.ends(&at),
            JsonErrorKind::Expected(what) => WORDS.json.expected(&at, what),
            JsonErrorKind::TooDeep => WORDS.json.too_deep(&at, &MAX_DEPTH.to_string()),
            JsonErrorKind::DuplicateKey(key) => {
                WORDS.json.duplicate_key(&at, &format!("{}", key.escape_default()))
            }
            JsonErrorKind::BadEscape => WORDS.json.bad_escape(&at),
            JsonErrorKind::Trailing => WORDS.json.trailing(&at),
        })
    }
}

impl core::error::Error for JsonError {}

impl<'a> Node<'a> {
    /// The value under this key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node<'a>> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Keys and values of an object; nothing for anything else.
    pub fn entries(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        if let Value::Object(entries) = &self.value { entries } else { &[] }
    }

    /// Elements of an array; nothing for anything else.
    pub fn items(&self) -> &[Node<'a>] {
        if let Value::Array(items) = &self.value { items } else { &[] }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(truth) = self.value { Some(truth) } else { None }
    }

    /// A finite number. `NaN` and `Infinity` have none.
    pub fn as_f64(&self) -> Option<f64> {
        let Value::Number(text) = self.value else { return None };
        number::read(text)
    }

    /// A whole number that is not negative, exactly. `3.0` counts as 3; `1e30` has none.
    pub fn as_u64(&self) -> Option<u64> {
        let Value::Number(text) = self.value else { return None };
        text.parse::<u64>().ok().or_else(|| {
            let number = self.as_f64()?;
            let exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && libm::trunc(number) == number;
            exact.then_some(number as u64)
        })
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_spans_and_numbers_as_written() {
        let text = r#" {"a": [1, -2.5e3, 0.10], "s": "x\n\u00e9\ud83d\ude00", "t": true, "n": null} "#;
        let root = read(text).unwrap();
        let a = root.get("a").unwrap();
        assert_eq!(&text[a.span.clone()], "[1, -2.5e3, 0.10]");
        assert_eq!(a.items()[0].as_u64(), Some(1));
        assert_eq!(a.items()[1].as_f64(), Some(-2500.0));
        assert_eq!(a.items()[2].value, Value::Number("0.10"));
        assert_eq!(root.get("s").unwrap().as_str(), Some("x\né😀"));
        assert_eq!(root.get("t").unwrap().as_bool(), Some(true));
        assert!(root.get("n").unwrap().is_null());
        assert!(root.get("z").is_none());
        assert_eq!(read(r#"{"a":{"b":{"c":7}}}"#).unwrap().at(&["a", "b", "c"]).unwrap().as_u64(), Some(7));
    }

    #[test]
    fn whole_numbers_are_exact_or_absent() {
        for (text, whole) in [
            ("18446744073709551615", Some(u64::MAX)),
            ("3.0", Some(3)),
            ("3.5", None),
            ("-1", None),
            ("1e30", None),
            ("NaN", None),
            ("Infinity", None),
        ] {
            assert_eq!(read(text).unwrap().as_u64(), whole, "{text}");
        }
        assert_eq!(read("-Infinity").unwrap().as_f64(), None);
    }

    #[test]
    fn faults_say_where_and_what() {
        #[rustfmt::skip]
        let vectors = [
            (r#"{"a":1,"b":2,"a":3}"#, 13, JsonErrorKind::DuplicateKey("a".into())),
            (r#"{"a":1"#,               6, JsonErrorKind::Ends),
            ("tru",                     3, JsonErrorKind::Ends),
            (r#""abc"#,                 4, JsonErrorKind::Ends),
            ("[1 2]",                   3, JsonErrorKind::Expected("a comma or ]")),
            ("[1,]",                    3, JsonErrorKind::Expected("a value")),
            ("{1:2}",                   1, JsonErrorKind::Expected("a key in quotes")),
            ("01",                      0, JsonErrorKind::Expected("a number without a leading zero")),
            (r#""\ud800x""#,            1, JsonErrorKind::BadEscape),
            (r#""\q""#,                 1, JsonErrorKind::BadEscape),
            ("1 x",                     2, JsonErrorKind::Trailing),
        ];
        for (text, at, kind) in vectors {
            assert_eq!(read(text), Err(JsonError { at, kind }), "{text}");
        }
        assert!(read("{").unwrap_err().to_string().contains("cut off"));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1)).unwrap_err().kind, JsonErrorKind::TooDeep);
        assert_eq!(read(&nested(1_000_000)).unwrap_err().kind, JsonErrorKind::TooDeep);
    }

    #[test]
    fn a_prefix_ends_where_the_value_ends() {
        let (node, end) = read_prefix("[1, 2] [3]").unwrap();
        assert_eq!((node.items().len(), end), (2, 6));
    }
}
