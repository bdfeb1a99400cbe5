//! JSON in a paste: whole answers, fragments of one, streams of events, results that were cut off.
//!
//! A document counts where it begins a line. It is read as far as it goes, so what was cut off after the numbers
//! still has them; and each byte is read once, so hostile nesting costs no more than its length.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::{
    flag::{Flag, Problem},
    found::{Found, Name},
    number::Number,
};
use crate::json::{self, JsonErrorKind, Value};

/// One document.
pub(super) struct Doc {
    pub root: Node,
    /// In the clean text.
    pub range: Range<usize>,
    pub damage: Damage,
    /// Which of [`SOUGHT`] are keys in it.
    keys: u16,
}

/// The keys that formats look for: a log may have ten thousand documents, and most of them have none.
const SOUGHT: [&str; 12] = [
    "predicted_ms",
    "prompt_ms",
    "eval_duration",
    "stats",
    "output_throughput",
    "metrics",
    "completion_tokens_per_sec",
    "completion_tokens",
    "avg_ts",
    "t_s_req_mean",
    "tg_req_throughput",
    "speed_tg",
];

/// The place of a key among those, as a bit; nothing for any other.
fn sought(key: &str) -> u16 {
    SOUGHT.iter().position(|name| *name == key).map_or(0, |place| 1 << place)
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// An object in it has a key twice.
    pub duplicate_key: bool,
    /// It goes on as something else: what it would have said is not known.
    pub broken: bool,
}

impl Damage {
    /// What is wrong with either.
    pub fn and(self, other: Damage) -> Damage {
        Damage {
            duplicate_key: self.duplicate_key || other.duplicate_key,
            broken: self.broken || other.broken,
        }
    }

    /// Holds it against what was found in the document.
    pub fn judge(self, found: &mut Found) {
        if self.duplicate_key {
            found.refuse(Problem::DuplicateKey);
        }
        if self.broken {
            found.flag(Flag::Truncated);
        }
    }
}

/// A value and its place in the clean text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub value: Json,
    pub range: Range<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Json {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text(String),
    Number(Number),
    /// `true`, `false`, `null`
    Word,
}

impl Node {
    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, wanted| match &node.value {
            Json::Object(members) => members.iter().find(|(key, _)| key == wanted).map(|(_, node)| node),
            _ => None,
        })
    }

    /// The number at the end of a path of keys, also where it is written as text.
    pub fn number(&self, path: &[&str]) -> Option<Number> {
        match &self.at(path)?.value {
            Json::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// The text at the end of a path of keys, as a name.
    pub fn name(&self, path: &[&str]) -> Option<Name> {
        let node = self.at(path)?;
        match &node.value {
            // Within the quotes; an escape would shift the place, and names have none.
            Json::Text(text) => {
                Some(Name { text: text.clone(), range: node.range.start + 1..node.range.end - 1 })
            }
            _ => None,
        }
    }
}

/// Reads the document that begins here: an object, an array of objects, or members whose braces were lost.
///
/// The answer is where reading stopped, and the document if there is one.
pub(super) fn read(text: &str, at: usize) -> (usize, Option<Doc>) {
    let mut reader = Reader { text, at, stopped: false, duplicate_key: false, keys: 0 };
    let root = match text.as_bytes().get(at) {
        Some(b'"') => {
            let members = reader.members(0);
            Some(Node { value: Json::Object(members), range: at..reader.at })
        }
        _ => reader.value(0),
    };
    let useful = root.filter(|root| match &root.value {
        Json::Object(members) => !members.is_empty(),
        Json::Array(items) => match items.first().map(|item| &item.value) {
            Some(Json::Object(members)) => !members.is_empty(),
            first => first.is_some(),
        },
        _ => false,
    });
    let stopped_at = reader.at;
    // What was cut off has nothing after it; of a fragment the end of what it was taken from may be left.
    let broken = reader.stopped && reader.peek().is_some_and(|next| !matches!(next, b'}' | b']'));
    let damage = Damage { duplicate_key: reader.duplicate_key, broken };
    let doc = useful.map(|root| Doc { root, range: at..stopped_at, damage, keys: reader.keys });
    (stopped_at, doc)
}

/// Whether a document may begin with this: a brace, a bracket with a brace after it, or a key and a colon.
pub(super) fn may_begin(rest: &str) -> bool {
    match rest.as_bytes().first() {
        Some(b'{') => matches!(rest[1..].trim_start().as_bytes().first(), Some(b'"' | b'}') | None),
        Some(b'[') => matches!(rest[1..].trim_start().as_bytes().first(), Some(b'{')),
        Some(b'"') => {
            let key = rest[1..].bytes().take(64).position(|byte| byte == b'"');
            key.is_some_and(|end| rest[end + 2..].trim_start().starts_with(':'))
        }
        _ => false,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// It ended, or went on as something else: what was read so far is all there is.
    stopped: bool,
    duplicate_key: bool,
    keys: u16,
}

impl Reader<'_> {
    /// The next byte that means something. Comments, which examples have, mean nothing, nor do marks of quoting.
    fn peek(&mut self) -> Option<u8> {
        loop {
            #[cfg(test)]
            super::number::work::count();
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '>']).len();
            let rest = &self.text[self.at..];
            if !rest.starts_with("//") {
                return rest.as_bytes().first().copied();
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn stop<T>(&mut self) -> Option<T> {
        self.stopped = true;
        None
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        let first = self.peek();
        let start = self.at;
        let value = match first {
            Some(b'{' | b'[') if depth >= json::MAX_DEPTH => return self.stop(),
            Some(b'{') => {
                self.at += 1;
                Json::Object(self.members(depth))
            }
            Some(b'[') => {
                self.at += 1;
                Json::Array(self.items(depth))
            }
            Some(b'.' | 0xe2) if self.leaves_out() => Json::Word,
            Some(_) => self.scalar()?,
            None => return self.stop(),
        };
        Some(Node { value, range: start..self.at })
    }

    /// Steps over the dots that stand for what somebody left out.
    fn leaves_out(&mut self) -> bool {
        let mark = ["...", "…"].into_iter().find(|mark| self.text[self.at..].starts_with(mark));
        self.at += mark.map_or(0, str::len);
        mark.is_some()
    }

    fn scalar(&mut self) -> Option<Json> {
        let (node, length) = match json::read_prefix(&self.text[self.at..]) {
            Ok(read) => read,
            Err(error) => {
                // What was looked at is not looked at again: the price of a text is its length.
                let seen = if error.kind == JsonErrorKind::Ends { 0 } else { error.at };
                self.at = self.text.floor_char_boundary(self.at + seen);
                return self.stop();
            }
        };
        let range = self.at..self.at + length;
        self.at = range.end;
        Some(match node.value {
            Value::Number(_) if self.at == self.text.len() => return self.stop(),
            Value::Number(digits) => Json::Number(number(digits, range)),
            Value::String(text) => Json::Text(text.into_owned()),
            _ => Json::Word,
        })
    }

    /// Members up to the closing brace, or as far as they go.
    fn members(&mut self, depth: usize) -> Vec<(String, Node)> {
        let mut members: Vec<(String, Node)> = Vec::new();
        while !self.stopped {
            match self.peek() {
                Some(b'"') => {
                    let Some(Json::Text(key)) = self.scalar() else { break };
                    if self.peek() != Some(b':') {
                        self.stopped = true;
                        break;
                    }
                    self.at += 1;
                    self.keys |= sought(&key);
                    let Some(node) = self.value(depth + 1) else { break };
                    members.push((key, node));
                    self.comma(b'}');
                }
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(_) if self.leaves_out() => self.comma(b'}'),
                _ => self.stopped = true,
            }
        }
        // A number that goes on behind a break, a space or a comma of another country was not all of it.
        let goes_on = self.stopped && self.peek().is_some_and(|next| next.is_ascii_digit() || next == b'.');
        if goes_on && members.last().is_some_and(|(_, node)| matches!(node.value, Json::Number(_))) {
            members.pop();
        }
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        self.duplicate_key |= keys.windows(2).any(|pair| pair[0] == pair[1]);
        members
    }

    fn items(&mut self, depth: usize) -> Vec<Node> {
        let mut items = Vec::new();
        while !self.stopped {
            if self.peek() == Some(b']') {
                self.at += 1;
                break;
            }
            let Some(item) = self.value(depth + 1) else { break };
            items.push(item);
            self.comma(b']');
        }
        items
    }

    /// Steps over a comma; anything but that or the closing bracket is the end of what can be read.
    fn comma(&mut self, close: u8) {
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(next) if next == close => {}
            _ => self.stopped = true,
        }
    }
}

/// A number of JSON. Its exponent moves the point: `1.25e1` has one digit after it.
pub(super) fn number(digits: &str, range: Range<usize>) -> Number {
    let value = crate::number::read(digits).unwrap_or(f64::NAN);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let decimals = mantissa.find('.').map_or(0, |point| mantissa.len() - point - 1) as i32;
    let decimals = decimals.saturating_sub(exponent.parse::<i32>().unwrap_or(0));
    let decimals = u8::try_from(decimals.max(0)).unwrap_or(u8::MAX);
    Number { value, range, decimals, odd: !value.is_finite() || value < 0.0 }
}

impl Doc {
    /// The objects that have this key, one of [`SOUGHT`]: the document itself, or what it holds one or two levels down.
    pub fn holders<'d>(&'d self, key: &str) -> Vec<&'d Node> {
        let mut found = Vec::new();
        if self.keys & sought(key) != 0 {
            collect(&self.root, key, 3, &mut found);
        }
        found
    }
}

fn collect<'d>(node: &'d Node, key: &str, depth: usize, found: &mut Vec<&'d Node>) {
    match &node.value {
        Json::Object(members) => {
            if members.iter().any(|(name, _)| name == key) {
                found.push(node);
            } else if depth > 0 {
                for (_, child) in members {
                    collect(child, key, depth - 1, found);
                }
            }
        }
        Json::Array(items) if depth > 0 => {
            for child in items {
                collect(child, key, depth - 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(text: &str) -> Doc {
        read(text, 0).1.expect("a document")
    }

    #[test]
    fn whole_cut_and_fragment() {
        let whole = doc(r#"{"timings":{"prompt_n":5,"prompt_ms":1.25}} rest"#);
        assert_eq!(
            whole.root.number(&["timings", "prompt_ms"]).map(|n| (n.value, n.decimals)),
            Some((1.25, 2))
        );
        let cut = doc(r#"[{"n":1},{"n":2,"t":3"#);
        let Json::Array(items) = &cut.root.value else { panic!("an array") };
        assert_eq!(items.len(), 2);
        assert!(items[1].number(&["t"]).is_none(), "a number at the cut may be half of one");
        for broken in [r#"{"n":1,"t":118,36,"m":2}"#, "{\"n\":1,\"t\":11\n8.36}", r#"{"n":1,"t":1 118.36}"#] {
            let broken = doc(broken);
            assert!(broken.root.number(&["t"]).is_none() && broken.root.number(&["n"]).is_some());
            assert!(broken.damage.broken);
        }
        let fragment = doc("\"stats\": {\n \"a\": 1 // tokens\n}, \"id\": \"x\" }");
        assert_eq!(fragment.root.number(&["stats", "a"]).map(|n| n.value), Some(1.0));
        assert_eq!(fragment.root.name(&["id"]).map(|name| name.text), Some("x".into()));
    }

    #[test]
    fn an_exponent_moves_the_point() {
        let read = |digits: &str| {
            let read = number(digits, 0..digits.len());
            (read.value, read.decimals, read.odd)
        };
        assert_eq!(read("1.2e2"), (120.0, 0, false));
        assert_eq!(read("1.25e1"), (12.5, 1, false));
        assert_eq!(read("5E-3"), (0.005, 3, false));
        assert_eq!(read("1e+2"), (100.0, 0, false));
        assert!(["1e400", "1e99999999999999999999", "NaN"].into_iter().all(|digits| read(digits).2));
        assert_eq!(read("-1e0"), (-1.0, 0, true));
    }

    #[test]
    fn double_keys_are_noticed_at_any_depth() {
        assert!(doc(r#"{"a":{"n":1,"n":2}}"#).damage.duplicate_key);
        assert!(!doc(r#"{"a":{"n":1},"b":{"n":2}}"#).damage.duplicate_key);
    }

    #[test]
    fn what_cannot_begin_a_document_does_not() {
        for text in
            ["{ int x; }", "[ Prompt: 1 t/s", "[2026-01-01 00:00:00] x", "\"eval time = 1 ms\\n\",", "eval"]
        {
            assert!(!may_begin(text), "{text}");
        }
    }
}
