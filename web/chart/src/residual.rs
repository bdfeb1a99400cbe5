//! How far measurements lie from predictions, row by row.

use crate::label;
use crate::scale::{Format, Scale, Spread, placeable, written};
use crate::svg::{Anchor, Caption, Shape, Size, Svg};

/// Factors around one, a row for each name: how far measurements lie from predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FactorRow<'a> {
    /// Device, model family, or whatever the rows are.
    pub name: &'a str,
    /// Measured over predicted, each greater than zero.
    pub factors: &'a [f64],
}

/// A strip of factors for each row, on one logarithmic axis with one in the middle.
///
/// The chart is as high as its rows need. A stroke marks each row's median.
pub fn residual(caption: &Caption<'_>, width: f64, factor_label: &str, rows: &[FactorRow<'_>]) -> String {
    const ROW: f64 = 20.0;
    let factors = |row: &FactorRow<'_>| -> Vec<f64> {
        let mut sound: Vec<f64> = row.factors.iter().filter_map(|v| placeable(*v, Spread::Log10)).collect();
        sound.sort_by(f64::total_cmp);
        sound
    };
    let furthest = rows.iter().flat_map(factors).map(|f| f.max(1.0 / f)).fold(1.5, f64::max);
    let size =
        Size { width, height: 66.0 + ROW * rows.len() as f64 }.drawable(Size { width: 320.0, height: 90.0 });
    let mut svg = Svg::open("residual", size, caption);
    let names = rows.iter().map(|row| label::width(row.name)).fold(0.0, f64::max).min(size.width * 0.4);
    let left = names + 14.0;
    let right = size.width - 14.0;
    let bottom = size.height - 40.0;
    // Both ends equally far from one.
    let scale = Scale::around(Spread::Log10, [1.0 / furthest, furthest].into_iter(), 9);
    let Some(scale) = scale.filter(|_| !rows.is_empty()) else {
        svg.text("unit", Anchor::Middle, (size.width / 2.0, size.height / 2.0), caption.empty);
        return svg.finish();
    };
    let scale = scale.between(left, right);
    for tick in scale.ticks(9) {
        let x = scale.at(tick);
        svg.line(if tick == 1.0 { "base" } else { "grid" }, (x, 6.0), (x, bottom));
        svg.text("tick", Anchor::Middle, (x, bottom + 16.0), &written(tick, Format::Factor));
    }
    svg.text("unit", Anchor::End, (right, size.height - 4.0), factor_label);
    for (i, row) in rows.iter().enumerate() {
        let y = 16.0 + ROW * i as f64;
        svg.text("name", Anchor::End, (names + 4.0, y + 4.0), row.name);
        svg.line("grid", (left, y), (right, y));
        let sorted = factors(row);
        for factor in &sorted {
            svg.mark("thin c0", Shape::Circle, (scale.at(*factor), y), 3.0, "");
        }
        if !sorted.is_empty() {
            let middle = sorted.len() / 2;
            let median = if sorted.len() % 2 == 1 {
                sorted[middle]
            } else {
                (sorted[middle - 1] * sorted[middle]).sqrt()
            };
            let x = scale.at(median);
            svg.line("edge", (x, y - 7.0), (x, y + 7.0));
        }
    }
    svg.finish()
}
