//! What was done to all lines of a paste alike, undone: quoting, code marks, escapes, copies, and breaks.
//!
//! Single lines are read through what stands before them; but a line that was broken, or a JSON document, goes on in
//! the next line, so what every line has is taken off first.

use alloc::vec::Vec;
use core::ops::Range;

use super::text::{Text, lines};

/// Levels of quoting and of marks that are taken off.
const MOST_LAYERS: usize = 4;

/// Copies of one text after the other that are seen to be copies.
const MOST_COPIES: usize = 4;

/// Lines that a row of a table may have been broken into.
const MOST_PARTS: usize = 8;

/// What every line has.
#[derive(Clone, Copy)]
enum Layer {
    /// `> ` of mail and comments.
    Quote,
    /// `- ` of a list.
    Bullet,
    /// A line between backticks.
    Code,
    /// The backslash that Markdown wants before its own marks.
    Escapes,
}

impl Text {
    /// Without what every line has.
    pub fn undressed(mut self) -> Text {
        for _ in 0..MOST_LAYERS {
            let Some(layer) = layer(&self.clean) else { break };
            self = self.of(kept(&self.clean, layer).into_iter());
        }
        self
    }

    /// The text once, where it stands there several times; `None` where it does not.
    pub fn once(&self) -> Option<Text> {
        let lines = lines(&self.clean).map(|range| self.clean[range].trim());
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let is_copied = |copies: usize| {
            let length = lines.len() / copies;
            length > 0
                && lines.len().is_multiple_of(copies)
                && lines.chunks_exact(length).all(|part| part == &lines[..length])
        };
        let copies = (2..=MOST_COPIES).rev().find(|copies| is_copied(*copies))?;
        let last = lines[lines.len() / copies - 1];
        let end = last.as_ptr() as usize - self.clean.as_ptr() as usize + last.len();
        Some(self.of(core::iter::once(0..end)))
    }

    /// The same text with the line breaks taken out that a console of one width put in; `None` if it has none.
    ///
    /// A console breaks at its width exactly: the longest lines are all as long, several of them, and nothing is
    /// longer.
    pub fn unwrapped(&self) -> Option<Text> {
        let width_of = |range: &Range<usize>| {
            let line = &self.clean[range.clone()];
            line.strip_suffix('\n').unwrap_or(line).chars().count()
        };
        // The longest, how many are as long, and how many are shorter.
        let (mut width, mut full, mut ends) = (0, 0_usize, 0);
        for length in lines(&self.clean).map(|range| width_of(&range)).filter(|length| *length > 0) {
            if length > width {
                (width, full, ends) = (length, 0, ends + full);
            }
            full += usize::from(length == width);
            ends += usize::from(length < width);
        }
        // Each line that was broken has an end that is shorter; rows of a table are all as long.
        if !(40..=400).contains(&width) || full < 2 || ends < full.div_ceil(MOST_PARTS) {
            return None;
        }
        let kept = lines(&self.clean).map(|range| {
            let broken = self.clean.as_bytes()[range.end - 1] == b'\n' && width_of(&range) == width;
            range.start..range.end - usize::from(broken)
        });
        Some(self.of(kept))
    }

    /// The same text with the rows of tables joined that were broken between words, as mail and narrow editors do;
    /// `None` if it has none.
    ///
    /// How many cells a row has is known from the header, and where that ends by its last column.
    pub fn rows_joined(&self) -> Option<Text> {
        if !self.clean.contains('|') {
            return None;
        }
        let mut text = Text::empty();
        let mut joined = false;
        // Bars of a whole row, once the header is whole; and of the row that is open: where it begins, its parts.
        let mut bars: Option<usize> = None;
        let mut open: Option<(usize, usize)> = None;
        for range in lines(&self.clean) {
            let body = self.clean[range.clone()].trim();
            if let Some((start, parts)) = open.filter(|(_, parts)| *parts < MOST_PARTS && !body.is_empty()) {
                text.join();
                text.copy(self, range);
                joined = true;
                open = Some((start, parts + 1));
            } else {
                open = body.starts_with('|').then_some((text.clean.len(), 1));
                bars = bars.filter(|_| open.is_some());
                text.copy(self, range);
            }
            if let Some((start, _)) = open {
                let row = text.clean[start..].trim_end();
                let found = row.bytes().filter(|byte| *byte == b'|').count();
                if bars.is_none() && ends_header(row) {
                    bars = Some(found);
                }
                open = open.filter(|_| bars.is_none_or(|bars| found < bars));
            }
        }
        joined.then_some(text)
    }
}

/// Whether this is a header up to its last column.
fn ends_header(row: &str) -> bool {
    let mut cells = row.split('|').map(str::trim).filter(|cell| !cell.is_empty());
    let last = match cells.next() {
        Some("model") => "t/s",
        Some("PP") if cells.clone().any(|cell| cell == "B") => "S t/s",
        Some("PP") => "S_TG t/s",
        _ => return false,
    };
    row.ends_with('|') && cells.next_back() == Some(last)
}

/// What every line that is not blank has, if anything.
fn layer(text: &str) -> Option<Layer> {
    let lines = || lines(text).map(|range| text[range].trim()).filter(|line| !line.is_empty());
    let several = lines().nth(1).is_some();
    // Three of them are where Ollama waits for a prompt.
    if several && lines().all(|line| line.starts_with('>')) && !lines().all(|line| line.starts_with(">>>")) {
        return Some(Layer::Quote);
    }
    // Of a blank line the mark is left.
    let is_item = |line: &str| line.starts_with("- ") || line.starts_with("* ") || line == "-";
    if several && lines().all(is_item) {
        return Some(Layer::Bullet);
    }
    let is_code = |line: &str| {
        line.len() > 2 && line.starts_with('`') && line.ends_with('`') && !line.starts_with("``")
    };
    if several && lines().all(is_code) {
        return Some(Layer::Code);
    }
    let escaped = text.as_bytes().windows(2).filter(|pair| pair == b"\\_").count();
    (escaped > 0 && escaped == text.matches('_').count()).then_some(Layer::Escapes)
}

/// The ranges of the text that are left without a layer.
fn kept(text: &str, layer: Layer) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for Range { start, end } in lines(text) {
        let line = &text[start..end];
        let lead = line.len() - line.trim_start().len();
        let body = line.trim();
        match layer {
            Layer::Quote | Layer::Bullet if !body.is_empty() => {
                let rest = &line[lead + 1..];
                let space = usize::from(rest.starts_with(' '));
                ranges.push(start + lead + 1 + space..end);
            }
            Layer::Code if !body.is_empty() => {
                ranges.push(start + lead + 1..start + lead + body.len() - 1);
                ranges.push(start + lead + body.len()..end);
            }
            Layer::Escapes => {
                let mut from = start;
                for (place, pair) in line.as_bytes().windows(2).enumerate() {
                    // JSON has escapes of its own.
                    if pair[0] == b'\\' && pair[1].is_ascii_punctuation() && !b"\\\"/".contains(&pair[1]) {
                        ranges.push(from..start + place);
                        from = start + place + 1;
                    }
                }
                ranges.push(from..end);
            }
            _ => ranges.push(start..end),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn undressed(text: &str) -> String {
        Text::new(text.as_bytes()).undressed().clean
    }

    #[test]
    fn what_every_line_has_is_taken_off() {
        for (text, bare) in [
            ("> > a\n> >\n> > b\n", "a\n\nb\n"),
            ("`a b`\n\n`c d`\n", "a b\n\nc d\n"),
            ("llama\\_print\\_timings: \\| x", "llama_print_timings: | x"),
            ("- a\n- b\n", "a\nb\n"),
            ("- a\n- \n- b\n", "a\n\nb\n"),
            ("> a\nb\n", "> a\nb\n"),
            (">>> a\n>>> b\n", ">>> a\n>>> b\n"),
            ("C:\\_x\\a_b", "C:\\_x\\a_b"),
        ] {
            assert_eq!(undressed(text), bare, "{text}");
        }
    }

    #[test]
    fn copies_are_seen_by_their_lines() {
        let once = |text: &str| Text::new(text.as_bytes()).once().map(|text| text.clean);
        assert_eq!(once("a\nb\n\na\nb"), Some("a\nb".into()));
        assert_eq!(once("a\n a\na\n"), Some("a".into()));
        assert_eq!(once("a\nb\na\n"), None);
        assert_eq!(once(""), None);
    }

    #[test]
    fn broken_rows_are_joined_by_their_header() {
        let rows = "| model |\nngl | test | t/s |\n| --- | ---\n| --- | --- |\n| a | 99 |\npp512\n| 1.00 ± 0.10 |\nend\n";
        let joined = Text::new(rows.as_bytes()).rows_joined().map(|text| text.clean);
        let whole = "| model | ngl | test | t/s |\n| --- | --- | --- | --- |\n| a | 99 | pp512 | 1.00 ± 0.10 |\nend\n";
        assert_eq!(joined.as_deref(), Some(whole));
        assert!(Text::new(whole.as_bytes()).rows_joined().is_none());
    }
}
