//! One answer as a card: every figure already written, so that the template only places it.

use askama::Template;
use chart::{Part, Verdict};
use data::answer::{Answer, FootprintGib};
use estimator::Range;

use crate::figure;
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{Card, Measured, Subject};
use crate::words;

/// Names in the query that describe a setup; links to other pages carry these and no filter.
pub(crate) const SETUP: &[&str] = &[
    "hardware",
    "devices",
    "class",
    "bandwidth_gb_s",
    "memory_gib",
    "usable_gib",
    "compute_f16_tflops",
    "host_ram_gib",
    "host_bandwidth_gb_s",
    "power",
    "split",
    "context",
    "prompt",
    "cached",
    "kv",
    "kv_v",
    "streams",
    "runtime",
    "backend",
    "use",
    "min_tps",
];

/// Names that stay in a link to another machine's page: the job, and nothing of the machine.
pub(crate) const JOB: &[&str] =
    &["context", "prompt", "cached", "kv", "kv_v", "streams", "runtime", "use", "min_tps"];

/// Speeds at both ends of the small bars, in tokens a second: the same on every page and picture, so that bars compare.
pub(crate) const TRACK_TPS: (f64, f64) = (0.5, 500.0);

/// A line of the details: what, and its value.
pub(crate) struct Fact {
    pub(crate) what: String,
    pub(crate) value: String,
}

impl Fact {
    pub(crate) fn new(what: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact { what: what.into(), value: value.into() }
    }
}

#[derive(Template)]
#[template(path = "card.html")]
pub(crate) struct CardRow<'a> {
    m: &'a Messages,
    class: &'static str,
    mark: String,
    verdict: &'static str,
    href: String,
    name: &'a str,
    note: String,
    quant: &'a str,
    remarks: String,
    decode: String,
    unit: &'static str,
    aggregate: String,
    decode_note: String,
    bar: String,
    measured: String,
    ttft: String,
    prefill_note: &'static str,
    memory_bar: String,
    memory: String,
    in_ram: String,
    bound: &'static str,
    score: String,
    ground: String,
    remedy: String,
    remedy_href: String,
    longest: String,
    flags: String,
    facts: Vec<Fact>,
}

impl<'a> CardRow<'a> {
    pub(crate) fn new(card: &'a Card, path: &str, query: &Query, m: &'a Messages) -> Self {
        let answer = &card.answer;
        let verdict = words::verdict(answer, card.fast_enough);
        let (href, name, note) = subject(&card.subject, path, query, m);
        let (remedy, remedy_href) =
            answer.remedy.as_ref().map(|change| words::remedy(change, path, query, m)).unwrap_or_default();
        let (score, ground) = capability(&card.subject, m);
        let shown = speed(card, m);
        let measured = card.measured.and_then(|measured| measured.decode_tps);
        CardRow {
            m,
            class: verdict.class(),
            mark: chart::verdict_mark(verdict, None),
            verdict: words::verdict_word(verdict, m),
            href,
            name,
            note,
            quant: &card.quant,
            remarks: remarks(card, m),
            decode: shown.decode,
            unit: if answer.setup.streams > 1 { m.answer.each } else { m.answer.tps },
            aggregate: answer
                .aggregate_tps
                .filter(|_| answer.setup.streams > 1)
                .map(|range| m.answer.aggregate(&figure::range(range)))
                .unwrap_or_default(),
            decode_note: shown.note,
            bar: answer
                .decode_tps
                .map(|range| chart::range_bar(plain(range), TRACK_TPS, verdict, measured, None))
                .unwrap_or_default(),
            measured: shown.beside,
            ttft: answer.ttft_ms.map(figure::duration).unwrap_or_default(),
            prefill_note: words::prefill_note(&answer.evidence, m),
            memory_bar: memory_bar(&answer.footprint_gib, m),
            memory: memory(&answer.footprint_gib, m),
            in_ram: if answer.footprint_gib.host >= 0.05 && verdict == Verdict::Offloaded {
                m.answer.in_ram(&figure::gib(answer.footprint_gib.host))
            } else {
                String::new()
            },
            bound: answer.bound_by.map_or("", |bound| words::bound(bound, m)),
            score,
            ground,
            remedy,
            remedy_href,
            longest: m.answer.longest_short(&longest_context(answer, m)),
            flags: answer.flags.join(" "),
            facts: facts(card, m),
        }
    }
}

/// The decode speed as a card shows it.
struct Speed {
    decode: String,
    note: String,
    beside: String,
}

/// What was measured goes before what is estimated, which then stands beside it.
fn speed(card: &Card, m: &Messages) -> Speed {
    let estimate = card.answer.decode_tps.map(figure::range).unwrap_or_default();
    let estimated = || words::decode_note(&card.answer.evidence, m).to_owned();
    match card.measured {
        Some(by) if by.decode_tps.is_some() && !estimate.is_empty() => Speed {
            decode: by.decode_tps.map(figure::number).unwrap_or_default(),
            note: median_of(by, m),
            beside: m.answer.estimated(&estimate),
        },
        Some(by) => {
            let beside = m.answer.reports(&by.count.to_string());
            Speed { decode: estimate, note: estimated(), beside }
        }
        None => Speed { decode: estimate, note: estimated(), beside: String::new() },
    }
}

/// What a median is of: pastes alone are no signed runs, and say so.
pub(crate) fn median_of(by: Measured, m: &Messages) -> String {
    let count = by.count.to_string();
    if by.signed == 0 { m.answer.median_of_pastes(&count) } else { m.answer.median_of(&count) }
}

/// The estimator's range as the chart's.
pub(crate) fn plain(range: Range) -> chart::Range {
    chart::Range { low: range.low, mid: range.mid, high: range.high }
}

fn subject<'a>(subject: &'a Subject, path: &str, query: &Query, m: &Messages) -> (String, &'a str, String) {
    match subject {
        Subject::Model(model) => {
            let mut note = figure::billions(model.params_b);
            if model.active_params_b < 0.95 * model.params_b {
                note = format!("{note}, {}", m.answer.active(&figure::billions(model.active_params_b)));
            }
            let setup = query.only(SETUP);
            // On a device's page the path names the machine.
            let setup = match path.strip_prefix("/d/") {
                Some(device) => setup.with("hardware", device),
                None => setup,
            };
            (setup.link(&format!("/m/{}", model.id), &[]), &model.name, note)
        }
        Subject::Device(device) => {
            let note = format!(
                "{}\u{a0}GiB, {}\u{a0}GB/s",
                figure::gib(device.memory_gib),
                figure::number(device.bandwidth_gb_s)
            );
            (query.only(JOB).link(&format!("/d/{}", device.id), &[]), &device.name, note)
        }
        Subject::File(name) => (String::new(), name, String::new()),
    }
}

fn capability(subject: &Subject, m: &Messages) -> (String, String) {
    match subject {
        Subject::Model(model) => {
            let ground = match model.elo {
                Some(elo) => m.answer.anchored(&elo.to_string()),
                None => m.answer.editorial.to_owned(),
            };
            (figure::number(model.score), ground)
        }
        Subject::Device(_) | Subject::File(_) => (String::new(), String::new()),
    }
}

/// What to know before reading the figures: another quantisation than was asked for, a context beyond the model's own.
fn remarks(card: &Card, m: &Messages) -> String {
    let setup = &card.answer.setup;
    let asked = setup.quant_asked.as_ref().map(|asked| m.answer.swapped(asked, &card.quant, &setup.runtime));
    format!("{} {}", asked.unwrap_or_default(), card.answer.notes.join(" ")).trim().to_owned()
}

/// How much of the usable memory it takes.
pub(crate) fn memory(footprint: &FootprintGib, m: &Messages) -> String {
    m.answer.of_usable(&figure::gib(footprint.total), &figure::gib(footprint.usable))
}

/// The footprint as a bar; the figures stand beside it and in the details.
pub(crate) fn memory_bar(footprint: &FootprintGib, m: &Messages) -> String {
    let parts = memory_parts(footprint, m).map(|(name, gib)| Part { name, gib });
    chart::memory_bar(&parts, footprint.usable, None)
}

fn memory_parts(gib: &FootprintGib, m: &Messages) -> [(&'static str, f64); 4] {
    [
        (m.answer.part_weights, gib.weights),
        (m.answer.part_kv, gib.kv_cache),
        (m.answer.part_buffer, gib.compute_buffer),
        (m.answer.part_runtime, gib.runtime),
    ]
}

fn facts(card: &Card, m: &Messages) -> Vec<Fact> {
    let answer = &card.answer;
    let mut facts = Vec::new();
    let memory: Vec<String> = memory_parts(&answer.footprint_gib, m)
        .into_iter()
        .map(|(name, gib)| format!("{} {name}", figure::gib(gib)))
        .collect();
    facts.push(Fact::new(m.answer.memory, format!("{} GiB", memory.join(", "))));
    if let Some(spill) = answer.spill {
        facts.push(Fact::new(m.answer.figure_offload, words::spill(spill, m)));
    }
    if let Some(prefill) = answer.prefill_tps {
        facts.push(Fact::new(m.answer.prefill, format!("{} {}", figure::range(prefill), m.answer.tps)));
    }
    let inverse = &answer.inverse;
    facts.push(Fact::new(m.answer.longest_context, longest_context(answer, m)));
    if let Some(best) = inverse.best_quant.as_ref().filter(|best| **best != answer.setup.quant) {
        facts.push(Fact::new(m.answer.best_quant, best));
    }
    if let Some(streams) = inverse.most_streams {
        facts.push(Fact::new(m.answer.most_streams, streams.to_string()));
    }
    let target = m.answer.bandwidth_needed(&figure::number(inverse.target_tps));
    if !card.fast_enough {
        let needed = inverse.bandwidth_needed_gb_s.map(|gb_s| format!("{} GB/s", figure::number(gb_s)));
        facts.extend(needed.or_else(|| inverse.no_bandwidth.clone()).map(|needed| Fact::new(target, needed)));
    }
    facts.push(Fact::new(m.answer.rests_on, evidence(answer, m)));
    if let Subject::Model(model) = &card.subject
        && model.elo.is_none()
        && !model.basis.is_empty()
    {
        facts.push(Fact::new(m.answer.capability, m.answer.editorial_long(&model.basis)));
    }
    facts.extend(answer.unverified.iter().map(|what| Fact::new(m.answer.note, m.results.unverified(what))));
    facts
}

fn longest_context(answer: &Answer, m: &Messages) -> String {
    answer.inverse.longest_context.map_or(m.answer.none_fits.to_owned(), figure::tokens)
}

/// What each figure rests on; figures that rest on the same are named together.
fn evidence(answer: &Answer, m: &Messages) -> String {
    let by = &answer.evidence;
    let figures = [
        (m.answer.figure_decode, Some(by.decode)),
        (m.answer.figure_prefill, Some(by.prefill)),
        (m.answer.figure_runtime, by.runtime),
        (m.answer.figure_streams, by.streams),
        (m.answer.figure_offload, by.offload),
    ];
    let lines: Vec<String> = figures
        .into_iter()
        .filter_map(|(name, evidence)| Some(format!("{name}: {}", words::evidence(evidence?, m))))
        .collect();
    lines.join("; ")
}
