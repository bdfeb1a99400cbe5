//! The charts of a page, from its view.

use chart::{CapabilityChart, Caption, ModelSpeed, Point, Series, Size};

use crate::card::plain;
use crate::figure;
use crate::messages::Messages;
use crate::view::{Curve, Spot, Wanted};

/// Two of these stand side by side on a desk and one fills a phone, with words of a readable size on both.
pub(crate) const SIZE: Size = Size { width: 410.0, height: 320.0 };

/// A chart with its name above it.
pub(crate) struct Figure {
    pub(crate) title: &'static str,
    pub(crate) svg: String,
}

/// Speed over capability for all models that pass the filters.
pub(crate) fn capability(spots: &[Spot], machine: &str, wanted: Wanted, m: &Messages) -> Figure {
    let tips: Vec<String> = spots
        .iter()
        .map(|spot| match spot.decode_tps {
            Some(range) => m.chart.speed_tip(&spot.name, &figure::range(range)),
            None => m.chart.off_tip(&spot.name),
        })
        .collect();
    let models: Vec<ModelSpeed<'_>> = spots
        .iter()
        .zip(&tips)
        .map(|(spot, tip)| ModelSpeed {
            name: &spot.name,
            tip,
            capability: spot.score,
            decode_tps: spot.decode_tps.map(|range| {
                // The mark stands where people measured, once they did.
                let mid = spot.measured.and_then(|by| by.decode_tps).unwrap_or(range.mid);
                chart::Range { low: range.low.min(mid), mid, high: range.high.max(mid) }
            }),
            verdict: spot.verdict,
        })
        .collect();
    let minimum = m.chart.minimum(&figure::number(wanted.minimum_tps));
    let svg = chart::speed_over_capability(&CapabilityChart {
        caption: Caption {
            id: "capability",
            title: m.chart.speed_title,
            description: &m.chart.speed_desc(machine),
            empty: m.chart.empty,
        },
        size: SIZE,
        capability_label: m.chart.capability_axis,
        speed_label: m.chart.speed_axis,
        verdict_names: [m.chart.runs, m.chart.slow, m.chart.offloaded, m.chart.too_big],
        minimum: Some((wanted.minimum_tps, &minimum)),
        models: &models,
    });
    Figure { title: m.chart.speed_title, svg }
}

/// Speed against context; `None` where no curve is at hand.
pub(crate) fn context(curves: &[Curve], longest: Option<u32>, machine: &str, m: &Messages) -> Option<Figure> {
    if curves.is_empty() {
        return None;
    }
    let points: Vec<Vec<Point>> = curves
        .iter()
        .map(|curve| {
            curve.points.iter().map(|(at, tps)| Point { x: f64::from(*at), y: plain(*tps) }).collect()
        })
        .collect();
    let series: Vec<Series<'_>> = curves
        .iter()
        .zip(&points)
        .map(|(curve, points)| Series { name: &curve.name, points, measured: false })
        .collect();
    let caption = Caption {
        id: "context",
        title: m.chart.context_title,
        description: &m.chart.context_desc(machine),
        empty: m.chart.empty,
    };
    let limit = longest.map(|tokens| (f64::from(tokens), m.chart.context_limit));
    let svg =
        chart::speed_over_context(caption, SIZE, (m.chart.context_axis, m.chart.speed_axis), &series, limit);
    Some(Figure { title: m.chart.context_title, svg })
}
