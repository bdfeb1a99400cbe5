//! The page of one result that somebody sent: every signal, where it stands and why, and what was said about it.

mod view;

use askama::Template;
use data::submission::{EvidenceClass, State};

use crate::document::{Frame, Site};
use crate::messages::Messages;
use crate::{figure, words};

pub use view::{Ladder, Reasoning, ReportPoint, ReportView, Said};

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    m: &'a Messages,
    view: &'a ReportView,
    state: String,
    evidence: &'static str,
    ladder: &'static str,
    rows: Vec<Row<'a>>,
    thread: Vec<Line<'a>>,
}

struct Row<'a> {
    point: &'a ReportPoint,
    what: String,
    /// Reasoning and answer apart; empty where nothing was reasoned.
    apart: String,
    decode: String,
    estimate: String,
    ratio: String,
    prefill: String,
    ttft: String,
    median: String,
}

struct Line<'a> {
    said: &'a Said,
    kind: &'static str,
    actor: &'static str,
    opens: bool,
}

/// The state in a word or two, and beside it that somebody doubts what does not count anyway.
pub(crate) fn state_words(state: State, in_doubt: bool, m: &Messages) -> String {
    let word = words::state(state, m);
    if in_doubt && state != State::Disputed {
        format!("{word} · {}", m.state.disputed)
    } else {
        word.to_owned()
    }
}

fn kind_word(kind: &str, m: &Messages) -> &'static str {
    match kind {
        "accepted" => m.state.accepted,
        "flagged" => m.state.flagged,
        "held" => m.state.held,
        "withdrawn" => m.state.withdrawn,
        "reinstated" => m.state.reinstated,
        "disputed" => m.state.disputed,
        "answered" => m.report.answered,
        "settled" => m.report.settled,
        "evidence" => m.report.raw_timings,
        _ => "",
    }
}

fn actor_word(actor: &str, m: &Messages) -> &'static str {
    match actor {
        "submitter" => m.report.by_submitter,
        "maintainer" => m.report.by_maintainer,
        "server" => m.report.by_server,
        _ => m.report.by_anyone,
    }
}

/// How much was reasoning, and how fast the answer came after it.
fn apart(reasoning: Reasoning, m: &Messages) -> String {
    let w = &m.report;
    let mut parts =
        vec![w.reasoning(&figure::tokens(reasoning.answer_tokens), &figure::tokens(reasoning.tokens))];
    parts.extend(reasoning.first_answer_ms.map(|ms| {
        let after = estimator::Range { low: ms, mid: ms, high: ms };
        w.answer_after(&figure::duration(after))
    }));
    parts.extend(reasoning.answer_tps.map(|tps| w.answer_speed(&figure::number(tps))));
    parts.join(", ")
}

fn row<'a>(point: &'a ReportPoint, m: &Messages) -> Row<'a> {
    let speed = |value: Option<f64>| value.map(figure::number).unwrap_or_default();
    let ratio = point.decode_tps.zip(point.estimate_tps).map(|(tps, estimate)| tps / estimate);
    Row {
        point,
        what: m.report.point(
            &figure::tokens(point.output_tokens),
            &figure::tokens(point.prompt_tokens),
            &point.streams.to_string(),
        ),
        apart: point.reasoning.map(|reasoning| apart(reasoning, m)).unwrap_or_default(),
        decode: speed(point.decode_tps),
        estimate: speed(point.estimate_tps),
        ratio: ratio.map(|ratio| format!("× {ratio:.2}")).unwrap_or_default(),
        prefill: speed(point.prefill_tps),
        ttft: point.ttft_ms.map(|ms| format!("{} ms", figure::number(ms))).unwrap_or_default(),
        median: point
            .median
            .map(|(tps, count)| m.report.median_of(&count.to_string(), &figure::number(tps)))
            .unwrap_or_default(),
    }
}

/// What stands inside the page of a result.
fn body(view: &ReportView, m: &Messages) -> askama::Result<String> {
    Report {
        m,
        view,
        state: state_words(view.state, view.in_doubt, m),
        evidence: match view.evidence {
            EvidenceClass::Signed => m.report.signed,
            EvidenceClass::Pasted => m.report.pasted,
            EvidenceClass::Unverified => m.report.unverified,
        },
        ladder: match view.ladder {
            Ladder::Single => m.report.single,
            Ladder::Reproduced => m.report.reproduced,
            Ladder::Independent => m.report.independent,
        },
        rows: view.points.iter().map(|point| row(point, m)).collect(),
        thread: view
            .thread
            .iter()
            .map(|said| Line {
                said,
                kind: kind_word(said.kind, m),
                actor: actor_word(said.actor, m),
                opens: said.dispute == Some(said.number),
            })
            .collect(),
    }
    .render()
}

/// The page of a result.
pub fn report_page(view: &ReportView, m: &Messages, site: &Site) -> askama::Result<String> {
    let heading = m.report.heading(&view.device, &view.model);
    Frame {
        description: &description(view, m),
        title: &format!("{heading} – {}", m.site.name),
        heading: &heading,
        current: "",
        body: body(view, m)?,
        preview: format!("/social/r/{}.png", view.id),
        wide: true,
        script: &site.dispute,
        ..Frame::default()
    }
    .render(m, site)
}

/// What other sites show of a result: where it stands or how fast it is, of what, and when.
fn description(view: &ReportView, m: &Messages) -> String {
    let parts =
        [&standing(view, m), &view.model, &view.quant, &view.device, &view.runtime, &view.measured_on];
    let parts: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// Whether the result counts for anything.
pub(crate) fn counts(view: &ReportView) -> bool {
    matches!(view.state, State::Accepted | State::Reinstated | State::Disputed)
}

/// The speed of a result that counts, or where it stands.
pub(crate) fn standing(view: &ReportView, m: &Messages) -> String {
    match view.points.iter().find_map(|point| point.decode_tps).filter(|_| counts(view)) {
        Some(tps) => format!("{} {}", figure::number(tps), m.answer.tps),
        None => state_words(view.state, view.in_doubt, m),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::EN;
    use crate::picture::{report_badge, report_preview};
    use data::submission::Reason;

    fn view() -> ReportView {
        ReportView {
            id: "abc".into(),
            state: State::Flagged,
            in_doubt: true,
            evidence: EvidenceClass::Pasted,
            device: "<script>alert(1)</script>".into(),
            device_href: String::new(),
            model: "Model & Co \"x\"".into(),
            model_href: "/m/model".into(),
            quant: "Q4_K_M".into(),
            runtime: "llama.cpp b1".into(),
            measured_on: "2026-11-22".into(),
            suite: String::new(),
            surroundings: vec![("driver".into(), "<img src=x onerror=y>".into())],
            points: vec![ReportPoint {
                workload: "W1".into(),
                prompt_tokens: 128,
                output_tokens: 256,
                streams: 1,
                decode_tps: Some(104.0),
                estimate_tps: Some(100.0),
                prefill_tps: None,
                ttft_ms: Some(31.0),
                median: Some((101.0, 3)),
                reasoning: Some(Reasoning {
                    tokens: 200,
                    answer_tokens: 56,
                    first_answer_ms: Some(2100.0),
                    answer_tps: Some(99.0),
                }),
                flags: "unstable".into(),
            }],
            reasons: vec![Reason { code: "far_from_others".into(), says: "Twice <b>as</b> fast.".into() }],
            ladder: Ladder::Reproduced,
            thread: vec![Said {
                number: 4,
                at: "2026-11-22 10:00".into(),
                dispute: Some(4),
                kind: "disputed",
                actor: "anyone",
                says: "</p><script>".into(),
                open: true,
            }],
            by: "someone".into(),
            log_index: 7,
            digest: "ab".repeat(32),
            erased: false,
        }
    }

    #[test]
    fn other_sites_are_told_of_this_result_and_no_other() {
        let counted = ReportView { state: State::Accepted, in_doubt: false, ..view() };
        let says = description(&counted, &EN);
        assert!(
            says.contains("tok/s · Model & Co \"x\" · Q4_K_M") && says.contains("llama.cpp b1 · 2026-11-22"),
            "{says}"
        );
        assert!(description(&view(), &EN).starts_with("Flagged"), "no speed that does not count");
    }

    #[test]
    fn what_others_wrote_is_text() {
        let html = body(&view(), &EN).unwrap();
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>as"), "{html}");
        for part in [
            "200 reasoning, 56 answer",
            "2.1\u{a0}s",
            "Twice &#60;b&#62;as",
            "× 1.04",
            "unstable",
            "dispute-4",
            "--dispute 4",
            "/u/someone",
            &format!("<b>{} · {}</b>", EN.state.flagged, EN.state.disputed),
            "104",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn a_badge_and_a_preview_are_one_picture_without_markup_of_others() {
        let mut shown = view();
        shown.model = "</text><script>".into();
        let svg = report_badge(&shown, &EN);
        assert!(!svg.contains("<script") && svg.contains(EN.state.flagged), "{svg}");
        shown.state = State::Accepted;
        assert!(report_preview(&shown, &EN).contains("104"));
        assert!(report_badge(&shown, &EN).contains("104 tok/s"));
    }

    #[test]
    fn what_does_not_count_has_neither_the_colour_nor_the_speed_of_what_does() {
        const FINE: &str = "#1f6f54";
        let green =
            |state, in_doubt| report_badge(&ReportView { state, in_doubt, ..view() }, &EN).contains(FINE);
        assert!(green(State::Accepted, false) && green(State::Reinstated, false));
        assert!(!green(State::Accepted, true), "in doubt");
        for state in [State::Flagged, State::Held, State::Withdrawn] {
            assert!(!green(state, false), "{state:?}");
            let preview = report_preview(&ReportView { state, in_doubt: false, ..view() }, &EN);
            assert!(preview.contains(words::state(state, &EN)) && !preview.contains(">104"), "{preview}");
        }
    }
}
