//! What fills a device's memory.

use crate::svg::{Size, Svg};

/// One part of a footprint, drawn in the colour of its place in the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'a> {
    /// What it is, such as "weights".
    pub name: &'a str,
    /// Its size in GiB.
    pub gib: f64,
}

/// Parts stacked from left to right against the usable memory, which ends at a mark.
///
/// The bar is drawn to the scale of the larger of the two, so a footprint beyond the limit runs past the mark. Parts
/// keep their colours (`c0`, `c1`, …) by position, also those of size zero. `alt` is the text alternative.
pub fn memory_bar(parts: &[Part<'_>], usable_gib: f64, alt: Option<&str>) -> String {
    const SIZE: Size = Size { width: 240.0, height: 16.0 };
    let sound = |gib: f64| if gib.is_finite() { gib.clamp(0.0, 1e9) } else { 0.0 };
    let total: f64 = parts.iter().map(|part| sound(part.gib)).sum();
    let usable = sound(usable_gib);
    let full = total.max(usable);
    let scale = if full > 0.0 { (SIZE.width - 2.0) / full } else { 0.0 };

    let mut svg = Svg::inline("memory", SIZE, alt);
    svg.rect("track", (0.0, 3.0), (usable * scale, 10.0), "");
    let mut x = 0.0;
    for (i, part) in parts.iter().enumerate() {
        let width = sound(part.gib) * scale;
        // Under a tenth of a pixel nothing would show.
        if width >= 0.1 {
            svg.rect(&format!("part c{}", i % 6), (x, 3.0), (width, 10.0), part.name);
        }
        x += width;
    }
    if usable > 0.0 {
        svg.line(
            if total > usable { "limit over" } else { "limit edge" },
            (usable * scale, 0.0),
            (usable * scale, SIZE.height),
        );
    }
    svg.finish()
}

/// The colour of the n-th part alone, for a legend beside the bars.
pub fn swatch(part: usize) -> String {
    let mut svg = Svg::inline("mark", Size { width: 14.0, height: 14.0 }, None);
    svg.rect(&format!("part c{}", part % 6), (2.0, 2.0), (10.0, 10.0), "");
    svg.finish()
}
