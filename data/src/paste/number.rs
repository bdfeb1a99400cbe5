//! Numbers as tools print them: decimals, Go durations; and a cursor that matches printed lines.

use core::ops::Range;

use crate::number;

/// A number as it stood in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    /// Its value; `inf` and NaN where the text says so or the digits overflow.
    pub value: f64,
    /// Its digits, in the clean text.
    pub range: Range<usize>,
    /// Digits after the point.
    pub decimals: u8,
    /// Written with a sign, an exponent, as a word, or with separators: no tool prints a count or time like that.
    pub odd: bool,
}

impl Number {
    /// Half of the last printed digit: how far the number may be from what was measured.
    pub fn half_digit(&self) -> f64 {
        half_digit(self.decimals)
    }

    /// Milliseconds as seconds.
    pub fn ms_to_s(&self) -> Number {
        Number { value: self.value / 1e3, decimals: self.decimals.saturating_add(3), ..self.clone() }
    }

    /// Whether it is a count: whole, and small enough to be one.
    pub fn is_count(&self) -> bool {
        self.decimals == 0 && !self.odd && self.value < 1e9
    }
}

/// Half of the last of so many decimals.
pub(super) fn half_digit(decimals: u8) -> f64 {
    (0..decimals).fold(0.5, |half, _| half / 10.0)
}

/// Reads a printed line from left to right.
///
/// Line breaks inside its range are not there: consoles put them in. Where white space is asked for, any amount
/// will do, also none.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Next byte.
    pub at: usize,
    end: usize,
    /// The text ended where more was expected.
    pub cut: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, range: Range<usize>) -> Cursor<'a> {
        Cursor { text, at: range.start, end: range.end, cut: false }
    }

    fn peek(&self) -> Option<u8> {
        #[cfg(test)]
        work::count();
        if self.at < self.end { self.text.as_bytes().get(self.at).copied() } else { None }
    }

    fn skip_breaks(&mut self) {
        while self.peek() == Some(b'\n') {
            self.at += 1;
        }
    }

    /// Steps over spaces, tabs and breaks.
    pub fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n')) {
            self.at += 1;
        }
    }

    /// Whether nothing but space is left.
    pub fn ended(&self) -> bool {
        let mut rest = self.clone();
        rest.spaces();
        rest.peek().is_none()
    }

    /// Steps over the pattern if it stands here. A space in it stands for any white space, also none.
    pub fn eat(&mut self, pattern: &str) -> bool {
        let start = self.at;
        for wanted in pattern.bytes() {
            if wanted == b' ' {
                self.spaces();
                continue;
            }
            self.skip_breaks();
            match self.peek() {
                Some(found) if found == wanted => self.at += 1,
                found => {
                    self.cut |= found.is_none();
                    self.at = start;
                    return false;
                }
            }
        }
        true
    }

    /// As [`Cursor::eat`], for a matcher that gives up where it fails.
    pub fn need(&mut self, pattern: &str) -> Option<()> {
        self.eat(pattern).then_some(())
    }

    /// The number that stands here, after spaces.
    pub fn number(&mut self) -> Option<Number> {
        self.spaces();
        let start = self.at;
        let mut shape = Shape::default();
        while let Some(byte) = self.peek() {
            let next = self.text.as_bytes()[..self.end].get(self.at + 1).copied();
            if !shape.takes(byte, next) {
                break;
            }
            self.at += 1;
        }
        self.cut |= self.peek().is_none();
        // A break belongs to the number only if more of the number came after it.
        let mut end = self.at;
        while end > start && self.text.as_bytes()[end - 1] == b'\n' {
            end -= 1;
        }
        let number = shape.finish(start..end);
        self.at = if number.is_some() { end } else { start };
        number
    }

    /// Steps over everything up to and including the pattern.
    pub fn after(&mut self, pattern: &str) -> bool {
        match self.text[self.at..self.end].find(pattern) {
            Some(found) => {
                self.at += found + pattern.len();
                true
            }
            None => {
                self.cut = true;
                false
            }
        }
    }

    /// The rest of the range.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..self.end.max(self.at)]
    }

    /// The run of bytes that are not white space.
    pub fn word(&mut self) -> &'a str {
        self.spaces();
        let start = self.at;
        while !matches!(self.peek(), None | Some(b' ' | b'\t' | b'\n')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }
}

/// A number while it is being read: digits are kept in a small buffer, since a break may stand between them.
#[derive(Default)]
struct Shape {
    digits: [u8; 32],
    used: usize,
    decimals: Option<u8>,
    odd: bool,
    overlong: bool,
}

impl Shape {
    fn takes(&mut self, byte: u8, next: Option<u8>) -> bool {
        let next_is_digit = next.is_some_and(|byte| byte.is_ascii_digit() || byte == b'\n');
        match byte {
            b'\n' => self.used > 0,
            b'0'..=b'9' => {
                if let Some(decimals) = &mut self.decimals {
                    *decimals = decimals.saturating_add(1);
                }
                self.keep(byte)
            }
            b'-' if self.used == 0 => {
                self.odd = true;
                self.keep(byte)
            }
            b'.' | b',' if self.ends_in_digit() && next_is_digit => {
                if self.decimals.is_some() {
                    self.odd = true;
                    return true;
                }
                self.decimals = Some(0);
                self.keep(b'.')
            }
            // An exponent, `inf`, `nan`: letters that make it a number that no tool means.
            b'e' | b'E'
                if self.ends_in_digit()
                    && next.is_some_and(|n| n.is_ascii_digit() || n == b'-' || n == b'+') =>
            {
                self.odd = true;
                self.keep(byte)
            }
            b'+' | b'-' if matches!(self.digits[..self.used].last(), Some(b'e' | b'E')) => self.keep(byte),
            b'i' | b'n' | b'f' | b'a' if self.spells_word(byte) => {
                self.odd = true;
                self.keep(byte)
            }
            _ => false,
        }
    }

    fn ends_in_digit(&self) -> bool {
        self.digits[..self.used].last().is_some_and(u8::is_ascii_digit)
    }

    fn spells_word(&self, byte: u8) -> bool {
        let so_far = self.digits[..self.used].strip_prefix(b"-").unwrap_or(&self.digits[..self.used]);
        [b"inf", b"nan"].iter().any(|word| word.starts_with(so_far) && word.get(so_far.len()) == Some(&byte))
    }

    fn keep(&mut self, byte: u8) -> bool {
        if let Some(slot) = self.digits.get_mut(self.used) {
            *slot = byte;
            self.used += 1;
        } else {
            self.overlong = true;
        }
        true
    }

    fn finish(self, range: Range<usize>) -> Option<Number> {
        let text = core::str::from_utf8(&self.digits[..self.used]).ok()?;
        let value = match number::read(text) {
            Some(value) if !self.overlong => value,
            None if text.ends_with("nan") => f64::NAN,
            _ if self.ends_in_digit() || text.ends_with("inf") => f64::INFINITY,
            _ => return None,
        };
        let odd = self.odd || self.overlong || !value.is_finite();
        Some(Number { value, range, decimals: self.decimals.unwrap_or(0), odd })
    }
}

/// A Go duration (`2m7.682s`, `891.933µs`), in seconds; odd where Go would not have printed it.
///
/// Go prints no trailing zero after the point, hours and minutes as whole numbers, and one unit below a second.
pub(super) fn go_duration(cursor: &mut Cursor<'_>) -> Option<Number> {
    cursor.spaces();
    let start = cursor.at;
    let mut seconds = 0.0;
    let mut odd = false;
    let mut half = 0.0;
    let mut parts = 0;
    while let Some(part) = cursor.clone().number() {
        cursor.number();
        let unit = [("ms", 1e-3), ("m", 60.0), ("h", 3600.0), ("s", 1.0), ("ns", 1e-9), ("us", 1e-6)]
            .into_iter()
            .chain([("µs", 1e-6), ("μs", 1e-6), ("\u{fffd}s", 1e-6)])
            .find(|(unit, _)| cursor.eat(unit));
        let Some((name, scale)) = unit else {
            cursor.at = start;
            return None;
        };
        let digits = &cursor.text[part.range.clone()];
        odd |= part.odd || (part.decimals > 0 && digits.ends_with('0')) || (parts > 0 && name.len() > 1);
        odd |= part.decimals > 9 || (matches!(name, "h" | "m") && part.decimals > 0);
        seconds += part.value * scale;
        half = part.half_digit() * scale;
        parts += 1;
        if !matches!(name, "h" | "m") {
            break;
        }
    }
    // The decimals that a rate check may count on, in seconds.
    let decimals = (0..9).find(|places| half_digit(*places) <= half * 1.000_001).unwrap_or(9);
    (parts > 0).then_some(Number { value: seconds, range: start..cursor.at, decimals, odd })
}

#[cfg(test)]
/// Counts the bytes that are looked at, so that a test can say how the work grows with the text.
pub(super) mod work {
    use core::cell::Cell;

    std::thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub fn count() {
        STEPS.set(STEPS.get() + 1);
    }

    /// The steps since the last call.
    pub fn take() -> usize {
        STEPS.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<(f64, u8, bool)> {
        let read = Cursor::new(text, 0..text.len()).number()?;
        Some((read.value, read.decimals, read.odd))
    }

    #[test]
    fn numbers_as_tools_print_them_and_as_they_do_not() {
        assert_eq!(number("  12.50 ms"), Some((12.5, 2, false)));
        assert_eq!(number("12,50 ms"), Some((12.5, 2, false)));
        assert_eq!(number("512, next"), Some((512.0, 0, false)));
        assert_eq!(number("10\n.64 ms"), Some((10.64, 2, false)));
        assert_eq!(number("-1.0"), Some((-1.0, 1, true)));
        assert_eq!(number("1,234.56"), Some((1.23456, 5, true)));
        assert_eq!(number("1e309"), Some((f64::INFINITY, 0, true)));
        assert_eq!(number("inf t"), Some((f64::INFINITY, 0, true)));
        assert!(number("nan").is_some_and(|(value, _, odd)| value.is_nan() && odd));
        assert_eq!(number("l2O"), None);
        assert_eq!(number("9".repeat(60).as_str()), Some((f64::INFINITY, 0, true)));
    }

    #[test]
    fn go_durations_in_seconds() {
        let read = |text: &str| {
            let read = go_duration(&mut Cursor::new(text, 0..text.len()))?;
            Some((libm::round(read.value * 1e9) as u64, read.odd))
        };
        assert_eq!(read("5.088275983s"), Some((5_088_275_983, false)));
        assert_eq!(read("2m7.682s"), Some((127_682_000_000, false)));
        assert_eq!(read("1h0m3s"), Some((3_603_000_000_000, false)));
        assert_eq!(read("891.933µs"), Some((891_933, false)));
        assert_eq!(read("204.563ms"), Some((204_563_000, false)));
        assert_eq!(read("1.0s"), Some((1_000_000_000, true)));
        assert_eq!(read("2O4.563ms"), None);
        assert_eq!(read("fast"), None);
    }
}
