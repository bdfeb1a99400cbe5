//! Curves with their bands: speed against context, depth, streams, or date.

use crate::frame::{Frame, Key, Plan, Sign, most_ticks};
use crate::range::Range;
use crate::scale::{Axis, Format, Scale, Spread, placeable};
use crate::svg::{Caption, Shape, Size};

/// A value at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Place on the x axis.
    pub x: f64,
    /// Value there, with its range.
    pub y: Range,
}

/// One curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its points, ascending in x. A gap in the curve is a point whose value is not finite.
    pub points: &'a [Point],
    /// Whether each point is a measurement and carries a mark.
    pub measured: bool,
}

/// A chart of curves over one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineChart<'a> {
    /// Title and text alternative.
    pub caption: Caption<'a>,
    /// Size of the whole chart.
    pub size: Size,
    /// The axis from left to right.
    pub x: Axis<'a>,
    /// The axis from bottom to top.
    pub y: Axis<'a>,
    /// The curves, each in its own colour, dash and mark.
    pub series: &'a [Series<'a>],
    /// A dashed line at this value of y, with its name.
    pub level: Option<(f64, &'a str)>,
    /// A dashed line at this value of x, with its name.
    pub limit: Option<(f64, &'a str)>,
}

/// Curves with bands from low to high.
///
/// A single curve needs no legend; several are told apart by colour, dash and, where measured, by mark.
pub fn line(chart: &LineChart<'_>) -> String {
    let (x_most, y_most) = most_ticks(chart.size);
    let points = || chart.series.iter().flat_map(|s| s.points).filter(|p| drawable(p, chart));
    let xs = points().map(|p| p.x).chain(chart.limit.map(|(x, _)| x));
    let ys = points().flat_map(|p| [p.y.low, p.y.high]);
    let keys: Vec<Key<'_>> = if chart.series.len() < 2 {
        Vec::new()
    } else {
        chart.series.iter().enumerate().map(|(i, series)| key(i, series)).collect()
    };
    let any = points().next().is_some();
    let plan = Plan {
        class: "lines",
        size: chart.size,
        caption: &chart.caption,
        x: (chart.x, Scale::around(chart.x.spread, xs, x_most).filter(|_| any)),
        y: (chart.y, Scale::around(chart.y.spread, ys, y_most)),
        keys: &keys,
        shelf: 0.0,
        words: None,
    };
    plan.draw(|frame| {
        let mut free = frame.free();
        if let Some((value, name)) = chart.level {
            frame.level(value, name, &mut free);
        }
        for (i, series) in chart.series.iter().enumerate() {
            for stretch in series.points.split(|p| !drawable(p, chart)).filter(|stretch| !stretch.is_empty())
            {
                draw_stretch(frame, i, series, stretch);
            }
        }
        if let Some((value, name)) = chart.limit {
            frame.limit(value, name);
        }
    })
}

/// Speed against context length: tokens on a logarithmic axis, speed from zero.
///
/// `limit` is the longest context that fits, with its name.
pub fn speed_over_context(
    caption: Caption<'_>,
    size: Size,
    labels: (&str, &str),
    series: &[Series<'_>],
    limit: Option<(f64, &str)>,
) -> String {
    line(&LineChart {
        caption,
        size,
        x: Axis { label: labels.0, spread: Spread::Log2, format: Format::Tokens },
        y: Axis { label: labels.1, spread: Spread::Linear, format: Format::Number },
        series,
        level: None,
        limit,
    })
}

fn drawable(point: &Point, chart: &LineChart<'_>) -> bool {
    placeable(point.x, chart.x.spread).is_some() && point.y.placeable(chart.y.spread)
}

fn key<'a>(i: usize, series: &Series<'a>) -> Key<'a> {
    let sign = if series.measured { Sign::Mark(Shape::nth(i)) } else { Sign::Line };
    Key { class: colour(i), sign, name: series.name }
}

fn colour(i: usize) -> String {
    // After six colours the dash changes, and they come round again.
    match i % 4 {
        0 => format!("c{}", i % 6),
        dash => format!("c{} dash{dash}", i % 6),
    }
}

fn draw_stretch(frame: &mut Frame, i: usize, series: &Series<'_>, stretch: &[Point]) {
    let spot = |frame: &Frame, x: f64, y: f64| (frame.x.at(x), frame.y.at(y));
    if stretch.iter().any(|p| p.y.low < p.y.high) {
        let there = stretch.iter().map(|p| spot(frame, p.x, p.y.high));
        let and_back = stretch.iter().rev().map(|p| spot(frame, p.x, p.y.low));
        let outline: Vec<_> = there.chain(and_back).collect();
        frame.svg.path(&format!("band c{}", i % 6), outline, true);
    }
    let middle: Vec<_> = stretch.iter().map(|p| spot(frame, p.x, p.y.mid)).collect();
    frame.svg.path(&format!("curve {}", colour(i)), middle.iter().copied(), false);
    // A stretch of one point has no length and shows only by its mark.
    if series.measured || stretch.len() == 1 {
        for at in middle {
            frame.svg.mark(&format!("dot c{}", i % 6), Shape::nth(i), at, 4.0, "");
        }
    }
}
