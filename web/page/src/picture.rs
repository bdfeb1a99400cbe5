//! Pictures that stand alone: badges, and the previews that other sites show beside a link. SVG with all of its style
//! inside; the server makes PNG of the previews.

use chart::Verdict;
use data::submission::State;
use estimator::Range;

use crate::card::{self, TRACK_TPS};
use crate::embed::PairView;
use crate::messages::Messages;
use crate::report::{self, ReportView};
use crate::{figure, words};

/// Width and height of a preview, in pixels: what the sites that show them ask for.
const PREVIEW: (u32, u32) = (1200, 630);

/// Grounds of a badge's right half; white text keeps 4.5:1 on each.
const FINE: &str = "#1f6f54";
const MIDDLING: &str = "#8a5a00";
const BAD: &str = "#a3302d";
const UNKNOWN: &str = "#5c6470";

/// What was measured of a result, as a badge.
#[must_use]
pub fn report_badge(view: &ReportView, m: &Messages) -> String {
    let left = format!("{} {}", view.model, view.quant);
    // What is doubted, and what does not count, is not told in the colour of what does.
    let ground = match view.state {
        State::Accepted | State::Reinstated if !view.in_doubt => FINE,
        State::Accepted | State::Reinstated | State::Disputed | State::Flagged => MIDDLING,
        State::Held => UNKNOWN,
        State::Withdrawn => BAD,
    };
    badge(&left, &report::standing(view, m), ground)
}

/// How a model runs on a machine, as a badge.
#[must_use]
pub fn pair_badge(pair: &PairView, m: &Messages) -> String {
    let left = format!("{} {}", pair.model, pair.quant);
    let right = match pair.speed(m) {
        Some((speed, _)) => format!("{speed} {}", m.answer.tps),
        None => words::verdict_word(Verdict::TooBig, m).to_owned(),
    };
    let ground = match pair.verdict() {
        Verdict::Runs => FINE,
        Verdict::Slow | Verdict::Offloaded => MIDDLING,
        Verdict::TooBig => BAD,
    };
    badge(&left, &m.embed.badge_right(&pair.device, &right), ground)
}

/// The badge of an address that asks for nothing that there is.
#[must_use]
pub fn unknown_badge(m: &Messages) -> String {
    badge(m.site.name, m.embed.unknown, UNKNOWN)
}

/// The preview of such an address.
#[must_use]
pub fn unknown_preview(m: &Messages) -> String {
    preview(
        &Preview {
            model: m.embed.unknown.to_owned(),
            machine: m.embed.unknown_text.to_owned(),
            figure: "?".to_owned(),
            unit: String::new(),
            verdict: None,
            facts: Vec::new(),
            range: None,
            measured_tps: None,
        },
        m,
    )
}

/// Two boxes side by side.
fn badge(left: &str, right: &str, ground: &str) -> String {
    // Seven units a letter are generous for a sans-serif of eleven.
    let width = |text: &str| 7.0 * text.chars().count() as f64 + 14.0;
    let (one, two) = (width(left), width(right));
    let (whole, first, second) = (one + two, one / 2.0, one + two / 2.0);
    let (left, right) = (escape(left), escape(right));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"{left}: {right}\">\
         <title>{left}: {right}</title><rect width=\"{whole}\" height=\"20\" rx=\"3\" fill=\"#3b4252\"/>\
         <rect x=\"{one}\" width=\"{two}\" height=\"20\" rx=\"3\" fill=\"{ground}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">\
         <text x=\"{first}\" y=\"14\">{left}</text><text x=\"{second}\" y=\"14\">{right}</text></g></svg>"
    )
}

/// What a preview says, from top to bottom.
struct Preview {
    model: String,
    machine: String,
    /// The large figure, and what it is.
    figure: String,
    unit: String,
    verdict: Option<(Verdict, &'static str)>,
    /// Small pairs in the last line: what, and its value.
    facts: Vec<(&'static str, String)>,
    range: Option<Range>,
    measured_tps: Option<f64>,
}

/// The preview of a model on a machine.
#[must_use]
pub fn pair_preview(pair: &PairView, m: &Messages) -> String {
    let answer = &pair.answer;
    let verdict = pair.verdict();
    let (figure, unit) = match pair.speed(m) {
        Some((speed, ground)) => (speed, format!("{}, {ground}", m.answer.tps)),
        None => (words::verdict_word(verdict, m).to_owned(), String::new()),
    };
    let mut facts = vec![
        (m.model.quant, pair.quant.clone()),
        (m.answer.memory, card::memory(&answer.footprint_gib, m)),
        (m.embed.context, figure::tokens(answer.setup.context)),
    ];
    facts.extend(answer.ttft_ms.map(|ttft| (m.answer.ttft, figure::duration(ttft))));
    preview(
        &Preview {
            model: pair.model.clone(),
            machine: m.embed.on(&pair.device),
            figure,
            unit,
            verdict: answer.decode_tps.map(|_| (verdict, words::verdict_word(verdict, m))),
            facts,
            range: answer.decode_tps,
            measured_tps: pair.measured.and_then(|measured| measured.decode_tps),
        },
        m,
    )
}

/// The preview of a result.
#[must_use]
pub fn report_preview(view: &ReportView, m: &Messages) -> String {
    // A speed that does not count is not shown; where the result stands is, in its place.
    let first = view.points.iter().find(|point| point.decode_tps.is_some()).filter(|_| report::counts(view));
    let tps = first.and_then(|point| point.decode_tps);
    let state = report::state_words(view.state, view.in_doubt, m);
    let mut facts = vec![(m.model.quant, view.quant.clone()), (m.report.runtime, view.runtime.clone())];
    facts.extend(first.and_then(|point| {
        let estimate = figure::number(point.estimate_tps?);
        Some((m.report.estimate, format!("{estimate} {}", m.answer.tps)))
    }));
    facts.push((m.report.measured_on, view.measured_on.clone()));
    preview(
        &Preview {
            model: view.model.clone(),
            machine: m.embed.on(&view.device),
            unit: if tps.is_some() { format!("{}, {state}", m.answer.tps) } else { String::new() },
            figure: tps.map_or(state, figure::number),
            verdict: None,
            facts,
            range: None,
            measured_tps: tps,
        },
        m,
    )
}

fn preview(shown: &Preview, m: &Messages) -> String {
    const LEFT: f64 = 80.0;
    const WIDE: f64 = 1040.0;
    let (width, height) = PREVIEW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"Inter\">\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#16191d\"/><rect width=\"{width}\" height=\"10\" fill=\"#62b1f2\"/>"
    );
    let mut text = |y: f64, size: f64, weight: u32, fill: &str, words: &str| {
        let words = escape(words);
        out.push_str(&format!(
            "<text x=\"{LEFT}\" y=\"{y}\" font-size=\"{size:.0}\" font-weight=\"{weight}\" fill=\"{fill}\">{words}</text>"
        ));
    };
    text(84.0, 30.0, 600, "#9aa5b1", &format!("{} · {}", m.site.name, m.site.tagline));
    text(190.0, fitted(&shown.model, 72.0, WIDE), 600, "#e6e9ed", &shown.model);
    text(248.0, fitted(&shown.machine, 40.0, WIDE), 400, "#e6e9ed", &shown.machine);
    let large = fitted(&shown.figure, 120.0, 620.0);
    let small = fitted(&shown.unit, 36.0, WIDE - 24.0 - wide(&shown.figure, large));
    out.push_str(&format!(
        "<text x=\"{LEFT}\" y=\"404\" font-size=\"{large:.0}\" font-weight=\"600\" fill=\"#e6e9ed\">{}\
         <tspan dx=\"24\" font-size=\"{small:.0}\" font-weight=\"400\" fill=\"#9aa5b1\">{}</tspan></text>",
        escape(&shown.figure),
        escape(&shown.unit)
    ));
    if let Some((verdict, word)) = shown.verdict {
        let colour = match verdict {
            Verdict::Runs => "#3fcf9f",
            Verdict::Slow => "#e9b44c",
            Verdict::Offloaded => "#a999f5",
            Verdict::TooBig => "#ff8178",
        };
        out.push_str(&format!(
            "<text x=\"{:.0}\" y=\"84\" text-anchor=\"end\" font-size=\"32\" font-weight=\"600\" fill=\"{colour}\">{}</text>",
            LEFT + WIDE,
            escape(word)
        ));
    }
    out.push_str(&bar(shown, (LEFT, WIDE)));
    let column = WIDE / shown.facts.len().max(1) as f64;
    for (i, (what, value)) in shown.facts.iter().enumerate() {
        let x = LEFT + column * i as f64;
        let size = fitted(value, 32.0, column - 20.0);
        out.push_str(&format!(
            "<text x=\"{x:.0}\" y=\"530\" font-size=\"24\" fill=\"#9aa5b1\">{}</text>\
             <text x=\"{x:.0}\" y=\"572\" font-size=\"{size:.0}\" font-weight=\"600\" fill=\"#e6e9ed\">{}</text>",
            escape(what),
            escape(value)
        ));
    }
    out.push_str("</svg>");
    out
}

/// The range on a logarithmic track, with a stroke where the measurement stands.
fn bar(shown: &Preview, (left, width): (f64, f64)) -> String {
    let (low, high) = TRACK_TPS;
    let at = |tps: f64| left + width * ((tps / low).ln() / (high / low).ln()).clamp(0.0, 1.0);
    let mut out =
        format!("<rect x=\"{left}\" y=\"452\" width=\"{width}\" height=\"8\" rx=\"4\" fill=\"#2a3037\"/>");
    if let Some(range) = shown.range {
        let (from, to) = (at(range.low), at(range.high));
        let long = (to - from).max(6.0);
        out.push_str(&format!(
            "<rect x=\"{from:.0}\" y=\"444\" width=\"{long:.0}\" height=\"24\" rx=\"6\" fill=\"#62b1f2\"/>"
        ));
    }
    if let Some(tps) = shown.measured_tps {
        let x = at(tps) - 3.0;
        out.push_str(&format!("<rect x=\"{x:.0}\" y=\"436\" width=\"6\" height=\"40\" fill=\"#e6e9ed\"/>"));
    }
    out
}

/// The width of words in a semi-bold sans-serif of this size, on the generous side.
fn wide(words: &str, size: f64) -> f64 {
    0.62 * size * words.chars().count() as f64
}

/// The size, up to `most`, at which words fit into a width.
fn fitted(words: &str, most: f64, width: f64) -> f64 {
    (width / wide(words, 1.0).max(1.0)).clamp(12.0, most)
}

/// Text as it may stand in an SVG: markup escaped; what XML forbids left out.
pub(crate) fn escape(text: &str) -> String {
    let plain: String =
        text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}')).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::EN;

    #[test]
    fn a_long_name_is_written_smaller_and_never_too_wide() {
        for name in ["8B", "Llama-3.3-Nemotron-Super-49B-v1.5", &"x".repeat(80)] {
            let size = fitted(name, 72.0, 1040.0);
            assert!(size <= 72.0 && (wide(name, size) <= 1041.0 || size == 12.0), "{name}: {size}");
        }
    }

    #[test]
    fn what_others_wrote_is_text_in_a_picture_too() {
        let svg = badge("<script>\u{0}", "\"&", FINE);
        assert!(
            svg.contains("&lt;script&gt;") && !svg.contains("<script") && !svg.contains('\u{0}'),
            "{svg}"
        );
        let shown = Preview {
            model: "</text><image href='x'/>".into(),
            machine: "<b>".into(),
            figure: "1".into(),
            unit: String::new(),
            verdict: None,
            facts: vec![("a", "</svg>".into())],
            range: None,
            measured_tps: None,
        };
        let svg = preview(&shown, &EN);
        assert!(!svg.contains("<image") && !svg.contains("<b>"), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1);
    }
}
