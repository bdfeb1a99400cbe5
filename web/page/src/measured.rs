//! What people measured, under the estimates of a model, a device or a comparison: medians, every single report, and the
//! curves of the suite's workloads. The server's alone: a browser that renders results has no such reports.

use askama::Template;
use chart::{Axis, Caption, Dot, Format, LineChart, Point, Series, Spread, Strip, StripChart};
use data::submission::{EvidenceClass, MEDIAN_FROM};
use estimator::Range;

use crate::card::plain;
use crate::figure;
use crate::figures::{Figure, SIZE};
use crate::messages::Messages;

/// What a page shows of what was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredView {
    /// Name of the model, where the page is about one.
    pub model: String,
    /// Name of the machine, where the page is about one.
    pub machine: String,
    /// Names in the query that another answer is needed for, as a page of one model with another machine picked.
    pub depends_on: &'static str,
    /// The setups with most reports.
    pub setups: Vec<SetupLine>,
    /// How many more there are.
    pub more: usize,
    /// Speed against context.
    pub decay: Vec<MeasuredCurve>,
    /// Speed against requests at once.
    pub streams: Vec<MeasuredCurve>,
    /// Runs of the agent's trace.
    pub traces: Vec<Trace>,
    /// Whether the reports could not be read: then nothing is said of them.
    pub away: bool,
    /// The model as `llm-speed-probe bench --model` takes it; empty where the page names none.
    pub file: String,
}

/// What was measured, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetupName {
    /// Name of the machine, and its page where it has one.
    pub machine: (String, String),
    /// Name of the model, and its page where it has one.
    pub model: (String, String),
    /// Quantisation, runtime, and what else tells it apart.
    pub how: String,
}

impl SetupName {
    /// The parts that the page is not itself about, as links where they have a page.
    fn links(&self, view: &MeasuredView) -> Vec<&(String, String)> {
        let mut parts = Vec::new();
        if self.machine.0 != view.machine {
            parts.push(&self.machine);
        }
        if self.model.0 != view.model {
            parts.push(&self.model);
        }
        parts
    }

    /// The same in one line, with how it ran.
    fn short(&self, view: &MeasuredView) -> String {
        let names = self.links(view).into_iter().map(|(name, _)| name.as_str());
        names.chain([self.how.as_str()]).collect::<Vec<_>>().join(" · ")
    }
}

/// Reports of one setup at one depth.
#[derive(Clone, Debug, PartialEq)]
pub struct SetupLine {
    /// Of what.
    pub setup: SetupName,
    /// Longest context of its bucket, in tokens.
    pub depth_tokens: u32,
    /// Requests at once.
    pub streams: u32,
    /// Submitters.
    pub count: u32,
    /// Those of them with a signed run.
    pub signed: u32,
    /// Median of decode, tokens a second and stream; none below [`MEDIAN_FROM`] submitters.
    pub median_tps: Option<f64>,
    /// What the estimator says today of what was reported.
    pub estimate_tps: Option<Range>,
    /// The newest reports, newest first.
    pub reports: Vec<ReportDot>,
}

/// One report.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportDot {
    /// Id of its page.
    pub id: String,
    /// Day of the measurement.
    pub measured_on: String,
    /// Decode, tokens a second and stream.
    pub decode_tps: f64,
    /// How it is backed.
    pub evidence: EvidenceClass,
}

/// Medians of one setup along an axis, with the estimate beside.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredCurve {
    /// Of what.
    pub setup: SetupName,
    /// Submitters.
    pub count: u32,
    /// Its points, ascending.
    pub points: Vec<CurvePoint>,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Context at the end of the answer in tokens, or requests at once.
    pub at: u32,
    /// Lowest, median and highest report: decode, tokens a second and stream.
    pub decode_tps: Range,
    /// The estimate there.
    pub estimate_tps: Option<Range>,
}

/// One run of the agent's trace: several turns, each with what came before in its prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Id of its page.
    pub id: String,
    /// Of what.
    pub setup: SetupName,
    /// Day of the measurement.
    pub measured_on: String,
    /// Turns.
    pub turns: u32,
    /// Median of the turns' times, in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile of them.
    pub p95_ms: f64,
    /// The whole trace, in milliseconds.
    pub wall_ms: Option<f64>,
    /// Tokens of the last prompt.
    pub prompt_tokens: u32,
    /// Tokens answered in all turns.
    pub output_tokens: u32,
    /// Share of the prompts that came out of the cache; none where the runtime does not tell.
    pub cache_share: Option<f64>,
}

/// Two ways of being backed that marks tell apart.
const SIGNED: usize = 0;
const OTHER: usize = 1;

#[derive(Template)]
#[template(path = "measured.html")]
struct Measured<'a> {
    m: &'a Messages,
    view: &'a MeasuredView,
    heading: String,
    rows: Vec<Row<'a>>,
    more: String,
    figures: Vec<Figure>,
    curves: Vec<Table>,
    traces: Vec<TraceRow<'a>>,
    missing: String,
    command: String,
}

struct Row<'a> {
    line: &'a SetupLine,
    links: Vec<&'a (String, String)>,
    what: String,
    median: String,
    count: String,
    estimate: String,
    ratio: String,
}

/// A curve in figures.
struct Table {
    caption: String,
    head: &'static str,
    /// Where, measured, range, estimate.
    rows: Vec<[String; 4]>,
}

struct TraceRow<'a> {
    trace: &'a Trace,
    name: String,
    p50: String,
    p95: String,
    wall: String,
    tokens: String,
    cache: String,
}

/// The section: `<section id="measured">`; nothing where the reports could not be read.
pub(crate) fn section(view: &MeasuredView, m: &Messages) -> askama::Result<String> {
    if view.away {
        return Ok(String::new());
    }
    let w = &m.measured;
    let mut figures = Vec::new();
    if view.setups.iter().any(|line| !line.reports.is_empty()) {
        figures.push(reports(view, m));
    }
    let depth = Axis { label: w.depth_axis, spread: Spread::Log2, format: Format::Tokens };
    let streams = Axis { label: w.streams_axis, spread: Spread::Log2, format: Format::Number };
    figures.extend(curve(view, &view.decay, ["decay", w.decay_title, w.decay_desc], depth, m));
    figures.extend(curve(view, &view.streams, ["streams", w.streams_title, w.streams_desc], streams, m));
    figures.extend(traces(view, m));
    let tokens = |at: u32| figure::tokens(at);
    let curves = view.decay.iter().map(|curve| table(view, curve, w.decay_title, w.depth, tokens, m));
    let at_once = |at: u32| at.to_string();
    let curves = curves
        .chain(view.streams.iter().map(|curve| table(view, curve, w.streams_title, w.at_once, at_once, m)));
    let (missing, command) = missing(view, m);
    Measured {
        m,
        view,
        heading: heading(view, m),
        rows: view.setups.iter().map(|line| row(view, line, m)).collect(),
        more: if view.more > 0 { w.more(&view.more.to_string()) } else { String::new() },
        figures,
        curves: curves.collect(),
        traces: view.traces.iter().map(|trace| trace_row(view, trace, m)).collect(),
        missing,
        command,
    }
    .render()
}

/// One line at the top of a page that leads down to the section and, from a model on a machine, to the snippets for other
/// sites and to what the losses of its quantisations mean; empty where there is nothing to lead to.
pub(crate) fn jump(view: &MeasuredView, embed: &str, m: &Messages) -> String {
    let count = view.setups.len() + view.more;
    let mut links = Vec::new();
    if count > 0 {
        links.push(format!("<a href=\"#measured\">{}</a>", m.measured.jump(&count.to_string())));
    }
    if !embed.is_empty() {
        let href = crate::picture::escape(embed);
        links.push(format!("<a href=\"{href}\">{}</a>", m.embed.share));
        links.push(format!("<a href=\"/methodology#loss\">{}</a>", m.method.loss_link));
    }
    if links.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>", links.join(" · ")) }
}

fn heading(view: &MeasuredView, m: &Messages) -> String {
    let w = &m.measured;
    match (view.model.as_str(), view.machine.as_str()) {
        ("", "") => w.heading.to_owned(),
        (model, "") => w.heading_of(model),
        ("", machine) => w.heading_on(machine),
        (model, machine) => w.heading_of_on(machine, model),
    }
}

/// What nobody has measured yet in a sentence, and the command that does.
fn missing(view: &MeasuredView, m: &Messages) -> (String, String) {
    let w = &m.measured;
    let model = if view.file.is_empty() { String::new() } else { format!(" --model {}", view.file) };
    if view.setups.is_empty() {
        return (w.none.to_owned(), format!("llm-speed-probe bench{model}"));
    }
    let parts = [
        (view.decay.is_empty(), "W3", w.decay_title),
        (view.streams.is_empty(), "W4", w.streams_title),
        (view.traces.is_empty(), "W5", w.trace_title),
    ];
    let open: Vec<_> = parts.into_iter().filter(|(is_open, _, _)| *is_open).collect();
    if open.is_empty() {
        return (String::new(), String::new());
    }
    let names: Vec<String> = open.iter().map(|(_, id, title)| format!("{title} ({id})")).collect();
    let ids: Vec<&str> = open.iter().map(|(_, id, _)| *id).collect();
    (
        w.missing(&names.join(", ")),
        format!("llm-speed-probe bench --full --workload {}{model}", ids.join(",")),
    )
}

/// A setup in words: what the page itself is about is left out.
fn row<'a>(view: &MeasuredView, line: &'a SetupLine, m: &Messages) -> Row<'a> {
    let w = &m.measured;
    let ratio = line.median_tps.zip(line.estimate_tps).map(|(median, estimate)| median / estimate.mid);
    Row {
        line,
        links: line.setup.links(view),
        what: w.up_to(&figure::tokens(line.depth_tokens), &line.streams.to_string()),
        median: line.median_tps.map(figure::number).unwrap_or_default(),
        count: match (line.count, line.count >= MEDIAN_FROM) {
            (1, _) => m.answer.one_report.to_owned(),
            (count, false) => m.answer.reports(&count.to_string()),
            (count, true) => w.count(&count.to_string(), &line.signed.to_string()),
        },
        estimate: line.estimate_tps.map(figure::range).unwrap_or_default(),
        ratio: ratio.map(|ratio| format!("× {ratio:.2}")).unwrap_or_default(),
    }
}

/// A setup with its depth in one line, for a chart.
fn name(view: &MeasuredView, line: &SetupLine) -> String {
    let depth = figure::tokens(line.depth_tokens);
    let streams = if line.streams > 1 { format!(" × {}", line.streams) } else { String::new() };
    format!("{} · ≤ {depth}{streams}", line.setup.short(view))
}

/// Every report as a mark.
fn reports(view: &MeasuredView, m: &Messages) -> Figure {
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
fn curve(
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

fn table(
    view: &MeasuredView,
    curve: &MeasuredCurve,
    title: &str,
    head: &'static str,
    at: impl Fn(u32) -> String,
    m: &Messages,
) -> Table {
    let row = |point: &CurvePoint| {
        let range = if point.decode_tps.low < point.decode_tps.high {
            figure::range(point.decode_tps)
        } else {
            String::new()
        };
        let estimate = point.estimate_tps.map(figure::range).unwrap_or_default();
        [at(point.at), figure::number(point.decode_tps.mid), range, estimate]
    };
    Table {
        caption: m.measured.table(&curve.count.to_string(), &curve.setup.short(view), title),
        head,
        rows: curve.points.iter().map(row).collect(),
    }
}

/// Each run's turns on one axis of time: the middle as a mark, up to the slow ones as a bar.
fn traces(view: &MeasuredView, m: &Messages) -> Option<Figure> {
    let traces = &view.traces;
    if traces.is_empty() {
        return None;
    }
    let w = &m.measured;
    let names: Vec<String> = traces.iter().map(|trace| trace.setup.short(view)).collect();
    let seconds = |ms: f64| ms / 1000.0;
    let says: Vec<String> = traces.iter().map(|trace| w.turns(&trace.turns.to_string())).collect();
    let dots: Vec<[Dot<'_>; 1]> =
        traces.iter().map(|trace| [Dot { value: seconds(trace.p50_ms), kind: 0, tip: "" }]).collect();
    let rows: Vec<Strip<'_>> = traces
        .iter()
        .zip(&dots)
        .zip(says.iter().zip(&names))
        .map(|((trace, dots), (says, name))| {
            let (low, high) = (seconds(trace.p50_ms), seconds(trace.p95_ms));
            let bar = Some(chart::Range { low, mid: low, high });
            Strip { name, says, dots, bar, stroke: None }
        })
        .collect();
    let svg = chart::strips(&StripChart {
        caption: caption("trace", w.trace_title, w.trace_desc, m),
        width: SIZE.width,
        axis: Axis { label: w.trace_axis, spread: Spread::Linear, format: Format::Number },
        kinds: &[],
        rows: &rows,
    });
    Some(Figure { title: w.trace_title, svg })
}

fn trace_row<'a>(view: &MeasuredView, trace: &'a Trace, m: &Messages) -> TraceRow<'a> {
    let time = |ms: f64| figure::duration(Range { low: ms, mid: ms, high: ms });
    TraceRow {
        trace,
        name: trace.setup.short(view),
        p50: time(trace.p50_ms),
        p95: time(trace.p95_ms),
        wall: trace.wall_ms.map(time).unwrap_or_default(),
        tokens: m.measured.tokens(&figure::tokens(trace.output_tokens), &figure::tokens(trace.prompt_tokens)),
        cache: trace.cache_share.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::EN;

    fn line(count: u32) -> SetupLine {
        let report = |n: u32| ReportDot {
            id: format!("r{n}"),
            measured_on: "2026-11-22".into(),
            decode_tps: 100.0 + f64::from(n),
            evidence: if n == 0 { EvidenceClass::Pasted } else { EvidenceClass::Signed },
        };
        SetupLine {
            setup: SetupName {
                machine: ("<b>Card</b>".into(), "/d/card".into()),
                model: ("Model".into(), String::new()),
                how: "Q4_K_M · llama.cpp".into(),
            },
            depth_tokens: 2048,
            streams: 1,
            count,
            signed: count,
            median_tps: (count >= MEDIAN_FROM).then_some(101.0),
            estimate_tps: Some(Range { low: 90.0, mid: 100.0, high: 110.0 }),
            reports: (0..count).map(report).collect(),
        }
    }

    #[test]
    fn three_reports_are_a_median_beside_the_estimate_and_one_is_none() {
        let view = MeasuredView { setups: vec![line(3)], model: "Model".into(), ..Default::default() };
        let html = section(&view, &EN).unwrap();
        assert!(html.contains("× 1.01") && html.contains("90–110") && html.contains("/r/r0"), "{html}");
        assert!(html.contains("&#60;b&#62;Card") && !html.contains("<b>Card</b>"), "{html}");
        assert_eq!(html.matches("class=\"thin c").count(), 3, "{html}");
        let view = MeasuredView { setups: vec![line(1)], ..Default::default() };
        let html = section(&view, &EN).unwrap();
        assert!(html.contains(EN.answer.one_report) && !html.contains("× 1"), "{html}");
    }

    #[test]
    fn what_was_not_measured_comes_with_the_command_that_measures_it() {
        let mut view = MeasuredView { file: "Model-Q4_K_M.gguf".into(), ..Default::default() };
        let html = section(&view, &EN).unwrap();
        assert!(html.contains("llm-speed-probe bench --model Model-Q4_K_M.gguf"), "{html}");
        view.setups = vec![line(3)];
        let point = |at: u32| CurvePoint {
            at,
            decode_tps: Range { low: 9.0, mid: 10.0, high: 11.0 },
            estimate_tps: None,
        };
        view.decay = vec![MeasuredCurve {
            setup: SetupName::default(),
            count: 3,
            points: [4096, 32_768].map(point).into(),
        }];
        let html = section(&view, &EN).unwrap();
        assert!(html.contains("bench --full --workload W4,W5 --model"), "{html}");
        assert!(html.contains("<td class=\"num\">10</td>") && html.contains("9–11"), "{html}");
    }
}
