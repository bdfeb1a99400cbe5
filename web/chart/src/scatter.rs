//! Predicted against measured: the picture of a fit.

use crate::frame::{Key, Plan, most_ticks};
use crate::scale::{Axis, Format, Scale, Spread, placeable};
use crate::svg::{Caption, Shape, Size};

/// One pair in a [`Group`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair<'a> {
    /// From left to right: what was predicted.
    pub predicted: f64,
    /// From bottom to top: what was measured, in the same unit.
    pub measured: f64,
    /// Shown when a pointer rests on the mark; empty for none.
    pub tip: &'a str,
}

/// Pairs that share a colour and a shape, such as one class of devices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its pairs, in any order.
    pub pairs: &'a [Pair<'a>],
}

/// The chart of [`scatter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScatterChart<'a> {
    /// Title and text alternative.
    pub caption: Caption<'a>,
    /// Size of the whole chart.
    pub size: Size,
    /// Words of the x axis.
    pub predicted_label: &'a str,
    /// Words of the y axis.
    pub measured_label: &'a str,
    /// The groups, each in its own colour and shape.
    pub groups: &'a [Group<'a>],
    /// Shades everything within this factor of agreement: 1.25 shades from ×0.8 to ×1.25. `None` for no shade.
    pub within_factor: Option<f64>,
}

/// Predicted against measured on two logarithmic axes with the same ends, with the line where both agree.
///
/// Pairs that are not both greater than zero have no place here and are left out.
pub fn scatter(chart: &ScatterChart<'_>) -> String {
    let (x_most, y_most) = most_ticks(chart.size);
    let values = || {
        chart
            .groups
            .iter()
            .flat_map(|g| g.pairs)
            .filter(|p| drawable(p))
            .flat_map(|p| [p.predicted, p.measured])
    };
    let keys = Key::of_groups(chart.groups.iter().map(|group| group.name));
    let axis = |label| Axis { label, spread: Spread::Log10, format: Format::Number };
    let plan = Plan {
        class: "scatter",
        size: chart.size,
        caption: &chart.caption,
        x: (axis(chart.predicted_label), Scale::around(Spread::Log10, values(), x_most)),
        y: (axis(chart.measured_label), Scale::around(Spread::Log10, values(), y_most)),
        keys: &keys,
        shelf: 0.0,
        words: None,
    };
    plan.draw(|frame| {
        let (low, high) = frame.x.ends();
        if let Some(factor) = chart.within_factor.filter(|f| f.is_finite() && *f > 1.0 && low * f < high) {
            let (x, y) = (frame.x, frame.y);
            // The corners of the strip where low ≤ x, y ≤ high and x / factor ≤ y ≤ x · factor.
            let corners = [
                (low, low),
                (low, low * factor),
                (high / factor, high),
                (high, high),
                (high, high / factor),
                (low * factor, low),
            ];
            frame.svg.path("shade", corners.map(|(a, b)| (x.at(a), y.at(b))), true);
        }
        let (from, to) = ((frame.x.at(low), frame.y.at(low)), (frame.x.at(high), frame.y.at(high)));
        frame.svg.line("rule", from, to);
        for (i, group) in chart.groups.iter().enumerate() {
            let class = format!("thin c{}", i % 6);
            for pair in group.pairs.iter().filter(|p| drawable(p)) {
                let at = (frame.x.at(pair.predicted), frame.y.at(pair.measured));
                frame.svg.mark(&class, Shape::nth(i), at, 3.2, pair.tip);
            }
        }
    })
}

fn drawable(pair: &Pair<'_>) -> bool {
    [pair.predicted, pair.measured].iter().all(|v| placeable(*v, Spread::Log10).is_some())
}
