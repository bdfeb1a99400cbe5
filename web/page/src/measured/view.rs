//! What the section of measurements is told: plain figures and names, no words and no markup.

use data::submission::{EvidenceClass, Turn};
use estimator::Range;

/// What a page shows of what was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredView {
    /// Name of the model, where the page is about one.
    pub model: String,
    /// Name of the machine, where the page is about one.
    pub machine: String,
    /// Names in the query that another answer is needed for, as a page of one model with another machine picked.
    pub depends_on: &'static str,
    /// Rows of the table of runs about the page's model or device.
    pub runs: usize,
    /// The setups with most reports.
    pub setups: Vec<SetupLine>,
    /// How many more there are.
    pub more: usize,
    /// Speed against context.
    pub decay: Vec<MeasuredCurve>,
    /// Speed of each request against requests at once.
    pub streams: Vec<MeasuredCurve>,
    /// Speed of all requests together against requests at once.
    pub aggregate: Vec<MeasuredCurve>,
    /// Runs of the agent's trace.
    pub traces: Vec<Trace>,
    /// Whether the reports could not be read: then nothing is said of them.
    pub away: bool,
    /// What asks for the same as data, `?model=ID`; empty where nothing does.
    pub asked: String,
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
    pub(super) fn links(&self, view: &MeasuredView) -> Vec<&(String, String)> {
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
    pub(super) fn short(&self, view: &MeasuredView) -> String {
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
    /// Median of decode, tokens a second and stream; none below [`MEDIAN_FROM`](data::submission::MEDIAN_FROM) submitters.
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
    /// Its points, ascending.
    pub points: Vec<CurvePoint>,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Context at the end of the answer in tokens, or requests at once.
    pub at: u32,
    /// Submitters.
    pub count: u32,
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
    /// The turns in their order; empty where only their percentiles were sent.
    pub timeline: Vec<Turn>,
    /// The whole trace, in milliseconds.
    pub wall_ms: Option<f64>,
    /// Tokens of the last prompt.
    pub prompt_tokens: u32,
    /// Tokens answered in all turns.
    pub output_tokens: u32,
    /// Share of the prompts that came out of the cache; none where the runtime does not tell.
    pub cache_share: Option<f64>,
}
