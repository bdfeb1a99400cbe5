//! Where a name can stand without covering another name or a mark.

use crate::svg::Anchor;

/// Height of a line of chart text in user units; the style sheet sets the font to match.
pub(crate) const LINE: f64 = 14.0;
/// From the top of a line to its baseline.
const ASCENT: f64 = 11.0;

/// Width of a text at the chart's font size, on the generous side: no font is at hand to measure with.
pub(crate) fn width(words: &str) -> f64 {
    words
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | 'I' | 't' | 'f' | 'r' | ' ' | '('
            | ')' => 4.2,
            'm' | 'w' | 'M' | 'W' | '@' | '%' => 10.6,
            c if c.is_ascii_uppercase() => 8.4,
            c if c.is_ascii() => 7.0,
            // Beyond Latin, Greek and Cyrillic a character may be as wide as it is high.
            c if (c as u32) < 0x1100 => 7.6,
            _ => 12.6,
        })
        .sum()
}

/// A box on paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Area {
    /// The box of this half-width and half-height around a point.
    pub(crate) fn around(at: (f64, f64), half_width: f64, half_height: f64) -> Area {
        Area {
            left: at.0 - half_width,
            top: at.1 - half_height,
            right: at.0 + half_width,
            bottom: at.1 + half_height,
        }
    }

    fn meets(&self, other: &Area) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn holds(&self, other: &Area) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }
}

/// A name that found its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) anchor: Anchor,
    /// The end of the baseline that `anchor` names.
    pub(crate) at: (f64, f64),
    area: Area,
}

/// The paper that is still free.
pub(crate) struct Free {
    paper: Area,
    taken: Vec<Area>,
}

impl Free {
    pub(crate) fn on(paper: Area) -> Free {
        Free { paper, taken: Vec::new() }
    }

    /// Keeps names off this box.
    pub(crate) fn take(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// A place for `words` beside a mark that reaches `gap` from its middle: right, left, above, below, then the
    /// corners. `None` where each of them is taken; the caller leaves the name to the tip.
    pub(crate) fn place(&mut self, words: &str, mark: (f64, f64), gap: f64) -> Option<Placed> {
        let (x, y) = mark;
        let (w, half) = (width(words), LINE / 2.0);
        let up = y - gap - half;
        let down = y + gap + half;
        #[rustfmt::skip]
        let places = [
            (Anchor::Start,  x + gap, y),
            (Anchor::End,    x - gap, y),
            (Anchor::Middle, x,       up),
            (Anchor::Middle, x,       down),
            (Anchor::Start,  x + gap, up),
            (Anchor::End,    x - gap, up),
            (Anchor::Start,  x + gap, down),
            (Anchor::End,    x - gap, down),
        ];
        let placed = places.into_iter().map(|(anchor, x, middle)| {
            let left = match anchor {
                Anchor::Start => x,
                Anchor::Middle => x - w / 2.0,
                Anchor::End => x - w,
            };
            let area = Area { left, top: middle - half, right: left + w, bottom: middle + half };
            Placed { anchor, at: (x, middle - half + ASCENT), area }
        });
        let found = placed
            .into_iter()
            .find(|p| self.paper.holds(&p.area) && !self.taken.iter().any(|taken| taken.meets(&p.area)))?;
        self.taken.push(found.area);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAPER: Area = Area { left: 0.0, top: 0.0, right: 300.0, bottom: 200.0 };

    #[test]
    fn a_name_stands_right_of_its_mark_until_something_is_there() {
        let mut free = Free::on(PAPER);
        assert_eq!(free.place("one", (100.0, 100.0), 8.0).unwrap().anchor, Anchor::Start);
        assert_eq!(free.place("two", (100.0, 100.0), 8.0).unwrap().anchor, Anchor::End);
        assert_eq!(free.place("three", (100.0, 100.0), 8.0).unwrap().anchor, Anchor::Middle);
    }

    #[test]
    fn a_name_that_fits_nowhere_is_left_out() {
        let mut free = Free::on(PAPER);
        assert_eq!(free.place(&"w".repeat(100), (150.0, 100.0), 6.0), None);
    }

    proptest! {
        #[test]
        fn names_never_cover_each_other_nor_leave_the_paper(
            names in prop::collection::vec(("[a-zA-Z0-9 .-]{1,20}", 0.0..300.0f64, 0.0..200.0f64), 1..40),
        ) {
            let mut free = Free::on(PAPER);
            let placed: Vec<Placed> =
                names.iter().filter_map(|(words, x, y)| free.place(words, (*x, *y), 5.0)).collect();
            for (i, one) in placed.iter().enumerate() {
                prop_assert!(PAPER.holds(&one.area));
                prop_assert!(placed[..i].iter().all(|other| !other.area.meets(&one.area)));
            }
        }
    }
}
