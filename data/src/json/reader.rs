//! The way from text to values: one pass, one byte of look-ahead.

use alloc::{borrow::Cow, string::String, vec::Vec};

use crate::messages::WORDS;

use super::{JsonError, JsonErrorKind, MAX_DEPTH, Node, Value};

/// Reads a text that is one JSON value and nothing else but white space.
///
/// # Errors
/// What is not JSON, or is more than one value, and at which byte.
pub fn read(text: &str) -> Result<Node<'_>, JsonError> {
    let (node, end) = read_prefix(text)?;
    let rest = skip_space(text.as_bytes(), end);
    if rest < text.len() { Err(fault(rest, JsonErrorKind::Trailing)) } else { Ok(node) }
}

/// Reads the JSON value that the text starts with; returns it and the byte offset where it ended.
///
/// # Errors
/// What is not JSON, and at which byte.
pub fn read_prefix(text: &str) -> Result<(Node<'_>, usize), JsonError> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    let node = reader.value(0)?;
    Ok((node, reader.at))
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
            _ => return Err(fault(start, JsonErrorKind::Expected(WORDS.json.expected_value))),
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
            Err(fault(self.at, JsonErrorKind::Expected(WORDS.json.expected_value)))
        }
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        self.at += usize::from(self.bytes[self.at] == b'-');
        let zero = self.bytes.get(self.at) == Some(&b'0');
        if self.digits()? > 1 && zero {
            return Err(fault(start, JsonErrorKind::Expected(WORDS.json.expected_no_zero)));
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
            0 => Err(fault(self.at, JsonErrorKind::Expected(WORDS.json.expected_digit))),
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
                Some(0..=0x1f) => {
                    return Err(fault(self.at, JsonErrorKind::Expected(WORDS.json.expected_string_end)));
                }
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
            if self.ends(b']', WORDS.json.expected_comma_or_bracket)? {
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
                return Err(fault(self.at, JsonErrorKind::Expected(WORDS.json.expected_key)));
            }
            keys_at.push(self.at);
            let key = self.string()?;
            if self.peek()? != b':' {
                return Err(fault(self.at, JsonErrorKind::Expected(WORDS.json.expected_colon)));
            }
            self.at += 1;
            entries.push((key, self.value(depth + 1)?));
            if self.ends(b'}', WORDS.json.expected_comma_or_brace)? {
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
