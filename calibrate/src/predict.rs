//! What fitted parts say about an observation, in logs.

use data::constants::{Figure, Fitted, Group, Part, Term};

use crate::clean::Reason;
use crate::extra::{
    Parts, apart_seconds, device_seconds, exchange_work, further_as_prompts_s, in_turn_s, part_of,
    processors_inverse, prompt_seconds, prompt_share_s, streams_work,
};
use crate::features::{Rates, host_load};
use crate::observation::{Metric, Observation};
use estimator::prefill;
use estimator::units::GB;

const MS: f64 = 1e-3;

/// A prediction of one row's speed, in natural logs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogRange {
    /// The middle.
    pub middle: f64,
    /// The low end of the 90 % interval.
    pub low: f64,
    /// The high end.
    pub high: f64,
}

/// Fitted parts, by figure.
pub struct Predictor {
    decode: Parts,
    prefill: Parts,
    streams: Parts,
    offload: Part,
    exchange: Part,
}

/// Distances of an interval's ends from its middle, independent causes added in squares.
#[derive(Clone, Copy)]
struct Ends {
    low: f64,
    high: f64,
}

impl Ends {
    fn of(part: &Part, group: Group, variance: f64) -> Self {
        let spread = part.spread(group, variance);
        Ends { low: spread.down, high: spread.up }
    }

    fn and(self, other: Ends) -> Ends {
        Ends { low: libm::hypot(self.low, other.low), high: libm::hypot(self.high, other.high) }
    }
}

impl Predictor {
    /// A predictor of all figures; `None` where a figure has no fit for all devices together.
    #[must_use]
    pub fn new(fitted: &Fitted) -> Option<Self> {
        let of = |figure| -> Parts {
            let own = fitted.parts.iter().filter(|part| part.figure == figure);
            own.map(|part| (part.group, part.clone())).collect()
        };
        let any = |figure| fitted.part(figure, Group::Any).cloned();
        let predictor = Predictor {
            decode: of(Figure::Decode),
            prefill: of(Figure::Prefill),
            streams: of(Figure::Streams),
            offload: any(Figure::Offload)?,
            exchange: any(Figure::Exchange)?,
        };
        let complete = [&predictor.decode, &predictor.prefill, &predictor.streams];
        complete.iter().all(|parts| parts.contains_key(&Group::Any)).then_some(predictor)
    }

    /// The speed that the row would state: all streams together, prompt included where it says so.
    #[must_use]
    pub fn predict(&self, row: &Observation) -> LogRange {
        let (seconds, ends) = match row.metric {
            Metric::Decode => self.decode_seconds(row),
            Metric::Prefill => {
                let (prompt_s, ends) = self.prompt_seconds(row);
                (prompt_s / row.setup.workload.new_tokens(), ends)
            }
        };
        let seconds = match row.metric {
            Metric::Decode => seconds + prompt_share_s(&self.prefill, row),
            Metric::Prefill => seconds,
        };
        let tokens = if row.metric == Metric::Decode { row.streams } else { 1.0 };
        let middle = libm::log(tokens / seconds);
        LogRange { middle, low: middle - ends.low, high: middle + ends.high }
    }

    /// Seconds of one step of all streams.
    fn decode_seconds(&self, row: &Observation) -> (f64, Ends) {
        let part = part_of(&self.decode, row);
        let mut ends = Ends::of(part, row.group(), part.effects_of(&row.facts()).variance);
        let mut seconds = apart_seconds(part, row);
        if row.streams > 1.0 {
            let streams = part_of(&self.streams, row);
            let effects = streams.effects_of(&row.facts());
            let further: f64 = streams
                .terms
                .iter()
                .map(|(term, constant)| constant * effects.slower(*term) * streams_work(row, *term))
                .sum();
            let further = further + further_as_prompts_s(&self.prefill, row);
            seconds = (seconds + further).min(in_turn_s(&self.decode, row).max(seconds));
            ends = ends.and(Ends::of(streams, row.group(), effects.variance));
        }
        if row.has(Reason::PartialOffload) || row.has(Reason::ExceedsMemory) {
            let (bytes, crossings) = spilled(row);
            let ram = row.offload.host_bandwidth_gb_s.unwrap_or(row.setup.machine.host.bandwidth_gb_s) * GB;
            let effects = self.offload.effects_of(&row.facts());
            let host = (processors_inverse(&self.decode) + self.offload.term(Term::Host)) * bytes / ram
                + self.offload.term(Term::Crossing) * crossings * MS;
            let alone = apart_seconds(part, row);
            seconds += (device_seconds(&self.decode, row, bytes) + host) * libm::exp(-effects.value) - alone;
            ends = ends.and(Ends::of(&self.offload, row.group(), effects.variance));
        }
        if row.devices > 1.0 {
            seconds += self.exchange_seconds(row, 1.0, row.streams);
            ends = ends.and(Ends::of(
                &self.exchange,
                row.group(),
                self.exchange.effects_of(&row.facts()).variance,
            ));
        }
        (seconds, ends)
    }

    /// Seconds in which several devices exchange what they worked out.
    fn exchange_seconds(&self, row: &Observation, passes: f64, tokens: f64) -> f64 {
        let terms = self.exchange.terms.iter();
        terms.map(|(term, constant)| constant * exchange_work(row, *term, passes, tokens)).sum()
    }

    /// Seconds of the whole prompt.
    fn prompt_seconds(&self, row: &Observation) -> (f64, Ends) {
        let part = part_of(&self.prefill, row);
        let effects = part.effects_of(&row.facts());
        let mut seconds = prompt_seconds(part, row, Rates::of(part));
        if row.devices > 1.0 {
            let passes = prefill::Load::of(&row.setup, row.micro_batch).batches;
            seconds += self.exchange_seconds(row, passes, row.setup.workload.new_tokens());
        }
        (seconds, Ends::of(part, row.group(), effects.variance))
    }
}

/// Bytes that a step reads from RAM: as stated, else what does not fit the card.
fn spilled(row: &Observation) -> (f64, f64) {
    let (bytes, crossings) = host_load(row);
    if bytes > 0.0 {
        return (bytes, crossings);
    }
    let gib = estimator::units::GIB;
    let weights = &row.setup.weights;
    let held = weights.total_bytes() - weights.embedding_bytes;
    let over = held - row.device.memory_gib.unwrap_or(f64::INFINITY) * row.devices * gib * 0.9;
    let load = estimator::decode::Load::of(&row.setup);
    let read = load.layer_bytes + load.routed_bytes;
    ((over / held).clamp(0.0, 1.0) * read, 1.0)
}
