//! From pasted bytes to clean text, with the way back.
//!
//! A paste has been through consoles, web pages, mail and phones. Here all of that is undone once, so that every
//! format reads plain lines: encodings, line ends, colour codes, odd spaces, HTML. Each clean byte remembers
//! which original bytes it came from, so that a value can be shown where the person pasted it; and what a tool
//! never prints (invisible characters, digits of another script) is remembered as a stain on its place.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use super::reading::Span;

/// Longest paste that is read, in bytes. Timing lines are short; more than this is a whole log.
pub const MAX_BYTES: usize = 256 * 1024;

/// What a tool never prints, and what its presence in a timing line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stain {
    /// A control that turns the direction of text, or a character without width: what is seen is not what is there.
    Hidden,
    /// Full-width forms: typed with an input method, not printed.
    FullWidth,
    /// Entities and tags: it came through a web page, which may have changed it.
    Html,
}

/// Clean text: lines end in `\n`, spaces are spaces, and nothing in it is invisible.
pub(super) struct Text {
    pub clean: String,
    /// For each clean byte, where the original character of it starts and ends.
    origin: Vec<[u32; 2]>,
    /// Places in the clean text, in order.
    stains: Vec<(usize, Stain)>,
}

/// The lines of a text, each with its break.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
}

/// One loop over bytes: most lines are short, and looking for breaks with anything cleverer costs more than they do.
pub(super) fn lines(text: &str) -> Lines<'_> {
    Lines { text, at: 0 }
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.text.as_bytes().get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        self.at += length;
        Some(self.at - length..self.at)
    }
}

/// A decoded character and its place in the original bytes.
type Placed = (char, u32, u32);

impl Text {
    /// Cleans at most [`MAX_BYTES`]; the caller has refused more.
    pub fn new(bytes: &[u8]) -> Text {
        let source = decode(bytes);
        let mut text = Text {
            clean: String::with_capacity(bytes.len()),
            origin: Vec::with_capacity(bytes.len()),
            stains: Vec::new(),
        };
        let mut at = 0;
        while at < source.len() {
            match source[at] {
                (plain @ (' '..='%' | '\'' | '(' | ')' | '+'..=';' | '='..='~'), start, end) => {
                    text.clean.push(plain);
                    text.origin.push([start, end]);
                    at += 1;
                }
                _ => at += text.take(&source[at..]),
            }
        }
        text
    }

    /// The place in the original bytes of a range of the clean text.
    pub fn span(&self, range: &Range<usize>) -> Span {
        let (Some(first), Some(last)) =
            (self.origin.get(range.start), self.origin.get(range.end.wrapping_sub(1)))
        else {
            return Span { start: 0, end: 0 };
        };
        Span { start: first[0] as usize, end: last[1] as usize }
    }

    /// The worst thing that stood in a range of the clean text, if anything.
    pub fn stain(&self, range: &Range<usize>) -> Option<Stain> {
        let from = self.stains.partition_point(|(at, _)| *at < range.start);
        let within =
            self.stains[from..].iter().take_while(|(at, _)| *at < range.end).map(|(_, stain)| *stain);
        within.min_by_key(|stain| match stain {
            Stain::Hidden => 0,
            Stain::FullWidth => 1,
            Stain::Html => 2,
        })
    }

    /// A text with nothing in it, to be filled from another.
    pub fn empty() -> Text {
        Text { clean: String::new(), origin: Vec::new(), stains: Vec::new() }
    }

    /// What is left of it: these ranges, in their order.
    pub fn of(&self, ranges: impl Iterator<Item = Range<usize>>) -> Text {
        let mut text = Text::empty();
        // Most of them go on where the one before ended.
        let mut open = 0..0;
        for range in ranges {
            if range.start == open.end {
                open.end = range.end;
            } else {
                text.copy(self, core::mem::replace(&mut open, range));
            }
        }
        text.copy(self, open);
        text
    }

    /// Takes over a range of another clean text, with its places and stains.
    pub fn copy(&mut self, source: &Text, range: Range<usize>) {
        let from = self.clean.len();
        if !source.stains.is_empty() {
            let first = source.stains.partition_point(|(place, _)| *place < range.start);
            let stains = source.stains[first..].iter().take_while(|(place, _)| *place < range.end);
            self.stains.extend(stains.map(|(place, stain)| (place - range.start + from, *stain)));
        }
        self.clean.push_str(&source.clean[range.clone()]);
        self.origin.extend_from_slice(&source.origin[range]);
    }

    /// Adds what stands for a range of another clean text.
    #[inline(never)]
    pub fn put(&mut self, source: &Text, range: &Range<usize>, text: &str) {
        let place = source.span(range);
        self.clean.push_str(text);
        self.origin.resize(self.clean.len(), [place.start as u32, place.end as u32]);
    }

    /// Makes a space of the line break at its end, if there is one.
    pub fn join(&mut self) {
        if self.clean.ends_with('\n') {
            self.clean.pop();
            self.clean.push(' ');
        }
    }

    /// Takes one character, or one sequence that means one thing; says how many characters that was.
    fn take(&mut self, rest: &[Placed]) -> usize {
        let (first, start, end) = rest[0];
        match first {
            '\r' if rest.get(1).is_some_and(|next| next.0 == '\n') => return 1,
            '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                self.push('\n', start, end);
            }
            '\u{1b}' => return escape_length(rest),
            '\t' => self.push('\t', start, end),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                self.push(' ', start, end);
            }
            turning if turns_text(turning) => self.mark(Stain::Hidden),
            hidden if has_no_width(hidden) => {
                // Harmless at the start of a line: a byte order mark, or what web pages put between lines.
                if !matches!(self.clean.as_bytes().last(), None | Some(b'\n')) {
                    self.mark(Stain::Hidden);
                }
            }
            '\u{ff01}'..='\u{ff5e}' => {
                self.mark(Stain::FullWidth);
                let ascii = char::from_u32(first as u32 - 0xff01 + 0x21).unwrap_or('?');
                self.push(ascii, start, end);
            }
            '\u{2212}' => self.push('-', start, end),
            // The frames that terminals draw around a table.
            '│' | '┃' | '║' | '├' | '┤' | '┼' | '╞' | '╡' | '╪' | '╠' | '╣' | '╬' | '┝' | '┥' | '┿' | '┣'
            | '┫' | '╋' => {
                self.push('|', start, end);
            }
            '─' | '━' | '═' => self.push('-', start, end),
            // Emphasis of Markdown around a value that somebody wants to be seen.
            // UTF-8 that was read as Windows-1252 on its way.
            '\u{c2}' if rest.get(1).is_some_and(|next| matches!(next.0, '\u{b5}' | '\u{b1}' | '\u{a0}')) => {}
            '*' if rest.get(1).is_some_and(|next| next.0 == '*') => return 2,
            '&' => {
                if let Some((decoded, length)) = entity(rest) {
                    if turns_text(decoded) || has_no_width(decoded) {
                        self.mark(Stain::Hidden);
                    } else {
                        self.mark(Stain::Html);
                        let decoded = if decoded == '\u{a0}' { ' ' } else { decoded };
                        self.push(decoded, start, rest[length - 1].2);
                    }
                    return length;
                }
                self.push('&', start, end);
            }
            '<' => {
                if let Some((becomes, length)) = tag(rest) {
                    if let Some(becomes) = becomes {
                        self.push(becomes, start, rest[length - 1].2);
                    }
                    self.mark(Stain::Html);
                    return length;
                }
                self.push('<', start, end);
            }
            control if control.is_control() => {}
            other => self.push(other, start, end),
        }
        1
    }

    /// Remembers a stain on the next clean byte.
    fn mark(&mut self, stain: Stain) {
        self.stains.push((self.clean.len(), stain));
    }

    fn push(&mut self, character: char, start: u32, end: u32) {
        self.clean.push(character);
        self.origin.resize(self.clean.len(), [start, end]);
    }
}

/// Controls that change the direction of what is shown.
fn turns_text(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

/// Characters that take no room.
fn has_no_width(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Characters of the original, whatever its encoding.
fn decode(bytes: &[u8]) -> Vec<Placed> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => decode_utf16(rest, 2, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => decode_utf16(rest, 2, u16::from_be_bytes),
        _ if zeros(bytes, 1) => decode_utf16(bytes, 0, u16::from_le_bytes),
        _ if zeros(bytes, 0) => decode_utf16(bytes, 0, u16::from_be_bytes),
        _ => decode_utf8(bytes),
    }
}

/// Whether almost every second byte, from this one on, is zero: Latin text in UTF-16 without its mark.
fn zeros(bytes: &[u8], from: usize) -> bool {
    let every_second = bytes.iter().skip(from).step_by(2);
    bytes.len() >= 16 && every_second.filter(|byte| **byte == 0).count() * 10 >= (bytes.len() / 2) * 8
}

fn decode_utf16(bytes: &[u8], skipped: u32, unit: fn([u8; 2]) -> u16) -> Vec<Placed> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut at = skipped;
    char::decode_utf16(units)
        .map(|decoded| {
            let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            let start = at;
            at += 2 * character.len_utf16() as u32;
            (character, start, at)
        })
        .collect()
}

fn decode_utf8(bytes: &[u8]) -> Vec<Placed> {
    let mut placed = Vec::with_capacity(bytes.len());
    let mut at = 0_u32;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let end = at + character.len_utf8() as u32;
            placed.push((character, at, end));
            at = end;
        }
        for byte in chunk.invalid() {
            placed.push((old_code_page(*byte), at, at + 1));
            at += 1;
        }
    }
    placed
}

/// The characters that matter to us in the code pages of old consoles: Latin-1, Windows-1252 and IBM 437.
fn old_code_page(byte: u8) -> char {
    match byte {
        0xb1 | 0xf1 => '±',
        0xb5 | 0xe6 => 'µ',
        0xa0 => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Length of a terminal control sequence: colours, cursor moves, window titles.
fn escape_length(rest: &[Placed]) -> usize {
    let within = |from: usize, most: usize, ends: fn(char) -> bool| {
        rest.iter().skip(from).take(most).position(|placed| ends(placed.0)).map(|found| from + found + 1)
    };
    match rest.get(1).map(|placed| placed.0) {
        Some('[') => within(2, 64, |c| ('@'..='~').contains(&c)).unwrap_or(1),
        // Another sequence begins where this one was not closed.
        Some(']') => match within(2, 256, |c| matches!(c, '\u{7}' | '\\' | '\u{1b}')) {
            Some(end) if rest[end - 1].0 != '\u{1b}' => end,
            Some(end) if rest.get(end).is_some_and(|placed| placed.0 == '\\') => end + 1,
            _ => 1,
        },
        Some(_) => 2,
        None => 1,
    }
}

/// The character of an HTML entity, and its length. Only those that turn up in timing lines.
fn entity(rest: &[Placed]) -> Option<(char, usize)> {
    let length = rest.iter().take(10).position(|placed| placed.0 == ';')? + 1;
    let mut name = [0_u8; 8];
    let letters = rest.get(1..length - 1)?;
    for (slot, placed) in name.iter_mut().zip(letters) {
        *slot = u8::try_from(placed.0).ok()?;
    }
    let name = core::str::from_utf8(name.get(..letters.len())?).ok()?;
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let decoded = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "plusmn" => '±',
        "micro" => 'µ',
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with(['x', 'X']) => number(&hex[1..], 16)?,
            decimal => number(decimal, 10)?,
        },
    };
    (!decoded.is_control()).then_some((decoded, length))
}

/// Tags that web pages put around code. Any other is text: it may be a name that was chosen to look like one.
const TAGS: [&str; 16] = [
    "pre", "code", "p", "span", "div", "br", "li", "ul", "td", "tr", "th", "table", "tbody", "samp", "font",
    "b",
];

/// What a tag becomes, if anything is left of it, and its length: rows become lines, and cells are parted by tabs.
fn tag(rest: &[Placed]) -> Option<(Option<char>, usize)> {
    let slash = usize::from(rest.get(1)?.0 == '/');
    let is_end = |placed: &Placed| !placed.0.is_ascii_alphanumeric();
    let name_end = 1 + slash + rest[1 + slash..].iter().take(8).position(is_end)?;
    let name = &rest[1 + slash..name_end];
    let known = TAGS.iter().find(|tag| {
        tag.len() == name.len()
            && tag.chars().zip(name).all(|(letter, placed)| letter.eq_ignore_ascii_case(&placed.0))
    })?;
    let becomes = match *known {
        "br" | "tr" => Some('\n'),
        "td" | "th" if slash == 1 => Some('\t'),
        _ => None,
    };
    let closes = rest.iter().skip(1).take(199).position(|placed| matches!(placed.0, '<' | '>' | '\n'))? + 1;
    (rest[closes].0 == '>').then_some((becomes, closes + 1))
}
