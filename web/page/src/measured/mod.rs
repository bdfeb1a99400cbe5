//! What people measured, under the estimates of a model, a device or a comparison: medians, every single report, and the
//! curves of the suite's workloads. The server's alone: a browser that renders results has no such reports.

mod pictures;
mod view;

use askama::Template;
use chart::{Axis, Format, Spread};
use data::submission::MEDIAN_FROM;
use estimator::Range;

use crate::figure;
use crate::figures::Figure;
use crate::messages::Messages;
pub use view::{CurvePoint, MeasuredCurve, MeasuredView, ReportDot, SetupLine, SetupName, Trace};

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
    /// Where, measured, submitters, range, estimate.
    rows: Vec<[String; 5]>,
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
        figures.push(pictures::reports(view, m));
    }
    let depth = Axis { label: w.depth_axis, spread: Spread::Log2, format: Format::Tokens };
    let streams = Axis { label: w.streams_axis, spread: Spread::Log2, format: Format::Number };
    figures.extend(pictures::curve(view, &view.decay, ["decay", w.decay_title, w.decay_desc], depth, m));
    figures.extend(pictures::curve(
        view,
        &view.streams,
        ["streams", w.streams_title, w.streams_desc],
        streams,
        m,
    ));
    figures.extend(pictures::curve(
        view,
        &view.aggregate,
        ["aggregate", w.aggregate_title, w.aggregate_desc],
        streams,
        m,
    ));
    figures.extend(pictures::traces(view, m));
    let tokens = |at: u32| figure::tokens(at);
    let curves = view.decay.iter().map(|curve| table(view, curve, w.decay_title, w.depth, tokens, m));
    let at_once = |at: u32| at.to_string();
    let curves = curves
        .chain(view.streams.iter().map(|curve| table(view, curve, w.streams_title, w.at_once, at_once, m)));
    let curves = curves.chain(
        view.aggregate.iter().map(|curve| table(view, curve, w.aggregate_title, w.at_once, at_once, m)),
    );
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

/// Where a page leads besides its own sections; empty for nowhere.
#[derive(Default)]
pub(crate) struct Ways<'a> {
    /// The rows of the table of runs about the same.
    pub(crate) runs: String,
    /// The leaderboard of the same.
    pub(crate) board: String,
    /// Snippets for other sites.
    pub(crate) embed: &'a str,
}

/// One line at the top of a page that leads down to the section, to the table of runs and the leaderboard where they hold
/// something of the same, and from a model on a machine to the snippets for other sites and to what the losses of its
/// quantisations mean; without words where there is nothing to lead to.
pub(crate) fn jump(view: &MeasuredView, ways: &Ways<'_>, m: &Messages) -> String {
    let count = view.setups.len() + view.more;
    let mut links = Vec::new();
    let mut lead = |to: &str, words: &str| {
        if !to.is_empty() {
            links.push(format!("<a href=\"{}\">{words}</a>", crate::picture::escape(to)));
        }
    };
    if count > 0 {
        lead("#measured", &m.measured.jump(&count.to_string()));
        lead(&ways.board, m.leaderboard.title);
    }
    if view.runs > 0 {
        lead(&ways.runs, &m.measured.runs(&view.runs.to_string()));
    }
    lead(ways.embed, m.embed.share);
    if !ways.embed.is_empty() {
        lead("/methodology#loss", m.method.loss_link);
    }
    // Where the page's machine changes in place, these change with it.
    format!("<p class=\"note\" id=\"ways\">{}</p>", links.join(" · "))
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
            (count, false) => m.answer.reports(&count.to_string()),
            (count, true) => w.count(&count.to_string(), &line.signed.to_string()),
        },
        estimate: line.estimate_tps.map(figure::range).unwrap_or_default(),
        ratio: ratio.map(|ratio| format!("× {ratio:.2}")).unwrap_or_default(),
    }
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
        [at(point.at), figure::number(point.decode_tps.mid), point.count.to_string(), range, estimate]
    };
    Table {
        caption: m.measured.table(&curve.setup.short(view), title),
        head,
        rows: curve.points.iter().map(row).collect(),
    }
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
    use data::submission::EvidenceClass;

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
        assert!(html.contains("1 report so far") && !html.contains("× 1"), "{html}");
    }

    #[test]
    fn what_was_not_measured_comes_with_the_command_that_measures_it() {
        let mut view = MeasuredView { file: "Model-Q4_K_M.gguf".into(), ..Default::default() };
        let html = section(&view, &EN).unwrap();
        assert!(html.contains("llm-speed-probe bench --model Model-Q4_K_M.gguf"), "{html}");
        view.setups = vec![line(3)];
        let point = |at: u32| CurvePoint {
            at,
            count: if at == 4096 { 12 } else { 3 },
            decode_tps: Range { low: 9.0, mid: 10.0, high: 11.0 },
            estimate_tps: None,
        };
        view.decay =
            vec![MeasuredCurve { setup: SetupName::default(), points: [4096, 32_768].map(point).into() }];
        let html = section(&view, &EN).unwrap();
        assert!(html.contains("bench --full --workload W4,W5 --model"), "{html}");
        // Each point tells how many stand behind it.
        for count in [12, 3] {
            let cells =
                format!("<td class=\"num\">10</td><td class=\"num\">{count}</td><td class=\"num\">9–11</td>");
            assert!(html.contains(&cells), "{html}");
        }
    }
}
