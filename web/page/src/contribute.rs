//! Contributing what another tool printed: the preview, and what became of it.

use askama::Template;
use data::paste::Verdict;
use data::submission::State;
use estimator::Range;

use crate::messages::Messages;
use crate::{figure, words};

/// The fields that buttons among the results set: which run, and which of several rows.
pub const PICKS: [&str; 5] = ["run", "hardware_is", "model_is", "quant_is", "runtime_is"];

/// A paste as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContributeView {
    /// What it amounts to; `None` before anything was pasted.
    pub verdict: Option<Verdict>,
    /// The same in a sentence.
    pub says: String,
    /// The text with the values marked; empty where its encoding lets nothing be marked.
    pub pieces: Vec<Piece>,
    /// The runs in it.
    pub runs: Vec<RunLine>,
    /// Why other timing lines are not believed.
    pub ignored: Vec<&'static str>,
    /// The timing lines of the chosen run: all that would be sent of the text.
    pub lines: String,
    /// Where it ran.
    pub machine: Match,
    /// What ran.
    pub model: Match,
    /// Its quantisation.
    pub quant: Match,
    /// What ran it; several where the lines leave it open.
    pub runtime: Match,
    /// Whether the person named it, since the lines leave it open.
    pub is_runtime_named: bool,
    /// The estimate for the same, once all is known.
    pub beside: Option<Beside>,
}

impl ContributeView {
    /// Whether everything is there that is needed to send it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.lines.is_empty()
            && [&self.machine, &self.model, &self.quant].iter().all(|found| found.id().is_some())
    }
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its letters.
    pub text: String,
    /// The value that was read from it; empty for plain text.
    pub what: &'static str,
}

impl Piece {
    /// What was read from it, in words: a value's name without its underscores, and its unit as on cards.
    fn label(&self, m: &Messages) -> String {
        self.what.replace("tps", m.contribute.tps).replace('_', " ")
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLine {
    /// From 1.
    pub number: usize,
    /// What printed it.
    pub tool: &'static str,
    /// The model, as printed.
    pub model: String,
    /// Tokens a second.
    pub decode_tps: Option<f64>,
    /// Tokens a second.
    pub prefill_tps: Option<f64>,
    /// Tokens in the context before.
    pub depth_tokens: Option<u64>,
    /// Tokens that were computed of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of output.
    pub output_tokens: Option<u64>,
    /// What is remarkable about it, in sentences.
    pub flags: Vec<&'static str>,
    /// Whether it is the one to send.
    pub chosen: bool,
}

/// A name in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Match {
    /// Nobody says.
    #[default]
    Missing,
    /// One row.
    Found {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// It could be several: ids and names.
    Several {
        /// What was said.
        text: String,
        /// The rows.
        between: Vec<(String, String)>,
    },
    /// None, but these are near: ids and names.
    Unknown {
        /// What was said.
        text: String,
        /// The rows.
        near: Vec<(String, String)>,
    },
}

impl Match {
    /// The row's id, where there is one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        if let Match::Found { id, .. } = self { Some(id) } else { None }
    }
}

/// What was measured, and what we say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beside {
    /// Our decode speed, tokens a second.
    pub decode: Option<Range>,
    /// The one in the text.
    pub measured_decode: Option<f64>,
    /// Our prefill speed, tokens a second.
    pub prefill: Option<Range>,
    /// The one in the text.
    pub measured_prefill: Option<f64>,
}

#[derive(Template)]
#[template(path = "contribute_results.html")]
struct Results<'a> {
    m: &'a Messages,
    view: &'a ContributeView,
    class: &'static str,
    runs: Vec<RunRow<'a>>,
    names: Vec<NameRow<'a>>,
    beside: Vec<(&'static str, String, String, String)>,
    ready: bool,
}

struct RunRow<'a> {
    run: &'a RunLine,
    decode: String,
    prefill: String,
    tokens: String,
}

struct NameRow<'a> {
    field: &'static str,
    label: &'static str,
    words: String,
    found: bool,
    offers: &'a [(String, String)],
}

/// What goes into `#results`.
pub fn results(view: &ContributeView, m: &Messages) -> askama::Result<String> {
    let w = &m.contribute;
    let rate = |tps: Option<f64>| tps.map(|tps| format!("{tps:.2}")).unwrap_or_default();
    let tokens = |run: &RunLine| {
        let counts = [run.depth_tokens, run.prompt_tokens, run.output_tokens];
        let words = [&w.depth, &w.prompt, &w.output];
        let told = counts.iter().zip(words).filter_map(|(count, word)| Some(format!("{word} {}", (*count)?)));
        told.collect::<Vec<_>>().join(", ")
    };
    let ratio = |measured: Option<f64>, ours: Option<Range>| match (measured, ours) {
        (Some(measured), Some(ours)) => format!("{:.2} ×", measured / ours.mid),
        _ => String::new(),
    };
    let beside = view.beside.map_or_else(Vec::new, |b| {
        [(w.decode, b.measured_decode, b.decode), (w.prefill, b.measured_prefill, b.prefill)]
            .into_iter()
            .filter(|(_, measured, _)| measured.is_some())
            .map(|(label, measured, ours)| {
                (label, rate(measured), ours.map(figure::range).unwrap_or_default(), ratio(measured, ours))
            })
            .collect()
    });
    let name = |field, label, found| name_row(field, label, found, m);
    Results {
        m,
        view,
        class: view.verdict.map_or("", class),
        runs: view
            .runs
            .iter()
            .map(|run| RunRow {
                run,
                decode: rate(run.decode_tps),
                prefill: rate(run.prefill_tps),
                tokens: tokens(run),
            })
            .collect(),
        names: if view.lines.is_empty() {
            Vec::new()
        } else {
            vec![
                name("hardware", w.machine, &view.machine),
                name("model", w.model, &view.model),
                name("quant", w.quant, &view.quant),
                name("runtime", w.runtime, &view.runtime),
            ]
        },
        beside,
        ready: view.is_ready(),
    }
    .render()
}

fn name_row<'a>(field: &'static str, label: &'static str, found: &'a Match, m: &Messages) -> NameRow<'a> {
    let w = &m.contribute;
    let (words, offers): (String, &[(String, String)]) = match found {
        Match::Missing => (w.missing.to_owned(), &[]),
        Match::Found { name, .. } => (name.clone(), &[]),
        Match::Several { text, between } => (w.several(text), between),
        Match::Unknown { text, near } => (w.unknown(text), near),
    };
    NameRow { field, label, words, found: found.id().is_some(), offers }
}

/// The verdict's colour and shape, those of a card; the style sheet draws the shape.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted | Verdict::Several => chart::Verdict::Runs,
        Verdict::DecodeOnly | Verdict::PrefillOnly | Verdict::Flagged => chart::Verdict::Slow,
        Verdict::Refused => chart::Verdict::TooBig,
    }
    .class()
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptView {
    /// The result's page.
    pub url: String,
    /// Where it stands.
    pub state: State,
    /// Why, in sentences.
    pub reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "contribute_receipt.html")]
struct ReceiptBody<'a> {
    m: &'a Messages,
    receipt: &'a ReceiptView,
    state: &'static str,
}

/// What goes into `#results` once it was sent.
pub fn receipt(receipt: &ReceiptView, m: &Messages) -> askama::Result<String> {
    ReceiptBody { m, receipt, state: words::state(receipt.state, m) }.render()
}
