//! The questions asked the other way round: what would fit, what would it take.

use crate::constants::Constants;
use crate::placement::Room;
use crate::setup::Setup;

/// Whether the setup lies whole on its devices.
fn whole(setup: &Setup, constants: &Constants) -> bool {
    Room::of(setup, constants).fits_whole()
}

/// The largest `n` in `1..=most` for which `holds`, given that it holds for all smaller ones.
fn largest(most: u32, holds: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
    if most == 0 || !holds(1) {
        return None;
    }
    if holds(most) {
        return Some(most);
    }
    let (mut good, mut bad) = (1, most);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if holds(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

/// The longest context, up to the model's own, with which it lies whole on the devices; `None` when none does.
#[must_use]
pub fn longest_context(setup: &Setup, constants: &Constants) -> Option<u32> {
    let mut longer = *setup;
    largest(setup.model.native_context, &mut |tokens| {
        longer.workload.context_tokens = tokens;
        longer.workload.prompt_tokens = tokens;
        whole(&longer, constants)
    })
}

/// The most streams, up to `most`, with which it lies whole on the devices; `None` when not even one does.
#[must_use]
pub fn most_streams(setup: &Setup, constants: &Constants, most: u32) -> Option<u32> {
    let mut wider = *setup;
    largest(most, &mut |streams| {
        wider.workload.streams = streams;
        whole(&wider, constants)
    })
}

/// What bandwidth can do for a speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Needed {
    /// This much on the device that has most of it, in GB/s, and on others in proportion.
    Bandwidth(f64),
    /// None is enough: fixed costs, arithmetic or RAM alone let it answer at this many tokens a second at most.
    Never(f64),
}

/// The bandwidth in GB/s with which a device of `bandwidth_gb_s` would answer at `decode_tps` a stream.
///
/// `speed_at` says how fast it is at so many times its bandwidth. That is the caller's to say, since constants depend on the
/// bandwidth too: a processor's arithmetic stays where it was when its memory gets faster. `None` when it does not run.
#[must_use]
pub fn bandwidth_for(
    bandwidth_gb_s: f64,
    decode_tps: f64,
    speed_at: &mut dyn FnMut(f64) -> Option<f64>,
) -> Option<Needed> {
    let most = speed_at(LIMIT)?;
    if most < decode_tps {
        return Some(Needed::Never(most));
    }
    // The time of a token is a fixed part and bytes over bandwidth, in pieces: over 1 / bandwidth it is nearly a straight line,
    // so that the place where a line meets the wanted time is mostly the place itself. Speed never falls with bandwidth.
    let target = 1.0 / decode_tps;
    let mut fast = (1.0 / LIMIT, 1.0 / most - target);
    let mut slow = (LIMIT, 1.0 / speed_at(1.0 / LIMIT)? - target);
    if slow.1 <= 0.0 {
        return Some(Needed::Bandwidth(bandwidth_gb_s / LIMIT));
    }
    for turn in 0.. {
        let width = slow.0 / fast.0;
        if width <= 1.0 + PRECISION {
            break;
        }
        let met = fast.0 - fast.1 * (slow.0 - fast.0) / (slow.1 - fast.1);
        // A little beside the end that it lies at, so that both ends close in; and halving, where pieces mislead the line.
        let beside = 1.0 + PRECISION / 3.0;
        let at = match turn % 4 {
            3 => fast.0 * libm::sqrt(width),
            _ => met.clamp(fast.0 * beside, slow.0 / beside),
        };
        let late = 1.0 / speed_at(1.0 / at)? - target;
        *(if late > 0.0 { &mut slow } else { &mut fast }) = (at, late);
    }
    Some(Needed::Bandwidth(bandwidth_gb_s / fast.0))
}

/// How near the bandwidth that is told comes to the least that is enough, as a share.
const PRECISION: f64 = 1e-6;

/// How far from its own bandwidth a machine is imagined, at most.
const LIMIT: f64 = 1e4;
