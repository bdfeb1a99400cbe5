//! What all charts with two axes share: margins, grid, tick words, legend.

use crate::label::{self, Area, Free, LINE};
use crate::scale::{Axis, Scale, written};
use crate::svg::{Anchor, Caption, Shape, Size, Svg};

/// One entry of a legend: how the group is drawn, and its name.
pub(crate) struct Key<'a> {
    pub(crate) class: String,
    pub(crate) sign: Sign,
    pub(crate) name: &'a str,
}

impl<'a> Key<'a> {
    /// Entries of groups that differ in colour and shape, by their names.
    pub(crate) fn of_groups(names: impl Iterator<Item = &'a str>) -> Vec<Key<'a>> {
        let key = |(i, name)| Key { class: format!("c{}", i % 6), sign: Sign::Mark(Shape::nth(i)), name };
        names.enumerate().map(key).collect()
    }
}

/// How a legend shows a group.
pub(crate) enum Sign {
    Mark(Shape),
    Line,
    /// A block of this height.
    Block(f64),
}

/// Less than this and the axes would leave no room to draw in.
const SMALLEST: Size = Size { width: 240.0, height: 180.0 };
const RIGHT: f64 = 14.0;
const TICK_GAP: f64 = 7.0;

/// A chart with its axes drawn, ready for marks.
pub(crate) struct Frame {
    pub(crate) svg: Svg,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) plot: Area,
    /// Names that are written last, on top of all marks.
    late: Vec<((f64, f64), String)>,
}

/// All that a frame is made from.
pub(crate) struct Plan<'a> {
    pub(crate) class: &'a str,
    pub(crate) size: Size,
    pub(crate) caption: &'a Caption<'a>,
    pub(crate) x: (Axis<'a>, Option<Scale>),
    pub(crate) y: (Axis<'a>, Option<Scale>),
    pub(crate) keys: &'a [Key<'a>],
    /// Height kept free between the lowest value and the x axis, for marks without a value.
    pub(crate) shelf: f64,
    /// Words below places of the x axis, two lines each, instead of its values.
    pub(crate) words: Option<&'a [(f64, [&'a str; 2])]>,
}

/// Tick counts that leave air at this size.
pub(crate) fn most_ticks(size: Size) -> (usize, usize) {
    let size = size.drawable(SMALLEST);
    (((size.width / 62.0) as usize).clamp(3, 14), ((size.height / 48.0) as usize).clamp(3, 12))
}

impl Plan<'_> {
    /// The whole chart: its axes with `marks` between them, or words where there is nothing to draw.
    pub(crate) fn draw(self, marks: impl FnOnce(&mut Frame)) -> String {
        match self.axes() {
            Ok(mut frame) => {
                marks(&mut frame);
                frame.finish()
            }
            Err(empty) => empty,
        }
    }

    /// Draws the axes, or the finished chart that says there is nothing to draw.
    fn axes(self) -> Result<Frame, String> {
        let size = self.size.drawable(SMALLEST);
        let (x_most, y_most) = most_ticks(size);
        let mut svg = Svg::open(self.class, size, self.caption);
        let (Some(x), Some(y)) = (self.x.1, self.y.1) else {
            svg.text("unit", Anchor::Middle, (size.width / 2.0, size.height / 2.0), self.caption.empty);
            return Err(svg.finish());
        };

        let legend_bottom = legend(&mut svg, self.keys, size.width);
        let y_ticks: Vec<(f64, String)> =
            y.ticks(y_most).into_iter().map(|v| (v, written(v, self.y.0.format))).collect();
        let widest = y_ticks.iter().map(|(_, words)| label::width(words)).fold(0.0, f64::max);
        let plot = Area {
            left: (widest + TICK_GAP + 2.0).min(size.width / 3.0),
            top: legend_bottom + LINE + 8.0,
            right: size.width - RIGHT,
            bottom: size.height - 2.0 * LINE - 8.0 - if self.words.is_some() { LINE } else { 0.0 },
        };
        let x = x.between(plot.left, plot.right);
        let y = y.between(plot.bottom - self.shelf, plot.top);

        svg.text("unit", Anchor::Start, (0.0, legend_bottom + 11.0), self.y.0.label);
        for (value, words) in &y_ticks {
            let at = y.at(*value);
            svg.line("grid", (plot.left, at), (plot.right, at));
            svg.text("tick", Anchor::End, (plot.left - TICK_GAP, at + 4.0), words);
        }
        self.x_ticks(&mut svg, &x, x_most, plot);
        svg.text("unit", Anchor::End, (plot.right, size.height - 3.0), self.x.0.label);
        Ok(Frame { svg, x, y, plot, late: Vec::new() })
    }

    fn x_ticks(&self, svg: &mut Svg, x: &Scale, most: usize, plot: Area) {
        svg.line("base", (plot.left, plot.bottom), (plot.right, plot.bottom));
        let mut free_from = f64::NEG_INFINITY;
        if let Some(words) = self.words {
            for (value, lines) in words {
                let at = x.at(*value);
                svg.line("base", (at, plot.bottom), (at, plot.bottom + 4.0));
                let half = lines.iter().map(|line| label::width(line)).fold(0.0, f64::max) / 2.0;
                if at - half > free_from {
                    let middle = at.min(plot.right + RIGHT - half);
                    for (line, below) in lines.iter().zip([LINE + 3.0, 2.0 * LINE + 3.0]) {
                        svg.text("tick", Anchor::Middle, (middle, plot.bottom + below), line);
                    }
                    free_from = at + half + 4.0;
                }
            }
            return;
        }
        for value in x.ticks(most) {
            let at = x.at(value);
            svg.line("base", (at, plot.bottom), (at, plot.bottom + 4.0));
            let words = written(value, self.x.0.format);
            let half = label::width(&words) / 2.0;
            // A word that would touch its neighbour is left to its tick.
            if at - half > free_from {
                let middle = at.min(plot.right + RIGHT - half);
                svg.text("tick", Anchor::Middle, (middle, plot.bottom + LINE + 3.0), &words);
                free_from = at + half + 4.0;
            }
        }
    }
}

impl Frame {
    /// The plot as paper for names.
    pub(crate) fn free(&self) -> Free {
        Free::on(Area { right: self.plot.right + RIGHT, ..self.plot })
    }

    /// A dashed line across the plot at this height, named at its left end.
    pub(crate) fn level(&mut self, value: f64, name: &str, free: &mut Free) {
        let (low, high) = self.y.ends();
        if !(low..=high).contains(&value) {
            return;
        }
        let at = self.y.at(value);
        self.svg.line("rule", (self.plot.left, at), (self.plot.right, at));
        let baseline = at - 5.0;
        free.take(Area {
            left: self.plot.left,
            top: baseline - 11.0,
            right: self.plot.left + 6.0 + label::width(name),
            bottom: at + 2.0,
        });
        self.late.push(((self.plot.left + 6.0, baseline), name.to_owned()));
    }

    /// The chart as text.
    fn finish(mut self) -> String {
        for (at, name) in std::mem::take(&mut self.late) {
            self.named(Anchor::Start, at, &name);
        }
        self.svg.finish()
    }

    /// A dashed line down the plot at this value, named at its top, on the side with more room.
    pub(crate) fn limit(&mut self, value: f64, name: &str) {
        let (low, high) = self.x.ends();
        if !(low..=high).contains(&value) {
            return;
        }
        let at = self.x.at(value);
        self.svg.line("rule", (at, self.plot.top), (at, self.plot.bottom));
        let (anchor, x) = if at - self.plot.left > self.plot.right - at {
            (Anchor::End, at - 5.0)
        } else {
            (Anchor::Start, at + 5.0)
        };
        self.named(anchor, (x, self.plot.top + 11.0), name);
    }

    /// A name with a halo of paper, so that it can be read across lines.
    pub(crate) fn named(&mut self, anchor: Anchor, at: (f64, f64), words: &str) {
        self.svg.text("halo", anchor, at, words);
        self.svg.text("name", anchor, at, words);
    }
}

/// Writes the legend in as many rows as it needs; returns where it ends.
pub(crate) fn legend(svg: &mut Svg, keys: &[Key<'_>], width: f64) -> f64 {
    const SIGN: f64 = 16.0;
    const GAP: f64 = 16.0;
    const ROW: f64 = 20.0;
    let (mut x, mut middle) = (0.0, 9.0);
    for key in keys {
        let needs = SIGN + label::width(key.name);
        if x > 0.0 && x + needs > width {
            (x, middle) = (0.0, middle + ROW);
        }
        match key.sign {
            Sign::Mark(shape) => svg.mark(&format!("dot {}", key.class), shape, (x + 6.0, middle), 4.5, ""),
            Sign::Line => svg.line(&format!("curve {}", key.class), (x, middle), (x + 12.0, middle)),
            Sign::Block(high) => {
                svg.rect(&format!("block {}", key.class), (x, middle - high / 2.0), (12.0, high), "");
            }
        }
        svg.text("name", Anchor::Start, (x + SIGN, middle + 4.0), key.name);
        x += needs + GAP;
    }
    if keys.is_empty() { 0.0 } else { middle + ROW / 2.0 + 3.0 }
}
