//! The frame that a terminal's program draws around what it shows, taken off.
//!
//! ```text
//! ╭──────────────────────────╮
//! │ eval rate: 25.00 tokens/s│
//! ╰──────────────────────────╯
//! ```
//!
//! Tables are framed as well, so this is asked for only where a paste tells nothing as it stands.

use core::ops::Range;

use super::text::{Text, lines};

/// What the sides of a frame became when the text was cleaned.
const SIDE: char = '|';

impl Text {
    /// The same text without the sides of a frame and without its edges; `None` where there is none.
    pub fn unframed(&self) -> Option<Text> {
        let inside = |line: &str| line.trim_start().strip_prefix(SIDE).map(str::len);
        let mut framed = 0;
        // The space inside the sides is the frame's as well.
        let mut pad = true;
        for range in lines(&self.clean) {
            let line = self.clean[range].trim_end();
            let Some(length) = inside(line) else { continue };
            framed += 1;
            pad &= line.len() < 2 || line[line.len() - length..].starts_with(' ');
        }
        if framed < 2 {
            return None;
        }
        let kept = lines(&self.clean).flat_map(|Range { start, end }| {
            let line = &self.clean[start..end];
            let body = line.trim_end();
            let Some(length) = inside(body) else {
                return [start..if is_edge(body.trim_start()) { start } else { end }, end..end];
            };
            let inner = &body[body.len() - length..];
            let inner = inner.strip_suffix(SIDE).unwrap_or(inner).trim_end();
            let from = start + body.len() - length;
            let skipped = usize::from(pad && inner.starts_with(' '));
            // And the break, which a last line may be without.
            [from + skipped..from + inner.len(), end - usize::from(line.ends_with('\n'))..end]
        });
        Some(self.of(kept))
    }
}

/// Whether a line is drawn, not written.
fn is_edge(body: &str) -> bool {
    let is_drawn = |sign: char| matches!(sign, '\u{2500}'..='\u{257f}' | '+' | '-' | '=' | '|');
    body.chars().count() > 2 && body.chars().all(is_drawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn unframed(text: &str) -> Option<String> {
        Text::new(text.as_bytes()).unframed().map(|text| text.clean)
    }

    #[test]
    fn sides_and_edges_go() {
        for (text, bare) in [
            ("╭────╮\n│ a  │\n│    │\n│  b │\n╰────╯\n", Some("a\n\n b\n")),
            ("+----+\n| a  |\n| b\n+----+\nc\n", Some("a\nb\nc\n")),
            ("  ┃ a ┃\n  ┃ b ┃", Some("a\nb")),
            ("│a\n│ b\n", Some("a\n b\n")),
            ("| a |\n", None),
            ("a\nb\n", None),
            ("", None),
        ] {
            assert_eq!(unframed(text).as_deref(), bare, "{text:?}");
        }
    }
}
