//! The pen: SVG text from numbers and words, with every word escaped and every number finite.

use core::fmt::{self, Write};

/// What a chart is called and says to those who do not see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caption<'a> {
    /// Unique in the document: the ids of `<title>` and `<desc>` are made from it.
    pub id: &'a str,
    /// The name of the chart, in a few words.
    pub title: &'a str,
    /// What the chart shows, in one or two sentences.
    pub description: &'a str,
    /// What is written in the plot where there is nothing to draw.
    pub empty: &'a str,
}

/// Width and height in user units: CSS pixels where the chart is shown at its own size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Pixels from left to right.
    pub width: f64,
    /// Pixels from top to bottom.
    pub height: f64,
}

impl Size {
    /// Room for a chart with axes in a column of text.
    pub const PLOT: Size = Size { width: 640.0, height: 400.0 };

    /// The same size, forced into what can be drawn: finite and at least one axis wide.
    pub(crate) fn drawable(self, smallest: Size) -> Size {
        let fix = |value: f64, least: f64| if value.is_finite() { value.clamp(least, 1e4) } else { least };
        Size { width: fix(self.width, smallest.width), height: fix(self.height, smallest.height) }
    }
}

/// Which end of a text its position means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One SVG document under the pen.
pub(crate) struct Svg {
    out: String,
}

impl Svg {
    /// A picture that speaks: `role="img"`, named by `<title>`, told by `<desc>`.
    pub(crate) fn open(class: &str, size: Size, caption: &Caption<'_>) -> Self {
        let id = Id(caption.id);
        let mut svg = Svg { out: String::with_capacity(4096) };
        svg.put(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart {class}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{desc}</desc>"#,
            w = Num(size.width),
            h = Num(size.height),
            title = Escaped(caption.title),
            desc = Escaped(caption.description),
        ));
        svg
    }

    /// A small picture in a line of text: named by `alt`, or hidden from readers when the text beside it says the same.
    pub(crate) fn inline(class: &str, size: Size, alt: Option<&str>) -> Self {
        let mut svg = Svg { out: String::with_capacity(512) };
        svg.put(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart {class}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" "#,
            w = Num(size.width),
            h = Num(size.height),
        ));
        match alt {
            Some(alt) => svg.put(format_args!(r#"role="img"><title>{}</title>"#, Escaped(alt))),
            None => svg.put(format_args!(r#"aria-hidden="true">"#)),
        }
        svg
    }

    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.put(format_args!(
            r#"<line class="{class}" x1="{}" y1="{}" x2="{}" y2="{}"/>"#,
            Num(from.0),
            Num(from.1),
            Num(to.0),
            Num(to.1)
        ));
    }

    pub(crate) fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), tip: &str) {
        self.put(format_args!(
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}""#,
            Num(corner.0),
            Num(corner.1),
            Num(size.0.max(0.0)),
            Num(size.1.max(0.0))
        ));
        self.close_with_tip("rect", tip);
    }

    pub(crate) fn text(&mut self, class: &str, anchor: Anchor, at: (f64, f64), words: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " mid",
            Anchor::End => " end",
        };
        self.put(format_args!(
            r#"<text class="{class}{anchor}" x="{}" y="{}">{}</text>"#,
            Num(at.0),
            Num(at.1),
            Escaped(words)
        ));
    }

    /// A path through points; `closed` joins the last to the first.
    pub(crate) fn path(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>, closed: bool) {
        self.put(format_args!(r#"<path class="{class}" d=""#));
        for (i, (x, y)) in points.into_iter().enumerate() {
            self.put(format_args!("{}{} {}", if i == 0 { 'M' } else { 'L' }, Num(x), Num(y)));
        }
        self.out.push_str(if closed { "Z\"/>" } else { "\"/>" });
    }

    /// A mark of this shape, `radius` from its middle to its edge.
    pub(crate) fn mark(&mut self, class: &str, shape: Shape, at: (f64, f64), radius: f64, tip: &str) {
        let (x, y) = at;
        let r = radius;
        match shape {
            Shape::Circle => {
                self.put(format_args!(
                    r#"<circle class="{class}" cx="{}" cy="{}" r="{}""#,
                    Num(x),
                    Num(y),
                    Num(r)
                ));
                return self.close_with_tip("circle", tip);
            }
            Shape::Square => {
                self.put(format_args!(
                    r#"<path class="{class}" d="M{} {}h{s}v{s}h-{s}Z""#,
                    Num(x - 0.9 * r),
                    Num(y - 0.9 * r),
                    s = Num(1.8 * r)
                ));
            }
            Shape::Triangle => {
                self.put(format_args!(
                    r#"<path class="{class}" d="M{} {}l{} {h}h-{}Z""#,
                    Num(x),
                    Num(y - 1.15 * r),
                    Num(1.1 * r),
                    Num(2.2 * r),
                    h = Num(2.0 * r)
                ));
            }
            Shape::Diamond => {
                self.put(format_args!(
                    r#"<path class="{class}" d="M{} {}l{d} {d}l-{d} {d}l-{d} -{d}Z""#,
                    Num(x),
                    Num(y - 1.25 * r),
                    d = Num(1.25 * r)
                ));
            }
            Shape::Cross => {
                self.put(format_args!(
                    r#"<path class="{class} open" d="M{} {}l{s} {s}m0 -{s}l-{s} {s}""#,
                    Num(x - 0.85 * r),
                    Num(y - 0.85 * r),
                    s = Num(1.7 * r)
                ));
            }
            Shape::Plus => {
                self.put(format_args!(
                    r#"<path class="{class} open" d="M{} {}h{s}M{} {}v{s}""#,
                    Num(x - 1.1 * r),
                    Num(y),
                    Num(x),
                    Num(y - 1.1 * r),
                    s = Num(2.2 * r)
                ));
            }
        }
        self.close_with_tip("path", tip);
    }

    pub(crate) fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }

    /// A `<title>` inside an element is what browsers show under a resting pointer.
    fn close_with_tip(&mut self, element: &str, tip: &str) {
        if tip.is_empty() {
            self.out.push_str("/>");
        } else {
            self.put(format_args!("><title>{}</title></{element}>", Escaped(tip)));
        }
    }

    fn put(&mut self, args: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(args);
    }
}

/// Shapes tell groups apart where colours do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    Plus,
}

impl Shape {
    /// The shape of the n-th group.
    pub(crate) fn nth(n: usize) -> Shape {
        const ORDER: [Shape; 6] =
            [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::Cross, Shape::Plus];
        ORDER[n % ORDER.len()]
    }
}

/// A coordinate: one decimal, no needless zero, never `NaN`, `inf` or `-0`.
pub(crate) struct Num(pub(crate) f64);

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if !tenths.is_finite() || tenths == 0.0 {
            return f.write_str("0");
        }
        if tenths % 10.0 == 0.0 {
            write!(f, "{:.0}", tenths / 10.0)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}

/// Text as it may stand between tags and between quotes, in HTML and in XML.
///
/// Characters that XML forbids, and those that turn the reading direction around, are left out: a name may not
/// reorder the words beside it.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {}
                '\u{FFFE}' | '\u{FFFF}' => {}
                c if c.is_control() => {}
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// An id that needs no quoting anywhere: letters, digits, hyphens.
struct Id<'a>(&'a str);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("c-")?;
        self.0.chars().try_for_each(|c| f.write_char(if c.is_ascii_alphanumeric() { c } else { '-' }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_finite() {
        #[rustfmt::skip]
        let vectors = [
            (1.0, "1"), (1.25, "1.3"), (-0.04, "0"), (-2.5, "-2.5"), (100.04, "100"),
            (f64::NAN, "0"), (f64::INFINITY, "0"), (f64::NEG_INFINITY, "0"),
        ];
        for (number, want) in vectors {
            assert_eq!(Num(number).to_string(), want);
        }
    }

    #[test]
    fn markup_in_a_name_stays_a_name() {
        assert_eq!(
            Escaped("<script>\"a\" & 'b'\u{0}\u{202E}\n").to_string(),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39; "
        );
    }

    #[test]
    fn ids_hold_letters_digits_and_hyphens_only() {
        assert_eq!(Id("a b\"><x").to_string(), "c-a-b---x");
    }

    #[test]
    fn a_size_that_cannot_be_drawn_becomes_the_smallest() {
        let least = Size { width: 10.0, height: 20.0 };
        let odd = Size { width: f64::NAN, height: -3.0 };
        assert_eq!(odd.drawable(least), least);
    }
}
