//! The paste as lines and documents: what the formats read.

use alloc::vec::Vec;
use core::ops::Range;

use super::{
    docs::{self, Doc},
    number::Cursor,
    prefix,
    reading::Span,
    text::{Stain, Text, lines},
};

/// Lines that one printed line may have been broken into.
const MAX_JOINED: usize = 8;

/// Bytes of the shortest line that a format reads: `draft:`
const SHORTEST: usize = 6;

/// One line, in the clean text: not blank.
pub(super) struct Line {
    /// First byte, with everything that stands before the line itself.
    pub start: usize,
    /// Where the line itself begins.
    pub body: usize,
    /// One past its last byte.
    pub end: usize,
    /// It belongs to a document.
    pub in_doc: bool,
    /// The byte that it begins with.
    first: u8,
}

impl Line {
    /// Whether this is its first byte.
    pub fn begins_with(&self, byte: u8) -> bool {
        self.first == byte
    }

    /// It is part of no document and long enough to tell something.
    fn is_plain(&self) -> bool {
        !self.in_doc && self.end - self.body >= SHORTEST
    }
}

/// First bytes of lines. Every format asks only for lines that begin with one of its own: most lines of a paste are none
/// of them, and are passed over with one look.
#[derive(Clone, Copy, Default)]
pub(super) struct Firsts(u128);

impl Firsts {
    /// The first bytes of what a format prints; they are ASCII.
    pub const fn new(bytes: &str) -> Firsts {
        let mut set = 0;
        let mut at = 0;
        while at < bytes.len() {
            set |= Firsts::of(bytes.as_bytes()[at]).0;
            at += 1;
        }
        Firsts(set)
    }

    const fn of(byte: u8) -> Firsts {
        Firsts(if byte < 128 { 1 << byte } else { 0 })
    }

    /// Whether a line begins with one of them.
    pub fn has(self, line: &Line) -> bool {
        self.0 & Firsts::of(line.first).0 != 0
    }
}

/// The clean text and its parts.
pub(super) struct Page<'a> {
    source: &'a Text,
    pub lines: Vec<Line>,
    pub docs: Vec<Doc>,
    /// Of all lines.
    firsts: Firsts,
}

impl<'a> Page<'a> {
    pub fn new(source: &'a Text) -> Page<'a> {
        let mut kept = Vec::new();
        let mut firsts = Firsts::default();
        for Range { start, end } in lines(&source.clean) {
            let bytes = &source.clean.as_bytes()[start..end];
            let length = bytes.iter().rposition(|byte| !b" \t\n".contains(byte)).map_or(0, |last| last + 1);
            // Blank lines tell nothing; a paste can have a quarter of a million of them.
            if length == 0 {
                continue;
            }
            // The end of a block of code may stand behind its last line.
            let line = source.clean[start..start + length].trim_end_matches('`').trim_end();
            let end = start + if line.is_empty() { length } else { line.len() };
            let body = start + prefix::body(&source.clean[start..end]);
            if body < end {
                let first = source.clean.as_bytes()[body];
                firsts.0 |= Firsts::of(first).0;
                kept.push(Line { start, body, end, in_doc: false, first });
            }
        }
        let mut page = Page { source, lines: kept, docs: Vec::new(), firsts };
        page.find_docs();
        page
    }

    /// The whole clean text.
    pub fn text(&self) -> &'a str {
        &self.source.clean
    }

    /// The worst thing that stood in a range.
    pub fn stain(&self, range: &Range<usize>) -> Option<Stain> {
        self.source.stain(range)
    }

    /// The place in the pasted bytes.
    pub fn span(&self, range: &Range<usize>) -> Span {
        self.source.span(range)
    }

    /// A line without what stands before it.
    pub fn body(&self, line: &Line) -> &'a str {
        self.text().get(line.body..line.end).unwrap_or_default()
    }

    /// The lines that are not part of a document, with their numbers.
    pub fn all_plain(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| !line.in_doc)
    }

    /// Those of them that are long enough to tell something.
    pub fn plain(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| line.is_plain())
    }

    /// Those of them that begin with one of a format's first bytes.
    pub fn starting(&self, firsts: Firsts) -> impl Iterator<Item = (usize, &Line)> {
        let lines = if self.any(firsts) { self.lines.as_slice() } else { &[] };
        let fits = move |line: &Line| firsts.has(line) && line.is_plain();
        lines.iter().enumerate().filter(move |(_, line)| fits(line))
    }

    /// Whether any line begins with one of a format's first bytes.
    pub fn any(&self, firsts: Firsts) -> bool {
        self.firsts.0 & firsts.0 != 0
    }

    /// Matches a line; if it ends too early, together with the lines after it, as a console may have broken it.
    pub fn match_line<T>(
        &self,
        number: usize,
        matcher: impl FnMut(&mut Cursor<'a>) -> Option<T>,
    ) -> Option<(T, Range<usize>)> {
        self.match_lines(number, MAX_JOINED, matcher)
    }

    /// The same for what is printed on so many lines.
    pub fn match_lines<T>(
        &self,
        number: usize,
        most: usize,
        mut matcher: impl FnMut(&mut Cursor<'a>) -> Option<T>,
    ) -> Option<(T, Range<usize>)> {
        let mut matched = None;
        let range = self.matched_range(number, most, &mut |cursor| {
            matched = matcher(cursor);
            matched.is_some()
        })?;
        Some((matched?, range))
    }

    /// The lines that a matcher takes. One function for all formats: the browser downloads it.
    fn matched_range(
        &self,
        number: usize,
        most: usize,
        matcher: &mut dyn FnMut(&mut Cursor<'a>) -> bool,
    ) -> Option<Range<usize>> {
        let first = &self.lines[number];
        for last in self.lines.iter().skip(number).take(most) {
            if last.in_doc {
                return None;
            }
            let mut cursor = Cursor::new(self.text(), first.body..last.end);
            if matcher(&mut cursor) {
                return Some(first.body..cursor.at);
            }
            if !cursor.cut {
                return None;
            }
        }
        None
    }

    /// Lines of documents that nobody knows are plain lines again: a notebook is JSON, and its output is in it.
    pub fn give_back(&mut self, known: &[Range<usize>]) {
        for line in self.lines.iter_mut().filter(|line| line.in_doc) {
            let after = known.partition_point(|range| range.end <= line.start);
            line.in_doc = known.get(after).is_some_and(|range| range.start < line.end);
        }
    }

    fn find_docs(&mut self) {
        let mut number = 0;
        while number < self.lines.len() {
            let (start, body, end) = {
                let line = &self.lines[number];
                (line.start, line.body, line.end)
            };
            let text = self.text();
            let indent = text[start..end].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            // A bracket at the start of a line may begin an array or a log's prefix: see which.
            let begins = [body, start + indent].into_iter().find(|at| {
                if !matches!(text.as_bytes()[*at], b'{' | b'[' | b'"') {
                    return false;
                }
                let stop = if text[*at..end].trim_end() == "[" { text.len() } else { end };
                docs::may_begin(&text[*at..stop])
            });
            let Some(at) = begins else {
                number += 1;
                continue;
            };
            let (stopped, doc) = docs::read(text, at);
            let next = self.lines.partition_point(|line| line.body < stopped).max(number + 1);
            if let Some(doc) = doc {
                for line in &mut self.lines[number..next] {
                    line.in_doc = true;
                }
                self.docs.push(doc);
                number = next;
            } else {
                number += 1;
            }
        }
    }
}

/// What kind of line a line is, to whoever wants to know where one thing ends and another begins.
impl Page<'_> {
    /// Ollama waits for a prompt here.
    pub fn is_chat_prompt(&self, line: &Line) -> bool {
        self.body(line).starts_with(">>>")
    }

    /// A fence, a heading, a command: what follows is another thing.
    pub fn is_separator(&self, line: &Line) -> bool {
        const STARTS: [&str; 9] = [
            "# ",
            "##",
            "$ ",
            "+ ./",
            "build: ",
            "main: build",
            "main: seed",
            "system_info:",
            "llama_model_loader: loaded",
        ];
        self.is_fence(line) || STARTS.iter().any(|start| self.body(line).starts_with(start))
    }

    /// The begin or end of a block of code in Markdown.
    pub fn is_fence(&self, line: &Line) -> bool {
        self.body(line).starts_with("```")
    }
}
