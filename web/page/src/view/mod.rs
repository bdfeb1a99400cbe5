//! What a page shows, as plain data: answers and the names around them, no markup and no sentence.

mod file;

use data::answer::{Answer, EvidenceByFigure, FootprintGib};
/// What is wrong with one field of the form.
pub use data::query::FieldError as Problem;
use estimator::Range;

pub use file::{FileFormat, FileLine, FileNote, FileProblem, FileView, Told};

/// The machine that the answers are for.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineNote {
    /// Its name, such as "2 × GeForce RTX 3090".
    pub name: String,
    /// Id and name of each kind of device in it, for links; empty for figures that were typed in.
    pub devices: Vec<(String, String)>,
    /// Memory of all devices, in GiB.
    pub memory_gib: f64,
    /// What of it a model may use, in GiB.
    pub usable_gib: f64,
    /// Bandwidth of each device, in 10⁹ bytes a second.
    pub bandwidth_gb_s: Vec<f64>,
    /// What was recalled rather than read about it, in words.
    pub unverified: Vec<String>,
}

/// A model, as a card names it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelNote {
    /// Its id.
    pub id: String,
    /// As its maker writes it.
    pub name: String,
    /// Which models it belongs with.
    pub family: String,
    /// Parameters, in 10⁹.
    pub params_b: f64,
    /// Parameters that one token uses, in 10⁹.
    pub active_params_b: f64,
    /// Capability, 0 to 100.
    pub score: f64,
    /// LMArena Elo, where the score is anchored to one.
    pub elo: Option<u16>,
    /// What the score rests on, where it is editorial.
    pub basis: String,
}

/// A device, as a card names it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceNote {
    /// Its id.
    pub id: String,
    /// As its maker writes it.
    pub name: String,
    /// `discrete_gpu`, `apple`, `unified`, `cpu` or `mobile`.
    pub class: String,
    /// Memory, in GiB; for a device that is sold with several sizes, the one that the answer is for.
    pub memory_gib: f64,
    /// Bandwidth, in 10⁹ bytes a second.
    pub bandwidth_gb_s: f64,
}

/// Who a card is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A model on the page's machine.
    Model(ModelNote),
    /// A machine for the page's model.
    Device(DeviceNote),
    /// A file that was read.
    File(String),
}

/// What people measured of the very same setup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Median decode speed, in tokens a second; none where too few reported.
    pub decode_tps: Option<f64>,
    /// How many submitters reported.
    pub count: u32,
    /// How many of them sent a signed run.
    pub signed: u32,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Who it is about.
    pub subject: Subject,
    /// Name of the quantisation.
    pub quant: String,
    /// The estimate.
    pub answer: Answer,
    /// Whether it reaches the wanted speed.
    pub fast_enough: bool,
    /// What was measured, where anything was.
    pub measured: Option<Measured>,
}

/// Decode speed against context, for one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The model's name.
    pub name: String,
    /// Context in tokens, ascending, and the speed there in tokens a second.
    pub points: Vec<(u32, Range)>,
}

/// What the answers were asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Tokens in the cache while decoding.
    pub context_tokens: u32,
    /// Least decode speed, in tokens a second.
    pub minimum_tps: f64,
}

/// Cards on one page: keeps each page within its size budget, and a reader within reach of its end.
pub const PER_PAGE: usize = 45;

/// Which page of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The page, from 1.
    pub number: usize,
    /// How many there are, at least 1.
    pub of: usize,
}

impl Pages {
    /// The page that was asked for (`page=2`), or the nearest there is, of a list of this length.
    #[must_use]
    pub fn asked(page: &str, length: usize) -> Pages {
        let of = length.div_ceil(PER_PAGE).max(1);
        Pages { number: page.parse().unwrap_or(1).clamp(1, of), of }
    }

    /// Where on the list the page begins.
    #[must_use]
    pub fn first(&self) -> usize {
        (self.number - 1) * PER_PAGE
    }
}

/// One model in the chart of speed over capability.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// The model's id.
    pub id: String,
    /// Id of its quantisation.
    pub quant: String,
    /// The model's name.
    pub name: String,
    /// Capability, 0 to 100.
    pub score: f64,
    /// Decode speed in tokens a second; `None` where it does not run.
    pub decode_tps: Option<Range>,
    /// How it runs.
    pub verdict: chart::Verdict,
    /// What was measured, where there is a median.
    pub measured: Option<Measured>,
}

/// All models on one machine: the first page, and the lower part of a device's page.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeView {
    /// The machine; `None` until one is picked.
    pub machine: Option<MachineNote>,
    /// What was asked for.
    pub wanted: Wanted,
    /// Every model that passes the filters.
    pub spots: Vec<Spot>,
    /// One card for each model of this page, in the order asked for.
    pub cards: Vec<Card>,
    /// Which page of the list this is.
    pub pages: Pages,
    /// Speed against context for a few models.
    pub curves: Vec<Curve>,
    /// The longest context at which the first curve's model fits whole, in tokens.
    pub longest_context: Option<u32>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// What to offer where no machine is picked.
    pub start: StartNote,
}

/// What the first page offers before a machine is picked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartNote {
    /// Ids and names of machines that many people have.
    pub popular: Vec<(String, String)>,
    /// How many devices, models and quantisations there are.
    pub counts: (usize, usize, usize),
}

/// One kind of layer in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// Attention to everything, with this many key-value heads.
    Full(u32),
    /// Attention to this many tokens back.
    Window(u32),
    /// One compressed vector for all heads.
    Latent,
    /// A state of constant size.
    Recurrent,
    /// No memory of the past.
    FeedForward,
}

/// What a model's page says beside its answers.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFacts {
    /// Tokens of context that it was made for.
    pub native_context_tokens: u32,
    /// Layers by kind, with how many there are.
    pub layers: Vec<(u32, LayerKind)>,
    /// Routed experts that a token visits, and how many there are; `None` in a dense model.
    pub experts: Option<(u32, u32)>,
    /// Bytes of f16 cache for each token, windows not yet full.
    pub kv_bytes_per_token: f64,
    /// Month of release, `YYYY-MM`.
    pub released: Option<String>,
    /// Licence, as the repository tags it.
    pub license: Option<String>,
    /// Repository on Hugging Face.
    pub hf_repo: Option<String>,
    /// Where its figures were read, as addresses or citations.
    pub sources: Vec<String>,
    /// What was recalled rather than read, in words.
    pub unverified: Option<String>,
}

/// How one thing runs on the picked machine, in a line of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The verdict, with the wanted speed taken in.
    pub verdict: chart::Verdict,
    /// Decode speed in tokens a second; `None` where it does not run.
    pub decode_tps: Option<Range>,
    /// Time to the first token, in milliseconds; `None` where it does not run.
    pub ttft_ms: Option<Range>,
    /// Memory by part.
    pub footprint_gib: FootprintGib,
}

impl Outcome {
    /// Where it lies, as answers spell it: how fast it must be is for a page to judge.
    #[must_use]
    pub fn placement(&self) -> data::answer::Verdict {
        match self.verdict {
            chart::Verdict::Runs | chart::Verdict::Slow => data::answer::Verdict::Whole,
            chart::Verdict::Offloaded => data::answer::Verdict::Offloaded,
            chart::Verdict::TooBig => data::answer::Verdict::TooBig,
        }
    }
}

/// One quantisation of a model on the picked machine.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Bits per weight, as measured on files.
    pub bits_per_weight: f64,
    /// Size of the weights, in GiB.
    pub weights_gib: f64,
    /// What it loses, in words.
    pub loss: String,
    /// How it runs on the picked machine.
    pub outcome: Outcome,
    /// What its speed rests on.
    pub evidence: EvidenceByFigure,
}

/// A model's page.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelView {
    /// The model.
    pub model: ModelNote,
    /// Its facts.
    pub facts: ModelFacts,
    /// What was asked for.
    pub wanted: Wanted,
    /// The quantisation that was asked for, by name; empty where each machine gets its best.
    pub quant: String,
    /// How many machines pass the filters, and how many of them run the model.
    pub counts: (usize, usize),
    /// One card for each machine of this page, in the order asked for.
    pub cards: Vec<Card>,
    /// Which page of the list this is.
    pub pages: Pages,
    /// The picked machine.
    pub machine: Option<MachineNote>,
    /// Its quantisations, best first.
    pub quants: Vec<QuantLine>,
    /// Speed against context on the picked machine.
    pub curves: Vec<Curve>,
    /// The longest context at which the first curve fits whole, in tokens.
    pub longest_context: Option<u32>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A device's page: its facts, and what runs on it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceView {
    /// The device.
    pub device: DeviceNote,
    /// Memory sizes that it is sold with, in GiB; empty where the user says.
    pub memory_sizes_gib: Vec<f64>,
    /// What the memory is.
    pub memory_kind: Option<String>,
    /// Dense f16 compute, in 10¹² operations a second.
    pub compute_f16_tflops: Option<f64>,
    /// Stock power limit, in watts.
    pub power_w: Option<u32>,
    /// Year of release.
    pub release_year: Option<u16>,
    /// Where its figures were read, as addresses or citations.
    pub sources: Vec<String>,
    /// What was recalled rather than read, in words.
    pub unverified: Option<String>,
    /// What runs on it.
    pub models: HomeView,
}

/// One column of the comparison, as it was asked for and as it was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its number in the query, from 1.
    pub number: usize,
    /// Name of the machine.
    pub machine: String,
    /// Name of the model.
    pub model: String,
    /// Name of the quantisation.
    pub quant: String,
    /// The estimate; `None` where the setup is not complete or could not be read.
    pub answer: Option<Answer>,
    /// Whether it reaches the wanted speed.
    pub fast_enough: bool,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Setups side by side. Setup `n` (from 1) is asked for as `hardware{n}`, `model{n}`, `quant{n}`, and any parameter of its own
/// likewise.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareView {
    /// The setups, at most six.
    pub columns: Vec<Column>,
    /// Speed against context for each, in the same order.
    pub curves: Vec<Curve>,
}

/// Most setups in one comparison.
pub const MOST_SETUPS: usize = 6;
