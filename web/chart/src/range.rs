//! A value with its honest spread, and the small bar that shows one in a line of text.

use crate::capability::Verdict;
use crate::scale::{Scale, Spread, placeable};
use crate::svg::{Size, Svg};

/// A figure with its range; `low` ≤ `mid` ≤ `high`, in whatever unit the axis says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// The best single guess.
    pub mid: f64,
    /// The upper end.
    pub high: f64,
}

impl Range {
    /// A figure without spread, such as a measured one.
    pub const fn exact(value: f64) -> Range {
        Range { low: value, mid: value, high: value }
    }

    /// Whether all three can stand on an axis of this spread.
    pub(crate) fn placeable(&self, spread: Spread) -> bool {
        [self.low, self.mid, self.high].iter().all(|v| placeable(*v, spread).is_some())
    }
}

/// A range in a line of text, on a logarithmic track that all rows share.
///
/// `track` is the value at the left and at the right end, the same for all rows that are to be compared; `measured`
/// puts a tick where a measurement stands. `alt` is the text alternative, `None` where the figures stand beside it.
pub fn range_bar(
    range: Range,
    track: (f64, f64),
    verdict: Verdict,
    measured: Option<f64>,
    alt: Option<&str>,
) -> String {
    const SIZE: Size = Size { width: 120.0, height: 14.0 };
    let mut svg = Svg::inline("rangebar", SIZE, alt);
    svg.rect("track", (0.0, 6.0), (SIZE.width, 2.0), "");
    let ends = [track.0, track.1].into_iter();
    if let Some(scale) = Scale::around(Spread::Log10, ends, 5).filter(|_| range.placeable(Spread::Log10)) {
        let scale = scale.between(5.0, SIZE.width - 5.0);
        let (low, high) = (scale.at(range.low), scale.at(range.high));
        let class = verdict.class();
        // A range of no width still shows as a sliver.
        svg.rect(&format!("span {class}"), (low - 1.0, 3.0), (high - low + 2.0, 8.0), "");
        svg.rect(&format!("part {class}"), (scale.at(range.mid) - 1.0, 1.0), (2.0, 12.0), "");
        if let Some(at) = measured.and_then(|v| placeable(v, Spread::Log10)).map(|v| scale.at(v)) {
            svg.line("edge", (at, 0.0), (at, SIZE.height));
        }
    }
    svg.finish()
}
