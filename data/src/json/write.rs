//! The way from values to text, as far as a browser needs it: an object of a few members, in their order.

use alloc::{format, string::String};
use core::fmt::{Display, Write};

/// An object that is being written: members in the order in which they are added.
#[derive(Debug, Clone)]
pub struct ObjectWriter {
    text: String,
}

impl Default for ObjectWriter {
    fn default() -> Self {
        ObjectWriter { text: "{".into() }
    }
}

impl ObjectWriter {
    /// Adds a text.
    #[must_use]
    pub fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        quote(value, &mut self.text);
        self
    }

    /// Adds a number, as it is displayed: a float has to be finite.
    #[must_use]
    pub fn number(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        self.text.push_str(&format!("{value}"));
        self
    }

    /// The whole object.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        quote(key, &mut self.text);
        self.text.push(':');
    }
}

/// Adds a text in quotes, with the escapes that JSON wants (RFC 8259, section 7).
fn quote(value: &str, out: &mut String) {
    out.push('"');
    for sign in value.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a text never fails.
            '\0'..='\u{1f}' => drop(write!(out, "\\u{:04x}", u32::from(sign))),
            _ => out.push(sign),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json;

    #[test]
    fn members_stand_in_their_order() {
        let text = ObjectWriter::default().text("a", "x\"\\\n").number("b", 7).number("c", 0.5).finish();
        assert_eq!(text, r#"{"a":"x\"\\\n","b":7,"c":0.5}"#);
        assert_eq!(ObjectWriter::default().finish(), "{}");
    }

    proptest! {
        /// Any text and any finite number come back as they were, through our reader and through another's.
        #[test]
        fn what_is_written_is_read(key in any::<String>(), text in any::<String>(), eighths in any::<i32>()) {
            let number = f64::from(eighths) / 8.0;
            let other = format!("{key}.");
            let written = ObjectWriter::default().text(&key, &text).number(&other, number).finish();
            let read = json::read(&written).expect("our reader takes it");
            prop_assert_eq!(read.get(&key).and_then(|node| node.as_str()), Some(text.as_str()));
            prop_assert_eq!(read.get(&other).and_then(json::Node::as_f64), Some(number));
            let theirs: serde_json::Value = serde_json::from_str(&written).expect("serde_json takes it");
            prop_assert_eq!(theirs[&key].as_str(), Some(text.as_str()));
        }
    }
}
