//! The frame that a terminal's program draws around what it shows, taken off.
//!
//! ```text
//! ╭──────────────────────────╮
//! │ eval rate: 25.00 tokens/s│
//! ╰──────────────────────────╯
//! ```
//!
//! Tables are framed as well, so this is asked for only where a paste tells nothing as it stands.

use super::text::Text;

/// What the sides of a frame became when the text was cleaned.
const SIDE: char = '|';

impl Text {
    /// The same text without the sides of a frame and without its edges; `None` where there is none.
    pub fn unframed(&self) -> Option<Text> {
        let inside = |line: &str| line.trim_start().strip_prefix(SIDE).map(str::len);
        // The space inside the sides is the frame's as well.
        let pad = self.clean.lines().all(|line| {
            inside(line).is_none_or(|length| {
                line.trim_end().len() < 2 || line[line.len() - length..].starts_with(' ')
            })
        });
        let mut text = Text::empty();
        let mut framed = 0;
        let mut at = 0;
        for line in self.clean.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let body = line.trim_end();
            let Some(length) = inside(body) else {
                if !is_edge(body.trim_start()) {
                    text.copy(self, start..at);
                }
                continue;
            };
            let inner = &body[body.len() - length..];
            let inner = inner.strip_suffix(SIDE).unwrap_or(inner).trim_end();
            let from = start + body.len() - length;
            let skipped = usize::from(pad && inner.starts_with(' '));
            text.copy(self, from + skipped..from + inner.len());
            // The break, which a last line may be without.
            text.copy(self, start + line.trim_end_matches('\n').len()..at);
            framed += 1;
        }
        (framed > 1).then_some(text)
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
