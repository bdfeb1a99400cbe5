//! Pictures of a refit: predicted against measured, residuals by what they may depend on, coverage.

use std::collections::BTreeMap;

use chart::{
    Axis, Caption, FactorRow, Format, Group, LineChart, Pair, Point, Range, ScatterChart, Series, Size,
    Spread, line, residual, scatter,
};

use super::{ENOUGH_ROWS, by_class};
use crate::observation::Observation;
use crate::score::Predicted;

pub(super) type Key = fn(&Observation) -> String;

/// What residuals are shown by.
pub(super) const BUCKETS: [(&str, Key); 3] = [
    ("depth", |row| match row.setup.workload.context_tokens {
        0..=1023 => "below 1k".to_owned(),
        1024..=4095 => "1k to 4k".to_owned(),
        4096..=16_383 => "4k to 16k".to_owned(),
        16_384..=65_535 => "16k to 64k".to_owned(),
        _ => "64k and more".to_owned(),
    }),
    ("size", |row| {
        let gib = row.setup.weights.total_bytes() / estimator::units::GIB;
        let names =
            [(2.0, "below 2 GiB"), (6.0, "2 to 6 GiB"), (16.0, "6 to 16 GiB"), (48.0, "16 to 48 GiB")];
        names.iter().find(|(most, _)| gib < *most).map_or("48 GiB and more", |(_, name)| name).to_owned()
    }),
    ("date", |row| row.date.get(..4).unwrap_or("no date").to_owned()),
];

pub(super) fn against(figure: &str, predicted: &[Predicted]) -> String {
    let classes = by_class(predicted);
    let pairs: Vec<(&str, Vec<Pair<'_>>)> = classes
        .into_iter()
        .map(|(class, rows)| {
            let pair = |row: &&Predicted| Pair {
                predicted: libm::exp(row.middle),
                measured: libm::exp(row.measured),
                tip: "",
            };
            (class, rows.iter().map(pair).collect())
        })
        .collect();
    let groups: Vec<Group<'_>> = pairs.iter().map(|(name, pairs)| Group { name, pairs }).collect();
    scatter(&ScatterChart {
        caption: Caption {
            id: figure,
            title: &format!("{figure}: predicted against measured"),
            description: "Each mark is a cell of measurements, predicted by a fit that had not seen its device.",
            empty: "No rows.",
        },
        size: Size::PLOT,
        predicted_label: "predicted, tokens per second",
        measured_label: "measured, tokens per second",
        groups: &groups,
        within_factor: Some(1.25),
    })
}

pub(super) fn residuals(
    figure: &str,
    by: &str,
    key: Key,
    predicted: &[Predicted],
    rows: &BTreeMap<usize, &Observation>,
) -> String {
    let mut buckets: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in predicted {
        if let Some(observation) = rows.get(&row.index) {
            buckets.entry(key(observation)).or_default().push(libm::exp(row.measured - row.middle));
        }
    }
    let factors: Vec<FactorRow<'_>> =
        buckets.iter().map(|(name, factors)| FactorRow { name, factors }).collect();
    residual(
        &Caption {
            id: &format!("{figure}-{by}"),
            title: &format!("{figure}: measured over predicted, by {by}"),
            description: "One where they agree; a stroke marks each row's median.",
            empty: "No rows.",
        },
        640.0,
        "measured over predicted",
        &factors,
    )
}

/// Shares of rows inside intervals of every width: the 90 % interval scaled.
pub(super) fn coverage(figure: &str, predicted: &[Predicted]) -> String {
    let curves: Vec<(&str, Vec<Point>)> = by_class(predicted)
        .into_iter()
        .filter(|(_, rows)| rows.len() >= ENOUGH_ROWS as usize)
        .map(|(class, rows)| {
            let points = (1..=20).map(|step| {
                let scale = f64::from(step) / 10.0;
                let inside = |row: &&&Predicted| {
                    let off = row.measured - row.middle;
                    off <= (row.high - row.middle) * scale && -off <= (row.middle - row.low) * scale
                };
                let share = rows.iter().filter(inside).count() as f64 / rows.len() as f64;
                Point { x: scale, y: Range { low: share, mid: share, high: share } }
            });
            (class, points.collect())
        })
        .collect();
    let series: Vec<Series<'_>> =
        curves.iter().map(|(name, points)| Series { name, points, measured: false }).collect();
    let axis = |label| Axis { label, spread: Spread::Linear, format: Format::Number };
    line(&LineChart {
        caption: Caption {
            id: &format!("{figure}-coverage"),
            title: &format!("{figure}: rows inside intervals"),
            description: "Share of held-out rows inside the 90 % interval scaled by a factor; at one it should be 0.9.",
            empty: "No class has rows enough.",
        },
        size: Size::PLOT,
        x: axis("width over that of the 90 % interval"),
        y: axis("share of held-out rows inside"),
        series: &series,
        level: Some((0.9, "0.9")),
        limit: Some((1.0, "90 % interval")),
    })
}
