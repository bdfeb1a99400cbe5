//! The answer: speeds as ranges, where the model lies, and what binds.

use crate::constants::{Constants, Spread};
use crate::decode::{self, StepTime};
use crate::placement::{Footprint, Placement, Room, Spill};
use crate::prefill;
use crate::setup::Setup;
use crate::units::MS;

/// A quantity with its 90 % range, `low ≤ mid ≤ high`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Range {
    /// The low end.
    pub low: f64,
    /// The middle.
    pub mid: f64,
    /// The high end.
    pub high: f64,
}

impl Range {
    /// Speed from seconds for each unit of work, within a roofline.
    fn of_speed(mid: f64, spread: Spread, roofline: f64) -> Range {
        let mid = mid.min(roofline);
        Range { low: mid * libm::exp(-spread.down), mid, high: (mid * libm::exp(spread.up)).min(roofline) }
    }

    /// The same range in other units.
    #[must_use]
    pub fn times(self, factor: f64) -> Range {
        Range { low: self.low * factor, mid: self.mid * factor, high: self.high * factor }
    }
}

/// What a decode step's time mostly goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Bound {
    /// Reading weights.
    Bandwidth,
    /// Reading the cache.
    KvCache,
    /// Fixed costs.
    Overhead,
    /// Arithmetic.
    Compute,
    /// Reading RAM.
    HostRam,
    /// Exchange between devices.
    Link,
}

impl Bound {
    fn of(step: &StepTime) -> Bound {
        let parts = [
            (Bound::Bandwidth, step.weights_s),
            (Bound::KvCache, step.cache_s),
            (Bound::Overhead, step.overhead_s),
            (Bound::Compute, step.compute_s),
            (Bound::HostRam, step.host_s),
            (Bound::Link, step.link_s),
        ];
        let mut most = parts[0];
        for part in parts {
            if part.1 > most.1 {
                most = part;
            }
        }
        most.0
    }
}

/// Speeds of a setup that runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speeds {
    /// Tokens a second while answering, each stream.
    pub decode_tps: Range,
    /// Tokens a second while answering, all streams together.
    pub aggregate_tps: Range,
    /// Prompt tokens a second.
    pub prefill_tps: Range,
    /// Milliseconds from the prompt to the first token, for a prompt that arrives alone.
    pub ttft_ms: Range,
    /// What a decode step's time mostly goes to.
    pub bound_by: Bound,
    /// Where the time of one decode step goes.
    pub step: StepTime,
}

/// The answer to one [`Setup`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Where the model lies.
    pub placement: Placement,
    /// Memory by part, in bytes.
    pub footprint: Footprint,
    /// Speeds, unless it is too big.
    pub speeds: Option<Speeds>,
}

/// How fast, and whether at all.
#[must_use]
pub fn estimate(setup: &Setup, constants: &Constants) -> Estimate {
    let room = Room::of(setup, constants);
    let mut footprint = room.footprint;
    let (placement, spill) = place(setup, &room, constants);
    if placement == Placement::TooBig {
        return Estimate { placement, footprint, speeds: None };
    }
    footprint.host = spill.map_or(0.0, |spill| room.spilled_bytes(spill));
    Estimate { placement, footprint, speeds: Some(speeds(setup, &room, spill, constants)) }
}

/// Speeds that no software can pass: all bytes at peak bandwidth, all arithmetic at peak compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rooflines {
    /// Decode, tokens a second and stream.
    pub decode_tps: f64,
    /// Prefill, tokens a second.
    pub prefill_tps: f64,
}

/// The rooflines of a setup as it is placed, unless it is too big.
#[must_use]
pub fn rooflines(setup: &Setup, constants: &Constants) -> Option<Rooflines> {
    let room = Room::of(setup, constants);
    let (placement, spill) = place(setup, &room, constants);
    let shares = room.shares.as_slice();
    (placement != Placement::TooBig).then(|| Rooflines {
        decode_tps: 1.0 / decode::roofline_s(setup, shares, spill),
        prefill_tps: setup.workload.new_tokens() / prefill::roofline_s(setup, shares),
    })
}

/// Whole where it fits; else the faster of the ways to leave part of it in RAM.
fn place(setup: &Setup, room: &Room, constants: &Constants) -> (Placement, Option<Spill>) {
    if room.fits_whole() {
        return (Placement::Whole, None);
    }
    let seconds =
        |spill: Spill| decode::step(setup, room.shares.as_slice(), Some(spill), constants).total_s();
    let best = match (room.by_layer(), room.by_experts()) {
        (Some(layers), Some(experts)) if seconds(experts) <= seconds(layers) => Some(experts),
        (Some(layers), _) => Some(layers),
        (None, experts) => experts,
    };
    (best.map_or(Placement::TooBig, Placement::Offloaded), best)
}

/// Speeds with a given part in RAM.
fn speeds(setup: &Setup, room: &Room, spill: Option<Spill>, constants: &Constants) -> Speeds {
    let shares = room.shares.as_slice();
    let streams = setup.workload.parallel();
    let step = decode::step(setup, shares, spill, constants);
    let first = &constants.devices[0];
    let mut shared = Spread::NONE;
    if spill.is_some() {
        shared = shared.and(constants.offload.spread);
    }
    if setup.machine.devices().len() > 1 {
        shared = shared.and(constants.exchange.spread);
    }
    let mut decode_spread = first.decode.spread.and(shared);
    if setup.workload.streams > 1 {
        decode_spread = decode_spread.and(first.decode.streams_spread);
    }
    let decode_tps =
        Range::of_speed(1.0 / step.total_s(), decode_spread, 1.0 / decode::roofline_s(setup, shares, spill));

    let new = setup.workload.new_tokens();
    let prompt_s = prefill::prompt_s(setup, shares, room.overflow_bytes(), constants);
    let prefill_tps = Range::of_speed(
        new / prompt_s,
        first.prefill.spread.and(shared),
        new / prefill::roofline_s(setup, shares),
    );
    let ttft = |tps: f64| (new / tps + first.decode.step_overhead_s) * MS;
    Speeds {
        decode_tps,
        aggregate_tps: decode_tps.times(streams),
        prefill_tps,
        ttft_ms: Range {
            low: ttft(prefill_tps.high),
            mid: ttft(prefill_tps.mid),
            high: ttft(prefill_tps.low),
        },
        bound_by: Bound::of(&step),
        step,
    }
}
