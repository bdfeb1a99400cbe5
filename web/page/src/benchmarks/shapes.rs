//! Speed by workload: the same setups used in four ways.

use chart::{Axis, Caption, Dot, Format, Spread, Strip, StripChart};
use data::table::{Figure, Picked, WorkloadNote};

use super::{BenchmarksView, name, span};
use crate::messages::Messages;

/// Setups in one chart: more would be longer than a screen.
const MOST: usize = 12;
/// Width of the chart in its own units.
const WIDTH: f64 = 720.0;

/// The section as the template wants it.
pub(super) struct Shapes {
    pub(super) heading: String,
    /// The chart; empty where no row has such figures.
    pub(super) svg: String,
    /// How many setups are left out; empty for none.
    pub(super) more: String,
    /// The four shapes: name and what each is.
    pub(super) meanings: Vec<(String, String)>,
}

pub(super) fn shapes(view: &BenchmarksView<'_>, m: &Messages) -> Shapes {
    let w = &m.benchmarks;
    let concurrency = view.wish.concurrency.unwrap_or(1);
    let shapes: Vec<&WorkloadNote> = view.table.workloads.iter().filter(|workload| workload.shape).collect();
    let kind = |figure: &Figure| shapes.iter().position(|shape| shape.name == figure.workload);
    let with: Vec<&Picked<'_>> = view
        .selection
        .all
        .iter()
        .filter(|picked| picked.row.concurrency == concurrency)
        .filter(|picked| picked.row.figures.iter().any(|figure| kind(figure).is_some()))
        .collect();
    let heading = w.shapes(&concurrency.to_string());
    let svg = if with.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = with
            .iter()
            .take(MOST)
            .map(|picked| format!("{} · {}", name(view.table, picked), picked.row.backend_words()))
            .collect();
        let marks: Vec<Vec<(f64, usize, String)>> = with
            .iter()
            .take(MOST)
            .map(|picked| {
                let figures = picked.row.figures.iter().filter_map(|figure| Some((figure, kind(figure)?)));
                figures
                    .map(|(figure, kind)| {
                        let middle = (figure.low_tps * figure.high_tps).sqrt();
                        let speed = span(figure.low_tps, figure.high_tps);
                        (middle, kind, format!("{}: {speed} {}", figure.workload, m.answer.tps))
                    })
                    .collect()
            })
            .collect();
        let dots: Vec<Vec<Dot<'_>>> = marks
            .iter()
            .map(|row| row.iter().map(|(value, kind, tip)| Dot { value: *value, kind: *kind, tip }).collect())
            .collect();
        let rows: Vec<Strip<'_>> = names
            .iter()
            .zip(&dots)
            .map(|(name, dots)| Strip { name, says: "", dots, stretches: &[], bar: None, stroke: None })
            .collect();
        let kinds: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        chart::strips(&StripChart {
            caption: Caption {
                id: "shapes",
                title: &heading,
                description: w.shapes_desc,
                empty: m.chart.empty,
            },
            width: WIDTH,
            axis: Axis { label: w.axis, spread: Spread::Log10, format: Format::Number },
            kinds: &kinds,
            rows: &rows,
        })
    };
    Shapes {
        svg,
        more: match with.len().saturating_sub(MOST) {
            0 => String::new(),
            count => w.shapes_more(&count.to_string()),
        },
        meanings: shapes.iter().map(|shape| (shape.name.clone(), shape.about.clone())).collect(),
        heading,
    }
}
