//! A small JSON reader for text we did not write: pasted results, `config.json`, safetensors headers.
//!
//! It keeps what a strict reader throws away and we need: where each value stood in the text, and each
//! number as it was written. It refuses what a lax one lets pass: a key that an object has twice. Nesting is
//! bounded, so hostile text cannot overflow the stack, and memory is proportional to the text.
//!
//! Two bows to reality: `NaN` and `Infinity`, which Python writes, are numbers without a finite value; and
//! [`read_prefix`] reads one value from the start of text that goes on (a log line, a second document).

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, ops::Range};

use crate::number;

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
        let at = self.at;
        match &self.kind {
            JsonErrorKind::Ends => write!(f, "the JSON ends too early, at byte {at}: it was cut off"),
            JsonErrorKind::Expected(what) => write!(f, "the JSON is broken at byte {at}: expected {what}"),
            JsonErrorKind::TooDeep => {
                write!(f, "the JSON is nested more than {MAX_DEPTH} deep at byte {at}: nothing we read is")
            }
            JsonErrorKind::DuplicateKey(key) => {
                write!(
                    f,
                    "the JSON has the key \"{}\" twice in one object, at byte {at}: remove one of them",
                    key.escape_default()
                )
            }
            JsonErrorKind::BadEscape => write!(f, "the JSON has a broken escape in a string, at byte {at}"),
            JsonErrorKind::Trailing => write!(f, "the JSON goes on after its end, at byte {at}"),
        }
    }
}

impl core::error::Error for JsonError {}

/// Reads a text that is one JSON value and nothing else but white space.
pub fn read(text: &str) -> Result<Node<'_>, JsonError> {
    let (node, end) = read_prefix(text)?;
    let rest = skip_space(text.as_bytes(), end);
    if rest < text.len() { Err(fault(rest, JsonErrorKind::Trailing)) } else { Ok(node) }
}

/// Reads the JSON value that the text starts with; returns it and the byte offset where it ended.
pub fn read_prefix(text: &str) -> Result<(Node<'_>, usize), JsonError> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    let node = reader.value(0)?;
    Ok((node, reader.at))
}

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

fn fault(at: usize, kind: JsonErrorKind) -> JsonError {
    JsonError { at, kind }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is not white space, without taking it.
    fn peek(&mut self) -> Result<u8, JsonError> {
        self.at = skip_space(self.bytes, self.at);
        self.bytes.get(self.at).copied().ok_or(fault(self.at, JsonErrorKind::Ends))
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        let first = self.peek()?;
        let start = self.at;
        let value = match first {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Value::String(self.string()?),
            b't' => self.word("true", Value::Bool(true))?,
            b'f' => self.word("false", Value::Bool(false))?,
            b'n' => self.word("null", Value::Null)?,
            b'N' => self.word("NaN", Value::Number("NaN"))?,
            b'I' => self.word("Infinity", Value::Number("Infinity"))?,
            b'-' if self.bytes.get(start + 1) == Some(&b'I') => {
                self.word("-Infinity", Value::Number("-Infinity"))?
            }
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(fault(start, JsonErrorKind::Expected("a value"))),
        };
        Ok(Node { value, span: start..self.at })
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else if word.as_bytes().starts_with(rest) {
            Err(fault(self.bytes.len(), JsonErrorKind::Ends))
        } else {
            Err(fault(self.at, JsonErrorKind::Expected("a value")))
        }
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        self.at += usize::from(self.bytes[self.at] == b'-');
        let zero = self.bytes.get(self.at) == Some(&b'0');
        if self.digits()? > 1 && zero {
            return Err(fault(start, JsonErrorKind::Expected("a number without a leading zero")));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Value::Number(&self.text[start..self.at]))
    }

    /// Takes at least one digit; says how many.
    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at - start {
            0 if self.at == self.bytes.len() => Err(fault(self.at, JsonErrorKind::Ends)),
            0 => Err(fault(self.at, JsonErrorKind::Expected("a digit"))),
            count => Ok(count),
        }
    }

    /// Undoes escapes; borrows where there are none.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut start = self.at;
        let mut unescaped: Option<String> = None;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(fault(self.at, JsonErrorKind::Ends)),
                Some(b'"') => {
                    let run = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(run),
                        Some(text) => Cow::Owned(text + run),
                    });
                }
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(&self.text[start..self.at]);
                    text.push(self.escape()?);
                    start = self.at;
                }
                Some(0..=0x1f) => return Err(fault(self.at, JsonErrorKind::Expected("the end of a string"))),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let backslash = self.at;
        self.at += 2;
        Ok(match self.bytes.get(backslash + 1) {
            None => return Err(fault(self.bytes.len(), JsonErrorKind::Ends)),
            Some(&same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex4()?;
                let code = if (0xd800..0xdc00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(fault(backslash, JsonErrorKind::BadEscape));
                    }
                    0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    unit
                };
                char::from_u32(code).ok_or(fault(backslash, JsonErrorKind::BadEscape))?
            }
            Some(_) => return Err(fault(backslash, JsonErrorKind::BadEscape)),
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let Some(digits) = self.bytes.get(self.at..self.at + 4) else {
            return Err(fault(self.bytes.len(), JsonErrorKind::Ends));
        };
        let unit = digits.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?));
        self.at += 4;
        unit.ok_or(fault(self.at - 4, JsonErrorKind::BadEscape))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.descend(depth)?;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']', "a comma or ]")? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.descend(depth)?;
        let mut entries = Vec::new();
        let mut keys_at = Vec::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Value::Object(entries));
        }
        loop {
            if self.peek()? != b'"' {
                return Err(fault(self.at, JsonErrorKind::Expected("a key in quotes")));
            }
            keys_at.push(self.at);
            let key = self.string()?;
            if self.peek()? != b':' {
                return Err(fault(self.at, JsonErrorKind::Expected("a colon")));
            }
            self.at += 1;
            entries.push((key, self.value(depth + 1)?));
            if self.ends(b'}', "a comma or }")? {
                break;
            }
        }
        no_key_twice(&entries, &keys_at)?;
        Ok(Value::Object(entries))
    }

    /// Steps over the opening bracket, unless that would be too deep.
    fn descend(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(fault(self.at, JsonErrorKind::TooDeep));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a comma (false) or the closing bracket (true).
    fn ends(&mut self, close: u8, expected: &'static str) -> Result<bool, JsonError> {
        let next = self.peek()?;
        if next != close && next != b',' {
            return Err(fault(self.at, JsonErrorKind::Expected(expected)));
        }
        self.at += 1;
        Ok(next == close)
    }
}

/// Sorting finds doubles in n·log n: a header of a hundred thousand tensors is no attack.
fn no_key_twice(entries: &[(Cow<'_, str>, Node<'_>)], keys_at: &[usize]) -> Result<(), JsonError> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_unstable_by(|&a, &b| entries[a].0.cmp(&entries[b].0).then(a.cmp(&b)));
    match order.windows(2).find(|pair| entries[pair[0]].0 == entries[pair[1]].0) {
        None => Ok(()),
        Some(pair) => {
            let key = entries[pair[1]].0.clone().into_owned();
            Err(fault(keys_at[pair[1]], JsonErrorKind::DuplicateKey(key)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

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
