//! Every single report as a mark: strips under each other on one axis, with what was expected as a bar behind.

use crate::frame::{Key, Sign, legend};
use crate::label;
use crate::range::Range;
use crate::scale::{Axis, Scale, placeable, written};
use crate::svg::{Anchor, Caption, Shape, Size, Svg};

/// One report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot<'a> {
    /// Where it stands.
    pub value: f64,
    /// Which of the chart's kinds it is of: colour and shape.
    pub kind: usize,
    /// Shown when a pointer rests on it; empty for none.
    pub tip: &'a str,
}

/// A stretch of an axis, such as of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch<'a> {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Which of the chart's kinds it is of: each is drawn in its own colour, the first one half as high as the others.
    pub kind: usize,
    /// Shown when a pointer rests on it; empty for none.
    pub tip: &'a str,
}

/// One strip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strip<'a> {
    /// What was reported on.
    pub name: &'a str,
    /// A few words at the right end, such as the median.
    pub says: &'a str,
    /// The reports, in any order.
    pub dots: &'a [Dot<'a>],
    /// Stretches, one after another.
    pub stretches: &'a [Stretch<'a>],
    /// A bar behind the marks, such as the estimate's range.
    pub bar: Option<Range>,
    /// A stroke across the strip, such as the median.
    pub stroke: Option<f64>,
}

/// The chart of [`strips`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StripChart<'a> {
    /// Title and text alternative.
    pub caption: Caption<'a>,
    /// Width in user units; the chart is as high as its strips need.
    pub width: f64,
    /// The axis that all strips share.
    pub axis: Axis<'a>,
    /// Names of the kinds of mark, for the legend; one alone needs none.
    pub kinds: &'a [&'a str],
    /// The strips, from top to bottom.
    pub rows: &'a [Strip<'a>],
}

/// Height of a strip with its name above it.
const ROW: f64 = 38.0;
/// From the top of a row to the middle of its marks.
const MIDDLE: f64 = 24.0;
/// Room for tick words and the axis' own below the last strip.
const FOOT: f64 = 36.0;
const EDGE: f64 = 8.0;
/// Heights of the first kind of stretch and of the others.
const HIGH: [f64; 2] = [6.0, 14.0];

/// A strip for each row, one mark for each report.
pub fn strips(chart: &StripChart<'_>) -> String {
    let keys: Vec<Key<'_>> = chart
        .kinds
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let stretched = chart.rows.iter().any(|row| !row.stretches.is_empty());
            let sign = if stretched { Sign::Block(HIGH[i.min(1)]) } else { Sign::Mark(Shape::nth(i)) };
            Key { class: format!("c{}", i % 6), sign, name }
        })
        .collect();
    let keys = if keys.len() > 1 { &keys[..] } else { &[] };
    let spread = chart.axis.spread;
    let bars = chart.rows.iter().filter_map(|row| row.bar).filter(|bar| bar.placeable(spread));
    let values = chart.rows.iter().flat_map(|row| row.dots).map(|dot| dot.value);
    let stretches = chart.rows.iter().flat_map(|row| row.stretches).flat_map(|part| [part.from, part.to]);
    let values = values.chain(bars.flat_map(|bar| [bar.low, bar.high])).chain(stretches);
    // Rows may be many; what is drawn is bounded by the caller, who knows how many a page can hold.
    let head = if keys.is_empty() { 2.0 } else { 26.0 };
    let wanted = Size { width: chart.width, height: head + ROW * chart.rows.len() as f64 + FOOT };
    let size = wanted.drawable(Size { width: 240.0, height: 90.0 });
    let most = ((size.width / 62.0) as usize).clamp(3, 12);
    let mut svg = Svg::open("strips", size, &chart.caption);
    let Some(scale) = Scale::around(spread, values, most) else {
        svg.text("unit", Anchor::Middle, (size.width / 2.0, size.height / 2.0), chart.caption.empty);
        return svg.finish();
    };
    let scale = scale.between(EDGE, size.width - EDGE);
    let top = legend(&mut svg, keys, size.width);
    let bottom = size.height - FOOT;
    ticks(&mut svg, &scale, chart.axis, (top, bottom), most, size);
    for (i, row) in chart.rows.iter().enumerate() {
        draw(&mut svg, row, &scale, top + ROW * i as f64, size.width, spread);
    }
    svg.finish()
}

fn ticks(svg: &mut Svg, scale: &Scale, axis: Axis<'_>, (top, bottom): (f64, f64), most: usize, size: Size) {
    svg.line("base", (EDGE, bottom), (size.width - EDGE, bottom));
    let mut free_from = f64::NEG_INFINITY;
    for tick in scale.ticks(most) {
        let at = scale.at(tick);
        svg.line("grid", (at, top), (at, bottom));
        let words = written(tick, axis.format);
        let half = label::width(&words) / 2.0;
        if at - half > free_from {
            let middle = at.clamp(half, size.width - half);
            svg.text("tick", Anchor::Middle, (middle, bottom + 15.0), &words);
            free_from = middle + half + 4.0;
        }
    }
    svg.text("unit", Anchor::End, (size.width - EDGE, size.height - 4.0), axis.label);
}

fn draw(svg: &mut Svg, row: &Strip<'_>, scale: &Scale, top: f64, width: f64, spread: crate::scale::Spread) {
    let middle = top + MIDDLE;
    let says = label::width(row.says);
    let name = clipped(row.name, width - 2.0 * EDGE - says - 10.0);
    svg.text("name", Anchor::Start, (EDGE, top + 11.0), &name);
    svg.text("tick", Anchor::End, (width - EDGE, top + 11.0), row.says);
    if let Some(bar) = row.bar.filter(|bar| bar.placeable(spread)) {
        let (low, high) = (scale.at(bar.low), scale.at(bar.high));
        svg.rect("span c5", (low - 1.0, middle - 6.0), (high - low + 2.0, 12.0), "");
    }
    let placed = |part: &&Stretch<'_>| [part.from, part.to].iter().all(|at| placeable(*at, spread).is_some());
    for part in row.stretches.iter().filter(placed) {
        let (from, to) = (scale.at(part.from), scale.at(part.to));
        let high = HIGH[part.kind.min(1)];
        let class = format!("block c{}", part.kind % 6);
        // A hair of air between one and the next.
        svg.rect(&class, (from + 0.4, middle - high / 2.0), (to - from - 0.8, high), part.tip);
    }
    for dot in row.dots.iter().filter(|dot| placeable(dot.value, spread).is_some()) {
        let class = format!("thin c{}", dot.kind % 6);
        svg.mark(&class, Shape::nth(dot.kind), (scale.at(dot.value), middle), 4.0, dot.tip);
    }
    if let Some(at) = row.stroke.filter(|at| placeable(*at, spread).is_some()) {
        let x = scale.at(at);
        svg.line("edge", (x, middle - 8.0), (x, middle + 8.0));
    }
}

/// A name that fits into this width, with an ellipsis where something is gone.
fn clipped(name: &str, width: f64) -> String {
    if label::width(name) <= width {
        return name.to_owned();
    }
    let mut kept: String = name.to_owned();
    while kept.pop().is_some() && label::width(&kept) + 8.0 > width {}
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Format, Spread};

    const CAPTION: Caption<'_> = Caption { id: "s", title: "t", description: "d", empty: "nothing" };

    fn chart<'a>(rows: &'a [Strip<'a>]) -> StripChart<'a> {
        let axis = Axis { label: "tok/s", spread: Spread::Log10, format: Format::Number };
        StripChart { caption: CAPTION, width: 410.0, axis, kinds: &["signed", "pasted"], rows }
    }

    #[test]
    fn each_report_is_one_mark_and_a_value_without_a_place_is_none() {
        let dots = [10.0, 12.0, f64::NAN, 0.0].map(|value| Dot { value, kind: 0, tip: "r" });
        let bar = Some(Range { low: 9.0, mid: 11.0, high: 14.0 });
        let row =
            Strip { name: "8B", says: "median 11", dots: &dots, stretches: &[], bar, stroke: Some(11.0) };
        let svg = strips(&chart(&[row]));
        assert_eq!(svg.matches("<circle class=\"thin").count(), 2, "{svg}");
        assert_eq!(svg.matches("class=\"edge\"").count(), 1, "{svg}");
        assert!(svg.contains("class=\"span c5\"") && svg.contains(">pasted<"), "{svg}");
    }

    #[test]
    fn stretches_follow_each_other_and_their_kinds_are_named() {
        let part = |from: f64, to: f64, kind| Stretch { from, to, kind, tip: "t" };
        let stretches = [part(1.0, 2.0, 0), part(2.0, 9.0, 1), part(9.0, f64::NAN, 0)];
        let row = Strip { name: "8B", says: "", dots: &[], stretches: &stretches, bar: None, stroke: None };
        let svg = strips(&chart(&[row]));
        assert_eq!(svg.matches("<rect class=\"block c0\"").count(), 2, "one, and one in the legend: {svg}");
        assert_eq!(svg.matches("<rect class=\"block c1\"").count(), 2, "{svg}");
    }

    #[test]
    fn without_a_report_the_chart_says_so() {
        assert!(strips(&chart(&[])).contains(">nothing<"));
    }

    #[test]
    fn a_long_name_leaves_room_for_what_stands_beside_it() {
        let name = "Qwen3-Coder-480B-A35B-Instruct on 8 × NVIDIA GeForce RTX 5090, Q4_K_M, llama.cpp";
        let short = clipped(name, 200.0);
        assert!(short.ends_with('…') && label::width(&short) <= 210.0, "{short}");
        assert_eq!(clipped("8B", 200.0), "8B");
    }
}
