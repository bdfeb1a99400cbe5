//! What another program put before every line, or around every key, undone: line numbers, the mark of a comment or a
//! difference, the name of a file or a container, and the quotes of Python.
//!
//! Asked for only where a paste tells nothing as it stands: what all lines begin with may belong to them.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::{
    prefix,
    text::{Text, lines},
};
use crate::number;

impl Text {
    /// The same text without what all its lines begin with; `None` where that is nothing.
    pub fn unmarked(&self) -> Option<Text> {
        let kept =
            numbered(&self.clean).or_else(|| stamped(&self.clean)).or_else(|| prefixed(&self.clean))?;
        Some(self.of(kept.into_iter()))
    }

    /// The text that stands in lines of JSON, as Docker and collectors of logs write them; `None` where it is none.
    pub fn without_json_lines(&self) -> Option<Text> {
        const KEYS: [&str; 4] = ["\"log\":", "\"message\":", "\"MESSAGE\":", "\"msg\":"];
        let mut text = Text::empty();
        for range in lines(&self.clean) {
            let line = self.clean[range.clone()].trim_end();
            if line.is_empty() {
                continue;
            }
            let key = KEYS.iter().find_map(|key| Some(line.find(key)? + key.len()));
            let from = line.trim_start().starts_with('{').then_some(key).flatten()?;
            let quote = from + line[from..].find('"')? + 1;
            text.unescape(self, range.start + quote..range.start + line.len());
        }
        (!text.clean.is_empty()).then_some(text)
    }

    /// The same text with lines of `key: value` written as members of an object; `None` where there are none.
    ///
    /// PowerShell shows objects like that, web pages show the numbers of an answer, and people paste the lines of an object
    /// without its braces.
    pub fn without_lists(&self) -> Option<Text> {
        let mut text = Text::empty();
        let mut members = 0;
        for range in lines(&self.clean) {
            let line = self.clean[range.clone()].trim_end();
            let Some((key, value)) = line.split_once(':') else { continue };
            let marks = |mark: char| mark.is_whitespace() || mark == '"';
            let (lead, key) = (key.len() - key.trim_start_matches(marks).len(), key.trim_matches(marks));
            let is_key =
                !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let from = range.start + line.len() - value.trim_start_matches(marks).len();
            let value = value.trim_end_matches(',').trim_matches(marks);
            let is_number =
                value.starts_with(|first: char| first.is_ascii_digit()) && number::read(value).is_some();
            let is_name = key == "model" && !value.contains(['"', '\\']);
            if !is_key || !(is_number || is_name) {
                continue;
            }
            members += usize::from(is_number);
            let first = range.start..range.start + 1;
            let quote = if is_name { "\"" } else { "" };
            text.put(self, &first, "\"");
            text.copy(self, range.start + lead..range.start + lead + key.len());
            text.put(self, &first, if is_name { "\":\"" } else { "\":" });
            text.copy(self, from..from + value.len());
            text.put(self, &first, quote);
            text.put(self, &first, ",\n");
        }
        (members > 1).then_some(text)
    }

    /// Takes over a string of JSON up to its closing quote, with its escapes undone, as a line.
    fn unescape(&mut self, source: &Text, range: Range<usize>) {
        let bytes = source.clean.as_bytes();
        let mut at = range.start;
        let mut from = at;
        while at < range.end && bytes[at] != b'"' {
            if bytes[at] != b'\\' || at + 1 >= range.end {
                at += 1;
                continue;
            }
            self.copy(source, from..at);
            let length = if bytes[at + 1] == b'u' { 6 } else { 2 };
            let mut escape = at..source.clean.floor_char_boundary((at + length).min(range.end));
            if source.clean[escape.clone()].eq_ignore_ascii_case("\\u001b") {
                // A colour.
                let rest = &source.clean[escape.end..range.end];
                escape.end += rest.find(|c: char| c.is_ascii_alphabetic()).map_or(0, |end| end + 1);
                at = escape.end;
                from = at;
                continue;
            }
            // What a control or a letter of another script was tells nothing here, but that it was there may.
            let becomes = match bytes[at + 1] {
                b'n' => "\n",
                b't' => "\t",
                b'"' => "\"",
                b'\\' => "\\",
                b'/' => "/",
                b'u' => "\u{fffd}",
                _ => "",
            };
            self.put(source, &escape, becomes);
            at = escape.end.max(at + 1);
            from = at;
        }
        self.copy(source, from..at);
        if !self.clean.ends_with('\n') {
            self.put(source, &(range.end - 1..range.end), "\n");
        }
    }

    /// The same text with dictionaries as Python shows them written as JSON; `None` where it has none.
    pub fn without_python(&self) -> Option<Text> {
        let clean = json_of_python(&self.clean)?;
        let mut text = Text::empty();
        text.copy(self, 0..self.clean.len());
        text.clean = clean;
        Some(text)
    }
}

/// What is left of lines that a log wrote: of single lines it is stepped over, but a document goes on in the next one.
fn stamped(text: &str) -> Option<Vec<Range<usize>>> {
    let filled = |range: &Range<usize>| !text[range.clone()].trim().is_empty();
    let kept = lines(text).filter(filled).map(|range| {
        let length = prefix::log(text[range.clone()].trim_end());
        (length > 0).then_some(range.start + length..range.end)
    });
    kept.collect::<Option<Vec<_>>>().filter(|kept| kept.len() > 1)
}

/// What is left of lines that are counted: `12  eval time`, `40:eval time`, `[3] eval time`.
fn numbered(text: &str) -> Option<Vec<Range<usize>>> {
    let mut last = None;
    let mut several = false;
    let mut kept = Vec::new();
    for range in lines(text) {
        let line = &text[range.clone()];
        if line.trim().is_empty() {
            kept.push(range);
            continue;
        }
        let body = line.trim_start().trim_start_matches(['[', '(']);
        let rest = body.trim_start_matches(|sign: char| sign.is_ascii_digit());
        let number: u32 = body[..body.len() - rest.len()].parse().ok()?;
        let ends = rest.is_empty() || rest.starts_with([':', '.', ')', ']', '|', '-', ' ', '\t', '\n']);
        if !ends || last.is_some_and(|last| number <= last) {
            return None;
        }
        several |= last.is_some();
        last = Some(number);
        let skipped = usize::from(!rest.starts_with('\n') && !rest.is_empty());
        kept.push(range.end - rest.len() + skipped..range.end);
    }
    several.then_some(kept)
}

/// What tools begin all lines of a block with.
const OWN: [&str; 5] = ["llama_print", "llama_perf", "common_perf", "print_timing", "slot "];

/// What is left of lines that begin alike: `# eval time`, `+eval time`, `out.log:eval time`, `pod-0 server eval time`.
fn prefixed(text: &str) -> Option<Vec<Range<usize>>> {
    let mut common: Option<&str> = None;
    let mut several = false;
    for range in lines(text) {
        let line = text[range].trim_end();
        if line.is_empty() {
            continue;
        }
        let shared = match common {
            Some("") => return None,
            None => line,
            Some(common) => {
                several = true;
                let same = common.bytes().zip(line.bytes()).take_while(|(one, other)| one == other).count();
                &common[..common.floor_char_boundary(same)]
            }
        };
        common = Some(shared);
    }
    // A word that all lines begin with may be the one that a tool begins its lines with.
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    let common = common.filter(|_| several)?;
    let own = OWN.iter().filter_map(|own| common.find(own)).min().unwrap_or(common.len());
    let prefix = common[..own].trim_end_matches(is_word);
    // White space is stepped over anyway.
    let length = if prefix.trim().is_empty() { return None } else { prefix.len() };
    let kept = lines(text).map(|range| {
        let line = &text[range.clone()];
        let skipped =
            if line.trim_end().len() >= length { length } else { line.len() - line.trim_start().len() };
        range.start + skipped.min(line.trim_end_matches('\n').len())..range.end
    });
    Some(kept.collect())
}

/// `{'eval_count': 12, 'done': True}` as `{"eval_count": 12, "done": true}`: each byte stays in its place.
fn json_of_python(text: &str) -> Option<String> {
    let mut bytes: Vec<u8> = text.into();
    let mut at = text.find("{'")?;
    let mut depth = 0_u32;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            quote @ (b'\'' | b'"') if depth > 0 => {
                bytes[at] = b'"';
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    // What was said is not read; its quotes and escapes must only end nothing.
                    if bytes[at] == b'\\' || bytes[at] == b'"' {
                        let escape = bytes[at] == b'\\';
                        bytes[at] = b'\'';
                        at += usize::from(escape && at + 1 < bytes.len() && bytes[at + 1].is_ascii());
                        bytes[at] = b'\'';
                    }
                    at += 1;
                }
                if at < bytes.len() {
                    bytes[at] = b'"';
                }
            }
            b'T' | b'F' | b'N' if depth > 0 => {
                for (python, json) in [("True", "true"), ("None", "null"), ("False", "false")] {
                    if bytes[at..].starts_with(python.as_bytes()) {
                        bytes[at..at + json.len()].copy_from_slice(json.as_bytes());
                    }
                }
            }
            _ => {}
        }
        at += 1;
        if depth == 0 && at < bytes.len() {
            at += text.get(at..).and_then(|rest| rest.find("{'")).unwrap_or(bytes.len());
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmarked(text: &str) -> Option<String> {
        Text::new(text.as_bytes()).unmarked().map(|text| text.clean)
    }

    #[test]
    fn what_all_lines_begin_with_goes() {
        for (text, bare) in [
            ("# a b\n#\n# c d\n", Some(" a b\n\n c d\n")),
            ("+a\n+b\n", Some("a\nb\n")),
            ("out.log:a 1\nout.log:b 2\n", Some("a 1\nb 2\n")),
            ("pod-0 server a\npod-0 server b\n", Some("a\nb\n")),
            ("  8  a\n  9  b\n\n 10  c\n", Some(" a\n b\n\n c\n")),
            ("40:a\n41-b\n", Some("a\nb\n")),
            ("[1] a\n[2] b\n", Some(" a\n b\n")),
            ("llama_perf_context_print: a\nllama_perf_sampler_print: b\n", None),
            ("  a\n  b\n", None),
            (
                "# llama_perf_context_print: a\n# llama_perf_context_print: b\n",
                Some("llama_perf_context_print: a\nllama_perf_context_print: b\n"),
            ),
            ("2 a\n1 b\n", None),
            ("# a", None),
            ("a\nb", None),
            ("", None),
        ] {
            assert_eq!(unmarked(text).as_deref(), bare, "{text:?}");
        }
    }

    #[test]
    fn lines_of_json_become_what_stood_in_them() {
        let plain = |text: &str| Text::new(text.as_bytes()).without_json_lines().map(|text| text.clean);
        assert_eq!(
            plain("{\"log\":\"a \\\"b\\\" c\\\\d\\n\",\"stream\":\"stderr\"}\n\n{\"message\": \"\\u001b[90m1\\tµs 2\\u00b5s\"}").as_deref(),
            Some("a \"b\" c\\d\n1\tµs 2\u{fffd}s\n")
        );
        assert_eq!(plain("{\"log\":\"a\"}\nand a line"), None);
        assert_eq!(plain(""), None);
        for cut in [
            "{\"log\":\"",
            "{\"log\":\"a\\",
            "{\"log\":\"a\\u00",
            "{\"log\":\"\\u001b[",
            "{\"log\":",
            "{\"log\":\"\\é",
        ] {
            let _ = plain(cut);
        }
    }

    #[test]
    fn lists_become_members() {
        let plain = |text: &str| Text::new(text.as_bytes()).without_lists().map(|text| text.clean);
        assert_eq!(
            plain("model          : llama3.2\ndone: True\n  eval_count     : 12\n\neval_duration: 3\nso: \n")
                .as_deref(),
            Some("\"model\":\"llama3.2\",\n\"eval_count\":12,\n\"eval_duration\":3,\n")
        );
        assert_eq!(plain("eval_count: 12\nat 10:30\n"), None);
        assert_eq!(
            plain("  \"model\": \"llama3.2\",\n  \"eval_count\": 12,\n  \"eval_duration\": 3\n").as_deref(),
            Some("\"model\":\"llama3.2\",\n\"eval_count\":12,\n\"eval_duration\":3,\n")
        );
    }

    #[test]
    fn pythons_quotes_become_those_of_json() {
        let json = |text: &str| Text::new(text.as_bytes()).without_python().map(|text| text.clean);
        assert_eq!(
            json(r#"it's {'a': "don't", 'b': [True, None], 'c': 'say "x" \'y\''} isn't"#).as_deref(),
            Some(r#"it's {"a": "don't", "b": [true, null], "c": "say 'x' ''y''"} isn't"#)
        );
        assert_eq!(json("no dictionary: {}"), None);
        // Nothing ends: nothing breaks.
        assert!(json("{'a\\").is_some() && json("{'\\é'").is_some());
    }
}
