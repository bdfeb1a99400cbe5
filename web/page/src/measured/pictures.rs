//! The pictures of the section: every report as a mark, curves along depth and streams, and the turns of traces.

use chart::{Axis, Caption, Dot, Format, LineChart, Point, Series, Spread, Stretch, Strip, StripChart};
use data::submission::EvidenceClass;

use super::view::{CurvePoint, MeasuredCurve, MeasuredView, ReportDot, SetupLine, Trace};
use crate::card::plain;
use crate::figure;
use crate::figures::{Figure, SIZE};
use crate::messages::Messages;

/// Two ways of being backed that marks tell apart.
const SIGNED: usize = 0;
const OTHER: usize = 1;
/// Longest turn that is drawn, in milliseconds.
const LONGEST_MS: f64 = 1e9;

/// A setup with its depth in one line, for a chart.
fn name(view: &MeasuredView, line: &SetupLine) -> String {
    let depth = figure::tokens(line.depth_tokens);
    let streams = if line.streams > 1 { format!(" × {}", line.streams) } else { String::new() };
    format!("{} · ≤ {depth}{streams}", line.setup.short(view))
}

/// Every report as a mark.
pub(super) fn reports(view: &MeasuredView, m: &Messages) -> Figure {
    let w = &m.measured;
    let lines: Vec<&SetupLine> = view.setups.iter().filter(|line| !line.reports.is_empty()).collect();
    let tips: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let tip = |dot: &ReportDot| {
                format!("{} {}, {}", figure::number(dot.decode_tps), m.answer.tps, dot.measured_on)
            };
            line.reports.iter().map(tip).collect()
        })
        .collect();
    let kind = |dot: &ReportDot| if dot.evidence == EvidenceClass::Signed { SIGNED } else { OTHER };
    let dots: Vec<Vec<Dot<'_>>> = lines
        .iter()
        .zip(&tips)
        .map(|(line, tips)| {
            let dots = line.reports.iter().zip(tips);
            dots.map(|(dot, tip)| Dot { value: dot.decode_tps, kind: kind(dot), tip }).collect()
        })
        .collect();
    let words: Vec<(String, String)> = lines
        .iter()
        .map(|line| {
            let says = match line.median_tps {
                Some(median) => w.median(&figure::number(median)),
                None => w.single(&line.count.to_string()),
            };
            (name(view, line), says)
        })
        .collect();
    let rows: Vec<Strip<'_>> = lines
        .iter()
        .zip(&dots)
        .zip(&words)
        .map(|((line, dots), (name, says))| Strip {
            name,
            says,
            dots,
            stretches: &[],
            bar: line.estimate_tps.map(plain),
            stroke: line.median_tps,
        })
        .collect();
    let unsigned =
        lines.iter().flat_map(|line| &line.reports).any(|dot| dot.evidence != EvidenceClass::Signed);
    let kinds = [m.report.signed, w.unsigned];
    let svg = chart::strips(&StripChart {
        caption: caption("reports", w.reports_title, w.reports_desc, m),
        width: SIZE.width,
        axis: Axis { label: m.chart.speed_axis, spread: Spread::Log10, format: Format::Number },
        kinds: if unsigned { &kinds } else { &kinds[..1] },
        rows: &rows,
    });
    Figure { title: w.reports_title, svg }
}

fn caption<'a>(id: &'a str, title: &'a str, description: &'a str, m: &'a Messages) -> Caption<'a> {
    Caption { id, title, description, empty: m.chart.empty }
}

/// Medians along an axis, each with its estimate as a dashed neighbour; `words` are id, title and description.
pub(super) fn curve(
    view: &MeasuredView,
    curves: &[MeasuredCurve],
    words: [&'static str; 3],
    x: Axis<'static>,
    m: &Messages,
) -> Option<Figure> {
    if curves.is_empty() {
        return None;
    }
    let [id, title, description] = words;
    let measured = |point: &CurvePoint| Point { x: f64::from(point.at), y: plain(point.decode_tps) };
    let expected = |point: &CurvePoint| Some(Point { x: f64::from(point.at), y: plain(point.estimate_tps?) });
    let mut drawn: Vec<(String, Vec<Point>, bool)> = Vec::new();
    for curve in curves {
        let name = curve.setup.short(view);
        drawn.push((name.clone(), curve.points.iter().map(measured).collect(), true));
        let estimate: Vec<Point> = curve.points.iter().filter_map(expected).collect();
        if !estimate.is_empty() {
            drawn.push((m.measured.estimate_of(&name), estimate, false));
        }
    }
    let series: Vec<Series<'_>> =
        drawn.iter().map(|(name, points, measured)| Series { name, points, measured: *measured }).collect();
    let svg = chart::line(&LineChart {
        caption: caption(id, title, description, m),
        size: SIZE,
        x,
        y: Axis { label: m.chart.speed_axis, spread: Spread::Linear, format: Format::Number },
        series: &series,
        level: None,
        limit: None,
    });
    Some(Figure { title, svg })
}

/// Each run's turns one after another on one axis of time: until the first token, then the answer. Runs that sent only the
/// percentiles of their turns are in the table alone.
pub(super) fn traces(view: &MeasuredView, m: &Messages) -> Option<Figure> {
    let w = &m.measured;
    let drawn: Vec<&Trace> = view.traces.iter().filter(|trace| !trace.timeline.is_empty()).collect();
    if drawn.is_empty() {
        return None;
    }
    let words: Vec<(String, String)> =
        drawn.iter().map(|trace| (trace.setup.short(view), w.turns(&trace.turns.to_string()))).collect();
    let parts: Vec<Vec<(f64, f64, usize, String)>> = drawn.iter().map(|trace| laid_out(trace, m)).collect();
    let stretches: Vec<Vec<Stretch<'_>>> = parts
        .iter()
        .map(|parts| {
            let parts = parts.iter();
            parts.map(|(from, to, kind, tip)| Stretch { from: *from, to: *to, kind: *kind, tip }).collect()
        })
        .collect();
    let rows: Vec<Strip<'_>> = words
        .iter()
        .zip(&stretches)
        .map(|((name, says), stretches)| Strip { name, says, dots: &[], stretches, bar: None, stroke: None })
        .collect();
    let svg = chart::strips(&StripChart {
        caption: caption("trace", w.trace_title, w.trace_desc, m),
        width: SIZE.width,
        axis: Axis { label: w.trace_axis, spread: Spread::Linear, format: Format::Number },
        kinds: &[w.waiting, w.answering],
        rows: &rows,
    });
    Some(Figure { title: w.trace_title, svg })
}

/// Where each part of each turn begins and ends, in seconds from the first request, with its kind and what it is.
fn laid_out(trace: &Trace, m: &Messages) -> Vec<(f64, f64, usize, String)> {
    let w = &m.measured;
    let mut parts = Vec::new();
    let mut at = 0.0;
    for (turn, number) in trace.timeline.iter().zip(1..) {
        // What was taken before its figures were bounded may hold any.
        let whole = turn.wall_ms.clamp(0.0, LONGEST_MS);
        let first = turn.ttft_ms.unwrap_or(0.0).clamp(0.0, whole);
        let bounds = [at, at + first / 1000.0, at + whole / 1000.0];
        let number = f64::from(number).to_string();
        for (kind, name) in [w.waiting, w.answering].into_iter().enumerate() {
            let (from, to) = (bounds[kind], bounds[kind + 1]);
            if to > from {
                parts.push((from, to, kind, w.part_tip(name, &figure::number(to - from), &number)));
            }
        }
        at = bounds[2];
    }
    parts
}
